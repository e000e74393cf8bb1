// A canary killed with `kill -9` under 500 requests a second, on a real Envoy with two workers: what `fallback` alone
// costs users, and that with the route of envoy/routes/fallback.yaml no GET fails and no POST is sent twice.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { after, before, describe, test } from "node:test";

import { parse } from "yaml";

import { ENVOY_VERSION, freePort, waitUntil } from "../../tools/envoy/index.ts";
import { startUpstream } from "../upstream/upstream.ts";
import { cluster } from "../support/envoy/bootstrap.ts";
import { startProxyOver, type BareProxy } from "../support/envoy/proxy.ts";
import { runCli } from "../support/cli.ts";

const ROOT = join(import.meta.dirname, "../..");
const RATE = 500;
const AFTER = 3;
const FOR_MS = 5_000;
/** Between an answer at the client and the filter's knowledge of it. */
const SLACK_MS = 50;

/** Writes the method and id of each request before it answers: what it has got survives `kill -9`. */
const CANARY = `
const { createServer } = require("node:http");
const { openSync, writeSync } = require("node:fs");
const [file, port] = process.argv.slice(1);
const log = openSync(file, "a");
createServer((request, response) => {
  writeSync(log, request.method + " " + request.headers["x-id"] + "\\n");
  request.resume();
  request.on("end", () => response.setHeader("x-version", "canary").end("ok"));
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
`;

/** A canary that can be killed and started again on the same port. */
class Canary {
  #child: ChildProcess | null = null;

  constructor(
    readonly port: number,
    readonly file: string,
  ) {}

  async start(): Promise<void> {
    const child = spawn(process.execPath, ["-e", CANARY, this.file, String(this.port)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    await new Promise((resolve, reject) => {
      child.stdout.once("data", resolve);
      child.once("exit", () => reject(new Error("the canary ended")));
    });
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
}

interface Answer {
  readonly id: string;
  readonly method: string;
  /** Milliseconds from the load's begin. */
  readonly sent: number;
  readonly ended: number;
  /** 0 where there was no whole answer. */
  readonly status: number;
  readonly version: string | undefined;
  readonly body: string;
}

/** Requests at the rate, of as many users, every fifth a POST where asked for. */
class Load {
  readonly answers: Answer[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #open = new Set<Promise<void>>();
  readonly #began = performance.now();
  #sent = 0;
  #isOver = false;
  readonly #loop: Promise<void>;

  constructor(
    private readonly port: number,
    private readonly hasPosts: boolean,
  ) {
    this.#loop = this.#run();
  }

  get now(): number {
    return performance.now() - this.#began;
  }

  async end(): Promise<Answer[]> {
    this.#isOver = true;
    await this.#loop;
    await Promise.all(this.#open);
    this.#agent.destroy();
    return this.answers.sort((a, b) => a.sent - b.sent);
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      for (; this.#sent < (this.now * RATE) / 1_000; this.#sent++) {
        const one: Promise<void> = this.#send(this.#sent).finally(() => void this.#open.delete(one));
        this.#open.add(one);
      }
      await pause(2);
    }
  }

  #send(n: number): Promise<void> {
    const method = this.hasPosts && n % 5 === 0 ? "POST" : "GET";
    let sent = this.now;
    const id = `r${n}`;
    return new Promise((resolve) => {
      const note = (status: number, version?: string, body = ""): void => {
        this.answers.push({ id, method, sent, ended: this.now, status, version, body });
        resolve();
      };
      const headers = { cookie: `uid=user-${n % 997}`, "x-id": id };
      const sending = request({ port: this.port, method, agent: this.#agent, headers }, (answer) => {
        const version = answer.headers["x-version"];
        let body = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => void (body += chunk));
        answer.on("error", () => note(0));
        answer.on("end", () =>
          note(answer.statusCode ?? 0, typeof version === "string" ? version : undefined, body),
        );
      });
      // It waits for one of the connections before: what counts is when it was written.
      sending.on("socket", () => {
        sent = this.now;
      });
      sending.on("error", () => note(0));
      sending.end(method === "POST" ? "body" : undefined);
    });
  }
}

function policy(variant: object): object {
  return {
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: { default: "stable", variants: { stable: {}, canary: { percent: 40, ...variant } } },
    },
  };
}

/** Envoy's own words for a connection that it could not make: UF. One that broke is UC, which says nothing of the next. */
const isRefused = ({ status, body }: Answer): boolean =>
  status === 503 && body.includes("connection failure");

describe(`a canary killed at ${RATE} requests/s, Envoy ${ENVOY_VERSION}, two workers`, () => {
  let folder: string;
  let canary: Canary;
  let proxy: BareProxy;
  const posts: string[] = [];

  async function start(
    served: object,
    routes: readonly object[],
    clusters: readonly object[],
  ): Promise<void> {
    folder = mkdtempSync(join(tmpdir(), "serin-fallback-"));
    canary = new Canary(await freePort(), join(folder, "canary.log"));
    await canary.start();
    posts.length = 0;
    const stable = await startUpstream({
      version: "checkout-v1",
      onRequest: ({ method, headers }) => {
        if (method === "POST") posts.push(String(headers["x-id"]));
      },
    });
    proxy = await startProxyOver([stable], {
      ...{ version: ENVOY_VERSION, policy: served, concurrency: 2, logLevel: "error", routes },
      clusters: [cluster("checkout-v2", canary.port), ...clusters],
    });
  }

  async function stop(): Promise<void> {
    await canary?.kill();
    await proxy?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }

  const stat = async (leaf: string): Promise<number> =>
    (await proxy.admin.stats("serin\\.rollout\\.checkout\\.")).get(
      `wasmcustom.serin.rollout.checkout.${leaf}`,
    ) ?? 0;

  describe("fallback alone", () => {
    const served = policy({ cluster: "checkout-v2", fallback: { after: AFTER, for: `${FOR_MS / 1_000}s` } });
    before(() =>
      start(
        served,
        [
          {
            match: { prefix: "/", headers: [{ name: "x-serin-cluster", present_match: true }] },
            route: { cluster_header: "x-serin-cluster" },
          },
          { match: { prefix: "/" }, route: { cluster: "checkout-v1" } },
        ],
        [],
      ),
    );
    after(stop);

    test(`costs ${AFTER} requests, those in flight, and one a second after ${FOR_MS} ms`, async (t) => {
      await waitUntil("the first period", 20_000, async () => (await stat("evidence_period")) === 1);
      await pause(1_500);
      const load = new Load(proxy.port, false);
      await pause(2_000);
      const killed = load.now;
      await canary.kill();
      const gone = load.now;
      await pause(FOR_MS + 4_500);
      const back = load.now;
      await canary.start();
      await pause(3_000);
      const answers = await load.end();
      const before = answers.filter(({ ended }) => ended < killed);
      assert.deepEqual(
        before.filter(({ status }) => status !== 200),
        [],
      );
      assert.ok(before.some(({ version }) => version === "canary"));
      const failed = answers.filter(({ status }) => status !== 200);
      const refused = failed.filter(isRefused);
      const row = refused.toSorted((a, b) => a.ended - b.ended)[AFTER - 1];
      assert.ok(row !== undefined, `${refused.length} requests were refused`);
      const first = failed.filter(({ sent }) => sent <= row.ended + SLACK_MS);
      const tries = failed.filter(({ sent }) => sent > row.ended + SLACK_MS);
      const cut = first.filter((answer) => !isRefused(answer)).length;
      const inFlight = answers.filter(({ sent, ended }) => sent <= gone && ended >= killed).length;
      const open = answers.filter(
        ({ sent, ended }) => sent <= row.ended + SLACK_MS && ended > row.ended,
      ).length;
      t.diagnostic(
        `${first.length} of ${answers.length} requests failed at first (${cut} were cut; ${inFlight} were in flight ` +
          `at the kill, ${open} when the row was whole), then ${tries.length} tries at ` +
          `${tries.map(({ sent }) => `+${Math.round(sent - row.ended)}`).join(", ")} ms`,
      );
      assert.ok(cut <= inFlight, `${cut} were cut`);
      assert.ok(first.length - cut <= AFTER + open, `${first.length - cut} were refused`);
      // Envoy has a request at some time between when it was sent and when its answer was here.
      for (const [i, { ended }] of tries.entries()) {
        const before = tries[i - 1];
        const least = before === undefined ? row.sent + FOR_MS : before.sent + 1_000;
        assert.ok(ended >= least, `a try at ${ended - row.sent} ms`);
      }
      assert.ok(tries.length >= 3, `${tries.length} tries`);
      const late = answers.filter(({ sent }) => sent > back + 1_500);
      assert.ok(
        late.some(({ version }) => version === "canary"),
        "it is back",
      );
      assert.deepEqual(
        late.filter(({ status }) => status !== 200),
        [],
      );
      assert.ok((await stat("canary.rq_fallback")) > 0);
      assert.equal(await stat("canary.fallback"), 0);
    });

    test("is not called pass", async () => {
      const { stdout } = await runCli([
        "report",
        "--json",
        "--baseline",
        "checkout=stable",
        "--admin",
        proxy.admin.url,
      ]);
      const { rollouts } = JSON.parse(stdout) as {
        rollouts: Record<
          string,
          { verdict: string; reason: string; variants: Record<string, { reasons: string[] }> }
        >;
      };
      const found = rollouts["checkout"];
      assert.ok(found !== undefined && found.verdict !== "pass", stdout);
      assert.match(JSON.stringify(found), /its cluster did not answer, and its users got the default/);
    });
  });

  describe("with envoy/routes/fallback.yaml", () => {
    const { routes, clusters } = parse(readFileSync(join(ROOT, "envoy/routes/fallback.yaml"), "utf8")) as {
      routes: object[];
      clusters: { name: string }[];
    };
    before(() => start(policy({ cluster: "checkout-v2-or-v1" }), routes, clusters));
    after(stop);

    test("no GET fails, and no POST is sent twice", async (t) => {
      const load = new Load(proxy.port, true);
      await pause(2_000);
      await canary.kill();
      const killed = load.now;
      await pause(4_000);
      const answers = await load.end();
      const gets = answers.filter(({ method }) => method === "GET");
      assert.ok(gets.some(({ version, ended }) => version === "canary" && ended < killed));
      assert.deepEqual(
        gets.filter(({ status }) => status !== 200),
        [],
      );
      const all = [
        ...posts,
        ...readFileSync(canary.file, "utf8")
          .split("\n")
          .flatMap((line) => (line.startsWith("POST ") ? [line.slice(5)] : [])),
      ];
      const failed = answers.filter(({ method, status }) => method === "POST" && status !== 200);
      t.diagnostic(
        `${gets.length} GETs, none failed; ${answers.length - gets.length} POSTs, ${failed.length} failed, ` +
          `${all.length} at the upstreams`,
      );
      assert.ok(all.length > 100);
      assert.equal(new Set(all).size, all.length, "a POST was sent twice");
    });
  });
});
