// `serin report` and `serin stats` as a person starts them, over a made-up Envoy and a made-up Prometheus.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { after, describe, test } from "node:test";

import { runCli, temporaryFolder } from "../tools/run-cli.ts";
import { serve, startFakeAdmin, type AdminContent, type FakeServer } from "./fake-admin.ts";
import { startFakePrometheus, type Series } from "./fake-prometheus.ts";

const servers: FakeServer[] = [];
after(() => Promise.all(servers.map((server) => server.stop())));

async function kept(server: Promise<FakeServer>): Promise<FakeServer> {
  servers.push(await server);
  return server;
}

const POLICY = {
  rollouts: { checkout: { default: "stable", variants: { stable: {}, canary: { percent: 10 } } } },
};

/** Stats of the rollout `checkout` after so many requests of each variant, so many of the canary's with an error. */
function content(
  stable: number,
  canary: number,
  errors: number,
  more: Partial<AdminContent> = {},
): AdminContent {
  const values: Record<string, number> = {};
  const histograms: Record<string, Record<number, number>> = {};
  for (const [name, requests, failed, share] of [
    ["stable", stable, 0, 90_000],
    ["canary", canary, errors, 10_000],
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
    const { url } = await kept(startFakeAdmin(content(90_000, 10_000, 0)));
    const { status, stdout, stderr } = await runCli(["report", "--admin", url]);
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(
      stdout,
      /^checkout: pass\n {2}compared with stable \(the default, by the policy\), 90,000 requests\n/,
    );
    assert.match(stdout, /canary: pass, 10,000 requests, 10 % of all, asked for 10 %/);
    assert.match(stdout, new RegExp(`verdict: pass {2}\\(${url}, since 2 min\\)\\n$`));
  });

  test("exit 1 and fail, as JSON of the documented shape", async () => {
    const { url } = await kept(startFakeAdmin(content(90_000, 10_000, 500)));
    const { status, stdout } = await runCli(["report", "--json", "--admin", url]);
    assert.equal(status, 1);
    const { verdict, rollouts, seconds } = JSON.parse(stdout);
    const { canary } = rollouts.checkout.variants;
    assert.deepEqual(
      [verdict, rollouts.checkout.verdict, canary.verdict, seconds],
      ["fail", "fail", "fail", 100],
    );
    assert.equal(canary.errors.count, 500);
    assert.ok(canary.errors.difference.lower > 0.03 && canary.errors.difference.upper < 0.07);
    assert.deepEqual(Object.keys(canary.latency.quantiles as object), ["p50", "p90", "p99"]);
    assert.deepEqual(canary.share, { asked: 0.1, seen: 0.1 });
    assert.deepEqual(canary.requestsNeeded, null);
    assert.match(String(canary.reasons[0]), /^errors: 5 %/);
  });

  test("exit 3 and inconclusive: too little, nothing at all, a share that was not kept", async () => {
    const [few, none, odd, bare] = await Promise.all([
      kept(startFakeAdmin(content(900, 100, 0))),
      kept(startFakeAdmin(content(0, 0, 0))),
      kept(startFakeAdmin(content(90_000, 20_000, 0))),
      kept(startFakeAdmin({ values: {} })),
    ]);
    const [early, quiet, mismatch, empty] = await Promise.all(
      [few, none, odd, bare].map(({ url }) => runCli(["report", "--admin", url])),
    );
    for (const outcome of [early, quiet, mismatch, empty]) assert.equal(outcome?.status, 3, outcome?.stdout);
    assert.match(
      early?.stdout ?? "",
      /takes about [\d,]+ more requests of canary \(\d+ min at the present rate\)/,
    );
    assert.match(quiet?.stdout ?? "", /canary has had no request yet/);
    assert.match(
      mismatch?.stdout ?? "",
      /sample ratio mismatch: canary was to get 10 % of the requests and got 18.2 %/,
    );
    assert.match(empty?.stdout ?? "", /no rollout is counted at .*has Envoy loaded the filter/);
  });

  test("Markdown has a table, and names that are no markup", async () => {
    const { url } = await kept(startFakeAdmin(content(90_000, 10_000, 500)));
    const { status, stdout } = await runCli(["report", "--markdown", "--admin", url]);
    assert.equal(status, 1);
    assert.match(stdout, /^## ❌ Canary report: fail\n/);
    assert.match(stdout, /\| canary \| ❌ fail \| 10 % \(10 %\) \| 10,000 \| 5 % \(0 %\) \|/);
  });

  test("several Envoys are one; shares that do not agree are told", async () => {
    const half = content(45_000, 5000, 0);
    const [one, two] = await Promise.all([kept(startFakeAdmin(half)), kept(startFakeAdmin(half))]);
    const { status, stdout } = await runCli(["report", "--admin", one.url, "--admin", two.url]);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /canary: pass, 10,000 requests/);
    const values = { ...half.values, "serin.rollout.checkout.canary.share": 5000 };
    const stale = await kept(startFakeAdmin({ ...half, values }));
    const mixed = await runCli(["report", "--admin", one.url, "--admin", stale.url]);
    assert.equal(mixed.status, 3);
    assert.match(mixed.stdout, /not all Envoys ask for the same share of canary \(10 % and 5 %\)/);
  });

  test("--since reads twice, and a restart in between begins anew", async () => {
    const grown = await kept(startFakeAdmin(content(90_000, 10_000, 500), content(180_000, 20_000, 500)));
    const { status, stdout, stderr } = await runCli(["report", "--since", "100ms", "--admin", grown.url]);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /canary: pass, 10,000 requests/);
    assert.match(stderr, /^reading .* twice/);
    const restarted = await kept(
      startFakeAdmin(
        content(900_000, 100_000, 5000, { uptime: 1000 }),
        content(90_000, 10_000, 500, { uptime: 3 }),
      ),
    );
    const anew = await runCli(["report", "--since", "100ms", "--admin", restarted.url]);
    assert.match(anew.stdout, /canary: fail, 10,000 requests/);
  });

  test("what is tolerated, who the default is, which rollout", async () => {
    const { url } = await kept(startFakeAdmin(content(90_000, 10_000, 100)));
    const run = (...more: string[]) => runCli(["report", "--admin", url, ...more]);
    assert.equal((await run()).status, 1);
    assert.equal((await run("--max-error-increase", "2")).status, 0);
    assert.match(
      (await run("--baseline", "canary")).stdout,
      /compared with canary \(the default, by the option\)/,
    );
    assert.match((await run("--baseline", "checkout=canary")).stdout, /compared with canary/);
    const { status, stderr } = await run("--rollout", "shop");
    assert.equal(status, 2);
    assert.match(stderr, /--rollout "shop": there is none of that name at .*; counted are checkout/);
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
    await fails(["--admin", other.url], /the answer holds no stats; --admin has to name/);
    await fails(
      ["--prometheus", other.url],
      /\/api\/v1\/query\?query=\S+: status 404, .*; --prometheus has to name/,
    );
  });

  test("options that make no sense", async () => {
    await fails(["--admin", "ftp://x"], /--admin "ftp:\/\/x": must be like http/);
    await fails(["--admin", "a:1", "--admin", "a:1"], /is named twice/);
    await fails(["--admin", "a:1", "--prometheus", "b:1"], /--admin and --prometheus/);
    await fails(
      ["--since", "10"],
      /'--since <DURATION>' argument '10' is invalid. Must be like 90s, 10m or 1h30m/,
    );
    const number = await runCli(["report", "--max-error-increase", "-1"]);
    assert.equal(number.status, 2);
    assert.match(
      number.stderr,
      /'--max-error-increase <POINTS>' argument '-1' is invalid. Must be a number from 0 to 100/,
    );
    const forms = await runCli(["report", "--json", "--markdown"]);
    assert.equal(forms.status, 2);
  });
});

describe("report over Prometheus", () => {
  const series = (errors: number, scale = 1): Series[] =>
    [
      ["stable", 90_000, 0, 90_000],
      ["canary", 10_000, errors, 10_000],
    ].flatMap(([variant, requests, failed, share]): Series[] => {
      const labels = { serin_rollout: "checkout", serin_variant: String(variant) };
      const all = Number(requests);
      const counter = (name: string, value: number, more = {}): Series[] =>
        // Two Envoys, and a past that the range does not reach.
        ["a", "b"].map((instance) => ({
          name: `serin_rollout_${name}`,
          labels: { ...labels, instance, ...more },
          value: (value / 2) * scale,
          increase: value / 2,
        }));
      const gauge = { name: "serin_rollout_share", labels, value: Number(share) };
      return [
        ...counter("rq_total", all),
        ...counter("rq_2xx", all - Number(failed)),
        ...counter("rq_5xx", Number(failed)),
        ...counter("rq_time_bucket", all * 0.5, { le: "25" }),
        ...counter("rq_time_bucket", all * 0.95, { le: "50" }),
        ...counter("rq_time_bucket", all, { le: "100" }),
        ...counter("rq_time_bucket", all, { le: "+Inf" }),
        gauge,
      ];
    });

  test("sums over Envoys, by instant or by range", async () => {
    const { url, asked } = await kept(startFakePrometheus(series(0, 3)));
    const all = await runCli(["report", "--prometheus", url]);
    assert.equal(all.status, 0, all.stdout + all.stderr);
    assert.match(
      all.stdout,
      /compared with stable \(it has the largest share; --baseline names another\), 270,000/,
    );
    const range = await runCli(["report", "--prometheus", url, "--since", "1h30m"]);
    assert.match(range.stdout, /canary: pass, 10,000 requests, 10 % of all/);
    assert.ok(
      asked.some((path) => decodeURIComponent(path).includes("increase(serin_rollout_rq_total[5400s])")),
    );
  });

  test("--policy tells the default, and the order", async () => {
    const folder = temporaryFolder();
    const policy = folder.write(
      "policy.json",
      JSON.stringify({ rollouts: { checkout: { default: "canary", variants: { canary: {}, stable: {} } } } }),
    );
    const { url } = await kept(startFakePrometheus(series(0)));
    const { stdout } = await runCli(["report", "--prometheus", url, "--policy", policy]);
    assert.match(stdout, /compared with canary \(the default, by the policy\)/);
    const bad = await runCli(["report", "--prometheus", url, "--policy", "nowhere.yaml"]);
    assert.deepEqual([bad.status, bad.stderr], [2, "serin: nowhere.yaml: no such file\n"]);
  });

  test("quantiles between the default buckets, and a fail", async () => {
    const { url } = await kept(startFakePrometheus(series(500)));
    const { status, stdout } = await runCli(["report", "--prometheus", url, "--json"]);
    assert.equal(status, 1);
    const { quantiles } = JSON.parse(stdout).rollouts.checkout.variants.canary.latency;
    assert.equal(quantiles.p50.milliseconds, 25);
    assert.ok(quantiles.p99.milliseconds > 50 && quantiles.p99.milliseconds < 100);
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
    assert.deepEqual([stable.requests, stable.perSecond], [270_000, 1500]);
  });
});

describe("stats over an Envoy", () => {
  test("one table where there is no terminal, with a rate from two readings", async () => {
    const { url } = await kept(startFakeAdmin(content(9000, 1000, 10), content(9900, 1100, 11)));
    const { status, stdout, stderr } = await runCli(["stats", "--admin", url]);
    assert.deepEqual([status, stderr], [0, ""]);
    const [heads, stable, canary] = stdout.split("\n").map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(heads?.slice(0, 6), ["checkout", "asked", "seen", "requests", "per s", "errors"]);
    assert.deepEqual(stable?.slice(0, 4), ["stable", "90 %", "90 %", "9,900"]);
    assert.deepEqual([canary?.[3], canary?.[5], canary?.[9]], ["1,100", "1 %", "1"]);
    const perSecond = Number(stable?.[4]);
    assert.ok(perSecond > 300 && perSecond <= 900, stdout);
  });

  test("--json: each variant's signals, shadows and flags", async () => {
    const values = { ...content(9000, 1000, 10).values, "serin.shadow.s.sent": 4, "serin.flag.f.on": 5 };
    const { url } = await kept(startFakeAdmin({ ...content(9000, 1000, 10), values }));
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
