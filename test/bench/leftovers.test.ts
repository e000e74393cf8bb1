// The bench leaves nothing in the temporary folder, also when it is interrupted.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { ensureEnvoy, waitUntil } from "../../tools/envoy/index.ts";

const DEADLINE_MS = 60_000;

for (const program of ["main.ts", "shadows.ts"]) {
  test(`${program}, interrupted, leaves neither folders nor Envoys`, () => interrupt(program));
}

async function interrupt(program: string): Promise<void> {
  const temporary = mkdtempSync(join(tmpdir(), "bench-test-"));
  const left = (): string[] => readdirSync(temporary).filter((name) => name.startsWith("serin-"));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const bench = spawn(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), join(import.meta.dirname, program), "--rounds", "1"],
    { env: { ...env, TMPDIR: temporary, ENVOY: await ensureEnvoy() }, stdio: "ignore" },
  );
  after(() => {
    bench.kill("SIGKILL");
    rmSync(temporary, { recursive: true, force: true });
  });
  const ended = once(bench, "exit");
  const isThere = (what: string): boolean => left().some((name) => name.startsWith(what));
  // From then on it is guarded: it ends with the bench, and its folder too.
  const runs = (name: string): boolean =>
    name.startsWith("serin-envoy-") && existsSync(join(temporary, name, "admin"));
  await waitUntil("its first Envoy", DEADLINE_MS, () => left().some(runs));
  bench.kill("SIGINT");
  assert.deepEqual(await ended, [1, null]);
  await waitUntil("its Envoys' end", DEADLINE_MS, () => !isThere("serin-envoy-"));
  assert.deepEqual(left(), []);
}
