// `serin plan` as a process: what it says of each kind of rollout, and its JSON.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { runCli, temporaryFolder } from "../support/cli.ts";

const POLICY = `identity: [{ cookie: uid }]
rollouts:
  checkout:
    default: stable
    variants:
      stable: {}
      canary: { percent: 5, ramp: { steps: [1, 5, 25, 100], every: 30m } }
    guard: {}
  clock:
    default: stable
    variants:
      stable: {}
      canary: { ramp: { steps: [1, 50], every: 10m, start: 2026-12-01T09:00:00Z } }
  search:
    default: a
    variants: { a: {}, b: { percent: 5 } }
  off:
    default: a
    variants: { a: {}, b: { percent: 0 } }
  stopped:
    default: a
    variants: { a: {}, b: { percent: 0, ramp: { steps: [10, 20], every: 1h } } }
  counted:
    default: a
    signals: count
    variants: { a: {}, b: { percent: 5 } }
`;

interface Step {
  readonly percent: number;
  readonly limit: number;
  readonly from: number;
  readonly lasts: number | null;
  readonly at: string | null;
  readonly found: { readonly seconds: number } | null;
  readonly guard: object | null;
  readonly periodHolds: number | null;
  readonly passes: { readonly seconds: number; readonly limitShown: number | null } | null;
}

interface Planned {
  readonly variants: Readonly<
    Record<string, { readonly ramp: string | null; readonly steps: readonly Step[] }>
  >;
  readonly falseAlarms: { readonly release: number } | null;
}

describe("serin plan", () => {
  const folder = temporaryFolder();
  const file = folder.write("policy.yaml", POLICY);

  it("tells each step of each rollout, and leaves out by name", async () => {
    const { status, stdout, stderr } = await runCli(["plan", file, "--rps", "20"]);
    assert.deepEqual([status, stderr], [0, ""]);
    for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
    assert.match(stdout, /^checkout: canary, ramp by evidence, at least 30 min on a step$/m);
    // Where it is comes first, what it has behind it is not there.
    assert.match(stdout, /^ {2}5% +0 .*2×\n {2}25% .*1\.5×\n {2}100% .*off +– +–$/m);
    assert.match(stdout, /At 100% there is no control group left/);
    assert.match(stdout, /^clock: canary, ramp by the clock, a step each 10 min$/m);
    assert.match(stdout, /^ {2}50% +2026-12-01 09:10 /m);
    assert.match(stdout, /At 1% \(\d+ min\) the clock takes the next step before/);
    assert.match(stdout, /^search: b, no ramp$/m);
    assert.match(stdout, /^stopped: b, ramp by evidence, .*;\s+stopped\s+at 0% now/m);
    assert.match(stdout, /^off: left out, no variant has a share or a ramp$/m);
    assert.match(stdout, /^counted: left out, signals: count counts no errors/m);
    assert.match(stdout, /2, 4\s+and 16 Envoys need 1\.7, 3\.1 and 10 times/);
  });

  it("--json: times in seconds, limits by share, false alarms of the whole fleet", async () => {
    const read = async (...more: string[]): Promise<Readonly<Record<string, Planned>>> => {
      const { status, stdout } = await runCli(["plan", file, "--rps", "20", "--json", ...more]);
      assert.equal(status, 0);
      return (JSON.parse(stdout) as { rollouts: Record<string, Planned> }).rollouts;
    };
    const [one, four] = [await read(), await read("--envoys", "4")];
    const steps = one["checkout"]?.variants["canary"]?.steps ?? [];
    assert.deepEqual(
      steps.map(({ percent, limit }) => [percent, limit]),
      [
        [5, 2],
        [25, 1.5],
        [100, 1.3],
      ],
    );
    const [first, second, last] = steps;
    assert.equal(first?.lasts, Math.max(1800, first?.passes?.seconds ?? 0));
    assert.equal(second?.from, first?.lasts);
    assert.deepEqual([last?.passes, last?.guard, last?.lasts], [null, null, null]);
    assert.equal(one["search"]?.variants["b"]?.steps[0]?.limit, 1.5);
    assert.equal(one["clock"]?.variants["canary"]?.steps[1]?.at, "2026-12-01T09:10:00.000Z");
    const [few, many] = [
      one["checkout"]?.falseAlarms?.release ?? 0,
      four["checkout"]?.falseAlarms?.release ?? 0,
    ];
    // 0.001 × (0.5 × 3 steps + half of the periods that begin because the one before is full + half of the days).
    const full = steps.reduce(
      (sum, { percent, lasts, periodHolds }) =>
        sum + ((lasts ?? 0) * 20 * percent) / 100 / (periodHolds ?? 1),
      0,
    );
    const days = steps.reduce((sum, { lasts }) => sum + (lasts ?? 0), 0) / 86_400;
    assert.ok(Math.abs(few - 0.001 * 0.5 * (3 + full + days)) < 1e-9, String(few));
    assert.ok(many > 4 * 0.0015);
    const passes = (rollouts: typeof one): number =>
      rollouts["search"]?.variants["b"]?.steps[0]?.passes?.seconds ?? 0;
    assert.ok(Math.abs(passes(four) / passes(one) - 3.1) < 1e-9);
  });

  it("counts the periods of a long step that is full again and again, and more alarms than releases", async () => {
    const long = folder.write(
      "long.yaml",
      POLICY.replace("every: 30m", "every: 60d").replace("guard: {}", "guard: { falseAlarm: 0.05 }"),
    );
    const { stdout } = await runCli(["plan", long, "--rps", "20000", "--rollout", "checkout"]);
    const text = stdout.replace(/\s+/g, " ");
    const [, count] =
      /The guard acts on a healthy variant at most ([\d,]+) times in such a release/.exec(text) ?? [];
    assert.ok(Number(count?.replaceAll(",", "")) > 10, text);
    const { stdout: short } = await runCli(["plan", file, "--rps", "20", "--rollout", "checkout"]);
    assert.match(short.replace(/\s+/g, " "), /in at most 0\.\d+% of such releases/);
  });

  it("says what is quicker where there is too little traffic", async () => {
    const { stdout } = await runCli(["plan", file, "--rps", "0.5", "--rollout", "search"]);
    const text = stdout.replace(/\s+/g, " ");
    assert.match(text, /At 5% \(2 days\) it takes long to pass: 0\.5 requests\/s is little traffic/);
    assert.match(text, /Quicker: a share of 10% \(\d+ h\).* or serin report --max-ratio 3/);
    assert.match(text, /it takes long to find a fault of this size/);
  });

  it("prints what docs/compare.md says of one request a second", async () => {
    const rollout = (percent: number): string =>
      `  r${percent}: { default: a, variants: { a: {}, b: { percent: ${percent} } } }\n`;
    const policy = folder.write(
      "one.yaml",
      `identity: [{ cookie: uid }]\nrollouts:\n${rollout(5)}${rollout(50)}`,
    );
    const { stdout } = await runCli(["plan", policy, "--rps", "1", "--error-rate", "1", "--worse", "5"]);
    const found = [...stdout.matchAll(/^ {2}(50?)% +(\d+) min /gm)].map(([, share, minutes]) => [
      share,
      minutes,
    ]);
    const page = readFileSync(new URL("../../docs/compare.md", import.meta.url), "utf8");
    const [, five, half] =
      /it takes (\d+) minutes to find .* of 5%, and (\d+) minutes at 50%/.exec(page) ?? [];
    assert.deepEqual(found, [
      ["5", five],
      ["50", half],
    ]);
  });

  it("names the limit that can be shown where a period does not hold enough users", async () => {
    const { stdout } = await runCli(["plan", file, "--rps", "50", "--requests-per-user", "100"]);
    assert.match(stdout, /never/);
    assert.match(stdout.replace(/\s+/g, " "), /so it is never shown\. The smallest that can be: \d/);
  });

  it("an invalid policy is 1, a missing --rps and an unknown rollout are 2", async () => {
    const bad = await runCli(["plan", "-", "--rps", "1"], { stdin: "rolouts: {}" });
    assert.equal(bad.status, 1);
    assert.match(bad.stderr, /unknown key/);
    const missing = await runCli(["plan", file]);
    assert.equal(missing.status, 2);
    assert.match(missing.stderr, /required option '--rps <N>'/);
    const unknown = await runCli(["plan", file, "--rps", "1", "--rollout", "nope"]);
    assert.deepEqual(
      [unknown.status, unknown.stderr],
      [2, `serin: --rollout "nope": no such rollout in ${file}\n`],
    );
  });

  it("says how long a goal takes, what a ramp waits for, and what to do where that is too long", async () => {
    const goals = folder.write(
      "goals.yaml",
      `identity: [{ cookie: uid }]
goals:
  orders: { match: [{ method: POST, path: { type: Exact, value: /orders } }], status: [2xx, 303] }
rollouts:
  checkout:
    default: stable
    variants:
      stable: {}
      canary: { percent: 5, ramp: { steps: [5, 25, 100], every: 30m, goals: [orders] } }
`,
    );
    const { stdout } = await runCli(["plan", goals, "--rps", "20", "--conversion", "10"]);
    assert.match(
      stdout,
      /A goal is reached by\s+10% of users \(--conversion\); the drop to find: 0\.8× as many\s+\(--fewer\)\./,
    );
    assert.match(
      stdout,
      /^ {2}step +from +fault found in +users hit +passes in +goal drop in +goals in +limit$/m,
    );
    assert.match(stdout, /^ {2}5% .* 68 min +\d+ min +2×$/m);
    // Below the tables the columns are explained, and no others.
    assert.match(stdout, /goals in: until/);
    assert.doesNotMatch(stdout, /guard acts in/);
    const seldom = await runCli(["plan", goals, "--rps", "20", "--conversion", "0.01"]);
    assert.match(
      seldom.stdout.replace(/\s+/g, " "),
      /At 5% and 25% a drop of a goal of this size is not found within one evidence period\. Quicker: a larger share, or a goal that more users reach/,
    );
    assert.match(
      seldom.stdout.replace(/\s+/g, " "),
      /the ramp's goals cannot be shown to be within the limit within one evidence period, so it never goes on\./,
    );
    const { stdout: json } = await runCli(["plan", goals, "--rps", "20", "--conversion", "10", "--json"]);
    const [step] = (
      JSON.parse(json) as {
        rollouts: { checkout: { variants: { canary: { steps: { goal: { found: { users: number } } }[] } } } };
      }
    ).rollouts.checkout.variants.canary.steps;
    assert.ok((step?.goal.found.users ?? 0) > 3000);
  });
});
