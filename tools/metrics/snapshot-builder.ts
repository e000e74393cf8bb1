// Stats one by one -> a snapshot.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { visible } from "../terminal/visible.ts";
import type { Bin } from "../statistics/bins.ts";
import type { PolicyOutline } from "./policy-outline.ts";
import { CONTROL, GAUGES, type RolloutTerms, type Snapshot } from "./snapshot.ts";
import {
  GUARDS,
  isOfEnvoy,
  isOfRollout,
  isOfUsers,
  type EvidencePeriod,
  type Fallback,
  type ShadowUsers,
  type UserCounts,
  type UserSide,
} from "./users.ts";

/** Whose a stat is. `variant` is the variant of a rollout or of a flag; a shadow has none. */
export type Owner =
  | { readonly kind: "rollout" | "flag"; readonly name: string; readonly variant: string }
  | { readonly kind: "shadow"; readonly name: string }
  | { readonly kind: "effect"; readonly name: string };

interface Variant {
  counters: Map<string, number>;
  gauges: Map<string, number>;
  latency: readonly Bin[];
}

/** What one Envoy says of the users of one rollout. */
interface Users {
  ofRollout: Map<string, number>;
  sides: Map<string, Map<string, number>>;
}

interface Shadow {
  counters: Map<string, number>;
  places: Map<string, number>;
  /** By Envoy: gauges of users and of the evidence period. */
  users: Map<string, Map<string, number>>;
  latency: readonly Bin[];
  productionLatency: readonly Bin[];
}

export class SnapshotBuilder {
  readonly #rollouts = new Map<string, Map<string, Variant>>();
  readonly #shadows = new Map<string, Shadow>();
  readonly #effects = new Map<string, Map<string, number>>();
  readonly #flags = new Map<string, Map<string, number>>();
  readonly #conflicts = new Map<string, Map<string, readonly number[]>>();
  readonly #defaults: ReadonlyMap<string, string>;
  readonly #terms: ReadonlyMap<string, RolloutTerms>;
  /** By rollout, then by Envoy. */
  readonly #users = new Map<string, Map<string, Users>>();

  /** What the outline names comes first, in its order. */
  constructor(
    outline: PolicyOutline,
    /** Where stats come from whose Envoy is not named. */
    private readonly envoy = "",
  ) {
    for (const [rollout, { variants }] of outline) {
      for (const variant of variants) this.#variant(rollout, variant);
    }
    this.#defaults = new Map(
      [...outline].map(([rollout, { default: name }]) => [visible(rollout), visible(name)]),
    );
    this.#terms = new Map([...outline].map(([rollout, { terms }]) => [visible(rollout), terms]));
  }

  /** A counter or a gauge; `leaf` is the last word of its name, and of no use for a flag. */
  number(given: Owner, leaf: string, value: number): void {
    const owner = shownOwner(given);
    if (owner.kind === "flag") {
      const counts = entry(this.#flags, owner.name, () => new Map<string, number>());
      counts.set(owner.variant, value);
    } else if (owner.kind === "shadow") {
      if (isOfUsers(leaf) || isOfRollout(leaf)) this.ofShadow(owner.name, leaf, value);
      else if (leaf.startsWith(PLACE)) this.place(owner.name, leaf.slice(PLACE.length), value);
      else this.#shadow(owner.name).counters.set(leaf, value);
    } else if (owner.kind === "effect") {
      entry(this.#effects, owner.name, () => new Map<string, number>()).set(leaf, value);
    } else if (isOfEnvoy(leaf)) {
      this.users(owner.name, owner.variant, leaf, value);
    } else {
      if (leaf === statNames.SHARE) this.users(owner.name, owner.variant, leaf, value);
      const variant = this.#variant(owner.name, owner.variant);
      (GAUGES.has(leaf) ? variant.gauges : variant.counters).set(leaf, value);
    }
  }

  /** A gauge of one Envoy's users: `share`, `users`, `users_slow.250`. */
  users(rollout: string, variant: string, leaf: string, value: number, envoy = this.envoy): void {
    const { sides } = this.#usersOf(rollout, envoy);
    entry(sides, visible(variant), () => new Map<string, number>()).set(leaf, value);
  }

  /** A gauge of the rollout itself: `evidence_period`. */
  ofRollout(rollout: string, leaf: string, value: number, envoy = this.envoy): void {
    this.#usersOf(rollout, envoy).ofRollout.set(leaf, value);
  }

  /** A gauge of one Envoy's users of a shadow, or of its evidence period. */
  ofShadow(shadow: string, leaf: string, value: number, envoy = this.envoy): void {
    const { users } = this.#shadow(visible(shadow));
    entry(users, visible(envoy), () => new Map<string, number>()).set(leaf, value);
  }

  /** How many differences a shadow had at a place. */
  place(shadow: string, pointer: string, value: number): void {
    this.#shadow(visible(shadow)).places.set(visible(pointer), value);
  }

  histogram(given: Owner, leaf: string, bins: readonly Bin[]): void {
    const owner = shownOwner(given);
    if (owner.kind === "rollout") {
      if (leaf === statNames.RQ_TIME) this.#variant(owner.name, owner.variant).latency = bins;
    } else if (owner.kind === "shadow") {
      if (leaf === statNames.RQ_TIME) this.#shadow(owner.name).latency = bins;
      if (leaf === statNames.PRODUCTION_RQ_TIME) this.#shadow(owner.name).productionLatency = bins;
    }
  }

  /** Shares of one variant that differ; the last is taken. */
  conflict(rollout: string, variant: string, shares: readonly number[]): void {
    const conflicts = entry(this.#conflicts, visible(rollout), () => new Map<string, readonly number[]>());
    conflicts.set(visible(variant), shares);
    this.#variant(rollout, variant).gauges.set(statNames.SHARE, shares.at(-1) ?? 0);
  }

  /** `seconds`: for how long was counted, null when nobody knows. */
  snapshot(takenAt: number, seconds: number | null): Snapshot {
    const rollouts = [...this.#rollouts].map(([name, all]) => {
      const variants = new Map([...all].filter(([variant]) => variant !== CONTROL));
      const shareConflicts = this.#conflicts.get(name) ?? new Map<string, readonly number[]>();
      const users = [...(this.#users.get(name) ?? [])].map(([envoy, counts]) => userCounts(envoy, counts));
      return [name, { variants, control: all.get(CONTROL) ?? null, shareConflicts, users }] as const;
    });
    return {
      takenAt,
      seconds,
      rollouts: new Map(rollouts),
      shadows: new Map(
        [...this.#shadows].map(([name, { users, ...shadow }]) => [
          name,
          { ...shadow, users: [...users].map(([envoy, gauges]) => shadowUsers(envoy, gauges)) },
        ]),
      ),
      effects: this.#effects,
      flags: this.#flags,
      defaults: this.#defaults,
      terms: this.#terms,
    };
  }

  #variant(rollout: string, variant: string): Variant {
    const variants = entry(this.#rollouts, visible(rollout), () => new Map<string, Variant>());
    return entry(variants, visible(variant), () => ({ counters: new Map(), gauges: new Map(), latency: [] }));
  }

  #usersOf(rollout: string, envoy: string): Users {
    const envoys = entry(this.#users, visible(rollout), () => new Map<string, Users>());
    return entry(envoys, visible(envoy), () => ({ ofRollout: new Map(), sides: new Map() }));
  }

  #shadow(name: string): Shadow {
    return entry(this.#shadows, name, () => ({
      counters: new Map(),
      places: new Map(),
      users: new Map(),
      latency: [],
      productionLatency: [],
    }));
  }
}

/** Names come from wherever stats come from; none that Serin makes has anything in it that is not visible. */
function shownOwner(owner: Owner): Owner {
  const name = visible(owner.name);
  return owner.kind === "shadow" || owner.kind === "effect"
    ? { ...owner, name }
    : { ...owner, name, variant: visible(owner.variant) };
}

/** In front of the place of a difference. */
const PLACE = `${statNames.AT}.`;

function shadowUsers(envoy: string, gauges: ReadonlyMap<string, number>): ShadowUsers {
  return { ...periodOf(envoy, gauges), bits: new Map([...gauges].filter(([leaf]) => isOfUsers(leaf))) };
}

function periodOf(envoy: string, gauges: ReadonlyMap<string, number>): EvidencePeriod {
  const of = (leaf: string): number => gauges.get(leaf) ?? 0;
  return {
    envoy,
    period: of(statNames.EVIDENCE_PERIOD),
    began: of(statNames.EVIDENCE_BEGAN),
    size: of(statNames.EVIDENCE_BITS),
    noEvidence: of(statNames.EVIDENCE_NONE),
  };
}

function userCounts(envoy: string, { ofRollout, sides }: Users): UserCounts {
  const side = (gauges: ReadonlyMap<string, number>): UserSide => {
    const share = gauges.get(statNames.SHARE);
    const bits = new Map([...gauges].filter(([leaf]) => isOfUsers(leaf)));
    const guard = gauges.get(statNames.GUARD);
    return {
      share: share === undefined ? null : share / 100_000,
      bits,
      guard: guard === undefined ? null : (GUARDS[guard] ?? null),
      fallback: fallbackOf(gauges),
    };
  };
  const control = sides.get(CONTROL);
  return {
    ...periodOf(envoy, ofRollout),
    sharesBegan: ofRollout.get(statNames.SHARES_BEGAN) ?? 0,
    epoch: ofRollout.get(statNames.EVIDENCE_EPOCH) ?? null,
    variants: new Map(
      [...sides].filter(([name]) => name !== CONTROL).map(([name, gauges]) => [name, side(gauges)]),
    ),
    control: control === undefined ? null : side(control),
  };
}

/** What the gauge `fallback` says while users get the default. */
const FALLS_BACK = 2;

function fallbackOf(gauges: ReadonlyMap<string, number>): Fallback | null {
  const state = gauges.get(statNames.FALLBACK);
  if (state === undefined) return null;
  return { isNow: state === FALLS_BACK, last: gauges.get(statNames.FALLBACK_LAST) ?? 0 };
}

function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
