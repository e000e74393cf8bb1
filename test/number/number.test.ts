// Numbers of policies against JavaScript's own: the filter's reader and printer, compiled alone, must agree with
// Number() and String() bit for bit, on edges and on random numbers from a fixed seed.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { loadGuest } from "../support/guest.ts";
import { Random } from "../support/random.ts";

const ROOM = 1 << 17;

const ENTRY = `
  import { parseDecimal, parseNumber } from "./assembly/bytes/number-parse";
  import { putNumberText } from "./assembly/bytes/number-text";
  import { beginScratch } from "./assembly/bytes/scratch";
  import { addressOf, lengthOf, sliceOf } from "./assembly/bytes/slice";
  import { beginText, textOf, Writer } from "./assembly/bytes/writer";
  const writer: Writer = changetype<Writer>(memory.data(offsetof<Writer>(), 8));
  export const input: usize = memory.data(${ROOM}, 8);
  export let output: usize = 0;
  export function parse(length: u32): f64 { return parseNumber(sliceOf(input, length)); }
  export function coerce(length: u32): f64 { return parseDecimal(sliceOf(input, length)); }
  export function print(value: f64): u32 {
    beginScratch();
    beginText(writer);
    putNumberText(writer, value);
    output = addressOf(textOf(writer));
    return lengthOf(textOf(writer));
  }
`;

interface Module {
  memory: WebAssembly.Memory;
  input: WebAssembly.Global<"i32">;
  output: WebAssembly.Global<"i32">;
  parse(length: number): number;
  coerce(length: number): number;
  print(value: number): number;
}

let module: Module;

before(async () => {
  module = await loadGuest<Module>("numbers.ts", { source: ENTRY });
});

/** Writes a text where the module reads it. @returns its length */
function give(text: string): number {
  const room = new Uint8Array(module.memory.buffer, module.input.value, ROOM);
  const { read, written } = new TextEncoder().encodeInto(text, room);
  assert.equal(read, text.length);
  return written;
}

function printed(value: number): string {
  const length = module.print(value);
  return Buffer.from(module.memory.buffer, module.output.value, length).toString("latin1");
}

/** One text must read as JavaScript reads it; -0 is not 0. */
function checkReads(text: string): void {
  const read = module.parse(give(text));
  if (!Object.is(read, Number(text))) {
    assert.fail(
      `${text.length > 900 ? `${text.slice(0, 900)}...` : text} reads as ${read}, not ${Number(text)}`,
    );
  }
}

/** One float must print as JavaScript prints it, and read back as itself. */
function checkPrints(value: number): void {
  const text = String(value);
  const ours = printed(value);
  if (ours !== text) assert.fail(`${text} is printed as ${ours}`);
  if (Number.isFinite(value)) checkReads(text);
}

function digits(random: Random, count: number): string {
  let text = "";
  while (text.length < count) text += String(random.bits()).slice(1);
  return text.slice(0, count);
}

const cell = new DataView(new ArrayBuffer(8));

function floatOf(bits: bigint): number {
  cell.setBigUint64(0, BigInt.asUintN(64, bits));
  return cell.getFloat64(0);
}

function bitsOf(value: number): bigint {
  cell.setFloat64(0, value);
  return cell.getBigUint64(0);
}

/** The exact point between a positive float and the next one, as digits and a power of ten. */
function midpointAbove(bits: bigint): { digits: bigint; power: number } {
  const biased = Number(bits >> 52n);
  const fraction = bits & 0xfffffffffffffn;
  const mantissa = biased === 0 ? fraction : fraction | (1n << 52n);
  const exponent = Math.max(biased, 1) - 1076;
  const odd = 2n * mantissa + 1n;
  if (exponent >= 0) return { digits: odd << BigInt(exponent), power: 0 };
  return { digits: odd * 5n ** BigInt(-exponent), power: exponent };
}

describe("numbers agree with JavaScript's", () => {
  test("around every power of two and of ten", () => {
    const edges: bigint[] = [];
    for (let exponent = -1074; exponent <= 1023; exponent++) edges.push(bitsOf(2 ** exponent));
    for (let power = -324; power <= 308; power++) edges.push(bitsOf(Number(`1e${power}`)));
    for (const edge of edges) {
      for (let step = -3n; step <= 3n; step++) {
        const value = floatOf(edge + step);
        checkPrints(value);
        checkPrints(-value);
      }
    }
    for (let power = -400; power <= 400; power++) {
      for (const digits of [
        "1",
        "-1",
        "9",
        "1.7976931348623157",
        "9007199254740993",
        "12345678901234567891",
      ]) {
        checkReads(`${digits}e${power}`);
        checkReads(`${digits}E+0${Math.abs(power)}`);
      }
    }
    for (const value of [0, -0, NaN, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE])
      checkPrints(value);
  });

  test("integers, and quarters where two shortest texts are as near", () => {
    const random = new Random(1);
    for (let n = -5000; n <= 5000; n++) checkPrints(n);
    for (let i = 0; i < 10_000; i++) {
      checkPrints(random.below(2 ** 53) - 2 ** 52);
      checkPrints(2 ** 49 + random.below(2 ** 49) + 0.25);
      checkPrints(2 ** 50 + random.below(2 ** 50) + 0.75);
      checkPrints(random.below(100_000_000) / 1000);
    }
  });

  test("50,000 floats of random bits", () => {
    const random = new Random(2);
    for (let i = 0; i < 50_000; i++) {
      const value = floatOf(random.bits());
      checkPrints(value);
      if (!Number.isFinite(value)) continue;
      checkReads(value.toPrecision(17));
      checkReads(value.toExponential(random.below(30)));
    }
  });

  test("100,000 random decimals of 1 to 40 digits", () => {
    const random = new Random(3);
    for (let i = 0; i < 100_000; i++) {
      let text = digits(random, 1 + random.below(i % 2 === 0 ? 40 : 19));
      const point = random.below(text.length + 1);
      if (point > 0 && point < text.length) text = `${text.slice(0, point)}.${text.slice(point)}`;
      if (i % 3 !== 0) text += `e${random.below(i % 2 === 0 ? 700 : 60) - (i % 2 === 0 ? 370 : 30)}`;
      checkReads(i % 5 === 0 ? `-${text}` : text);
    }
  });

  test("5,000 midpoints of two floats, and what is a hair beside them", () => {
    const random = new Random(4);
    for (let i = 0; i < 5_000; i++) {
      // Below the largest float's; the finest ones, with the most digits, more often than their share.
      const exponent = i % 4 === 0 ? random.below(3) : random.below(2047);
      const { digits, power } = midpointAbove((BigInt(exponent) << 52n) | (random.bits() >> 12n));
      const text = String(digits);
      checkReads(`${text}e${power}`);
      checkReads(`${digits - 1n}e${power}`);
      checkReads(`${digits + 1n}e${power}`);
      const zeros = "0".repeat(random.below(100));
      checkReads(`${text}.${zeros}1e${power}`);
      checkReads(`0.${zeros}${text}e${power + text.length + zeros.length}`);
      const cut = 1 + random.below(text.length);
      checkReads(`${text.slice(0, cut)}e${power + text.length - cut}`);
    }
  });

  test("texts of any length", () => {
    const zeros = "0".repeat(100_000);
    // The last subnormal float and the last one as finely spaced: no midpoint has more digits than the second's.
    const longest = [1n << 52n, 2n << 52n].map((behind) => String(midpointAbove(behind - 1n).digits));
    assert.deepEqual(
      longest.map((digits) => digits.length),
      [768, 768],
    );
    for (const sign of ["", "-"]) {
      checkReads(`${sign}1${zeros}e-100000`);
      checkReads(`${sign}0.${zeros}1e100001`);
      checkReads(`${sign}0.${zeros}`);
      checkReads(`${sign}1${zeros}`);
      checkReads(`${sign}1e${"9".repeat(1000)}`);
      checkReads(`${sign}1e-${"9".repeat(1000)}`);
      checkReads(`${sign}0e${"9".repeat(1000)}`);
      for (const digits of longest) {
        for (const tail of ["", "0", "1", `${zeros}`, `${zeros}1`, "000000000000000000000000000000000001"]) {
          checkReads(`${sign}${digits}.${tail || "0"}e-1075`);
          checkReads(`${sign}${digits}${tail}e-${1075 + tail.length}`);
        }
      }
    }
  });

  test("a text that is no plain decimal is NaN, any other is Number()'s", () => {
    const random = new Random(5);
    const letters = "0123456789012345.....eeE+-x _In\t";
    let decimals = 0;
    const checkCoerces = (text: string): void => {
      const isDecimal = /^([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)?$/.test(text);
      if (isDecimal) decimals++;
      const value = module.coerce(give(text));
      assert.ok(Object.is(value, isDecimal ? Number(text) : NaN), `${JSON.stringify(text)} is ${value}`);
    };
    for (const text of [
      "",
      "5.",
      ".5",
      "-.5e1",
      "+5",
      "-0",
      ".",
      "-",
      "+.",
      "e5",
      ".e5",
      "1e",
      "1e+",
      "+-1",
      "0x10",
    ])
      checkCoerces(text);
    for (const text of [
      " 1",
      "1 ",
      "1_0",
      "Infinity",
      "-Infinity",
      "NaN",
      "1.2.3",
      "1e5.",
      "1e5e5",
      "1n",
      "１",
    ])
      checkCoerces(text);
    for (let i = 0; i < 40_000; i++) {
      let text = "";
      for (let length = random.below(8); length >= 0; length--) text += letters[random.below(letters.length)];
      checkCoerces(text);
    }
    assert.ok(decimals > 4000, `only ${decimals} were decimals`);
  });
});
