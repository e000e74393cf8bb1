// Requests in, decisions out: one line for one line, in order, at any speed of the reader.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PassThrough, Readable } from "node:stream";
import { describe, it } from "node:test";
import pc from "picocolors";

import { decide } from "../../tools/commands/decide.ts";
import { linesOf } from "../../tools/terminal/lines.ts";
import { guestModuleBytes } from "../emulator/probe-guest.ts";
import { CLI, POLICY, runCli, temporaryFolder } from "../support/cli.ts";
import { blocksOf } from "../support/page.ts";

const line = (uid: number | string, extra: object = {}) =>
  `${JSON.stringify({ url: "https://shop.example.com/checkout", headers: { cookie: `uid=${uid}` }, ...extra })}\n`;

describe("decide", () => {
  const folder = temporaryFolder();
  const policy = folder.write("policy.yaml", POLICY);

  it("gives the decision of policy.md for a request", async () => {
    const { status, stdout } = await runCli(["decide", "--policy", policy], {
      stdin: line("42", {
        headers: { cookie: "uid=42", "x-canary": "canary", "x-serin-checkout": "stable" },
      }),
    });
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout), {
      identity: "42",
      rollouts: { checkout: { variant: "canary", reason: "TARGETING_MATCH", cluster: "checkout-v2" } },
      flags: {},
      shadows: [],
      request: {
        set: { "x-serin-checkout": "canary", "x-serin-cluster": "checkout-v2" },
        remove: ["x-serin-checkout"],
      },
      response: { "set-cookie": [] },
    });
  });

  it("keeps the order, puts an error where a line is no request, and exits with 1 at the end", async () => {
    const stdin = `${line(1)}\nnope\n${line(2)}{"url":"http://a","x":1}\n${line(3).trimEnd()}`;
    const { status, stdout, stderr } = await runCli(["decide", "--policy", policy], { stdin });
    assert.equal(status, 1);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text) as { identity?: string; error?: { line: number; pointer: string } });
    assert.deepEqual(
      lines.map((decision) => decision.identity ?? `${decision.error?.line}${decision.error?.pointer}`),
      ["1", "2", "3", "2", "5/x", "3"],
    );
    assert.match(stderr, /3 of 6 lines failed/);
  });

  it("a line that is no UTF-8 is an error, not another request", async () => {
    const { status, stdout } = await runCli(["decide", "--policy", policy], {
      stdin: Buffer.from([0x22, 0xff, 0x22, 0x0a]),
    });
    assert.equal(status, 1);
    assert.match(stdout, /invalid UTF-8/);
  });

  it("a refused policy gives 1, its problems, and no output", async () => {
    const refused = folder.write("refused.yaml", POLICY.replace("50", "500"));
    const { status, stdout, stderr } = await runCli(["decide", "--policy", refused], { stdin: line(1) });
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /percent: /);
  });

  it("a trap of the filter is an error for that line and all after it", async () => {
    const wasm = folder.write("traps.wasm", guestModuleBytes({ proxy_on_request_headers: "unreachable" }));
    const { status, stdout } = await runCli(["decide", "--policy", policy], {
      stdin: line(1) + line(2),
      env: { SERIN_WASM: wasm },
    });
    assert.equal(status, 1);
    assert.equal(
      stdout
        .trimEnd()
        .split("\n")
        .filter((text) => text.startsWith('{"error":')).length,
      2,
    );
  });

  it("the line's time is the filter's clock: the same input gives the same output", async () => {
    const stdin =
      line(1, { time: "2026-11-23T09:00:00Z" }) + line(2, { time: "1970-01-01T00:00:00Z" }).repeat(2);
    const first = await runCli(["decide", "--policy", policy], { stdin });
    const second = await runCli(["decide", "--policy", policy], { stdin });
    assert.equal(first.status, 0);
    assert.equal(first.stdout, second.stdout);
  });

  it("a reader that goes away ends it without a word", async () => {
    const { spawn } = await import("node:child_process");
    const script = `${process.execPath} ${CLI} decide --policy ${policy} | head -n 1; echo "status \${PIPESTATUS[0]}"`;
    const shell = spawn("bash", ["-c", script], { stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    shell.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    shell.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    shell.stdin.on("error", () => undefined);
    const text = Array.from({ length: 50_000 }, (_, uid) => line(uid)).join("");
    shell.stdin.end(text);
    await new Promise((resolve) => shell.on("close", resolve));
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 2);
    assert.equal(lines[1], "status 0");
    assert.equal(stderr, "");
  });

  it("waits for a slow reader instead of filling memory", async () => {
    let produced = 0;
    const stdin = Readable.from(
      (function* () {
        for (; produced < 2000; produced++) yield Buffer.from(line(produced).repeat(50));
      })(),
      { objectMode: true, highWaterMark: 1 },
    );
    const stdout = new PassThrough({ highWaterMark: 16 * 1024 });
    const running = decide({ policy }, { stdin, stdout, stderr: new PassThrough(), ...plainColors });
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok(produced < 20, `read ${produced} chunks ahead of a reader that takes none`);
    let lines = 0;
    for await (const chunk of stdout) {
      for (const byte of chunk as Buffer) if (byte === 10) lines++;
      if (lines === 100_000) stdout.end();
    }
    assert.equal(await running, 0);
    assert.equal(lines, 100_000);
  });

  it("throughput (a figure, not a test)", async () => {
    const count = 30_000;
    const stdin = Array.from({ length: count }, (_, uid) => line(uid, { time: "2026-11-23T09:00:00Z" })).join(
      "",
    );
    const begin = process.hrtime.bigint();
    const { status, stdout } = await runCli(["decide", "--policy", policy], { stdin });
    const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
    assert.equal(status, 0);
    assert.equal(stdout.trimEnd().split("\n").length, count);
    console.log(`decide: ${Math.round((count / seconds) * 60)} lines a minute, start included`);
  });
});

describe("requests as access logs have them", () => {
  const folder = temporaryFolder();
  const policy = folder.write("policy.yaml", POLICY);

  it("a path and a host header are the URL without its scheme; without a host there is none", async () => {
    const headers = { cookie: "uid=42" };
    const asked = [
      { url: "https://shop.example.com/checkout?a=1", headers },
      { url: "/checkout?a=1", headers: { ...headers, host: "shop.example.com" } },
      { url: "/checkout?a=1", headers },
    ];
    const { status, stdout } = await runCli(["decide", "--policy", policy], {
      stdin: asked.map((request) => `${JSON.stringify(request)}\n`).join(""),
    });
    assert.equal(status, 0);
    const [whole, path, nowhere] = stdout.trimEnd().split("\n");
    assert.equal(path, whole);
    assert.match(whole ?? "", /"checkout":\{"variant"/);
    assert.match(nowhere ?? "", /"rollouts":\{\}/);
    const explained = await runCli([
      "explain",
      "--policy",
      policy,
      "-H",
      "host: shop.example.com",
      "/checkout",
    ]);
    assert.match(explained.stdout, /^rollout checkout -> /m);
  });

  it("the two policies of one release in docs/policy.md give a user the same variant on both hosts", async () => {
    const page = readFileSync(new URL("../../docs/policy.md", import.meta.url), "utf8");
    const halves = blocksOf(page).filter(({ text }) => text.includes("salt: shop-2027"));
    assert.equal(halves.length, 2);
    const answers = await Promise.all(
      halves.map(async ({ text }, index) => {
        const half = folder.write(`half-${index}.yaml`, text);
        const host = /hosts: \[(.*?)\]/.exec(text)?.[1] ?? "";
        const stdin = Array.from({ length: 400 }, (_, uid) => line(uid, { url: `https://${host}/` })).join(
          "",
        );
        const { stdout } = await runCli(["decide", "--policy", half], { stdin });
        return stdout
          .trimEnd()
          .split("\n")
          .map(
            (text) =>
              Object.values(JSON.parse(text).rollouts as Record<string, { variant: string }>)[0]?.variant,
          );
      }),
    );
    assert.deepEqual(answers[0], answers[1]);
    assert.deepEqual(new Set(answers[0]), new Set(["stable", "canary"]));
  });
});

const plainColors = { colors: pc.createColors(false), errorColors: pc.createColors(false) };

describe("lines", () => {
  const split = async (...chunks: string[]): Promise<(string | null)[]> => {
    const lines: (string | null)[] = [];
    for await (const some of linesOf(Readable.from(chunks.map((chunk) => Buffer.from(chunk))))) {
      lines.push(...some.map((text) => text?.toString() ?? null));
    }
    return lines;
  };

  it("are split wherever the chunks end", async () => {
    assert.deepEqual(await split("a\nb", "c\n\nd\r", "\ne"), ["a", "bc", "", "d", "e"]);
    assert.deepEqual(await split("a\n"), ["a"]);
    assert.deepEqual(await split(), []);
  });

  it("that are too long are dropped without being kept", async () => {
    const piece = "x".repeat(9 * 1024 * 1024);
    assert.deepEqual(await split("a\n", piece, piece, piece, "\nb\n"), ["a", null, "b"]);
    assert.deepEqual(await split(piece, piece), [null]);
  });
});
