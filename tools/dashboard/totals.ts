// What all endpoints together have counted, as totals that never go back though Envoys begin anew.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { difference, sumOf } from "../metrics/difference.ts";
import { emptySnapshot, type RolloutCounts, type Snapshot, type VariantCounts } from "../metrics/snapshot.ts";

/** A rollout's counts, as far back as they can be compared. */
export interface Comparable {
  readonly from: "counters" | "shares";
  /** With this rollout alone. */
  readonly snapshot: Snapshot;
}

export class Totals {
  #sum: Snapshot | null = null;
  /** Since when is counted; null where a source does not say. */
  #began: number | null = Infinity;
  /** When the shares of a rollout last changed: which they are, and all totals of that moment. */
  readonly #asked = new Map<string, { readonly shares: string; readonly base: Snapshot | null }>();

  add(counted: Snapshot): void {
    const own = withoutUsers(counted);
    this.#sum = this.#sum === null ? own : sumOf([this.#sum, own]);
    const { takenAt, seconds } = counted;
    this.#began =
      this.#began === null || seconds === null ? null : Math.min(this.#began, takenAt - seconds * 1000);
  }

  /** What an endpoint had counted before it was read for the first time. It did not happen just now. */
  addBefore(counted: Snapshot): void {
    this.add(counted);
    for (const [name, { shares, base }] of this.#asked) {
      if (base !== null) this.#asked.set(name, { shares, base: withBefore(base, counted) });
    }
  }

  /** Gauges, shares and names as they are `now`: the snapshots of who answers. */
  at(takenAt: number, now: readonly Snapshot[]): Snapshot {
    const sum = this.#sum ?? emptySnapshot(takenAt);
    const current = now.length === 0 ? emptySnapshot(takenAt) : sumOf(now);
    const names = new Set([...current.rollouts.keys(), ...sum.rollouts.keys()]);
    const rollouts = new Map(
      [...names].map((name) => [name, withGauges(sum.rollouts.get(name), current.rollouts.get(name))]),
    );
    const totals = {
      ...sum,
      takenAt,
      seconds: this.#began === null ? null : Math.max(0, takenAt - this.#began) / 1000,
      rollouts,
      shadows: new Map(
        [...sum.shadows].map(([name, shadow]) => [
          name,
          { ...shadow, users: current.shadows.get(name)?.users ?? [] },
        ]),
      ),
      defaults: new Map([...sum.defaults, ...current.defaults]),
      terms: new Map([...sum.terms, ...current.terms]),
    };
    this.#noteShares(totals);
    return totals;
  }

  /** Only what was counted under the shares that are asked for now: under others a variant got other traffic. */
  comparable(name: string, totals: Snapshot): Comparable {
    const base = this.#asked.get(name)?.base ?? null;
    const counted = base === null ? totals : difference(totals, base);
    const rollout = counted.rollouts.get(name);
    return {
      from: base === null ? "counters" : "shares",
      snapshot: {
        ...counted,
        rollouts: new Map(rollout === undefined ? [] : [[name, rollout]]),
        shadows: new Map(),
        effects: new Map(),
        flags: new Map(),
      },
    };
  }

  #noteShares(totals: Snapshot): void {
    for (const [name, { variants }] of totals.rollouts) {
      const asked = [...variants].flatMap(([variant, { gauges }]) => {
        const share = gauges.get(statNames.SHARE);
        return share === undefined ? [] : [`${variant}=${share}`];
      });
      const shares = asked.sort().join();
      const known = this.#asked.get(name);
      // While nobody answers nobody knows what is asked for.
      if (shares === "" || known?.shares === shares) continue;
      this.#asked.set(name, { shares, base: known === undefined ? null : totals });
    }
  }
}

/** Totals of an earlier moment, with what an endpoint that was not read yet had counted even before. */
export function withBefore(totals: Snapshot, counted: Snapshot): Snapshot {
  return { ...sumOf([totals, counted]), takenAt: totals.takenAt, seconds: totals.seconds };
}

/** Users are gauges, not to be added from one reading to the next. */
function withoutUsers(counted: Snapshot): Snapshot {
  const rid = <T extends object>(all: ReadonlyMap<string, T>): Map<string, T & { users: [] }> =>
    new Map([...all].map(([name, one]) => [name, { ...one, users: [] }]));
  return { ...counted, rollouts: rid(counted.rollouts), shadows: rid(counted.shadows) };
}

const NOTHING: RolloutCounts = { variants: new Map(), control: null, shareConflicts: new Map(), users: [] };

/** The order of variants is the later one's. */
function withGauges(sum: RolloutCounts = NOTHING, current: RolloutCounts = NOTHING): RolloutCounts {
  const names = new Set([...current.variants.keys(), ...sum.variants.keys()]);
  const variants = [...names].map((name): [string, VariantCounts] => [
    name,
    {
      counters: sum.variants.get(name)?.counters ?? new Map(),
      latency: sum.variants.get(name)?.latency ?? [],
      gauges: current.variants.get(name)?.gauges ?? new Map(),
    },
  ]);
  const { shareConflicts, users } = current;
  return { variants: new Map(variants), control: sum.control, shareConflicts, users };
}
