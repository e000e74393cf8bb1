// Which part of the space each variant of a rollout holds, who its control group is, and whom its evidence compares: from
// the shares alone, when a policy is loaded and again when a ramp takes a step. docs/policy.md, "Variants".

import { beginHash, Hash64, hashNumber, hashOf, hashText } from "../bytes/hash64";
import { fixed } from "../bytes/records";
import { equalSlotBegin, pointOf, portionOf, SPACE, WHOLE } from "./bucket";
import { NO_CEILING, NO_SLOT, Rollout, Variant } from "./plan";

/** The control group is so many times the largest of the other variants, so that it costs a comparison little. */
const CONTROL_TIMES: u32 = 4;

const hash: Hash64 = fixed<Hash64>();

/** Lays a rollout out by the shares of its variants. */
export function layOutRollout(rollout: Rollout): void {
  layOutVariants(rollout);
  layOutControl(rollout);
  layOutSlots(rollout);
  if (rollout.slots != 0) signShares(rollout);
}

/** Gives every variant but the default its part of the space, and the default the remainder. */
export function layOutVariants(rollout: Rollout): void {
  const count = rollout.variantCount - 1;
  let asked: u32 = 0;
  let sum: u32 = 0;
  let slot: u32 = 0;
  for (let i: u32 = 0; i <= count; i++) {
    if (i == rollout.fallback) continue;
    const variant = rollout.variant(i);
    asked += variant.share;
    if (variant.ceiling != NO_CEILING) {
      place(variant, pointOf(sum), sum + variant.ceiling > WHOLE ? SPACE : pointOf(sum + variant.ceiling));
      sum += variant.ceiling;
    } else if (count == 2 && slot == 1) {
      variant.end = variant.share == 0 ? 0 : SPACE;
      variant.begin = variant.share == 0 ? 0 : SPACE - pointOf(variant.share);
    } else if (count <= 2) {
      place(variant, 0, SPACE);
    } else {
      place(variant, equalSlotBegin(slot, count), equalSlotBegin(slot + 1, count));
    }
    slot++;
  }
  rollout.variant(rollout.fallback).share = asked < WHOLE ? WHOLE - asked : 0;
}

/** A variant begins where its slot does and never reaches into the next one. */
function place(variant: Variant, begin: u64, next: u64): void {
  if (variant.share == 0) {
    variant.begin = 0;
    variant.end = 0;
    return;
  }
  const end = begin + pointOf(variant.share);
  variant.begin = begin;
  variant.end = end < next ? end : next;
}

/** How large the control group is, of those who get the default. */
export function layOutControl(rollout: Rollout): void {
  let largest: u32 = 0;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    const share = rollout.variant(i).share;
    if (i != rollout.fallback && share > largest) largest = share;
  }
  const rest = rollout.variant(rollout.fallback).share;
  largest *= CONTROL_TIMES;
  rollout.controlShare = largest < rest ? largest : rest;
  rollout.controlBelow = portionOf(rollout.controlShare, rest);
}

/** Whom the evidence compares. */
export function layOutSlots(rollout: Rollout): void {
  rollout.slots = 0;
  rollout.controlSlot = NO_SLOT;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    const variant = rollout.variant(i);
    variant.slot = NO_SLOT;
    if (i == rollout.fallback || variant.share == 0) continue;
    variant.slot = rollout.slots;
    rollout.slots++;
  }
  if (rollout.disabled || !rollout.identity) rollout.slots = 0;
  if (rollout.slots == 0 || rollout.controlBelow == 0) return;
  rollout.controlSlot = rollout.slots;
  rollout.slots++;
}

/** Writes the rollout's signatures, of the shares and of all that its policy says of evidence. */
export function signShares(rollout: Rollout): void {
  beginHash(hash);
  hashNumber(hash, rollout.fallback);
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    const variant = rollout.variant(i);
    hashText(hash, variant.name);
    hashNumber(hash, variant.begin);
    hashNumber(hash, variant.end);
  }
  rollout.shares = hashOf(hash);
  hashNumber(hash, rollout.terms);
  rollout.signature = hashOf(hash);
}
