// Constants of the policy as JsonLogic values in an arena.

import { Token } from "../bytes/json-reader";
import { Arena, keep } from "../bytes/arena";
import { parseNumber } from "../bytes/number-parse";
import { nextOf, takeRecord, takeRun } from "../bytes/records";
import { Table } from "../bytes/table";
import {
  Member,
  setArray,
  setBoolean,
  setNull,
  setNumber,
  setObject,
  setText,
  Value,
} from "../core/logic/value";
import { nextBelow, Node } from "./node";

/** A constant of a rule. */
@unmanaged
export class Constant extends Value {
  /** Its texts, made when `in` asks for them first. */
  set: Table | null;
  /** It is not a list of strings only, or there was no memory. */
  hasNoSet: bool;
}

/** A container whose items are still to be made. */
@unmanaged
class Pending {
  next: Pending | null;
  node: Node;
  value: Value;
}

/** Whether there is a rule anywhere in a value: an object with a member. */
export function holdsRule(root: Node): bool {
  for (let node: Node | null = root; node; node = nextBelow(root, node)) {
    if (node.kind == Token.Object && node.count != 0) return true;
  }
  return false;
}

/** The value of a node, objects as data, in `owner`; null without memory. `reading` holds what is needed meanwhile. */
export function constantOf(owner: Arena, reading: Arena, node: Node): Constant | null {
  const root = takeRecord<Constant>(owner);
  if (!root) return null;
  let pending = write(owner, reading, node, root, null);
  while (pending) {
    // One container is opened: its items are written, containers among them wait their turn.
    const container = pending.node;
    const value = pending.value;
    const isObject = container.kind == Token.Object;
    let i: u32 = 0;
    pending = pending.next;
    for (let child = container.first; child; child = nextOf(child)) {
      if (isObject) {
        const member = value.members.at(i);
        member.key = keep(owner, child.key);
        pending = write(owner, reading, child, member.value, pending);
      } else {
        pending = write(owner, reading, child, value.items.at(i), pending);
      }
      i++;
    }
  }
  return owner.failed || reading.failed ? null : root;
}

/** Writes one value; a container gets its room and is put before what is pending. @returns the first pending */
function write(owner: Arena, reading: Arena, node: Node, to: Value, pending: Pending | null): Pending | null {
  const kind = node.kind;
  if (kind == Token.Array || kind == Token.Object) {
    if (kind == Token.Object) setObject(to, takeRun<Member>(owner, node.count), node.count);
    else setArray(to, takeRun<Value>(owner, node.count), node.count);
    if (owner.failed || node.count == 0) return pending;
    const waiting = takeRecord<Pending>(reading);
    if (!waiting) return pending;
    waiting.next = pending;
    waiting.node = node;
    waiting.value = to;
    return waiting;
  }
  if (kind == Token.Null) setNull(to);
  else if (kind == Token.True || kind == Token.False) setBoolean(to, kind == Token.True);
  else if (kind == Token.Number) setNumber(to, parseNumber(node.text));
  else setText(to, keep(owner, node.text));
  return pending;
}
