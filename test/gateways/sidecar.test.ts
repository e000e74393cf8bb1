// The way without Emissary's Python: diagd writes beside, the sidecar hands on with the filter, a real ambex serves it.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ensureEnvoy, startEnvoy, waitUntil, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { startAmbex, type Ambex } from "./ambex.ts";
import { EMISSARIES, generated, type Generated } from "./emissary-data.ts";
import { assertLabels, assertSplit } from "./served.ts";
import { Client, ConfigMapFolder, policyFor, startShop, type Shop } from "./stage.ts";
import { EMISSARY_ENVOYS } from "./versions.ts";
import { WASM } from "../support/filter.ts";
import { hookEnvironment, HOOK } from "./with-filter.ts";

describe("the sidecar", () => {
  const version = EMISSARY_ENVOYS.at(-1) ?? "";
  let shop: Shop;
  let ambex: Ambex;
  let config: Generated;
  let policy: ConfigMapFolder;
  let envoy: RunningEnvoy;
  let sidecar: ChildProcess;
  let folder = "";
  let wasm = "";
  const sidecarLog = (): string => readFileSync(join(folder, "log"), "utf8");
  /** What diagd does. */
  const write = (ads: object): void => {
    writeFileSync(join(folder, "envoy-raw.json.tmp"), JSON.stringify(ads));
    renameSync(join(folder, "envoy-raw.json.tmp"), join(folder, "envoy-raw.json"));
  };
  // The sidecar asks its parent, which in the container is the entrypoint, and that asks ambex.
  const passOn = (): void => ambex.reload();

  before(async () => {
    process.on("SIGHUP", passOn);
    folder = mkdtempSync(join(tmpdir(), "serin-sidecar-"));
    // In a folder of its own, to be lost later.
    mkdirSync(join(folder, "wasm"));
    wasm = join(folder, "wasm/serin.wasm");
    copyFileSync(WASM, wasm);
    shop = await startShop();
    ambex = await startAmbex();
    config = await generated(EMISSARIES.at(-1) ?? "", shop, ambex.port);
    policy = new ConfigMapFolder(policyFor(config, 40));
    // In the container both find Envoy on the PATH: first the wrapper, then the real one.
    const wrapper = join(HOOK, "sidecar");
    const inPod = {
      ...hookEnvironment({ policy: policy.file, wasm }),
      PATH: [wrapper, dirname(await ensureEnvoy(version)), process.env["PATH"]].join(":"),
      SERIN_HOOK: HOOK,
    };
    Object.assign(process.env, inPod);
    const output = openSync(join(folder, "log"), "a");
    sidecar = spawn(join(HOOK, "sidecar/serin-insert"), [], {
      env: {
        ...inPod,
        envoy_config_file: join(folder, "envoy-raw.json"),
        ENVOY_DIR: ambex.envoyDir,
      },
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    // As in the container Envoy is there before the sidecar has handed on anything.
    envoy = await startEnvoy({
      binary: join(wrapper, "envoy"),
      bootstrap: JSON.stringify(config.bootstrap),
      logLevel: "error",
    });
    write(config.ads);
    await waitUntil("the listener", 30_000, async () => (await envoy.admin.listeners()).size >= 2);
  });
  after(async () => {
    const ended = new Promise((done) => sidecar.once("exit", done));
    sidecar.kill();
    await ended;
    process.off("SIGHUP", passOn);
    await envoy?.stop();
    await ambex?.stop();
    await shop.stop();
    policy?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test("canary users reach the canary, all others stable", async () => {
    await assertSplit(config.web, 40);
    assert.doesNotMatch(sidecarLog(), /ERROR/);
    await assertLabels(envoy.admin);
  });

  test("a Mapping changes", async () => {
    write(
      JSON.parse(
        JSON.stringify(config.ads).replaceAll('"prefix":"/mirror/"', '"prefix":"/moved/"'),
      ) as object,
    );
    const client = new Client(config.web);
    await waitUntil("the Mapping", 20_000, async () => (await client.get("/moved/")).status === 200);
    client.close();
    await assertSplit(config.web, 40);
  });

  test("a file that is no JSON stays where it is, and Envoy keeps what it has", async () => {
    writeFileSync(join(folder, "envoy-raw.json"), "{");
    await waitUntil("a word on it", 20_000, () => /ERROR.*not handed on/.test(sidecarLog()));
    await assertSplit(config.web, 40);
    assert.equal(sidecar.exitCode, null, "its end would be the pod's");
  });

  test("a .wasm that Envoy cannot load: Emissary's own configuration, and a reason", async () => {
    // Whole as far as the hook looks: a code section with a function that no other section declares, and a data section.
    writeFileSync(wasm, Buffer.from("\0asm\x01\0\0\0\x0a\x02\x01\0\x0b\x01\0", "latin1"));
    write(config.ads);
    await waitUntil("a word on it", 30_000, () => /ERROR.*Envoy would refuse it/.test(sidecarLog()));
    const client = new Client(config.web);
    await waitUntil("the Mapping", 20_000, async () => (await client.get("/mirror/")).status === 200);
    client.close();
  });
});
