// Writes what is generated: from schema/policy.schema.json the reference page and the types; from the stats' names
// (assembly/vocabulary/stats.ts) Envoy's stats_tags and the Grafana dashboard.
//   tsx tools/project/generate.ts            write
//   tsx tools/project/generate.ts --check    only say whether they are up to date

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { format } from "prettier";

import { dashboard } from "./generate/dashboard.ts";
import { describeSchema } from "./generate/reference.ts";
import type { Schema } from "./generate/schema.ts";
import { statsTagsPage, withStatsTags } from "./generate/stats-tags.ts";
import { compileTypes } from "./generate/types.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const SCHEMA = "schema/policy.schema.json";
/** Of this file the block `stats_config` alone is generated. */
const PROXY = "envoy/envoy.yaml";

/** Each generated file by its path, with what should be in it. */
export async function generate(): Promise<Map<string, string>> {
  const schema = JSON.parse(readFileSync(join(ROOT, SCHEMA), "utf8")) as Schema;
  const style = { printWidth: 110 };
  return new Map([
    ["docs/policy-reference.md", await format(describeSchema(schema), { ...style, parser: "markdown" })],
    [
      "tools/policy/policy-types.ts",
      await format(await compileTypes(schema), { ...style, parser: "typescript" }),
    ],
    [
      "envoy/observability/grafana.json",
      await format(JSON.stringify(dashboard()), { ...style, parser: "json" }),
    ],
    ["envoy/stats-tags.yaml", statsTagsPage()],
    [PROXY, withStatsTags(readFileSync(join(ROOT, PROXY), "utf8"))],
  ]);
}

/** The generated files whose text is not what it should be. */
export async function findStale(): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of await generate()) {
    if (readOrEmpty(join(ROOT, path)) !== text) stale.push(path);
  }
  return stale;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

async function main(args: string[]): Promise<number> {
  if (args.includes("--check")) {
    const stale = await findStale();
    for (const path of stale) console.error(`${path} is not what it is generated from: npm run generate`);
    return stale.length > 0 ? 1 : 0;
  }
  for (const [path, text] of await generate()) {
    writeFileSync(join(ROOT, path), text);
    console.log(`${path}: ${text.split("\n").length - 1} lines`);
  }
  return 0;
}

if (resolve(process.argv[1] ?? "") === import.meta.filename)
  process.exitCode = await main(process.argv.slice(2));
