// The bench leaves nothing in the temporary folder, also when it is interrupted.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { ensureEnvoy, waitUntil } from "../../tools/envoy/index.ts";

const DEADLINE_MS = 60_000;

test("an interrupted bench leaves neither folders nor Envoys", async () => {
  const temporary = mkdtempSync(join(tmpdir(), "bench-test-"));
  const left = (): string[] => readdirSync(temporary).filter((name) => name.startsWith("serin-"));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const bench = spawn(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), join(import.meta.dirname, "main.ts"), "--rounds", "1"],
    { env: { ...env, TMPDIR: temporary, ENVOY: await ensureEnvoy() }, stdio: "ignore" },
  );
  after(() => {
    bench.kill("SIGKILL");
    rmSync(temporary, { recursive: true, force: true });
  });
  const ended = once(bench, "exit");
  const isThere = (what: string): boolean => left().some((name) => name.startsWith(what));
  await waitUntil("its first Envoy", DEADLINE_MS, () => isThere("serin-bench-") && isThere("serin-envoy-"));
  bench.kill("SIGINT");
  assert.deepEqual(await ended, [1, null]);
  await waitUntil("its Envoys' end", DEADLINE_MS, () => !isThere("serin-envoy-"));
  assert.deepEqual(left(), []);
});
