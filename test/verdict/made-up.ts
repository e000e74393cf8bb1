// Snapshots with numbers that a test gives: users and what they met, and beside them requests.

import {
  DEFAULT_TERMS,
  emptySnapshot,
  type RolloutCounts,
  type Snapshot,
  type VariantCounts,
} from "../../tools/metrics/snapshot.ts";
import type { Fallback, Guard, UserCounts, UserSide } from "../../tools/metrics/users.ts";

/** Distinct users of one side, and how many of them met what. */
export interface Given {
  /** Percent; the control group's too. */
  readonly share: number;
  readonly users?: number;
  readonly errors?: number;
  readonly ok?: number;
  readonly redirects?: number;
  readonly clientErrors?: number;
  /** By threshold in milliseconds. */
  readonly slow?: Readonly<Record<number, number>>;
  /** By name: who reached it. */
  readonly goals?: Readonly<Record<string, number>>;
  /** By the name of a goal: what they are worth together. */
  readonly values?: Readonly<Record<string, number>>;
  /** Requests; as many as users unless given. */
  readonly requests?: number;
  readonly inFlight?: number;
  readonly guard?: Guard;
  readonly fallback?: Fallback;
  readonly latency?: VariantCounts["latency"];
}

/** Of users of a service with a median of 40 ms: how many of a hundred thousand took longer. */
const TIMES: Readonly<Record<number, number>> = {
  5: 100_000,
  25: 84_000,
  100: 3000,
  250: 5,
  1000: 0,
  5000: 0,
};

/** Slow answers of so many users: `times` as often. */
export function slowOf(users: number, times = 1): Record<number, number> {
  return Object.fromEntries(
    Object.entries(TIMES).map(([threshold, of]) => [
      threshold,
      Math.min(users, (users * of * times) / 100_000),
    ]),
  );
}

export interface GivenEnvoy {
  readonly period?: number;
  readonly began?: number;
  readonly sharesBegan?: number;
  /** 0, as of `identity: random`, unless given: then bits are users. */
  readonly size?: number;
  readonly variants: Readonly<Record<string, Given>>;
  readonly control?: Given;
}

function sideOf(given: Given, hasUsers: boolean): UserSide {
  const { share, users = 0, errors = 0, ok = users, redirects = 0, clientErrors = 0 } = given;
  const slow = Object.entries(given.slow ?? slowOf(users)).map(
    ([threshold, count]) => [`users_slow.${threshold}`, Math.round(count)] as const,
  );
  const bits = new Map<string, number>([
    ["users", users],
    ["users_error", errors],
    ["users_ok", ok],
    ["users_3xx", redirects],
    ["users_4xx", clientErrors],
    ...slow,
    ...Object.entries(given.goals ?? {}).map(([goal, count]) => [`users_goal.${goal}`, count] as const),
    ...Object.entries(given.values ?? {}).map(
      ([goal, value]) => [`goal.${goal}.value`, value * 1000] as const,
    ),
  ]);
  return {
    share: share / 100,
    bits: hasUsers ? bits : new Map(),
    guard: given.guard ?? null,
    fallback: given.fallback ?? null,
  };
}

export function envoyOf(envoy: string, given: GivenEnvoy, defaultName = "stable"): UserCounts {
  const { period = 1, began = 1000, sharesBegan = 0, size = 0, variants, control } = given;
  return {
    envoy,
    period,
    began,
    sharesBegan,
    epoch: null,
    size,
    noEvidence: 0,
    variants: new Map(
      Object.entries(variants).map(([name, each]) => [name, sideOf(each, name !== defaultName)]),
    ),
    control: control === undefined ? null : sideOf(control, true),
  };
}

function countsOf(given: Given): VariantCounts {
  const { share, users = 0, requests = users, inFlight = 0, latency = [] } = given;
  return {
    counters: new Map([["rq_total", requests]]),
    gauges: new Map([
      ["share", share * 1000],
      ["rq_active", inFlight],
    ]),
    latency,
  };
}

export function rolloutOf(...envoys: readonly GivenEnvoy[]): RolloutCounts {
  const [first] = envoys;
  const variants = Object.entries(first?.variants ?? {});
  return {
    variants: new Map(variants.map(([name, given]) => [name, countsOf(given)])),
    control: first?.control === undefined ? null : countsOf(first.control),
    shareConflicts: new Map(),
    users: envoys.map((each, index) => envoyOf(`envoy ${index + 1}`, each)),
  };
}

/** `defaults`: `stable` of each rollout unless given. Read at 2,000 s, periods began at 1,000 s. */
export function snapshotOf(
  rollouts: Readonly<Record<string, RolloutCounts>>,
  defaults: Readonly<Record<string, string>> = Object.fromEntries(
    Object.keys(rollouts).map((name) => [name, "stable"]),
  ),
): Snapshot {
  return {
    ...emptySnapshot(2_000_000),
    rollouts: new Map(Object.entries(rollouts)),
    defaults: new Map(Object.entries(defaults)),
    terms: new Map(Object.keys(rollouts).map((name) => [name, DEFAULT_TERMS])),
  };
}
