// An evidence period, as text.

import type { NewestPeriod } from "../verdict/newest-period.ts";

/** `, evidence period 2 since 2026-12-01T09:00:00.000Z (3 Envoys, each judged by itself)`; nothing without a period. */
export function periodWords(period: NewestPeriod | null): string {
  if (period === null) return "";
  const since = period.began > 0 ? ` since ${new Date(period.began * 1000).toISOString()}` : "";
  const envoys = period.envoys > 1 ? ` (${period.envoys} Envoys, each judged by itself)` : "";
  return `, evidence period ${period.number}${since}${envoys}`;
}
