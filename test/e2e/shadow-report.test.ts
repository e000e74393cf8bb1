// The verdict on shadows beside a real Envoy: a clean one passes and a bad one fails by `serin report`, one user's many
// mismatches fail none that samples users, and `serin advance` begins a release once its shadow passes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { ENVOY_VERSION, waitUntil } from "../../tools/envoy/index.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { runCli, temporaryFolder } from "../support/cli.ts";
import { planted, sendEach, settledCounts, startStage, type Sent, type Stage } from "./shadow-stage.ts";

const COPIES = 3_500;
const USERS = 4_500;
/** One in so many copies of the bad shadow differs. */
const EVERY = 100;

const shadow = (path: string, more = ""): string =>
  `{ match: [{ path: { value: ${path} } }], percent: 100, cluster: shadow, timeout: 20s, ${more}budget: { perSecond: 100000, inFlight: 1000 } }`;

const POLICY = `identity: [{ cookie: uid }]
shadows:
  clean: ${shadow("/clean")}
  bad: ${shadow("/bad")}
  people: ${shadow("/people", "sample: identity, ")}
rollouts:
  checkout:
    default: stable
    variants:
      stable: {}
      canary: { ramp: { steps: [1, 50], every: 1h, after: { shadow: clean } } }
`;

interface ShadowJson {
  readonly verdict: string | null;
  readonly by: string;
  readonly reasons: readonly string[];
  readonly mismatch: { readonly count: number; readonly of: number };
  readonly copies: { readonly compared: number };
}

describe(`the verdict on shadows, Envoy ${ENVOY_VERSION}`, () => {
  const folder = temporaryFolder();
  const file = folder.write("policy.yaml", POLICY);
  let stage: Stage;

  before(async () => {
    const { json } = readPolicySource(file, readFileSync(file));
    const policy = Buffer.from(json as Uint8Array).toString("utf8");
    stage = await startStage({ version: ENVOY_VERSION, policy, concurrency: 2 });
  });
  after(() => stage.stop());

  const report = async (): Promise<{
    status: number | null;
    shadows: Readonly<Record<string, ShadowJson>>;
  }> => {
    const { status, stdout } = await runCli(["report", "--admin", stage.admin.url, "--json"]);
    return { status, shadows: JSON.parse(stdout).shadows };
  };
  const advance = (): ReturnType<typeof runCli> => runCli(["advance", file, "--admin", stage.admin.url]);

  test("a release waits while its shadow has no copies", async () => {
    const { status, stdout } = await advance();
    assert.equal(status, 3, stdout);
    assert.match(
      stdout,
      /checkout\/canary: waits: not begun; shadow clean has not passed yet: left out: no copy was sent/,
    );
    assert.equal(readFileSync(file, "utf8"), POLICY);
  });

  test("a clean shadow passes, one with 1% of mismatches fails", async () => {
    const all: Sent[] = [
      ...Array.from({ length: COPIES }, (_, i) => ({ path: `/clean/${i}` })),
      ...Array.from({ length: COPIES }, (_, i) => ({
        path: i % EVERY === 0 ? planted(`/bad/${i}`, { "shadow-status": 500 }) : `/bad/${i}`,
      })),
    ];
    await sendEach(stage.port, all);
    const [clean, bad] = [
      await settledCounts(stage.admin, "clean", COPIES),
      await settledCounts(stage.admin, "bad", COPIES),
    ];
    assert.deepEqual([clean["match"], bad["mismatch_status"]], [COPIES, COPIES / EVERY]);
    const { status, shadows } = await report();
    assert.equal(status, 1);
    assert.deepEqual([shadows["clean"]?.verdict, shadows["clean"]?.by], ["pass", "copies"]);
    assert.deepEqual([shadows["bad"]?.verdict, shadows["bad"]?.mismatch.count], ["fail", COPIES / EVERY]);
  });

  test("and the release begins", async () => {
    const { status, stdout } = await advance();
    assert.equal(status, 0, stdout);
    assert.match(stdout, /checkout\/canary: not begun -> 1%: the first step: shadow clean passes/);
    assert.match(readFileSync(file, "utf8"), /percent: 1\b/);
  });

  test("of a sample of users each counts once: one with 200 mismatches is no fail", async () => {
    const users = async (): Promise<number> => (await report()).shadows["people"]?.mismatch.of ?? 0;
    // An evidence period begins some seconds after its policy is loaded.
    await waitUntil("a period", 20_000, async () => {
      const stats = await stage.admin.stats("serin\\.shadow\\.people\\.evidence_period$");
      return [...stats.values()].some((period) => period > 0);
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const get = (user: string, path: string): Sent => ({ path, headers: { cookie: `uid=${user}` } });
    await sendEach(stage.port, [
      ...Array.from({ length: USERS }, (_, i) => get(`u${i}`, `/people/${i}`)),
      ...Array.from({ length: 200 }, (_, i) => get("u7", planted(`/people/${i}`, { "shadow-status": 500 }))),
    ]);
    const counts = await settledCounts(stage.admin, "people", USERS + 200);
    assert.equal(counts["mismatch_status"], 200);
    await waitUntil("all users", 10_000, async () => (await users()) > USERS * 0.97);
    const { shadows } = await report();
    const people = shadows["people"] as ShadowJson;
    assert.deepEqual(
      [people.by, people.verdict, people.mismatch.count],
      // By copies it would be 4%. One of so many users is neither shown to be too many nor to be few enough.
      ["users", "inconclusive", 1],
      people.reasons.join("\n"),
    );
    // As far as users who share a bit can be told apart.
    assert.ok(Math.abs(people.mismatch.of - USERS) < USERS * 0.03, String(people.mismatch.of));
    assert.equal(people.copies.compared, USERS + 200);
  });
});
