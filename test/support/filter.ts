// The filter as it was built, for tests that run it in Node.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** The file that Envoy is given too. */
export const WASM = resolve(import.meta.dirname, "../../build/serin.wasm");

/** Where the memory's limits stand: the section's id and size, one memory, with a maximum, then both limits. */
const MEMORY_SECTION = /\x05.\x01\x01([\x80-\xff]*[\x00-\x7f])(\x80\x80\x01)/;

/** The filter with a memory that cannot grow by more than `pages` of 64 KiB: what a VM is that has used up the rest. */
export function starvedModule(pages: number): WebAssembly.Module {
  const text = readFileSync(WASM).toString("latin1");
  const limits = MEMORY_SECTION.exec(text);
  if (limits === null) throw new Error(`${WASM}: no memory of 1 GiB at the most`);
  const initial = Buffer.from(limits[1] ?? "", "latin1");
  if (initial.length !== 1) throw new Error(`${WASM}: more memory at the start than expected`);
  const maximum = (initial[0] ?? 0) + pages;
  const bytes = Buffer.from(text, "latin1");
  // LEB128, on the three bytes that are there.
  const digits = [(maximum & 0x7f) | 0x80, ((maximum >> 7) & 0x7f) | 0x80, maximum >> 14];
  bytes.set(digits, limits.index + limits[0].length - digits.length);
  return new WebAssembly.Module(bytes);
}

/** Where each section of a module ends: cut there, what is left has no broken section. */
export function sectionEnds(module: Uint8Array): number[] {
  const ends: number[] = [];
  for (let at = 8; at < module.length; ends.push(at)) {
    let size = 0;
    for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) {
      byte = module[++at] ?? 0;
      size += (byte & 0x7f) * 2 ** shift;
    }
    at += size + 1;
  }
  return ends;
}

let compiled: WebAssembly.Module | undefined;

/** The filter, compiled once a process; `SERIN_WASM` names another build of it. */
export function filterModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(process.env["SERIN_WASM"] ?? WASM));
  return compiled;
}
