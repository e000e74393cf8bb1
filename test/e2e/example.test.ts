// What people load: envoy/envoy.yaml runs as it is in a checkout, steers in its three ways, and its stats have their
// labels in Prometheus.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";

import { parse, stringify } from "yaml";

import { freePort, startEnvoy, waitUntil, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { startUpstream, type Upstream } from "../upstream/upstream.ts";
import { EVERY_ENVOY, envoyBinary } from "../support/envoy/versions.ts";
import { exchange, lastRequest, parseResponse } from "../support/envoy/wire.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(ROOT, "envoy", file), "utf8");

function serin(...args: string[]): string {
  return execFileSync(process.execPath, ["--import", "tsx", "tools/cli.ts", ...args], {
    cwd: ROOT,
    encoding: "utf8",
  });
}

test("filter.yaml is what `serin publish` writes for canary.yaml", () => {
  const folder = mkdtempSync(join(tmpdir(), "serin-example-"));
  try {
    const file = join(folder, "filter.yaml");
    serin("publish", join(ROOT, "envoy/policies/canary.yaml"), "--to", file, "--wasm", "build/serin.wasm");
    assert.equal(read("filter.yaml").replace(/^#.*\n/gm, ""), readFileSync(file, "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("envoy.yaml has the labels of stats-tags.yaml, and one VM for its default and its file", () => {
  const proxy = parse(read("envoy.yaml"));
  assert.deepEqual(proxy.stats_config, parse(read("stats-tags.yaml")).stats_config);
  const http = proxy.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
  const fallback = http.http_filters[0].config_discovery.default_config.config;
  const { configuration: empty, ...own } = fallback;
  const { configuration: policy, ...published } = parse(read("filter.yaml")).resources[0].typed_config.config;
  assert.deepEqual(own, published);
  assert.equal(empty["@type"], policy["@type"]);
});

/** envoy.yaml with what routes/mirror.yaml adds: the mirror policy on its last route, and the shadow's cluster. */
function withMirror(): string {
  const proxy = parse(read("envoy.yaml"));
  const mirror = parse(read("routes/mirror.yaml"));
  const http = proxy.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
  const routes = http.route_config.virtual_hosts[0].routes as { route: unknown }[];
  const last = routes[routes.length - 1] as { route: unknown };
  last.route = mirror.route;
  (proxy.static_resources.clusters as unknown[]).push(...(mirror.clusters as unknown[]));
  return stringify(proxy);
}

test("routes/mirror.yaml loads the filter into the VM of filter.yaml, for the shadow of its policy", () => {
  const mirror = parse(read("routes/mirror.yaml"));
  const options =
    mirror.clusters[0].typed_extension_protocol_options[
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    ];
  const upstream = options.http_filters[0].typed_config.config;
  const { vm_config: vm } = parse(read("filter.yaml")).resources[0].typed_config.config;
  assert.deepEqual([upstream.vm_config, upstream.root_id], [vm, "serin.upstream"]);
  const shadow = parse(read("policies/shadow-mirror.yaml")).shadows["checkout-v3"];
  assert.equal(mirror.route.request_mirror_policies[0].cluster_header, "x-serin-shadow-checkout-v3");
  assert.deepEqual([shadow.cluster, shadow.dispatch], [mirror.clusters[0].name, "mirror"]);
});

for (const version of EVERY_ENVOY) {
  test(`envoy.yaml with routes/mirror.yaml is sound to Envoy ${version}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "serin-mirror-"));
    try {
      const file = join(folder, "envoy.yaml");
      writeFileSync(file, withMirror());
      const check = ["--mode", "validate", "-c", file];
      execFileSync(await envoyBinary(version), check, { cwd: ROOT, stdio: "pipe" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test("the labels of flags and shadows come out of their names", () => {
  const tags = parse(read("stats-tags.yaml")).stats_config.stats_tags as {
    tag_name: string;
    regex: string;
  }[];
  const labels = (stat: string): Record<string, string> =>
    Object.fromEntries(
      tags.flatMap(({ tag_name: name, regex }) => {
        const found = new RegExp(regex).exec(stat);
        return found === null ? [] : [[name, found[2] ?? ""]];
      }),
    );
  assert.deepEqual(labels("wasmcustom.serin.flag.new_checkout.on"), {
    serin_flag: "new_checkout",
    serin_variant: "on",
  });
  assert.deepEqual(labels("wasmcustom.serin.shadow.checkout-v3.sent"), { serin_shadow: "checkout-v3" });
  assert.deepEqual(labels("wasmcustom.serin.policy.loaded"), {});
});

test("each worked policy names the schema in its first line, for editors", () => {
  for (const name of readdirSync(join(ROOT, "envoy/policies"))) {
    assert.ok(
      read(`policies/${name}`).startsWith(
        "# yaml-language-server: $schema=../../schema/policy.schema.json\n",
      ),
      name,
    );
  }
});

for (const version of EVERY_ENVOY) {
  describe(`envoy.yaml on Envoy ${version}`, () => {
    let folder = "";
    let envoy: RunningEnvoy;
    let port = 0;
    const upstreams: Upstream[] = [];
    const start = async (): Promise<RunningEnvoy> =>
      startEnvoy({
        binary: await envoyBinary(version),
        file: join(folder, "envoy/envoy.yaml"),
        cwd: folder,
        logLevel: "error",
      });

    before(async () => {
      // A copy of what a checkout has, on ports of its own; nothing else is changed.
      folder = realpathSync(mkdtempSync(join(tmpdir(), "serin-example-")));
      cpSync(join(ROOT, "envoy"), join(folder, "envoy"), { recursive: true });
      mkdirSync(join(folder, "build"));
      symlinkSync(join(ROOT, "build/serin.wasm"), join(folder, "build/serin.wasm"));
      for (const name of ["v1", "v2"]) upstreams.push(await startUpstream({ version: name }));
      port = await freePort();
      const ports = { 9901: 0, 10000: port, 8081: upstreams[0]?.port, 8082: upstreams[1]?.port };
      let text = read("envoy.yaml");
      for (const [from, to] of Object.entries(ports)) {
        assert.ok(text.includes(`port_value: ${from} `), `port ${from}`);
        text = text.replaceAll(`port_value: ${from} `, `port_value: ${to} `);
      }
      writeFileSync(join(folder, "envoy/envoy.yaml"), text);
      envoy = await start();
    });
    after(async () => {
      await envoy?.stop();
      for (const upstream of upstreams) await upstream.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const get = async (path: string, ...headers: string[]): Promise<{ version: string; body: string }> => {
      const {
        status,
        headers: answered,
        body,
      } = parseResponse(await exchange(port, lastRequest(path, headers)));
      assert.equal(status, 200, body);
      return { version: answered.get("x-version") ?? "", body };
    };
    const publish = async (policy: string): Promise<void> => {
      const before = await envoy.admin.filterUpdates("serin");
      writeFileSync(join(folder, "policy.yaml"), policy);
      serin("publish", join(folder, "policy.yaml"), "--to", join(folder, "envoy/filter.yaml"));
      assert.equal(await envoy.admin.waitForUpdate("serin", before), "accepted");
    };

    test("the policy in filter.yaml steers by cluster_header", async () => {
      assert.equal((await get("/checkout", "x-canary: canary")).version, "v2");
      assert.equal((await get("/checkout", "x-canary: stable")).version, "v1");
      assert.equal((await get("/", "x-canary: canary", "x-serin-cluster: checkout-v2")).version, "v1");
      assert.doesNotMatch((await get("/checkout", "x-canary: canary")).body, /x-serin-cluster/);
    });

    test("filter-state.yaml steers by filter state, and the route tells the upstream", async () => {
      await publish(read("policies/filter-state.yaml"));
      const { version: served, body } = await get(
        "/checkout",
        "x-canary: canary",
        "x-serin-checkout: forged",
      );
      assert.equal(served, "v2");
      assert.deepEqual(body.match(/"x-serin-[^\]]*/g), ['"x-serin-checkout","canary"']);
      assert.equal((await get("/checkout", "x-canary: stable", "x-serin-checkout: canary")).version, "v1");
    });

    test("a policy without clusters steers by header match", async () => {
      await publish(read("policies/filter-state.yaml").replace("steer: filterState", "steer: header"));
      assert.equal((await get("/checkout", "x-canary: canary")).version, "v2");
      assert.equal((await get("/checkout", "x-canary: stable")).version, "v1");
    });

    test("Prometheus shows each stat once, with labels", async () => {
      const lines = (await envoy.admin.prometheus("serin"))
        .split("\n")
        .filter((line) => !line.startsWith("#"));
      const value = (leaf: string, variant: string): number => {
        const labels = [
          `{serin_rollout="checkout",serin_variant="${variant}"}`,
          `{serin_variant="${variant}",serin_rollout="checkout"}`,
        ];
        const found = lines.filter((line) =>
          labels.some((set) => line.startsWith(`serin_rollout_${leaf}${set} `)),
        );
        assert.equal(found.length, 1, `${leaf} ${variant}:\n${lines.join("\n")}`);
        return Number(found[0]?.split(" ").at(-1));
      };
      assert.equal(value("rq_total", "canary"), value("rq_2xx", "canary"));
      assert.ok(value("rq_total", "stable") >= 3);
      assert.equal(value("share", "canary"), 5_000);
      assert.equal(value("share", "stable"), 95_000);
      for (const leaf of ["rq_1xx", "rq_3xx", "rq_4xx", "rq_5xx", "rq_reset", "rq_left", "rq_active"]) {
        assert.equal(value(leaf, "canary"), 0, leaf);
      }
      // Envoy flushes histograms every five seconds.
      await waitUntil("the histogram", 30_000, async () =>
        /^serin_rollout_rq_time_count\{[^}]*serin_variant="canary"[^}]*\} [1-9]/m.test(
          await envoy.admin.prometheus("serin"),
        ),
      );
      assert.ok(lines.some((line) => /^serin_policy_loaded\{\} [1-9]/.test(line)));
      assert.ok(lines.some((line) => line.startsWith("serin_error{} 0")));
    });

    test("a filter.yaml with a bad policy at start: the default serves, and the log says what is wrong", async () => {
      await envoy.stop();
      const file = join(folder, "envoy/filter.yaml");
      writeFileSync(file, read("filter.yaml").replace('"percent": 5', '"percent": 500'));
      envoy = await start();
      assert.equal((await get("/checkout", "x-canary: canary", "x-serin-checkout: canary")).version, "v1");
      assert.match(
        envoy.log(),
        /\[error\]\[wasm\].*"pointer":"\/rollouts\/checkout\/variants\/canary\/percent"/,
      );
      await publish(read("policies/canary.yaml"));
      assert.equal((await get("/checkout", "x-canary: canary")).version, "v2");
    });
  });
}
