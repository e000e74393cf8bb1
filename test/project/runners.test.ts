// The adding up of runners is itself tested: a run that fails, crashes, skips or runs nothing may not look green.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, test } from "node:test";

import { findForgottenFiles, runSuite } from "../../tools/project/test-summary/run.ts";
import { SUITES, type Suite } from "../../tools/project/test-summary/suites.ts";
import {
  addRecords,
  describeResults,
  judgeEnd,
  readAsPectSummary,
} from "../../tools/project/test-summary/totals.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A throw-away project with these files under test/. */
function makeProject(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "serin-runners-"));
  folders.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** Runs the suite in a process of its own: a node:test inside a node:test would report to the outer one. */
function runApart(suite: Suite, root: string): { passed: number; failed: number; notes: string[] } {
  const script =
    `import { runSuite } from ${JSON.stringify(join(ROOT, "tools/project/test-summary/run.ts"))};` +
    `const result = await runSuite(${JSON.stringify(suite)}, ${JSON.stringify(root)});` +
    `console.log("\\nRESULT " + JSON.stringify(result));`;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ["--import", "tsx", "--input-type=module", "-e", script];
  const run = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: "utf8" });
  const line = run.stdout.split("\n").find((text) => text.startsWith("RESULT "));
  assert.ok(line, run.stdout + run.stderr);
  return JSON.parse(line.slice("RESULT ".length)) as { passed: number; failed: number; notes: string[] };
}

const PRELUDE = 'const test = require("node:test"); const assert = require("node:assert");\n';

test("node:test: passes and failures are counted, also inside suites", () => {
  const root = makeProject({
    "test/a/one.test.ts": `${PRELUDE} test("ok", () => {}); test("no", () => assert.fail("planned"));
      test.describe("group", () => { test.it("ok", () => {}); test.it("no", () => assert.fail("planned")); });`,
    "test/a/b/two.test.ts": `${PRELUDE} test("ok", () => {});`,
  });
  const result = runApart({ name: "x", title: "x", kind: "node", files: ["a"] }, root);
  const why = '"no" failed: planned';
  assert.deepEqual([result.passed, result.failed, result.notes], [3, 2, [why, why]]);
});

test("node:test: a skipped test fails unless it has leave", () => {
  const root = makeProject({
    "test/a.test.ts": `${PRELUDE} test("ok", () => {}); test("later", { skip: true }, () => {});`,
  });
  const suite = { name: "x", title: "x", kind: "node" as const, files: ["a.test.ts"] };
  assert.equal(runApart(suite, root).failed, 1);
  assert.equal(runApart({ ...suite, maySkip: ["later"] }, root).failed, 0);
});

test("node:test: a file that dies, a file without tests and no files at all are failures", () => {
  const root = makeProject({
    "test/dies/a.test.ts": `${PRELUDE} test("ok", () => {}); process.exit(3);`,
    "test/empty/a.test.ts": "export {};",
  });
  for (const [folder, passed] of [
    ["dies", 0],
    ["empty", 0],
    ["absent", 0],
  ] as const) {
    const result = runApart({ name: "x", title: "x", kind: "node", files: [folder] }, root);
    assert.equal(result.passed, passed, folder);
    assert.ok(result.failed > 0, folder);
  }
});

test("a suite that never ends is ended, and has failed", async () => {
  const command = [process.execPath, "-e", "setInterval(() => {}, 1000)"];
  const result = await runSuite({ name: "x", title: "x", kind: "command", command, minutes: 0.01 }, ROOT);
  assert.deepEqual([result.passed, result.failed], [0, 1]);
});

test("as-pect: a failing expectation, a trap and a run without specs each fail", () => {
  const configFile = "test/unit/as-pect.config.js";
  const asConfig = join(ROOT, "test/unit/as-pect.asconfig.json");
  const root = makeProject({
    [configFile]: `import config from ${JSON.stringify(join(ROOT, configFile))}; export default config;`,
    "package.json": '{ "type": "module" }',
    "test/unit/fails.spec.ts": `describe("g", () => {
      it("ok", () => { expect<i32>(1).toBe(1); });
      it("no", () => { expect<i32>(1).toBe(2); });
      it("traps", () => { unreachable(); });
    });`,
  });
  for (const folder of ["node_modules", "tools"])
    spawnSync("ln", ["-s", join(ROOT, folder), join(root, folder)]);
  spawnSync("cp", [asConfig, join(root, "test/unit")]);
  const failing = runApart({ name: "x", title: "x", kind: "as-pect" }, root);
  assert.deepEqual([failing.passed, failing.failed], [1, 2]);
  rmSync(join(root, "test/unit/fails.spec.ts"));
  const none = runApart({ name: "x", title: "x", kind: "as-pect" }, root);
  assert.deepEqual([none.passed, none.failed, none.notes], [0, 1, ["ran no test"]]);
});

test("totals: crashes and empty runs count as one failure each", () => {
  assert.equal(readAsPectSummary("it crashed"), null);
  assert.equal(judgeEnd(null, { code: 1, timedOut: false }).failed, 1);
  assert.equal(judgeEnd(addRecords(""), { code: 0, timedOut: false }).failed, 1);
  assert.equal(judgeEnd({ passed: 3, failed: 0, notes: [] }, { code: 1, timedOut: false }).failed, 1);
  assert.equal(judgeEnd({ passed: 3, failed: 2, notes: [] }, { code: 1, timedOut: false }).failed, 2);
});

test("the last line adds all suites up", () => {
  const text = describeResults([
    { name: "unit", passed: 3, failed: 0, notes: [], seconds: 1 },
    { name: "e2e", passed: 4, failed: 1, notes: ["why"], seconds: 1 },
  ]);
  assert.equal(text.split("\n").at(-1), "7 passed, 1 failed");
});

test("every test file belongs to a suite", () => {
  assert.deepEqual(findForgottenFiles(ROOT, SUITES), []);
  const root = makeProject({ "test/elsewhere/a.test.ts": "" });
  assert.deepEqual(findForgottenFiles(root, SUITES), ["test/elsewhere/a.test.ts"]);
});
