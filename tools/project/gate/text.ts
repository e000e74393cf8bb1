// Reads WebAssembly text as binaryen's wasm-dis prints it: nested lists of words, and before a list, as a
// comment, the source line it was compiled from.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** A list `(head ...)` of the text. */
export interface Node {
  /** The first word: `func`, `i32.div_s`, ... */
  head: string;
  /** The words and lists after it, in order; strings keep their quotes. */
  parts: (string | Node)[];
  /** `file:line:column` of the source, where the source map knows it. */
  source?: string;
}

/** The module's text, with source lines where a map is given. */
export function disassemble(wasmPath: string, mapPath?: string): string {
  const binaryen = dirname(createRequire(import.meta.url).resolve("binaryen"));
  const args = [join(binaryen, "bin", "wasm-dis"), wasmPath, "-o", "-"];
  if (mapPath !== undefined) args.push("--source-map", mapPath);
  const run = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 1 << 30 });
  if (run.status !== 0) {
    throw new Error(`wasm-dis cannot read ${wasmPath}: ${run.stderr.trim() || `status ${run.status}`}`);
  }
  return run.stdout;
}

const TOKEN = /;;@ ?([^\n]*)|;;[^\n]*|\(;[\s\S]*?;\)|"(?:[^"\\]|\\[\s\S])*"|[()]|[^\s()"]+/g;

/** The outermost list of the text. */
export function parseText(text: string): Node {
  const root: Node = { head: "", parts: [] };
  const open: Node[] = [root];
  let source: string | undefined;
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    const innermost = open[open.length - 1] as Node;
    if (token.startsWith(";;@")) {
      source = match[1] ? oneBased(match[1]) : undefined;
    } else if (token.startsWith(";;") || token.startsWith("(;")) {
      continue;
    } else if (token === "(") {
      const node: Node = { head: "", parts: [] };
      if (source !== undefined) node.source = source;
      innermost.parts.push(node);
      open.push(node);
    } else if (token === ")") {
      if (open.length === 1) throw new Error("the module's text closes more lists than it opens");
      open.pop();
      // A new function begins without a known line: the last one's would mislead.
      if (innermost.head === "func") source = undefined;
    } else if (innermost.head === "" && innermost !== root) {
      innermost.head = token;
    } else {
      innermost.parts.push(token);
    }
  }
  const first = root.parts[0];
  if (open.length !== 1 || first === undefined || typeof first === "string" || first.head !== "module") {
    throw new Error("the module's text is not one (module ...)");
  }
  return first;
}

/** The lists directly inside this one. */
export function lists(node: Node): Node[] {
  return node.parts.filter((part): part is Node => typeof part !== "string");
}

/** The words directly inside this one. */
export function words(node: Node): string[] {
  return node.parts.filter((part): part is string => typeof part === "string");
}

/** A source map counts columns from 0, people and editors from 1. */
function oneBased(source: string): string {
  return source.replace(/:(\d+)$/, (_, column: string) => `:${Number(column) + 1}`);
}
