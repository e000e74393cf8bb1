// What `serin report` says of shadows, over made-up Envoys and a made-up Prometheus that scrapes the same.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";

import { runCli, temporaryFolder } from "../support/cli.ts";
import { startFakeAdmin, type FakeServer } from "../support/fake-admin.ts";
import { startFakePrometheus, type Series } from "../support/fake-prometheus.ts";

const servers: FakeServer[] = [];
after(() => Promise.all(servers.map((server) => server.stop())));

async function kept(server: Promise<FakeServer>): Promise<FakeServer> {
  servers.push(await server);
  return server;
}

type Values = Readonly<Record<string, number>>;

/** Of shadows, by `<name>.<leaf>`. */
function admin(...envoys: readonly Values[]): Promise<string[]> {
  return Promise.all(
    envoys.map(async (values) => {
      const named = Object.entries(values).map(([name, value]) => [`serin.shadow.${name}`, value]);
      const { url } = await kept(startFakeAdmin({ values: Object.fromEntries(named) as Values }));
      return url;
    }),
  );
}

/** The same as Prometheus has it by envoy/stats-tags.yaml. */
function seriesOf(...envoys: readonly Values[]): Series[] {
  return envoys.flatMap((values, index) =>
    Object.entries(values).map(([name, value]) => {
      const [shadow = "", leaf = "", ...pointer] = name.split(".");
      const labels = { serin_shadow: shadow, instance: `envoy-${index}` };
      return {
        name: `serin_shadow_${leaf}`,
        labels: pointer.length === 0 ? labels : { ...labels, serin_pointer: pointer.join(".") },
        value,
      };
    }),
  );
}

const named = (urls: readonly string[]): string[] => urls.flatMap((url) => ["--admin", url]);

const CLEAN: Values = { "v3.sent": 3500, "v3.match": 3490, "v3.timeout": 3, "v3.reset": 1, "v3.noise": 0 };
const BAD: Values = {
  ...{ "v3.sent": 2000, "v3.match": 1950, "v3.mismatch_status": 20, "v3.mismatch_headers": 2 },
  ...{ "v3.mismatch_body": 18, "v3.timeout": 0, "v3.reset": 0, "v3.incomparable": 10 },
  ...{ "v3.at./total": 11, "v3.at./items/*/price": 12, "v3.at.other": 1 },
};
const BY_USERS: Values = {
  ...{ "v4.sent": 90_000, "v4.match": 89_900, "v4.mismatch_body": 100, "v4.timeout": 0, "v4.reset": 0 },
  ...{
    "v4.users": 9000,
    "v4.users_mismatch": 1,
    "v4.evidence_period": 1,
    "v4.evidence_began": 1_790_000_000,
  },
  ...{ "v4.evidence_bits": 65_536, "v4.evidence_none": 0 },
};

describe("report on shadows", () => {
  test("a clean one is pass and exit 0, by copies; one that differs is fail and exit 1, with its places", async () => {
    const [clean = "", bad = ""] = await admin(CLEAN, BAD);
    const passed = await runCli(["report", "--admin", clean]);
    assert.equal(passed.status, 0, passed.stdout);
    assert.match(passed.stdout, /^v3 \(shadow\): pass\n {2}judged by copies: 3,490 compared of 3,500 sent\n/);
    assert.match(passed.stdout, /mismatches 0% of copies .* limit 0\.1%: within the limit\n/);
    assert.match(
      passed.stdout,
      /not answered 0\.11% of copies \(4 of 3,494: 3 timeout, 1 reset\), limit 5%: within/,
    );
    assert.match(passed.stdout, /\nverdict: pass {2}/);
    const failed = await runCli(["report", "--admin", bad]);
    assert.equal(failed.status, 1, failed.stdout);
    assert.match(failed.stdout, /mismatches 2\.01% of copies \(40 of 1,990: 20 status, 2 headers, 18 body\)/);
    assert.match(failed.stdout, /differences by place: \/items\/\*\/price 12, \/total 11, other 1\n/);
    const markdown = await runCli(["report", "--markdown", "--admin", bad]);
    assert.match(markdown.stdout, /### ❌ v3 \(shadow\): fail\n/);
    assert.match(markdown.stdout, /\| \/items\/\\\*\/price \| 12 \|\n\| \/total \| 11 \|/);
  });

  test("--max-mismatch moves the limit, --shadow and --rollout choose what is judged", async () => {
    const [bad = ""] = await admin({ ...BAD, ...CLEAN, "v2.sent": 4000, "v2.match": 4000 });
    const both = await runCli(["report", "--admin", bad, "--max-mismatch", "3", "--json"]);
    assert.equal(both.status, 0, both.stdout);
    assert.equal(JSON.parse(both.stdout).limits.maxMismatch, 0.03);
    const one = await runCli(["report", "--admin", bad, "--shadow", "v2"]);
    assert.deepEqual([one.status, one.stdout.includes("v3")], [0, false], one.stdout);
    const none = await runCli(["report", "--admin", bad, "--shadow", "v9"]);
    assert.equal(none.status, 2);
    assert.match(none.stderr, /--shadow "v9": no such shadow at .*; counted are v3, v2/);
  });

  test("one that never answers is inconclusive, exit 3, and named", async () => {
    const [silent = ""] = await admin({ "v3.sent": 9000, "v3.match": 0, "v3.timeout": 9000 });
    const { status, stdout } = await runCli(["report", "--admin", silent]);
    assert.equal(status, 3);
    assert.match(
      stdout,
      /not answered 100% of copies \(9,000 of 9,000: 9,000 timeout, 0 reset\), limit 5%: significantly/,
    );
  });

  test("by users where they are sampled: one user with a hundred mismatches is no fail", async () => {
    const [url = ""] = await admin(BY_USERS);
    const { status, stdout } = await runCli(["report", "--admin", url]);
    assert.equal(status, 0, stdout);
    assert.match(
      stdout,
      /judged by users \(sample: identity\): 9,\d{3} with copies compared, evidence period 1 since /,
    );
  });

  test("several Envoys are added, places too, and Prometheus says the same as they do", async () => {
    const envoys = [
      { ...BAD, ...BY_USERS },
      { ...BAD, ...BY_USERS, "v4.users_mismatch": 40 },
    ];
    const prometheus = await kept(startFakePrometheus(seriesOf(...envoys)));
    const folder = temporaryFolder();
    const policy = folder.write(
      "policy.json",
      JSON.stringify({ shadows: { v3: { percent: 1, cluster: "v3" } } }),
    );
    const [one, two] = await Promise.all([
      runCli(["report", "--json", ...named(await admin(...envoys))]),
      runCli(["report", "--json", "--prometheus", prometheus.url, "--policy", policy]),
    ]);
    assert.deepEqual([one.status, two.status], [1, 1], one.stderr + two.stderr);
    const { shadows } = JSON.parse(one.stdout);
    assert.deepEqual(shadows, JSON.parse(two.stdout).shadows);
    assert.deepEqual(shadows.v3.copies.mismatches, 80);
    assert.deepEqual(shadows.v3.places, { "/items/*/price": 24, "/total": 22, other: 2 });
    assert.deepEqual([shadows.v4.by, shadows.v4.period.envoys, shadows.v4.mismatch.count], ["users", 2, 41]);
    assert.deepEqual(Object.keys(shadows.v3 as object), [
      ...[
        "verdict",
        "reasons",
        "by",
        "period",
        "mismatch",
        "unanswered",
        "incomparable",
        "needed",
        "copies",
        "places",
      ],
    ]);
  });
});
