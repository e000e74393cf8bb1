// `serin advance` and `serin abort` over Envoys and a Prometheus with made-up numbers: what moves, what holds,
// what is said, and with which exit status.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { afterEach, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { advance as runAdvance, type AdvanceCommandOptions } from "../../tools/commands/advance.ts";
import { policyDigest } from "../../tools/policy/digest.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { loadFilter } from "../../tools/policy/filter-module.ts";
import { Advance } from "../../tools/release/advance.ts";
import { readByAdmin } from "../../tools/release/fleet.ts";
import { readDuration } from "../../tools/terminal/arguments.ts";
import { CommandError } from "../../tools/terminal/command-error.ts";
import { colorsOf } from "../../tools/terminal/terminal.ts";
import { startFakeAdmin, type AdminContent, type FakeServer } from "../support/fake-admin.ts";
import { seriesOf, startFakePrometheus } from "../support/fake-prometheus.ts";
import { runCli, temporaryFolder, type Outcome } from "../support/cli.ts";

const folder = temporaryFolder();
const servers: FakeServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const NOW = Math.floor(Date.now() / 1000);

interface Numbers {
  /** Percent that the Envoy serves. */
  readonly percent: number;
  readonly users?: number;
  /** Users with errors of the canary, and of the control group for each user of the canary. */
  readonly errors?: number;
  readonly controlErrors?: number;
  readonly guard?: 0 | 1 | 2;
  /** Seconds since the shares changed. */
  readonly ago?: number;
  readonly rollout?: string;
  readonly epoch?: number;
  readonly digest?: number;
  readonly bits?: number;
}

/** An Envoy's numbers of a rollout with `stable` and `canary`. */
function envoy({
  percent,
  users = 20_000,
  errors = 200,
  controlErrors = 800,
  guard = 0,
  ago = 3600,
  rollout = "checkout",
  epoch = 0,
  digest,
  bits = 0,
}: Numbers): AdminContent {
  const control = Math.min(percent * 4, 100 - percent);
  const began = percent === 0 ? 0 : NOW - ago;
  const side = (name: string, count: number, bad: number): [string, number][] => [
    [`${name}.users`, count],
    [`${name}.users_error`, bad],
    [`${name}.users_ok`, count - bad],
    [`${name}.users_3xx`, 0],
    [`${name}.users_4xx`, Math.round(count * 0.02)],
    [`${name}.users_slow.250`, Math.round(count * 0.05)],
  ];
  const times = percent === 0 ? 0 : control / percent;
  const values = [
    ...side("canary", percent === 0 ? 0 : users, percent === 0 ? 0 : errors),
    ...side("control", users * times, Math.round((controlErrors * times) / 4)),
    ["canary.share", percent * 1000],
    ["stable.share", 100_000 - percent * 1000],
    ["control.share", control * 1000],
    ["canary.guard", guard],
    ["canary.rq_total", users],
    ["stable.rq_total", users * 19],
    ["evidence_period", percent === 0 ? 0 : 1],
    ["evidence_began", began],
    ["shares_began", began],
    // Each request is a user: no bitmap fills.
    ["evidence_bits", bits],
    ["evidence_epoch", epoch],
  ] as const;
  return {
    values: {
      ...Object.fromEntries(values.map(([name, value]) => [`serin.rollout.${rollout}.${name}`, value])),
      ...(digest === undefined ? {} : { "serin.policy.digest": digest }),
    },
    policy: { rollouts: { [rollout]: { default: "stable", variants: { stable: {} }, epoch } } },
  };
}

const GOOD = { percent: 5 };
const BAD = { percent: 5, errors: 1000 };

async function admins(...contents: AdminContent[]): Promise<string[]> {
  const started = await Promise.all(contents.map((content) => startFakeAdmin(content)));
  servers.push(...started);
  return started.flatMap(({ url }) => ["--admin", url]);
}

let files = 0;
function policyFile(canary: string, rest = ""): string {
  return folder.write(
    `policy-${files++}.yaml`,
    `identity: [{ cookie: uid }]
rollouts:
  checkout: # ours
    default: stable
    slow: [250ms]
${rest}    variants:
      stable: {}
      canary:
        # slowly
        ${canary}
`,
  );
}

const RAMP = "ramp: { steps: [1, 5, 25, 100], every: 30m }";
const at = (percent: number, ramp = RAMP): string => `percent: ${percent}\n        ${ramp}`;

/** The command, in this process: it starts some fifty times. */
async function advance(file: string, ...args: string[]): Promise<Outcome & { file: string }> {
  const options: Record<string, unknown> = { ...DEFAULTS, admin: [] };
  for (let i = 0; i < args.length; i++) {
    const name = (args[i] as string).slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    if (typeof DEFAULTS[name] === "boolean") options[name] = true;
    else if (name === "admin") options["admin"] = [...(options["admin"] as string[]), args[++i]];
    else options[name] = name === "interval" ? readDuration(args[++i] as string) : args[++i];
  }
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const output = { stdout: "", stderr: "" };
  stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const plain = colorsOf(stdout);
  const terminal = { stdin: process.stdin, stdout, stderr, colors: plain, errorColors: plain };
  let status: number;
  try {
    status = await runAdvance(file, options as unknown as AdvanceCommandOptions, terminal);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    status = error.exitStatus;
    output.stderr += `serin: ${error.message}\n`;
  }
  await pause(0);
  return { status, ...output, file: readFileSync(file, "utf8") };
}

const DEFAULTS: Readonly<Record<string, unknown>> = {
  ...{ per: "instance", watch: false, untilDone: false, interval: 10, dryRun: false, json: false },
};

function percentIn(text: string): number | null {
  const [, percent] = /percent: ([\d.]+)/.exec(text) ?? [];
  return percent === undefined ? null : Number(percent);
}

describe("serin advance", () => {
  test("begins what has no percent, by one line more", async () => {
    const file = policyFile(RAMP);
    const before = readFileSync(file, "utf8");
    const {
      status,
      stdout,
      stderr,
      file: after,
    } = await advance(file, ...(await admins(envoy({ percent: 0 }))));
    assert.deepEqual([status, stderr], [0, ""]);
    assert.equal(stdout, "checkout/canary: not begun -> 1%: the first step\n");
    assert.equal(after, before.replace("      canary:\n", "      canary:\n        percent: 1\n"));
  });

  test("takes the next step when the evidence shows it within the limit and every has passed", async () => {
    const file = policyFile(at(5));
    const { status, stdout, file: after } = await advance(file, ...(await admins(envoy(GOOD))));
    assert.equal(status, 0);
    assert.match(
      stdout,
      /^checkout\/canary: 5% -> 25%: errors, 4xx and latency within the limit \(2× the baseline's\) after 60 min\n/,
    );
    assert.equal(percentIn(after), 25);
  });

  test("waits until every has passed, from the first Envoy's change of shares on", async () => {
    const file = policyFile(at(5));
    const early = await advance(
      file,
      ...(await admins(envoy({ ...GOOD, ago: 60 }), envoy({ ...GOOD, ago: 600 }))),
    );
    assert.equal(early.status, 3);
    assert.match(early.stdout, /^checkout\/canary: stays at 5%: 1[01] min of 30 min on this step\n/);
    assert.equal(percentIn(early.file), 5);
    const later = await advance(
      file,
      ...(await admins(envoy({ ...GOOD, ago: 60 }), envoy({ ...GOOD, ago: 1900 }))),
    );
    assert.equal(percentIn(later.file), 25);
  });

  test("waits for evidence and says how much it takes", async () => {
    const file = policyFile(at(5));
    const few = envoy({ ...GOOD, users: 200, errors: 2, controlErrors: 8 });
    const { status, stdout } = await advance(file, ...(await admins(few)));
    assert.equal(status, 3);
    assert.match(
      stdout,
      /stays at 5%: errors 1% of users .* cannot be ruled out yet\n {2}at the current rate about [\d,]+ more canary users are needed/,
    );
  });

  test("says so where a step takes more users than a period holds, and which limit it can show", async () => {
    const ramp = "ramp: { steps: [50, 100], every: 30m }";
    const numbers = { percent: 50, users: 2_000, errors: 20, controlErrors: 80 };
    const many = await advance(
      policyFile(at(50, ramp)),
      ...(await admins(envoy({ ...numbers, bits: 65_536 }))),
    );
    assert.match(many.stdout, /at the current rate about [\d,]+ more canary users are needed/);
    // As small as they are where memory is short.
    const few = await advance(
      policyFile(at(50, ramp)),
      ...(await admins(envoy({ ...numbers, bits: 4_096 }))),
    );
    assert.equal(few.status, 3);
    assert.match(
      few.stdout,
      /\n {2}one evidence period holds 4,259 users of canary, and the 1\.3× limit takes more: [\d.]+× is the smallest limit it can show\. Set the next percent by hand/,
    );
  });

  test("goes by the limits of its step: 3 below 5 %, 2 below 25 %, 1.5 below 50 %, 1.3 from there on", async () => {
    // 1.2 times the errors, of so many users that the test alone decides.
    for (const [percent, ratio] of [
      [1, "3"],
      [5, "2"],
      [25, "1.5"],
      [50, "1.3"],
    ] as const) {
      const ramp = "ramp: { steps: [1, 5, 25, 50, 100], every: 30m }";
      const file = policyFile(at(percent, ramp));
      const { stdout } = await advance(
        file,
        ...(await admins(envoy({ percent, users: 60_000, errors: 600, controlErrors: 2400 }))),
      );
      assert.ok(stdout.includes(`within the limit (${ratio}× the baseline's)`), stdout);
    }
  });

  test("goes back to 0 when it is significantly worse, and stays there", async () => {
    const file = policyFile(at(5));
    const bad = await advance(file, ...(await admins(envoy(BAD))));
    assert.equal(bad.status, 1);
    assert.match(
      bad.stdout,
      /^checkout\/canary: 5% -> 0%: errors 5% of users .*significantly more users with errors\n$/,
    );
    assert.equal(percentIn(bad.file), 0);
    const again = await advance(file, ...(await admins(envoy({ percent: 0 }))));
    assert.equal(again.status, 1);
    assert.equal(
      again.stdout,
      "checkout/canary: stopped at 0%; to begin again, set a percent and raise epoch\n",
    );
    assert.equal(again.file, bad.file);
  });

  test("goes back to 0 when the guard of any Envoy has acted, also while another does not answer", async () => {
    const file = policyFile(at(5));
    const urls = await admins(envoy(GOOD), envoy({ ...GOOD, guard: 2 }));
    const {
      status,
      stdout,
      stderr,
      file: after,
    } = await advance(file, ...urls, "--admin", "http://127.0.0.1:9");
    assert.equal(status, 2);
    assert.match(stdout, /^checkout\/canary: 5% -> 0%: the guard has rolled canary back on 1 of 2 Envoys\n$/);
    assert.match(stderr, /^http:\/\/127\.0\.0\.1:9: unreachable: /);
    assert.equal(percentIn(after), 0);
  });

  test("promotes and begins nothing while an Envoy does not answer", async () => {
    for (const canary of [at(5), RAMP]) {
      const file = policyFile(canary);
      const before = readFileSync(file, "utf8");
      const urls = await admins(envoy(canary === RAMP ? { percent: 0 } : GOOD));
      const { status, stdout, file: after } = await advance(file, ...urls, "--admin", "http://127.0.0.1:9");
      assert.equal(status, 2);
      assert.match(stdout, /nothing is promoted while http:\/\/127\.0\.0\.1:9 does not answer/);
      assert.equal(after, before);
    }
  });

  test("promotes nothing while an Envoy serves another percent, or none serves the rollout", async () => {
    const file = policyFile(at(5));
    const behind = await advance(file, ...(await admins(envoy(GOOD), envoy({ percent: 1 }))));
    assert.equal(behind.status, 3);
    assert.match(behind.stdout, /stays at 5%: http:\S+ does not serve this policy yet/);
    const none = await advance(file, ...(await admins({ values: {} })));
    assert.match(none.stdout, /stays at 5%: no Envoy serves this rollout yet/);
    assert.equal(percentIn(none.file), 5);
  });

  test("promotes nothing while an Envoy serves another policy, and brings this one out again", async () => {
    const file = policyFile(at(5));
    const own = policyDigest(Buffer.from(readPolicySource(file, readFileSync(file)).json ?? []).toString());
    const log = `${folder.path}/behind`;
    const command = ["--on-change", `echo "$SERIN_ROLLOUT/$SERIN_REASON" >> ${log}`];
    const urls = await admins(envoy({ ...GOOD, digest: own }), envoy({ ...GOOD, digest: 7 }));
    const behind = await advance(file, ...urls, ...command);
    assert.equal(behind.status, 3);
    assert.match(behind.stdout, /stays at 5%: http:\S+ does not serve this policy yet\n/);
    assert.match(behind.stdout, /^http:\S+: another policy is served than .*policy-\d+\.yaml$/m);
    assert.match(readFileSync(log, "utf8"), /^\/http:\S+: another policy is served than \S+\n$/);
    // Its verdict is of another policy too, but its guard counts.
    const worse = await advance(file, ...(await admins(envoy({ ...BAD, digest: 7 }))));
    assert.equal(percentIn(worse.file), 5);
    const same = await advance(file, ...(await admins(envoy({ ...GOOD, digest: own }))));
    assert.equal(percentIn(same.file), 25);
    const back = await advance(file, ...(await admins(envoy({ ...GOOD, percent: 25, guard: 2, digest: 7 }))));
    assert.equal(percentIn(back.file), 0);
  });

  test("holds where a guard is in alarm, and while it is paused", async () => {
    const alarm = await advance(policyFile(at(5)), ...(await admins(envoy({ ...GOOD, guard: 1 }))));
    assert.equal(alarm.status, 3);
    assert.match(alarm.stdout, /stays at 5%: the guard has given an alarm\n/);
    const paused = RAMP.replace("30m", "30m, paused: true");
    const held = await advance(policyFile(at(5, paused)), ...(await admins(envoy(GOOD))));
    assert.deepEqual([held.status, percentIn(held.file)], [3, 5]);
    assert.match(held.stdout, /stays at 5%: paused: true\n/);
    const bad = await advance(policyFile(at(5, paused)), ...(await admins(envoy(BAD))));
    assert.equal(percentIn(bad.file), 0);
  });

  test("a guard of an epoch that is over stops nothing: the Envoy has not loaded the raised one yet", async () => {
    const file = policyFile(at(5), "    epoch: 2\n");
    const old = await advance(file, ...(await admins(envoy({ ...GOOD, guard: 2, epoch: 1 }))));
    assert.equal(old.status, 3);
    assert.match(old.stdout, /does not serve this policy yet/);
    assert.equal(percentIn(old.file), 5);
    const own = await advance(file, ...(await admins(envoy({ ...GOOD, guard: 2, epoch: 2 }))));
    assert.equal(percentIn(own.file), 0);
    // Nor does one that serves 0 still.
    const stopped = await advance(policyFile(at(5)), ...(await admins(envoy({ percent: 0, guard: 2 }))));
    assert.equal(percentIn(stopped.file), 5);
  });

  test("is finished at the last step, and takes that back too", async () => {
    const ramp = "ramp: { steps: [1, 5], every: 30m }";
    const done = await advance(policyFile(at(5, ramp)), ...(await admins(envoy(GOOD))));
    assert.deepEqual([done.status, done.stdout], [0, "checkout/canary: finished at 5%\n"]);
    const bad = await advance(policyFile(at(5, ramp)), ...(await admins(envoy(BAD))));
    assert.equal(percentIn(bad.file), 0);
  });

  test("writes what a guard has rolled back without a ramp, and disables a ramp by the clock", async () => {
    const plain = await advance(policyFile("percent: 5"), ...(await admins(envoy({ ...GOOD, guard: 2 }))));
    assert.equal(percentIn(plain.file), 0);
    const clock = RAMP.replace("30m", "30m, start: 2026-11-01T00:00:00Z");
    const file = policyFile(clock);
    const {
      status,
      stdout,
      file: after,
    } = await advance(file, ...(await admins(envoy({ ...GOOD, guard: 2 }))));
    assert.equal(status, 1);
    assert.match(stdout, /^checkout\/canary: state: DISABLED: the guard has rolled canary back\n/);
    assert.match(after, /checkout: # ours\n {4}state: DISABLED\n/);
    const again = await advance(file, ...(await admins(envoy({ percent: 0, guard: 2 }))));
    assert.match(again.stdout, /^checkout\/canary: the rollout has state: DISABLED\n/);
    assert.equal(again.file, after);
  });

  test("a change by somebody else between the reading and the writing wins, and is looked at at once", async () => {
    for (const [theirs, ours] of [
      [at(5, RAMP.replace("30m", "30m, paused: true")), 5],
      [at(0), 0],
      [at(1), 1],
    ] as const) {
      const file = policyFile(at(5));
      const read = readByAdmin((await admins(envoy(GOOD))).filter((_, index) => index % 2 === 1));
      const wanted = readFileSync(policyFile(theirs));
      let looks = 0;
      const controller = new Advance(
        { policy: file, dryRun: false },
        loadFilter(),
        async (outline) => {
          if (looks++ === 0) writeFileSync(file, wanted);
          return read(outline);
        },
        null,
      );
      const { actions, notes } = await controller.look();
      assert.deepEqual(readFileSync(file), wanted);
      assert.deepEqual(notes, [
        { text: "the policy was changed by somebody else: it is looked at again", isFault: false },
      ]);
      assert.deepEqual(
        actions.map(({ from, done }) => [from, done]),
        [[ours, false]],
      );
    }
  });

  test("--dry-run changes, publishes and runs nothing", async () => {
    const file = policyFile(at(5));
    const before = readFileSync(file, "utf8");
    const to = `${folder.path}/dry.yaml`;
    const options = ["--dry-run", "--to", to, "--on-change", `touch ${folder.path}/ran`];
    const { stdout, file: after } = await advance(file, ...(await admins(envoy(GOOD))), ...options);
    assert.match(stdout, /^checkout\/canary: would go 5% -> 25%: /);
    assert.equal(after, before);
    assert.throws(() => readFileSync(to));
    assert.throws(() => readFileSync(`${folder.path}/ran`));
  });

  test("--json is one line a look", async () => {
    const { stdout } = await advance(policyFile(at(5)), ...(await admins(envoy(BAD))), "--json");
    const found = JSON.parse(stdout);
    assert.equal(stdout.split("\n").length, 2);
    assert.deepEqual([found.status, found.unreachable, found.notes], [1, [], []]);
    const [variant] = found.variants;
    assert.deepEqual(
      [variant.rollout, variant.variant, variant.action, variant.from, variant.to, variant.changed],
      ["checkout", "canary", "rollback", 5, 0, true],
    );
  });

  test("--to publishes, and --on-change runs with values in its environment alone", async () => {
    const file = policyFile(at(5));
    const to = `${folder.path}/filter.yaml`;
    const log = `${folder.path}/changes`;
    const command = `echo "$SERIN_ROLLOUT $SERIN_VARIANT $SERIN_FROM $SERIN_TO $(basename "$SERIN_POLICY"): $SERIN_REASON" >> ${log}`;
    const { status, stdout } = await advance(
      file,
      ...(await admins(envoy({ ...GOOD, guard: 2 }))),
      "--to",
      to,
      "--on-change",
      command,
    );
    assert.equal(status, 1);
    assert.match(stdout, /filter\.yaml: published .*policy-\d+\.yaml \(\d+ bytes, version sha256-/);
    assert.match(readFileSync(to, "utf8"), /"percent": ?0/);
    const lines = readFileSync(log, "utf8").split("\n");
    // What was run for a change need not be run for the start too: a commit says why, and there is none left to make.
    assert.match(lines[0] ?? "", /^checkout canary 5 0 policy-\d+\.yaml: the guard has rolled canary back$/);
    assert.deepEqual(lines.slice(1), [""]);
    const again = await advance(file, ...(await admins(envoy({ percent: 0 }))), "--on-change", command);
    assert.equal(again.status, 1);
    assert.match(readFileSync(log, "utf8").split("\n")[1] ?? "", /^ {4}policy-\d+\.yaml: start$/);
  });

  test("an Envoy whose plugins serve different policies has no digest: it is judged by its shares", async () => {
    const good = await advance(policyFile(at(5)), ...(await admins(envoy({ ...GOOD, digest: 0 }))));
    assert.deepEqual([good.status, percentIn(good.file), good.stderr], [0, 25, ""]);
    const bad = await advance(policyFile(at(5)), ...(await admins(envoy({ ...BAD, digest: 0 }))));
    assert.equal(percentIn(bad.file), 0);
  });

  test("promotes nothing while an Envoy that answers has not heard of the rollout", async () => {
    const two = await admins(envoy(GOOD), { values: {} });
    const { status, stdout, file } = await advance(policyFile(at(5)), ...two);
    assert.deepEqual([status, percentIn(file)], [3, 5]);
    assert.match(stdout, /stays at 5%: \S+ does not serve this policy yet\n/);
    const first = await advance(policyFile(RAMP), ...(await admins(envoy({ percent: 0 }), { values: {} })));
    assert.match(first.stdout, /waits: not begun; \S+ does not serve this policy yet\n/);
    const bad = await advance(policyFile(at(5)), ...(await admins(envoy(BAD), { values: {} })));
    assert.equal(percentIn(bad.file), 0);
  });

  test("an endpoint that answers what nobody expects keeps no rollback from the others", async () => {
    const odd = createServer((_, response) => response.end("null"));
    await new Promise<void>((resolve) => odd.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(odd.address() as AddressInfo).port}`;
    const outcome = await advance(policyFile(at(5)), ...(await admins(envoy(BAD))), "--admin", url);
    odd.close();
    assert.equal(outcome.status, 2);
    assert.match(outcome.stderr, /unreachable: /);
    assert.equal(percentIn(outcome.file), 0);
  });

  test("a command that fails is said, and run again at the next look", async () => {
    const file = policyFile(at(5));
    const mark = `${folder.path}/second`;
    const log = `${folder.path}/retries`;
    const command = `echo "$SERIN_TO" >> ${log}; test -e ${mark} || { touch ${mark}; exit 7; }`;
    const urls = await admins(envoy({ ...GOOD, guard: 2 }));
    const { status, stderr } = await advance(file, ...urls, "--on-change", command);
    assert.equal(status, 2);
    assert.match(stderr, /--on-change: exit status 7; it is run again at the next look\n/);
    const watched = await advance(
      file,
      ...urls,
      "--on-change",
      command,
      "--until-done",
      "--interval",
      "100ms",
    );
    assert.equal(watched.status, 1);
  });

  test("--until-done ends when all is finished or stopped", async () => {
    const file = policyFile(at(5));
    const values: Record<string, number> = { ...envoy(GOOD).values };
    const running = advance(file, ...(await admins({ values })), "--until-done", "--interval", "100ms");
    while (percentIn(readFileSync(file, "utf8")) !== 25) await pause(50);
    Object.assign(values, envoy({ percent: 25, ago: 60 }).values);
    await pause(500);
    Object.assign(values, envoy({ percent: 25, guard: 2 }).values);
    const { status, stdout, file: after } = await running;
    assert.deepEqual([status, percentIn(after)], [1, 0]);
    const told = stdout.split("\n").flatMap((line) => /^\S+Z (checkout\/canary: .*)$/.exec(line)?.[1] ?? []);
    assert.match(told[0] ?? "", /: 5% -> 25%: /);
    assert.match(told.at(-1) ?? "", /: 25% -> 0%: the guard has rolled canary back$/);
    // Of some ten looks: what has not changed is told once, whatever its figures are.
    assert.ok(told.length <= 4, told.join("\n"));
    assert.ok(
      told.some((line) => line.includes("of 30 min on this step")),
      told.join("\n"),
    );
  });

  test("an invalid policy is left alone, with its problems", async () => {
    const file = policyFile("percnt: 5");
    const { status, stderr, file: after } = await advance(file, ...(await admins(envoy(GOOD))));
    assert.equal(status, 1);
    assert.match(
      stderr,
      /unknown key "percnt".*\nthe policy is invalid: nothing is changed until it is valid\n/,
    );
    assert.match(after, /percnt/);
  });

  test("what cannot be edited is said with what to do, and the others go on", async () => {
    const file = policyFile("<<: *base", "    metadata: 1\n".slice(0, 0));
    writeFileSync(
      file,
      readFileSync(file, "utf8")
        .replace("identity:", "metadata: &base { percent: 5 }\nidentity:")
        .replace("<<: *base", `<<: *base\n        ${RAMP}`),
    );
    const { status, stderr, stdout } = await advance(file, ...(await admins(envoy(GOOD))));
    assert.equal(status, 2);
    assert.match(stdout, /^checkout\/canary: not changed: 5% -> 25%/);
    assert.match(stderr, /canary\.percent comes from a merge \(<<, line \d+\): write it out there/);
  });

  test("options: no policy, an unknown rollout, nothing to advance, a link", async () => {
    const none = await runCli(["advance"], { env: { SERIN_POLICY: "" } });
    assert.deepEqual(
      [none.status, none.stderr],
      [2, "serin: which policy? Name the file, or set SERIN_POLICY\n"],
    );
    const file = policyFile("percent: 5");
    const urls = await admins(envoy(GOOD));
    const unknown = await advance(file, ...urls, "--rollout", "search");
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /--rollout "search": .* has no such rollout; it has checkout/);
    const nothing = await advance(file, ...urls);
    assert.equal(nothing.status, 0);
    assert.match(nothing.stdout, /no variant has a ramp with steps and no start: nothing to advance/);
    const [, url = ""] = urls;
    const env = { SERIN_POLICY: policyFile(at(5)), SERIN_ADMIN: url };
    const byEnvironment = await runCli(["advance", "--dry-run"], { env });
    assert.match(byEnvironment.stdout, /would go 5% -> 25%/);
  });
});

describe("serin advance --prometheus", () => {
  /** The same numbers as Prometheus scrapes them from some Envoys. */
  const exposition = (content: AdminContent, instance: string): string =>
    Object.entries(content.values)
      .map(([name, value]) => {
        const parts = name.split(".");
        const [, , rollout = "", variant = "", leaf, more] = parts;
        if (name === "serin.policy.digest") return `serin_policy_digest{instance="${instance}"} ${value}`;
        if (leaf === undefined)
          return `serin_rollout_${variant}{serin_rollout="${rollout}",instance="${instance}"} ${value}`;
        const slow = more === undefined ? "" : `,serin_slow="${more}"`;
        return `serin_rollout_${leaf}{serin_rollout="${rollout}",serin_variant="${variant}"${slow},instance="${instance}"} ${value}`;
      })
      .join("\n");

  async function prometheus(...contents: AdminContent[]): Promise<string[]> {
    const text = contents.map((content, index) => exposition(content, `10.0.0.${index + 1}`)).join("\n");
    const server = await startFakePrometheus(seriesOf(text));
    servers.push(server);
    return ["--prometheus", server.url];
  }

  test("a guard of the epoch before, which Prometheus still has, takes nobody back again", async () => {
    const file = policyFile(at(5), "    epoch: 2\n");
    const old = await advance(file, ...(await prometheus(envoy({ ...GOOD, guard: 2, epoch: 1 }))));
    assert.deepEqual([old.status, percentIn(old.file)], [3, 5]);
    const own = await advance(file, ...(await prometheus(envoy({ ...GOOD, guard: 2, epoch: 2 }))));
    assert.deepEqual([own.status, percentIn(own.file)], [1, 0]);
  });

  test("moves forward and back as over the admin endpoints", async () => {
    const good = await advance(policyFile(at(5)), ...(await prometheus(envoy(GOOD), envoy(GOOD))));
    assert.deepEqual([good.status, percentIn(good.file)], [0, 25], good.stdout + good.stderr);
    const behind = await advance(policyFile(at(5)), ...(await prometheus(envoy({ ...GOOD, digest: 7 }))));
    assert.match(behind.stdout, /stays at 5%: 10\.0\.0\.1 does not serve this policy yet/);
    const back = await advance(
      policyFile(at(5)),
      ...(await prometheus(envoy(GOOD), envoy({ ...GOOD, guard: 2 }))),
    );
    assert.deepEqual([back.status, percentIn(back.file)], [1, 0]);
  });

  test("promotes nothing while Prometheus does not answer, and says so", async () => {
    const file = policyFile(at(5));
    const { status, stdout, stderr, file: after } = await advance(file, "--prometheus", "http://127.0.0.1:9");
    assert.equal(status, 2);
    assert.match(stdout, /stays at 5%: nothing is promoted while http:\/\/127\.0\.0\.1:9 does not answer/);
    assert.match(stderr, /^http:\/\/127\.0\.0\.1:9: unreachable: /);
    assert.equal(percentIn(after), 5);
  });
});

describe("serin abort", () => {
  test("sets all percents of a rollout to 0, disables ramps by the clock, publishes", async () => {
    const text = `identity: [{ cookie: uid }]
rollouts:
  checkout: # ours
    default: stable
    variants:
      stable: {}
      canary: { percent: 5 } # now
      blue: { ${RAMP.replace("100", "30")} }
  search:
    default: a
    variants: { a: {}, b: { ramp: { steps: [5], every: 1h, start: 2026-12-01T09:00:00Z } } }
  other: { default: a, variants: { a: {}, b: { percent: 3 } } }
`;
    const file = folder.write("abort.yaml", text);
    const to = `${folder.path}/abort-filter.yaml`;
    const outcome = await runCli(["abort", "checkout", "search", "--policy", file, "--to", to]);
    assert.deepEqual([outcome.status, outcome.stderr], [0, ""]);
    assert.match(
      outcome.stdout,
      /^checkout\/canary: 5% -> 0%\ncheckout\/blue: not begun -> 0%\nsearch: state: DISABLED\n.*published/,
    );
    assert.equal(
      readFileSync(file, "utf8"),
      text
        .replace("canary: { percent: 5 }", "canary: { percent: 0 }")
        .replace("blue: { ", "blue: { percent: 0, ")
        .replace("search:\n", "search:\n    state: DISABLED\n"),
    );
    assert.match(readFileSync(to, "utf8"), /DISABLED/);
    const again = await runCli(["abort", "checkout", "--policy", file]);
    assert.deepEqual([again.status, again.stdout], [0, "checkout: everybody gets stable already\n"]);
    const unknown = await runCli(["abort", "nothing", "--policy", file]);
    assert.deepEqual(
      [unknown.status, unknown.stderr],
      [2, `serin: ${file}: no rollout "nothing"; it has checkout, search, other\n`],
    );
  });

  test("does and publishes what it can where another edit is refused", async () => {
    const text = `identity: [{ cookie: uid }]
metadata: &few { percent: 5 }
rollouts:
  search: { default: a, variants: { a: {}, b: *few } }
  checkout: { default: a, variants: { a: {}, b: { percent: 5 } } }
`;
    const file = folder.write("abort-some.yaml", text);
    const to = `${folder.path}/abort-some-filter.yaml`;
    const { status, stdout, stderr } = await runCli([
      "abort",
      "search",
      "checkout",
      "--policy",
      file,
      "--to",
      to,
    ]);
    assert.equal(status, 1);
    assert.match(stdout, /^checkout\/b: 5% -> 0%\n.*published/);
    assert.match(stderr, /search.*variants.*b.*\n$/);
    assert.match(
      readFileSync(file, "utf8"),
      /checkout: \{ default: a, variants: \{ a: \{\}, b: \{ percent: 0 \} \} \}/,
    );
    assert.match(readFileSync(to, "utf8"), /"percent": ?0/);
  });

  test("sets the percents of a rollout that is disabled too: who enables it later has nobody in the canary", async () => {
    const text = `identity: [{ cookie: uid }]
rollouts: { checkout: { state: DISABLED, default: a, variants: { a: {}, b: { percent: 5 } } } }
`;
    const file = folder.write("abort-disabled.yaml", text);
    const { status, stdout } = await runCli(["abort", "checkout", "--policy", file]);
    assert.deepEqual([status, stdout], [0, "checkout/b: 5% -> 0%\n"]);
    assert.equal(readFileSync(file, "utf8"), text.replace("percent: 5", "percent: 0"));
  });
});
