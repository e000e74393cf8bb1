// `match`: the entries of a rollout or a shadow.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { addressOf, isWord, lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import { put, putNumber, putString } from "../bytes/writer";
import { nextOf } from "../bytes/records";
import { isWanted } from "../core/flag";
import { Flag, FlagCondition } from "../core/flag-plan";
import { AddressRange, RangeFault, readRange } from "../core/address";
import { Entry, Host, PathCompare } from "../core/match-plan";
import { NO_SLOT } from "../core/plan";
import { ABSENT, find } from "../bytes/table";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { build, kept, keptLower, record, records, useFlag } from "./build";
import { compileExpression } from "./compile-expression";
import { constantOf } from "./constants";
import { Node } from "./node";
import {
  beginMessage,
  fail,
  failWith,
  isKind,
  isTruth,
  message,
  putOverLimit,
  missingKey,
  putFound,
  report,
  reportKey,
  unknownKey,
} from "./problems";
import { IGNORE_CASE, readConditions } from "./read-conditions";
import { isMethod } from "./scalars";

const KNOWN_ENTRY = "hosts path method headers queryParams sourceAddress flag";
const KNOWN_PATH = "type value ignoreCase";

/** Reads a match list. @returns its first entry; null when nothing could be read */
export function readMatch(list: Node, target: u32): Entry | null {
  if (!isKind(list, Token.Array)) return null;
  if (list.count == 0) {
    failWith(list, codes.VALUE, "must have at least one entry; without match, every request matches");
    return null;
  }
  if (list.count > (limits.MATCH_ENTRIES as u32)) {
    putOverLimit(limits.MATCH_ENTRIES, " match entries in one list");
    report(list, codes.LIMIT);
    return null;
  }
  let first: Entry | null = null;
  let last: Entry | null = null;
  for (let node = list.first; node; node = nextOf(node)) {
    const entry = record<Entry>();
    if (!entry) return null;
    entry.target = target;
    entry.index = node.index;
    readEntry(node, entry);
    if (last) last.next = entry;
    else first = entry;
    last = entry;
  }
  return first;
}

function readEntry(node: Node, entry: Entry): void {
  if (!isKind(node, Token.Object)) return;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "hosts")) {
      readHosts(member, entry);
    } else if (isWord(member.key, "path")) {
      readPath(member, entry);
    } else if (isWord(member.key, "method")) {
      readMethod(member, entry);
    } else if (isWord(member.key, "headers")) {
      if (!isKind(member, Token.Array)) continue;
      entry.headers = readConditions(member, build.plan.inputs.headers, true);
      entry.headerCount = entry.headers.isNone ? 0 : member.count;
    } else if (isWord(member.key, "queryParams")) {
      if (!isKind(member, Token.Array)) continue;
      entry.params = readConditions(member, build.plan.inputs.params, false);
      entry.paramCount = entry.params.isNone ? 0 : member.count;
    } else if (isWord(member.key, "sourceAddress")) {
      readRanges(member, entry);
    } else if (isWord(member.key, "flag")) {
      readFlagConditions(member, entry);
    } else {
      unknownKey(member, KNOWN_ENTRY);
    }
  }
}

/** `sourceAddress: [10.0.0.0/8]`: the client's address has to be in one of them. */
function readRanges(list: Node, entry: Entry): void {
  if (!isKind(list, Token.Array)) return;
  if (list.count == 0)
    return failWith(list, codes.VALUE, "must name at least one range; without it, every address matches");
  if (list.count > (limits.ADDRESS_RANGES as u32)) {
    putOverLimit(limits.ADDRESS_RANGES, " address ranges in one entry");
    return report(list, codes.LIMIT);
  }
  const ranges = records<AddressRange>(list.count);
  if (ranges.isNone) return;
  build.plan.hasRanges = true;
  entry.ranges = ranges;
  for (let node = list.first; node; node = nextOf(node)) {
    const range = ranges.at(entry.rangeCount);
    entry.rangeCount++;
    if (!isKind(node, Token.String)) continue;
    const fault = readRange(node.text, range);
    if (fault == RangeFault.Form)
      fail(node, codes.VALUE, "must be an address range, like 10.0.0.0/8, 2001:db8::/32 or 203.0.113.7");
    else if (fault == RangeFault.HostBits)
      fail(node, codes.VALUE, "must begin with the first address of its range, like 10.0.0.0/8");
  }
}

/** `flag: { key: value-or-variant }`: each of them has to hold. */
function readFlagConditions(object: Node, entry: Entry): void {
  if (!isKind(object, Token.Object)) return;
  for (let node = object.first; node; node = nextOf(node)) {
    const found = find(build.plan.flagKeys, node.key);
    if (found == ABSENT) {
      beginMessage();
      put(message, "no such flag in this policy: ");
      putString(message, node.key);
      reportKey(node, codes.REFERENCE);
      continue;
    }
    if (node.kind == Token.Null || node.kind == Token.Array || node.kind == Token.Object) {
      fail(node, codes.TYPE, "must be a variant's name or value");
      continue;
    }
    const condition = record<FlagCondition>();
    const value = constantOf(build.plan.arena, build.reading, node);
    if (!condition || !value) return;
    const flag = build.plan.flag(found);
    condition.flag = flag;
    condition.value = value;
    useFlag(flag);
    condition.next = entry.flags;
    entry.flags = condition;
    if (!canGive(flag, condition)) {
      beginMessage();
      put(message, "the flag has no variant of this name or value: ");
      putFound(node);
      report(node, codes.REFERENCE);
    }
  }
}

/** Whether any variant of the flag is what the condition asks for. */
function canGive(flag: Flag, condition: FlagCondition): bool {
  for (let i: u32 = 0; i < flag.variantCount; i++) {
    if (isWanted(condition, flag.variant(i))) return true;
  }
  return false;
}

function readHosts(list: Node, entry: Entry): void {
  if (!isKind(list, Token.Array)) return;
  if (list.count == 0)
    return failWith(list, codes.VALUE, "must name at least one host; without hosts, every host matches");
  let last: Host | null = null;
  for (let node = list.first; node; node = nextOf(node)) {
    if (!isKind(node, Token.String)) continue;
    const text = hostText(node);
    if (text == NONE) continue;
    const host = record<Host>();
    if (!host) return;
    host.text = text;
    if (last) last.next = host;
    else entry.hosts = host;
    last = host;
  }
}

/**
 * `shop.example.com` as it is, `*.example.com` as `.example.com`, in lower case, without a dot at its end; NONE when it
 * was reported.
 */
function hostText(node: Node): Slice {
  const begin = addressOf(node.text);
  let length = lengthOf(node.text);
  if (length > 1 && load<u8>(begin + length - 1) == ascii.DOT) length--;
  const wild = length > 2 && load<u8>(begin) == ascii.ASTERISK && load<u8>(begin + 1) == ascii.DOT;
  const bracket =
    length > 2 &&
    load<u8>(begin) == ascii.OPEN_BRACKET &&
    load<u8>(begin + length - 1) == ascii.CLOSE_BRACKET;
  const from = wild ? begin + 1 : begin;
  const rest = wild ? length - 1 : length;
  let sound = rest > 0 && lengthOf(node.text) <= (limits.HOST_BYTES as u32);
  for (let i: u32 = 0; i < rest && sound; i++) {
    const byte = load<u8>(from + i);
    const small = byte | 0x20;
    const plain =
      ascii.isLower(small) ||
      ascii.isDigit(byte) ||
      byte == ascii.MINUS ||
      byte == ascii.UNDERSCORE ||
      byte == ascii.DOT;
    if (bracket) {
      if (!plain && byte != ascii.COLON && byte != ascii.OPEN_BRACKET && byte != ascii.CLOSE_BRACKET)
        sound = false;
    } else if (!plain) {
      sound = false;
    } else if (
      byte == ascii.DOT &&
      (i + 1 == rest || load<u8>(from + i + 1) == ascii.DOT || (i == 0 && !wild))
    ) {
      sound = false;
    }
  }
  if (!sound) {
    fail(
      node,
      codes.VALUE,
      "must be a host without a port, like shop.example.com, *.example.com or [2001:db8::1] (international names as xn--...)",
    );
    return NONE;
  }
  return keptLower(sliceOf(from, rest));
}

function readPath(node: Node, entry: Entry): void {
  if (!isKind(node, Token.Object)) return;
  // Gateway API's default type.
  let compare = PathCompare.Prefix;
  let path: Node | null = null;
  let folded: Node | null = null;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "type")) {
      if (!isKind(member, Token.String)) continue;
      if (isWord(member.text, "Exact")) compare = PathCompare.Exact;
      else if (isWord(member.text, "RegularExpression")) compare = PathCompare.Expression;
      else if (!isWord(member.text, "PathPrefix"))
        fail(member, codes.VALUE, "must be Exact, PathPrefix or RegularExpression");
    } else if (isWord(member.key, "value")) {
      path = member;
    } else if (isWord(member.key, "ignoreCase")) {
      if (isTruth(member) && member.kind == Token.True) folded = member;
    } else {
      unknownKey(member, KNOWN_PATH);
    }
  }
  if (folded) {
    if (compare != PathCompare.Exact) return failWith(folded, codes.CONFLICT, IGNORE_CASE);
    compare = PathCompare.IgnoreCase;
  }
  if (!path) return missingKey(node, "value", "the path itself, like /checkout");
  if (!isKind(path, Token.String)) return;
  entry.pathCompare = compare;
  if (compare == PathCompare.Expression) {
    entry.path = kept(path.text);
    entry.pathExpression = compileExpression(path, NO_SLOT);
    return;
  }
  const begin = addressOf(path.text);
  let length = lengthOf(path.text);
  let sound = length > 0 && load<u8>(begin) == ascii.SLASH;
  for (let i: u32 = 0; i < length && sound; i++) {
    const byte = load<u8>(begin + i);
    if (byte <= ascii.SPACE || byte == ascii.DELETE || byte == ascii.QUESTION || byte == ascii.HASH)
      sound = false;
  }
  if (!sound) return fail(path, codes.VALUE, "must be a path that begins with / and has no space, ? or #");
  if (length > (limits.PATH_BYTES as u32)) {
    beginMessage();
    put(message, "a path of more than ");
    putNumber(message, limits.PATH_BYTES);
    put(message, " bytes");
    return report(path, codes.LIMIT);
  }
  // Trailing slashes of a prefix are ignored, as Gateway API says: `/` is then the empty prefix of every path.
  const isPrefix = compare == PathCompare.Prefix;
  while (isPrefix && length > 0 && load<u8>(begin + length - 1) == ascii.SLASH) length--;
  const text = sliceOf(begin, length);
  entry.path = compare == PathCompare.IgnoreCase ? keptLower(text) : kept(text);
}

function readMethod(node: Node, entry: Entry): void {
  if (!isKind(node, Token.String)) return;
  if (!isMethod(node.text)) return fail(node, codes.VALUE, "must be a method in capitals, like GET");
  entry.method = kept(node.text);
}
