// The steps of a policy's rollouts, as a plan needs them: shares, times, the guard.

import { goalsFor, isRandom } from "../policy/goals.ts";
import { shadowBefore } from "../policy/ramp-after.ts";
import { itemsOf, member, type OrderedJson } from "../terminal/ordered-json.ts";

export interface VariantSteps {
  readonly name: string;
  /** Percents above 0, rising: those of the ramp from where it is on, or the one that the policy has. */
  readonly steps: readonly number[];
  /** `evidence`: `serin advance` moves it; `clock`: the proxy does; null without a ramp. */
  readonly by: "evidence" | "clock" | null;
  /** Seconds on a step at least; 0 without a ramp. */
  readonly every: number;
  /** Milliseconds since 1970; null unless it goes by the clock. */
  readonly start: number | null;
  readonly isPaused: boolean;
  /** Goals that it waits for on each step. */
  readonly goals: readonly string[];
  /** The shadow that has to pass before the first step, where that is not taken yet; null without. */
  readonly after: string | null;
  /** The ramp was stopped: its percent is 0. */
  readonly isStopped: boolean;
}

export interface RolloutSteps {
  readonly name: string;
  readonly variants: readonly VariantSteps[];
  readonly guard: { readonly falseAlarm: number; readonly ignoresBursts: boolean } | null;
  /** The names of the goals that are counted for it. */
  readonly goals: readonly string[];
  /** Each request is a user: no bitmap, so no period is ever full. */
  readonly isRandom: boolean;
  /** Seconds after each step in which slowness is no evidence. */
  readonly warmup: number;
}

export interface PolicySteps {
  readonly rollouts: readonly RolloutSteps[];
  /** Rollouts with nothing to plan, and why. */
  readonly leftOut: ReadonlyMap<string, string>;
}

const DEFAULT_FALSE_ALARM = 0.001;
const DEFAULT_WARMUP = 30;

/** What an accepted policy has to plan. */
export function stepsOf(policy: OrderedJson): PolicySteps {
  const all = member(policy, "rollouts");
  const rollouts: RolloutSteps[] = [];
  const leftOut = new Map<string, string>();
  if (!(all instanceof Map)) return { rollouts, leftOut };
  for (const [name, rollout] of all as ReadonlyMap<string, OrderedJson>) {
    const why = whyNot(rollout);
    if (why !== null) leftOut.set(name, why);
    else rollouts.push(rolloutOf(policy, name, rollout));
  }
  return { rollouts, leftOut };
}

function whyNot(rollout: OrderedJson): string | null {
  if (member(rollout, "state") === "DISABLED") return "its state is DISABLED";
  if (member(rollout, "signals") === "count") {
    return "signals: count counts no errors, so there is no evidence";
  }
  return variantsOf(rollout).some(({ steps }) => steps.length > 0)
    ? null
    : "no variant has a share or a ramp";
}

function rolloutOf(policy: OrderedJson, name: string, rollout: OrderedJson): RolloutSteps {
  const guard = member(rollout, "guard");
  const falseAlarm = member(guard, "falseAlarm");
  const warmup = secondsOf(member(rollout, "warmup"));
  return {
    name,
    variants: variantsOf(rollout).filter(({ steps }) => steps.length > 0),
    guard:
      guard instanceof Map
        ? {
            falseAlarm: typeof falseAlarm === "number" ? falseAlarm : DEFAULT_FALSE_ALARM,
            ignoresBursts: member(guard, "ignoreBursts") === true,
          }
        : null,
    goals: goalsFor(policy, name, rollout),
    isRandom: isRandom(policy, rollout),
    warmup: Number.isFinite(warmup) ? warmup : DEFAULT_WARMUP,
  };
}

function variantsOf(rollout: OrderedJson): VariantSteps[] {
  const variants = member(rollout, "variants");
  const own = member(rollout, "default");
  if (!(variants instanceof Map)) return [];
  return [...(variants as ReadonlyMap<string, OrderedJson>)].flatMap(([name, variant]) =>
    name === own ? [] : [variantOf(name, variant)],
  );
}

function variantOf(name: string, variant: OrderedJson): VariantSteps {
  const given = member(variant, "percent");
  const percent = typeof given === "number" ? given : null;
  const ramp = member(variant, "ramp");
  const steps = itemsOf(member(ramp, "steps")).filter((step) => typeof step === "number");
  const start = member(ramp, "start");
  const by = !(ramp instanceof Map) ? null : typeof start === "string" ? "clock" : "evidence";
  const ahead =
    by === null || percent === null || percent === 0
      ? steps
      : [percent, ...steps.filter((step) => step > percent)];
  return {
    name,
    steps: by === null ? (percent === null || percent === 0 ? [] : [percent]) : ahead,
    by,
    every: by === null ? 0 : secondsOf(member(ramp, "every")),
    start: typeof start === "string" ? Date.parse(start) : null,
    isPaused: member(ramp, "paused") === true,
    goals: itemsOf(member(ramp, "goals")).filter((goal) => typeof goal === "string"),
    after: by === "evidence" && percent === null ? shadowBefore(ramp) : null,
    isStopped: by === "evidence" && percent === 0,
  };
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 0.001,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/** `250ms`, `30m`, `1w` in seconds; NaN for anything else. */
function secondsOf(value: OrderedJson | undefined): number {
  const [, count, unit = ""] = typeof value === "string" ? (/^(\d+)(ms|s|m|h|d|w)$/.exec(value) ?? []) : [];
  return count === undefined ? NaN : Number(count) * (UNITS[unit] ?? NaN);
}
