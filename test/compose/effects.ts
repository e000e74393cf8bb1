// Purchases whose copies would charge once more, over Envoys with two workers each: the shadow's own calls pass `egress`,
// which answers them in the bank's place and compares them with production's.

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { parse } from "yaml";

import { waitUntil } from "../../tools/envoy/index.ts";
import type { Charge, Entry } from "../upstream/charge.ts";
import { run } from "./command.ts";
import { underPolicy, type ScenePolicy } from "./policy-edit.ts";
import type { Scene } from "./scene.ts";
import { askAll, countsOf, echoOf, type Answer } from "./shop.ts";

/** What the shadow does where production charges 20 once, and how its calls are then counted. */
const KINDS = {
  same: { headers: {}, counts: { total: 1, match: 1 } },
  twice: { headers: { "x-up-shadow-charges": "2" }, counts: { total: 2, match: 1, extra: 1 } },
  "left-out": { headers: { "x-up-shadow-charges": "0" }, counts: { missing: 1 } },
  "other-amount": { headers: { "x-up-shadow-amount": "21" }, counts: { total: 1, mismatch: 1 } },
} as const;
const OF_EACH = 500;
const PURCHASES = OF_EACH * Object.keys(KINDS).length;

const FORGED = {
  "x-serin-shadow": "next.guess",
  baggage: "userId=alice;p=1 , serin-shadow=next.guess,Serin%2Dshadow=x, b=%20",
};
const LEFT = "userId=alice;p=1 , b=%20";

const { shadowSecret } = parse(
  readFileSync(resolve(import.meta.dirname, "../..", "envoy/compose/egress/policy.yaml"), "utf8"),
) as { readonly shadowSecret: string };

type Counts = Record<"total" | "match" | "mismatch" | "missing" | "extra" | "unpaired", number>;

async function effectCounts({ egressAdmin }: Scene): Promise<Counts> {
  const stats = await egressAdmin.stats("^wasmcustom\\.serin\\.effect\\.charge\\.");
  const count = (leaf: string): number => stats.get(`wasmcustom.serin.effect.charge.${leaf}`) ?? 0;
  return {
    ...{ total: count("total"), match: count("match"), mismatch: count("mismatch") },
    ...{ missing: count("missing"), extra: count("extra"), unpaired: count("unpaired") },
  };
}

/** Calls of shadows that wait for production's, or for half a minute. */
async function waitingOf(scene: Scene): Promise<number> {
  const { total, match, mismatch, extra, unpaired } = await effectCounts(scene);
  return total - match - mismatch - extra - unpaired;
}

/** What the bank has written down, whoever sent it. */
async function ledger(scene: Scene): Promise<Entry[]> {
  const lines = (await scene.engine.docker("logs", await scene.container("bank"))).split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Entry);
}

const chargeOf = ({ body }: Entry): Charge => JSON.parse(body) as Charge;

let before: Counts | null = null;

/** Nobody is charged twice or for another amount, whatever the shadow does. */
export async function onlyProductionCharges(scene: Scene): Promise<string> {
  // Those of the scene's own load, which has ended.
  await waitUntil("earlier charges to be judged", 60_000, async () => (await waitingOf(scene)) === 0);
  before = await effectCounts(scene);
  const copyAll = ({ shadows: { next } }: ScenePolicy): void => {
    Object.assign(next, { percent: 100, timeout: "20s" });
    Object.assign(next.budget, { perSecond: 100_000, inFlight: 1_000 });
  };
  return underPolicy(scene, copyAll, () => buyAll(scene));
}

async function buyAll(scene: Scene): Promise<string> {
  const begin = performance.now();
  const sentBefore = await countsOf(scene.admin, "shadow");
  const agent = new Agent({ keepAlive: true });
  const visits = Object.values(KINDS).flatMap(({ headers }) =>
    Array.from({ length: OF_EACH }, () => ({
      ...{ path: "/checkout/pay", method: "POST", agent },
      headers: {
        ...FORGED,
        ...{ "x-canary": "stable", "x-up-latency": "0", "x-up-planted": "0", "content-length": "0" },
        ...headers,
      },
    })),
  );
  let answers: Answer[];
  try {
    answers = await askAll(scene.ports.shop, visits, 16);
  } finally {
    agent.destroy();
  }
  const headersOf = (name: string): (string | null)[] => seen.map((echo) => echo.header(name));
  const seen = answers.map((answer) => {
    assert.equal(answer.status, 200);
    return echoOf(answer);
  });
  const seconds = (performance.now() - begin) / 1000;
  await waitUntil("a verdict on each copy", 60_000, async () => {
    const now = await countsOf(scene.admin, "shadow");
    return now("next.match") - sentBefore("next.match") === PURCHASES;
  });
  const orders = new Set(headersOf("x-request-id").map((id) => id ?? ""));
  assert.equal(orders.size, PURCHASES);
  const charged = (await ledger(scene)).filter((entry) => orders.has(chargeOf(entry).order));
  assert.deepEqual(charged.map((entry) => chargeOf(entry).order).sort(), [...orders].sort());
  assert.deepEqual([...new Set(charged.map((entry) => chargeOf(entry).amount))], [20]);
  assert.deepEqual([...new Set(headersOf("baggage"))], [LEFT], "at production");
  assert.deepEqual([...new Set(charged.map(({ baggage }) => baggage))], [LEFT], "and at the bank");
  assert.deepEqual([...new Set(headersOf("x-serin-shadow"))], [null]);
  return `${Math.round(PURCHASES / seconds)} a second`;
}

/** Marks that are not quite a shadow's, sent to `egress` itself: the bank gets each. */
export async function forgedMarksChangeNothing(scene: Scene): Promise<void> {
  const marks = [
    { "x-serin-shadow": "next" },
    { "x-serin-shadow": `next.${shadowSecret}x` },
    { baggage: "serin-shadow=next.guess" },
    { baggage: `SERIN-SHADOW=next.${shadowSecret}` },
  ];
  const script = `
    for (const headers of ${JSON.stringify(marks)}) {
      const body = JSON.stringify({ order: "forged" });
      const answer = await fetch("http://egress:10010/charges", { method: "POST", headers, body });
      console.log(answer.status, answer.headers.get("x-version"));
    }`;
  const node = ["node", "--input-type=module", "-e", script];
  const said = await scene.engine.docker("exec", await scene.container("production"), ...node);
  assert.deepEqual(
    said.split("\n"),
    marks.map(() => "200 bank"),
  );
  const forged = (await ledger(scene)).filter((entry) => chargeOf(entry).order === "forged");
  assert.deepEqual(
    forged.map(({ baggage }) => baggage),
    marks.map(() => null),
  );
}

/** Half a minute after the last purchase. */
export async function eachChargeIsJudged(scene: Scene): Promise<string> {
  const earlier = before;
  assert.ok(earlier !== null, "the purchases were not made");
  const wanted: Counts = { total: 0, match: 0, mismatch: 0, missing: 0, extra: 0, unpaired: 0 };
  for (const { counts } of Object.values(KINDS)) {
    for (const [leaf, count] of Object.entries(counts)) wanted[leaf as keyof Counts] += count * OF_EACH;
  }
  const verdictsOf = ({ total: _, ...verdicts }: Counts): number =>
    Object.values(verdicts).reduce((sum, count) => sum + count);
  let now: Counts = wanted;
  await waitUntil("all verdicts", 60_000, async () => {
    now = await effectCounts(scene);
    for (const leaf of Object.keys(now) as (keyof Counts)[]) now[leaf] -= earlier[leaf];
    return verdictsOf(now) >= verdictsOf(wanted);
  }).catch(() => undefined);
  assert.deepEqual(now, wanted);
  const { env } = scene.engine;
  const log = await run("docker", ["logs", await scene.container("egress")], { env, withErrors: true });
  assert.match(
    log,
    /"verdict":"mismatch","request":"POST \/charges","id":"[0-9a-f-]{36}","pointer":"\/amount"/,
  );
  for (const verdict of ["extra", "missing"]) assert.ok(log.includes(`"verdict":"${verdict}"`), verdict);
  assert.ok(!log.includes(shadowSecret), "the secret stands in the log");
  return JSON.stringify(now);
}
