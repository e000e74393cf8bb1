// What `make release` offers: the same bytes from another folder, and enough by itself, without the checkout.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { before, describe, it } from "node:test";
import { promisify } from "node:util";

import { bundledPackages } from "../../tools/project/build.ts";
import { npmEnv } from "../../tools/project/npm-env.ts";
import { ensureEnvoy, freePort, waitUntil } from "../../tools/envoy/index.ts";
import { temporaryFolder } from "../support/cli.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../..");
const MINUTES = 60_000;
const MAIN = "tools/project/release/main.ts";

/** When it is made is said from outside: the copies have no commit. */
const env = { ...npmEnv(), SOURCE_DATE_EPOCH: "1764350000" };

describe("a release", () => {
  const folder = temporaryFolder();
  const first = join(folder.path, "first");
  const second = join(folder.path, "a longer name/second");
  const release = join(first, "build/release");

  before(
    async () => {
      copySources(first);
      cpSync(join(ROOT, "build"), join(first, "build"), {
        recursive: true,
        filter: (path) => !/\/build\/(demo-|package|release|cache|oci)/.test(path),
      });
      await run(process.execPath, ["--import", "tsx", MAIN], { cwd: first, env });
    },
    { timeout: 2 * MINUTES },
  );

  it("built in another folder has the same bytes", { timeout: 5 * MINUTES }, async () => {
    copySources(second);
    await run("npm", ["run", "-s", "build"], { cwd: second, env });
    await run(process.execPath, ["--import", "tsx", MAIN], { cwd: second, env });
    const sumsOf = (root: string): string => readFileSync(join(root, "build/release/SHA256SUMS"), "utf8");
    assert.equal(sumsOf(second), sumsOf(first));
    assert.match(sumsOf(first), / {2}serin\.wasm$/m);
  });

  it("has a sum of each file, and a bill of what is in it", async () => {
    const checked = execFileSync("sha256sum", ["--check", "SHA256SUMS"], { cwd: release, encoding: "utf8" });
    const files = readdirSync(release, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    assert.equal(checked.match(/: OK$/gm)?.length, files.length - 1, "all but the sums themselves");
    const bill = JSON.parse(readFileSync(join(release, "serin.cdx.json"), "utf8")) as {
      bomFormat: string;
      components: { name: string; version: string; hashes?: { content: string }[] }[];
    };
    assert.equal(bill.bomFormat, "CycloneDX");
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    const names = bill.components.map(({ name }) => name);
    for (const name of [...Object.keys(dependencies), "assemblyscript", "serin.wasm"]) {
      assert.ok(names.includes(name), name);
    }
    // What esbuild says that it put into the files, and no list that somebody has to remember.
    const bundled = await bundledPackages();
    assert.ok(bundled.length > 0);
    for (const path of bundled) assert.ok(names.includes(path.replace(/^.*node_modules\//, "")), path);
    const wasm = bill.components.find(({ name }) => name === "serin.wasm")?.hashes?.[0]?.content ?? "none";
    assert.ok(checked.includes("serin.wasm: OK"));
    assert.ok(readFileSync(join(release, "SHA256SUMS"), "utf8").includes(`${wasm}  serin.wasm`));
  });

  it(
    "checks a policy and runs the demo in a folder that has nothing else",
    { timeout: 5 * MINUTES },
    async () => {
      const bare = folder.folder("bare");
      cpSync(release, join(bare, "release"), { recursive: true });
      const archive = readdirSync(join(bare, "release")).find((name) => name.endsWith(".tgz")) ?? "";
      folder.write("bare/package.json", '{ "name": "bare", "private": true }');
      const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", `./release/${archive}`];
      await run("npm", install, { cwd: bare, env });
      const packed = readFileSync(join(bare, "node_modules/serin/build/serin.wasm"));
      assert.ok(packed.equals(readFileSync(join(bare, "release/serin.wasm"))));
      const serin = join(bare, "node_modules/.bin/serin");
      const policy = join("node_modules/serin/envoy/policies/canary.yaml");
      assert.match((await run(serin, ["validate", policy], { cwd: bare, env })).stdout, /canary\.yaml: ok/);

      const port = await freePort();
      const ports = ["--port", String(port), "--admin-port", String(await freePort())];
      const demo = spawn(serin, ["demo", "--once", ...ports], {
        cwd: bare,
        env: { ...env, ENVOY: await ensureEnvoy() },
        stdio: "pipe",
      });
      let said = "";
      for (const output of [demo.stdout, demo.stderr])
        output.on("data", (text: Buffer) => (said += text.toString()));
      const ended = new Promise((done) => demo.once("exit", done));
      try {
        await waitUntil("the shop", MINUTES, () => said.includes("is ready"));
        const answer = await fetch(`http://127.0.0.1:${port}/checkout`, { headers: { cookie: "uid=u-1" } });
        assert.equal(answer.status, 200);
        assert.ok(existsSync(join(bare, "serin-demo", String(port), "policy.yaml")));
        demo.kill("SIGINT");
        assert.equal(await ended, 130, said);
        assert.deepEqual(readdirSync(join(bare, "serin-demo")), [], "the policy goes with the demo");
      } finally {
        demo.kill("SIGKILL");
      }
    },
  );
});

/** What the checkout would commit, its packages linked, with the same origin. */
function copySources(target: string): void {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  for (const path of listed.split("\0").filter((name) => name !== "" && existsSync(join(ROOT, name)))) {
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(ROOT, path), join(target, path));
  }
  symlinkSync(join(ROOT, "node_modules"), join(target, "node_modules"));
  execFileSync("git", ["init", "--quiet"], { cwd: target });
}
