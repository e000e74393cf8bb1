// The smallest filter that is called for a request, compiled.

import type * as Compiler from "assemblyscript/asc";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");

/** The empty filter as a file of a folder. */
export async function compileEmpty(folder: string): Promise<string> {
  const { createMemoryStream, main: compile } = await importCompiler();
  let bytes: Uint8Array | null = null;
  const { error } = await compile(
    [
      "test/bench/empty-filter.ts",
      // Nothing of asconfig.json: the filter itself would be compiled along.
      ...["--config", "none"],
      ...["--baseDir", ROOT, "--runtime", "stub", "-O3", "--exportStart", "_initialize", "--use", "abort="],
      // Under valgrind, V8 cannot reserve address space for a memory without a small maximum.
      ...["--maximumMemory", "16"],
      ...["--outFile", "empty.wasm"],
    ],
    {
      stderr: createMemoryStream(),
      writeFile: (_name: string, contents: Uint8Array | string) => {
        if (typeof contents !== "string") bytes = contents;
      },
    },
  );
  if (error !== null || bytes === null) throw error ?? new Error("the compiler wrote no module");
  const file = join(folder, "empty.wasm");
  writeFileSync(file, bytes);
  return file;
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
