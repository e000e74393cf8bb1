// ARCHITECTURE.md is a page, and its tree lists the folders that are there.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { test } from "node:test";

const ROOT = resolve(import.meta.dirname, "..");
const LONGEST_PAGE = 150;
/** Folders below these have no line of their own: their parent's says what they hold. */
const WITHOUT_LINES = /^(?:test\/[^/]+|docs\/decisions|envoy\/[^/]+|tools\/[^/]+|assembly\/core\/logic)\/./;

interface TreeLine {
  readonly folder: string;
  readonly text: string;
}

function readTree(page: string): TreeLine[] {
  const block = /^```tree\n([\s\S]*?)^```$/m.exec(page);
  assert.ok(block, "ARCHITECTURE.md has no block fenced as ```tree");
  return (block[1] as string)
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [folder = "", ...words] = line.split(/\s+/);
      return { folder: folder.replace(/\/$/, ""), text: words.join(" ") };
    });
}

/** The folders of these files that a page of architecture has a line for. */
function foldersOf(files: readonly string[]): Set<string> {
  const folders = new Set<string>();
  for (const file of files) {
    for (let folder = posix.dirname(file); folder !== "."; folder = posix.dirname(folder)) {
      if (!WITHOUT_LINES.test(folder)) folders.add(folder);
    }
  }
  return folders;
}

/** Where the tree and the folders differ, a sentence each. */
function compareTree(lines: readonly TreeLine[], files: readonly string[]): string[] {
  const faults: string[] = [];
  const listed = new Set<string>();
  const folders = foldersOf(files);
  for (const { folder, text } of lines) {
    if (listed.has(folder)) faults.push(`${folder}/ is listed twice`);
    if (!folders.has(folder)) faults.push(`${folder}/ is not there`);
    if (text === "") faults.push(`${folder}/ does not say what it is`);
    listed.add(folder);
  }
  for (const folder of folders) if (!listed.has(folder)) faults.push(`${folder}/ is not listed`);
  return faults.sort();
}

const page = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8");

test("ARCHITECTURE.md lists the folders that are there", () => {
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" })
    .split("\0")
    .filter((file) => file !== "" && existsSync(join(ROOT, file)));
  const faults = compareTree(readTree(page), files);
  assert.equal(faults.length, 0, `\nARCHITECTURE.md:\n${faults.join("\n")}\n`);
});

test(`ARCHITECTURE.md has at most ${LONGEST_PAGE} lines`, () => {
  const lines = page.trimEnd().split("\n").length;
  assert.ok(lines <= LONGEST_PAGE, `${lines} lines`);
});

test("a missing folder, one that is gone, a double line and a line without words are each named", () => {
  const lines = readTree("```tree\na/  the a\ngone/  gone\na/  again\nb/\n```\n");
  assert.deepEqual(compareTree(lines, ["a/x.ts", "b/x.ts", "c/d/x.ts", "test/cases/match/one/case.yaml"]), [
    "a/ is listed twice",
    "b/ does not say what it is",
    "c/ is not listed",
    "c/d/ is not listed",
    "gone/ is not there",
    "test/ is not listed",
    "test/cases/ is not listed",
  ]);
});

test("every decision says its status and its date under its title", () => {
  const folder = join(ROOT, "docs/decisions");
  const names = readdirSync(folder).filter((name) => name.endsWith(".md"));
  assert.ok(names.length > 5, `only ${names.length} decisions found`);
  const without = names.filter((name) => {
    const [title = "", empty, status = ""] = readFileSync(join(folder, name), "utf8").split("\n");
    const isSaid = /^Status: (?:accepted|superseded by \S+), \d{4}-\d\d-\d\d\.$/.test(status);
    return !(title.startsWith("# ") && empty === "" && isSaid);
  });
  assert.deepEqual(without, []);
});
