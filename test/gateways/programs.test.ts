// The programs of the sidecar, and the check of the hook, where no python3 is on the PATH and no env in /usr/bin, as in
// images of Emissary 4.x: they run with the Python that diagd's first line names.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { waitUntil } from "../../tools/envoy/index.ts";
import { HOOK } from "./with-filter.ts";

describe("without python3 on the PATH", () => {
  const base = mkdtempSync(join(tmpdir(), "serin-programs-"));
  const real = join(base, "real");
  const diagd = join(base, "diagd");
  const program = (folder: string, name: string, text: string): void => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  };
  const onHangUp = (): void => undefined;

  before(() => {
    // A path with "python" in it, as Emissary's venv has.
    const python = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], {
      encoding: "utf8",
    }).trim();
    program(diagd, "diagd", `#!${python}\nprint("diagd")\n`);
    program(real, "envoy", '#!/bin/sh\nread -r text < "$2"\necho "$@"\necho "$text"\n');
    writeFileSync(join(base, "bootstrap.json"), '{"node":{},"admin":{}}\n');
    process.on("SIGHUP", onHangUp);
  });
  after(() => {
    process.off("SIGHUP", onHangUp);
    rmSync(base, { recursive: true, force: true });
  });
  const environment = (...folders: string[]): Record<string, string> => ({
    PATH: folders.join(":"),
    SERIN_HOOK: HOOK,
    SERIN_WASM: join(base, "none.wasm"),
    SERIN_POLICY: join(base, "none.yaml"),
  });

  test("Envoy is started by the wrapper's Python", () => {
    const wrapper = join(HOOK, "sidecar/envoy");
    const env = environment(join(HOOK, "sidecar"), real, diagd);
    const { stdout, stderr, status } = spawnSync(wrapper, ["-c", join(base, "bootstrap.json")], {
      env,
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^-c .*bootstrap\.json/);
    // The wrapper looked at it: the module is not there, and it says so by itself, not the shell.
    assert.doesNotMatch(stderr, /no Python found|not found/);
  });

  test("and by the shell where there is no Python at all", () => {
    const env = environment(join(HOOK, "sidecar"), real);
    const given = ["-c", join(base, "bootstrap.json")];
    const { stdout, stderr, status } = spawnSync(join(HOOK, "sidecar/envoy"), given, {
      env,
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /"node"/);
    assert.match(stderr, /no Python found: Envoy starts as Emissary would start it/);
  });

  test("the configuration is handed on", async () => {
    const folder = join(base, "envoy-dir");
    mkdirSync(folder);
    const source = join(base, "envoy-raw.json");
    writeFileSync(source, '{"@type":"x","static_resources":{"listeners":[]}}');
    const env = { ...environment(real, diagd), envoy_config_file: source, ENVOY_DIR: folder };
    const running = spawn(join(HOOK, "sidecar/serin-insert"), [], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = new Promise((done) => running.once("exit", done));
    try {
      const target = join(folder, "envoy.json");
      await waitUntil("the configuration", 60_000, () =>
        Promise.resolve(assert.ok(existsSync(target)) ?? true),
      );
      assert.match(readFileSync(target, "utf8"), /static_resources/);
    } finally {
      running.kill();
      await ended;
    }
  });

  test("the check runs as the README says", () => {
    const readme = readFileSync(join(HOOK, "README.md"), "utf8");
    const command =
      /kubectl exec deploy\/emissary-ingress -- sh -c '(.*)'/.exec(readme)?.[1] ?? assert.fail("no command");
    const here = command.replace("/serin/hook/", `${HOOK}/`);
    const { stdout, stderr } = spawnSync("/bin/sh", ["-c", here], {
      env: environment(diagd),
      encoding: "utf8",
    });
    assert.match(stdout, /the filter is left out/, stderr);
  });
});
