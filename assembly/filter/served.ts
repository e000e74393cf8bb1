// Gauges belong to the VM that serves now. A VM that goes, after a swap of the .wasm for one, must not write over what
// its successor has told: so whoever writes gauges of a rollout notes in shared data which variants its policy has, and
// since when.

import { fixed } from "../bytes/records";
import { addressOf, lengthOf, Slice, sliceOf } from "../bytes/slice";
import { hashText } from "../bytes/table";
import { put, putSlice, restartText, textOf, Writer } from "../bytes/writer";
import { Plan, Rollout } from "../core/plan";
import { putShared, readShared, SharedValue } from "../host/shared-data";
import * as limits from "../vocabulary/limits";
import { words } from "./words";

/** `serin/<rollout>/served`: when the policy was loaded, then a hash of each variant's name. */
const HEAD_BYTES: u32 = 8;
/** The variants, and the control group. */
const note: usize = memory.data(8 + 4 * (limits.VARIANTS + 1), 8);
const shared: SharedValue = fixed<SharedValue>();
const key: Writer = fixed<Writer>();

function keyOf(rollout: Slice): Slice {
  restartText(key);
  put(key, "serin/");
  putSlice(key, rollout);
  put(key, "/served");
  return textOf(key);
}

/** Notes that the plan serves the rollout, before a gauge of it is written. */
export function noteServed(plan: Plan, rollout: Rollout): void {
  store<u64>(note, plan.loadedNs);
  let bytes = HEAD_BYTES;
  for (let v: u32 = 0; v < rollout.variantCount; v++) {
    store<u32>(note + bytes, hashText(rollout.variant(v).name));
    bytes += 4;
  }
  if (rollout.controlBelow != 0 || rollout.isRamped) {
    store<u32>(note + bytes, hashText(words.control));
    bytes += 4;
  }
  putShared(keyOf(rollout.name), sliceOf(note, bytes));
}

/** The same some time after the plan was loaded: another one may have been noted since. */
export function noteServedLate(plan: Plan, rollout: Rollout): void {
  if (!readShared(keyOf(rollout.name), shared)) return;
  if (lengthOf(shared.bytes) >= HEAD_BYTES && load<u64>(addressOf(shared.bytes)) >= plan.loadedNs) return;
  noteServed(plan, rollout);
}

/** Whether a policy that was loaded after this plan has the variant of that name. */
export function isServedSince(plan: Plan, rollout: Slice, variant: Slice): bool {
  if (!readShared(keyOf(rollout), shared)) return false;
  const at = addressOf(shared.bytes);
  const length = lengthOf(shared.bytes);
  if (length < HEAD_BYTES || load<u64>(at) <= plan.loadedNs) return false;
  const wanted = hashText(variant);
  for (let i = HEAD_BYTES; i + 4 <= length; i += 4) {
    if (load<u32>(at + i) == wanted) return true;
  }
  return false;
}
