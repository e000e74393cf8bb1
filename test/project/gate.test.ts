// The binary gate (tools/project/gate) is tried on modules that each do one thing it must refuse, and on the one it must let
// through. Modules are written as WebAssembly text; `npm run build` runs the same gate on build/serin.wasm.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, test } from "node:test";

import binaryen from "binaryen";

import { MAXIMUM_BYTES, REQUIRED_EXPORTS } from "../../tools/project/gate/contract.ts";
import { describeFaults, judge } from "../../tools/project/gate/gate.ts";
import { withoutCustomSections } from "../../tools/project/gate/sections.ts";
import { parseText } from "../../tools/project/gate/text.ts";
import { findCycles, findTraps } from "../../tools/project/gate/traps.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "serin-gate-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const EXPORTS = [...REQUIRED_EXPORTS]
  .filter((name) => name !== "memory")
  .map((name) => `(func (export "${name}"))`)
  .join("\n");
const MEMORY = '(memory (export "memory") 1 16384)';

/** The gate's verdict on a module that fulfils the contract but for `extra`. */
function judgeText(extra: string, memory = MEMORY, exports = EXPORTS): string[] {
  const module = binaryen.parseText(`(module ${extra.includes("(import") ? extra : ""} ${memory} ${exports}
    ${extra.includes("(import") ? "" : extra})`);
  module.setFeatures(binaryen.Features.All);
  const path = join(folder, "module.wasm");
  writeFileSync(path, module.emitBinary());
  module.dispose();
  return describeFaults(judge(path));
}

/** The kinds of traps in a function body. */
function kindsIn(
  body: string,
  params = "(param $a i32) (param $b i32) (param $l i64) (param $f f64)",
): string[] {
  return findTraps(parseText(`(module (func $probe ${params} ${body}))`)).map((trap) => trap.kind);
}

describe("the surface", () => {
  test("a module that fulfils the contract passes", () => {
    assert.deepEqual(judgeText(""), []);
  });

  test("imports of the contract pass, others are refused by name", () => {
    assert.deepEqual(judgeText('(import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))'), []);
    assert.match(judgeText('(import "env" "abort" (func (param i32)))').join(), /import env\.abort/);
    assert.match(judgeText('(import "env" "seed" (func (result f64)))').join(), /import env\.seed/);
    assert.match(judgeText('(import "env" "memory2" (global i32))').join(), /import env\.memory2/);
    assert.match(
      judgeText('(import "wasi_snapshot_preview1" "clock_time_get" (func))').join(),
      /clock_time_get/,
    );
  });

  test("an export too many or missing is refused by name", () => {
    assert.match(
      judgeText('(func (export "proxy_on_queue_ready"))').join(),
      /export proxy_on_queue_ready: not in/,
    );
    const without = EXPORTS.replace('(func (export "proxy_on_done"))', "");
    assert.match(judgeText("", MEMORY, without).join(), /export proxy_on_done: missing/);
  });

  test("a start section is refused", () => {
    assert.match(judgeText("(func $s) (start $s)").join(), /start section/);
  });

  test("memory without maximum, or with another, is refused", () => {
    assert.match(judgeText("", '(memory (export "memory") 1)').join(), /no maximum/);
    assert.match(judgeText("", '(memory (export "memory") 1 100)').join(), /maximum 100 pages/);
  });

  test("a module over the size limit is refused", () => {
    const data = `(data (i32.const 0) "${"x".repeat(MAXIMUM_BYTES)}")`;
    assert.match(judgeText(data).join(), new RegExp(`^size: \\d+ bytes, at most ${MAXIMUM_BYTES}`));
  });
});

describe("trap sites", () => {
  test("unreachable", () => {
    assert.deepEqual(kindsIn("(if (local.get $a) (then (unreachable)))"), ["unreachable"]);
  });

  test("division and remainder by a variable, by 0, and the signed quotient by -1", () => {
    for (const operation of ["div_s", "div_u", "rem_s", "rem_u"]) {
      const by = (divisor: string): string[] =>
        kindsIn(`(drop (i32.${operation} (local.get $a) ${divisor}))`);
      assert.deepEqual(by("(local.get $b)"), ["division"], operation);
      assert.deepEqual(by("(i32.const 0)"), ["division"], operation);
      assert.deepEqual(by("(i32.const 10)"), [], operation);
      assert.deepEqual(by("(i32.const -1)"), operation === "div_s" ? ["division"] : [], operation);
    }
    assert.deepEqual(kindsIn("(drop (i64.div_u (local.get $l) (local.get $l)))"), ["division"]);
    assert.deepEqual(kindsIn("(drop (f64.div (local.get $f) (local.get $f)))"), []);
  });

  test("float to integer, unless it saturates", () => {
    assert.deepEqual(kindsIn("(drop (i32.trunc_f64_u (local.get $f)))"), ["truncation"]);
    assert.deepEqual(kindsIn("(drop (i64.trunc_f32_s (f32.const 1)))"), ["truncation"]);
    assert.deepEqual(kindsIn("(drop (i32.trunc_sat_f64_u (local.get $f)))"), []);
  });

  test("calls through a table", () => {
    assert.deepEqual(kindsIn("(call_indirect (type $t) (local.get $a))"), ["indirect call"]);
  });

  test("recursion, direct and through others, is named as a cycle", () => {
    const text =
      "(module (func $a (call $b)) (func $b (call $c)) (func $c (call $b) (call $d)) (func $d) (func $e (call $e)))";
    const traps = findTraps(parseText(text));
    assert.deepEqual(
      traps.map((trap) => trap.kind),
      ["recursion", "recursion"],
    );
    assert.match(traps[0]?.detail ?? "", /^b -> c -> b /);
    assert.match(traps[1]?.detail ?? "", /^e -> e /);
    assert.deepEqual(
      findCycles(
        new Map([
          ["a", new Set(["b"])],
          ["b", new Set<string>()],
        ]),
      ),
      [],
    );
  });

  test("memory grows in one function only", () => {
    const grow = "(drop (memory.grow (i32.const 1)))";
    assert.deepEqual(findTraps(parseText(`(module (func $a ${grow} ${grow}))`)), []);
    const two = findTraps(parseText(`(module (func $a ${grow}) (func $b ${grow}))`));
    assert.deepEqual(
      two.map((trap) => [trap.kind, trap.inFunction]),
      [
        ["memory growth", "a"],
        ["memory growth", "b"],
      ],
    );
  });

  test("instructions of tables, references and passive segments", () => {
    for (const one of [
      "(drop (table.get $t (i32.const 0)))",
      "(memory.init 0 (i32.const 0))",
      "(throw $e)",
    ]) {
      assert.deepEqual(kindsIn(one), ["other"], one);
    }
  });

  test("are told with function and source line", () => {
    const text = "(module (func $assembly/core/x\n ;;@ assembly/core/x.ts:12:4\n (unreachable)))";
    const trap = findTraps(parseText(text))[0];
    assert.equal(trap?.source, "assembly/core/x.ts:12:5");
    assert.equal(trap.inFunction, "assembly/core/x");
  });
});

describe("what ships", () => {
  const wasm = join(ROOT, "build/serin.wasm");

  test("build/serin.wasm passes the gate", () => {
    assert.ok(existsSync(wasm), "build/serin.wasm is not there: npm run build");
    assert.deepEqual(describeFaults(judge(wasm)), []);
  });

  test("names are taken off, code is untouched", () => {
    const module = binaryen.parseText('(module (func $named_function (export "f") (nop)))');
    binaryen.setDebugInfo(true);
    const named = module.emitBinary();
    binaryen.setDebugInfo(false);
    const plain = module.emitBinary();
    assert.ok(Buffer.from(named).includes("named_function"));
    assert.deepEqual(Buffer.from(withoutCustomSections(named)), Buffer.from(plain));
  });
});
