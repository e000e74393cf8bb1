// `make demo` from outside: it judges itself, says in one line why it cannot run, and leaves nothing behind.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

import { blocksOf } from "../support/page.ts";
import { waitUntil } from "../../tools/envoy/index.ts";
import { DemoProcess, MAIN } from "./demo-process.ts";

const DEADLINE_MS = 60_000;
/** What the README has people try by hand. */
const README_COMMANDS = blocksOf(readFileSync(join(import.meta.dirname, "../../README.md"), "utf8"))
  .filter(({ marks }) => marks.includes("by=test/demo/demo.test.ts"))
  .flatMap(({ text }) => text.split("\n"))
  .filter((line) => line.startsWith("curl "));

describe("the demo without a terminal", { concurrency: true }, () => {
  it("runs once: all agrees, the good canary goes to 100%, the bad one is rolled back; the table is plain text", async () => {
    const demo = await DemoProcess.start(MAIN);
    assert.equal(await demo.ended, 0, demo.stdout + demo.stderr);
    assert.match(
      demo.stdout,
      /^ rollout +variant +share +users +requests +requests +errors +ms +ms +flight$/m,
    );
    const row = / (\d+%) +(\d+\.\d%) +(\d+\.\d%) +([\d,]+) +(\d+) +([\d–]+) +([\d–]+) +(\d+)$/.source;
    for (const name of [" checkout stable", " {10}canary", " cart {5}stable", " search {3}v1", " {10}v2"]) {
      assert.match(demo.stdout, new RegExp(`^${name} +${row}`, "m"));
    }
    assert.match(
      demo.stdout,
      /^ since the policy changed, \d+ s ago: [\d,]+ requests of [\d,]+ users, 0 failed$/m,
    );
    assert.match(demo.stdout, /^ users moved by the change: checkout \d+ stable → canary$/m);
    assert.match(demo.stdout, /^ \d+ of the requests forged Serin's headers, without effect$/m);
    assert.match(demo.stdout, /^ passed: the policy, what users saw and Envoy's counters agree$/m);
    assert.match(
      demo.stdout,
      /^ passed: checkout's canary was promoted to 100% on evidence: 20% → 50% \(\d+ s\) → 100% \(\d+ s\)$/m,
    );
    assert.match(
      demo.stdout,
      /^ passed: cart's canary was rolled back at \d\d:\d\d:\d\d, \d+\.\d s after it began to fail: \d+ requests of \d+ users met an error, none because of the rollback$/m,
    );
    assert.doesNotMatch(demo.stdout, /failed: /);
    assert.match(
      demo.stdout,
      /^ checkout-v3 +10% +\d+\.\d% +(\d+ +){5}[–\d]+ +[–\d]+\n +mismatch at \/cart\/total \(no user sees it\)$/m,
    );
    const [, found, planted] =
      /^ found: (\d+) of the (\d+) mismatches planted in checkout-v3's \d+ answers, and no other/m.exec(
        demo.stdout,
      ) ?? [];
    assert.ok(found === planted && Number(found) > 0, demo.stdout);
    assert.equal(stripVTControlCharacters(demo.stdout), demo.stdout);
    assert.deepEqual(await demo.leftovers(), []);
  });

  it("SIGTERM in the middle ends it, and nothing is left", async () => {
    const demo = await DemoProcess.start(MAIN, { env: { ONCE: "1" } });
    await waitUntil("traffic", DEADLINE_MS, () => demo.stdout.includes("is ready"));
    demo.kill("SIGTERM");
    assert.equal(await demo.ended, 143, demo.stderr);
    assert.doesNotMatch(demo.stdout, /passed/);
    assert.deepEqual(await demo.leftovers(), []);
  });
});

describe("the demo on a terminal", () => {
  it("draws a live table, answers the README's commands, and Ctrl-C under make leaves nothing behind", async () => {
    const demo = await DemoProcess.start(["make", "-s", "demo"], { terminal: true });
    await waitUntil("the table", DEADLINE_MS, () => demo.stdout.includes("Ctrl-C to stop."));
    await waitUntil("visitors", DEADLINE_MS, () => /[1-9]\d+ requests of/.test(demo.stdout));
    const answers = README_COMMANDS.map((command) => {
      const here = command.replaceAll("localhost:8080", `localhost:${demo.port}`);
      return execFileSync("bash", ["-c", here], { encoding: "utf8", timeout: DEADLINE_MS });
    });
    const said = answers.map((answer) => JSON.parse(answer) as Record<string, string>);
    assert.deepEqual(
      said.map(({ service, visitor }) => `${service}: ${visitor}`),
      ["shop: uid=alice", "checkout-v2: anonymous", "shop: anonymous"],
    );
    assert.match(said[0]?.["serin"] ?? "", /^nothing/);
    assert.match(said[1]?.["serin"] ?? "", /^checkout=canary/);
    assert.match(said[2]?.["serin"] ?? "", /^nothing/);
    assert.equal(answers.length, 3, "the README has a command that is not looked at here");
    // What make builds on the way is none of the picture's lines.
    const drawn = stripVTControlCharacters(demo.stdout).replace(/^[^]*?(?= Serin in Envoy)/, "");
    for (const line of drawn.split(/[\r\n]+/)) {
      assert.ok(line.length <= 80, `wider than the terminal: ${line}`);
    }
    demo.type("\x03");
    await demo.ended;
    assert.match(demo.stdout, /\x1b\[\?25h/, "the cursor is shown again");
    assert.deepEqual(await demo.leftovers(), []);
  });

  it("leaves nothing behind when the terminal is closed", async () => {
    const demo = await DemoProcess.start(MAIN, { terminal: true });
    await waitUntil("the table", DEADLINE_MS, () => demo.stdout.includes("Ctrl-C to stop."));
    demo.kill("SIGTERM");
    await demo.ended;
    await waitUntil("its end", DEADLINE_MS, () => demo.isGone());
    assert.deepEqual(await demo.leftovers(), []);
  });

  it("has no colours with NO_COLOR", async () => {
    const demo = await DemoProcess.start(MAIN, { terminal: true, env: { NO_COLOR: "1" } });
    await waitUntil("the table", DEADLINE_MS, () => demo.stdout.includes("Ctrl-C to stop."));
    demo.type("\x03");
    assert.equal(await demo.ended, 0);
    assert.doesNotMatch(demo.stdout, /\x1b\[\d+(;\d+)*m/);
    assert.deepEqual(await demo.leftovers(), []);
  });
});

describe(
  "a demo whose Envoy is ended under it says so in one line, with status 2",
  { concurrency: 3 },
  () => {
    // Whether a look at the counters or the process itself hears of it first is chance: several times, at any moment.
    for (const [signal, env, said] of [
      ["SIGKILL", { ONCE: "1" }, "ended by SIGKILL"],
      ["SIGKILL", { ONCE: "1" }, "ended by SIGKILL"],
      ["SIGKILL", {}, "ended by SIGKILL"],
      ["SIGKILL", {}, "ended by SIGKILL"],
      ["SIGTERM", {}, "asked to end"],
    ] as const) {
      it(`${signal}${"ONCE" in env ? ", a bounded run" : ", the live table"}`, async () => {
        const isLive = !("ONCE" in env);
        const demo = await DemoProcess.start(MAIN, { terminal: isLive, env });
        const shown = isLive ? "Ctrl-C to stop." : "is ready";
        await waitUntil("the demo", DEADLINE_MS, () => demo.stdout.includes(shown));
        await sleep(1000 * Math.random());
        process.kill(demo.envoyPid(), signal);
        assert.equal(await demo.ended, 2);
        const text = stripVTControlCharacters(demo.stdout + demo.stderr);
        assert.match(text, new RegExp(`^demo: Envoy was ${said}: the demo cannot go on\\r?$`, "m"));
        assert.doesNotMatch(text, /^ +at |node:internal|ECONN/m);
        assert.deepEqual(await demo.leftovers(), []);
      });
    }
  },
);

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
          `^demo: port ${port} on 127\\.0\\.0\\.1 is taken [^\\n]*choose another with make demo ${variable}=…\\n$`,
        ),
      );
      server.close();
      assert.deepEqual(await demo.leftovers(), []);
    });
  }

  const unfit: [why: string, env: NodeJS.ProcessEnv, said: RegExp][] = [
    [
      "an ENVOY that is another program",
      { ENVOY: "/bin/ls" },
      /^demo: \/bin\/ls: not an Envoy; ENVOY must be the path of an Envoy binary\n$/,
    ],
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
