// String literals of assembly/ as static bytes: what tools/project/static-words.js makes of them.

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { compileGuest, loadGuest } from "../support/guest.ts";

const ROOT = join(import.meta.dirname, "../..");
const ENTRY = "assembly/words-of-a-test.ts";
const IMPORTS = 'import { Slice, sliceOfWord } from "./bytes/slice"; import { Word } from "./bytes/word";';

interface Guest {
  memory: WebAssembly.Memory;
  [name: string]: unknown;
}

async function guestOf(body: string): Promise<Guest> {
  return loadGuest<Guest>(ENTRY, { source: `${IMPORTS}\n${body}` });
}

/** The text of what a function of the guest returns, and where it is. */
function read(guest: Guest, name: string): { at: number; text: string } {
  const slice = BigInt.asUintN(64, (guest[name] as () => bigint)());
  const at = Number(slice >> 32n);
  const bytes = new Uint8Array(guest.memory.buffer, at, Number(slice & 0xffffffffn));
  return { at, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
}

test("a literal is its UTF-8 bytes, wherever it is written", async () => {
  const guest = await guestOf(`
    export const NAME = "a constant";
    function given(word: Word): Slice { return sliceOfWord(word); }
    export function constant(): Slice { return sliceOfWord(NAME); }
    export function argument(): Slice { return given("an argument"); }
    export function either(): Slice { return given(NAME.length == 10 ? "yes \\u00e9\\u20ac\\u{1f600}" : "no"); }
    export function zero(): Slice { return given("a\\0b"); }
    export function empty(): Slice { return given(""); }
    export function long(): Slice { return given("${"x".repeat(300)}"); }
    export function again(): Slice { return sliceOfWord("a constant"); }
  `);
  assert.equal(read(guest, "constant").text, "a constant");
  assert.equal(read(guest, "argument").text, "an argument");
  assert.equal(read(guest, "either").text, "yes é€😀");
  assert.equal(read(guest, "zero").text, "a\0b");
  assert.equal(read(guest, "empty").text, "");
  assert.equal(read(guest, "long").text, "x".repeat(300));
  assert.equal(read(guest, "again").at, read(guest, "constant").at, "equal literals share their bytes");
});

test("names that the compiler itself reads stay literals", async () => {
  const guest = await guestOf(`
    @unmanaged class Pair { a: u32; b: u32; }
    export function place(): u32 { return offsetof<Pair>("b") as u32; }
  `);
  assert.equal((guest["place"] as () => number)(), 4);
});

test("a literal longer than a word can be is refused", async () => {
  const source = `${IMPORTS}\nexport function far(): Slice { return sliceOfWord("${"x".repeat(65536)}"); }`;
  await assert.rejects(compileGuest(ENTRY, { source }), /at most 65535/);
});

test("what ships has no text as UTF-16", () => {
  const module = readFileSync(join(ROOT, "build/serin.wasm")).toString("latin1");
  assert.ok(module.includes("did you mean"), "the texts are there as UTF-8");
  // Six letters in a row, each followed by a zero byte.
  assert.equal(/(?:[a-z ]\0){6}/.exec(module)?.[0], undefined);
});
