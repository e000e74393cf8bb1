// The verdict on shadows beside a real Envoy: a clean one passes and a bad one fails by `serin report`, and
// `serin advance` begins a release once its shadow passes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { ENVOY_VERSION } from "../../tools/envoy/index.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { runCli, temporaryFolder } from "../support/cli.ts";
import { planted, sendEach, settledCounts, startStage, type Sent, type Stage } from "./shadow-stage.ts";

const COPIES = 3_500;
/** One in so many copies of the bad shadow differs. */
const EVERY = 100;

const shadow = (path: string): string =>
  `{ match: [{ path: { value: ${path} } }], percent: 100, cluster: shadow, timeout: 20s, budget: { perSecond: 100000, inFlight: 1000 } }`;

const POLICY = `identity: [{ cookie: uid }]
shadows:
  clean: ${shadow("/clean")}
  bad: ${shadow("/bad")}
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
});
