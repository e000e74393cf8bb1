// What `npm pack` makes of build/package works in a folder that knows nothing of this one.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { blocksOf, linksOf } from "../support/page.ts";
import { npmEnv } from "../../tools/project/npm-env.ts";
import { makePackage, PACKAGE_FOLDER } from "../../tools/project/package/package.ts";
import { temporaryFolder } from "../support/cli.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../..");
const MINUTES = 60_000;

const env = npmEnv();

describe("package", () => {
  const folder = temporaryFolder();

  it(
    "is packed, installed elsewhere, and does there what its README says",
    { timeout: 5 * MINUTES },
    async () => {
      assert.ok(existsSync(join(ROOT, "build/cli/cli.js")), "npm run build first");
      makePackage();
      const packed = await run("npm", ["pack", "--json", "--pack-destination", folder.path], {
        cwd: PACKAGE_FOLDER,
        env,
      });
      const [{ filename, files }] = JSON.parse(packed.stdout) as [
        { filename: string; files: { path: string }[] },
      ];
      const paths = files.map((file) => file.path);
      const page = ["index.html", "page.js", "page.css", "icon.svg"].map(
        (name) => `build/cli/dashboard/${name}`,
      );
      for (const path of [
        "LICENSE",
        "build/serin.wasm",
        "build/cli/cli.js",
        "schema/policy.schema.json",
        ...page,
      ])
        assert.ok(paths.includes(path), path);
      assert.deepEqual(
        paths.filter(
          (path) =>
            !/^(LICENSE|README\.md|CHANGELOG\.md|package\.json)$|^(build\/(serin\.wasm$|cli\/)|schema\/|envoy\/|docs\/)/.test(
              path,
            ) || /\.(map|png|pyc)$/.test(path),
        ),
        [],
        "sources, tests, source maps and pictures stay at home",
      );
      const readme = readFileSync(join(PACKAGE_FOLDER, "README.md"), "utf8");
      for (const page of paths.filter((path) => path.endsWith(".md"))) {
        for (const { path } of linksOf(readFileSync(join(PACKAGE_FOLDER, page), "utf8"))) {
          assert.ok(existsSync(join(PACKAGE_FOLDER, dirname(page), path)), `${page}: ${path}`);
        }
      }
      const manifest = JSON.parse(readFileSync(join(PACKAGE_FOLDER, "package.json"), "utf8")) as Record<
        string,
        unknown
      >;
      assert.ok(!("scripts" in manifest || "devDependencies" in manifest || "private" in manifest));

      const elsewhere = folder.folder("elsewhere");
      folder.write("elsewhere/package.json", '{ "name": "elsewhere", "private": true }');
      const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", join(folder.path, filename)];
      await run("npm", install, { cwd: elsewhere, env });

      for (const { text, marks } of blocksOf(readme)) {
        if (!marks.includes("run")) continue;
        const shown = await run("bash", ["-euc", text], { cwd: elsewhere, env });
        if (text.includes("serin validate")) assert.match(shown.stdout, /^policy\.yaml: ok\n/);
        if (text.includes("serin publish")) assert.match(shown.stdout, /filter\.yaml: published/);
      }
      assert.ok(statSync(join(elsewhere, "serin/configmaps.yaml")).isFile());
      const request = `{"url": "https://shop.example.com/checkout", "headers": {"cookie": "uid=42"}}`;
      const decided = await run(
        "sh",
        ["-c", `echo '${request}' | npx --no-install serin decide --policy policy.yaml`],
        {
          cwd: elsewhere,
          env,
        },
      );
      assert.equal((JSON.parse(decided.stdout) as { identity: string }).identity, "42");
      await servesItsPage(elsewhere);
    },
  );
});

/** The dashboard comes with its page, and needs nothing that builds one. */
async function servesItsPage(folder: string): Promise<void> {
  const parameters = ["dashboard", "--port", "0", "--admin", "http://127.0.0.1:9"];
  const child = spawn("node_modules/.bin/serin", parameters, { cwd: folder, env, stdio: "pipe" });
  try {
    const url = await new Promise<string>((found, failed) => {
      let complaint = "";
      child.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
      child.once("close", () => failed(new Error(`serin dashboard has ended: ${complaint}`)));
      child.stdout.once("data", (line: Buffer) => found(line.toString().split(" ")[0] ?? ""));
    });
    for (const path of ["", "page.js", "page.css", "icon.svg"]) {
      assert.equal((await fetch(url + path)).status, 200, path);
    }
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGINT");
    assert.equal(await ended, 0);
  } finally {
    child.kill("SIGKILL");
  }
}
