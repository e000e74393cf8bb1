import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { CommandError, fileError } from "../terminal/command-error.ts";

/** The package's folder: the nearest one above this file (bundled or not) that holds the package.json. */
export function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new CommandError("serin's own package.json is missing: install it again");
    folder = parent;
  }
  return folder;
}

/** The version in package.json. */
export function packageVersion(): string {
  const text = readFileSync(join(packageFolder(), "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/**
 * The .wasm that Envoy loads and every command runs: absolute. The environment variable SERIN_WASM names
 * another build of it.
 */
export function filterPath(): string {
  return process.env["SERIN_WASM"] || join(packageFolder(), "build", "serin.wasm");
}

/** Without these no host can configure a proxy-wasm filter. */
const NEEDED_EXPORTS = ["memory", "proxy_on_memory_allocate", "proxy_on_configure"];

/** Compiles the filter once; instances are made of it at will. */
export function loadFilter(): WebAssembly.Module {
  const path = filterPath();
  let bytes: Buffer<ArrayBuffer>;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (process.env["SERIN_WASM"] || existsSync(path)) throw fileError(path, error);
    throw new CommandError(`${path}: not built yet: run npm run build`);
  }
  return compileFilter(path, bytes);
}

/**
 * Compiles what is in the file.
 * @throws CommandError when Envoy could not run it: it was cut, or is something else
 */
export function compileFilter(path: string, bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(bytes);
  } catch (error) {
    throw new CommandError(`${path}: not a WebAssembly module: ${(error as Error).message}`);
  }
  // Cut between its first sections it still compiles.
  const exported = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  const missing = NEEDED_EXPORTS.find((name) => !exported.has(name));
  if (missing !== undefined) {
    throw new CommandError(
      `${path}: not the filter: it does not export ${missing}; the file may be incomplete`,
    );
  }
  return module;
}
