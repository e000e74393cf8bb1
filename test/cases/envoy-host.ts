// Runs cases on a real Envoy: one Envoy and one upstream for all of them, the policy changed by file.

import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import { startEnvoy, waitUntil, type RunningEnvoy } from "../../tools/envoy/index.ts";
import type { LoggedProblem } from "../../tools/emulator/index.ts";
import { filterFile } from "../support/envoy/proxy.ts";
import { exchange } from "../support/envoy/wire.ts";
import { bootstrap, STATE_HEADER, stateNamesOf } from "./envoy-bootstrap.ts";
import { ANSWERING, headerBytes, isChunked, splitUrl, type Case, type CaseRequest } from "./case-file.ts";
import { shadowCounters, type CopyOutcome, type Outcome, type RequestOutcome } from "./judge.ts";
import { startScriptedUpstream, type ScriptedUpstream } from "./scripted-upstream.ts";

const NAMESPACE = "wasmcustom.";
const DEADLINE_MS = 20_000;
/** For copies and their verdicts: a case that expects others than come fails then. */
const COPIES_MS = 3_000;
const REST_MS = 100;
/** Long enough for the request to have reached the upstream. */
const LEAVE_AFTER_MS = 300;

/** One Envoy that runs cases, one after the other. */
export class EnvoyHost {
  #count = 0;

  private constructor(
    private readonly envoy: RunningEnvoy,
    private readonly upstream: ScriptedUpstream,
    private readonly shadowUpstream: ScriptedUpstream,
    private readonly port: number,
    private readonly states: readonly string[],
  ) {}

  /** `cases` are those that will be run: their filter state has to be made visible beforehand. */
  static async start(binary: string, cases: readonly Case[]): Promise<EnvoyHost> {
    const upstream = await startScriptedUpstream();
    const shadowUpstream = await startScriptedUpstream({ keepsCopies: true });
    const states = stateNamesOf(cases);
    try {
      const envoy = await startEnvoy({
        binary,
        bootstrap: bootstrap(upstream.port, shadowUpstream.port, states),
        files: { "watched/filter.yaml": filterFile("{}") },
        args: ["--component-log-level", "wasm:trace"],
      });
      return new EnvoyHost(envoy, upstream, shadowUpstream, await envoy.port("serin"), states);
    } catch (error) {
      await upstream.stop();
      await shadowUpstream.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
    await this.upstream.stop();
    await this.shadowUpstream.stop();
  }

  async run(one: Case): Promise<Outcome> {
    const rootId = `case-${++this.#count}`;
    const begin = this.envoy.logSize();
    const accepted = await this.#publish(Buffer.from(one.policy).toString("utf8"), rootId);
    const problems = distinct(this.#lines('{"severity":', begin)).map(
      (text) => JSON.parse(text) as LoggedProblem,
    );
    if (!accepted) return { accepted, problems, requests: [], stats: new Map() };
    await this.#waitForWorker(rootId);
    const before = one.shadows === undefined ? await this.#stats() : await this.#restingStats();
    const requests: RequestOutcome[] = [];
    for (const request of one.requests) requests.push(await this.#exchange(request));
    return { accepted, problems, requests, stats: await this.#settledStats(before, one.shadows) };
  }

  /** The same text twice would be no update: the root's name makes each one new. */
  async #publish(policy: string, rootId: string): Promise<boolean> {
    const { admin, folder } = this.envoy;
    const before = await admin.filterUpdates("serin");
    const text = filterFile(policy)
      .replace("root_id: serin", `root_id: ${rootId}`)
      .replace(/^version_info: .*$/m, `version_info: ${rootId}`);
    const file = join(folder, "watched/filter.yaml");
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
    return (await admin.waitForUpdate("serin", before)) === "accepted";
  }

  /** Envoy has said its word when its main thread has; the worker follows. */
  async #waitForWorker(rootId: string): Promise<void> {
    await waitUntil(`the worker to serve ${rootId}`, DEADLINE_MS, async () => {
      const begin = this.envoy.logSize();
      this.upstream.next = ANSWERING;
      this.shadowUpstream.next = ANSWERING;
      await exchange(this.port, "GET /probe HTTP/1.1\r\nhost: probe.test\r\nconnection: close\r\n\r\n");
      await waitUntil("a decision", DEADLINE_MS, () => this.#lines('{"identity":', begin).length > 0);
      return this.envoy.log(begin).includes(rootId);
    });
    await this.#settledStats(new Map());
  }

  async #exchange(request: CaseRequest): Promise<RequestOutcome> {
    const { ending } = request.upstream;
    const begin = this.envoy.logSize();
    this.upstream.next = request.upstream;
    this.upstream.seen = null;
    this.shadowUpstream.next = request.shadowUpstream;
    const copies = this.shadowUpstream.copies.length;
    const seen = await exchange(this.port, bytesOf(request), {
      ...(ending === "client-leaves" ? { leaveAfterMs: LEAVE_AFTER_MS } : {}),
      ...(ending === "client-leaves-midway" || ending === "early"
        ? { until: new RegExp(literally(request.upstream.body)) }
        : {}),
    });
    await waitUntil(
      `the lines of ${request.title}`,
      DEADLINE_MS,
      () => this.#lines('{"explain":', begin).length > 0,
    );
    const wanted = Object.values(request.copies ?? {}).filter((copy) => copy !== null).length;
    await soon(() => this.shadowUpstream.copies.length >= copies + wanted);
    // The next request tells the upstream something else: what this one's calls get must be on its way before. A budget
    // may have kept some back, so that the wait is a short one.
    const called = callsIn(this.#lines('{"identity":', begin)[0]);
    for (let i = 0; i < 25 && this.shadowUpstream.copies.length < copies + called; i++) await sleep(20);
    const explanation = this.#lines('{"explain":', begin)[0] ?? null;
    const gets = this.upstream.seen as [string, string][] | null;
    return {
      decision: this.#lines('{"identity":', begin)[0] ?? null,
      explanation: explanation?.slice('{"explain":'.length, -1) ?? null,
      gets: gets?.filter(([name]) => !name.startsWith(STATE_HEADER)) ?? null,
      copies: copiesIn(this.shadowUpstream.copies.slice(copies)),
      filterState: this.#filterState(gets ?? []),
      response: headersIn(seen.text),
    };
  }

  /** What the route wrote of the filter state, a header a name; `-` or nothing for none. */
  #filterState(gets: readonly [string, string][]): Record<string, string> {
    return Object.fromEntries(
      this.states.flatMap((name, index) => {
        const value = gets.find(([header]) => header === `${STATE_HEADER}${index}`)?.[1];
        return value === undefined || value === "-" || value === "" ? [] : [[name, value]];
      }),
    );
  }

  /** Lines of the filter that begin so, logged since `begin`. */
  #lines(prefix: string, begin: number): string[] {
    return this.envoy
      .log(begin)
      .split("\n")
      .flatMap((line) => {
        const at = line.indexOf(prefix);
        return at < 0 || !line.includes("wasm log") ? [] : [line.slice(at)];
      });
  }

  async #stats(): Promise<Map<string, number>> {
    const stats = await this.envoy.admin.stats("^wasmcustom\\.serin\\.");
    return new Map([...stats].map(([name, value]) => [name.slice(NAMESPACE.length), value]));
  }

  /** The policy's shadows copied the probe as well: its verdicts are awaited. */
  async #restingStats(): Promise<Map<string, number>> {
    let before = await this.#stats();
    await waitUntil("the verdicts of the probe", DEADLINE_MS, async () => {
      await sleep(REST_MS);
      const now = await this.#stats();
      const isResting = isDeepStrictEqual(now, before);
      before = now;
      return isResting;
    });
    return before;
  }

  /** What moved since `before`, once nothing is in flight; gauges as they stand. */
  async #settledStats(
    before: ReadonlyMap<string, number>,
    shadows?: Case["shadows"],
  ): Promise<Map<string, number>> {
    let stats = new Map<string, number>();
    if (shadows !== undefined) {
      await soon(async () =>
        isDeepStrictEqual(shadowCounters(movedSince(before, await this.#stats())), shadows),
      );
    }
    await waitUntil("the end of all requests", DEADLINE_MS, async () => {
      stats = await this.#stats();
      return [...stats].every(([name, value]) => !name.endsWith(".rq_active") || value === 0);
    });
    return movedSince(before, stats);
  }
}

/** Counters by what they moved, gauges as they stand. */
function movedSince(
  before: ReadonlyMap<string, number>,
  stats: ReadonlyMap<string, number>,
): Map<string, number> {
  const moved = [...stats].map(([name, value]): [string, number] => {
    const isGauge = name.endsWith(".rq_active") || name.endsWith(".share");
    return [name, isGauge ? value : value - (before.get(name) ?? 0)];
  });
  return new Map(moved);
}

/** Waits for what a case expects; that it does not come is for the judge to say. */
async function soon(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + COPIES_MS; Date.now() < end && !(await condition());) await sleep(20);
}

/** How many copies the decision line has the filter send. */
function callsIn(line: string | undefined): number {
  if (line === undefined) return 0;
  const { shadows } = JSON.parse(line) as { shadows: { dispatch: string }[] };
  return shadows.filter(({ dispatch }) => dispatch === "call").length;
}

/** Copies by the name that the filter puts on them; those that Envoy mirrors have none. */
function copiesIn(copies: readonly CopyOutcome[]): Record<string, CopyOutcome> {
  return Object.fromEntries(
    copies.flatMap((copy) => {
      const name = copy.gets.find(([header]) => header === "x-serin-shadow")?.[1].split(".")[0];
      return name === undefined ? [] : [[name, copy]];
    }),
  );
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** As a client writes it. Scheme and address come as from a proxy in front, which this Envoy believes. */
function bytesOf(request: CaseRequest): string {
  const { method, url, headers, sourceAddress, upstream } = request;
  const { scheme, authority, path } = splitUrl(url);
  const isUpgrade = upstream.ending === "upgrade";
  const fields = [
    ["host", authority],
    ...(isUpgrade ? [] : [["connection", "close"]]),
    ["x-forwarded-proto", scheme],
    ...(sourceAddress === null ? [] : [["x-forwarded-for", sourceAddress]]),
    ...headers.map(([name, value]) => [name, headerBytes(value).toString("latin1")]),
  ];
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const { head: length, body } = bodyOf(request);
  const begun = upstream.ending === "early" ? "a part of it" : "";
  return `${method} ${path} HTTP/1.1\r\n${head}${length}\r\n${begun}${body}`;
}

/** The field that says how long the body is, and the body as it stands on the wire. */
function bodyOf(request: CaseRequest): { head: string; body: string } {
  if (request.body === undefined) return { head: "", body: "" };
  const bytes = headerBytes(request.body).toString("latin1");
  if (!isChunked(request)) return { head: `content-length: ${bytes.length}\r\n`, body: bytes };
  return { head: "", body: `${bytes.length.toString(16)}\r\n${bytes}\r\n0\r\n\r\n` };
}

/** The headers of a response as they came; null when none did. */
function headersIn(text: string): [string, string][] | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  return text
    .slice(0, end)
    .split("\r\n")
    .slice(1)
    .map((field) => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon).toLowerCase(), utf8(field.slice(colon + 1).trim())];
    });
}

function utf8(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}

/** Each VM of an Envoy logs the problems of a policy by itself. */
function distinct(lines: readonly string[]): string[] {
  return [...new Set(lines)];
}
