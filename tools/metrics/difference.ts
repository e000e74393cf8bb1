// Snapshots less snapshots, and several as one.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { totalOf, type Bin } from "../statistics/bins.ts";
import {
  NO_SHADOW,
  NO_VARIANT,
  type RolloutCounts,
  type ShadowCounts,
  type Snapshot,
  type VariantCounts,
} from "./snapshot.ts";

type Numbers = ReadonlyMap<string, number>;

/**
 * What was counted between two snapshots of one process; gauges as they are in the later one. When any counter went
 * back, or there is less time counted than has passed, the process began anew in between: then all of the later one is new.
 */
export function difference(later: Snapshot, earlier: Snapshot): Snapshot {
  const passed = (later.takenAt - earlier.takenAt) / 1000;
  if (wentBack(later, earlier)) return { ...later, seconds: Math.min(later.seconds ?? passed, passed) };
  return {
    ...later,
    seconds: passed,
    rollouts: mapEach(later.rollouts, (rollout, name) => {
      const before = earlier.rollouts.get(name);
      return {
        ...rollout,
        variants: mapEach(rollout.variants, (variant, key) =>
          lessVariant(variant, before?.variants.get(key)),
        ),
        control: rollout.control && lessVariant(rollout.control, before?.control ?? undefined),
      };
    }),
    shadows: mapEach(later.shadows, (shadow, name) => lessShadow(shadow, earlier.shadows.get(name))),
    effects: mapEach(later.effects, (counts, name) => lessNumbers(counts, earlier.effects.get(name))),
    flags: mapEach(later.flags, (counts, name) => lessNumbers(counts, earlier.flags.get(name))),
  };
}

function lessVariant(later: VariantCounts, earlier: VariantCounts = NO_VARIANT): VariantCounts {
  return {
    counters: lessNumbers(later.counters, earlier.counters),
    gauges: later.gauges,
    latency: lessBins(later.latency, earlier.latency),
  };
}

function lessShadow(later: ShadowCounts, earlier: ShadowCounts = NO_SHADOW): ShadowCounts {
  return {
    counters: lessNumbers(later.counters, earlier.counters),
    places: lessNumbers(later.places, earlier.places),
    users: later.users,
    latency: lessBins(later.latency, earlier.latency),
    productionLatency: lessBins(later.productionLatency, earlier.productionLatency),
  };
}

function lessNumbers(later: Numbers, earlier: Numbers = new Map()): Numbers {
  return mapEach(later, (value, name) => value - (earlier.get(name) ?? 0));
}

function lessBins(later: readonly Bin[], earlier: readonly Bin[]): Bin[] {
  const before = new Map(earlier.map((bin) => [bin.lower, bin.count]));
  return later
    .map((bin) => ({ ...bin, count: bin.count - (before.get(bin.lower) ?? 0) }))
    .filter((bin) => bin.count > 0);
}

/** A process of Envoy begins all its counters anew, so one of them is enough. */
function wentBack(later: Snapshot, earlier: Snapshot): boolean {
  if (later.seconds !== null && earlier.seconds !== null && later.seconds < earlier.seconds) return true;
  const now = new Map(everyCount(later));
  return everyCount(earlier).some(([name, count]) => (now.get(name) ?? 0) < count);
}

/** Every counter, and how much each histogram holds, by a name of its own. */
function everyCount(snapshot: Snapshot): [name: string, count: number][] {
  const found: [string, number][] = [];
  const add = (place: string, counters: Numbers, ...histograms: (readonly Bin[])[]): void => {
    for (const [leaf, count] of counters) found.push([`${place} ${leaf}`, count]);
    histograms.forEach((bins, index) => found.push([`${place} ${index}`, totalOf(bins)]));
  };
  for (const [name, { variants, control }] of snapshot.rollouts) {
    for (const [key, { counters, latency }] of variants) add(`rollout ${name} ${key}`, counters, latency);
    if (control !== null) add(`control ${name}`, control.counters, control.latency);
  }
  for (const [name, shadow] of snapshot.shadows) {
    add(`shadow ${name}`, shadow.counters, shadow.latency, shadow.productionLatency);
    add(`places ${name}`, shadow.places);
  }
  for (const [name, counts] of snapshot.effects) add(`effect ${name}`, counts);
  for (const [name, counts] of snapshot.flags) add(`flag ${name}`, counts);
  return found;
}

/** Several processes as one: sums, and shares taken from any, told where they do not agree. At least one. */
export function sumOf(snapshots: readonly Snapshot[]): Snapshot {
  return snapshots.reduce((sum, next) => ({
    takenAt: Math.max(sum.takenAt, next.takenAt),
    seconds: sum.seconds === null || next.seconds === null ? null : Math.max(sum.seconds, next.seconds),
    rollouts: joinEach(sum.rollouts, next.rollouts, plusRollout),
    shadows: joinEach(sum.shadows, next.shadows, plusShadow),
    effects: joinEach(sum.effects, next.effects, plusNumbers),
    flags: joinEach(sum.flags, next.flags, plusNumbers),
    defaults: joinEach(sum.defaults, next.defaults, (one) => one),
    terms: joinEach(sum.terms, next.terms, (one) => one),
  }));
}

function plusRollout(one: RolloutCounts, two: RolloutCounts): RolloutCounts {
  const conflicts = new Map(one.shareConflicts);
  for (const [name, { gauges }] of two.variants) {
    const [here, there] = [one.variants.get(name)?.gauges.get(statNames.SHARE), gauges.get(statNames.SHARE)];
    if (here === there || here === undefined || there === undefined) continue;
    const known = conflicts.get(name) ?? [here];
    conflicts.set(name, known.includes(there) ? known : [...known, there]);
  }
  return {
    variants: joinEach(one.variants, two.variants, plusVariant),
    control:
      one.control && two.control ? plusVariant(one.control, two.control) : (one.control ?? two.control),
    shareConflicts: conflicts,
    users: [...one.users, ...two.users],
  };
}

function plusVariant(one: VariantCounts, two: VariantCounts): VariantCounts {
  return {
    counters: plusNumbers(one.counters, two.counters),
    gauges: joinEach(one.gauges, two.gauges, (here, there, leaf) =>
      leaf === statNames.SHARE ? here : here + there,
    ),
    latency: plusBins(one.latency, two.latency),
  };
}

function plusShadow(one: ShadowCounts, two: ShadowCounts): ShadowCounts {
  return {
    counters: plusNumbers(one.counters, two.counters),
    places: plusNumbers(one.places, two.places),
    users: [...one.users, ...two.users],
    latency: plusBins(one.latency, two.latency),
    productionLatency: plusBins(one.productionLatency, two.productionLatency),
  };
}

function plusNumbers(one: Numbers, two: Numbers): Numbers {
  return joinEach(one, two, (here, there) => here + there);
}

function plusBins(one: readonly Bin[], two: readonly Bin[]): Bin[] {
  const bins = new Map(one.map((bin) => [bin.lower, bin]));
  for (const bin of two) {
    bins.set(bin.lower, { ...bin, count: bin.count + (bins.get(bin.lower)?.count ?? 0) });
  }
  return [...bins.values()].sort((a, b) => a.lower - b.lower);
}

function mapEach<Value>(
  map: ReadonlyMap<string, Value>,
  change: (value: Value, name: string) => Value,
): Map<string, Value> {
  return new Map([...map].map(([name, value]) => [name, change(value, name)]));
}

function joinEach<Value>(
  one: ReadonlyMap<string, Value>,
  two: ReadonlyMap<string, Value>,
  join: (here: Value, there: Value, name: string) => Value,
): Map<string, Value> {
  const joined = new Map(one);
  for (const [name, value] of two) {
    const here = one.get(name);
    joined.set(name, here === undefined ? value : join(here, value, name));
  }
  return joined;
}
