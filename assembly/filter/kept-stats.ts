// What was counted outlives a swap of the .wasm. Envoy drops a stat with the last VM that has defined it, so a new VM defines
// those of rollouts that its own policy does not have: their names are listed in shared data, which all VMs of a `vm_id`
// see, for as long as one of them lives.

import { fixed } from "../bytes/records";
import { scratch } from "../bytes/scratch";
import { addressOf, lengthOf, sameText, Slice, sliceOf, sliceOfWord } from "../bytes/slice";
import { Plan } from "../core/plan";
import { NO_METRIC } from "../host/metrics";
import { readShared, SharedValue, writeShared, Written } from "../host/shared-data";
import { VariantStats } from "./records";
import { adoptAll, keepStats, statsAt } from "./stats";

/** The list's bytes at most, about 300 variants: those of the policy that was loaded last come first, the oldest fall out. */
const MOST_BYTES: u32 = 8192;
/** Several VMs load a policy at once. */
const MOST_TRIES: u32 = 4;

/** What a variant has, in a byte; then the length of `rollout.variant` in two, then that. */
const enum Kept {
  Share = 0,
  Total = 1,
  Full = 2,
  /** All of them, and the retries. */
  Retried = 3,
}

const HEAD_BYTES: u32 = 3;
const shared: SharedValue = fixed<SharedValue>();
let list: usize = 0;
let bytes: u32 = 0;
/** Counts the lists, so that a record is in one once. */
let listing: u32 = 0;
/** Whether some are of other VMs that no plan of this one has yet. */
let hasKept: bool = false;

/**
 * Defines the stats that the VMs before this one had, and lists those of the plan. Called when a plan has its own.
 * @returns false without memory for some
 */
export function keepAllStats(plan: Plan): bool {
  hasKept = false;
  listAll(plan);
  // Among them may be some of the plan that were left to a request.
  return !hasKept || adoptAll(plan);
}

function listAll(plan: Plan): void {
  for (let tries: u32 = 0; tries < MOST_TRIES; tries++) {
    list = scratch(MOST_BYTES);
    if (list == 0 || !readShared(sliceOfWord("serin.stats"), shared)) return;
    bytes = 0;
    listing++;
    listPlan(plan);
    listOthers(shared.bytes);
    const text = sliceOf(list, bytes);
    if (bytes == 0 || sameText(text, shared.bytes)) return;
    if (writeShared(sliceOfWord("serin.stats"), text, shared) != Written.LOST) return;
  }
}

function listPlan(plan: Plan): void {
  for (let r: u32 = 0; r < plan.rolloutCount; r++) {
    const rollout = plan.rollout(r);
    for (let v: u32 = 0; v < rollout.variantCount; v++) add(statsAt(rollout.variant(v).stats), Kept.Share);
    add(statsAt(rollout.controlStats), Kept.Share);
  }
}

function listOthers(text: Slice): void {
  let at = addressOf(text);
  const end = at + lengthOf(text);
  while (at + HEAD_BYTES <= end) {
    const kept: Kept = load<u8>(at);
    const length = load<u16>(at, 1) as u32;
    at += HEAD_BYTES;
    if (at + length > end) return;
    const stats = keepStats(sliceOf(at, length), kept >= Kept.Total, kept >= Kept.Full, kept == Kept.Retried);
    if (stats && stats.plans == 0) hasKept = true;
    add(stats, kept);
    at += length;
  }
}

/** @param kept what other VMs have of it */
function add(stats: VariantStats | null, kept: Kept): void {
  if (!stats || stats.listed == listing) return;
  stats.listed = listing;
  const length = lengthOf(stats.key);
  if (bytes + HEAD_BYTES + length > MOST_BYTES) return;
  const own = keptOf(stats);
  const to = list + bytes;
  store<u8>(to, max<u32>(own, kept));
  store<u16>(to, length, 1);
  memory.copy(to + HEAD_BYTES, addressOf(stats.key), length);
  bytes += HEAD_BYTES + length;
}

function keptOf(stats: VariantStats): Kept {
  if (stats.retried != NO_METRIC) return Kept.Retried;
  if (stats.isFull) return Kept.Full;
  return stats.total != NO_METRIC ? Kept.Total : Kept.Share;
}
