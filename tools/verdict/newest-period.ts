import type { EvidencePeriod } from "../metrics/users.ts";

/** The newest evidence period of any Envoy: its number, unix seconds of its begin, and how many Envoys have one. */
export interface NewestPeriod {
  readonly number: number;
  readonly began: number;
  readonly envoys: number;
}

/** Of a rollout or a shadow; null where no Envoy has a period. */
export function newestPeriod(users: readonly EvidencePeriod[]): NewestPeriod | null {
  const running = users.filter(({ period }) => period > 0);
  if (running.length === 0) return null;
  return {
    number: Math.max(...running.map(({ period }) => period)),
    began: Math.max(...running.map(({ began }) => began)),
    envoys: running.length,
  };
}
