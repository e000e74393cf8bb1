// The real diagd with the hook, where an Emissary checkout is at hand: EMISSARY_SRC=folder, and EMISSARY_PYTHON=python
// with its requirements (python/requirements.txt). The snapshot comes as its entrypoint sends it, ambex and Envoy follow.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ensureEnvoy, freePort, startEnvoy, waitUntil, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { startAmbex, type Ambex } from "./ambex.ts";
import { assertLabels, assertSplit } from "./served.ts";
import { Client, ConfigMapFolder, policyFor, startShop, type Shop } from "./stage.ts";
import { EMISSARY_ENVOYS } from "./versions.ts";
import { hookEnvironment } from "./with-filter.ts";

const SOURCE = process.env["EMISSARY_SRC"];
/** Where a checkout has its Python packages: 3.x, and main. */
const PACKAGES = ["python", "python/ambassador/src", "python/ambassador-diag/src"].map((folder) =>
  join(SOURCE ?? "", folder),
);

function resources(web: number, shop: Shop): object[] {
  const kind = (name: string, kindOf: string, spec: object, namespace = "default"): object => ({
    apiVersion: "getambassador.io/v3alpha1",
    kind: kindOf,
    metadata: { name, namespace },
    spec,
  });
  const stable = {
    hostname: "*",
    prefix: "/shop/",
    service: `127.0.0.1:${shop.stable.port}`,
    timeout_ms: 4000,
  };
  const headers = { "x-serin-variant": "canary" };
  const canary = { ...stable, service: `127.0.0.1:${shop.canary.port}`, headers };
  const http = { protocol: "HTTP", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } };
  return [
    kind("ambassador", "Module", { config: { diagnostics: { enabled: false } } }),
    kind("http", "Listener", { port: web, ...http }),
    kind("all", "Host", { hostname: "*", requestPolicy: { insecure: { action: "Route" } } }),
    kind("shop", "Mapping", stable, "shop"),
    kind("shop-canary", "Mapping", canary, "shop"),
    kind("beta", "Mapping", { ...canary, prefix: "/beta/" }, "shop"),
  ];
}

test("EMISSARY_SRC, where it is set, names a checkout of Emissary", () => {
  if (SOURCE === undefined) console.log("EMISSARY_SRC is not set: the real diagd is not run");
  else
    assert.ok(
      PACKAGES.some((folder) => existsSync(join(folder, "ambassador_diag"))),
      SOURCE,
    );
});

if (SOURCE !== undefined) {
  describe(`diagd of ${SOURCE}`, () => {
    let shop: Shop;
    let ambex: Ambex;
    let envoy: RunningEnvoy;
    let policy: ConfigMapFolder;
    let diagd: ChildProcess;
    let snapshots: Server;
    let folder = "";
    let web = 0;
    let diagdPort = 0;
    let served: object[] = [];
    const log = (): string => readFileSync(join(folder, "log"), "utf8");

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "serin-diagd-"));
      shop = await startShop();
      ambex = await startAmbex();
      web = await freePort();
      diagdPort = await freePort();
      const mirror = "none";
      policy = new ConfigMapFolder(policyFor({ callCluster: mirror, mirrorCluster: mirror } as never, 40));
      snapshots = createServer((_, response) => response.end(snapshot())).listen(0, "127.0.0.1");
      await new Promise((done) => snapshots.once("listening", done));
      const binary = await ensureEnvoy(EMISSARY_ENVOYS.at(-1));
      diagd = startDiagd(binary);
      await waitUntil("diagd", 60_000, async () => {
        assert.equal(diagd.exitCode, null, log());
        return (await post("/_internal/v0/ping", "GET")) === 200;
      });
    });
    after(async () => {
      const ended = new Promise((done) => diagd.once("exit", done));
      diagd.kill();
      await ended;
      snapshots.close();
      await envoy?.stop();
      await ambex.stop();
      await shop.stop();
      policy.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    /** Serves what Kubernetes would hold. */
    function snapshot(): string {
      const Kubernetes: Record<string, object[]> = {};
      for (const one of served as { kind: string }[]) (Kubernetes[one.kind] ??= []).push(one);
      return JSON.stringify({ AmbassadorMeta: {}, Kubernetes, Consul: {}, Deltas: [], Invalid: [] });
    }

    function startDiagd(binary: string): ChildProcess {
      // 3.x looks for the metadata of its own distribution.
      const metadata = join(folder, "site/ambassador-0.0.0.dist-info");
      mkdirSync(metadata, { recursive: true });
      writeFileSync(join(metadata, "METADATA"), "Metadata-Version: 2.1\nName: ambassador\nVersion: 0.0.0\n");
      mkdirSync(join(folder, "snapshots"));
      const hook = hookEnvironment({ policy: policy.file });
      const paths = [
        hook["PYTHONPATH"],
        join(folder, "site"),
        ...PACKAGES.filter((path) => existsSync(path)),
      ];
      const files = [
        join(folder, "snapshots"),
        join(folder, "bootstrap-ads.json"),
        join(ambex.envoyDir, "envoy.json"),
      ];
      const flags = ["--host", "127.0.0.1", "--port", String(diagdPort), "--no-checks"];
      const output = openSync(join(folder, "log"), "a");
      try {
        return spawn(
          process.env["EMISSARY_PYTHON"] ?? "python3",
          [
            "-c",
            "from ambassador_diag.diagd import main; main()",
            ...files,
            ...flags,
            "--kick",
            `kill -HUP ${ambex.pid}`,
          ],
          {
            cwd: folder,
            env: {
              ...hook,
              PYTHONPATH: paths.join(delimiter),
              PATH: `${dirname(binary)}:${process.env["PATH"]}`,
              AMBASSADOR_CONFIG_BASE_DIR: folder,
              AMBASSADOR_NAMESPACE: "default",
              AMBASSADOR_READY_PORT: String(diagdPort + 1),
              AMBASSADOR_ENVOY_BASE_ID: "0",
              SCOUT_DISABLE: "1",
            },
            stdio: ["ignore", output, output],
          },
        );
      } finally {
        closeSync(output);
      }
    }

    function post(path: string, method = "POST"): Promise<number> {
      return new Promise((resolve, reject) => {
        const headers = { "x-ambassador-diag-ip": "127.0.0.1" };
        const sent = request(
          { port: diagdPort, host: "127.0.0.1", path, method, headers, agent: false },
          (response) => {
            response.resume();
            response.on("end", () => resolve(response.statusCode ?? 0));
          },
        );
        sent.on("error", reject);
        sent.end();
      });
    }

    const update = async (next: object[]): Promise<number> => {
      served = next;
      const { port } = snapshots.address() as AddressInfo;
      return post(`/_internal/v0/watt?url=http://127.0.0.1:${port}/snapshot`);
    };

    test("Mappings come out with the filter, and serve", async () => {
      assert.equal(await update(resources(web, shop)), 200, log());
      const bootstrap = readFileSync(join(folder, "bootstrap-ads.json"), "utf8");
      const own = JSON.parse(bootstrap) as { admin: { address: { socket_address: { port_value: number } } } };
      own.admin.address.socket_address.port_value = 0;
      envoy = await startEnvoy({
        binary: await ensureEnvoy(EMISSARY_ENVOYS.at(-1)),
        bootstrap: JSON.stringify(own).replaceAll('"port_value":8003', `"port_value":${ambex.port}`),
        logLevel: "error",
      });
      await waitUntil("the listener", 20_000, async () => (await envoy.admin.listeners()).size >= 2);
      await assertSplit(web, 40);
      await assertLabels(envoy.admin);
      assert.doesNotMatch(log(), /ERROR.*serin/);
    });

    test("a Mapping that is changed serves with the filter", async () => {
      const text = JSON.stringify(resources(web, shop)).replaceAll("/beta/", "/beta/new/");
      assert.equal(await update(JSON.parse(text) as object[]), 200, log());
      const client = new Client(web);
      await waitUntil("the Mapping", 20_000, async () => {
        const answers = await Promise.all(
          ["u0", "u1", "u2", "u3", "u4", "u5"].map((user) => client.get("/beta/new/", { "x-user": user })),
        );
        return answers.some(({ status }) => status === 200) && answers.some(({ status }) => status === 404);
      });
      client.close();
    });

    test("the policy is lost: diagd goes on, and says that the filter is left out", async () => {
      policy.remove();
      assert.equal(await update(resources(web, shop)), 200, log());
      assert.match(log(), /ERROR.*serin: the filter is left out/);
      const client = new Client(web);
      const forged = { "x-serin-variant": "canary" };
      await waitUntil(
        "Emissary alone",
        20_000,
        async () => (await client.get("/beta/", forged)).status === 200,
      );
      client.close();
    });
  });
}
