// What the readers of the policy's parts share: the plan that is being built, and its inputs.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { Arena, keep, take } from "../bytes/arena";
import { fixed, Run, takeRecord, takeRun } from "../bytes/records";
import { addressOf, copyLower, isWord, lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import { ABSENT, find, insert, Table } from "../bytes/table";
import { put, putString } from "../bytes/writer";
import { Word } from "../bytes/word";
import { hashPrefix, Prefix } from "../core/murmur3";
import { Flag } from "../core/flag-plan";
import { isOwnHeader } from "../core/own-headers";
import { NO_SLOT, Plan } from "../core/plan";
import * as headerNames from "../vocabulary/headers";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { Node } from "./node";
import { beginMessage, fail, hint, isKind, message, reportKey } from "./problems";
import { isLabel, isToken, isVisible, NOT_A_STEP, OUT_OF_RANGE, thousandths } from "./scalars";

/** The policy that is being read: one at a time. */
@unmanaged
class Build {
  /** The plan being built; its arena takes all that outlives the reading. */
  plan: Plan;
  /** The arena of the reading: what is needed only until the plan is made. */
  reading: Arena;
  /** Whether the policy has an identity of its own, right or wrong. */
  identityGiven: bool;
  /** Whether a ramp names goals, which are read later. */
  hasRampGoals: bool;
  /** Whether some ramp names a shadow. */
  hasRampShadows: bool;
}

export const build: Build = fixed<Build>();

export function beginBuild(built: Plan, readingArena: Arena, hasIdentity: bool): void {
  build.plan = built;
  build.reading = readingArena;
  build.identityGiven = hasIdentity;
  build.hasRampGoals = false;
  build.hasRampShadows = false;
}

/** A record, zeroed, in the plan's arena; null without memory. */
// @ts-ignore: decorator
@inline
export function record<T>(): T | null {
  return takeRecord<T>(build.plan.arena);
}

/** Records, zeroed, in the plan's arena; `isNone` without memory. */
// @ts-ignore: decorator
@inline
export function records<T>(count: u32): Run<T> {
  return takeRun<T>(build.plan.arena, count);
}

/** Bytes, zeroed, in the plan's arena; 0 without memory. */
export function room(bytes: u32): usize {
  return take(build.plan.arena, bytes);
}

/** A copy of a text of the policy that lives as long as the plan. */
export function kept(text: Slice): Slice {
  return keep(build.plan.arena, text);
}

/** A copy in ASCII lower case. */
export function keptLower(text: Slice): Slice {
  const copy = keep(build.plan.arena, text);
  copyLower(addressOf(copy), addressOf(copy), lengthOf(copy));
  return copy;
}

/** `prefix` and a text as one, in the plan's arena. */
export function keptAfter(prefix: Word, text: Slice): Slice {
  return after(build.plan.arena, prefix, text);
}

/** The same until the plan is made. */
export function textAfter(prefix: Word, text: Slice): Slice {
  return after(build.reading, prefix, text);
}

function after(arena: Arena, prefix: Word, text: Slice): Slice {
  const length = prefix.length + lengthOf(text);
  const to = take(arena, length);
  if (to == 0) return NONE;
  memory.copy(to, prefix.begin, prefix.length);
  memory.copy(to + prefix.length, addressOf(text), lengthOf(text));
  return sliceOf(to, length);
}

/** `<name>.<secret>`, in the plan's arena. */
export function joined(name: Slice, secret: Slice): Slice {
  const length = lengthOf(name) + 1 + lengthOf(secret);
  const to = take(build.plan.arena, length);
  if (to == 0) return NONE;
  memory.copy(to, addressOf(name), lengthOf(name));
  store<u8>(to + lengthOf(name), ascii.DOT);
  memory.copy(to + lengthOf(name) + 1, addressOf(secret), lengthOf(secret));
  return sliceOf(to, length);
}

/** Something uses the flag: it is counted. */
export function useFlag(flag: Flag): void {
  if (flag.isUsed) return;
  flag.isUsed = true;
  flag.nextUsed = build.plan.used;
  build.plan.used = flag;
}

/** The slot of an input of this name, a new one when the plan does not read it yet. `name` lives as long as the plan. */
export function slotFor(table: Table, name: Slice): u32 {
  const found = find(table, name);
  if (found != ABSENT) return found;
  const slot = build.plan.inputs.count;
  if (!insert(build.plan.arena, table, name, slot)) return NO_SLOT;
  build.plan.inputs.count++;
  return slot;
}

/** A header's name in lower case, checked; NONE when it was reported. */
export function headerName(node: Node): Slice {
  if (!isToken(node.text)) {
    fail(node, codes.NAME, "must be a header's name");
    return NONE;
  }
  const name = keptLower(node.text);
  if (isOwnHeader(name)) {
    beginMessage();
    put(message, "headers under ");
    put(message, headerNames.PREFIX);
    put(message, " are removed before anything is decided, so there will never be a ");
    putString(message, name);
    hint(node, codes.NO_EFFECT);
  }
  return name;
}

/** Whether a member's name, that of `what`, is a DNS label; reported when not. */
export function isNamed(member: Node, what: Word): bool {
  if (isLabel(member.key)) return true;
  beginMessage();
  put(message, what);
  put(message, " must be a DNS label: 1 to 63 of a-z, 0-9 and inner hyphens, got ");
  putString(message, member.key);
  reportKey(member, codes.NAME);
  return false;
}

/** Whether a `state` is DISABLED; reported when it is neither that nor ENABLED. */
export function isDisabled(node: Node): bool {
  if (!isKind(node, Token.String)) return false;
  if (isWord(node.text, "DISABLED")) return true;
  if (!isWord(node.text, "ENABLED")) fail(node, codes.VALUE, "must be ENABLED or DISABLED");
  return false;
}

/** A percent in thousandths; anything else is reported and read as 0. */
export function share(node: Node): u32 {
  if (node.kind != Token.Number) {
    fail(node, codes.TYPE, "must be a number from 0 to 100");
    return 0;
  }
  const value = thousandths(node.text);
  if (value == OUT_OF_RANGE) {
    fail(node, codes.RANGE, "must be 0 to 100");
    return 0;
  }
  if (value == NOT_A_STEP) {
    fail(node, codes.RANGE, "must be in steps of 0.001");
    return 0;
  }
  return value;
}

/** A cluster's name; NONE when it was reported. */
export function clusterName(node: Node): Slice {
  if (!isKind(node, Token.String)) return NONE;
  if (isVisible(node.text, limits.CLUSTER_BYTES)) return kept(node.text);
  fail(node, codes.VALUE, "must be a cluster's name: 1 to 1024 visible ASCII characters without spaces");
  return NONE;
}

/** `salt/`: hashed before the identity. Without memory it is empty, and the plan has failed. */
export function saltedBy(salt: Slice): Prefix {
  const length = lengthOf(salt);
  const prefix = record<Prefix>();
  // What is hashed is not needed again.
  const copy = take(build.reading, length + 1);
  if (!prefix || copy == 0) return changetype<Prefix>(0);
  memory.copy(copy, addressOf(salt), length);
  store<u8>(copy + length, ascii.SLASH);
  hashPrefix(prefix, sliceOf(copy, length + 1));
  return prefix;
}
