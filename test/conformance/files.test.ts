// Flag files as people publish them, one for each trait that a public report names: taken or refused as flagd does, and
// evaluated as flagd evaluates them. flagd's own evaluator stands beside; where it reads JSON alone, it is given what
// flagd's own reader of YAML makes of the file (NAME.read.json, measured with gopkg.in/yaml.v3 3.0.1).

import { FlagdCore } from "@openfeature/flagd-core";
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";

import { parse } from "yaml";

import { checkPolicy, refuseFaults, type CheckedPolicy } from "../../tools/policy/check-policy.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { filterModule } from "../support/filter.ts";

const FOLDER = resolve(import.meta.dirname, "../field/files");
const SECONDS = 1_800_000_000;

interface Trait {
  readonly file: string;
  /** A public report of the kind. */
  readonly source: string;
  readonly trait: string;
  readonly flagd: "takes" | "refuses";
  /** In what flagd's evaluators differ from one another, so that its JavaScript is no judge here. */
  readonly differs?: string;
  /** `serin validate` says these of it, each as `severity code pointer`; nothing: it is fine. */
  readonly validate: readonly string[];
  /** What flags are asked with; every flag of the file is asked with each. */
  readonly contexts: readonly Record<string, unknown>[];
}

const traits = parse(readFileSync(join(FOLDER, "traits.yaml"), "utf8")) as Trait[];

interface Answer {
  readonly value: unknown;
  readonly variant: string | undefined;
  readonly reason: string | undefined;
  readonly errorCode: string | undefined;
  readonly flagMetadata: unknown;
}

const quiet = { error() {}, warn() {}, info() {}, debug() {} };

/** flagd's evaluator with the file in it; null when it refuses it. */
function flagdWith(json: string): FlagdCore | null {
  const core = new FlagdCore(undefined, quiet);
  try {
    core.setConfigurations(json);
    return core;
  } catch {
    return null;
  }
}

/** The type that a flag's first variant has, which is what an application would ask for. */
function typeOf(flag: { variants?: object }): "boolean" | "string" | "number" | "object" {
  const type = typeof Object.values(flag.variants ?? {})[0];
  return type === "boolean" || type === "string" || type === "number" ? type : "object";
}

const DEFAULTS = { boolean: false, string: "caller", number: -1, object: { caller: true } };

function askFlagd(core: FlagdCore, key: string, type: keyof typeof DEFAULTS, context: object): Answer {
  const method = {
    boolean: () => core.resolveBooleanEvaluation(key, DEFAULTS.boolean, context as never, quiet),
    string: () => core.resolveStringEvaluation(key, DEFAULTS.string, context as never, quiet),
    number: () => core.resolveNumberEvaluation(key, DEFAULTS.number, context as never, quiet),
    object: () => core.resolveObjectEvaluation(key, DEFAULTS.object, context as never, quiet),
  }[type];
  try {
    const { value, variant, reason, errorCode, flagMetadata } = method();
    return { value, variant, reason, errorCode, flagMetadata };
  } catch (error) {
    const { code } = error as { code?: string };
    return { value: DEFAULTS[type], variant: undefined, reason: "ERROR", errorCode: code, flagMetadata: {} };
  }
}

function askSerin(checked: CheckedPolicy, key: string, type: keyof typeof DEFAULTS, context: object): Answer {
  const { vm, root } = checked.filter ?? assert.fail("refused");
  const line = JSON.stringify({ flagKey: key, context, type, default: DEFAULTS[type] });
  const answer = JSON.parse(vm.evaluate(root, Buffer.from(line), SECONDS) ?? "null") as Answer;
  const { value, variant, reason, errorCode, flagMetadata } = answer;
  return { value, variant, reason, errorCode, flagMetadata };
}

describe("flag files from the field", () => {
  test("there are 55, each with its trait and its source", () => {
    const files = readdirSync(FOLDER).filter(
      (name) => /\.(json|yaml)$/.test(name) && !/\.read\.json$|^traits/.test(name),
    );
    assert.deepEqual(files.sort(), traits.map(({ file }) => file).sort());
    assert.equal(traits.length, 55);
    for (const { source, file } of traits) assert.match(source, /^[\w.-]+\/[\w.-]+#\d+$/, file);
  });

  let asked = 0;
  for (const { file, source, trait, flagd, differs, validate, contexts } of traits) {
    test(`${file}: ${trait} (${source})`, () => {
      const bytes = readFileSync(join(FOLDER, file));
      const read = join(FOLDER, file.replace(/\.yaml$/, ".read.json"));
      const json = readFileSync(existsSync(read) ? read : join(FOLDER, file), "utf8");
      const core = flagdWith(json);
      if (differs === undefined) assert.equal(core === null ? "refuses" : "takes", flagd, "flagd itself");
      const checked = checkPolicy(readPolicySource(file, bytes), filterModule());
      assert.equal(checked.filter === null ? "refuses" : "takes", flagd, JSON.stringify(checked.problems));
      const judged = refuseFaults(checked, false);
      const said = judged.problems.map(({ severity, code, pointer }) => `${severity} ${code} ${pointer}`);
      assert.deepEqual(said, validate);
      if (core === null || flagd === "refuses") return;
      if (existsSync(read))
        assert.deepEqual(JSON.parse(Buffer.from(checked.source.json ?? []).toString()), JSON.parse(json));
      const flags = (JSON.parse(json) as { flags: Record<string, { variants?: object }> }).flags;
      for (const context of contexts) {
        for (const key of [...Object.keys(flags), "not-there"]) {
          const type = typeOf(flags[key] ?? {});
          const ours = askSerin(checked, key, type, context);
          asked++;
          if (differs === undefined) {
            assert.deepEqual(ours, askFlagd(core, key, type, context), `${key} ${JSON.stringify(context)}`);
          }
        }
      }
    });
  }

  test("hundreds of evaluations were compared", () => assert.ok(asked > 250, String(asked)));
});
