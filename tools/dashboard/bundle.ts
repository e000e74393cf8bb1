// The page's script, its style and what they need, each as one file: for the build, and for the command in its source.

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";

import type { BuildOptions } from "esbuild";

import { packageFolder } from "../policy/filter-module.ts";

const PAGE = join(import.meta.dirname, "page");

/** How esbuild makes the page's script and style. */
export async function pageBundle(): Promise<BuildOptions & { write: false }> {
  const licence = await readFile(join(packageFolder(), "node_modules/uplot/LICENSE"), "utf8");
  return {
    absWorkingDir: import.meta.dirname,
    entryPoints: { page: "page/main.ts" },
    outdir: ".",
    bundle: true,
    minify: true,
    platform: "browser",
    // What every browser of the last three years has.
    target: ["chrome110", "firefox115", "safari16.4"],
    format: "esm",
    banner: { js: `/*! Holds uPlot (https://github.com/leeoniya/uPlot).\n${licence.trim()}\n*/` },
    write: false,
    logLevel: "error",
  };
}

/** Files by name. The licence of what is bundled stays in them. */
export async function bundlePage(): Promise<Map<string, Uint8Array>> {
  // Here and not above: the packed command line holds this module, and has no esbuild.
  const { build } = await import("esbuild");
  const { outputFiles } = await build(await pageBundle());
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  for (const name of ["index.html", "icon.svg"]) files.set(name, await readFile(join(PAGE, name)));
  return files;
}
