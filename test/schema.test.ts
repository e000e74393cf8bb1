// The schema is for editors; the filter alone judges a policy. These tests hold the two together: what the filter
// takes, the schema takes; the same keys, limits and shapes; and where they differ, it is said why.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";

import { Ajv } from "ajv";
import { parse as parseYaml } from "yaml";

import * as limits from "../assembly/vocabulary/limits.ts";
import { Vm } from "../tools/emulator/index.ts";
import { findStale } from "../tools/project/generate.ts";
import { definitionOf, type Schema } from "../tools/project/generate/schema.ts";
import { BY_DESIGN, MALFORMED, SOUND } from "./schema-documents.ts";
import { filterModule } from "./support/filter.ts";

const ROOT = resolve(import.meta.dirname, "..");
const schema = JSON.parse(readFileSync(join(ROOT, "schema/policy.schema.json"), "utf8")) as Schema;
const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true });
ajv.addKeyword({ keyword: "defaultSnippets", schemaType: "array" });
const validate = ajv.compile(schema);

/** What the schema says against a document; empty when it takes it. */
function schemaFaults(document: unknown): string[] {
  validate(document);
  return (validate.errors ?? []).map((error) => `${error.instancePath || "/"}: ${error.message}`);
}

/** What the filter says against a document; empty when it takes it. */
function filterFaults(text: string): string[] {
  const { accepted, problems } = Vm.load(filterModule()).configure(text);
  const faults = problems.filter((problem) => problem.severity === "error");
  assert.equal(accepted, faults.length === 0, "an answer without its reason");
  return faults.map((problem) => `${problem.pointer} ${problem.code}: ${problem.message}`);
}

function definition(name: string): Schema {
  const found = schema.definitions?.[name];
  assert.ok(found, `no definition ${name}`);
  return found;
}

function filesIn(folder: string, pattern: RegExp): string[] {
  const full = join(ROOT, folder);
  if (!existsSync(full)) return [];
  return readdirSync(full, { recursive: true, encoding: "utf8" })
    .filter((name) => pattern.test(name))
    .map((name) => join(full, name));
}

describe("the schema itself", () => {
  test("what is generated from it is up to date (npm run generate)", async () => {
    assert.deepEqual(await findStale(), []);
  });

  test("has the name that SchemaStore gives it, and is of the draft that editors know", () => {
    assert.equal(schema["$id"], "https://json.schemastore.org/serin-policy.json");
    assert.equal(schema["$schema"], "http://json-schema.org/draft-07/schema#");
  });

  test("every part has a title or stands for one that has, and says what it is", () => {
    const visit = (path: string, part: Schema): void => {
      for (const [key, inner] of Object.entries(part.properties ?? {})) {
        const at = `${path}/${key}`;
        const target = definitionOf(inner);
        if (target === null || inner.$ref === undefined) {
          assert.ok(inner.title, `${at} has no title`);
          assert.match(inner.description ?? "", /\.$/, `${at} has no sentence that says what it is`);
        }
        visit(at, inner);
      }
    };
    visit("", schema);
    for (const [name, part] of Object.entries(schema.definitions ?? {})) {
      assert.ok(part.title && part.description, name);
      visit(`#/definitions/${name}`, part);
    }
  });

  test("its examples and defaults are what it allows", () => {
    const visit = (path: string, part: Schema): void => {
      const samples = [...(part.examples ?? []), ...(part.default === undefined ? [] : [part.default])];
      const check = ajv.compile({ ...part, $schema: schema.$schema, definitions: schema.definitions });
      for (const sample of samples) {
        assert.ok(check(sample), `${path}: ${JSON.stringify(sample)}: ${ajv.errorsText(check.errors)}`);
      }
      for (const [key, inner] of Object.entries(part.properties ?? {})) visit(`${path}/${key}`, inner);
      if (part.items) visit(`${path}/items`, part.items);
    };
    for (const [name, part] of Object.entries(schema.definitions ?? {})) visit(name, part);
    for (const [key, part] of Object.entries(schema.properties ?? {})) visit(key, part);
  });
});

describe("the schema and the filter's words", () => {
  const LIMITS: [part: () => number | undefined, limit: number][] = [
    [() => schema.properties?.rollouts?.maxProperties, limits.ROLLOUTS],
    [() => schema.properties?.flags?.maxProperties, limits.FLAGS],
    [() => schema.properties?.shadows?.maxProperties, limits.SHADOWS],
    [() => schema.properties?.goals?.maxProperties, limits.GOALS],
    [() => definition("goal").properties?.rollouts?.maxItems, limits.GOAL_PAIRS],
    [() => definition("goal").properties?.status?.maxItems, limits.GOAL_STATUSES],
    [() => definition("goalValue").properties?.max?.maximum, limits.GOAL_VALUE],
    [() => definition("ramp").properties?.goals?.maxItems, limits.GOALS],
    [() => definition("flagdSettings").properties?.context?.maxProperties, limits.CONTEXT],
    [() => definition("identity").maxItems, limits.SOURCES],
    [() => definition("match").maxItems, limits.MATCH_ENTRIES],
    [() => definition("limits").properties?.work?.default as number, limits.WORK],
    [() => definition("limits").properties?.work?.maximum, limits.MOST_WORK],
    [() => definition("rollout").properties?.variants?.maxProperties, limits.VARIANTS],
    [() => definition("rollout").properties?.salt?.maxLength, limits.SALT_BYTES],
    [() => definition("rollout").properties?.slow?.maxItems, limits.SLOW],
    [() => definition("rollout").properties?.epoch?.maximum, limits.EPOCH],
    [() => definition("guard").properties?.falseAlarm?.minimum, limits.LEAST_FALSE_ALARM],
    [() => definition("guard").properties?.falseAlarm?.maximum, limits.FALSE_ALARM],
    [() => definition("rollout").properties?.headerSecret?.maxLength, limits.HEADER_SECRET_BYTES],
    [() => definition("ramp").properties?.steps?.maxItems, limits.STEPS],
    [() => definition("fallback").properties?.after?.maximum, limits.FALLBACK_AFTER],
    [() => definition("variant").properties?.cluster?.maxLength, limits.CLUSTER_BYTES],
    [() => definition("shadow").properties?.cluster?.maxLength, limits.CLUSTER_BYTES],
    [() => definition("shadow").properties?.methods?.maxItems, limits.SHADOW_LIST],
    [() => definition("headerChanges").properties?.set?.maxProperties, limits.SHADOW_LIST],
    [() => definition("headerChanges").properties?.remove?.maxItems, limits.SHADOW_LIST],
    [() => schema.properties?.shadowSecret?.minLength, limits.LEAST_SHADOW_SECRET],
    [() => schema.properties?.shadowSecret?.maxLength, limits.SHADOW_SECRET],
    [() => schema.properties?.effects?.maxProperties, limits.EFFECTS],
    [() => definition("effectAnswer").properties?.headers?.maxProperties, limits.SHADOW_LIST],
    [() => definition("effectAnswer").properties?.body?.maxLength, limits.ANSWER_BYTES],
    [() => definition("effectCompare").properties?.ignore?.maxItems, limits.IGNORED],
    [() => definition("compareBody").properties?.ignore?.maxItems, limits.IGNORED],
    [() => definition("budget").properties?.perSecond?.maximum, limits.PER_SECOND],
    [() => definition("budget").properties?.inFlight?.maximum, limits.IN_FLIGHT],
    [() => definition("budget").properties?.maxBodyBytes?.anyOf?.[0]?.maximum, limits.BODY_BYTES],
    [() => definition("pathMatch").properties?.value?.maxLength, limits.PATH_BYTES],
    [() => definition("matchEntry").properties?.hosts?.items?.maxLength, limits.HOST_BYTES],
    [() => definition("matchEntry").properties?.sourceAddress?.maxItems, limits.ADDRESS_RANGES],
  ];
  // What no schema can say: the size and depth of a text, of a body that is compared, the operators of a rule and its
  // instructions, the number of expressions in all, the bytes (which depend on the type) and states of each, how many
  // problems a refusal names, and the value of a duration.
  const UNSAID = [
    "POLICY_BYTES",
    "EFFECT_BODY_BYTES",
    "DEPTH",
    "PROBLEMS",
    "OPERATORS",
    "EXPRESSIONS",
    "EXPRESSION_BYTES",
    "EXPRESSION_STATES",
    "LEAST_TIMEOUT_MS",
    "TIMEOUT_MS",
    "INSTRUCTIONS",
    "SLOW_MS",
    "WARMUP_MS",
    "LEAST_FALLBACK_MS",
    "FALLBACK_MS",
  ];

  test("name the same limits", () => {
    for (const [part, limit] of LIMITS) assert.equal(part(), limit, part.toString());
    const said = new Set(LIMITS.map(([, limit]) => limit));
    for (const [name, limit] of Object.entries(limits)) {
      assert.ok(said.has(limit) || UNSAID.includes(name), `${name} is not held against the schema`);
    }
  });

  test("know the same keys", () => {
    const jwtObject = definition("source").properties?.["jwt"]?.anyOf?.[1] as Schema;
    const objects: Record<string, Schema[]> = {
      KNOWN_POLICY: [schema],
      KNOWN_SOURCES: [definition("source")],
      KNOWN_CLAIM: [jwtObject],
      KNOWN_FROM: [jwtObject.properties?.["from"] as Schema],
      KNOWN_COOKIE: [definition("issueCookie")],
      KNOWN_ENTRY: [definition("matchEntry")],
      KNOWN_PATH: [definition("pathMatch")],
      KNOWN_CONDITION: [definition("headerMatch"), definition("queryParamMatch")],
      KNOWN_ROLLOUT: [definition("rollout")],
      KNOWN_VARIANT: [definition("variant")],
      KNOWN_FORCE: [definition("force")],
      KNOWN_GUARD: [definition("guard")],
      KNOWN_GOAL: [definition("goal")],
      KNOWN_EFFECT: [definition("effect")],
      KNOWN_ANSWER: [definition("effectAnswer")],
      KNOWN_VALUE: [definition("goalValue")],
      KNOWN_RAMP: [definition("ramp")],
      KNOWN_AFTER: [definition("rampAfter")],
      KNOWN_FALLBACK: [definition("fallback")],
      KNOWN_FLAG: [definition("flag")],
      KNOWN_FLAGD: [definition("flagdSettings")],
      KNOWN_SHADOW: [definition("shadow")],
      KNOWN_LIMITS: [definition("limits")],
      KNOWN_OBSERVE: [definition("observe")],
      KNOWN_BUDGET: [definition("budget")],
      KNOWN_NOISE: [definition("noise")],
      KNOWN_COMPARE: [definition("compare")],
      KNOWN_BODY: [definition("compareBody")],
      KNOWN_OF_EFFECTS: [definition("effectCompare")],
      KNOWN_HEADERS: [definition("headerChanges")],
    };
    let found = 0;
    for (const file of filesIn("assembly/policy", /\.ts$/)) {
      for (const [, name, words] of readFileSync(file, "utf8").matchAll(
        /const (KNOWN_\w+)\s*=\s*"([^"]*)"/g,
      )) {
        const parts = objects[name as string];
        assert.ok(parts, `${name} of ${file} is not held against the schema`);
        for (const part of parts) {
          assert.deepEqual(
            Object.keys(part.properties ?? {}).sort(),
            (words as string).split(" ").sort(),
            name,
          );
        }
        found += 1;
      }
    }
    assert.equal(found, Object.keys(objects).length);
  });
});

describe("documents", () => {
  for (const [what, document] of Object.entries(SOUND)) {
    test(`both take: ${what}`, () => {
      assert.deepEqual(filterFaults(JSON.stringify(document)), []);
      assert.deepEqual(schemaFaults(document), []);
    });
  }

  for (const [what, document] of Object.entries(MALFORMED)) {
    test(`both refuse: ${what}`, () => {
      assert.notEqual(filterFaults(JSON.stringify(document)).length, 0, "the filter takes it");
      assert.notEqual(schemaFaults(document).length, 0, "the schema takes it");
    });
  }

  for (const [what, { document, reason }] of Object.entries(BY_DESIGN)) {
    test(`only the filter refuses: ${what} (${reason})`, () => {
      assert.notEqual(filterFaults(JSON.stringify(document)).length, 0, "the filter takes it");
      assert.deepEqual(schemaFaults(document), []);
    });
  }

  test("every policy of envoy/ and of the cases that the filter takes, the schema takes", () => {
    const files = [
      ...filesIn("envoy/policies", /\.(yaml|json)$/),
      ...filesIn("test/cases", /(^|\/)policy\.json$/),
    ];
    let taken = 0;
    for (const file of files) {
      const text = readFileSync(file, "utf8");
      const json = file.endsWith(".json") ? text : JSON.stringify(parseYaml(text));
      if (filterFaults(json).length > 0) continue;
      taken += 1;
      assert.deepEqual(schemaFaults(JSON.parse(json)), [], file);
    }
    assert.ok(taken > 0, "the filter takes none of them");
  });
});
