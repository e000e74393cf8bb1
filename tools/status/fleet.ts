// What a fleet serves: whether its Envoys agree, and what each has refused.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { sumOf } from "../metrics/difference.ts";
import { hasLeft, type RolloutCounts, type Snapshot } from "../metrics/snapshot.ts";
import type { GuardState } from "../verdict/guard.ts";
import { DEFAULT_LIMITS } from "../verdict/limits.ts";
import { noEvidenceReason } from "../verdict/no-evidence.ts";
import { judge } from "../verdict/verdict.ts";
import type { EnvoyStatus } from "./read-status.ts";

/** An Envoy that does not answer. */
export interface Unreachable {
  readonly envoy: string;
  readonly failure: string;
}

export interface Refusal {
  readonly envoy: string;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly at: number | null;
  /** What this command's filter says against it, `line:column /pointer: message` each; none where it takes it. */
  readonly reasons: readonly string[];
  /** Whether no policy before it was taken, so that the default of Envoy's configuration serves. */
  readonly leavesDefault: boolean;
}

/** Envoys that serve the same policy and module. */
export interface Group {
  readonly digest: string | null;
  readonly module: string | null;
  readonly envoys: readonly string[];
}

export interface RolloutStatus {
  /** The newest evidence period of any Envoy; null where there is none, with the reason. */
  readonly period: { readonly number: number; readonly began: number; readonly envoys: number } | null;
  readonly noEvidence: string | null;
  readonly guards: ReadonlyMap<string, GuardState>;
  /** Requests that got the default because the variant's cluster could not answer, by variant. */
  readonly fallbacks: ReadonlyMap<string, number>;
}

export interface Fleet {
  readonly envoys: readonly EnvoyStatus[];
  readonly unreachable: readonly Unreachable[];
  /** The largest first. */
  readonly groups: readonly Group[];
  readonly refusals: readonly Refusal[];
  /** What they should serve, where that was said. */
  readonly expected: string | null;
  readonly rollouts: ReadonlyMap<string, RolloutStatus>;
}

export function fleetOf(
  found: readonly (EnvoyStatus | Unreachable)[],
  reasonsOf: (policy: string) => readonly string[],
  expected: string | null,
): Fleet {
  const envoys = found.filter((each): each is EnvoyStatus => !("failure" in each));
  return {
    envoys,
    unreachable: found.filter((each): each is Unreachable => "failure" in each),
    groups: groupsOf(envoys),
    refusals: envoys.flatMap(({ envoy, refused, serves }) =>
      refused === null
        ? []
        : [
            {
              envoy,
              version: refused.version,
              at: refused.at,
              reasons: refused.policy === null ? [] : reasonsOf(refused.policy),
              leavesDefault: serves.isDefault,
            },
          ],
    ),
    expected,
    rollouts: envoys.length === 0 ? new Map() : rolloutsOf(sumOf(envoys.map(({ snapshot }) => snapshot))),
  };
}

function groupsOf(envoys: readonly EnvoyStatus[]): Group[] {
  const groups: { digest: string | null; module: string | null; envoys: string[] }[] = [];
  for (const { envoy, module, serves } of envoys) {
    const same = groups.find((each) => each.digest === serves.digest && each.module === module);
    if (same === undefined) groups.push({ digest: serves.digest, module, envoys: [envoy] });
    else same.envoys.push(envoy);
  }
  return groups.sort((a, b) => b.envoys.length - a.envoys.length);
}

/**
 * Exit status of `serin status`: 2 when one does not answer, 1 when they differ, do not serve what they should, one has
 * taken no policy yet, or nothing says what one serves: no Serin is loaded there.
 */
export function exitOf({ unreachable, groups, refusals, expected, envoys }: Fleet): 0 | 1 | 2 {
  if (unreachable.length > 0) return 2;
  if (envoys.some(({ serves }) => serves.isDefault)) return 1;
  if (groups.length > 1 || refusals.length > 0 || groups.some(({ digest }) => digest === null)) return 1;
  return expected === null || envoys.every(({ serves }) => serves.digest === expected) ? 0 : 1;
}

function rolloutsOf(all: Snapshot): Map<string, RolloutStatus> {
  const { rollouts } = judge(all, DEFAULT_LIMITS);
  return new Map(
    [...all.rollouts].flatMap(([name, counts]): [string, RolloutStatus][] => {
      const verdict = rollouts.get(name);
      if (verdict === undefined || hasLeft(counts)) return [];
      const { period, guards } = verdict;
      const noEvidence = period === null ? noEvidenceReason(counts.users) : null;
      return [[name, { period, noEvidence, guards, fallbacks: fallbacksOf(counts) }]];
    }),
  );
}

function fallbacksOf({ variants }: RolloutCounts): Map<string, number> {
  return new Map(
    [...variants].flatMap(([name, { counters }]): [string, number][] => {
      const count = counters.get(statNames.RQ_FALLBACK) ?? 0;
      return count > 0 ? [[name, count]] : [];
    }),
  );
}
