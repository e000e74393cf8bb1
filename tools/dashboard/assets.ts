// The page's files: bundled when the command line was built, or now when it runs from its source.

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { CommandError } from "../terminal/command-error.ts";
import { packageFolder } from "../policy/filter-module.ts";

export interface Asset {
  readonly type: string;
  readonly content: Uint8Array;
}

/** By path. */
export type Assets = ReadonlyMap<string, Asset>;

/** Where a build leaves them, from the package's folder: packed with the command line. */
export const ASSETS_FOLDER = "build/cli/dashboard";

const TYPES: Readonly<Record<string, string>> = {
  "index.html": "text/html; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "icon.svg": "image/svg+xml",
};

export async function loadAssets(): Promise<Assets> {
  const files = import.meta.url.endsWith(".ts") ? await bundledNow() : await readBuilt();
  const assets = [...files].flatMap(([name, content]): [string, Asset][] => {
    const type = TYPES[name];
    return type === undefined ? [] : [[name === "index.html" ? "/" : `/${name}`, { type, content }]];
  });
  return new Map(assets);
}

async function bundledNow(): Promise<Map<string, Uint8Array>> {
  const { bundlePage } = await import("./bundle.ts");
  return bundlePage();
}

async function readBuilt(): Promise<Map<string, Uint8Array>> {
  const folder = join(packageFolder(), ASSETS_FOLDER);
  const files = new Map<string, Uint8Array>();
  for (const name of Object.keys(TYPES)) {
    try {
      files.set(basename(name), await readFile(join(folder, name)));
    } catch {
      throw new CommandError(`${join(folder, name)}: not built yet: run npm run build`);
    }
  }
  return files;
}
