// YAML becomes the JSON that the filter judges, and every byte of it knows its place in the file.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { numberJson } from "../../tools/policy/yaml-scalar.ts";
import { seeded } from "../support/random.ts";

const read = (text: string | Uint8Array, file = "policy.yaml") =>
  readPolicySource(file, Buffer.from(text as string));
const json = (yaml: string) => {
  const source = read(yaml);
  assert.deepEqual(source.problems, []);
  return Buffer.from(source.json ?? []).toString("utf8");
};
const compact = (yaml: string) => json(yaml).replace(/\s+/g, "");
const problem = (yaml: string | Uint8Array) => {
  const source = read(yaml);
  assert.equal(source.json, null);
  const [first] = source.problems;
  assert.ok(first);
  return `${first.line}:${first.column} ${first.pointer} ${first.code}: ${first.message}`;
};

describe("policy source", () => {
  it("goes by the name's ending, else by the first byte", () => {
    assert.equal(read("a: 1", "p.json").format, "json");
    assert.equal(read("{}", "p.YML").format, "yaml");
    assert.equal(read(" \r\n\t{}", "-").format, "json");
    assert.equal(read("\ufeff{}", "-").format, "json");
    assert.equal(read("# {", "-").format, "yaml");
    assert.equal(read("", "-").format, "yaml");
  });

  it("passes JSON on byte for byte, whatever the bytes", () => {
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0xff, 0x00]);
    const source = readPolicySource("p.json", bytes);
    assert.deepEqual(Buffer.from(source.json ?? []), bytes);
    assert.equal(source.locate, null);
  });

  it("keeps order and duplicate keys: the filter judges them", () => {
    assert.equal(compact("10: 1\n2: 2\nb: 3\na: 4\nb: 5\n"), '{"10":1,"2":2,"b":3,"a":4,"b":5}');
  });

  it("keeps the spelling of numbers", () => {
    assert.equal(
      compact("[5.0001, 1e300, -0, 2.50, 18446744073709551616]"),
      "[5.0001,1e300,-0,2.50,18446744073709551616]",
    );
    const spellings: [yaml: string, json: string | null][] = [
      ["007", "7"],
      ["+5", "5"],
      [".5", "0.5"],
      ["-.5e3", "-0.5e3"],
      ["1.", "1"],
      ["00", "0"],
      ["1.e5", "1e5"],
      ["0x1F", "31"],
      ["0o17", "15"],
      ["0xFFFFFFFFFFFFFFFF", "18446744073709551615"],
      ["0xFFFFFFFFFFFFFFFFFF", null],
      ["1e400", null],
      [".inf", null],
      [".", null],
      ["+", null],
      ["", null],
    ];
    for (const [yaml, expected] of spellings) assert.equal(numberJson(yaml), expected, yaml);
  });

  it("knows the words of YAML 1.2 and no more, and keys as flagd has them", () => {
    assert.equal(
      compact("[yes, on, True, ~, null, 2020-01-01, !!str 5, !!int '5']"),
      '["yes","on",true,null,null,"2020-01-01","5",5]',
    );
    assert.equal(compact("true: a\n~: b\n1.50: c\n"), '{"true":"a","~":"b","1.5":"c"}');
  });

  it("expands anchors, aliases and <<", () => {
    assert.equal(
      compact("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: *x\n"),
      '{"a":{"p":1,"q":2},"b":{"p":1,"q":3},"c":{"p":1,"q":2}}',
    );
    assert.equal(
      compact("a: &x {p: 1}\nb: &y {p: 2, q: 3}\nc: {<<: [*x, *y]}\n"),
      '{"a":{"p":1},"b":{"p":2,"q":3},"c":{"p":1,"q":3}}',
    );
    assert.equal(compact('"<<": 1\n'), '{"<<":1}');
    assert.equal(compact("a: &x 1\nb: *x\nc: &x 2\nd: *x\n"), '{"a":1,"b":1,"c":2,"d":2}');
  });

  it("an empty document is empty text, null is null", () => {
    assert.equal(json(""), "");
    assert.equal(json("# nothing\n\n"), "");
    assert.equal(json("---\n"), "");
    assert.equal(json("null"), "null\n");
  });

  it("names what is no YAML, or no JSON, with its place", () => {
    assert.match(problem("a:\n  b: [1, 2\nc: 3\n"), /^3:1 {2}syntax: Flow sequence/);
    assert.match(problem("a:\n  b: [1, {x: @y}]\n"), /^2:14 \/a\/b\/1 syntax: Plain value cannot start/);
    assert.equal(
      problem("a: 1\n---\nb: 2\n"),
      "2:1  syntax: a second YAML document: a policy must be a single document",
    );
    assert.equal(problem("é: !secret x"), "1:12 /é syntax: unsupported tag !secret");
    assert.equal(problem("a: *b"), "1:4 /a reference: alias *b has no anchor before it");
    assert.equal(problem("a: &a [1, *a]"), "1:11 /a/1 reference: an alias of a node that contains it");
    assert.equal(problem("a: &a\n  <<: *a\n"), "2:3 /a reference: << merges a mapping into itself");
    assert.equal(problem("a:\n  <<: 5\n"), "2:3 /a type: << must be a mapping or a list of mappings");
    assert.equal(problem("x/y:\n  - .nan\n"), "2:5 /x~1y/0 value: .nan is not a JSON number");
    assert.equal(problem("? [a]\n: 1\n"), "1:3  type: a key must be a string, got a collection");
    assert.equal(problem(Buffer.from([0x61, 0x3a, 0x0a, 0xc3, 0xa9, 0xff])), "2:2  encoding: invalid UTF-8");
    assert.equal(problem(Buffer.from([0xef, 0xbf, 0xbd, 0x20, 0xe2, 0x82])), "1:3  encoding: invalid UTF-8");
  });

  it("bounds what aliases and nesting can make of a small file", () => {
    let bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    let merges = "a0: &a0 {x: 1}\n";
    for (let i = 1; i < 40; i++) {
      if (i < 12)
        bomb += `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(", ")}]\n`;
      merges += `a${i}: &a${i} {<<: [*a${i - 1}, *a${i - 1}]}\n`;
    }
    assert.match(problem(bomb), /limit: the policy is over 4194304 bytes/);
    assert.match(compact(merges), /"a39":\{"x":1\}\}$/);
    assert.match(problem("[".repeat(300) + "]".repeat(300)), /limit: nested too deeply/);
    assert.match(problem("[".repeat(20000)), /limit: nested too deeply/);
    assert.match(problem("- ".repeat(20000)), /limit: nested too deeply/);
    assert.equal(problem("[".repeat(258) + "]".repeat(258)), "1:258  limit: nested too deeply");
    assert.deepEqual(read("[".repeat(257) + "]".repeat(257)).problems, []);
  });

  it("counts columns in code points, and no byte order mark", () => {
    const source = read("\ufeff# 🎈\r\n🎈é: { k: v }\r\n");
    const text = Buffer.from(source.json ?? []);
    assert.deepEqual(source.locate?.(text.indexOf('"k"')), { line: 2, column: 7 });
    assert.deepEqual(source.locate?.(text.indexOf('"v"')), { line: 2, column: 10 });
  });

  it("property: every token of any document is found where it was written", () => {
    fc.assert(
      fc.property(treeArbitrary, fc.integer(), (tree, seed) => {
        const yaml = writeYaml(tree, seed);
        const source = read(yaml);
        assert.deepEqual(source.problems, [], yaml);
        const text = Buffer.from(source.json ?? []);
        assert.deepEqual(JSON.parse(text.toString()), plain(tree), yaml);
        const lines = yaml.split("\n");
        let found = 0;
        for (const match of text.toString("latin1").matchAll(/"[^"]*\bt(\d+)t/g)) {
          const place = source.locate?.(match.index) ?? { line: 0, column: 0 };
          const rest = [...(lines[place.line - 1] ?? "")].slice(place.column - 1).join("");
          assert.match(
            rest,
            new RegExp(`^["']?é?🎈?t${match[1]}t`, "u"),
            `${yaml}\n${place.line}:${place.column}`,
          );
          found++;
        }
        assert.equal(found, countTokens(tree));
      }),
      { numRuns: 300 },
    );
  });
});

/** A document: each leaf and each key becomes a token of its own, `t12t`, in the order of writing. */
type Tree = "leaf" | { kind: "map" | "list"; flow: boolean; items: Tree[] };

const { tree: treeArbitrary } = fc.letrec<{ tree: Tree; branch: Tree; root: Tree }>((tie) => ({
  branch: fc.record({
    kind: fc.constantFrom("map" as const, "list" as const),
    flow: fc.boolean(),
    items: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }),
  }),
  root: tie("branch"),
  tree: fc.oneof({ maxDepth: 4, depthSize: "medium" }, fc.constant("leaf" as const), tie("branch")),
}));

function countTokens(tree: Tree): number {
  if (tree === "leaf") return 1;
  const keys = tree.kind === "map" ? tree.items.length : 0;
  return tree.items.reduce((sum, item) => sum + countTokens(item), keys);
}

/** Numbers tokens in the order of writing, so that text and value agree. */
function plain(tree: Tree, counter = { next: 0 }): unknown {
  if (tree === "leaf") return name(counter.next++);
  if (tree.kind === "list") return tree.items.map((item) => plain(item, counter));
  return Object.fromEntries(tree.items.map((item) => [name(counter.next++), plain(item, counter)]));
}

/** Some tokens hold characters of two and four bytes, and of two UTF-16 units. */
function name(index: number): string {
  return `${index % 3 === 0 ? "é" : ""}${index % 4 === 0 ? "🎈" : ""}t${index}t`;
}

function writeYaml(tree: Tree, seed: number): string {
  const counter = { next: 0 };
  const random = seeded(seed);
  const token = (): string => {
    const text = name(counter.next++);
    return random.pick([text, `"${text}"`, `'${text}'`]);
  };
  const comment = (): string => random.pick(["", "", " # 🎈 t1t: no token", "\n\n# é"]);
  const flow = (node: Tree): string => {
    if (node === "leaf") return token();
    const gap = random.pick([" ", "  ", "\n      "]);
    if (node.kind === "list") return `[${gap}${node.items.map(flow).join(`,${gap}`)}${gap}]`;
    return `{${gap}${node.items.map((item) => `${token()}: ${flow(item)}`).join(`,${gap}`)}${gap}}`;
  };
  const block = (node: Tree, indent: string): string => {
    if (node === "leaf") return ` ${token()}${comment()}\n`;
    // A flow collection's own line breaks must be deeper than what surrounds it.
    if (node.flow) return ` ${flow(node).replaceAll("\n", `\n${indent}`)}${comment()}\n`;
    const lines = node.items.map((item) => {
      const head = node.kind === "list" ? "-" : `${token()}:`;
      return `${indent}${head}${block(item, `${indent}  `)}`;
    });
    return `${comment()}\n${lines.join("")}`;
  };
  return tree === "leaf" || tree.flow ? `${flow(tree)}\n` : block(tree, "");
}

describe("YAML that is none", () => {
  it("is told once for each line and fault, however often the parser says it", () => {
    const { problems } = readPolicySource("policy.yaml", Buffer.from("rollouts: a: b: c\n"));
    const told = problems.map(({ line, message }) => `${line} ${message}`);
    assert.deepEqual(told, ["1 Nested mappings are not allowed in compact mappings"]);
  });
});

describe("what a file costs before the filter is asked", () => {
  it("over 4 MiB it is refused before anything reads it, YAML and JSON", () => {
    // Broken in each line, so a parser would say more than the size.
    const bytes = Buffer.alloc(4_194_305, "\t}\n");
    for (const file of ["policy.yaml", "policy.json"]) {
      const { json, problems, more } = readPolicySource(file, bytes);
      assert.deepEqual([json, problems.length, more], [null, 1, 0]);
      assert.equal(problems[0]?.message, "the file has 4194305 bytes, more than the limit of 4194304");
    }
    assert.equal(readPolicySource("policy.json", bytes.subarray(1)).problems.length, 0);
  });

  it("the time of broken YAML grows with its size, not with the square of it", () => {
    const read = (lines: number): number => {
      const bytes = Buffer.from("\t- x: }\n".repeat(lines));
      return Math.min(
        ...[1, 2, 3].map(() => {
          const before = process.cpuUsage();
          const { problems, more } = readPolicySource("policy.yaml", bytes);
          const { user, system } = process.cpuUsage(before);
          assert.equal(problems.length, 20);
          assert.ok(more > lines);
          return user + system;
        }),
      );
    };
    read(1000);
    const [small, large] = [read(1000), read(8000)];
    // 8 times as long is linear, 64 times the square.
    assert.ok(large < 24 * small, `8 times the lines cost ${(large / small).toFixed(1)} times the time`);
  });
});
