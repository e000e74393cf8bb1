// Whatever an Envoy's admin endpoint, a Prometheus or a file holds: a command that cannot read it ends with 2 (or 1 where
// the file is a policy, which is invalid), and says so without a stack trace. 1 and 3 of `serin report` are a verdict.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, truncateSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { openEvents } from "../dashboard/event-stream.ts";
import { CLI, inPairs, POLICY, runCli, temporaryFolder } from "../support/cli.ts";

const folder = temporaryFolder();
const policy = folder.write("policy.yaml", POLICY);
const released = folder.write(
  "released.yaml",
  POLICY.replace("percent: 50,", "percent: 5, ramp: { steps: [5, 50], every: 1m },"),
);
const request = '{"url": "https://shop.example.com/"}';

/** What reads an endpoint, and with which options. `endpoint` is `--admin` or `--prometheus` and its URL. */
const READERS: Readonly<Record<string, (endpoint: readonly string[], copy: string) => readonly string[]>> = {
  report: (endpoint) => ["report", ...endpoint],
  stats: (endpoint) => ["stats", ...endpoint],
  status: (endpoint) => ["status", ...endpoint],
  advance: (endpoint) => ["advance", released, "--dry-run", ...endpoint],
  publish: (endpoint, copy) => ["publish", policy, "--to", copy, "--wait", "1s", ...endpoint],
};
const NO_PROMETHEUS: ReadonlySet<string> = new Set(["status", "publish"]);

/** What reads a file that a person names: the file's place in the line, and what goes to standard input. */
const FILES: Readonly<Record<string, readonly ((file: string) => readonly string[])[]>> = {
  validate: [(file) => ["validate", file]],
  diff: [(file) => ["diff", file, policy], (file) => ["diff", policy, file]],
  plan: [(file) => ["plan", file, "--rps", "10"]],
  publish: [
    (file) => ["publish", file, "--to", join(folder.path, "out.yaml")],
    (file) => ["publish", policy, "--to", file],
  ],
  advance: [(file) => ["advance", file, "--dry-run", "--admin", "http://127.0.0.1:1"]],
  abort: [(file) => ["abort", "checkout", "--policy", file]],
  decide: [(file) => ["decide", "--policy", file]],
  evaluate: [(file) => ["evaluate", "--policy", file]],
  explain: [(file) => ["explain", "--policy", file, "https://shop.example.com/"]],
  report: [(file) => ["report", "--policy", file, "--admin", "http://127.0.0.1:1"]],
  stats: [(file) => ["stats", "--policy", file, "--admin", "http://127.0.0.1:1"]],
  dashboard: [(file) => ["dashboard", "--policy", file, "--port", "0"]],
  ambassador: [
    (file) => ["ambassador", "--policy", file, policy],
    (file) => ["ambassador", "--policy", policy, "--check", file],
  ],
  emissary: [(file) => ["emissary", file, join(folder.path, "emissary")]],
  status: [],
};

const DEEP = "[".repeat(100_000) + "]".repeat(100_000);
const COUNTED = { name: "wasmcustom.serin.rollout.checkout.canary.rq_total", value: 5 };
const details = (one: unknown): object => ({ stats: [{ histograms: { details: [one] } }] });

/** By the path that is asked: what it answers in place of what it should. */
const ANSWERS: readonly (readonly [name: string, path: string, body: string])[] = [
  ["null among the stats", "/stats", '{"stats":[null]}'],
  ["a number among the stats", "/stats", '{"stats":[5]}'],
  ["stats that are an object", "/stats", '{"stats":{"a":1}}'],
  ["no stats", "/stats", "{}"],
  ["null", "/stats", "null"],
  ["a list", "/stats", "[]"],
  ["nothing", "/stats", ""],
  ["a page", "/stats", "<html>\u001b[2J</html>"],
  ["a part of one", "/stats", '{"stats":[{"name":"a'],
  ["a name that is a number", "/stats", '{"stats":[{"name":5,"value":1}]}'],
  ["a count that is a string", "/stats", JSON.stringify({ stats: [{ ...COUNTED, value: "many" }] })],
  ["a count that is an object", "/stats", JSON.stringify({ stats: [{ ...COUNTED, value: {} }] })],
  ["a count without end", "/stats", JSON.stringify({ stats: [COUNTED] }).replace("5", "1e999")],
  ["bins that are null", "/stats", JSON.stringify(details({ name: "a", totals: [null] }))],
  ["a histogram that is null", "/stats", JSON.stringify(details(null))],
  ["a string, long", "/stats", `{"stats":"${'\\"'.repeat(20_000_000)}"}`],
  ["stats, deep", "/stats", `{"stats":${DEEP}}`],
  ["a dump, deep", "/config_dump", `{"configs":${DEEP}}`],
  ["a part of a dump", "/config_dump", '{"configs":['],
  ["server info that is null", "/server_info", "null"],
  ["server info with other types", "/server_info", '{"version":5,"uptime_current_epoch":{}}'],
  ["a result that is null", "/api", '{"data":{"result":[null]}}'],
  ["samples without values", "/api", '{"data":{"result":[{"metric":{}}]}}'],
  ["samples without labels", "/api", '{"data":{"result":[{"metric":null,"value":[0,"1"]}]}}'],
  [
    "labels that are objects",
    "/api",
    '{"data":{"result":[{"metric":{"serin_rollout":{}},"value":[0,"1"]}]}}',
  ],
  ["values that are no pair", "/api", '{"data":{"result":[{"metric":{},"value":5}]}}'],
  ["data that is a string", "/api", '{"data":"x"}'],
  ["a result, deep", "/api", `{"data":{"result":${DEEP}}}`],
];

/** What every reader is given; they share how an answer is read, so the others are given to `report` alone. */
const FOR_ALL: ReadonlySet<string> = new Set([
  "null among the stats",
  "a page",
  "a count that is a string",
  "stats, deep",
  "a dump, deep",
  "server info that is null",
  "a result that is null",
  "a result, deep",
]);

const GOOD: Readonly<Record<string, string>> = {
  "/stats": JSON.stringify({ stats: [COUNTED] }),
  "/server_info": '{"version":"a/1.40.0/b","uptime_current_epoch":"5s"}',
  "/config_dump": "{}",
  "/api": '{"status":"success","data":{"result":[]}}',
};

/** `/INDEX/...` is asked of the answer of that index; `/large`, `/slow`, `/cut` and `/status` have their own ways. */
let server: Server;
let url = "";

before(async () => {
  server = createServer((asked, response) => {
    const [, way = "", ...rest] = (asked.url ?? "").split("?", 1)[0]?.split("/") ?? [];
    const path = `/${rest[0] ?? ""}`;
    if (way === "large") return pour(response);
    if (way === "slow") return void drip(response);
    if (way === "cut")
      return void response.writeHead(200, { "content-length": 100 }).write("{", () => response.destroy());
    if (way === "status") return void response.writeHead(500).end("\u001b[2Jno");
    const [, hostile, body] = ANSWERS[Number(way)] ?? [];
    response.end(path === hostile ? body : (GOOD[path] ?? "{}"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
});

/** As much as is taken. */
function pour(response: ServerResponse): void {
  const blanks = Buffer.alloc(1 << 20, " ");
  const more = (): void => {
    while (!response.destroyed && response.write(blanks));
  };
  response.on("drain", more);
  more();
}

function drip(response: ServerResponse): void {
  const dripping = setInterval(() => response.write(" "), 500);
  response.on("close", () => clearInterval(dripping));
}

interface Asked {
  readonly name: string;
  readonly parameters: readonly string[];
}

function asked(way: string, path: string): Asked[] {
  return Object.entries(READERS).flatMap(([command, line]) => {
    const isPrometheus = path === "/api";
    if (isPrometheus && NO_PROMETHEUS.has(command)) return [];
    // It has the policy.
    if (path === "/config_dump" && command === "advance") return [];
    const [answer] = ANSWERS[Number(way)] ?? [];
    if (answer !== undefined && command !== "report" && !FOR_ALL.has(answer)) return [];
    const endpoint = [isPrometheus ? "--prometheus" : "--admin", `${url}/${way}`];
    const copy = join(folder.path, `copy-${way}.yaml`);
    return [{ name: `${command} ${way}`, parameters: line(endpoint, copy) }];
  });
}

async function endsWithTwo({ name, parameters }: Asked): Promise<void> {
  const { status, stdout, stderr } = await runCli(parameters);
  const all = `${name}\n${stdout}\n${stderr}`;
  assert.equal(status, 2, all);
  assert.doesNotMatch(stdout + stderr, /^ {4}at |internal error|\bTypeError|RangeError/m, all);
  assert.doesNotMatch(stdout + stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/, all);
  const about = (stderr + stdout).split("\n").filter((line) => line.includes(new URL(url).host));
  assert.ok(about.length >= 1, all);
  // The others say what they found of each Envoy among what they print.
  if (parameters[0] === "report" || parameters[0] === "stats") {
    assert.match(stderr, /^serin: http:[^\n]*; --(admin|prometheus) has to name [^\n]*\n$/, all);
    assert.equal(stdout, "", all);
  }
}

describe("hostile answers", () => {
  it("every command of the command line is in one of the tables", async () => {
    const { stdout } = await runCli(["--help"]);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name = ""]) => name);
    assert.ok(commands.length >= 15, stdout);
    assert.deepEqual(
      // `demo` reads neither a policy nor an endpoint that somebody names.
      commands.filter((name) => FILES[name] === undefined && READERS[name] === undefined && name !== "demo"),
      [],
    );
  });

  for (const [index, [name, path]] of ANSWERS.entries()) {
    it(`an endpoint that answers ${path} with ${name} is 2 and one line`, async () => {
      await inPairs(asked(String(index), path), endsWithTwo);
    });
  }

  it("an answer that never ends, one that comes too slowly, one that is cut and an error are 2 and one line", async () => {
    for (const way of ["large", "cut", "status"]) {
      await inPairs([...asked(way, "/stats"), ...asked(way, "/api")], endsWithTwo);
    }
    await Promise.all([...asked("slow", "/stats"), ...asked("slow", "/api")].map(endsWithTwo));
  });

  it("the dashboard goes on, and its page is told", async () => {
    for (const way of ["0", "16", "large", "cut"]) {
      const child = spawn(process.execPath, [CLI, "dashboard", "--port", "0", "--admin", `${url}/${way}`]);
      try {
        const line = await new Promise<string>((resolve) =>
          child.stdout.once("data", (data: Buffer) => resolve(data.toString())),
        );
        const stream = openEvents(line.split(" ")[0] ?? "");
        const { endpoints } = await stream.until((state) => state.endpoints[0]?.failure !== "not asked yet");
        assert.match(String(endpoints[0]?.failure), /^http:.*; --admin has to name/, way);
        stream.close();
        assert.equal(child.exitCode, null);
      } finally {
        child.kill();
      }
    }
  });

  it("a file that is too large, nested too deeply or something else is refused in a line for each problem", async () => {
    const large = folder.write("large.yaml", "");
    truncateSync(large, 65 * 1024 * 1024);
    const files: [file: string, isLarge: boolean][] = [
      [large, true],
      [folder.write("deep.json", DEEP), false],
      [folder.write("number.yaml", "rollouts: 5\nflags: [1]\nidentity: {}\n"), false],
      [folder.write("bytes.yaml", Buffer.from([0xff, 0xfe, 0, 1, 2, 27, 91])), false],
    ];
    mkdirSync(join(folder.path, "emissary"), { recursive: true });
    const runs = files.flatMap(([file, isLarge]) =>
      Object.values(FILES).flatMap((lines) => lines.map((line) => ({ parameters: line(file), isLarge }))),
    );
    await inPairs(runs, async ({ parameters, isLarge }) => {
      const { status, stdout, stderr } = await runCli(parameters, { stdin: request });
      const all = `${parameters.join(" ")}\n${status} ${stdout}\n${stderr}`;
      assert.ok(status === 2 || (status === 1 && !isLarge), all);
      assert.doesNotMatch(stdout + stderr, /^ {4}at |internal error|\bTypeError|RangeError/m, all);
      assert.ok(stderr.length > 0 && stderr.length < 5000, all);
      if (isLarge) assert.match(stderr, /^(serin: )?[^\n]*large\.yaml: more than 64 MiB[^\n]*\n$/, all);
    });
  });

  it("a standard input that never ends is refused", async () => {
    const { status, stderr } = await runCli(["validate", "-"], { stdin: Buffer.alloc(65 << 20, " ") });
    assert.deepEqual([status, stderr], [2, "serin: -: more than 64 MiB: is it the right file?\n"]);
  });
});
