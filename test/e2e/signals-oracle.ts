// Which counters a request moves, computed from docs/stats.md and docs/policy.md alone: shares nothing with the filter.

import { inSlots, position, variantOf, type Part } from "../support/assignment.ts";
import { isControl } from "../support/users.ts";

/** A rollout as the policy has it, and what follows from it. */
export interface Expected {
  readonly name: string;
  readonly signals: "full" | "matched" | "count";
  /** Percent by variant, the default's remainder too. */
  readonly shares: Readonly<Record<string, number>>;
  readonly parts: readonly Part[];
}

export const DEFAULT = "stable";

export const ROLLOUTS: readonly Expected[] = [
  {
    name: "all",
    signals: "full",
    shares: { stable: 70, canary: 20, blue: 10 },
    parts: inSlots(["canary", 20, 50], ["blue", 10, 50]),
  },
  {
    name: "some",
    signals: "matched",
    shares: { stable: 83.5, canary: 12.5, blue: 4 },
    parts: inSlots(["canary", 12.5, 50], ["blue", 4, 50]),
  },
  // The largest is larger than the default: all of the default's users are the control group.
  {
    name: "most",
    signals: "matched",
    shares: { stable: 30, canary: 70 },
    parts: [{ variant: "canary", begin: 0, end: position(70) }],
  },
  {
    name: "few",
    signals: "count",
    shares: { stable: 60, canary: 40 },
    parts: [{ variant: "canary", begin: 0, end: position(40) }],
  },
];

/** What a request says of its visitor. */
export interface Visitor {
  /** null: anonymous. */
  readonly user: string | null;
  /** The variant that it asks for by header. */
  readonly force: string | null;
}

/** The member `rollouts` of a policy. */
export function rolloutsOf(all: readonly Expected[]): object {
  return Object.fromEntries(
    all.map(({ name, signals, shares, parts }) => [
      name,
      {
        ...(signals === "full" ? {} : { signals }),
        default: DEFAULT,
        variants: Object.fromEntries(
          Object.entries(shares).map(([variant, percent]) => [
            variant,
            variant === DEFAULT ? {} : { percent, ...(parts.length > 1 ? { max: 50 } : {}) },
          ]),
        ),
        force: { header: "x-force" },
      },
    ]),
  );
}

/** How a request ended, in the words of the stats. */
export interface Ending {
  readonly ending: `rq_${"1xx" | "2xx" | "3xx" | "4xx" | "5xx" | "reset" | "left"}`;
  readonly grpc?: "grpc_ok" | "grpc_error";
  readonly overflow?: boolean;
}

const FULL_LEAVES = [
  ...[
    "rq_total",
    "rq_1xx",
    "rq_2xx",
    "rq_3xx",
    "rq_4xx",
    "rq_5xx",
    "rq_reset",
    "rq_left",
    "share",
    "rq_active",
  ],
  ...["rq_overflow", "grpc_ok", "grpc_error"],
];

function largestShare(shares: Expected["shares"]): number {
  return Math.max(...Object.entries(shares).map(([variant, share]) => (variant === DEFAULT ? 0 : share)));
}

/** A visitor's variant in a rollout, and whether it is of the control group. */
export function given(rollout: Expected, { user, force }: Visitor): { variant: string; isControl: boolean } {
  if (force !== null && force in rollout.shares) return { variant: force, isControl: false };
  if (user === null) return { variant: DEFAULT, isControl: false };
  const variant = variantOf(rollout.name, user, rollout.parts) ?? DEFAULT;
  const ofControl =
    rollout.signals === "matched" &&
    variant === DEFAULT &&
    isControl(rollout.name, user, largestShare(rollout.shares), rollout.shares[DEFAULT] ?? 0);
  return { variant, isControl: ofControl };
}

/** Everything under `wasmcustom.serin.rollout.` by name, counters and gauges, when all streams are over. */
export class Tally {
  readonly values = new Map<string, number>();

  constructor(private readonly rollouts: readonly Expected[] = ROLLOUTS) {
    for (const rollout of rollouts) {
      const { name, signals, shares } = rollout;
      for (const [variant, share] of Object.entries(shares)) {
        this.#define(name, variant, this.#isFull(rollout, variant), share);
      }
      const share = Math.min(4 * largestShare(shares), shares[DEFAULT] ?? 0);
      if (signals === "matched") this.#define(name, "control", true, share);
      else this.values.set(nameOf(name, "control", "share"), Math.round(share * 1000));
    }
  }

  add(visitor: Visitor, how: Ending): void {
    for (const rollout of this.rollouts) {
      const { variant, isControl } = given(rollout, visitor);
      this.#move(rollout.name, variant, "rq_total");
      if (this.#isFull(rollout, variant)) this.#end(rollout.name, variant, how);
      if (!isControl) continue;
      this.#move(rollout.name, "control", "rq_total");
      this.#end(rollout.name, "control", how);
    }
  }

  /** Names whose every stream is counted to its end: `rollout.variant`, with how many there were. */
  full(): [string, number][] {
    return [...this.values].flatMap(([name, value]): [string, number][] => {
      const group = name.slice(0, name.lastIndexOf("."));
      const isFull = name.endsWith(".rq_total") && this.values.has(`${group}.rq_2xx`);
      return isFull ? [[group, value]] : [];
    });
  }

  #isFull({ signals }: Expected, variant: string): boolean {
    return signals === "full" || (signals === "matched" && variant !== DEFAULT);
  }

  #define(rollout: string, variant: string, isFull: boolean, share: number): void {
    for (const leaf of isFull ? FULL_LEAVES : ["rq_total", "share"]) {
      this.values.set(nameOf(rollout, variant, leaf), leaf === "share" ? Math.round(share * 1000) : 0);
    }
  }

  #end(rollout: string, variant: string, { ending, grpc, overflow }: Ending): void {
    this.#move(rollout, variant, ending);
    if (grpc !== undefined) this.#move(rollout, variant, grpc);
    if (overflow === true) this.#move(rollout, variant, "rq_overflow");
  }

  #move(rollout: string, variant: string, leaf: string): void {
    const name = nameOf(rollout, variant, leaf);
    this.values.set(name, (this.values.get(name) ?? NaN) + 1);
  }
}

function nameOf(rollout: string, variant: string, leaf: string): string {
  return `wasmcustom.serin.rollout.${rollout}.${variant}.${leaf}`;
}
