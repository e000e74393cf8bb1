// Effects in words: what the calls of shadows were beside production's.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { grouped } from "../terminal/numbers.ts";

/** Counters of an effect, by the last word of their name. */
export type EffectCounts = ReadonlyMap<string, number>;

const PARTS = [
  statNames.MATCH,
  statNames.MISMATCH,
  statNames.EXTRA,
  statNames.MISSING,
  statNames.UNPAIRED,
] as const;

/** `2,000 calls of shadows: 1,000 match, 500 mismatch, 500 extra, 500 missing, 0 unpaired` */
export function effectWords(counts: EffectCounts): string {
  const of = (leaf: string): string => grouped(counts.get(leaf) ?? 0);
  return `${of(statNames.TOTAL)} calls of shadows: ${PARTS.map((leaf) => `${of(leaf)} ${leaf}`).join(", ")}`;
}
