// Writes what is generated: from schema/policy.schema.json the reference page, and TypeScript types of a policy; from the
// stats' names (assembly/vocabulary/stats.ts) Envoy's stats_tags and the Grafana dashboard. Pages are committed, types are
// not: they go to build/.
//   tsx tools/project/generate.ts            write all
//   tsx tools/project/generate.ts types      only the types
//   tsx tools/project/generate.ts --check    only say whether the pages are up to date

import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { format } from "prettier";

import { writeWhole } from "../terminal/write-whole.ts";
import { dashboard } from "./generate/dashboard.ts";
import { describeSchema } from "./generate/reference.ts";
import type { Schema } from "./generate/schema.ts";
import { statsTagsPage, withStatsTags } from "./generate/stats-tags.ts";
import { compileTypes } from "./generate/types.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const SCHEMA = "schema/policy.schema.json";
/** Of this file the block `stats_config` alone is generated. */
const PROXY = "envoy/envoy.yaml";

/** Each generated page by its path, with what should be in it. */
async function pages(): Promise<Map<string, string>> {
  const schema = readSchema();
  const style = { printWidth: 110 };
  return new Map([
    ["docs/policy-reference.md", await format(describeSchema(schema), { ...style, parser: "markdown" })],
    [
      "envoy/observability/grafana.json",
      await format(JSON.stringify(dashboard()), { ...style, parser: "json" }),
    ],
    ["envoy/stats-tags.yaml", statsTagsPage()],
    [PROXY, withStatsTags(readFileSync(join(ROOT, PROXY), "utf8"))],
  ]);
}

/** What TypeScript knows of a policy, by its path. */
async function types(): Promise<Map<string, string>> {
  return new Map([["build/types/policy.ts", await compileTypes(readSchema())]]);
}

function readSchema(): Schema {
  return JSON.parse(readFileSync(join(ROOT, SCHEMA), "utf8")) as Schema;
}

/** The generated pages whose text is not what it should be. */
export async function findStale(): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of await pages()) {
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
  const written = new Map([...(args.includes("types") ? [] : await pages()), ...(await types())]);
  for (const [path, text] of written) {
    if (readOrEmpty(join(ROOT, path)) === text) continue;
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    await writeWhole(join(ROOT, path), text);
    console.log(`${path}: ${text.split("\n").length - 1} lines`);
  }
  return 0;
}

if (resolve(process.argv[1] ?? "") === import.meta.filename)
  process.exitCode = await main(process.argv.slice(2));
