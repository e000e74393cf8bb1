// `serin advance` and `ramp.after`: a release does not begin before the shadow's verdict is pass.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, test } from "node:test";

import { runCli, temporaryFolder, type Outcome } from "../support/cli.ts";
import { startFakeAdmin, type FakeServer } from "../support/fake-admin.ts";

const folder = temporaryFolder();
const servers: FakeServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** Envoys that count so many copies of the shadow each, and a release that waits for it. */
async function advance(
  envoys: readonly Readonly<Record<string, number>>[],
  percent = "",
): Promise<Outcome & { readonly policy: string }> {
  const file = folder.write(
    "policy.yaml",
    `identity: [{ cookie: uid }]
shadows:
  checkout-v3: { percent: 10, cluster: checkout-v3 }
rollouts:
  checkout:
    default: stable
    variants:
      stable: {}
      canary: { ${percent}ramp: { steps: [1, 5, 25, 100], every: 30m, after: { shadow: checkout-v3 } } }
`,
  );
  const urls = await Promise.all(
    envoys.map(async (counts) => {
      const values = Object.fromEntries([
        ["serin.rollout.checkout.canary.share", 0],
        ["serin.rollout.checkout.stable.share", 100_000],
        ["serin.rollout.checkout.stable.rq_total", 1000],
        ...Object.entries(counts).map(
          ([leaf, count]) => [`serin.shadow.checkout-v3.${leaf}`, count] as const,
        ),
      ] as [string, number][]);
      const server = await startFakeAdmin({ values });
      servers.push(server);
      return server.url;
    }),
  );
  const outcome = await runCli(["advance", file, ...urls.flatMap((url) => ["--admin", url])]);
  return { ...outcome, policy: readFileSync(file, "utf8") };
}

test("it waits while the shadow has not passed, and says how many copies more; several Envoys are added", async () => {
  const { status, stdout, policy } = await advance([
    { sent: 1000, match: 1000 },
    { sent: 500, match: 500 },
  ]);
  assert.equal(status, 3, stdout);
  assert.match(
    stdout,
    /checkout\/canary: waits: not begun; shadow checkout-v3 has not passed yet: mismatches 0% of copies \(0 of 1,500/,
  );
  assert.match(
    stdout,
    /at the current share, about 1,800 more copies are needed until it is shown to be within the limit/,
  );
  assert.doesNotMatch(policy, /percent: 1,/);
});

test("it waits for one that fails, that does not answer, and that nobody counts yet", async () => {
  for (const [counts, why] of [
    [{ sent: 5000, match: 4950, mismatch_body: 50 }, /shadow checkout-v3 fails: mismatches 1% of copies/],
    [
      { sent: 5000, match: 4000, timeout: 1000 },
      /shadow checkout-v3 has not passed yet: not answered 20% of copies/,
    ],
    [{}, /shadow checkout-v3 has not passed yet: it is not counted yet/],
  ] as const) {
    const { status, stdout, policy } = await advance([counts]);
    assert.equal(status, 3, stdout);
    assert.match(stdout, why);
    assert.doesNotMatch(policy, /percent: 1,/);
  }
});

test("once it passes the first step is taken, and says so", async () => {
  const { status, stdout, policy } = await advance([
    { sent: 2000, match: 2000 },
    { sent: 2000, match: 2000 },
  ]);
  assert.equal(status, 0, stdout);
  assert.match(stdout, /checkout\/canary: not begun -> 1%: the first step: shadow checkout-v3 passes\n/);
  assert.match(policy, /percent: 1\b/);
});

test("a release that has begun does not ask again", async () => {
  const { stdout } = await advance([{ sent: 5000, match: 4000, mismatch_body: 1000 }], "percent: 5, ");
  assert.doesNotMatch(stdout, /shadow/);
});
