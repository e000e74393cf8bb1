// Kubernetes documents that hold a policy: what is taken from them, and where its problems are in the person's file.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { stringify } from "yaml";

import { checkPolicy, refuseFaults } from "../../tools/policy/check-policy.ts";
import { loadFilter } from "../../tools/policy/filter-module.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { editPolicy } from "../../tools/release/edit-policy.ts";
import { runCli, temporaryFolder } from "../support/cli.ts";

const filter = loadFilter();
const check = (text: string, file = "f.yaml") =>
  refuseFaults(checkPolicy(readPolicySource(file, Buffer.from(text)), filter), false);
const told = (text: string, file?: string): string[] =>
  check(text, file).problems.map(
    ({ line, column, pointer, severity, message }) =>
      `${line}:${column} ${pointer} ${severity === "error" ? "" : "warning: "}${message.split(":")[0]}`,
  );
/** The characters of the text at `line:column`. */
const at = (text: string, place: string): string => {
  const [line = 0, column = 0] = place.split(" ")[0]?.split(":").map(Number) ?? [];
  return (text.split("\n")[line - 1] ?? "").slice(column - 1);
};

const FLAG = '{ "a": { "state": "ENABLED", "variants": { "on": true }, "defaultVariant": "of" } }';
const head = (kind: string, version = "core.openfeature.dev/v1beta1"): string =>
  `apiVersion: ${version}\nkind: ${kind}\nmetadata: { name: flags, namespace: shop }\n`;
const configMap = (entry: string): string => `${head("ConfigMap", "v1")}data:\n${entry}`;

describe("Kubernetes documents", () => {
  it("a FeatureFlag holds its flags in spec.flagSpec, with places of the file", () => {
    const text = `---\n# of the shop\n${head("FeatureFlag")}spec:\n  flagSpec:\n    flags:\n      a:\n        state: ENABLED\n        variants: { "on": true }\n        defaultVariant: of # é\n`;
    assert.deepEqual(told(text), ['12:25 /flags/a/defaultVariant must name one of the variants, got "of"']);
    assert.deepEqual(told(text.replace("of #", '"on" #')), []);
    const anchored = text.replace("of #", "*on #").replace("shop }", 'shop, labels: { v: &on "on" } }');
    assert.deepEqual(told(anchored), []);
    const older = text
      .replace("FeatureFlag", "FeatureFlagConfiguration")
      .replace("flagSpec", "featureFlagSpec");
    assert.equal(told(older)[0]?.split(" ")[0], "12:25");
  });

  it("a FeatureFlag in JSON, as kubectl prints it", () => {
    const text = `{\n  "apiVersion": "core.openfeature.dev/v1beta1", "kind": "FeatureFlag",\n  "spec": { "flagSpec": {\n    "flags": ${FLAG} } } }`;
    assert.deepEqual(told(text, "f.json"), [
      '4:89 /flags/a/defaultVariant must name one of the variants, got "of"',
    ]);
    assert.match(told(text.replace('"spec"', "spec"), "f.json")[0] ?? "", /^3:3 /);
  });

  for (const [title, entry, name] of [
    ["a literal block of JSON", `  flags.json: |\n    {\n      "flags": ${FLAG} }\n`, "of"],
    [
      "one that keeps its end and says its indentation",
      `  flags.json: |2+\n       { "flags":\n    ${FLAG} }\n\n`,
      "of",
    ],
    [
      "a literal block of YAML",
      `  policy.yaml: |-\n    # é\n    flags:\n      a: { state: ENABLED, variants: { "on": true }, defaultVariant: of }\n`,
      "of",
    ],
    [
      "a quoted string with escapes",
      `  flags.json: ${JSON.stringify(`{\n "flags": ${FLAG.replace('"a"', '"é\\u0041"')} }`)}\n`,
      "of",
    ],
  ] as const) {
    it(`a ConfigMap with one entry: ${title}`, () => {
      const text = configMap(entry);
      const [problem = ""] = told(text);
      assert.match(problem, /must name one of the variants/);
      assert.match(at(text, problem), new RegExp(`^\\\\?"?${name}`), `${problem}\n${text}`);
      const mended = told(text.replace(/\bof(?=\\?"? ?\})/, "on"));
      assert.deepEqual(
        mended.filter((line) => !line.includes(" warning: ")),
        [],
      );
    });
  }

  it("a ConfigMap in JSON", () => {
    const text = JSON.stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      data: { "p.json": `{"flags": ${FLAG}}` },
    });
    assert.match(at(text, told(text, "p.json")[0] ?? ""), /^\\"of\\"/);
  });

  it("folded text is placed where it begins", () => {
    const text = configMap(`  flags.json: >\n    {"flags":\n    ${FLAG}}\n`);
    assert.match(told(text)[0] ?? "", /^5:15 \/flags\/a\/defaultVariant /);
  });

  it("hints at spellings are placed in the file too", () => {
    const text = configMap("  policy.yaml: |\n    limits: { work: 0100 }\n");
    assert.match(told(text)[0] ?? "", /^6:21 \/limits\/work warning: 0100 is 64 here/);
  });

  it("says what it cannot take", () => {
    const flags = `spec: { flagSpec: { flags: ${FLAG} } }\n`;
    const faults: [text: string, said: RegExp][] = [
      [`${head("FeatureFlagSource")}${flags}`, /a Kubernetes FeatureFlagSource/],
      [`${head("Deployment", "apps/v1")}spec: {}\n`, /a Kubernetes Deployment/],
      [`${head("FeatureFlag")}spec: {}\n`, /\/spec spec.flagSpec has to hold the flags/],
      [head("ConfigMap", "v1"), /it has none|has to have one entry in data, the policy/],
      [configMap("  a: '{}'\n  b: '{}'\n"), /has to have one entry in data, the policy/],
      [configMap("  a: 1\n"), /has to be a string/],
    ];
    for (const [text, said] of faults) assert.match(told(text)[0] ?? "", said, text);
    // Two documents are two documents, and a policy may speak of such a key.
    assert.match(told(`${head("FeatureFlag")}${flags}---\na: 1\n`)[0] ?? "", /a second YAML document/);
    assert.deepEqual(told('metadata: { note: "apiVersion: 1" }\n'), []);
  });

  it("commands take them, and what changes a file leaves them alone", async () => {
    const folder = temporaryFolder();
    const flags = { a: { state: "ENABLED", variants: { on: 1, off: 2 }, defaultVariant: "on" } };
    const resource = {
      apiVersion: "core.openfeature.dev/v1beta1",
      kind: "FeatureFlag",
      spec: { flagSpec: { flags } },
    };
    const feature = folder.write("feature.yaml", stringify(resource));
    const evaluated = await runCli(["evaluate", "--policy", feature], { stdin: '{"flagKey": "a"}\n' });
    assert.deepEqual([evaluated.status, JSON.parse(evaluated.stdout).value], [0, 1]);
    const to = `${folder.path}/filter.json`;
    assert.equal((await runCli(["publish", feature, "--to", to])).status, 0);
    const policy =
      "rollouts:\n  r: { default: s, variants: { s: {}, c: { percent: 5 } } }\nidentity: [{ cookie: u }]\n";
    const map = { apiVersion: "v1", kind: "ConfigMap", data: { "policy.yaml": policy } };
    const config = folder.write("config.yaml", stringify(map));
    const decided = await runCli(["decide", "--policy", config], { stdin: '{"url": "/"}\n' });
    assert.deepEqual(JSON.parse(decided.stdout).rollouts.r.variant, "s");
    const plain = folder.write("policy.yaml", policy);
    assert.equal((await runCli(["diff", config, plain])).status, 0);
    assert.throws(
      () =>
        editPolicy(config, Buffer.from(stringify(map)), {
          kind: "percent",
          rollout: "r",
          variant: "c",
          percent: 6,
        }),
      /in a Kubernetes document is not changed/,
    );
  });
});
