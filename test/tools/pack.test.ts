// What `npm pack` makes works in a folder that knows nothing of this one.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { POLICY, temporaryFolder } from "./run-cli.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../..");
const MINUTES = 60_000;

/** npm tells its children about itself; a test of npm must not hear it. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("npm_") && name !== "NODE_TEST_CONTEXT"),
);

describe("package", () => {
  const folder = temporaryFolder();

  it("is packed, installed elsewhere, and validates a policy there", { timeout: 5 * MINUTES }, async () => {
    assert.ok(existsSync(join(ROOT, "build/cli/cli.js")), "npm run build first");
    const packed = await run(
      "npm",
      ["pack", "--json", "--ignore-scripts", "--pack-destination", folder.path],
      {
        cwd: ROOT,
        env,
      },
    );
    const [{ filename, files }] = JSON.parse(packed.stdout) as [
      { filename: string; files: { path: string }[] },
    ];
    const paths = files.map((file) => file.path);
    const page = ["index.html", "page.js", "page.css", "icon.svg"].map(
      (name) => `build/cli/dashboard/${name}`,
    );
    for (const path of ["build/serin.wasm", "build/cli/cli.js", "package.json", ...page])
      assert.ok(paths.includes(path), path);
    assert.deepEqual(
      paths.filter((path) => /^(assembly|test|tools|node_modules)\//.test(path)),
      [],
      "sources and tests stay at home",
    );

    const elsewhere = folder.folder("elsewhere");
    folder.write("elsewhere/package.json", '{ "name": "elsewhere", "private": true }');
    folder.write("elsewhere/policy.yaml", POLICY);
    const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", join(folder.path, filename)];
    await run("npm", install, { cwd: elsewhere, env });

    const good = await run("npx", ["--no-install", "serin", "validate", "policy.yaml"], {
      cwd: elsewhere,
      env,
    });
    assert.equal(good.stdout, "policy.yaml: ok\n");
    const published = await run(
      "npx",
      ["--no-install", "serin", "publish", "policy.yaml", "--to", "filter.json"],
      {
        cwd: elsewhere,
        env,
      },
    );
    assert.match(published.stdout, /filter\.json: published/);
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
  });
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
