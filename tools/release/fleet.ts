// The Envoys that serve a policy, as far as they answer: what each counts, and who is silent. One that does not answer
// must not keep a rollback from the others.

import { setTimeout as sleep } from "node:timers/promises";

import { sumOf } from "../metrics/difference.ts";
import { EnvoySource, readDigest } from "../metrics/envoy-source.ts";
import type { PolicyOutline } from "../metrics/policy-outline.ts";
import { PrometheusSource, type PrometheusOptions } from "../metrics/prometheus-source.ts";
import type { Snapshot } from "../metrics/snapshot.ts";
import { CommandError } from "../terminal/command-error.ts";

export interface Silent {
  /** For people: a URL, or a label in Prometheus. */
  readonly name: string;
  readonly why: string;
}

export interface Fleet {
  /** Of those that answer; null where none does. */
  readonly snapshot: Snapshot | null;
  readonly silent: readonly Silent[];
  /** The digests of the policies that Envoys serve, as far as they say. */
  readonly digests: ReadonlyMap<string, number>;
  /** Those that were asked and answered, whatever they serve; none where nobody names them. */
  readonly asked: readonly string[];
}

/** Those that say that they serve another policy than the one with this digest. */
export function servingAnother({ digests }: Fleet, digest: number): string[] {
  return [...digests].filter(([, served]) => served !== digest).map(([envoy]) => envoy);
}

/** Reads the fleet, with the policy's outline. Never throws for an Envoy or a Prometheus that does not answer. */
export type ReadFleet = (outline: PolicyOutline) => Promise<Fleet>;

/** A look must not wait for one Envoy that hangs. */
const ANSWER_SECONDS = 3;
/** Some forty queries. */
const PROMETHEUS_SECONDS = 10;
/** An Envoy that Prometheus has lost is missed for so long; then it is taken for one that is gone. */
const MISSED_SECONDS = 300;

/** By the admin endpoints. `urls`: without a slash at the end. */
export function readByAdmin(urls: readonly string[]): ReadFleet {
  return async (outline) => {
    const snapshots: Snapshot[] = [];
    const silent: Silent[] = [];
    const digests = new Map<string, number>();
    await Promise.all(
      urls.map(async (url) => {
        try {
          const source = new EnvoySource([url], outline);
          const [snapshot, digest] = await inTime(Promise.all([source.read(), readDigest(url)]));
          snapshots.push(snapshot);
          if (digest !== null) digests.set(url, digest);
        } catch (error) {
          silent.push({ name: url, why: reasonOf(error, url) });
        }
      }),
    );
    return {
      snapshot: snapshots.length === 0 ? null : sumOf(snapshots),
      silent,
      digests,
      asked: urls.filter((url) => !silent.some(({ name }) => name === url)),
    };
  };
}

/** By a Prometheus that scrapes them. */
export function readByPrometheus(url: string, options: PrometheusOptions): ReadFleet {
  return async (outline) => {
    const source = new PrometheusSource(url, outline, options);
    try {
      const [snapshot, seen, digests] = await inTime(
        Promise.all([source.read(), source.seenWithin(MISSED_SECONDS), source.digests()]),
        PROMETHEUS_SECONDS,
      );
      const there = new Set(
        [...snapshot.rollouts.values()].flatMap(({ users }) => users.map(({ envoy }) => envoy)),
      );
      const silent = seen
        .filter((envoy) => !there.has(envoy))
        .map((name) => ({ name, why: "Prometheus has no numbers of it any more" }));
      return { snapshot, silent, digests, asked: [] };
    } catch (error) {
      const silent = [{ name: url, why: reasonOf(error, url) }];
      return { snapshot: null, silent, digests: new Map(), asked: [] };
    }
  };
}

/** @throws CommandError when it takes too long */
async function inTime<Value>(work: Promise<Value>, seconds = ANSWER_SECONDS): Promise<Value> {
  const over = new AbortController();
  const late = sleep(seconds * 1000, undefined, { signal: over.signal }).then(
    () => {
      throw new CommandError(`no answer within ${seconds} s`);
    },
    // Nobody waits for it any more.
    () => undefined as never,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
    // What comes too late is nobody's error.
    work.catch(() => undefined);
  }
}

/** Why it does not answer, without its own name and without advice. */
function reasonOf(error: unknown, url: string): string {
  // What answers something that nobody expects is no reason to leave the others alone.
  if (!(error instanceof CommandError)) return `unexpected answer (${(error as Error).message})`;
  const [first = ""] = error.message.split("; ");
  return first.startsWith(url) ? first.slice(url.length).replace(/^[^:]*: /, "") : first;
}
