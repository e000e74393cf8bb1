// The files of envoy/observability: promtool takes them, its tests of the rules pass, controllers would take their
// resources, and each series that is asked for is one that Serin, a rule or Envoy has.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { before, describe, test } from "node:test";
import { promisify } from "node:util";

import { Ajv, type SchemaObject } from "ajv";
import { parse, parseAllDocuments, stringify } from "yaml";

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { ensurePrometheus } from "../support/prometheus/install.ts";
import { expectations } from "./evidence-expectations.ts";
import { shadowExpectations } from "./shadow-expectations.ts";

const FOLDER = resolve(import.meta.dirname, "../../envoy/observability");
const read = (file: string): string => readFileSync(join(FOLDER, file), "utf8");

describe("promtool", () => {
  let promtool = "";
  before(async () => {
    ({ promtool } = await ensurePrometheus());
  });
  const run = async (cwd: string, ...args: string[]): Promise<void> => {
    await promisify(execFile)(promtool, args, { cwd }).catch((error: unknown) => {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      assert.fail(`promtool ${args.join(" ")}\n${stdout}${stderr}`);
    });
  };
  /** A copy of the folder, which is gone afterwards. */
  const inCopy = async (use: (folder: string) => Promise<void>): Promise<void> => {
    const folder = await mkdtemp(join(tmpdir(), "serin-rules-"));
    try {
      await cp(FOLDER, folder, { recursive: true });
      await use(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  test("takes the configuration and its rules", () => run(FOLDER, "check", "config", "prometheus.yml"));
  test("finds nothing to say against the rules", () =>
    run(FOLDER, "check", "rules", "--lint=all", "--lint-fatal", "serin.rules.yml", "serin.alerts.yml"));
  test("gets from the rules what serin.rules.test.yml expects", () =>
    run(FOLDER, "test", "rules", "serin.rules.test.yml"));

  test("gets from the rules the e-values of serin report, to a millionth", () =>
    inCopy(async (folder) => {
      await writeFile(join(folder, "evidence.test.yml"), stringify(expectations(12)));
      await run(folder, "test", "rules", "evidence.test.yml");
    }));

  test("gets from the rules the e-values of serin report for shadows, to a millionth", () =>
    inCopy(async (folder) => {
      await writeFile(join(folder, "shadows.test.yml"), stringify(shadowExpectations(40)));
      await run(folder, "test", "rules", "shadows.test.yml");
    }));

  test("keeps apart what other labels tell apart, once the line at the head of the rules was run", () =>
    inCopy(async (folder) => {
      const [, line = ""] = /^#\s+(sed -i .*)$/m.exec(read("serin.rules.yml")) ?? [];
      const file = join(folder, "env.test.yml");
      const all = parse(read("serin.rules.test.yml")) as { tests: { name: string }[] };
      const tests = all.tests.filter(({ name }) => name.startsWith("environments do not mix"));
      assert.equal(tests.length, 1);
      const text = stringify({ ...all, tests }).replaceAll("namespace=", "env=");
      await writeFile(file, text);
      await assert.rejects(run(folder, "test", "rules", "env.test.yml"), /environments do not mix/);
      await promisify(execFile)("sh", ["-c", line], { cwd: folder });
      // The alert's label has the other name, too.
      await writeFile(file, text.replaceAll("namespace: dev", "env: dev"));
      await run(folder, "test", "rules", "env.test.yml");
    }));
});

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
}

const rulesOf = (file: string): Rule[] =>
  (parse(read(file)) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

const { panels } = JSON.parse(read("grafana.json")) as { panels: Panel[] };

/** Names of Serin's series as Prometheus sees them, histograms without their endings. */
function seriesOfVocabulary(): Set<string> {
  const leaves: Record<string, string> = { ...statNames };
  const names = new Set<string>();
  for (const value of Object.values(leaves)) {
    if (value.startsWith("serin.") && !value.endsWith(".")) names.add(value.replaceAll(".", "_"));
    else if (!value.includes(".")) {
      for (const kind of ["rollout", "shadow", "effect"]) names.add(`serin_${kind}_${value}`);
    }
  }
  return names.add("serin_flag");
}

describe("series", () => {
  const recorded = new Set(rulesOf("serin.rules.yml").flatMap(({ record }) => record ?? []));
  const own = seriesOfVocabulary();
  // Those of stats, and those of the recording rules.
  const labels = new Set([
    ...Object.entries<string>(statNames).flatMap(([name, label]) =>
      name.startsWith("LABEL_") ? [label] : [],
    ),
    ...["serin_class", "serin_measure"],
  ]);
  const expressions = [
    ...[...rulesOf("serin.rules.yml"), ...rulesOf("serin.alerts.yml")].map(({ expr }) => expr),
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    read("flagger.yaml"),
    read("argo-rollouts.yaml"),
  ];
  test("each that is asked for is there", () => {
    for (const expression of expressions) {
      const text = expression.replace(/#.*/g, "");
      for (const [name] of text.matchAll(/\bserin:\w+(?::\w+)?/g)) assert.ok(recorded.has(name), name);
      for (const [name] of text.matchAll(/\bserin_\w+(?=\{|\[|\)| |$)/g)) {
        const plain = name.replace(/_(bucket|sum|count)$/, "");
        assert.ok(own.has(plain) || labels.has(name), name);
      }
    }
  });
  test("each that is recorded is looked at by something", () => {
    const everything = expressions.join("\n");
    for (const name of recorded) assert.ok(everything.includes(name), name);
  });
});

test("the dashboard's panels stand beside and below each other, never upon each other", () => {
  const taken = new Set<string>();
  for (const { title, gridPos } of panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!taken.has(`${x} ${y}`), title);
        taken.add(`${x} ${y}`);
      }
    }
  }
});

const text = { type: "string" } as const;
const count = { type: "integer", minimum: 0 } as const;
const objectOf = (properties: Record<string, SchemaObject>, required: readonly string[]): SchemaObject => ({
  ...{ type: "object", additionalProperties: false, properties, required },
});
const resource = (apiVersion: string, kind: string, spec: SchemaObject): SchemaObject =>
  objectOf(
    {
      apiVersion: { const: apiVersion },
      kind: { const: kind },
      metadata: objectOf({ name: text, namespace: text }, ["name"]),
      spec,
    },
    ["apiVersion", "kind", "metadata", "spec"],
  );

/** What may stand there by fluxcd/flagger's artifacts/flagger/crd.yaml, for a provider without credentials. */
const METRIC_TEMPLATE = resource(
  "flagger.app/v1beta1",
  "MetricTemplate",
  objectOf(
    {
      provider: objectOf({ type: { const: "prometheus" }, address: text, insecureSkipVerify: {} }, ["type"]),
      query: text,
    },
    ["provider", "query"],
  ),
);

/** The fields of a Job of Kubernetes that the template uses. */
const JOB = objectOf(
  {
    ...{ backoffLimit: count, activeDeadlineSeconds: count },
    template: objectOf(
      {
        spec: objectOf(
          {
            restartPolicy: { const: "Never" },
            containers: {
              type: "array",
              items: objectOf(
                {
                  ...{ name: text, image: text },
                  env: { type: "array", items: objectOf({ name: text, value: text }, ["name", "value"]) },
                  command: { type: "array", items: text },
                  args: { type: "array", items: text },
                },
                ["name", "image"],
              ),
            },
          },
          ["restartPolicy", "containers"],
        ),
      },
      ["spec"],
    ),
  },
  ["template"],
);

/** By argoproj/argo-rollouts' manifests/crds/analysis-template-crd.yaml. */
const ANALYSIS_TEMPLATE = resource(
  "argoproj.io/v1alpha1",
  "AnalysisTemplate",
  objectOf(
    {
      args: { type: "array", items: objectOf({ name: text, value: text }, ["name"]) },
      metrics: {
        type: "array",
        items: objectOf(
          {
            ...{ name: text, interval: text, initialDelay: text },
            ...{ count, failureLimit: count, inconclusiveLimit: count, consecutiveErrorLimit: count },
            ...{ successCondition: text, failureCondition: text },
            provider: {
              oneOf: [
                objectOf({ prometheus: objectOf({ address: text, query: text }, ["query"]) }, ["prometheus"]),
                objectOf({ job: objectOf({ metadata: {}, spec: JOB }, ["spec"]) }, ["job"]),
              ],
            },
          },
          ["name", "provider"],
        ),
      },
    },
    ["metrics"],
  ),
);

describe("resources of controllers", () => {
  const ajv = new Ajv({ allErrors: true });
  const require = (schema: SchemaObject, document: unknown): void => {
    assert.ok(ajv.validate(schema, document), ajv.errorsText());
  };
  test("Flagger's metric templates have the fields of its CRD, and no variable that it does not know", () => {
    const documents = parseAllDocuments(read("flagger.yaml")).map((document) => document.toJS() as unknown);
    assert.equal(documents.length, 4);
    for (const document of documents) require(METRIC_TEMPLATE, document);
    for (const [, name] of read("flagger.yaml").matchAll(/\{\{\s*([^}\s]+)\s*\}\}/g)) {
      assert.match(name ?? "", /^(interval|variables\.(rollout|variant|shadow|match))$/);
    }
  });
  test("Argo Rollouts' analysis templates have the fields of its CRD, and use the arguments that they declare", () => {
    const documents = parseAllDocuments(read("argo-rollouts.yaml"));
    assert.equal(documents.length, 3);
    for (const each of documents) {
      const document = each.toJS() as { spec: { args: { name: string }[] } };
      require(ANALYSIS_TEMPLATE, document);
      const declared = document.spec.args.map(({ name }) => name);
      const used = new Set(
        [...JSON.stringify(document).matchAll(/\{\{args\.([\w-]+)\}\}/g)].map(([, name]) => name),
      );
      assert.deepEqual([...used].sort(), [...declared].sort());
    }
  });
});
