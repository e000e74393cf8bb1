// What the visitors saw, counted by themselves since the policy last changed. Envoy's counters have to agree.

import type { Oracle } from "./oracle.ts";
import type { RolloutPlan } from "./policy-plan.ts";
import { Recent } from "./recent.ts";
import { STABLE_SERVICE } from "./services.ts";
import type { Visit } from "./visitors.ts";

/**
 * Users who are remembered, those who came last. Who has left does not come again; a user who is present comes long
 * before so many new ones have.
 */
const REMEMBERED = 10_000;

/** Users who got one version before the last change and another one since. */
export interface Move {
  readonly rollout: string;
  readonly from: string;
  readonly to: string;
  readonly users: number;
}

/** Users whom a guard gave the default in place of the variant that `serin decide` says. */
export interface RolledBack {
  readonly rollout: string;
  readonly variant: string;
  readonly requests: number;
  /** When the first of these requests began, in milliseconds since 1970. */
  readonly first: number;
}

/** Every worker follows a rollback within two seconds; the demo's own clock and a busy machine get a third. */
const ROLLBACK_OBEYED_MS = 3000;

/** What was seen of one rollout. */
class RolloutTally {
  readonly requests = new Map<string, number>();
  /** How many users got each variant. */
  readonly users = new Map<string, number>();
  /** The variant of each user who is remembered. */
  readonly variantOf = new Recent<string, string>(REMEMBERED);
}

export class Tally {
  /** Requests that got an answer or failed. */
  visits = 0;
  users = 0;
  forged = 0;
  failed = 0;
  /** Users who got two versions of one thing under one policy. */
  inconstant = 0;
  /** Answers that are not what `serin decide` says, and the first of them in words. */
  differing = 0;
  firstDifference: string | null = null;
  firstFailure: string | null = null;

  readonly #rollouts = new Map<string, RolloutTally>();
  /** Requests that a shadow may have drawn, by its name. */
  readonly #shadowed = new Map<string, number>();
  readonly #moves = new Map<string, Move>();
  readonly #rolledBack = new Map<string, RolledBack>();
  readonly #known = new Recent<string, true>(REMEMBERED);
  /** What the users saw before the last change of the policy. */
  readonly #before: ReadonlyMap<string, RolloutTally>;

  /** `before`: what was seen until the policy changed. */
  constructor(
    readonly plan: readonly RolloutPlan[],
    private readonly oracle: Oracle,
    before: Tally | null = null,
  ) {
    for (const { name } of plan) this.#rollouts.set(name, new RolloutTally());
    this.#before = before === null ? new Map() : before.#rollouts;
  }

  /** A visit begins: that is when Envoy counts copies. */
  begin(user: string, path: string): void {
    const { shadows } = this.oracle.expect(user, path);
    for (const name of shadows) this.#shadowed.set(name, this.requestsFor(name) + 1);
  }

  /** Counts one visit at its end. `began`: when it was sent, in milliseconds since 1970. */
  add(visit: Visit, began = Date.now()): void {
    const { user, path } = visit;
    this.visits++;
    if (this.#known.get(user) === undefined) {
      this.users++;
      this.#known.set(user, true);
    }
    if (visit.forged) this.forged++;
    if (visit.failure !== null) {
      this.failed++;
      this.firstFailure ??= `user ${user} at ${path}: ${visit.failure}`;
      return;
    }
    const expected = this.oracle.expect(user, path);
    const differences: string[] = [];
    let { service } = expected;
    for (const { name, default: otherwise, isGuarded, defaultCluster } of this.plan) {
      const told = visit.told.get(name);
      const wanted = expected.variants.get(name);
      const seen = told ?? (wanted === undefined ? undefined : otherwise);
      if (isGuarded && wanted !== undefined && wanted !== otherwise) {
        if (seen === otherwise) {
          service = defaultCluster ?? STABLE_SERVICE;
          increment(this.#rollouts.get(name)?.requests, seen);
          this.#countRolledBack(name, wanted, began);
          continue;
        }
        const late = began - (this.#rolledBack.get(keyOf(name, wanted))?.first ?? began);
        if (late > ROLLBACK_OBEYED_MS)
          differences.push(`${name} gave ${wanted} ${late} ms after its rollback`);
      }
      if (seen !== wanted)
        differences.push(`${name} gave ${seen ?? "nothing"} instead of ${wanted ?? "nothing"}`);
      if (seen !== undefined) this.#see(name, user, seen);
    }
    if (visit.service !== service) {
      differences.push(`answered by ${visit.service ?? "an unknown service"} instead of ${service}`);
    }
    if (differences.length === 0) return;
    this.differing++;
    this.firstDifference ??= `user ${user} at ${path}${visit.forged ? " (forged)" : ""}: ${differences.join(", ")}`;
  }

  /** Requests that saw this variant. */
  requestsOf(rollout: string, variant: string): number {
    return this.#rollouts.get(rollout)?.requests.get(variant) ?? 0;
  }

  /** Users who saw a rollout. */
  usersOf(rollout: string): number {
    const counts = this.#rollouts.get(rollout)?.users.values() ?? [];
    return [...counts].reduce((sum, users) => sum + users, 0);
  }

  /** Users who saw this variant. */
  usersWith(rollout: string, variant: string): number {
    return this.#rollouts.get(rollout)?.users.get(variant) ?? 0;
  }

  /** Requests that a shadow is for, drawn or not. */
  requestsFor(shadow: string): number {
    return this.#shadowed.get(shadow) ?? 0;
  }

  /** Variants that a guard seems to have rolled back. */
  rolledBack(): readonly RolledBack[] {
    return [...this.#rolledBack.values()];
  }

  /** Who changed versions by the last change of the policy, as far as they have come since. */
  moves(): readonly Move[] {
    return [...this.#moves.values()];
  }

  #see(rollout: string, user: string, variant: string): void {
    const tally = this.#rollouts.get(rollout);
    if (tally === undefined) return;
    increment(tally.requests, variant);
    const earlier = tally.variantOf.get(user);
    if (earlier === variant) return;
    tally.variantOf.set(user, variant);
    if (earlier !== undefined) {
      this.inconstant++;
      return;
    }
    increment(tally.users, variant);
    const from = this.#before.get(rollout)?.variantOf.get(user);
    if (from !== undefined && from !== variant) this.#countMove(rollout, from, variant);
  }

  #countRolledBack(rollout: string, variant: string, began: number): void {
    const key = keyOf(rollout, variant);
    const { requests, first } = this.#rolledBack.get(key) ?? { requests: 0, first: began };
    this.#rolledBack.set(key, {
      ...{ rollout, variant },
      ...{ requests: requests + 1, first: Math.min(first, began) },
    });
  }

  #countMove(rollout: string, from: string, to: string): void {
    const key = `${rollout} ${from} ${to}`;
    const users = (this.#moves.get(key)?.users ?? 0) + 1;
    this.#moves.set(key, { rollout, from, to, users });
  }
}

function increment(counts: Map<string, number> | undefined, key: string): void {
  counts?.set(key, (counts.get(key) ?? 0) + 1);
}

function keyOf(rollout: string, variant: string): string {
  return `${rollout} ${variant}`;
}
