// The filter with a byte for each branch of its code, set where the branch is taken: so that fuzzing can keep what reaches
// something new. The same sources with the same optimiser; the bytes lie below the module's data, which is compiled to begin
// 64 KiB higher.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { createMemoryStream, main as compile } from "assemblyscript/asc";

import { WASM } from "../support/filter.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const MAP_BYTES = 65_536;
/** Lines of the text behind which a branch has been taken, and those at which a loop or an arm begins. */
const BRANCH = /^\s*(if|else|loop|br_if)\b/;

export interface Instrumented {
  readonly module: WebAssembly.Module;
  /** How many branches have a byte. */
  readonly branches: number;
}

/** Compiles it (half a minute of computing), once for each build/serin.wasm. */
export async function instrumentedFilter(): Promise<Instrumented> {
  const shipped = createHash("sha256").update(readFileSync(WASM)).digest("hex").slice(0, 16);
  const kept = join(ROOT, "build/cache", `branches-${shipped}.json`);
  if (existsSync(kept)) {
    const { branches, wasm } = JSON.parse(readFileSync(kept, "utf8")) as { branches: number; wasm: string };
    return { module: new WebAssembly.Module(new Uint8Array(Buffer.from(wasm, "base64"))), branches };
  }
  const texts = new Map<string, string>();
  const stderr = createMemoryStream();
  const args = ["--config", "asconfig.json", "--target", "release", "--baseDir", ROOT];
  const { error } = await compile([...args, "--memoryBase", String(MAP_BYTES)], {
    stderr,
    writeFile: (name, contents) => {
      if (typeof contents === "string") texts.set(name, contents);
    },
  });
  const text = [...texts].find(([name]) => name.endsWith(".wat"))?.[1];
  if (error !== null || text === undefined) throw new Error(`it does not compile: ${stderr.toString()}`);
  let branches = 0;
  const lines = text.split("\n").map((line) => {
    if (!BRANCH.test(line)) return line;
    if (branches === MAP_BYTES) throw new Error(`more than ${MAP_BYTES} branches`);
    return `${line}\n i32.const ${branches++}\n i32.const 1\n i32.store8`;
  });
  const wasm = assemble(lines.join("\n"));
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(kept, JSON.stringify({ branches, wasm: wasm.toString("base64") }));
  return { module: new WebAssembly.Module(wasm), branches };
}

function assemble(text: string): Buffer<ArrayBuffer> {
  const folder = mkdtempSync(join(tmpdir(), "serin-coverage-"));
  try {
    const [from, to] = [join(folder, "filter.wat"), join(folder, "filter.wasm")];
    writeFileSync(from, text);
    const binaryen = dirname(createRequire(import.meta.url).resolve("binaryen/package.json"));
    const run = spawnSync(process.execPath, [join(binaryen, "bin", "wasm-as"), "-all", from, "-o", to], {
      encoding: "utf8",
    });
    if (run.status !== 0) throw new Error(`wasm-as: ${run.stderr.slice(0, 2000)}`);
    return Buffer.from(new Uint8Array(readFileSync(to)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Which branches were ever taken. */
export class Coverage {
  readonly #seen: Uint8Array;
  readonly #words: Uint32Array;
  reached = 0;

  constructor(branches: number) {
    this.#words = new Uint32Array(Math.ceil(branches / 4));
    this.#seen = new Uint8Array(this.#words.buffer);
  }

  /** Whether a VM has taken one that none did before. */
  wouldAdd(memory: WebAssembly.Memory): boolean {
    const words = new Uint32Array(memory.buffer, 0, this.#words.length);
    return words.some((taken, i) => (taken & ~(this.#words[i] as number)) !== 0);
  }

  /** Adds what a VM has taken. @returns how many of those are new */
  add(memory: WebAssembly.Memory): number {
    const words = new Uint32Array(memory.buffer, 0, this.#words.length);
    const before = this.reached;
    for (let i = 0; i < words.length; i++) {
      const taken = words[i] as number;
      if ((taken & ~(this.#words[i] as number)) === 0) continue;
      for (let at = i * 4; at < i * 4 + 4; at++) {
        if (this.#seen[at] === 0 && ((taken >>> ((at & 3) * 8)) & 1) === 1) {
          this.#seen[at] = 1;
          this.reached++;
        }
      }
    }
    return this.reached - before;
  }

  /** The branches that were never taken, by number. */
  missing(branches: number): number[] {
    return Array.from({ length: branches }, (_, i) => i).filter((i) => this.#seen[i] === 0);
  }
}
