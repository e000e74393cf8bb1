// What the client saw since Envoy's start, whatever the policy was: Envoy's counters, which no edit sets back, have to be
// exactly that.

import type { Expected } from "./oracle.ts";
import type { RolloutPlan } from "./policy-plan.ts";
import { Recent } from "./recent.ts";
import type { Visit } from "./visitors.ts";

/** Errors that were planted. */
export interface PlantedErrors {
  readonly requests: number;
  readonly users: number;
  /** Requests of the variant from the first of them on, errors or not. */
  readonly requestsSince: number;
}

/** Users with errors who are told apart; a rollback ends them long before. */
const REMEMBERED = 10_000;

class Entry {
  requests = 0;
  planted = 0;
  usersPlanted = 0;
  requestsSince = 0;
  readonly users = new Recent<string, true>(REMEMBERED);
}

export class Ledger {
  /** All that were sent and are over. */
  visits = 0;
  readonly #entries = new Map<string, Entry>();
  readonly #shadowed = new Map<string, number>();

  /** A visit begins: that is when Envoy counts copies. */
  begin({ shadows }: Expected): void {
    for (const name of shadows) this.#shadowed.set(name, this.requestsFor(name) + 1);
  }

  /** A visit that was answered, under the policy that was the client's when it began. */
  add(visit: Visit, plan: readonly RolloutPlan[], { variants }: Expected): void {
    this.visits++;
    if (visit.failure !== null) return;
    for (const { name, default: otherwise } of plan) {
      if (!variants.has(name)) continue;
      const entry = this.#entryOf(name, visit.told.get(name) ?? otherwise);
      entry.requests++;
      if (visit.planted === true) entry.planted++;
      if (entry.planted > 0) entry.requestsSince++;
      if (visit.planted !== true) continue;
      if (entry.users.get(visit.user) === undefined) entry.usersPlanted++;
      entry.users.set(visit.user, true);
    }
  }

  /** Requests that saw this variant. */
  requestsOf(rollout: string, variant: string): number {
    return this.#entries.get(keyOf(rollout, variant))?.requests ?? 0;
  }

  plantedOf(rollout: string, variant: string): PlantedErrors {
    const entry = this.#entries.get(keyOf(rollout, variant));
    const { planted = 0, usersPlanted = 0, requestsSince = 0 } = entry ?? {};
    return { requests: planted, users: usersPlanted, requestsSince };
  }

  /** Requests that a shadow is for, drawn or not. */
  requestsFor(shadow: string): number {
    return this.#shadowed.get(shadow) ?? 0;
  }

  #entryOf(rollout: string, variant: string): Entry {
    const key = keyOf(rollout, variant);
    const entry = this.#entries.get(key) ?? new Entry();
    this.#entries.set(key, entry);
    return entry;
  }
}

function keyOf(rollout: string, variant: string): string {
  return `${rollout} ${variant}`;
}
