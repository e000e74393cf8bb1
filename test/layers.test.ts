// Imports go one way (ARCHITECTURE.md): a file of assembly/ or tools/ that reaches the wrong way is named with its
// line, and so is a circle of files that import each other, be it for their types alone. The rules are the table below;
// the tests after it plant wrong imports and circles to see that they are found. Nor does a file of assembly/ write the
// size of a record as a number.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { describe, test } from "node:test";

const ROOT = resolve(import.meta.dirname, "..");

const WORDS = "assembly/vocabulary";

/** For each layer, the layers it may import from besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "assembly/index.ts": ["assembly/filter"],
  "assembly/filter": [
    "assembly/host",
    "assembly/policy",
    "assembly/core",
    "assembly/bytes",
    "assembly/vocabulary",
  ],
  "assembly/policy": ["assembly/core", "assembly/bytes", "assembly/vocabulary"],
  "assembly/core": ["assembly/bytes", "assembly/vocabulary"],
  "assembly/host": ["assembly/bytes", "assembly/vocabulary"],
  "assembly/bytes": ["assembly/vocabulary"],
  "assembly/vocabulary": [],
  // The floors of tools/, from the ground up. u32 arithmetic does not port to JavaScript: tools run the .wasm, they do
  // not import it.
  "tools/terminal": [],
  "tools/statistics": [],
  "tools/envoy": [],
  "tools/emulator": [WORDS],
  "tools/policy": [WORDS, "tools/emulator", "tools/terminal"],
  "tools/decision": ["tools/policy", "tools/emulator", "tools/terminal"],
  "tools/release": [
    WORDS,
    "tools/decision",
    "tools/verdict",
    "tools/metrics",
    "tools/statistics",
    "tools/policy",
    "tools/emulator",
    "tools/terminal",
  ],
  "tools/metrics": [WORDS, "tools/policy", "tools/statistics", "tools/terminal"],
  "tools/verdict": [WORDS, "tools/metrics", "tools/statistics", "tools/terminal"],
  "tools/report": [WORDS, "tools/verdict", "tools/metrics", "tools/statistics", "tools/terminal"],
  "tools/status": [WORDS, "tools/verdict", "tools/metrics", "tools/policy", "tools/terminal"],
  "tools/plan": ["tools/release", "tools/verdict", "tools/statistics", "tools/policy", "tools/terminal"],
  "tools/ambassador": [WORDS, "tools/policy", "tools/terminal"],
  "tools/dashboard": [
    WORDS,
    "tools/verdict",
    "tools/metrics",
    "tools/policy",
    "tools/statistics",
    "tools/terminal",
  ],
  "tools/demo": [
    WORDS,
    "tools/release",
    "tools/decision",
    "tools/verdict",
    "tools/metrics",
    "tools/policy",
    "tools/emulator",
    "tools/envoy",
    "tools/statistics",
    "tools/terminal",
  ],
  "tools/commands": [
    WORDS,
    "tools/ambassador",
    "tools/dashboard",
    "tools/plan",
    "tools/status",
    "tools/release",
    "tools/report",
    "tools/verdict",
    "tools/metrics",
    "tools/decision",
    "tools/policy",
    "tools/emulator",
    "tools/terminal",
  ],
  "tools/cli.ts": ["tools/commands", "tools/policy", "tools/terminal"],
  // Not shipped: nothing above imports it.
  "tools/project": [WORDS, "tools/dashboard", "tools/envoy", "tools/terminal"],
};

const HOST_CALLS = "assembly/host/abi.ts";
const HOST_PACKAGE = "@solo-io/proxy-runtime";

/** What is wrong with the imports of one file, `file:line: why` each. */
function findWrongImports(file: string, text: string): string[] {
  const faults: string[] = [];
  const from = layerOf(file);
  const code = blankComments(text);
  const fault = (offset: number, why: string): void => {
    faults.push(`${file}:${code.slice(0, offset).split("\n").length}: ${why}`);
  };
  if (from === null) {
    fault(0, `belongs to no layer; known are ${Object.keys(MAY_IMPORT).join(", ")}`);
    return faults;
  }
  const inFilter = file.startsWith("assembly/");
  for (const { specifier, offset } of importsOf(code)) {
    if (!specifier.startsWith(".")) {
      if (!inFilter) continue;
      if (!specifier.startsWith(HOST_PACKAGE))
        fault(offset, `the filter imports no package but ${HOST_PACKAGE}`);
      else if (file !== HOST_CALLS) fault(offset, `only ${HOST_CALLS} imports ${HOST_PACKAGE}`);
      continue;
    }
    const target = posix.normalize(posix.join(posix.dirname(file), specifier));
    const to = layerOf(target);
    if (to === from) continue;
    if (to === null) {
      if (inFilter) fault(offset, `${from} imports ${target}, which is outside of assembly/`);
      else if (/^(test|tools|assembly)\//.test(target))
        fault(offset, `${from} imports ${target}, which is outside of tools/`);
    } else if (!MAY_IMPORT[from]?.includes(to)) {
      fault(
        offset,
        `${from} may not import ${to} (${target}); it may: ${MAY_IMPORT[from]?.join(", ") || "nothing"}`,
      );
    }
  }
  if (inFilter && file !== HOST_CALLS) {
    for (const match of code.matchAll(/@external\b/g)) {
      fault(match.index, `only ${HOST_CALLS} declares host calls (@external)`);
    }
  }
  return faults;
}

/**
 * Sizes of records written by hand in one file: with a field more in the class, its neighbour in memory is overwritten
 * without a word. A size comes from `offsetof` or `sizeof`, or is a constant with a name that is made of these.
 */
function findSizesByHand(file: string, text: string): string[] {
  const code = blankComments(text);
  const number = String.raw`[\s\d_x*+<()-]*\d[\s\d_x*+<()-]*`;
  const patterns: [pattern: RegExp, what: string][] = [
    [new RegExp(String.raw`\bmemory\.data\(${number},`, "g"), "memory.data"],
    [new RegExp(String.raw`\b(?:take|takePages|scratch|records)\((?:\s*[\w.]+,)?${number}\)`, "g"), "memory"],
    [/\bchangetype<[A-Z]\w*>\([\w.]+ \+ \(+\w+ as usize\) << \d+\)\)/g, "the place of a record"],
  ];
  const faults = patterns.flatMap(([pattern, what]) =>
    [...code.matchAll(pattern)].map((match) => ({ at: match.index, what })),
  );
  for (const match of code.matchAll(/\bconst (\w+)_BYTES: \w+ = [\d_]+;/g)) {
    const record = (match[1] as string).replaceAll("_", "").toLowerCase();
    const classes = [...code.matchAll(/\bclass (\w+)/g)].map((found) => (found[1] as string).toLowerCase());
    if (classes.includes(record)) faults.push({ at: match.index, what: "the size of a record" });
  }
  return faults.map(
    ({ at, what }) =>
      `${file}:${code.slice(0, at).split("\n").length}: ${what} by a number: say offsetof<T>(), or what it is made of`,
  );
}

function layerOf(file: string): string | null {
  const path = file.replace(/\.ts$/, "");
  const found = Object.keys(MAY_IMPORT).find(
    (layer) => path === layer.replace(/\.ts$/, "") || path.startsWith(`${layer}/`),
  );
  return found ?? null;
}

function importsOf(code: string): { specifier: string; offset: number }[] {
  const statement =
    /^[ \t]*(?:import|export)\b[^;'"]*?(?:\bfrom\s*)?["']([^"'\n]+)["']|\bimport\(\s*["']([^"'\n]+)["']/gm;
  return [...code.matchAll(statement)]
    .filter((match) => match[2] !== undefined || /^[ \t]*import\b|\bfrom\s*["']/.test(match[0]))
    .map((match) => {
      const specifier = (match[1] ?? match[2]) as string;
      return { specifier, offset: match.index + match[0].lastIndexOf(specifier) };
    });
}

/**
 * The circles among files that import each other, types included: for each the files of a shortest one, `a -> b -> a`.
 * Files that are in one knot of several circles (a strongly connected component) are told as one.
 * @param files their text by path
 */
function findCircles(files: ReadonlyMap<string, string>): string[] {
  const imports = new Map<string, string[]>();
  for (const [file, text] of files) {
    const targets = importsOf(blankComments(text))
      .filter(({ specifier }) => specifier.startsWith("."))
      .map(({ specifier }) => posix.normalize(posix.join(posix.dirname(file), specifier)))
      .map((target) => [target, `${target}.ts`].find((path) => files.has(path)));
    imports.set(
      file,
      targets.filter((target) => target !== undefined),
    );
  }
  const circles: string[] = [];
  const told = new Set<string>();
  for (const file of [...files.keys()].sort()) {
    if (told.has(file)) continue;
    const circle = shortestPath(imports, file, file);
    if (circle === null) continue;
    circles.push(circle.join(" -> "));
    for (const other of files.keys()) {
      const isInKnot =
        shortestPath(imports, file, other) !== null && shortestPath(imports, other, file) !== null;
      if (isInKnot) told.add(other);
    }
  }
  return circles;
}

/** A shortest way of at least one step along the imports; null without. */
function shortestPath(imports: ReadonlyMap<string, string[]>, from: string, to: string): string[] | null {
  const before = new Map<string, string>();
  const queue = [from];
  for (const file of queue) {
    for (const next of imports.get(file) ?? []) {
      if (next === to) {
        const path = [to, file];
        for (let at = file; at !== from; path.push(at)) at = before.get(at) as string;
        return path.reverse();
      }
      if (next === from || before.has(next)) continue;
      before.set(next, file);
      queue.push(next);
    }
  }
  return null;
}

/** Comments become blanks, line ends stay, so that offsets and line numbers hold. */
function blankComments(text: string): string {
  const pattern =
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return text.replace(pattern, (whole, literal?: string) => literal ?? whole.replace(/[^\n]/g, " "));
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => posix.join(folder, name.replaceAll("\\", "/")))
    .filter((name) => name.endsWith(".ts"))
    .sort();
}

describe("imports go one way", () => {
  test("in assembly/ and tools/", () => {
    const files = [...sourcesIn("assembly"), ...sourcesIn("tools")];
    assert.ok(files.length > 10, `only ${files.length} sources found`);
    const faults = files.flatMap((file) => findWrongImports(file, readFileSync(join(ROOT, file), "utf8")));
    assert.equal(faults.length, 0, `\n${faults.join("\n")}\n`);
  });

  test("a folder of assembly/ or tools/ that the table does not know is a mistake", () => {
    assert.match(
      findWrongImports("assembly/helpers/x.ts", "").join(),
      /^assembly\/helpers\/x\.ts:1: belongs to no/,
    );
    assert.match(
      findWrongImports("tools/helpers/x.ts", "").join(),
      /^tools\/helpers\/x\.ts:1: belongs to no/,
    );
  });
});

/**
 * The variables that a file of the filter exports, `file:line: name` each. A second result is returned (packed, where two
 * are needed), or is a field of a record: whoever reads an exported variable has to know who wrote it last.
 */
function findExportedVariables(file: string, text: string): string[] {
  const code = blankComments(text);
  return [...code.matchAll(/^[ \t]*export\s+(?:let|var)\s+(\w+)/gm)].map(
    (match) => `${file}:${code.slice(0, match.index).split("\n").length}: ${match[1]}`,
  );
}

describe("no file of the filter exports a variable", () => {
  test("in assembly/", () => {
    const found = sourcesIn("assembly").flatMap((file) =>
      findExportedVariables(file, readFileSync(join(ROOT, file), "utf8")),
    );
    assert.equal(found.length, 0, `\n${found.join("\n")}\n`);
  });

  test("a planted one is found", () => {
    const text = "// export let a = 1;\nexport const B = 2;\nlet c = 3;\nexport let d: u32 = 4;\n";
    assert.deepEqual(findExportedVariables("assembly/core/x.ts", text), ["assembly/core/x.ts:4: d"]);
  });
});

/** Casts of an address to a record, or back: what a record points at is said by the type of its field. */
const MOST_CASTS = 250;

test(`the filter casts addresses in at most ${MOST_CASTS} places`, () => {
  const count = sourcesIn("assembly").reduce((sum, file) => {
    const code = blankComments(readFileSync(join(ROOT, file), "utf8"));
    return sum + [...code.matchAll(/\bchangetype</g)].length;
  }, 0);
  assert.ok(count > 0, "none found");
  assert.ok(count <= MOST_CASTS, `${count} casts`);
});

describe("no file imports itself, whichever way round", () => {
  for (const folder of ["assembly", "tools"]) {
    test(`in ${folder}/`, () => {
      const files = sourcesIn(folder).map((file) => [file, readFileSync(join(ROOT, file), "utf8")] as const);
      const circles = findCircles(new Map(files));
      assert.equal(circles.length, 0, `\n${circles.join("\n")}\n`);
    });
  }
});

describe("a planted circle is found", () => {
  const planted: [what: string, files: Record<string, string>, expected: string[]][] = [
    [
      "two files",
      { "assembly/a.ts": 'import { b } from "./b";', "assembly/b.ts": 'import { a } from "./a";' },
      ["assembly/a.ts -> assembly/b.ts -> assembly/a.ts"],
    ],
    [
      "three files, one of them for a type, one in another folder, one handing on",
      {
        "tools/a.ts": 'import { b } from "./b/b.ts";',
        "tools/b/b.ts": 'export { c } from "../c.ts";',
        "tools/c.ts": '// for its type\nimport type { A } from "./a.ts";',
        "tools/d.ts": 'import { a } from "./a.ts";',
      },
      ["tools/a.ts -> tools/b/b.ts -> tools/c.ts -> tools/a.ts"],
    ],
    [
      "a file that imports itself, and two circles with a file between them",
      {
        "tools/a.ts": 'const a = await import("./a.ts");',
        "tools/b.ts": 'import "./c.ts";\nimport "./d.ts";',
        "tools/c.ts": 'import "./b.ts";',
        "tools/d.ts": 'import "./e.ts";',
        "tools/e.ts": 'import {\n  f,\n} from "./f.ts";',
        "tools/f.ts": 'import * as d from "./d.ts";',
      },
      [
        "tools/a.ts -> tools/a.ts",
        "tools/b.ts -> tools/c.ts -> tools/b.ts",
        "tools/d.ts -> tools/e.ts -> tools/f.ts -> tools/d.ts",
      ],
    ],
    [
      "a knot of two circles is one",
      {
        "tools/a.ts": 'import "./b.ts";',
        "tools/b.ts": 'import "./a.ts";\nimport "./c.ts";',
        "tools/c.ts": 'import "./b.ts";',
      },
      ["tools/a.ts -> tools/b.ts -> tools/a.ts"],
    ],
    [
      "none: the same file twice on two ways",
      {
        "tools/a.ts": 'import "./b.ts";\nimport "./c.ts";',
        "tools/b.ts": 'import "./c.ts";',
        "tools/c.ts": '// import "./a.ts"\nimport "node:path";',
      },
      [],
    ],
  ];
  for (const [what, files, expected] of planted) {
    test(what, () => assert.deepEqual(findCircles(new Map(Object.entries(files))), expected));
  }
});

describe("no size by hand", () => {
  test("in assembly/", () => {
    const faults = sourcesIn("assembly").flatMap((file) =>
      findSizesByHand(file, readFileSync(join(ROOT, file), "utf8")),
    );
    assert.equal(faults.length, 0, `\n${faults.join("\n")}\n`);
  });

  const wrong: [text: string, line: number][] = [
    ["\nconst text: Writer = changetype<Writer>(memory.data(32, 8));", 2],
    ["const frames: usize = memory.data(65 * 64, 8);", 1],
    ["const at = take(\n  arena,\n  64);", 1],
    ["const at = takePages(1 << 16);", 1],
    ["const cell = changetype<Cell>(table.cells + ((i as usize) << 4));", 1],
    ["class PairCell {\n  key: u64;\n}\nconst PAIR_CELL_BYTES: usize = 16;", 4],
  ];
  for (const [text, line] of wrong) {
    test(`planted: ${text.replaceAll("\n", " ").trim()}`, () => {
      const faults = findSizesByHand("assembly/core/x.ts", text);
      assert.equal(faults.length, 1, faults.join("\n"));
      assert.ok(faults[0]?.startsWith(`assembly/core/x.ts:${line}: `), faults[0]);
    });
  }

  const right = [
    "const text: Writer = changetype<Writer>(memory.data(offsetof<Writer>(), 8));",
    "const frames: usize = memory.data(MOST_FRAMES * FRAME_BYTES, 8);",
    "const pair: usize = memory.data(2 * sizeof<u32>(), 8);",
    "const zero: usize = memory.data<u8>([0x30]);",
    "const LINE_BYTES: u32 = 512;\nconst line = take(arena, LINE_BYTES);",
  ];
  for (const text of right) {
    test(`let through: ${text.replaceAll("\n", " ")}`, () =>
      assert.deepEqual(findSizesByHand("assembly/core/x.ts", text), []));
  }
});

describe("a planted wrong import is found", () => {
  const wrong: [file: string, text: string, expected: string][] = [
    [
      "assembly/index.ts",
      'import { a } from "./core/decide";',
      "1: assembly/index.ts may not import assembly/core",
    ],
    [
      "assembly/core/x.ts",
      '\n\nimport { a } from "../host/log";',
      "3: assembly/core may not import assembly/host",
    ],
    [
      "assembly/core/x.ts",
      'import { a } from "../policy/read";',
      "1: assembly/core may not import assembly/policy",
    ],
    [
      "assembly/core/x.ts",
      'export * from "../filter/root";',
      "1: assembly/core may not import assembly/filter",
    ],
    ["assembly/policy/x.ts", 'import "../host/log";', "1: assembly/policy may not import assembly/host"],
    [
      "assembly/host/x.ts",
      'import { a } from "../core/decide";',
      "1: assembly/host may not import assembly/core",
    ],
    [
      "assembly/bytes/x.ts",
      'import { a } from "../core/decide";',
      "1: assembly/bytes may not import assembly/core",
    ],
    [
      "assembly/vocabulary/x.ts",
      'import { a } from "../bytes/slice";',
      "1: assembly/vocabulary may not import",
    ],
    ["assembly/filter/x.ts", 'import {\n  a,\n  b,\n} from "../index";', "4: assembly/filter may not import"],
    ["assembly/core/x.ts", 'import { a } from "../../tools/cli";', "1: assembly/core may not import tools"],
    [
      "assembly/core/x.ts",
      'import { a } from "../../test/x";',
      "1: assembly/core imports test/x, which is outside",
    ],
    ["assembly/core/x.ts", 'import { JSON } from "json-as";', "1: the filter imports no package but"],
    [
      "assembly/host/log.ts",
      `import { a } from "${HOST_PACKAGE}/assembly/imports";`,
      "1: only assembly/host/abi.ts",
    ],
    [
      "assembly/host/log.ts",
      '// @ts-ignore\n@external("env", "x")\ndeclare function x(): void;',
      "2: only assembly/",
    ],
    [
      "tools/policy/x.ts",
      'import { decide } from "../../assembly/core/decide.ts";',
      "1: tools/policy may not import assembly/core",
    ],
    [
      "tools/metrics/x.ts",
      'const x = await import("../../assembly/bytes/slice.ts");',
      "1: tools/metrics may not import assembly/bytes",
    ],
    [
      "tools/metrics/x.ts",
      'import { CommandError } from "../commands/command-error.ts";',
      "1: tools/metrics may not import tools/commands",
    ],
    [
      "tools/report/x.ts",
      'import type { Options } from "../commands/report.ts";',
      "1: tools/report may not import tools/commands",
    ],
    [
      "tools/commands/x.ts",
      'import { Screen } from "../demo/screen.ts";',
      "1: tools/commands may not import tools/demo",
    ],
    [
      "tools/terminal/x.ts",
      'export { placeOf } from "../policy/policy-source.ts";',
      "1: tools/terminal may not import tools/policy",
    ],
    [
      "tools/dashboard/x.ts",
      'import { judge } from "../project/gate/gate.ts";',
      "1: tools/dashboard may not import tools/project",
    ],
    [
      "tools/demo/x.ts",
      'import { run } from "../../test/run.ts";',
      "1: tools/demo imports test/run.ts, which is outside",
    ],
  ];
  for (const [file, text, expected] of wrong) {
    test(`${file}: ${text.replaceAll("\n", " ").trim()}`, () => {
      const faults = findWrongImports(file, text);
      assert.equal(faults.length, 1, faults.join("\n"));
      assert.ok(faults[0]?.startsWith(`${file}:${expected}`), faults[0]);
    });
  }
});

describe("a right import is let through", () => {
  const right: [file: string, text: string][] = [
    ["assembly/index.ts", 'export { a } from "./filter/root";'],
    ["assembly/filter/x.ts", 'import { a } from "../core/decide"; import { b } from "./stream";'],
    ["assembly/host/abi.ts", `export { a } from "${HOST_PACKAGE}/assembly/imports";\n@external("env", "x")`],
    ["assembly/core/x.ts", '// import { a } from "../host/log";\n/* import "../filter/x"; */'],
    ["assembly/core/x.ts", 'export const A = "../host/log";'],
    [
      "tools/metrics/x.ts",
      'import { A } from "../../assembly/vocabulary/stats.ts"; import { parse } from "yaml";',
    ],
    ["tools/policy/x.ts", 'import manifest from "../../package.json" with { type: "json" };'],
    [
      "tools/commands/x.ts",
      'import { validate } from "./validate.ts"; import { A } from "../report/report.ts";',
    ],
  ];
  for (const [file, text] of right) {
    test(`${file}: ${text.replaceAll("\n", " ")}`, () => assert.deepEqual(findWrongImports(file, text), []));
  }
});
