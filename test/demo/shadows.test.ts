// Shadows in the demo: what is planted is what has to be found, each disagreement is named, and the lines are calm.

import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";

import pc from "picocolors";

import { answerCheckout, answerNextCheckout, ReceivedByShadow } from "../../tools/demo/checkout.ts";
import { NO_COUNTS } from "../../tools/demo/envoy-counts.ts";
import { EnvoyLog, mismatchIn, MismatchPlaces, rollbackIn } from "../../tools/demo/envoy-log.ts";
import { Ledger } from "../../tools/demo/ledger.ts";
import { shadowsOf } from "../../tools/demo/policy-plan.ts";
import { findShadowDisagreements, foundLines } from "../../tools/demo/shadow-agreement.ts";
import { shadowLines } from "../../tools/demo/shadow-table.ts";
import type { Figures } from "../../tools/demo/table.ts";
import { Tally } from "../../tools/demo/tally.ts";
import { countsFrom } from "./envoy-counts.ts";
import { oracleOf, USERS } from "./example-policy.ts";

const PLAIN = pc.createColors(false);
const POLICY = JSON.stringify({
  identity: [{ cookie: "uid" }],
  shadows: {
    next: { match: [{ path: { value: "/checkout" } }], percent: 10, cluster: "checkout-v3" },
  },
});
const ORACLE = oracleOf(POLICY);

/** Of a thousand requests a hundred are copied, fifteen of which differ; a test may change what was counted. */
function figures(changes: Readonly<Record<string, number>> = {}, places = ["/cart/total"]): Figures {
  const tally = new Tally([], ORACLE);
  const ledger = new Ledger();
  for (const user of USERS) {
    for (const path of ["/checkout", "/search"]) {
      tally.begin(user, path);
      ledger.begin(ORACLE.expect(user, path));
      tally.add({ user, path, forged: false, service: "shop", told: new Map(), failure: null });
    }
  }
  const values = new Map(
    Object.entries({ sent: 100, match: 85, mismatch_body: 15, ...changes }).map(([leaf, value]) => [
      `serin.shadow.next.${leaf}`,
      value,
    ]),
  );
  const counts = countsFrom(values, { "serin.shadow.next.rq_time": [[18, 1, 100]] });
  const seen = new MismatchPlaces();
  for (const place of places) seen.add({ shadow: "next", place });
  const shadows = shadowsOf(POLICY);
  return { tally, counts, before: NO_COUNTS, shadows, places: seen, ledger, rollbacks: [] };
}

function received(copies = 100, planted = 15): ReceivedByShadow {
  const all = new ReceivedByShadow();
  for (let at = 0; at < copies; at++) all.count("next", at < planted);
  return all;
}

describe("the checkout", () => {
  it("answers the same JSON in its next version, but for the fault, which some visitors have and which is counted", () => {
    const counted = new ReceivedByShadow();
    let different = 0;
    for (const user of USERS) {
      const headers = { cookie: `uid=${user}`, "x-serin-shadow": "next" };
      const real = { ...(JSON.parse(answerCheckout("shop", headers, "a")) as object), time: "" };
      const next = JSON.parse(answerNextCheckout("shop", headers, "a", counted)) as { cart: object };
      const isPlanted = JSON.stringify(Object.entries(next.cart).sort()) !== JSON.stringify(cartOf(real));
      if (isPlanted) different++;
      else assert.deepEqual({ ...next, time: "" }, real);
    }
    assert.deepEqual(counted.of("next"), { copies: USERS.length, planted: different });
    assert.ok(different > 50 && different < 300, `${different} of a thousand`);
    answerNextCheckout("shop", { cookie: "uid=u-1" }, "a", counted);
    assert.equal(counted.of("next").copies, USERS.length, "asked by hand: no copy");
  });
});

function cartOf(answer: object): [string, unknown][] {
  return Object.entries((answer as { cart: object }).cart).sort();
}

describe("what was planted and what was found", () => {
  it("agree, and say how many", () => {
    assert.deepEqual(findShadowDisagreements(figures(), received()), []);
    assert.deepEqual(foundLines(figures(), received()), [
      "15 of the 15 mismatches planted in next's 100 answers, and no other",
    ]);
  });

  it("agree when copies were too late to be compared", () => {
    const late = { match: 84, mismatch_body: 14, timeout: 2 };
    assert.deepEqual(findShadowDisagreements(figures(late), received()), []);
  });

  const wrong: [
    fault: string,
    changes: Record<string, number>,
    got: ReceivedByShadow,
    places: string[],
    said: RegExp,
  ][] = [
    [
      "a copy without a verdict",
      { match: 84 },
      received(),
      ["/cart/total"],
      /^next: 99 verdicts on 100 copies$/,
    ],
    [
      "a fault that was not found",
      { match: 86, mismatch_body: 14 },
      received(),
      ["/cart/total"],
      /^next: 14 body mismatches, but 15 were planted$/,
    ],
    [
      "a difference too many",
      { match: 84, mismatch_body: 16 },
      received(),
      ["/cart/total"],
      /^next: 16 body mismatches, but 15/,
    ],
    [
      "a status",
      { match: 84, mismatch_status: 1 },
      received(),
      ["/cart/total"],
      /^next: 1 status mismatches, but none was planted$/,
    ],
    [
      "a copy that did not come",
      {},
      received(99),
      ["/cart/total"],
      /^next: Envoy sent 100 copies, the service got 99$/,
    ],
    [
      "a copy twice",
      {},
      received(101),
      ["/cart/total"],
      /^next: Envoy sent 100 copies, the service got 101$/,
    ],
    [
      "a host that is ill",
      { unavailable: 2 },
      received(),
      ["/cart/total"],
      /^next: 2 copies were not sent: no healthy host$/,
    ],
    [
      "a share that was not asked for",
      { over_budget: 60 },
      received(),
      ["/cart/total"],
      /^next: 160 of 1000 requests were sampled, target share 10%$/,
    ],
    [
      "another place",
      {},
      received(),
      ["/cart/total", "/time"],
      /^next: mismatch at \/time, where nothing was planted$/,
    ],
    ["a log without a line", {}, received(), [], /^next: Envoy's log has no position of a mismatch$/],
  ];
  for (const [fault, changes, got, places, said] of wrong) {
    it(`disagree: ${fault}`, () => {
      const found = findShadowDisagreements(figures(changes, places), got);
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", said);
    });
  }
});

describe("the lines of shadows", () => {
  it("show what was asked and seen, and where answers differ", () => {
    const lines = shadowLines(figures({ over_budget: 3, unavailable: 2 }), 80, PLAIN);
    assert.deepEqual(lines.slice(2), [
      " next         10%  10.5%     100      85       15       0      3     19     –",
      "          mismatch at /cart/total (no user sees it); 2 unavailable",
    ]);
  });

  it("fit the terminal, whatever the names and places are", () => {
    const name = "a-name-that-is-as-long-as-a-dns-label-may-be-0123456789-0123456";
    const all = figures();
    const shadows = [...all.shadows, { name, percent: 0.125, drawsRequests: true, isMirror: false }];
    for (const width of [80, 100, 200]) {
      for (const colors of [PLAIN, pc.createColors(true)]) {
        const lines = shadowLines({ ...all, shadows }, width, colors).map(stripVTControlCharacters);
        for (const line of lines) assert.ok(line.length <= width, `${width}: ${line}`);
        assert.equal(lines.length, 5, "two of heading, two of the first, one of the second");
      }
    }
  });

  it("are none without shadows", () => {
    assert.deepEqual(shadowLines({ ...figures(), shadows: [] }, 80, PLAIN), []);
  });
});

describe("Envoy's log", () => {
  const line = (verdict: string, rest = ""): string =>
    `[2026-11-25 17:00:00.000][7][info][wasm] [source/x.cc:1] wasm log serin: {"shadow":{"name":"next","verdict":"${verdict}","request":"GET /checkout","production":200,"answer":500${rest}}}`;

  it("says where a mismatch is", () => {
    const placeOf = (text: string): string[] => mismatchIn(text).map(({ place }) => place);
    assert.deepEqual(placeOf(line("mismatch_body", ',"pointer":"/a/0"')), ["/a/0"]);
    assert.deepEqual(placeOf(line("mismatch_body", ',"pointer":""')), ["the whole answer"]);
    assert.deepEqual(placeOf(line("mismatch_body")), ["the bytes of the body"]);
    assert.deepEqual(placeOf(line("mismatch_status")), ["status 500 instead of 200"]);
    const warning = '{"shadow":{"name":"next","unavailable":"nowhere","message":"no such cluster"}}';
    assert.deepEqual(placeOf(`[warning][wasm] wasm log serin: ${warning}`), []);
    assert.deepEqual(placeOf("[info] something else"), []);
  });

  it("says what a guard has rolled back, and when", () => {
    const guard = (did: string): string =>
      `[2026-11-28 11:24:08.250][7][error][wasm] [source/x.cc:1] wasm log serin: {"rollout":"cart","variant":"canary","guard":"${did}","evidence":1389.2,"control":{"users":844},"message":"…"}`;
    const at = new Date(2026, 10, 28, 11, 24, 8, 250).getTime();
    assert.deepEqual(rollbackIn(guard("rolled back")), [{ rollout: "cart", variant: "canary", at }]);
    assert.deepEqual(rollbackIn(guard("alarm")), []);
    assert.deepEqual(rollbackIn(line("match")), []);
  });

  it("is read as it grows, half a line not before its end", async () => {
    const folder = mkdtempSync(join(tmpdir(), "demo-test-"));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "envoy.log");
    const whole = `${line("mismatch_body", ',"pointer":"/é"')}\n`;
    writeFileSync(path, whole);
    const log = new EnvoyLog(path);
    assert.equal((await log.next()).mismatches.length, 1);
    const bytes = Buffer.from(whole);
    const middle = bytes.indexOf(Buffer.from("é")) + 1;
    appendFileSync(path, bytes.subarray(0, middle));
    const nothing = { mismatches: [], rollbacks: [] };
    assert.deepEqual(await log.next(), nothing);
    appendFileSync(path, bytes.subarray(middle));
    assert.deepEqual(await log.next(), { ...nothing, mismatches: [{ shadow: "next", place: "/é" }] });
    assert.deepEqual(await log.next(), nothing);
  });
});
