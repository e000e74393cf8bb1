// The host's shared data: bytes by key, which all VMs of one `vm_id` see, with compare and swap.

import { fixed } from "../bytes/records";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import { proxy_get_shared_data, proxy_set_shared_data, RETURNED, STATUS_OK } from "./abi";

/** A compare-and-swap number that no value has: a write with it succeeds only while the key does not exist. */
const ABSENT_CAS: u32 = 0xffffffff;
const STATUS_CAS_MISMATCH: u32 = 8;

/** A value as it was read. */
@unmanaged
export class SharedValue {
  /** In scratch memory; NONE if the key does not exist. */
  bytes: Slice;
  /** The compare-and-swap number: a write that names it succeeds only if the value has not changed since. */
  cas: u32;
}

const cas: SharedValue = fixed<SharedValue>();

/** Reads the value of a key. A key that does not exist reads as NONE. @returns false when the host fails */
export function readShared(key: Slice, value: SharedValue): bool {
  store<u64>(RETURNED, 0);
  value.bytes = NONE;
  value.cas = ABSENT_CAS;
  const at = changetype<usize>(cas) + offsetof<SharedValue>("cas");
  const status = proxy_get_shared_data(addressOf(key), lengthOf(key), RETURNED, RETURNED + 4, at);
  if (status == STATUS_NOT_FOUND) return true;
  if (status != STATUS_OK) return false;
  const address = load<u32>(RETURNED) as usize;
  if (address != 0) value.bytes = sliceOf(address, load<u32>(RETURNED, 4));
  value.cas = cas.cas;
  return true;
}

const STATUS_NOT_FOUND: u32 = 1;

/** The result of a write. */
export const enum Written {
  DONE,
  /** The value has changed since it was read: read it again. */
  LOST,
  FAILED,
}

/** Replaces a value, if it is still the one that was read. */
export function writeShared(key: Slice, bytes: Slice, follows: SharedValue): Written {
  const status = proxy_set_shared_data(
    addressOf(key),
    lengthOf(key),
    addressOf(bytes),
    lengthOf(bytes),
    follows.cas,
  );
  if (status == STATUS_OK) return Written.DONE;
  return status == STATUS_CAS_MISMATCH ? Written.LOST : Written.FAILED;
}

/** Writes a value without a condition. */
export function putShared(key: Slice, bytes: Slice): void {
  proxy_set_shared_data(addressOf(key), lengthOf(key), addressOf(bytes), lengthOf(bytes), 0);
}
