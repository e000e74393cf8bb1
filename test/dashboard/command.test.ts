// `serin dashboard` as a person starts it, in its source: what it says, what it refuses, and how it ends.

import assert from "node:assert/strict";
import { spawn, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";

const ROOT = resolve(import.meta.dirname, "../..");
const COMMAND = ["--import", "tsx", "tools/cli.ts", "dashboard"];

function run(...parameters: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [...COMMAND, ...parameters], {
    cwd: ROOT,
    encoding: "utf8",
    timeout: 30_000,
  });
}

test("says where the page is, serves it though nobody answers, and ends with 0 by Ctrl-C", async () => {
  const parameters = [...COMMAND, "--port", "0", "--admin", "127.0.0.1:9"];
  const child = spawn(process.execPath, parameters, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const line = await new Promise<string>((found) =>
      child.stdout.once("data", (text: Buffer) => found(text.toString())),
    );
    const [, url] = /^(http:\/\/127\.0\.0\.1:\d+\/) {2}stop with Ctrl-C\n$/.exec(line) ?? assert.fail(line);
    const page = await fetch(url ?? "");
    assert.match(await page.text(), /<title>Serin<\/title>/);
    assert.equal((await fetch(`${url}page.js`)).status, 200);
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGINT");
    assert.equal(await ended, 0);
  } finally {
    child.kill("SIGKILL");
  }
});

test("bad usage is 2, with what is wrong", () => {
  for (const [parameters, words] of [
    [["--port", "70000"], /'--port <PORT>' argument '70000' is invalid. Must be a port, 0 to 65535/],
    [["--port", "x"], /'--port <PORT>' argument 'x' is invalid. Must be a port/],
    [["--admin", "ftp://a"], /--admin "ftp:\/\/a": must be like http:\/\/127\.0\.0\.1:9901/],
    [["--admin", "127.0.0.1:9901", "--prometheus", "127.0.0.1:9090"], /--admin and --prometheus/],
  ] as const) {
    const { status, stderr } = run(...parameters);
    assert.equal(status, 2, stderr);
    assert.match(stderr, words);
  }
});
