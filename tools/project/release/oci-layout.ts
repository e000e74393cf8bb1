// Makes an OCI image layout of build/serin.wasm without a container engine, in one of the two forms that Istio and Envoy
// Gateway read. The same module gives the same digest.
//   tsx tools/project/release/oci-layout.ts [FOLDER] [image|artifact]    (default: build/oci image)

import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

const ROOT = resolve(import.meta.dirname, "../../..");
const MEDIA = "application/vnd.oci.image";
const ANNOTATION = "org.opencontainers.image";
const WASM_MEDIA = "application/vnd.module.wasm";
const BLOCK = 512;

/**
 * `image`: an ordinary image of one layer, a tar.gz with the one file `plugin.wasm`, which every registry takes
 * (github.com/solo-io/wasm, spec/spec-compat.md). `artifact`: the module itself as a layer, with its runtime's
 * configuration as another (spec/spec.md there); readers want exactly these two layers.
 */
export type LayoutForm = "image" | "artifact";

/** What a manifest or an index says of a blob. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

type Put = (mediaType: string, content: Buffer, title?: string) => Promise<Descriptor>;

/** Writes the layout; resolves to the digest of its manifest, `sha256:…`. */
export async function makeLayout(
  module: Buffer,
  version: string,
  folder: string,
  form: LayoutForm = "image",
): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  const blobs = join(folder, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const put: Put = async (mediaType, content, title) => {
    const hash = sha256(content);
    await writeFile(join(blobs, hash), content);
    const annotations = title === undefined ? {} : { annotations: { [`${ANNOTATION}.title`]: title } };
    return { mediaType, digest: `sha256:${hash}`, size: content.length, ...annotations };
  };
  const annotations = {
    [`${ANNOTATION}.title`]: "serin",
    [`${ANNOTATION}.version`]: version,
    [`${ANNOTATION}.licenses`]: "Apache-2.0",
  };
  const content = await (form === "image" ? putImage : putArtifact)(module, put);
  const mediaType = `${MEDIA}.manifest.v1+json`;
  const manifest = await put(mediaType, json({ schemaVersion: 2, mediaType, ...content, annotations }));
  const named = { ...manifest, annotations: { [`${ANNOTATION}.ref.name`]: version } };
  const index = { schemaVersion: 2, mediaType: `${MEDIA}.index.v1+json`, manifests: [named] };
  await writeFile(join(folder, "index.json"), json(index));
  await writeFile(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  return manifest.digest;
}

interface Content {
  readonly config: Descriptor;
  readonly layers: Descriptor[];
}

async function putImage(module: Buffer, put: Put): Promise<Content> {
  const tar = tarOf("plugin.wasm", module);
  const layer = await put(`${MEDIA}.layer.v1.tar+gzip`, gzipSync(tar, { level: 9 }));
  return { config: await putConfig([tar], put), layers: [layer] };
}

async function putArtifact(module: Buffer, put: Put): Promise<Content> {
  const runtime = json({
    type: "envoy_proxy",
    abiVersions: ["v0.2.1"],
    config: { root_ids: ["serin"] },
  });
  return {
    config: await putConfig([runtime, module], put),
    layers: [
      await put(`${WASM_MEDIA}.config.v1+json`, runtime, "runtime-config.json"),
      await put(`${WASM_MEDIA}.content.layer.v1+wasm`, module, "serin.wasm"),
    ],
  };
}

/** What a build FROM scratch says of its layers, as they are unpacked; nothing in the image runs. */
function putConfig(unpacked: readonly Buffer[], put: Put): Promise<Descriptor> {
  const config = {
    ...{ architecture: "amd64", os: "linux", config: {} },
    rootfs: { type: "layers", diff_ids: unpacked.map((content) => `sha256:${sha256(content)}`) },
    history: unpacked.map(() => ({ created_by: "serin tools/project/release/oci-layout.ts" })),
  };
  return put(`${MEDIA}.config.v1+json`, json(config));
}

/** In hexadecimal digits. */
export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** A tar archive (POSIX ustar) of one file that everybody may read; it belongs to root and has no time. */
function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");
  header.write(name, 0);
  header.write(`${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100);
  header.write(`${octal(content.length, 11)}\0${octal(0, 11)}\0`, 124);
  header.write(" ".repeat(8), 148);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  // The sum of all bytes, the sum's own place counted as blanks.
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0 `,
    148,
  );
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return Buffer.concat([header, content, padding, Buffer.alloc(2 * BLOCK)]);
}

async function main(folder: string, form: string): Promise<void> {
  if (form !== "image" && form !== "artifact") throw new Error(`${form}: expected image or artifact`);
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string };
  const digest = await makeLayout(await readFile(join(ROOT, "build/serin.wasm")), version, folder, form);
  const layers = form === "image" ? "one layer with plugin.wasm" : "the module as a layer of its own";
  console.log(`${folder}: OCI ${form} layout, tag ${version}, ${layers}\n${digest}`);
}

if (resolve(process.argv[1] ?? "") === import.meta.filename) {
  await main(process.argv[2] ?? "build/oci", process.argv[3] ?? "image");
}
