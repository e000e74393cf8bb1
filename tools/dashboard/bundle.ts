// The page's script, its style and what they need, each as one file: for the build, and for the command in its source.

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { build } from "esbuild";

const PAGE = join(import.meta.dirname, "page");

/** Files by name. The licence of what is bundled stays in them. */
export async function bundlePage(): Promise<Map<string, Uint8Array>> {
  const { outputFiles } = await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: { page: "page/main.ts" },
    outdir: ".",
    bundle: true,
    minify: true,
    platform: "browser",
    // What every browser of the last three years has.
    target: ["chrome110", "firefox115", "safari16.4"],
    format: "esm",
    legalComments: "inline",
    write: false,
    logLevel: "error",
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  for (const name of ["index.html", "icon.svg"]) files.set(name, await readFile(join(PAGE, name)));
  return files;
}
