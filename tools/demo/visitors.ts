// Sends the users' visits to Envoy, evenly, and says what came of each.

import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

import { Pool } from "undici";

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import { arrivals } from "./crowd.ts";
import { PLANTED, SERVED_BY, TOLD } from "./services.ts";

export const VISITS_PER_SECOND = 200;
/** One visit in so many claims to be somebody's canary by a header of Serin's; it must gain nothing. */
const FORGED_ONE_IN = 20;
const CONNECTIONS = 16;
const MAX_IN_FLIGHT = 64;
const ANSWER_DEADLINE_MS = 10_000;

/** What came of one request. */
export interface Visit {
  readonly user: string;
  readonly path: string;
  /** The user sent Serin's own headers along. */
  readonly forged: boolean;
  /** The service that answered; null when none did. */
  readonly service: string | null;
  /** Variants by rollout, as the service was told them; who gets the default is told nothing. */
  readonly told: ReadonlyMap<string, string>;
  /** Why it failed, or null. */
  readonly failure: string | null;
  /** It failed on purpose: the service says that the error was planted. */
  readonly planted?: boolean;
}

export interface Traffic {
  /** The shop's public address. */
  readonly origin: string;
  /** Told of each visit when it begins (returns what comes back with its end). */
  readonly begin: (user: string, path: string) => (visit: Visit) => void;
  /** Ends after so many visits; null goes on. */
  readonly visits: number | null;
  readonly signal: AbortSignal;
}

/** Sends the visits, evenly, and resolves when all that were sent are over. */
export async function sendVisitors({ origin, begin, visits, signal }: Traffic): Promise<void> {
  const pool = new Pool(origin, {
    connections: CONNECTIONS,
    headersTimeout: ANSWER_DEADLINE_MS,
    bodyTimeout: ANSWER_DEADLINE_MS,
  });
  const inFlight = new Set<Promise<void>>();
  const start = performance.now();
  let sent = 0;
  let skipped = 0;
  try {
    for (const { user, path } of arrivals()) {
      if (signal.aborted || sent === visits) break;
      const late = performance.now() - start - ((sent + skipped) * 1000) / VISITS_PER_SECOND;
      if (late < 0) await pause(-late, signal);
      // A machine that was asleep, or an Envoy that hangs, is not made up for by a burst.
      else if (late > 1000) skipped += Math.floor((late * VISITS_PER_SECOND) / 1000);
      while (inFlight.size >= MAX_IN_FLIGHT) await Promise.race(inFlight);
      if (signal.aborted) break;
      const end = begin(user, path);
      const forged = sent % FORGED_ONE_IN === FORGED_ONE_IN - 1;
      sent++;
      const visit = send(pool, user, path, forged).then(end);
      inFlight.add(visit);
      void visit.finally(() => inFlight.delete(visit));
    }
    await Promise.all(inFlight);
  } finally {
    await pool.destroy();
  }
}

async function send(pool: Pool, user: string, path: string, forged: boolean): Promise<Visit> {
  const visit = { user, path, forged };
  try {
    const response = await pool.request({
      method: "GET",
      path,
      headers: { cookie: `uid=${user}`, ...(forged ? FORGERY : {}) },
    });
    await response.body.dump();
    const { statusCode, headers } = response;
    const planted = headers[PLANTED] !== undefined;
    return {
      ...visit,
      service: headerOf(headers[SERVED_BY]),
      told: readTold(headerOf(headers[TOLD]) ?? ""),
      failure: statusCode < 400 || planted ? null : `status ${statusCode}`,
      planted,
    };
  } catch (error) {
    return { ...visit, service: null, told: new Map(), failure: (error as Error).message };
  }
}

/** Whatever the user is, this asks for the other version of everything. */
const FORGERY: Readonly<Record<string, string>> = {
  [`${headerNames.PREFIX}checkout`]: "canary",
  [`${headerNames.PREFIX}cart`]: "canary",
  [`${headerNames.PREFIX}search`]: "v2",
  [`${headerNames.PREFIX}cluster`]: "checkout-v2",
};

function headerOf(value: string | string[] | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function readTold(text: string): Map<string, string> {
  const entries = text.split(", ").filter((entry) => entry !== "");
  return new Map(
    entries
      .map((entry): [string, string] => {
        const at = entry.indexOf("=");
        return [entry.slice(0, at), entry.slice(at + 1)];
      })
      .filter(([name]) => name !== "cluster"),
  );
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
