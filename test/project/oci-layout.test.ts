// The image is read back: every blob by its hash, the layer by tar, the module byte for byte.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";

import { makeLayout, type Descriptor } from "../../tools/project/release/oci-layout.ts";
import { WASM } from "../support/filter.ts";

const folder = mkdtempSync(join(tmpdir(), "serin-oci-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const hashOf = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

interface Manifest {
  readonly config: Descriptor;
  readonly layers: Descriptor[];
}

for (const [what, module] of [
  ["serin.wasm", readFileSync(WASM)],
  ["a module that fills its last block", Buffer.alloc(1024, 7)],
] as const) {
  test(`an image of ${what}`, async () => {
    const image = join(folder, "image");
    const digest = await makeLayout(module, "1.2.3", image);
    const blob = ({ digest: name, size }: Descriptor): Buffer => {
      const content = readFileSync(join(image, "blobs/sha256", name.replace("sha256:", "")));
      assert.equal(content.length, size);
      return content;
    };
    for (const name of readdirSync(join(image, "blobs/sha256"))) {
      assert.equal(hashOf(readFileSync(join(image, "blobs/sha256", name))), name);
    }
    assert.deepEqual(JSON.parse(readFileSync(join(image, "oci-layout"), "utf8")), {
      imageLayoutVersion: "1.0.0",
    });
    const index = JSON.parse(readFileSync(join(image, "index.json"), "utf8")) as { manifests: Descriptor[] };
    assert.equal(index.manifests.length, 1);
    assert.equal(index.manifests[0]?.digest, digest);
    const manifest = JSON.parse(blob(index.manifests[0]).toString()) as Manifest;
    assert.equal(manifest.layers.length, 1);
    assert.equal(readdirSync(join(image, "blobs/sha256")).length, 3, "manifest, configuration, layer");
    const layer = manifest.layers[0] as Descriptor;
    assert.equal(layer.mediaType, "application/vnd.oci.image.layer.v1.tar+gzip");
    const tar = gunzipSync(blob(layer));
    const config = JSON.parse(blob(manifest.config).toString()) as { rootfs: { diff_ids: string[] } };
    assert.deepEqual(config.rootfs.diff_ids, [`sha256:${hashOf(tar)}`]);
    // By a tar of somebody else's.
    assert.equal(execFileSync("tar", ["-t"], { input: tar, encoding: "utf8" }), "plugin.wasm\n");
    assert.ok(execFileSync("tar", ["-xO", "plugin.wasm"], { input: tar, maxBuffer: 1 << 24 }).equals(module));
    assert.match(execFileSync("tar", ["-tv"], { input: tar, encoding: "utf8" }), /^-rw-r--r-- /);
  });
}

test("an artifact of serin.wasm has the two layers that Istio's fetcher looks for", async () => {
  const image = join(folder, "artifact");
  const digest = await makeLayout(readFileSync(WASM), "1.2.3", image, "artifact");
  const read = (name: string): Buffer =>
    readFileSync(join(image, "blobs/sha256", name.replace("sha256:", "")));
  const manifest = JSON.parse(read(digest).toString()) as Manifest;
  assert.deepEqual(
    manifest.layers.map(({ mediaType }) => mediaType),
    ["application/vnd.module.wasm.config.v1+json", "application/vnd.module.wasm.content.layer.v1+wasm"],
  );
  const [runtime, module] = manifest.layers.map((layer) => read(layer.digest)) as [Buffer, Buffer];
  assert.equal((JSON.parse(runtime.toString()) as { type: string }).type, "envoy_proxy");
  assert.ok(module.equals(readFileSync(WASM)));
  assert.equal(hashOf(module), manifest.layers[1]?.digest.replace("sha256:", ""));
});

test("the same module gives the same digest, another one another", async () => {
  const make = (byte: number): Promise<string> =>
    makeLayout(Buffer.alloc(99, byte), "1", join(folder, "again"));
  const first = await make(1);
  assert.equal(await make(1), first);
  assert.notEqual(await make(2), first);
});
