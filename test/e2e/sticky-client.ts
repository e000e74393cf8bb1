// Clients that come back with the cookie of one user each, over kept connections that change, so that every worker of an
// Envoy meets each user.

import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { isDeepStrictEqual } from "node:util";

import { waitUntil } from "../../tools/envoy/index.ts";
import type { BareProxy } from "../support/envoy/proxy.ts";
import type { Random } from "../support/random.ts";

const CONNECTIONS = 32;
const RECONNECT_AFTER = 2_000;
/** A worker joins the period that another has begun within two ticks, a second after it was made; much more for a busy
 * machine. */
const JOINED_MS = 5_000;
/** What is there has not only just come by. */
const STAYS_MS = 2_000;
const SETTLED_MS = 30_000;

export interface Asked {
  /** Null: no cookie. */
  readonly user: string | null;
  readonly status: number;
  readonly method?: string;
  /** Without what it asks of the upstream. */
  readonly path?: string;
  /** What else it asks of the upstream (test/upstream/behaviour.ts), as a query. */
  readonly asks?: string;
  readonly headers?: Record<string, string>;
}

export class StickyClient {
  #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

  constructor(private readonly port: number) {}

  /** New connections for what comes. */
  reconnect(): void {
    const old = this.#agent;
    this.#agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    setTimeout(() => old.destroy(), 20_000).unref();
  }

  /** @returns the status, once the answer is whole */
  send({ user, status, method = "GET", path = "/", asks = "", headers = {} }: Asked): Promise<number> {
    const cookie = user === null ? {} : { cookie: `uid=${user}` };
    return new Promise((resolve, reject) => {
      request(
        {
          ...{ port: this.port, method, agent: this.#agent, headers: { ...cookie, ...headers } },
          path: `${path}?up-status=${status}${asks}`,
        },
        (response) => {
          response
            .on("error", reject)
            .resume()
            .on("end", () => resolve(response.statusCode ?? 0));
        },
      )
        .on("error", reject)
        .end();
    });
  }

  /** Sends all of them, some at a time. */
  async sendAll(all: readonly Asked[]): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      for (let i = next++; i < all.length; i = next++) {
        if (i % RECONNECT_AFTER === RECONNECT_AFTER - 1) this.reconnect();
        const asked = all[i] as Asked;
        assert.equal(await this.send(asked), asked.status);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, work));
  }

  stop(): void {
    this.#agent.destroy();
  }
}

/**
 * Until each worker of the Envoy counts for the first period. On a busy machine the last is made seconds after the first,
 * and a user who meets it before it has joined counts in no period, as is meant.
 */
export async function everyWorkerCounts(proxy: BareProxy): Promise<void> {
  await waitUntil("an answer of each worker", 60_000, async () => {
    const client = new StickyClient(proxy.port);
    // Which worker gets a connection is chance.
    await client.sendAll(Array.from({ length: CONNECTIONS }, () => ({ user: null, status: 200 })));
    client.stop();
    const perWorker = await proxy.admin.stats("\\.worker_\\d+\\.downstream_cx_total$");
    const answered = [...perWorker].filter(([name]) => !name.includes(".admin."));
    return answered.length > 0 && answered.every(([, connections]) => connections > 0);
  });
  await pause(JOINED_MS);
}

/** Reads until it is what was wanted, as long as ticks of a busy machine may take to bring in what was noted; and stays so. */
export async function comesTo<T>(read: () => Promise<T>, wanted: T): Promise<void> {
  const until = Date.now() + SETTLED_MS;
  while (!isDeepStrictEqual(await read(), wanted) && Date.now() < until) await pause(250);
  await pause(STAYS_MS);
  assert.deepEqual(await read(), wanted);
}

/** Ranks by Zipf's law with exponent 0.7, by inversion of its continuous form. */
export function zipf(random: Random, count: number): number {
  return Math.min(count - 1, Math.floor(count * random.part() ** (1 / 0.3)));
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
