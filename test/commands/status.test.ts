// `serin status` against made-up admin endpoints: what real Envoys seldom are. test/e2e/status.test.ts has real ones.

import assert from "node:assert/strict";
import { after, describe, it } from "node:test";

import { policyDigest } from "../../tools/policy/digest.ts";
import { readStatus } from "../../tools/status/read-status.ts";
import { waitUntilServed } from "../../tools/status/wait.ts";
import { runCli, temporaryFolder } from "../support/cli.ts";
import { serve, type FakeServer } from "../support/fake-admin.ts";

const SECRET = "planted-secret-7f3a";
const POLICY = JSON.stringify({
  rollouts: { r: { default: "a", variants: { a: {}, b: { percent: 5 } }, guard: {} } },
});
const DIGEST = policyDigest(POLICY);
const NAME = DIGEST.toString(16).padStart(12, "0");

interface Made {
  readonly values?: Readonly<Record<string, number | string>>;
  /** Of the filter, as the dump has it. */
  readonly dump?: { readonly version: string; readonly policy: string } | "inline" | "refused";
}

describe("serin status, of endpoints that are made up", () => {
  const folder = temporaryFolder();
  const servers: FakeServer[] = [];
  after(async () => {
    for (const server of servers) await server.stop();
  });
  const admin = async ({ values = {}, dump = { version: "7", policy: POLICY } }: Made): Promise<string> => {
    const server = await serve((path) => {
      if (path.startsWith("/stats")) {
        return { stats: Object.entries(values).map(([name, value]) => ({ name, value })) };
      }
      if (path.startsWith("/server_info"))
        return { version: "c0ffee/1.36.4/Clean/RELEASE", uptime_current_epoch: "60s" };
      if (dump === "refused") return null;
      const secret = { dynamic_active_secrets: [{ secret: { generic_secret: { secret: SECRET } } }] };
      const configuration = (text: string): object => ({
        "@type": "type.googleapis.com/google.protobuf.StringValue",
        value: text,
      });
      if (dump === "inline") {
        return path.includes("resource=")
          ? {}
          : {
              configs: [secret, { static_listeners: [{ config: { configuration: configuration(POLICY) } }] }],
            };
      }
      return {
        configs: [
          secret,
          {
            version_info: dump.version,
            last_updated: "2026-11-28T09:00:00Z",
            ecds_filter: {
              name: "serin",
              typed_config: {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                config: { configuration: configuration(dump.policy) },
              },
            },
          },
        ],
      };
    });
    servers.push(server);
    return server.url;
  };
  const NEWEST = {
    "wasmcustom.serin.policy.digest": DIGEST,
    "wasmcustom.serin.module.version": 2_001_010,
    "extension_config_discovery.http_filter.serin.version_text": "7",
    "extension_config_discovery.http_filter.serin.update_time": Date.now() - 120_000,
    "extension_config_discovery.http_filter.serin.config_fail": 3,
    "wasmcustom.serin.policy.rejected": 9,
  };

  it("that no policy has been taken since the start: the default serves, which is not well", async () => {
    const values = {
      ...{ ...NEWEST, "extension_config_discovery.http_filter.serin.version_text": "" },
      "extension_config_discovery.http_filter.serin.version": 0,
    };
    const url = await admin({ values });
    const { status, stdout } = await runCli(["status", "--admin", url]);
    assert.equal(status, 1, stdout);
    assert.match(
      stdout,
      /^No policy has been taken since its start, the default of Envoy's configuration serves: \S+$/m,
    );
    const json = await runCli(["status", "--json", "--admin", url]);
    const { envoys } = JSON.parse(json.stdout) as { envoys: { policy: { default: boolean } }[] };
    assert.equal(envoys[0]?.policy.default, true);
    const taken = { ...NEWEST, "extension_config_discovery.http_filter.serin.version": 99 };
    assert.equal((await runCli(["status", "--admin", await admin({ values: taken })])).status, 0);
  });

  it("the module's version, the policy's digest, another version than the digest, and refusals by Envoy's count", async () => {
    const { status, stdout } = await runCli(["status", "--admin", await admin({ values: NEWEST })]);
    assert.equal(status, 0, stdout);
    assert.match(stdout, new RegExp(`^\\S+ +${NAME} +2 min +2\\.1\\.10 +1\\.36\\.4 +3 +7$`, "m"));
    assert.match(stdout, new RegExp(`^The Envoy serves policy ${NAME}, module 2\\.1\\.10\\.$`, "m"));
  });

  it("an older module, without gauges: the digest of what Envoy was given and took", async () => {
    const { "wasmcustom.serin.policy.digest": _, "wasmcustom.serin.module.version": __, ...old } = NEWEST;
    const { stdout } = await runCli(["status", "--admin", await admin({ values: old })]);
    assert.match(stdout, new RegExp(`^\\S+ +${NAME} +2 min +– `, "m"));
    // What it was given last is not what it serves.
    const refused = await runCli([
      "status",
      ...["--admin", await admin({ values: old, dump: { version: "8", policy: '{"rolouts": {}}' } })],
    ]);
    assert.equal(refused.status, 1);
    assert.match(refused.stdout, /^\S+ +– +2 min/m);
    assert.match(
      refused.stdout,
      /refused version 8 .* ago and serves the one before:\n {2}1:2 \/rolouts: unknown key/,
    );
  });

  it("no secret of the policy or of the dump is shown, where a problem would quote it too", async () => {
    const policy = `{"rollouts": {"r": {"headerSecret": "${SECRET}", "default": "${SECRET}", "variants": {"a": {}}}}}`;
    const url = await admin({ values: NEWEST, dump: { version: "8", policy } });
    for (const more of [[], ["--json"]]) {
      const { status, stdout, stderr } = await runCli(["status", "--admin", url, ...more]);
      assert.equal(status, 1, stderr);
      assert.ok(!stdout.includes(SECRET) && !stderr.includes(SECRET), stdout);
      assert.match(stdout, /\/rollouts\/r\/default: .*\(secret\)/);
    }
  });

  it("a filter that stands in a listener has no version, and its digest all the same", async () => {
    const values = { "wasmcustom.serin.policy.rejected": 2 };
    const { status, stdout } = await runCli(["status", "--admin", await admin({ values, dump: "inline" })]);
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^\\S+ +${NAME} +– +– +1\\.36\\.4 +2$`, "m"));
  });

  it("an admin that keeps its dump to itself is no fault", async () => {
    const values = { "wasmcustom.serin.policy.digest": DIGEST, "wasmcustom.serin.module.version": 1000 };
    const { status, stdout } = await runCli(["status", "--admin", await admin({ values, dump: "refused" })]);
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`policy ${NAME}, module 0\\.1\\.0\\.$`, "m"));
  });

  it("guards, fallbacks and evidence of rollouts; SERIN_ADMIN and SERIN_POLICY stand for the options", async () => {
    const prefix = "wasmcustom.serin.rollout.r";
    const values = {
      ...NEWEST,
      [`${prefix}.evidence_period`]: 2,
      [`${prefix}.evidence_began`]: Math.round(Date.now() / 1000) - 240,
      [`${prefix}.a.share`]: 95_000,
      [`${prefix}.b.share`]: 5000,
      [`${prefix}.b.rq_total`]: 10,
      [`${prefix}.b.rq_fallback`]: 12,
      [`${prefix}.b.guard`]: 2,
      [`${prefix}.b.users`]: 9,
      [`${prefix}.control.users`]: 30,
      [`${prefix}.control.share`]: 20_000,
    };
    const url = await admin({ values });
    const env = { SERIN_ADMIN: url, SERIN_POLICY: folder.write("policy.json", POLICY) };
    const { status, stdout } = await runCli(["status"], { env });
    assert.equal(status, 0);
    assert.match(stdout, /^r: evidence period 2, for 4 min; guard: b rolled back; fallback: b 12 requests$/m);
    assert.match(stdout, /That is the policy of --policy/);
    const { rollouts } = JSON.parse((await runCli(["status", "--json"], { env })).stdout) as {
      rollouts: { r: { guard: { b: { word: string } }; fallbacks: { b: number } } };
    };
    assert.deepEqual([rollouts.r.guard.b.word, rollouts.r.fallbacks.b], ["rolled back", 12]);
  });

  it("one that does not answer is 2; one that differs is 1", async () => {
    const url = await admin({ values: NEWEST });
    const gone = await runCli(["status", "--admin", url, "--admin", "http://127.0.0.1:9"]);
    assert.equal(gone.status, 2);
    assert.match(gone.stdout, /^127\.0\.0\.1:9 {2}unreachable: /m);
    const other = await admin({ values: { ...NEWEST, "wasmcustom.serin.module.version": 1000 } });
    const differ = await runCli(["status", "--admin", url, "--admin", other]);
    assert.equal(differ.status, 1);
    assert.match(differ.stdout, /^Envoys differ:$/m);
    assert.equal((await runCli(["status", "--admin", url, "--admin", url])).status, 2);
  });

  it("an Envoy of which nothing says what it serves is 1, as one without Serin is", async () => {
    const url = await admin({ values: {}, dump: "refused" });
    const { status, stdout } = await runCli(["status", "--admin", url]);
    assert.equal(status, 1, stdout);
    assert.match(
      stdout,
      /policy without a known digest, module of unknown version\. Is Serin loaded there\?$/m,
    );
  });

  /** An Envoy whose versions, served by the stats and given by the dump, are these in turn; the last stay. */
  async function changing(stats: readonly string[], dumps: readonly string[]): Promise<FakeServer> {
    const next = (all: readonly string[], asked: number): string =>
      all[Math.min(asked, all.length) - 1] ?? "";
    const of = (path: string): number => server.asked.filter((each) => each.startsWith(path)).length;
    const server = await serve((path) => {
      const [name] = /^\/\w+/.exec(path) ?? [""];
      if (name === "/server_info") return { version: "c0ffee/1.36.4/Clean/RELEASE" };
      if (name === "/stats") {
        const version = next(stats, of(name));
        const name_ = "extension_config_discovery.http_filter.serin.version_text";
        const digest = { name: "wasmcustom.serin.policy.digest", value: Number(version) };
        return { stats: [{ name: name_, value: version }, digest] };
      }
      const config = { "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm" };
      const ecds = { name: "serin", typed_config: config };
      return { configs: [{ version_info: next(dumps, of(name)), ecds_filter: ecds }] };
    });
    servers.push(server);
    return server;
  }
  const found = async (stats: readonly string[], dumps: readonly string[]): Promise<unknown> => {
    const { serves, refused } = await readStatus((await changing(stats, dumps)).url);
    return [serves.version, serves.digest, refused?.version ?? null];
  };

  it("a policy that is loaded between the answers is served, not refused", async () => {
    assert.deepEqual(await found(["7", "8"], ["8"]), ["8", "000000000008", null]);
    // Another one right after the dump.
    assert.deepEqual(await found(["7", "9"], ["8", "9"]), ["9", "000000000009", null]);
    assert.deepEqual(await found(["7"], ["8"]), ["7", "000000000007", "8"]);
  });

  it("an Envoy that loads one policy after the other is read to an end", async () => {
    const numbers = Array.from({ length: 20 }, (_, index) => String(index));
    const server = await changing(numbers, ["x"]);
    await readStatus(server.url);
    assert.ok(server.asked.length < 12, server.asked.join(" "));
  });

  it("--wait believes a refusal when it is seen twice in a row", async () => {
    const wait = async (stats: readonly string[]): Promise<string | undefined> => {
      const { url } = await changing(stats, ["8"]);
      const published = { digest: "000000000008", version: "8" };
      return (await waitUntilServed([url], published, 20))[0]?.word;
    };
    // Two readings of the stats each look.
    assert.equal(await wait(["7", "7", "8"]), "serves");
    assert.equal(await wait(["7"]), "refused");
  });
});
