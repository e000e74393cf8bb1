// What people read, in the words that the project has agreed on: one name for one thing, plain idiomatic English. Of the
// texts that this looks through, and of the phrases that have been written before.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

const ROOT = resolve(import.meta.dirname, "..");

/** What reads as a translation or as a riddle, and what is said in its place. */
const AVOIDED: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/\bunless said\b/i, "default: X"],
  [/(?<!\bthere )\b(?:is|are) none\b/i, "say what it is not, or what is missing"],
  [/\bwhat is no\b/i, "what is not a …"],
  [/\bwhoever\b/i, "anyone who"],
  [/\bvisitors?\b/i, "user"],
  [/\bwho logs in stays\b/i, "a user who logs in keeps"],
  [/\bby the option\b/i, "name the option"],
  [/\bas often as one likes\b/i, "as often as you like"],
  [/\bleft as it is\b/i, "unchanged"],
  [/\bstands? (?:here|there|beside)\b/i, "is"],
  [/\balways yields\b|\byields none\b/i, "gives an identity"],
  [/\bfor so long;/i, "for this long"],
  [/\bsurely\b|\bbeyond doubt\b/i, "significantly"],
  [/\bin health\b/i, "without faults"],
  [/\b\d+ %/, "5%"],
  [/\bshare (?:asked|seen)\b/i, "target share, actual share"],
];

/** Words that are names. */
const NAMES = /anonymous-visitors/g;

function faultsOf(place: string, text: string): string[] {
  const plain = text.replace(NAMES, "");
  return AVOIDED.flatMap(([phrase, instead]) => {
    const found = phrase.exec(plain);
    return found === null
      ? []
      : [
          `${place}: "${plain.slice(Math.max(0, found.index - 40), found.index + 60).trim()}": ${phrase.source}: ${instead}`,
        ];
  });
}

function filesIn(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`);
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Strings of a source in double quotes that are prose: three words or more. Comments are left out. */
function proseOf(source: string): string[] {
  const code = source.replace(/^\s*(?:\/\/|\/?\*).*$/gm, "");
  return [...code.matchAll(/"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? "")
    .filter((text) => /\w+ \w+ \w+/.test(text));
}

test("the manual", () => {
  const pages = [
    ...filesIn("docs", ".md").filter((page) => !page.includes("/decisions/")),
    "README.md",
    "SECURITY.md",
  ];
  assert.ok(pages.length > 20, String(pages.length));
  assert.deepEqual(
    pages.flatMap((page) =>
      read(page)
        .split("\n")
        .flatMap((line, at) => faultsOf(`${page}:${at + 1}`, line)),
    ),
    [],
  );
});

test("what the schema says of each key, in editors and on the reference page", () => {
  const texts = [...read("schema/policy.schema.json").matchAll(/"description": "((?:[^"\\]|\\.)*)"/g)];
  assert.ok(texts.length > 150, String(texts.length));
  assert.deepEqual(
    texts.flatMap(([, text = ""]) => faultsOf("schema/policy.schema.json", text)),
    [],
  );
});

test("problems of policies, and what commands print", () => {
  const files = [...filesIn("assembly/policy", ".ts"), ...filesIn("tools", ".ts")];
  const texts = files.map((file) => [file, proseOf(read(file))] as const);
  assert.ok(texts.reduce((sum, [, each]) => sum + each.length, 0) > 1000);
  assert.deepEqual(
    texts.flatMap(([file, each]) => each.flatMap((text) => faultsOf(file, text))),
    [],
  );
});

test("it finds what it looks for", () => {
  assert.equal(faultsOf("x", "A list or a boolean is none.").length, 1);
  assert.equal(faultsOf("x", "envoy/policies/anonymous-visitors.yaml: default: 5%").length, 0);
  assert.deepEqual(proseOf('// "left as it is, here"\nput("left as it is"); // x\nconst a = "b";'), [
    "left as it is",
  ]);
});

test("the glossary has the words, and every page of the manual links to it", () => {
  const glossary = read("docs/glossary.md");
  const words =
    "95% CI, actual share, baseline, control group, default, evidence period, flag, goal, guard, identity, in flight, " +
    "incomparable, limit, match, mismatch, noise, plan, policy, production, ramp, reset, rollout, sent, shadow, " +
    "significantly, step, target share, timeout, unreachable, user, variant";
  for (const word of words.split(", ")) assert.ok(glossary.includes(`| **${word}** `), word);
  const pages = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  // The reference is made of the schema's words.
  const own = new Set(["glossary.md", "policy-reference.md"]);
  assert.deepEqual(
    pages.filter((page) => !own.has(page) && !read(`docs/${page}`).includes("(glossary.md)")),
    [],
  );
});
