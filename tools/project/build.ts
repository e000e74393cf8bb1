// Builds what ships: build/serin.wasm, checked by the gate, and the command line build/cli/cli.js with the
// dashboard's page beside it.
// Builds what the compose scene runs too: build/services/.
//   tsx tools/project/build.ts [wasm|cli|services|debug|package]...    (default: wasm cli services)

import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";

import { createMemoryStream, main as compile } from "assemblyscript/asc";
import { build as bundle, type BuildOptions } from "esbuild";

import { ASSETS_FOLDER } from "../dashboard/assets.ts";
import { bundlePage, pageBundle } from "../dashboard/bundle.ts";
import { writeWhole } from "../terminal/write-whole.ts";
import { describeFaults, judge } from "./gate/gate.ts";
import { withoutCustomSections } from "./gate/sections.ts";
import { makePackage } from "./package/package.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const WASM = "build/serin.wasm";
const NAMED = "build/serin.named.wasm";
const CLI = "build/cli/cli.js";
const DEMO = "build/cli/demo";
/** What the demo reads beside its program. */
const DEMO_FILES = ["tools/demo/bootstrap.yaml", "tools/demo/shop.yaml", "tools/envoy/guard.sh"];
/** Programs of docker-compose.yml, by name: each becomes one file that plain Node runs. */
const SERVICES = { upstream: "test/upstream/main.ts", load: "test/compose/load/main.ts" };

/** Compiles the filter and writes build/serin.wasm with its named twin, map and text; false if the gate refuses it. */
export async function buildWasm(): Promise<boolean> {
  const files = await runCompiler("release");
  const named = files.get(NAMED);
  if (named === undefined || typeof named === "string") throw new Error("the compiler wrote no module");
  // The shipped module is the named one less its names: the same code at the same offsets, so that a stack
  // trace of one can be read with the map and the names of the other.
  files.set(WASM, withoutCustomSections(named));
  for (const [path, contents] of files) await writeOutput(path, contents);
  const verdict = judge(join(ROOT, WASM), join(ROOT, NAMED), join(ROOT, `${NAMED}.map`));
  const { initial, maximum } = verdict.surface.memory;
  console.log(
    `${WASM}: ${verdict.bytes} bytes, ${verdict.surface.imports.length} imports, ` +
      `${verdict.surface.exports.length} exports, memory ${initial} to ${maximum ?? "any"} pages, ` +
      `${verdict.traps.length} trap sites`,
  );
  const faults = describeFaults(verdict);
  if (faults.length > 0)
    console.error(`\n${WASM} may not ship:\n${faults.map((line) => `  ${line}`).join("\n")}\n`);
  return faults.length === 0;
}

/** Compiles the filter without optimisation, for stack traces that name every function: build/serin.debug.wasm. */
export async function buildDebugWasm(): Promise<void> {
  for (const [path, contents] of await runCompiler("debug")) {
    await writeOutput(path, contents);
    if (path.endsWith(".wasm")) console.log(`${path}: ${contents.length} bytes, not optimised, with names`);
  }
}

/** How esbuild makes the command line. */
const CLI_BUNDLE = {
  absWorkingDir: ROOT,
  entryPoints: ["tools/cli.ts"],
  outfile: CLI,
  bundle: true,
  packages: "external",
  platform: "node",
  target: "node20",
  format: "esm",
  write: false,
  logLevel: "error",
} satisfies BuildOptions;

/** Bundles our part of the command line into one file that plain Node runs. */
export async function buildCli(): Promise<void> {
  const result = await bundle(CLI_BUNDLE);
  for (const file of result.outputFiles) {
    await writeOutput(file.path, `#!/usr/bin/env node\n${file.text}`);
    chmodSync(file.path, 0o755);
    console.log(`${CLI}: ${file.contents.length} bytes`);
  }
}

/** Bundles the dashboard's page into the files that the command line serves. */
export async function buildPage(): Promise<void> {
  let bytes = 0;
  for (const [name, content] of await bundlePage()) {
    await writeOutput(join(ASSETS_FOLDER, name), content);
    bytes += content.length;
  }
  console.log(`${ASSETS_FOLDER}: ${bytes} bytes`);
}

/** How esbuild makes `serin demo`, with what only it needs. */
function demoBundle(): BuildOptions & { write: false } {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  return {
    absWorkingDir: ROOT,
    entryPoints: ["tools/demo/main.ts"],
    outfile: `${DEMO}/main.js`,
    bundle: true,
    external: Object.keys(dependencies),
    platform: "node",
    target: "node20",
    format: "esm",
    minify: true,
    // undici is CommonJS, and asks for Node's own modules by `require`.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    write: false,
    logLevel: "error",
  };
}

/**
 * The packages whose code is in what the npm package ships, by their paths in the lock file (`node_modules/uplot`): what
 * esbuild put into the command line, the demo and the dashboard's page.
 */
export async function bundledPackages(): Promise<string[]> {
  const found = new Set<string>();
  for (const options of [CLI_BUNDLE, demoBundle(), await pageBundle()]) {
    const { metafile } = await bundle({ ...options, metafile: true });
    for (const input of Object.keys(metafile.inputs)) {
      const path = /(?:^|\/)((?:node_modules\/(?:@[^/]+\/)?[^/]+\/)+)/.exec(input)?.[1];
      if (path !== undefined) found.add(path.slice(0, -1));
    }
  }
  return [...found].sort();
}

/** Bundles `serin demo`: an installed package has no sources. */
export async function buildDemo(): Promise<void> {
  const result = await bundle(demoBundle());
  for (const file of result.outputFiles) await writeOutput(file.path, file.text);
  for (const path of DEMO_FILES)
    await writeOutput(join(DEMO, basename(path)), readFileSync(join(ROOT, path)));
  console.log(`${DEMO}: ${result.outputFiles[0]?.contents.length ?? 0} bytes`);
}

/** Bundles the programs of the compose scene, so that its containers need nothing but Node. */
export async function buildServices(): Promise<void> {
  const result = await bundle({
    absWorkingDir: ROOT,
    entryPoints: SERVICES,
    outdir: "build/services",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    write: false,
    logLevel: "error",
  });
  for (const file of result.outputFiles) await writeOutput(file.path, file.text);
  console.log(`build/services: ${Object.keys(SERVICES).join(", ")}`);
}

async function runCompiler(target: string): Promise<Map<string, Uint8Array | string>> {
  const files = new Map<string, Uint8Array | string>();
  const stderr = createMemoryStream();
  const { error } = await compile(["--config", "asconfig.json", "--target", target, "--baseDir", ROOT], {
    stderr,
    writeFile: (name, contents) => void files.set(relative(ROOT, resolve(ROOT, name)), contents),
  });
  const messages = stderr.toString().trim();
  if (messages !== "") console.error(messages);
  if (error) throw new BuildError("assembly/index.ts does not compile");
  return files;
}

/** Nobody who reads while we build sees half a file. */
async function writeOutput(path: string, contents: Uint8Array | string): Promise<void> {
  const target = resolve(ROOT, path);
  mkdirSync(dirname(target), { recursive: true });
  await writeWhole(target, contents);
}

class BuildError extends Error {}

async function main(parts: string[]): Promise<number> {
  const wanted = new Set(parts.length > 0 ? parts : ["wasm", "cli", "services"]);
  let ok = true;
  if (wanted.has("wasm")) ok = (await buildWasm()) && ok;
  if (wanted.has("debug")) await buildDebugWasm();
  if (wanted.has("cli")) {
    await buildCli();
    await buildPage();
    await buildDemo();
  }
  if (wanted.has("services")) await buildServices();
  if (wanted.has("package")) makePackage();
  return ok ? 0 : 1;
}

if (resolve(process.argv[1] ?? "") === import.meta.filename) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof BuildError ? error.message : error);
    process.exitCode = 1;
  }
}
