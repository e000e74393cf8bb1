// What V8 spends before a module answers its first call, with the settings that Envoy gives it, on one thread: compiling,
// instantiating (memory, data), and the module's own start.
//   node --no-liftoff --no-wasm-lazy-compilation --single-threaded --import tsx test/bench/compile.ts [FILE]

import { readFileSync } from "node:fs";

import { WASM } from "../support/filter.ts";

const bytes = readFileSync(process.argv[2] ?? WASM);

/** Milliseconds of processor time, which other work of the machine does not lengthen. */
function timed<T>(what: string, act: () => T): T {
  const begin = process.cpuUsage();
  const result = act();
  const { user, system } = process.cpuUsage(begin);
  console.log(`${what.padEnd(22)}${((user + system) / 1000).toFixed(1).padStart(7)} ms`);
  return result;
}

const module = timed("compile", () => new WebAssembly.Module(bytes));
const imports: Record<string, Record<string, () => number>> = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  (imports[from] ??= {})[name] = () => 0;
}
const { exports } = timed("instantiate", () => new WebAssembly.Instance(module, imports));
const call = (name: string, ...args: number[]): void => {
  const entry = exports[name];
  if (typeof entry === "function") timed(name, () => void (entry as (...args: number[]) => unknown)(...args));
};
call("_initialize");
call("proxy_on_context_create", 1, 0);
call("proxy_on_vm_start", 1, 0);
