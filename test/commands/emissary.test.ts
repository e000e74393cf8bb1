// `serin emissary` as a person runs it; what the folder holds is tested where Emissary is (test/gateways).

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

import { POLICY, runCli, temporaryFolder } from "../support/cli.ts";
import { WASM } from "../support/filter.ts";

describe("serin emissary", () => {
  const folder = temporaryFolder();
  const good = folder.write("good.yaml", POLICY);

  it("makes a folder and names the module in it", async () => {
    const target = join(folder.path, "serin");
    const { status, stdout, stderr } = await runCli(["emissary", good, target]);
    assert.equal(status, 0, stderr);
    const module = readdirSync(target).find((name) => name.endsWith(".wasm"));
    assert.ok(stdout.endsWith(`${target}: ready to apply, with ${module}\n`), stdout);
    assert.ok(existsSync(join(target, "configmaps.yaml")));
    assert.ok(!existsSync(join(target, "serin-insert")));
  });

  it("--sidecar holds what starts Envoy beside Emissary", async () => {
    const target = join(folder.path, "sidecar");
    assert.equal((await runCli(["emissary", "--sidecar", good, target])).status, 0);
    assert.ok(existsSync(join(target, "serin-insert")));
  });

  it("a module that was cut is not copied", async () => {
    const built = readFileSync(WASM);
    for (const length of [8, built.length >> 1, built.length - 1]) {
      const cut = folder.write("cut.wasm", built.subarray(0, length));
      const target = join(folder.path, "cut");
      const { status, stderr } = await runCli(["emissary", good, target], { env: { SERIN_WASM: cut } });
      assert.equal(status, 2, stderr);
      assert.match(stderr, /^serin: .*cut\.wasm: not (a WebAssembly module|the filter): .*\n$/);
      assert.ok(!existsSync(target));
    }
  });

  it("a refused policy is 1, a missing file and bad usage are 2", async () => {
    const bad = folder.write("bad.yaml", POLICY.replace("percent: 50", "percent: 140"));
    const target = join(folder.path, "refused");
    const refused = await runCli(["emissary", bad, target]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /percent: .*140/);
    assert.ok(!existsSync(join(target, "filter.yaml")));
    assert.equal((await runCli(["emissary", join(folder.path, "absent.yaml"), target])).status, 2);
    assert.equal((await runCli(["emissary", good])).status, 2);
  });
});
