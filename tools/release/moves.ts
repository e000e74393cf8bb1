// Who gets something else than before, when both answers are cut from the same space: exact, by intervals.

import { overlaid } from "../policy/overlay.ts";
import { SPACE, type Segment } from "./slots.ts";

/** Users, or requests, who got one thing and get another. */
export interface Change {
  /** The variant, or null for none: the rollout was not there, or the flag has no answer. */
  readonly from: string | null;
  readonly to: string | null;
  /** Part of all, 0 to 1. */
  readonly share: number;
}

/** Who moves between two cuts of the same space, the largest part first. */
export function changesBetween(before: readonly Segment[], after: readonly Segment[]): Change[] {
  const moved = new Map<string, { from: string | null; to: string | null; width: number }>();
  for (const { was, is, width } of overlaid(before, after)) {
    if (was.gets === is.gets) continue;
    const key = JSON.stringify([was.gets, is.gets]);
    const known = moved.get(key) ?? { from: was.gets, to: is.gets, width: 0 };
    known.width += width;
    moved.set(key, known);
  }
  return [...moved.values()]
    .sort((a, b) => b.width - a.width)
    .map(({ width, ...change }) => ({ ...change, share: shareOf(width) }));
}

/** Whether everybody gets the same. */
export function isWhole(segments: readonly Segment[]): boolean {
  return segments.every(({ gets }) => gets === segments[0]?.gets);
}

/** Who moves where the two cuts are of different spaces; null unless one of them gives everybody the same. */
export function changesAcross(before: readonly Segment[], after: readonly Segment[]): Change[] | null {
  return isWhole(before) || isWhole(after) ? changesBetween(before, after) : null;
}

/** All that moves. */
export function totalOf(changes: readonly Change[]): number {
  return rounded(changes.reduce((sum, { share }) => sum + share, 0));
}

/** The whole space, of one answer. */
export function everybody(gets: string | null): Segment[] {
  return [{ begin: 0, end: SPACE, gets }];
}

/** A part of the space. Shares are asked for in thousandths of a percent: nine digits are more than they hold. */
function shareOf(width: number): number {
  return rounded(width / SPACE);
}

function rounded(share: number): number {
  return Number(share.toFixed(9));
}
