// The documentation is true: its commands run, its policies are accepted, its links lead somewhere. How blocks are
// marked is said in test/support/page.ts.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { after, describe, test } from "node:test";

import { parse } from "yaml";

import { npmEnv } from "../tools/project/npm-env.ts";
import { anchorsOf, blocksOf, linksOf, matchesOutput, type Block } from "./support/page.ts";

const ROOT = resolve(import.meta.dirname, "..");
const CLI = join(ROOT, "build/cli/cli.js");
const OWN_KEYS = ["identity", "rollouts", "shadows", "steer", "observe", "flags", "flagd"];

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Every page, by its path from the root. */
const pages = new Map(
  [
    ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
    ...["docs", "envoy", "test"].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".md"))
        .map((name) => join(folder, name)),
    ),
  ].map((path) => [path, readFileSync(join(ROOT, path), "utf8")]),
);

/** A folder that looks like the checkout and in which a page's commands may write without harm. */
function makeScratch(): string {
  const scratch = mkdtempSync(join(tmpdir(), "serin-docs-"));
  folders.push(scratch);
  for (const name of readdirSync(ROOT)) {
    if (!name.startsWith(".")) symlinkSync(join(ROOT, name), join(scratch, name));
  }
  return scratch;
}

/** A folder to look for programs in first: its npx starts what the checkout has, without the seconds that npm takes to find that out. */
function makeQuickNpx(): string {
  const folder = mkdtempSync(join(tmpdir(), "serin-docs-"));
  folders.push(folder);
  const script = `#!/bin/sh
name=$1; shift
case $name in
  serin) exec "${process.execPath}" "${CLI}" "$@" ;;
  *) exec "${join(ROOT, "node_modules/.bin")}/$name" "$@" ;;
esac
`;
  writeFileSync(join(folder, "npx"), script, { mode: 0o755 });
  return folder;
}

const outside = npmEnv();
const env = { ...outside, PATH: [makeQuickNpx(), outside["PATH"]].join(delimiter) };

function run(block: Block, page: string, scratch: string, expected: Block | undefined): void {
  const result = spawnSync("bash", ["-e", "-u", "-o", "pipefail", "-c", block.text], {
    cwd: scratch,
    env: { ...env, NO_COLOR: "1" },
    encoding: "utf8",
    timeout: 120_000,
  });
  const at = `${page}:${block.line}`;
  assert.equal(
    result.status,
    0,
    `${at} ended with ${result.status ?? result.signal}\n${result.stdout}${result.stderr}`,
  );
  if (expected === undefined) return;
  const printed = result.stdout + result.stderr;
  assert.ok(
    matchesOutput(printed, expected.text),
    `${page}:${expected.line} says otherwise than\n${printed}`,
  );
}

/** Whether the block holds a policy: some key of Serin's at its top. */
function holdsPolicy(block: Block): boolean {
  if (block.language !== "yaml" && block.language !== "json") return false;
  try {
    const document = parse(block.text) as unknown;
    if (typeof document !== "object" || document === null) return false;
    return OWN_KEYS.some((key) => key in document);
  } catch {
    return block.marks.includes("refused");
  }
}

/** What `serin validate` says against each of these files; a sound one has no entry. */
function validate(files: readonly string[]): Map<string, string> {
  const result = spawnSync(process.execPath, [CLI, "validate", "--json", ...files], {
    cwd: ROOT,
    encoding: "utf8",
  });
  assert.ok(
    result.status === 0 || result.status === 1,
    `serin validate ended with ${result.status}: ${result.stderr}`,
  );
  const { problems } = JSON.parse(result.stdout) as {
    problems: { file: string; line: number; pointer: string; message: string; severity: string }[];
  };
  const faults = new Map<string, string>();
  for (const { file, line, pointer, message, severity } of problems) {
    if (severity === "error") faults.set(file, `${faults.get(file) ?? ""}\n${line} ${pointer}: ${message}`);
  }
  return faults;
}

describe("commands", () => {
  test("npx serin is this checkout's command line", () => {
    const options = { cwd: makeScratch(), env: outside, encoding: "utf8" } as const;
    const { status, stdout, stderr } = spawnSync("npx", ["serin", "explain", "--help"], options);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, spawnSync(process.execPath, [CLI, "explain", "--help"], options).stdout);
  });

  for (const [page, text] of pages) {
    const blocks = blocksOf(text);
    const shells = blocks.filter((block) => ["sh", "bash", "shell", "console"].includes(block.language));
    if (shells.length === 0) continue;

    test(`${page}: every sh block says who runs it`, () => {
      for (const block of shells) {
        const by = block.marks.find((mark) => mark.startsWith("by="))?.slice("by=".length);
        const at = `${page}:${block.line}`;
        assert.equal(block.language, "sh", `${at}: use sh, not ${block.language}`);
        assert.ok(block.marks.includes("run") || by !== undefined, `${at}: mark it "run" or "by=<its test>"`);
        if (by !== undefined) assert.ok(existsSync(join(ROOT, by)), `${at}: there is no ${by}`);
      }
    });

    const runs = blocks.filter((block) => block.language === "sh" && block.marks.includes("run"));
    if (runs.length === 0) continue;
    test(`${page}: its commands run`, () => {
      const scratch = makeScratch();
      for (const block of runs) {
        const next = blocks[blocks.indexOf(block) + 1];
        run(block, page, scratch, next?.marks.includes("output") ? next : undefined);
      }
    });
  }
});

/** What is said in the text itself, not in a block: `make bench`, `npm run soak -- --minutes 10`, `node … test/bench/work.ts`. */
describe("commands in the text", () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const targets = new Set(
    [...readFileSync(join(ROOT, "Makefile"), "utf8").matchAll(/^([a-z][a-z0-9-]*):/gm)].map(
      ([, name]) => name,
    ),
  );
  /** What is not there, of one command. */
  const missingIn = (command: string): string[] => {
    const make = /^make ([a-z][a-z0-9-]*)/.exec(command)?.[1];
    const script = /^npm run (?:-s )?([a-z][a-z0-9:-]*)/.exec(command)?.[1];
    const files = /^(?:node|npx tsx|tsx) /.test(command)
      ? (command.match(/\b(?:test|tools)\/[\w./-]+\.ts\b/g) ?? [])
      : [];
    return [
      ...(make !== undefined && !targets.has(make) ? [`make has no ${make}`] : []),
      ...(script !== undefined && scripts[script] === undefined ? [`package.json has no ${script}`] : []),
      ...files.filter((file) => !existsSync(join(ROOT, file))).map((file) => `there is no ${file}`),
    ];
  };

  test("each of them is there", () => {
    let seen = 0;
    const faults = [...pages].flatMap(([page, text]) =>
      [...text.replace(/^ *```[\s\S]*?^ *```/gm, "").matchAll(/`([^`\n]+)`/g)].flatMap(([, command = ""]) => {
        if (/^(make|npm run|node|npx tsx|tsx) /.test(command)) seen++;
        return missingIn(command).map((fault) => `${page}: ${command}: ${fault}`);
      }),
    );
    assert.deepEqual(faults, []);
    assert.ok(seen > 20, `${seen} commands`);
  });

  test("capacity.md has the command of each of its tables", () => {
    const sections = (pages.get("docs/capacity.md") ?? "").split(/^## /m).slice(1);
    for (const section of sections.filter((one) => one.includes("\n|"))) {
      const title = section.split("\n")[0];
      assert.match(section, /`(?:node|make|npm run) [^`]+`|`test\/[^`]+\.test\.ts`/, title);
    }
  });

  test("a command that is not there is told", () => {
    assert.deepEqual(missingIn("make nothing ARGS=1"), ["make has no nothing"]);
    assert.deepEqual(missingIn("npm run nothing -- --x"), ["package.json has no nothing"]);
    assert.deepEqual(missingIn("node --import tsx test/bench/gone.ts --x"), [
      "there is no test/bench/gone.ts",
    ]);
    assert.deepEqual(missingIn("make bench"), []);
  });
});

describe("policies", () => {
  for (const [page, text] of pages) {
    const blocks = blocksOf(text).filter(holdsPolicy);
    if (blocks.length === 0) continue;
    test(`${page}: its policies are what it says`, () => {
      const folder = mkdtempSync(join(tmpdir(), "serin-docs-"));
      folders.push(folder);
      const files = blocks.map((block) => join(folder, `policy-${block.line}.${block.language}`));
      blocks.forEach((block, index) => writeFileSync(files[index] as string, block.text));
      const faults = validate(files);
      blocks.forEach((block, index) => {
        const fault = faults.get(files[index] as string);
        const at = `${page}:${block.line}`;
        assert.equal(fault !== undefined, block.marks.includes("refused"), `${at}: ${fault ?? "accepted"}`);
      });
    });
  }

  test("the worked examples of envoy/policies are accepted", () => {
    const folder = join(ROOT, "envoy/policies");
    const files = readdirSync(folder).filter((name) => /\.(yaml|json)$/.test(name));
    assert.notEqual(files.length, 0, "envoy/policies holds no policy");
    assert.deepEqual([...validate(files.map((name) => join(folder, name)))], []);
    for (const name of files.filter((one) => one.endsWith(".yaml"))) {
      const schema = /^# yaml-language-server: \$schema=(\S+)$/m.exec(
        readFileSync(join(folder, name), "utf8"),
      )?.[1];
      assert.ok(schema && existsSync(join(folder, schema)), `${name} does not name the schema for editors`);
    }
  });
});

describe("links", () => {
  for (const [page, text] of pages) {
    test(`${page}: its links lead to files and headings`, () => {
      const faults = linksOf(text).flatMap(({ path, anchor, line }) => {
        const file = path === "" ? page : relative(ROOT, resolve(ROOT, dirname(page), path));
        if (file.startsWith("..")) return [`${page}:${line}: ${path} is outside of the project`];
        if (!existsSync(join(ROOT, file))) return [`${page}:${line}: there is no ${file}`];
        const target = pages.get(file);
        const isFound = anchor === "" || target === undefined || anchorsOf(target).has(anchor);
        return isFound ? [] : [`${page}:${line}: ${file} has no heading #${anchor}`];
      });
      assert.equal(faults.length, 0, `\n${faults.join("\n")}`);
    });
  }
});

describe("the index", () => {
  test("docs/README.md leads to every page of docs/", () => {
    const linked = new Set(linksOf(pages.get("docs/README.md") ?? "").map(({ path }) => join("docs", path)));
    const missing = [...pages.keys()].filter(
      (page) => page.startsWith("docs/") && page !== "docs/README.md" && !linked.has(page),
    );
    assert.deepEqual(missing, [], "a reader finds these from no task");
  });
});

describe("the reader of pages", () => {
  test("finds blocks with language, marks, line and text", () => {
    const blocks = blocksOf(
      "a\n```sh run\necho\n```\n- x\n  ```yaml\n  a: 1\n  ```\n````md\n```sh\n```\n````\n",
    );
    assert.deepEqual(
      blocks.map(({ language, marks, line, text }) => [language, marks, line, text]),
      [
        ["sh", ["run"], 2, "echo\n"],
        ["yaml", [], 6, "a: 1\n"],
        ["md", [], 9, "```sh\n```\n"],
      ],
    );
  });

  test("finds links, not those in code or to the network", () => {
    const links = linksOf("[a](b.md#c) `[x](y)` [z](https://a.b) ![i](i.png)\n```\n[n](o)\n```\n[r]: s.md\n");
    assert.deepEqual(
      links.map(({ path, anchor }) => [path, anchor]),
      [
        ["b.md", "c"],
        ["i.png", ""],
        ["s.md", ""],
      ],
    );
  });

  test("gives headings GitHub's anchors", () => {
    const anchors = anchorsOf("# The `x` key\n## A, b & c\n## A, b & c\n");
    assert.deepEqual([...anchors], ["the-x-key", "a-b--c", "a-b--c-1"]);
  });

  test("compares output with …", () => {
    assert.ok(matchesOutput("a 17 b\nmiddle\nmore\nend\n", "a … b\n…\nend\n"));
    assert.ok(!matchesOutput("a 17 c\n", "a … b\n"));
    assert.ok(!matchesOutput("a\nb\n", "a\n"));
  });
});
