// `make release`: puts together what a release offers, in build/release. The same commit gives the same bytes, whatever
// the folder and the time.
//   tsx tools/project/release/main.ts    after `npm run build`

import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";

import { npmEnv } from "../npm-env.ts";
import { bundledPackages } from "../build.ts";
import { makePackage, PACKAGE_FOLDER } from "../package/package.ts";
import { makeLayout, sha256 } from "./oci-layout.ts";
import { makeSbom } from "./sbom.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const FOLDER = join(ROOT, "build/release");
const WASM = join(ROOT, "build/serin.wasm");

async function main(): Promise<void> {
  if (!existsSync(WASM)) throw new Error("build/serin.wasm is missing: run npm run build");
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const module = readFileSync(WASM);
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  copyFileSync(WASM, join(FOLDER, "serin.wasm"));
  copyFileSync(join(ROOT, "schema/policy.schema.json"), join(FOLDER, "policy.schema.json"));
  const image = await makeLayout(module, version, join(FOLDER, "oci-image"), "image");
  const artifact = await makeLayout(module, version, join(FOLDER, "oci-artifact"), "artifact");
  makePackage();
  packInto(FOLDER);
  writeFileSync(
    join(FOLDER, "serin.cdx.json"),
    makeSbom(ROOT, module, await bundledPackages(), commitDate()),
  );
  const files = filesOf(FOLDER);
  const sums = files.map((path) => `${sha256(readFileSync(join(FOLDER, path)))}  ${path}\n`);
  writeFileSync(join(FOLDER, "SHA256SUMS"), sums.join(""));
  for (const path of files.filter((name) => !name.includes("/"))) {
    console.log(`build/release/${path}: ${statSync(join(FOLDER, path)).size} bytes`);
  }
  console.log(`build/release/oci-image: ${image}\nbuild/release/oci-artifact: ${artifact}`);
  console.log(`build/release/SHA256SUMS: ${files.length} files`);
}

/** npm packs with a time of its own for every file, so the archive is the same each time. */
function packInto(folder: string): void {
  const parameters = ["pack", "--loglevel=error", "--pack-destination", folder];
  execFileSync("npm", parameters, { cwd: PACKAGE_FOLDER, env: npmEnv() });
}

/** When the commit that is checked out was made (ISO 8601); SOURCE_DATE_EPOCH where there is no repository. */
function commitDate(): string {
  const epoch = process.env["SOURCE_DATE_EPOCH"];
  if (epoch !== undefined) return new Date(Number(epoch) * 1000).toISOString();
  const seconds = execFileSync("git", ["log", "-1", "--format=%ct"], { cwd: ROOT, encoding: "utf8" });
  return new Date(Number(seconds) * 1000).toISOString();
}

/** All files below a folder, by their paths in it, sorted. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();
}

await main();
