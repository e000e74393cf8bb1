// `make demo` from outside: it judges itself, says in one line why it cannot run, and leaves nothing behind.

import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";

import { waitUntil } from "../../tools/envoy/index.ts";
import { DemoProcess, MAIN } from "./demo-process.ts";

const DEADLINE_MS = 60_000;

describe("the demo without a terminal", { concurrency: true }, () => {
  it("runs once, prints the table in plain text, and says that all agrees", async () => {
    const demo = await DemoProcess.start(MAIN);
    assert.equal(await demo.ended, 0, demo.stdout + demo.stderr);
    assert.match(
      demo.stdout,
      /^ rollout +variant +asked +users +requests +requests +errors +ms +ms +active$/m,
    );
    const row = / (\d+ %) +(\d+\.\d %) +(\d+\.\d %) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$/.source;
    for (const name of [" checkout stable", " {10}canary", " search {3}v1", " {10}v2"]) {
      assert.match(demo.stdout, new RegExp(`^${name} +${row}`, "m"));
    }
    assert.match(demo.stdout, /2,000 requests of 1,000 users, 0 failed/);
    assert.match(demo.stdout, /^ 100 of the requests forged Serin's own headers, and gained nothing$/m);
    assert.match(demo.stdout, /^ agrees: /m);
    assert.equal(stripVTControlCharacters(demo.stdout), demo.stdout);
    assert.deepEqual(await demo.leftovers(), []);
  });

  it("SIGTERM in the middle ends it, and nothing is left", async () => {
    const demo = await DemoProcess.start(MAIN, { env: { ONCE: "1" } });
    await waitUntil("traffic", DEADLINE_MS, () => demo.stdout.includes("2000 requests"));
    demo.kill("SIGTERM");
    assert.equal(await demo.ended, 143, demo.stderr);
    assert.doesNotMatch(demo.stdout, /agrees/);
    assert.deepEqual(await demo.leftovers(), []);
  });
});

describe("the demo on a terminal", () => {
  it("draws a live table, and Ctrl-C under make leaves nothing behind", async () => {
    const demo = await DemoProcess.start(["make", "-s", "demo"], { terminal: true });
    await waitUntil("the table", DEADLINE_MS, () => demo.stdout.includes("Ctrl-C ends it."));
    await waitUntil("visitors", DEADLINE_MS, () => /[1-9]\d+ requests of/.test(demo.stdout));
    for (const line of stripVTControlCharacters(demo.stdout).split(/[\r\n]+/)) {
      assert.ok(line.length <= 80, `wider than the terminal: ${line}`);
    }
    demo.type("\x03");
    await demo.ended;
    assert.match(demo.stdout, /\x1b\[\?25h/, "the cursor is shown again");
    assert.deepEqual(await demo.leftovers(), []);
  });

  it("has no colours with NO_COLOR", async () => {
    const demo = await DemoProcess.start(MAIN, { terminal: true, env: { NO_COLOR: "1" } });
    await waitUntil("the table", DEADLINE_MS, () => demo.stdout.includes("Ctrl-C ends it."));
    demo.type("\x03");
    assert.equal(await demo.ended, 0);
    assert.doesNotMatch(demo.stdout, /\x1b\[\d+(;\d+)*m/);
    assert.deepEqual(await demo.leftovers(), []);
  });
});

describe("a demo that cannot run says why in one line, with status 2", { concurrency: true }, () => {
  for (const variable of ["PORT", "ADMIN_PORT"]) {
    it(`a busy ${variable}`, async () => {
      const server = createServer();
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      const { port } = server.address() as AddressInfo;
      const demo = await DemoProcess.start(MAIN, { env: { [variable]: String(port) } });
      assert.equal(await demo.ended, 2);
      assert.match(
        demo.stderr,
        new RegExp(
          `^demo: port ${port} on 127\\.0\\.0\\.1 is taken [^\\n]*make demo ${variable}=… takes another\\n$`,
        ),
      );
      server.close();
      assert.deepEqual(await demo.leftovers(), []);
    });
  }

  const unfit: [why: string, env: NodeJS.ProcessEnv, said: RegExp][] = [
    ["an ENVOY that is none", { ENVOY: "/bin/true" }, /^demo: \/bin\/true: [^\n]+\n$/],
    ["an ENVOY that is not there", { ENVOY: "/nowhere/envoy" }, /^demo: \/nowhere\/envoy: [^\n]+\n$/],
    ["a PORT that is none", { PORT: "http" }, /^demo: PORT=http: must be a port, 1 to 65535\n$/],
    [
      "a filter that is not built",
      { SERIN_WASM: "/nowhere/serin.wasm" },
      /^demo: \/nowhere\/serin\.wasm: no such file\n$/,
    ],
  ];
  for (const [why, env, said] of unfit) {
    it(why, async () => {
      const demo = await DemoProcess.start(MAIN, { env });
      assert.equal(await demo.ended, 2);
      assert.match(demo.stderr, said);
      assert.deepEqual(await demo.leftovers(), []);
    });
  }
});
