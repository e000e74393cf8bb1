// The smallest filter that is called for a request, compiled.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { compileGuest } from "../support/guest.ts";

/** The empty filter as a file of a folder. */
export async function compileEmpty(folder: string): Promise<string> {
  const file = join(folder, "empty.wasm");
  // Under valgrind, V8 cannot reserve address space for a memory without a small maximum.
  writeFileSync(
    file,
    await compileGuest("test/bench/empty-filter.ts", { options: ["--maximumMemory", "16"] }),
  );
  return file;
}
