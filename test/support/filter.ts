// The filter as it was built, for tests that run it in Node.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** The file that Envoy is given too. */
export const WASM = resolve(import.meta.dirname, "../../build/serin.wasm");

let compiled: WebAssembly.Module | undefined;

/** The filter, compiled once a process; `SERIN_WASM` names another build of it. */
export function filterModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(process.env["SERIN_WASM"] ?? WASM));
  return compiled;
}
