// Which images the repository names, and that `npm run pin-images` writes digests behind all of them or behind none.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, beforeEach, describe, test } from "node:test";

import { findImages } from "../../tools/project/pin-images.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PROGRAM = join(ROOT, "tools/project/pin-images.ts");
const digest = (character: string): string => `sha256:${character.repeat(64)}`;

const folder = mkdtempSync(join(tmpdir(), "serin-images-"));
const checkout = join(folder, "checkout");
after(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(checkout, { recursive: true, force: true });
  cpSync(join(ROOT, "envoy"), join(checkout, "envoy"), { recursive: true });
  cpSync(join(ROOT, ".env"), join(checkout, ".env"));
});

/** The program with a docker of our own, a shell script: its last argument but two is the image. */
function pin(docker: string): { status: number | null; stdout: string; stderr: string } {
  writeFileSync(join(folder, "docker"), `#!/bin/sh\nimage=$4\n${docker}\n`);
  chmodSync(join(folder, "docker"), 0o755);
  return spawnSync(process.execPath, ["--import", import.meta.resolve("tsx"), PROGRAM, checkout], {
    encoding: "utf8",
    env: { ...process.env, PATH: `${folder}:/usr/bin:/bin` },
  });
}

const textOf = (): string => execFileSync("grep", ["-r", "", "."], { cwd: checkout, encoding: "utf8" });

describe("the images that are named", () => {
  test("have a version, and one that Serin is tested with is the same everywhere", () => {
    const versions = new Map<string, Set<string>>();
    for (const { file, image } of findImages(ROOT)) {
      const [name = "", tag = ""] = image.split(":");
      const version = /\d+\.\d+\.\d+/.exec(tag)?.[0];
      assert.ok(version, `${file}: ${image} has no version`);
      versions.set(name, (versions.get(name) ?? new Set()).add(version));
    }
    for (const [name, found] of versions) assert.equal(found.size, 1, `${name}: ${[...found].join(", ")}`);
    for (const name of ["envoyproxy/envoy", "node", "prom/prometheus", "grafana/grafana"]) {
      assert.ok(versions.has(name), `${name} is not found`);
    }
  });

  test("have each its digest, or none has", () => {
    const pinned = findImages(ROOT).filter((image) => image.digest !== null);
    assert.ok([0, findImages(ROOT).length].includes(pinned.length), pinned.map(({ image }) => image).join());
  });

  test("none is missed: every other `image:` is a placeholder or built here", () => {
    const seen = new Set(findImages(ROOT).map(({ file, image }) => `${file} ${image}`));
    const lines = execFileSync(
      "git",
      ["grep", "-nE", "^ *(- )?image: *[^ ]|^FROM |_IMAGE=", "--", "envoy", ".env"],
      {
        cwd: ROOT,
        encoding: "utf8",
      },
    );
    for (const line of lines.trim().split("\n")) {
      const [, file = "", image = ""] = /^([^:]+):\d+:.*?(?:image: *|FROM |_IMAGE=)(\S+)/.exec(line) ?? [];
      if (/^"?(serin:|\{\{)/.test(image)) continue;
      assert.ok(seen.has(`${file} ${image.split("@")[0]}`), line);
    }
  });
});

describe("npm run pin-images", () => {
  test("writes each digest behind its tag, and another one later", () => {
    for (const letter of ["a", "b"]) {
      const { status, stdout, stderr } = pin(`echo sha256:${letter.repeat(64)}`);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.match(stdout, new RegExp(`^grafana/grafana:\\S+@${digest(letter)}$`, "m"));
      const images = findImages(checkout);
      assert.deepEqual([...new Set(images.map((image) => image.digest))], [digest(letter)]);
      assert.deepEqual(
        images.map(({ file, image }) => [file, image]),
        findImages(ROOT).map(({ file, image }) => [file, image]),
      );
    }
    assert.match(readFileSync(join(checkout, ".env"), "utf8"), /^NODE_IMAGE=node:\S+@sha256:b{64}$/m);
  });

  for (const [what, docker, said] of [
    [
      "a registry that is not reached",
      '[ "$image" = "${image#grafana}" ] && echo sha256:' +
        "a".repeat(64) +
        ' || { echo "ERROR: dial tcp: no route" >&2; exit 1; }',
      /^pin-images: grafana\/grafana:\S+: its digest cannot be had: ERROR: dial tcp: no route\. Nothing was changed\n$/,
    ],
    [
      "a docker that says something else",
      "echo '<no value>'",
      /^pin-images: \S+: not a digest: "<no value>"\. Nothing was changed\n$/,
    ],
  ] as const) {
    test(`${what}: one line, status 2, and no file is changed`, () => {
      const before = textOf();
      const { status, stderr } = pin(docker);
      assert.equal(status, 2);
      assert.match(stderr, said);
      assert.equal(textOf(), before);
    });
  }
});

test("actions of others are named by their commits", () => {
  const lines = execFileSync("git", ["grep", "-nE", "^ *- uses: ", "--", "*.yaml", "*.yml", "*.md"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  for (const line of lines.trim().split("\n")) {
    if (line.includes("uses: OWNER/serin@")) continue;
    assert.match(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  }
});
