// Keeps the tree of ARCHITECTURE.md true: one line a tracked file, `path  what it is`, in a block fenced as ```tree.
// A line that ends in / stands for a whole folder, unless files below it have lines of their own: then it is a heading.
//   tsx tools/architecture.ts    adds missing files (with the first sentence of their opening comment), drops gone ones

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");
const PAGE = "ARCHITECTURE.md";
/** Folders of data: a new one gets one line. */
const DATA = /^(test\/cases\/[^/]+\/|test\/fuzz\/corpus\/).+\//;
const LONGEST = 110;
const BLOCK = /^```tree\n([\s\S]*?)^```$/m;

/** A line of the tree. */
export interface TreeLine {
  path: string;
  text: string;
  /** Line number in the page. */
  line: number;
}

/** The lines of the page's tree. */
export function readTree(page: string): TreeLine[] {
  const block = BLOCK.exec(page);
  if (!block) throw new Error(`${PAGE} has no block fenced as \`\`\`tree`);
  const first = page.slice(0, block.index).split("\n").length + 1;
  return (block[1] as string).split("\n").flatMap((raw, index) => {
    const found = /^\s*(\S+)(?:\s+(.*))?$/.exec(raw);
    return found ? [{ path: found[1] as string, text: (found[2] ?? "").trim(), line: first + index }] : [];
  });
}

/** Where the tree and the files differ, a sentence each. */
export function compareTree(lines: readonly TreeLine[], files: readonly string[]): string[] {
  const faults: string[] = [];
  const listed = new Map<string, TreeLine>();
  for (const entry of lines) {
    if (listed.has(entry.path)) faults.push(`${PAGE}:${entry.line}: ${entry.path} is listed twice`);
    if (entry.text === "") faults.push(`${PAGE}:${entry.line}: ${entry.path} does not say what it is`);
    listed.set(entry.path, entry);
  }
  const wholeFolders = lines.filter((entry) => isWholeFolder(entry, lines)).map((entry) => entry.path);
  for (const file of files) {
    if (listed.has(file) || wholeFolders.some((folder) => file.startsWith(folder))) continue;
    faults.push(`${PAGE}: ${file} is not listed`);
  }
  for (const { path, line } of lines) {
    const isThere = path.endsWith("/") ? files.some((file) => file.startsWith(path)) : files.includes(path);
    if (!isThere) faults.push(`${PAGE}:${line}: ${path} is not there`);
  }
  return faults;
}

/** Files that git knows and that are there. */
export function trackedFiles(root = ROOT): string[] {
  return execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" })
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .sort();
}

/** The page with a tree of exactly these files; what lines say is kept, new ones are asked of `describe`. */
export function updateTree(
  page: string,
  files: readonly string[],
  describe: (path: string) => string,
): string {
  const lines = readTree(page);
  const wholeFolders = lines.filter((entry) => isWholeFolder(entry, lines));
  const texts = new Map(lines.map((entry) => [entry.path, entry.text]));
  const kept = lines.filter(
    (entry) => entry.path.endsWith("/") && files.some((file) => file.startsWith(entry.path)),
  );
  const paths = new Set(kept.map((entry) => entry.path));
  for (const file of files) {
    if (!wholeFolders.some((folder) => file.startsWith(folder.path))) paths.add(DATA.exec(file)?.[1] ?? file);
  }
  const width = Math.max(...[...paths].map((path) => path.length)) + 2;
  const rows = [...paths]
    .sort(byTree)
    .map((path) => `${path.padEnd(width)}${texts.get(path) ?? describe(path)}`.trimEnd());
  return page.replace(BLOCK, () => `\`\`\`tree\n${rows.join("\n")}\n\`\`\``);
}

function isWholeFolder(entry: TreeLine, lines: readonly TreeLine[]): boolean {
  return (
    entry.path.endsWith("/") && !lines.some(({ path }) => path !== entry.path && path.startsWith(entry.path))
  );
}

/** Files of a folder before its folders, each by name; the top level last, as `ls` of a tree reads best. */
function byTree(a: string, b: string): number {
  const key = (path: string): string => {
    const parts = path.split("/");
    const name = parts.pop() as string;
    const folder = parts.length === 0 ? "\uffff" : parts.map((part) => `1${part}/`).join("");
    return `${folder}${name === "" ? "" : `0${name}`}`;
  };
  return key(a) < key(b) ? -1 : 1;
}

/** The first sentence of a file's opening comment, else of its first documentation comment, else its first heading. */
function describeFile(path: string): string {
  const text = readFileSync(join(ROOT, path), "utf8").replace(/^#!.*\n|^# yaml-language-server:.*\n/gm, "");
  if (path.endsWith(".md")) return /^# (.*)$/m.exec(text)?.[1] ?? "";
  const opening = /^(?:[ \t]*(?:\/\/|#)[^\n]*\n)+/.exec(text)?.[0].replace(/^[ \t]*(?:\/\/|#) ?/gm, "");
  const first = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1]?.replace(/^[ \t]*\* ?/gm, "");
  const words = (opening ?? first ?? "").replace(/\s+/g, " ").trim();
  const sentence = /^(.*?)\.(?:\s|$)/.exec(words)?.[1] ?? words;
  return sentence.length <= LONGEST
    ? sentence
    : (/^(.{20,}?)[:;,(] ?/.exec(sentence)?.[1] ?? sentence).trim();
}

if (resolve(process.argv[1] ?? "") === import.meta.filename) {
  const page = readFileSync(join(ROOT, PAGE), "utf8");
  writeFileSync(join(ROOT, PAGE), updateTree(page, trackedFiles(), describeFile));
  for (const fault of compareTree(readTree(readFileSync(join(ROOT, PAGE), "utf8")), trackedFiles()))
    console.log(fault);
}
