// What people would write who have no Serin: the same split in other languages, built when a bench asks for it. Envoy's own
// weighted clusters and the Lua filter need no build.

import { execFile } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

import { extension } from "../../support/envoy/bootstrap.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../../..");
/** Of the repository's `build`, which is not kept. */
const OUTPUT = join(ROOT, "build/rivals");
const RUST_TARGET = "wasm32-wasip1";

/** Rivals that have to be compiled. */
export const COMPILED = ["rust", "c"] as const;
export type Compiled = (typeof COMPILED)[number];

/** The file that was built; or why there is none, as a sentence for people. */
export type Built = { readonly path: string } | { readonly missing: string };

/** Builds a rival, if its compiler is here. It installs none. */
export function buildRival(name: Compiled): Promise<Built> {
  return name === "rust" ? buildRust() : buildC();
}

async function buildRust(): Promise<Built> {
  const libraries = await tryToRun("rustc", ["--print", "target-libdir", "--target", RUST_TARGET]);
  if ("missing" in libraries) return libraries;
  if (!existsSync(libraries.output.trim()))
    return { missing: `Rust's target ${RUST_TARGET} is not installed: rustup target add ${RUST_TARGET}` };
  const built = await tryToRun("cargo", ["build", "--release", "--locked", "--target-dir", OUTPUT], "rust");
  return "missing" in built ? built : { path: join(OUTPUT, RUST_TARGET, "release/split.wasm") };
}

async function buildC(): Promise<Built> {
  const path = join(OUTPUT, "libsplit.so");
  mkdirSync(dirname(path), { recursive: true });
  const built = await tryToRun("cc", ["-O2", "-shared", "-fPIC", "-o", path, "split.c"], "c");
  return "missing" in built ? built : { path };
}

async function tryToRun(
  program: string,
  args: readonly string[],
  folder = "",
): Promise<{ readonly output: string } | { readonly missing: string }> {
  try {
    const { stdout } = await run(program, args, { cwd: join(import.meta.dirname, folder) });
    return { output: stdout };
  } catch (error) {
    const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
    if (code === "ENOENT") return { missing: `there is no ${program} here` };
    return { missing: `${program} failed: ${stderr.trim().split("\n").at(-1) ?? ""}` };
  }
}

/** A filter that Envoy loads as a shared library (`build/rivals/libsplit.so`). */
export function dynamicModule(path: string): object {
  return extension("split", "filters.http.dynamic_modules.v3.DynamicModuleFilter", {
    dynamic_module_config: { module: { local: { filename: path } } },
    filter_name: "split",
  });
}

/**
 * Envoy's own split: shares of clusters by the hash of a cookie. The hash is Envoy's, so its users get other variants.
 * `more`: further fields of a cluster's share.
 */
export function stickyRoute(
  shares: Readonly<Record<string, number>>,
  more: (name: string) => object = () => ({}),
): object {
  const clusters = Object.entries(shares).map(([name, weight]) => ({ name, weight, ...more(name) }));
  return {
    match: { prefix: "/" },
    route: {
      weighted_clusters: { clusters, use_hash_policy: true },
      hash_policy: [{ cookie: { name: "uid" } }],
      timeout: "60s",
    },
  };
}
