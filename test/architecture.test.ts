// ARCHITECTURE.md's tree lists exactly the files that are there (npm run architecture brings it up to date).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

import { compareTree, readTree, trackedFiles, updateTree } from "../tools/architecture.ts";

const ROOT = resolve(import.meta.dirname, "..");

function page(...lines: string[]): string {
  return `# Architecture\n\n\`\`\`tree\n${lines.join("\n")}\n\`\`\`\n`;
}

test("ARCHITECTURE.md lists exactly the tracked files", () => {
  const faults = compareTree(readTree(readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8")), trackedFiles());
  assert.equal(faults.length, 0, `\n${faults.join("\n")}\nnpm run architecture adds and drops lines\n`);
});

test("a missing file, a gone file, a double line and a line without words are each named", () => {
  const lines = readTree(page("a.ts  the a", "b.ts  the b", "b.ts  again", "c.ts"));
  assert.deepEqual(compareTree(lines, ["a.ts", "c.ts", "d.ts"]), [
    "ARCHITECTURE.md:6: b.ts is listed twice",
    "ARCHITECTURE.md:7: c.ts does not say what it is",
    "ARCHITECTURE.md: d.ts is not listed",
    "ARCHITECTURE.md:5: b.ts is not there",
    "ARCHITECTURE.md:6: b.ts is not there",
  ]);
});

test("a folder's line stands for all of it, or is a heading when files below have lines", () => {
  const files = ["data/1.json", "data/2.json", "tools/a.ts", "tools/b.ts"];
  assert.deepEqual(compareTree(readTree(page("data/  cases", "tools/  the tools", "tools/a.ts  a")), files), [
    "ARCHITECTURE.md: tools/b.ts is not listed",
  ]);
  assert.deepEqual(compareTree(readTree(page("gone/  cases")), []), [
    "ARCHITECTURE.md:4: gone/ is not there",
  ]);
});

test("an update keeps what was said, adds and drops lines, in the order of a tree", () => {
  const before = page(
    "z.md  the top",
    "tools/  the tools",
    "tools/gone.ts  gone",
    "tools/a.ts  the a",
    "data/  cases",
  );
  const files = ["a.md", "data/1.json", "tools/a.ts", "tools/b/c.ts", "tools/z.ts", "z.md"];
  const after = updateTree(before, files, (path) => `new ${path}`);
  assert.deepEqual(
    readTree(after).map(({ path, text }) => `${path} ${text}`),
    [
      "data/ cases",
      "tools/ the tools",
      "tools/a.ts the a",
      "tools/z.ts new tools/z.ts",
      "tools/b/c.ts new tools/b/c.ts",
      "a.md new a.md",
      "z.md the top",
    ],
  );
  assert.deepEqual(compareTree(readTree(after), files), []);
});
