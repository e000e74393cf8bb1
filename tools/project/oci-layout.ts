// Makes an OCI image layout of build/serin.wasm without a container engine: one layer with one file, `plugin.wasm`, as
// Istio and Envoy Gateway want it. The same module gives the same digest.
//   tsx tools/project/oci-layout.ts [FOLDER]    build/oci unless said

import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

const ROOT = resolve(import.meta.dirname, "../..");
const MEDIA = "application/vnd.oci.image";
const BLOCK = 512;

/** What a manifest or an index says of a blob. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Writes the layout; resolves to the digest of the image. */
export async function makeLayout(module: Buffer, version: string, folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  const blobs = join(folder, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const put = async (mediaType: string, content: Buffer): Promise<Descriptor> => {
    const hash = sha256(content);
    await writeFile(join(blobs, hash), content);
    return { mediaType, digest: `sha256:${hash}`, size: content.length };
  };
  const tar = tarOf("plugin.wasm", module);
  const layer = await put(`${MEDIA}.layer.v1.tar+gzip`, gzipSync(tar, { level: 9 }));
  const config = {
    // What a build FROM scratch says; nothing in the image runs.
    ...{ architecture: "amd64", os: "linux", config: {} },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(tar)}`] },
    history: [{ created_by: "serin tools/project/oci-layout.ts" }],
  };
  const annotations = {
    "org.opencontainers.image.title": "serin",
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.licenses": "Apache-2.0",
  };
  const manifest = await put(
    `${MEDIA}.manifest.v1+json`,
    json({
      schemaVersion: 2,
      mediaType: `${MEDIA}.manifest.v1+json`,
      config: await put(`${MEDIA}.config.v1+json`, json(config)),
      layers: [layer],
      annotations,
    }),
  );
  const named = { ...manifest, annotations: { "org.opencontainers.image.ref.name": version } };
  const index = { schemaVersion: 2, mediaType: `${MEDIA}.index.v1+json`, manifests: [named] };
  await writeFile(join(folder, "index.json"), json(index));
  await writeFile(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  return manifest.digest;
}

function sha256(content: Buffer): string {
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

async function main(folder: string): Promise<void> {
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string };
  const digest = await makeLayout(await readFile(join(ROOT, "build/serin.wasm")), version, folder);
  console.log(`${folder}: OCI image layout, tag ${version}, one layer with plugin.wasm\n${digest}`);
}

if (resolve(process.argv[1] ?? "") === import.meta.filename) await main(process.argv[2] ?? "build/oci");
