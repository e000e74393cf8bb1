// Traffic with rollouts, a flag and a shadow whose every count the client knows: what Prometheus is held against.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { join, resolve } from "node:path";

import { parse } from "yaml";

import { startUpstream } from "../upstream/upstream.ts";
import { http2Request } from "./http2-wire.ts";
import { inSlots, position } from "../support/assignment.ts";
import { startProxyOver, type BareProxy } from "../support/envoy/proxy.ts";
import { given, rolloutsOf, Tally, type Expected, type Visitor } from "./signals-oracle.ts";

const FOLDER = resolve(import.meta.dirname, "../../envoy");
/** A file of envoy/. */
export const read = (file: string): string => readFileSync(join(FOLDER, file), "utf8");
const statsTags = parse(read("stats-tags.yaml")).stats_config.stats_tags as object[];

const CHECKOUT: Expected = {
  name: "checkout",
  signals: "full",
  shares: { stable: 60, canary: 25, blue: 15 },
  parts: inSlots(["canary", 25, 50], ["blue", 15, 50]),
};
const RANKING: Expected = {
  name: "ranking",
  signals: "matched",
  shares: { stable: 70, learned: 30 },
  parts: [{ variant: "learned", begin: 0, end: position(30) }],
};
export const ROLLOUTS = [CHECKOUT, RANKING];

const POLICY = {
  identity: [{ cookie: "uid" }],
  goals: { visit: { match: [{ path: { value: "/app" } }] } },
  rollouts: rolloutsOf(ROLLOUTS),
  flags: {
    "new.look": {
      state: "ENABLED",
      variants: { on: true, off: false },
      defaultVariant: "off",
      metadata: { "serin.count": true },
      targeting: { if: [{ "==": [{ var: "headers.x-look" }, "new"] }, "on", "off"] },
    },
  },
  shadows: {
    next: {
      match: [{ path: { value: "/app" } }],
      percent: 100,
      cluster: "next",
      methods: ["GET"],
      compare: { status: true },
      timeout: "10s",
      budget: { perSecond: 100_000, inFlight: 1000 },
    },
  },
};
const ROUTES: readonly object[] = [
  { match: { prefix: "/empty" }, route: { cluster: "empty" } },
  { match: { prefix: "/h2" }, route: { cluster: "stable-h2" } },
  { match: { prefix: "/app" }, route: { cluster: "stable" } },
];

export async function startStage(version: string): Promise<BareProxy> {
  const upstreams = [await startUpstream({ version: "stable" }), await startUpstream({ version: "next" })];
  return startProxyOver(upstreams, {
    ...{ version, policy: POLICY, routes: ROUTES, statsTags, concurrency: 2, logLevel: "error" },
  });
}

export const REQUESTS = 1_200;
export const CALLS = 120;
const WORKERS = 12;

/** What the client saw for itself. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: WORKERS });
  readonly tally = new Tally(ROLLOUTS);
  /** Milliseconds by `rollout variant`. */
  readonly times = new Map<string, number[]>();
  readonly flags = { on: 0, off: 0 };
  readonly shadow = { sent: 0, mismatch: 0 };

  constructor(private readonly port: number) {}

  #note(visitor: Visitor, ms: number, how: Parameters<Tally["add"]>[1], isNew: boolean): void {
    this.tally.add(visitor, how);
    this.flags[isNew ? "on" : "off"]++;
    for (const rollout of ROLLOUTS) {
      const { variant, isControl } = given(rollout, visitor);
      for (const group of isControl ? [variant, "control"] : [variant]) {
        const key = `${rollout.name} ${group}`;
        this.times.set(key, [...(this.times.get(key) ?? []), ms]);
      }
    }
  }

  value(rollout: string, variant: string, leaf: string): number {
    return this.tally.values.get(`wasmcustom.serin.rollout.${rollout}.${variant}.${leaf}`) ?? NaN;
  }

  ended(rollout: string, variant: string): number {
    return this.value(rollout, variant, "rq_total");
  }

  errors(rollout: string, variant: string): number {
    return this.value(rollout, variant, "rq_5xx") + this.value(rollout, variant, "rq_reset");
  }

  /** Most of the canary's requests are slower, more of them fail, and every tenth copy is answered otherwise. */
  async sendAll(): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      for (let i = next++; i < REQUESTS; i = next++) await this.#send(i);
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
    for (let i = 0; i < CALLS; i++) await this.#call(i);
    this.#agent.destroy();
  }

  async #send(i: number): Promise<void> {
    const visitor = { user: `user-${i % 700}`, force: null };
    const isCanary = given(CHECKOUT, visitor).variant === "canary";
    const latency = i % 20 === 0 ? 350 : i % 3 === 0 ? 70 : isCanary ? 60 : 15;
    const status = i % (isCanary ? 6 : 25) === 0 ? 503 : i % 30 === 1 ? 404 : 200;
    const isEmpty = i % 40 === 3;
    const isNew = i % 4 === 0;
    const differs = i % 10 === 7;
    const headers = {
      cookie: `uid=${visitor.user}`,
      "x-up-latency": String(latency),
      "x-up-status": String(status),
      ...(differs ? { "x-up-next-status": "418" } : {}),
      ...(isNew ? { "x-look": "new" } : {}),
    };
    const path = isEmpty ? "/empty" : "/app";
    const began = performance.now();
    const seen = await new Promise<number>((done, fail) => {
      httpRequest({ port: this.port, host: "127.0.0.1", agent: this.#agent, path, headers }, (answer) => {
        answer.on("end", () => done(answer.statusCode ?? 0)).resume();
      })
        .on("error", fail)
        .end();
    });
    assert.equal(seen, isEmpty ? 503 : status);
    const ending = seen === 503 ? "rq_5xx" : seen === 404 ? "rq_4xx" : "rq_2xx";
    this.#note(visitor, performance.now() - began, { ending, overflow: isEmpty }, isNew);
    if (isEmpty) return;
    this.shadow.sent++;
    if (differs) this.shadow.mismatch++;
  }

  async #call(i: number): Promise<void> {
    const visitor = { user: `caller-${i}`, force: null };
    const isError = i % 5 === 0;
    const began = performance.now();
    const answer = await http2Request(
      this.port,
      {
        ...{ ":method": "POST", ":path": `/h2?up-grpc=${isError ? 5 : 0}`, ":authority": "shop.example.com" },
        ...{ "content-type": "application/grpc", te: "trailers", cookie: `uid=${visitor.user}` },
      },
      { body: "\0\0\0\0\0" },
    );
    assert.equal(answer.trailers["grpc-status"], isError ? "5" : "0");
    const grpc = isError ? "grpc_error" : "grpc_ok";
    this.#note(visitor, performance.now() - began, { ending: "rq_2xx", grpc }, false);
  }
}
