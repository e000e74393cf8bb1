// `serin advance` and goals: what holds a step, what takes it back, and what is said.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { readFileSync } from "node:fs";
import { runCli, temporaryFolder, type Outcome } from "../support/cli.ts";
import { startFakeAdmin, type FakeServer } from "../support/fake-admin.ts";

const folder = temporaryFolder();
const servers: FakeServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const NOW = Math.floor(Date.now() / 1000);

/** 20,000 users of the canary and four times as many of the control group, of whom so many have ordered. */
async function advance(
  orders: { readonly canary: number; readonly control: number },
  ramp = "goals: [orders]",
): Promise<Outcome & { readonly percent: string }> {
  const file = folder.write(
    "policy.yaml",
    `identity: [{ cookie: uid }]
goals:
  orders: { match: [{ method: POST, path: { type: Exact, value: /orders } }], status: [2xx, 303] }
rollouts:
  checkout:
    default: stable
    slow: [250ms]
    variants:
      stable: {}
      canary:
        percent: 5
        ramp: { steps: [1, 5, 25, 100], every: 30m, ${ramp} }
`,
  );
  const side = (name: string, users: number, reached: number): [string, number][] => [
    [`${name}.users`, users],
    [`${name}.users_error`, users / 100],
    [`${name}.users_ok`, users],
    [`${name}.users_3xx`, 0],
    [`${name}.users_4xx`, users / 50],
    [`${name}.users_slow.250`, users / 20],
    [`${name}.users_goal.orders`, reached],
  ];
  const values = [
    ...side("canary", 20_000, orders.canary),
    ...side("control", 80_000, orders.control),
    ["canary.share", 5000],
    ["stable.share", 95_000],
    ["control.share", 20_000],
    ["canary.rq_total", 20_000],
    ["stable.rq_total", 380_000],
    ["evidence_period", 1],
    ["evidence_began", NOW - 3600],
    ["shares_began", NOW - 3600],
    ["evidence_bits", 0],
  ] as const;
  const admin = await startFakeAdmin({
    values: Object.fromEntries(values.map(([name, value]) => [`serin.rollout.checkout.${name}`, value])),
    policy: { rollouts: { checkout: { default: "stable", variants: { stable: {} } } } },
  });
  servers.push(admin);
  const done = await runCli(["advance", file, "--admin", admin.url]);
  const [, percent = ""] = /percent: ([\d.]+)/.exec(readFileSync(file, "utf8")) ?? [];
  return { ...done, percent };
}

test("a goal of the ramp that is shown to be within the limit lets it take the step, and is named", async () => {
  const { status, stdout, percent } = await advance({ canary: 1000, control: 4000 });
  assert.match(
    stdout,
    /^checkout\/canary: 5% -> 25%: errors, 4xx and latency within the limit \(2× the baseline's\), orders \(0\.5×\) after 60 min\n/,
  );
  assert.deepEqual([status, percent], [0, "25"]);
});

test("one of which too little is known holds it, with what it takes", async () => {
  const { status, stdout, percent } = await advance({ canary: 5, control: 20 });
  assert.match(
    stdout,
    /^checkout\/canary: stays at 5%: orders: 5 of 20,000 users \(0\.025%\) vs 0\.025%: 1× \(99% CI [\d.]+× to [\d.]+×\), limit 0\.5×: a decrease below the 0\.5× limit cannot be ruled out yet\n {2}at the current rate about [\d,]+ more of its users are needed \(~[\d.]+ (?:min|h)\)\n$/,
  );
  assert.deepEqual([status, percent], [3, "5"]);
});

test("one that nobody reaches holds it", async () => {
  const { stdout, percent } = await advance({ canary: 0, control: 0 });
  assert.match(stdout, /^checkout\/canary: stays at 5%: orders: no user has reached it yet\n$/);
  assert.equal(percent, "5");
});

test("a goal that the ramp does not name does not hold it", async () => {
  const { percent } = await advance({ canary: 5, control: 20 }, "paused: false");
  assert.equal(percent, "25");
});

test("any goal that significantly fewer users reach takes the canary back", async () => {
  for (const ramp of ["goals: [orders]", "paused: false"]) {
    const { status, stdout, percent } = await advance({ canary: 700, control: 4000 }, ramp);
    assert.match(
      stdout,
      /^checkout\/canary: 5% -> 0%: orders: 700 of 20,000 users \(3\.5%\) vs 5\.0%: 0\.7× \(99% CI 0\.\d+× to 0\.\d+×\): significantly fewer users reach it\n/,
    );
    assert.deepEqual([status, percent], [1, "0"]);
  }
});
