// Small modules of AssemblyScript that a test calls by itself: parts of the filter, compiled as the filter is compiled.

import type * as Compiler from "assemblyscript/asc";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

export interface GuestOptions {
  /** The text of the entry file, when there is no such file. */
  readonly source?: string;
  /** Options of asc, added to those that the filter has too. */
  readonly options?: readonly string[];
}

/**
 * Compiles a module.
 * @param entry its entry file, from the root of the repository
 * @returns the .wasm
 */
export async function compileGuest(
  entry: string,
  { source, options = [] }: GuestOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { createMemoryStream, main: compile } = await importCompiler();
  const stderr = createMemoryStream();
  let binary: Uint8Array | undefined;
  const { error } = await compile(
    [
      ...[entry, "--baseDir", ROOT, "--outFile", "guest.wasm"],
      // A configuration that is not there: asconfig.json would add the whole filter.
      ...["--config", "none"],
      ...["--runtime", "stub", "--use", "abort=", "-O3s", "--exportStart", "_initialize", ...options],
      ...["--transform", "./tools/project/static-words.js"],
    ],
    {
      stderr,
      readFile: (name, baseDir) => {
        if (source !== undefined && name === entry) return source;
        const path = resolve(baseDir, name);
        return existsSync(path) ? readFileSync(path, "utf8") : null;
      },
      writeFile: (_name, contents) => void (binary = contents as Uint8Array),
    },
  );
  if (error !== null || binary === undefined) {
    throw new Error(`${entry} does not compile\n${stderr.toString()}`);
  }
  return new Uint8Array(binary);
}

/** Compiles a module and starts it. @returns its exports */
export async function loadGuest<Exports>(entry: string, options: GuestOptions = {}): Promise<Exports> {
  const { instance } = await WebAssembly.instantiate(await compileGuest(entry, options), {});
  const guest = instance.exports as unknown as Exports & { _initialize?(): void };
  guest._initialize?.();
  return guest;
}

/** The compiler takes a `--wasm` among this process's own arguments for a build of itself: it must not see them. */
async function importCompiler(): Promise<typeof Compiler> {
  const args = process.argv.splice(2);
  try {
    return await import("assemblyscript/asc");
  } finally {
    process.argv.push(...args);
  }
}
