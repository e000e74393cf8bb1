// What a policy says of its releases: variants, where they stand, and the steps that are before them.

import { shadowBefore } from "../policy/ramp-after.ts";
import { itemsOf, member, type OrderedJson } from "../terminal/ordered-json.ts";

/** A ramp of a variant. */
export interface Ramp {
  /** Percents, rising; at least one. */
  readonly steps: readonly number[];
  /** Seconds that it stays on a step at least. */
  readonly every: number;
  /** It has a `start`: the filter takes the steps by the clock. */
  readonly isByClock: boolean;
  readonly isPaused: boolean;
  /** Goals that have to be shown to be within the limit before a step. */
  readonly goals: readonly string[];
  /** The shadow whose verdict has to be `pass` before the first step; null without. */
  readonly after: string | null;
}

export interface ReleasedVariant {
  readonly name: string;
  /** Null where the policy says none: a ramp has not begun. */
  readonly percent: number | null;
  readonly ramp: Ramp | null;
}

export interface Release {
  readonly rollout: string;
  readonly default: string;
  readonly isDisabled: boolean;
  readonly epoch: number;
  /** All but the default, in the policy's order. */
  readonly variants: readonly ReleasedVariant[];
}

/** The rollouts of an accepted policy. */
export function releasesOf(policy: OrderedJson): Release[] {
  const rollouts = member(policy, "rollouts");
  if (!(rollouts instanceof Map)) return [];
  return [...(rollouts as ReadonlyMap<string, OrderedJson>)].map(([rollout, value]) => {
    const fallback = member(value, "default");
    const variants = member(value, "variants");
    const all = variants instanceof Map ? [...(variants as ReadonlyMap<string, OrderedJson>)] : [];
    const epoch = member(value, "epoch");
    return {
      rollout,
      default: typeof fallback === "string" ? fallback : "",
      isDisabled: member(value, "state") === "DISABLED",
      epoch: typeof epoch === "number" ? epoch : 0,
      variants: all.filter(([name]) => name !== fallback).map(([name, inner]) => variantOf(name, inner)),
    };
  });
}

function variantOf(name: string, value: OrderedJson): ReleasedVariant {
  const percent = member(value, "percent");
  return { name, percent: typeof percent === "number" ? percent : null, ramp: rampOf(member(value, "ramp")) };
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

function rampOf(value: OrderedJson | undefined): Ramp | null {
  const steps = itemsOf(member(value, "steps")).filter((step) => typeof step === "number");
  if (steps.length === 0) return null;
  const every = member(value, "every");
  const [, count = "0", unit = "s"] = typeof every === "string" ? (/^(\d+)([smhdw])$/.exec(every) ?? []) : [];
  return {
    steps,
    every: Number(count) * (UNITS[unit] ?? 1),
    isByClock: member(value, "start") !== undefined,
    isPaused: member(value, "paused") === true,
    goals: itemsOf(member(value, "goals")).filter((goal) => typeof goal === "string"),
    after: shadowBefore(value),
  };
}

/** The step that follows a percent, the first where it has not begun; null when all are taken. */
export function nextStep({ steps }: Ramp, percent: number | null): number | null {
  return steps.find((step) => percent === null || step > percent) ?? null;
}

/** Whether `serin advance` moves the variant. */
export function isAdvanced({ ramp }: ReleasedVariant): boolean {
  return ramp !== null && !ramp.isByClock;
}
