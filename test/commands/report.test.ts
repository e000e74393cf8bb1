// `serin report` and `serin stats` as a person starts them, over a made-up Envoy and a made-up Prometheus.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { after, describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";

import { parseAllDocuments } from "yaml";

import { POLICIES_DIFFER } from "../../assembly/vocabulary/no-evidence.ts";
import { CLI, runCli, temporaryFolder } from "../support/cli.ts";
import { serve, startFakeAdmin, type AdminContent, type FakeServer } from "../support/fake-admin.ts";
import { startFakePrometheus, type Series } from "../support/fake-prometheus.ts";

const servers: FakeServer[] = [];
after(() => Promise.all(servers.map((server) => server.stop())));

async function kept(server: Promise<FakeServer>): Promise<FakeServer> {
  servers.push(await server);
  return server;
}

const OBSERVABILITY = resolve(import.meta.dirname, "../../envoy/observability");
const read = (file: string): string => readFileSync(join(OBSERVABILITY, file), "utf8");

/** A command of a shell in which `serin` is this command line, and nobody sleeps for long. */
async function runShell(
  command: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly status: number | null; readonly output: string }> {
  const folder = temporaryFolder();
  for (const [name, line] of [
    ["serin", `exec '${process.execPath}' '${CLI}' "$@"`],
    ["sleep", "exec /bin/sleep 0.2"],
  ]) {
    await chmod(folder.write(String(name), `#!/bin/sh\n${line}\n`), 0o755);
  }
  const child = spawn("/bin/sh", ["-c", command], {
    env: { ...env, PATH: `${folder.path}:${process.env["PATH"]}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  }
  const status = await new Promise<number | null>((done) => child.once("close", done));
  return { status, output };
}

/** The script of the Job in argo-rollouts.yaml, as its container runs it. */
function runJob(prometheus: string): ReturnType<typeof runShell> {
  const template = parseAllDocuments(read("argo-rollouts.yaml"))
    .find((document) => document.getIn(["metadata", "name"]) === "serin-report")
    ?.toJS() as {
    spec: { metrics: { provider: { job: { spec: { template: { spec: PodSpec } } } } }[] };
  };
  const container = template.spec.metrics[0]?.provider.job.spec.template.spec.containers[0];
  assert.deepEqual(container?.command, ["sh", "-c"]);
  const given: Readonly<Record<string, string>> = {
    ...{ prometheus, match: 'namespace="prod"', rollout: "checkout", default: "stable" },
  };
  const env = container.env.map(({ name, value }) => [
    name,
    value.replace(/\{\{args\.(\w+)\}\}/, (_, key: string) => given[key] ?? ""),
  ]);
  return runShell(container.args[0] ?? "", Object.fromEntries(env) as Record<string, string>);
}

interface PodSpec {
  readonly containers: readonly {
    readonly command: readonly string[];
    readonly args: readonly string[];
    readonly env: readonly { readonly name: string; readonly value: string }[];
  }[];
}

const POLICY = {
  rollouts: { checkout: { default: "stable", variants: { stable: {}, canary: { percent: 10 } } } },
};

/** What users of the rollout `checkout` met: a canary of 10%, its control group four times as large. */
function content(users: number, errors: number, more: Partial<AdminContent> = {}): AdminContent {
  const values: Record<string, number> = {
    "serin.rollout.checkout.evidence_period": 1,
    "serin.rollout.checkout.evidence_began": Math.floor(Date.now() / 1000) - 100,
    "serin.rollout.checkout.evidence_bits": 0,
  };
  const histograms: Record<string, Record<number, number>> = {};
  const gauges = (name: string, of: number, failed: number): Record<string, number> => ({
    [`${name}.users`]: of,
    [`${name}.users_error`]: failed,
    [`${name}.users_ok`]: of - failed,
    [`${name}.users_4xx`]: 0,
    [`${name}.users_3xx`]: 0,
    [`${name}.users_slow.5`]: of,
    [`${name}.users_slow.25`]: of * 0.6,
    [`${name}.users_slow.100`]: of * 0.05,
    [`${name}.users_slow.250`]: 0,
  });
  const of = {
    ...gauges("control", users * 4, 0),
    "control.share": 40_000,
    ...gauges("canary", users, errors),
  };
  for (const [leaf, value] of Object.entries(of)) values[`serin.rollout.checkout.${leaf}`] = value;
  for (const [name, requests, failed, share] of [
    ["stable", users * 9, 0, 90_000],
    ["canary", users, errors, 10_000],
  ] as const) {
    const leaves = {
      rq_total: requests,
      rq_2xx: requests - failed,
      rq_5xx: failed,
      rq_reset: 0,
      share,
      rq_active: 1,
    };
    for (const [leaf, value] of Object.entries(leaves))
      values[`serin.rollout.checkout.${name}.${leaf}`] = value;
    const times = { 20: requests * 0.4, 30: requests * 0.45, 60: requests * 0.15 };
    histograms[`serin.rollout.checkout.${name}.rq_time`] = times;
  }
  return { values, histograms, policy: POLICY, ...more };
}

describe("report over an Envoy", () => {
  test("exit 0 and pass", async () => {
    const { url } = await kept(startFakeAdmin(content(10_000, 0)));
    const { status, stdout, stderr } = await runCli(["report", "--admin", url]);
    assert.deepEqual([status, stderr], [0, ""], stdout);
    assert.match(
      stdout,
      /^checkout: pass\n {2}baseline: the control group of stable \(the default of the policy\), 40,000 users, evidence period 1 since \S+Z\n/,
    );
    assert.match(stdout, /canary: pass, 10,000 users, target share 10%, actual share 10%\n/);
    assert.match(
      stdout,
      /slower than 100 ms 5% of users \(500 of 10,000\) vs 5% \(2,000 of 40,000\): 1× \(95% CI .*\), limit 1\.5×: within the limit/,
    );
    assert.match(stdout, /described, not judged: 10,000 requests, p50 30 ms vs 30 ms/);
    assert.match(stdout, new RegExp(`verdict: pass {2}\\(${url}, since 2 min\\)\\n$`));
  });

  test("exit 1 and fail, as JSON of the documented shape", async () => {
    const { url } = await kept(startFakeAdmin(content(10_000, 500)));
    const { status, stdout } = await runCli(["report", "--json", "--admin", url]);
    assert.equal(status, 1);
    const document = JSON.parse(stdout);
    assert.deepEqual(Object.keys(document as object), [
      ...["verdict", "rollouts", "shadows", "source", "takenAt", "limits"],
    ]);
    const { checkout } = document.rollouts;
    assert.deepEqual(Object.keys(checkout as object), [
      ...["verdict", "reason", "baseline", "period", "ratio", "variants", "guard", "leftOut"],
    ]);
    const { canary } = checkout.variants;
    assert.deepEqual([document.verdict, checkout.verdict, canary.verdict], ["fail", "fail", "fail"]);
    assert.deepEqual(Object.keys(canary as object), [
      ...["verdict", "reasons", "requests", "users", "errors", "clientErrors", "redirects", "ok", "latency"],
      ...["unfinished", "retries", "goals"],
    ]);
    const { errors } = canary;
    assert.deepEqual([errors.count, errors.users, errors.share], [500, 10_000, 0.05]);
    assert.deepEqual(errors.baseline, { count: 0, users: 40_000, share: 0 });
    assert.ok(errors.eValue > 400 && errors.limit === 1.5 && errors.interval.lower > 1);
    assert.equal(errors.interval.level, 0.95);
    assert.deepEqual(Object.keys(canary.latency.slow as object), ["5", "25", "100", "250", "1000", "5000"]);
    assert.equal(checkout.period.number, 1);
    assert.match(String(canary.reasons[0]), /^errors 5% of users/);
  });

  test("exit 3 and inconclusive: too little, nothing at all, users not split as asked", async () => {
    const odd = content(10_000, 0);
    const values = { ...odd.values, "serin.rollout.checkout.canary.users": 12_000 };
    const outcomes = await Promise.all(
      [content(100, 0), content(0, 0), { ...odd, values }, { values: {} }].map(async (each) => {
        const { url } = await kept(startFakeAdmin(each));
        return runCli(["report", "--admin", url]);
      }),
    );
    for (const outcome of outcomes) assert.equal(outcome.status, 3, outcome.stdout);
    const [early, quiet, mismatch, empty] = outcomes.map(({ stdout }) => stdout);
    assert.match(early ?? "", /at the current rate about [\d,]+ more canary users are needed \(~\d+ min\)/);
    assert.match(quiet ?? "", /checkout: left out: there was no traffic/);
    assert.match(
      mismatch ?? "",
      /sample ratio mismatch: canary has a target share of 10% of users and an actual/,
    );
    assert.match(empty ?? "", /no rollout is counted at .*has Envoy loaded the filter/);
  });

  test("a default that nobody names is exit 2, never a guess: a canary of 60% with 30% errors", async () => {
    const { values, histograms } = content(10_000, 3000);
    const shares = { "canary.share": 60_000, "stable.share": 40_000 };
    for (const [leaf, share] of Object.entries(shares)) {
      (values as Record<string, number>)[`serin.rollout.checkout.${leaf}`] = share;
    }
    const { url } = await kept(startFakeAdmin({ values, histograms: histograms ?? {} }));
    const { status, stdout, stderr } = await runCli(["report", "--admin", url]);
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(
      stderr,
      /which variant of checkout is the default is not known: .* --baseline checkout=VARIANT/,
    );
    const said = await runCli(["report", "--admin", url, "--baseline", "stable"]);
    assert.notEqual(said.status, 0);
    assert.match(said.stdout, /the control group of stable \(the default given by --baseline\)/);
  });

  test("Markdown has a table, and names that are no markup", async () => {
    const { url } = await kept(startFakeAdmin(content(10_000, 500)));
    const { status, stdout } = await runCli(["report", "--markdown", "--admin", url]);
    assert.equal(status, 1);
    assert.match(stdout, /^## ❌ Canary report: fail\n/);
    assert.match(stdout, /\| canary \| ❌ fail \| 10% \(10%\) \| 10,000 \| 5% \(0%\) \| 0% \(0%\) \|/);
  });

  test("several Envoys are judged each by itself; shares that do not agree are told", async () => {
    const half = content(5000, 0);
    const [one, two] = await Promise.all([kept(startFakeAdmin(half)), kept(startFakeAdmin(half))]);
    const { status, stdout } = await runCli(["report", "--admin", one.url, "--admin", two.url]);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /canary: pass, 10,000 users/);
    assert.match(stdout, /\(2 Envoys, each judged by itself\)/);
    const values = { ...half.values, "serin.rollout.checkout.canary.share": 5000 };
    const stale = await kept(startFakeAdmin({ ...half, values }));
    const mixed = await runCli(["report", "--admin", one.url, "--admin", stale.url]);
    assert.equal(mixed.status, 3);
    assert.match(mixed.stdout, /Envoys have different target shares of canary \(10% and 5%\)/);
  });

  test("--since describes the requests since then; the verdict is that of the evidence period", async () => {
    const grown = await kept(startFakeAdmin(content(10_000, 500), content(20_000, 500)));
    const { status, stdout, stderr } = await runCli(["report", "--since", "100ms", "--admin", grown.url]);
    assert.equal(status, 1, stdout);
    assert.match(stdout, /canary: fail, 20,000 users/);
    assert.match(stdout, /described, not judged: 10,000 requests/);
    assert.match(stderr, /^reading .* twice/);
  });

  test("the limits, the default, which rollout", async () => {
    const { url } = await kept(startFakeAdmin(content(10_000, 20)));
    const run = (...more: string[]) => runCli(["report", "--admin", url, ...more]);
    assert.equal((await run()).status, 1, "20 of 10,000 against none of 40,000");
    const { url: other } = await kept(startFakeAdmin(content(1000, 3)));
    const low = await runCli(["report", "--admin", other, "--negligible", "2"]);
    assert.match(low.stdout, /errors 0\.3% of users .* below 2% of users, within the limit/);
    assert.match((await run("--max-ratio", "3")).stdout, /limit 3×/);
    const { status, stderr } = await run("--rollout", "shop");
    assert.equal(status, 2);
    assert.match(stderr, /--rollout "shop": no such rollout at .*; counted are checkout/);
    for (const gone of ["--ignore-ratio", "--requests-per-user", "--max-error-increase"]) {
      assert.equal((await run(gone, "2")).status, 2, gone);
    }
  });
});

describe("bad usage and endpoints that do not answer: exit 2, what was found, what to do", () => {
  const fails = async (parameters: readonly string[], expected: RegExp): Promise<void> => {
    for (const command of ["report", "stats"]) {
      const { status, stdout, stderr } = await runCli([command, ...parameters]);
      assert.deepEqual([status, stdout], [2, ""], stderr);
      assert.match(stderr, expected);
    }
  };

  test("nobody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await fails(
      ["--admin", `127.0.0.1:${port}`],
      new RegExp(`^serin: http://127.0.0.1:${port}/stats\\S+: connection refused; --admin has to name`),
    );
  });

  test("something else answers", async () => {
    const other = await kept(serve((path) => (path.startsWith("/stats") ? { hello: 1 } : null)));
    await fails(["--admin", other.url], /the answer holds no stats.*; --admin has to name/);
    await fails(
      ["--prometheus", other.url],
      /\/api\/v1\/query\?query=\S+: status 404, .*; --prometheus has to name/,
    );
  });

  test("options that make no sense", async () => {
    await fails(["--admin", "ftp://x"], /--admin "ftp:\/\/x": must be like http/);
    await fails(["--admin", "a:1", "--admin", "a:1"], /given twice/);
    await fails(["--admin", "a:1", "--prometheus", "b:1"], /--admin and --prometheus/);
    await fails(
      ["--since", "10"],
      /'--since <DURATION>' argument '10' is invalid. Must be like 90s, 10m or 1h30m/,
    );
    await fails(["--per", "a b", "--prometheus", "b:1"], /--per "a b": must be a label of Prometheus/);
    await fails(["--match", "prod", "--prometheus", "b:1"], /--match "prod": must be label matchers/);
    const number = await runCli(["report", "--max-ratio", "1"]);
    assert.equal(number.status, 2);
    assert.match(
      number.stderr,
      /'--max-ratio <R>' argument '1' is invalid. Must be a number from 1.05 to 100/,
    );
    const forms = await runCli(["report", "--json", "--markdown"]);
    assert.equal(forms.status, 2);
  });
});

describe("report over Prometheus", () => {
  /** Two Envoys that say the same of their users, and counters that began long ago. */
  const series = (errors: number, scale = 1): Series[] => {
    const { values = {} } = content(10_000, errors);
    const found: Series[] = [];
    for (const instance of ["a", "b"]) {
      for (const [name, value] of Object.entries(values)) {
        const [, , rollout = "", ...rest] = name.split(".");
        const [variant, leaf = "", threshold] = rest.length === 1 ? ["", ...rest] : rest;
        const labels: Record<string, string> = { serin_rollout: rollout, instance, namespace: "prod" };
        if (variant !== undefined && variant !== "") labels["serin_variant"] = variant;
        if (threshold !== undefined) labels["serin_slow"] = threshold;
        const isCounter = leaf.startsWith("rq_") && leaf !== "rq_active";
        found.push({
          name: `serin_rollout_${leaf}`,
          labels,
          value: isCounter ? value * scale : value,
          increase: value,
        });
      }
      for (const variant of ["stable", "canary"]) {
        const labels = { serin_rollout: "checkout", serin_variant: variant, instance, namespace: "prod" };
        for (const [le, count] of Object.entries({ 25: 5000, 50: 9500, 100: 10_000, "+Inf": 10_000 })) {
          found.push({
            name: "serin_rollout_rq_time_bucket",
            labels: { ...labels, le },
            value: count * scale,
          });
        }
      }
    }
    return found;
  };
  const folder = temporaryFolder();
  const policy = folder.write("policy.json", JSON.stringify(POLICY));

  test("each Envoy by itself, told apart by its instance; counters by instant or by range", async () => {
    const { url, asked } = await kept(startFakePrometheus(series(0, 3)));
    const all = await runCli(["report", "--prometheus", url, "--policy", policy]);
    assert.equal(all.status, 0, all.stdout + all.stderr);
    assert.match(all.stdout, /the control group of stable \(the default of the policy\), 80,000 users/);
    assert.match(all.stdout, /\(2 Envoys, each judged by itself\)/);
    const range = await runCli(["report", "--prometheus", url, "--policy", policy, "--since", "1h30m"]);
    assert.match(range.stdout, /canary: pass, 20,000 users/);
    assert.match(range.stdout, /described, not judged: 20,000 requests/);
    assert.ok(
      asked.some((path) => decodeURIComponent(path).includes("increase(serin_rollout_rq_total[5400s])")),
    );
  });

  test("--match narrows every query, --per names another label", async () => {
    const { url, asked } = await kept(startFakePrometheus(series(0)));
    const narrowed = await runCli([
      ...["report", "--prometheus", url, "--policy", policy],
      ...["--match", 'namespace="prod"', "--per", "namespace"],
    ]);
    assert.equal(narrowed.status, 0, narrowed.stdout + narrowed.stderr);
    assert.ok(!narrowed.stdout.includes("2 Envoys"));
    assert.ok(asked.every((path) => decodeURIComponent(path).includes('{namespace="prod"}')));
    const other = await runCli([
      ...["report", "--prometheus", url, "--policy", policy, "--match", 'namespace="test"'],
    ]);
    assert.equal(other.status, 3);
  });

  test("no policy and no --baseline: exit 2", async () => {
    const { url } = await kept(startFakePrometheus(series(0)));
    const { status, stderr } = await runCli(["report", "--prometheus", url]);
    assert.equal(status, 2);
    assert.match(stderr, /the default is not known/);
    const bad = await runCli(["report", "--prometheus", url, "--policy", "nowhere.yaml"]);
    assert.deepEqual([bad.status, bad.stderr], [2, "serin: nowhere.yaml: no such file\n"]);
  });

  test("its default buckets are described by their edges, with the settings that would help; errors fail", async () => {
    const { url } = await kept(startFakePrometheus(series(500)));
    const { status, stdout } = await runCli(["report", "--prometheus", url, "--policy", policy]);
    assert.equal(status, 1, stdout);
    assert.match(stdout, /p50 0–25 ms vs 0–25 ms, p90 25–50 ms vs 25–50 ms/);
    assert.match(stdout, /histogram_bucket_settings:\n +- match: \{ prefix: wasmcustom\.serin\. \}/);
    const { stdout: text } = await runCli(["report", "--prometheus", url, "--policy", policy, "--json"]);
    const { canary } = JSON.parse(text).rollouts.checkout.variants;
    assert.deepEqual(canary.latency.quantiles.p99.milliseconds, { lower: 50, upper: 100 });
    assert.deepEqual(
      [canary.latency.superiority.lower >= 0, canary.latency.superiority.upper <= 1],
      [true, true],
    );
  });

  test("the Job for Argo Rollouts waits while it is inconclusive, and ends as the report does", async () => {
    const observed = await kept(startFakePrometheus(series(0)));
    const failing = await kept(startFakePrometheus(series(500)));
    const counted: Series[] = [];
    const waiting = await kept(startFakePrometheus(counted));
    const pass = await runJob(observed.url);
    const fail = await runJob(failing.url);
    // Users come once a whole report was asked for.
    const watching = setInterval(() => {
      if (counted.length === 0 && waiting.asked.length >= observed.asked.length) counted.push(...series(0));
    }, 20);
    const late = await runJob(waiting.url).finally(() => clearInterval(watching));
    assert.deepEqual([pass.status, fail.status, late.status], [0, 1, 0], late.output);
    // Nothing is counted yet: exit status 2, and the Job asks again.
    assert.match(late.output, /no such rollout[^]*verdict: pass/);
    assert.ok(!pass.output.includes("inconclusive"));
  });

  test("Flagger's webhook is a command that ends as the report does", async () => {
    const lines = /cmd: >-\n((?:# {9,}.*\n)+)/.exec(read("flagger.yaml"))?.[1] ?? "";
    const text = lines.replaceAll(/^#\s+/gm, "").replaceAll("\n", " ");
    assert.match(text, /^serin report --prometheus \S+ --match /);
    for (const [errors, status] of [
      [0, 0],
      [500, 1],
    ] as const) {
      const { url } = await kept(startFakePrometheus(series(errors)));
      const here = text.replace(/http:\S+/, url).replace('namespace="edge"', 'namespace="prod"');
      assert.equal((await runShell(here, {})).status, status, here);
    }
  });

  test("without any series it is inconclusive, and says what may be missing", async () => {
    const { url } = await kept(startFakePrometheus([]));
    const { status, stdout } = await runCli(["report", "--prometheus", url]);
    assert.equal(status, 3);
    assert.match(stdout, /does it scrape Envoy's \/stats\/prometheus.*stats_tags/);
  });

  test("stats has rates of the last minute", async () => {
    const { url } = await kept(startFakePrometheus(series(0, 3)));
    const { stdout } = await runCli(["stats", "--json", "--prometheus", url]);
    const { stable } = JSON.parse(stdout).rollouts.checkout.variants;
    assert.deepEqual([stable.requests, stable.perSecond], [540_000, 3000]);
  });
});

describe("stats over an Envoy", () => {
  test("tables of users, requests and copies where there is no terminal, with a rate from two readings", async () => {
    const shadow = { "serin.shadow.next.sent": 12, "serin.shadow.next.match": 12 };
    const [first, second] = [content(1000, 10), content(1100, 11)];
    const { url } = await kept(
      startFakeAdmin(
        { ...first, values: { ...first.values, ...shadow } },
        { ...second, values: { ...second.values, ...shadow } },
      ),
    );
    const { status, stdout, stderr } = await runCli(["stats", "--admin", url]);
    assert.deepEqual([status, stderr], [0, ""]);
    const lines = stdout.split("\n");
    for (const line of lines) assert.ok(line.length <= 80, line);
    const rows = lines.map((line) => line.trim().split(/ {2,}/));
    const row = (name: string, nth = 0): string[] => rows.filter(([first]) => first === name)[nth] ?? [];
    assert.match(lines[0] ?? "", /^checkout: fail, evidence period 1, for \d+ (s|min)$/);
    assert.deepEqual(row("users"), [
      ...["users", "users", "target", "actual", "errors", "4xx", "3xx", "how sure (limit)"],
    ]);
    assert.deepEqual(row("canary").slice(0, 7), ["canary", "1,100", "10%", "10.0%", "1.0%", "0%", "0%"]);
    assert.match(row("canary")[7] ?? "", /^errors \S+ \(200\)$/);
    assert.deepEqual(row("control").slice(0, 3), ["control", "4,400", "40%"]);
    assert.deepEqual(row("requests").slice(0, 6), ["requests", "per s", "2xx", "3xx", "4xx", "5xx"]);
    assert.deepEqual(row("canary", 1).slice(2, 6), ["99.0%", "0%", "0%", "1.0%"]);
    assert.deepEqual(row("next").slice(0, 3), ["next", "12", "100%"]);
    const perSecond = Number(row("stable")[1]);
    assert.ok(perSecond > 200 && perSecond <= 900, stdout);
  });

  test("no line is longer than a terminal of 80 columns", async () => {
    const { url } = await kept(startFakeAdmin(content(1_000_000, 10)));
    const command = `stty cols 80 rows 40; serin stats --once --admin ${url}`;
    const { output } = await runShell(`script -qec '${command}' /dev/null`, { TERM: "xterm" });
    const lines = stripVTControlCharacters(output).split(/\r?\n/);
    assert.ok(lines.length > 6, output);
    for (const line of lines) assert.ok(line.length <= 80, line);
  });

  test("why there is no evidence, as text and as JSON; the report says it too", async () => {
    const { values = {}, ...rest } = content(1000, 10);
    const none = {
      "serin.rollout.checkout.evidence_period": 0,
      "serin.rollout.checkout.evidence_none": POLICIES_DIFFER,
    };
    const { url } = await kept(startFakeAdmin({ ...rest, values: { ...values, ...none } }));
    const { stdout } = await runCli(["stats", "--once", "--admin", url]);
    assert.match(
      stdout,
      /^ {2}evidence: none \(policies that serve at the same time say different things of /m,
    );
    const document = JSON.parse((await runCli(["stats", "--json", "--admin", url])).stdout);
    assert.match(String(document.rollouts.checkout.noEvidence), /^policies that serve/);
    const report = await runCli(["report", "--admin", url]);
    assert.equal(report.status, 3);
    assert.match(report.stdout, /no evidence: policies that serve at the same time say different things/);
    const { url: other } = await kept(startFakeAdmin(content(1000, 10)));
    const well = await runCli(["stats", "--once", "--admin", other]);
    assert.ok(!well.stdout.includes("evidence: none"), well.stdout);
  });

  test("--json: each variant's signals, shadows and flags", async () => {
    const values = { ...content(1000, 10).values, "serin.shadow.s.sent": 4, "serin.flag.f.on": 5 };
    const { url } = await kept(startFakeAdmin({ ...content(1000, 10), values }));
    const { status, stdout } = await runCli(["stats", "--json", "--admin", url]);
    assert.equal(status, 0);
    const { rollouts, shadows, flags } = JSON.parse(stdout);
    const { canary } = rollouts.checkout.variants;
    assert.equal(canary.errorRate, 0.01);
    assert.ok(canary.errorInterval.lower > 0.001 && canary.errorInterval.upper < 0.04);
    assert.ok(canary.p50 >= 30 && canary.p50 <= 31 && canary.p99 >= 60);
    assert.deepEqual([shadows.s.sent, flags.f.on], [4, 5]);
  });
});
