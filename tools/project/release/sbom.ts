// The bill of materials of a release, in CycloneDX's JSON: what npm says of the packages that the command line needs,
// and the filter with what is compiled into it.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { npmEnv } from "../npm-env.ts";
import { sha256 } from "./oci-layout.ts";

/** Packages whose code is in serin.wasm: AssemblyScript's standard library, and the declarations of the host calls. */
const COMPILED_IN = ["assemblyscript", "@solo-io/proxy-runtime"];
/** Namespace of version 5 UUIDs, for names that are URLs (RFC 9562, 6.6). */
const URL_NAMESPACE = "6ba7b8119dad11d180b400c04fd430c8";

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string } | undefined>>;
}

interface Bom {
  serialNumber: string;
  metadata: { timestamp?: string; component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** These and all that they need, and so on. */
function closureOf(roots: readonly string[], { dependencies }: Bom): Set<string> {
  const needs = new Map(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const found = new Set(roots);
  // A set hands out what is added while it is walked.
  for (const reference of found) for (const needed of needs.get(reference) ?? []) found.add(needed);
  return found;
}

/**
 * The bill of the checkout in `root` for the module `wasm`, as JSON. The same inputs give the same bytes: it says the time
 * of the commit instead of now, and its serial number follows from its content.
 * @param bundled the packages whose code is in the files of the command line, by their paths in the lock file
 * @param date ISO 8601
 */
export function makeSbom(root: string, wasm: Uint8Array, bundled: readonly string[], date: string): string {
  const json = (path: string): unknown => JSON.parse(readFileSync(join(root, path), "utf8"));
  const { name, version, dependencies } = json("package.json") as Manifest;
  const lock = json("package-lock.json") as Lock;
  const everything = JSON.parse(
    execFileSync("npm", ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"], {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 1 << 26,
      env: npmEnv(),
    }),
  ) as Bom;
  // Other versions of them may be there, for packages that only test.
  const refAt = (path: string): string =>
    `${path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)}@${lock.packages[path]?.version ?? "?"}`;
  const refOf = (wanted: string): string => refAt(`node_modules/${wanted}`);
  const installed = Object.keys(dependencies).map(refOf);
  const compiledIn = COMPILED_IN.map(refOf);
  const bundledIn = bundled.map(refAt).filter((reference) => !installed.includes(reference));
  // Not npm's own `--omit dev`: of two versions of a package it leaves out both where one is for tests (npm 11.19).
  const shipped = new Set([...closureOf(installed, everything), ...compiledIn, ...bundledIn]);
  const known = new Set(everything.components.map(({ "bom-ref": reference }) => reference));
  for (const reference of shipped)
    if (!known.has(reference)) throw new Error(`npm's bill lacks ${reference}`);
  const filter = {
    "bom-ref": `serin.wasm@${version}`,
    type: "file",
    name: "serin.wasm",
    version,
    scope: "required",
    hashes: [{ alg: "SHA-256", content: sha256(wasm) }],
    licenses: [{ license: { id: "Apache-2.0" } }],
  };
  const product = everything.metadata.component["bom-ref"];
  const bom: Bom = {
    ...everything,
    // npm calls an unpublished checkout by its folder.
    metadata: { ...everything.metadata, component: { ...everything.metadata.component, name } },
    components: [
      filter,
      ...everything.components.filter(({ "bom-ref": reference }) => shipped.has(reference)),
    ],
    dependencies: [
      { ref: product, dependsOn: [filter["bom-ref"], ...installed, ...bundledIn] },
      { ref: filter["bom-ref"], dependsOn: compiledIn },
      ...everything.dependencies.filter(({ ref }) => shipped.has(ref) && !compiledIn.includes(ref)),
    ],
  };
  bom.metadata.timestamp = date;
  bom.serialNumber = "";
  bom.serialNumber = `urn:uuid:${uuidOf(JSON.stringify(bom))}`;
  return `${JSON.stringify(bom, null, 2)}\n`;
}

/** A UUID that follows from the text (version 5, RFC 9562, 5.5). */
function uuidOf(text: string): string {
  const hash = createHash("sha1").update(Buffer.from(URL_NAMESPACE, "hex")).update(text).digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString("hex", 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
