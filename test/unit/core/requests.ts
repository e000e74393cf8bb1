// Policies and requests of the specs: a plan from a policy's text, and the host's block of header pairs from a list.

import { beginScratch, scratch } from "../../../assembly/bytes/scratch";
import { addressOf, lengthOf, NONE, Slice, sliceOf } from "../../../assembly/bytes/slice";
import { ABSENT, find, Table } from "../../../assembly/bytes/table";
import { beginDecision, decision } from "../../../assembly/core/decision";
import { Plan } from "../../../assembly/core/plan";
import { readRequest } from "../../../assembly/core/view";
import { compilePlan, endReading, Reading } from "../../../assembly/policy/read-policy";
import { bytesOf, stringOf } from "../texts";

/** The plan of a policy that is accepted. */
export function planOf(policy: string): Plan {
  // Once, before the filter's memory grows: at its first allocation, AssemblyScript's runtime takes all pages as its own.
  heap.free(heap.alloc(1));
  const plan = compilePlan(bytesOf(policy), changetype<Reading>(heap.alloc(offsetof<Reading>())));
  endReading();
  assert(plan != null, "a policy is refused: " + policy);
  return changetype<Plan>(plan);
}

/** The block of these pairs: name, value, name, value, ... Written here by hand, so that reading is not held to writing. */
export function blockOf(pairs: string[]): Slice {
  const count = pairs.length >> 1;
  let bytes = 4 + 8 * count;
  for (let i = 0; i < count << 1; i++) bytes += String.UTF8.byteLength(pairs[i]) + 1;
  const block = scratch(bytes);
  store<u32>(block, count);
  let size = block + 4;
  let at = size + 8 * count;
  for (let i = 0; i < count << 1; i++) {
    const text = bytesOf(pairs[i]);
    const length = lengthOf(text);
    store<u32>(size, length);
    size += 4;
    memory.copy(at, addressOf(text), length);
    store<u8>(at + length, 0);
    at += length + 1;
  }
  return sliceOf(block, bytes);
}

/** Begins a request of these header pairs, as the filter does. @returns whether its block is sound */
export function begin(plan: Plan, pairs: string[]): bool {
  beginScratch();
  beginDecision(decision, plan, 0);
  return readRequest(decision, blockOf(pairs));
}

/** What a slice holds; null when there is nothing, which is not the empty text. */
export function textOrNull(slice: Slice): string | null {
  return slice == NONE ? null : stringOf(slice);
}

/** The request's value of an input that the plan reads; null when the request has none. */
export function inputOf(table: Table, name: string): string | null {
  const slot = find(table, bytesOf(name));
  assert(slot != ABSENT, "the plan does not read " + name);
  return textOrNull(decision.valueOf(slot));
}
