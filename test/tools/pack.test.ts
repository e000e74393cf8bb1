// What `npm pack` makes works in a folder that knows nothing of this one.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
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
    for (const path of ["build/serin.wasm", "build/cli/cli.js", "package.json"])
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
  });
});
