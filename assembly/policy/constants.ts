// Values that stand in the policy itself, as JsonLogic values in an arena.

import { Arena, keep, take } from "../bytes/arena";
import { parseNumber } from "../bytes/number-parse";
import {
  Member,
  MEMBER_BYTES,
  memberValue,
  setArray,
  setBoolean,
  setNull,
  setNumber,
  setObject,
  setText,
  Value,
  VALUE_BYTES,
} from "../core/logic/value";
import {
  KIND_ARRAY,
  KIND_FALSE,
  KIND_NULL,
  KIND_NUMBER,
  KIND_OBJECT,
  KIND_TRUE,
  nextBelow,
  Node,
} from "./node";

/** A constant of a rule begins as its Value. */
@unmanaged
export class Constant {
  tag: u32;
  count: u32;
  bits: u64;
  /** The Table of its texts, made when `in` asks for it first; NO_SET when it is no list of texts alone. */
  set: u32;
}

export const CONSTANT_BYTES: u32 = 24;
export const NO_SET: u32 = 1;

/** A container whose items are still to be made. */
@unmanaged
class Pending {
  next: usize;
  node: usize;
  value: usize;
}

/** Whether a rule stands anywhere in a value: an object with a member. */
export function holdsRule(node: Node): bool {
  const root = changetype<usize>(node);
  for (let at = root; at != 0; at = nextBelow(root, at)) {
    if (changetype<Node>(at).kind == KIND_OBJECT && changetype<Node>(at).count != 0) return true;
  }
  return false;
}

/** The value of a node, objects as data, in `owner`; address 0 without memory. `reading` holds what is needed meanwhile. */
export function constantOf(owner: Arena, reading: Arena, node: Node): usize {
  const root = take(owner, CONSTANT_BYTES);
  if (root == 0) return 0;
  let pending = write(owner, reading, node, changetype<Value>(root), 0);
  while (pending != 0) {
    // One container is opened: its items are written, containers among them wait their turn.
    const open = changetype<Pending>(pending);
    const container = changetype<Node>(open.node);
    const isObject = container.kind == KIND_OBJECT;
    let to = changetype<Value>(open.value).bits as usize;
    pending = open.next;
    for (let at = container.first; at != 0; at = changetype<Node>(at).next) {
      const child = changetype<Node>(at);
      if (isObject) {
        changetype<Member>(to).key = keep(owner, child.key);
        pending = write(owner, reading, child, memberValue(changetype<Member>(to)), pending);
        to += MEMBER_BYTES;
      } else {
        pending = write(owner, reading, child, changetype<Value>(to), pending);
        to += VALUE_BYTES;
      }
    }
  }
  return owner.failed || reading.failed ? 0 : root;
}

/** Writes one value; a container gets its room and is put before what is pending. @returns the first pending */
function write(owner: Arena, reading: Arena, node: Node, to: Value, pending: usize): usize {
  const kind = node.kind;
  if (kind == KIND_ARRAY || kind == KIND_OBJECT) {
    const isObject = kind == KIND_OBJECT;
    const items = take(owner, node.count * (isObject ? MEMBER_BYTES : VALUE_BYTES));
    if (items == 0) return pending;
    if (isObject) setObject(to, items, node.count);
    else setArray(to, items, node.count);
    if (node.count == 0) return pending;
    const address = take(reading, offsetof<Pending>());
    if (address == 0) return pending;
    const waiting = changetype<Pending>(address);
    waiting.next = pending;
    waiting.node = changetype<usize>(node);
    waiting.value = changetype<usize>(to);
    return address;
  }
  if (kind == KIND_NULL) setNull(to);
  else if (kind == KIND_TRUE || kind == KIND_FALSE) setBoolean(to, kind == KIND_TRUE);
  else if (kind == KIND_NUMBER) setNumber(to, parseNumber(node.text));
  else setText(to, keep(owner, node.text));
  return pending;
}
