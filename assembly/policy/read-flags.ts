// `flags`, in flagd's format. What makes flagd refuse a whole file is an error here too; what it merely logs, or finds
// out when a flag is evaluated, is a warning that `serin validate` refuses by default: the flag then answers ERROR, and
// all others are unharmed.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { addressOf, isWord, lengthOf, lower, NONE, sameText, Slice, sliceOf } from "../bytes/slice";
import { ABSENT, find, insert, newTable, Table } from "../bytes/table";
import { keep } from "../bytes/arena";
import { fixed, nextOf } from "../bytes/records";
import { put, putString, restartText, textOf, Writer } from "../bytes/writer";
import { Word } from "../bytes/word";
import { isOneOf, nearestWord } from "./nearest";
import { hintAtKey, hintAtVariant } from "./portability";
import { putFolded } from "../core/stat-name";
import { Flag, FlagVariant } from "../core/flag-plan";
import { Value } from "../core/logic/value";
import { NO_SLOT } from "../core/plan";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { isDisabled, kept, build, records, room, useFlag } from "./build";
import { compileRule } from "./compile-rule";
import { constantOf } from "./constants";
import { Node } from "./node";
import {
  beginMessage,
  hintKey,
  isKind,
  message,
  putOverLimit,
  missingKey,
  putFound,
  report,
  warn,
  warnKey,
} from "./problems";

const KNOWN_FLAG = "state variants defaultVariant targeting metadata";

/** Keys as stat names have them, and dictionary keys, that are taken. */
let statKeys: Table = changetype<Table>(0);
let dictionaryKeys: Table = changetype<Table>(0);
let lastWatched: Flag | null = null;

/** Reads all flags into the plan. */
export function readFlags(object: Node): void {
  if (!isKind(object, Token.Object)) return;
  if (object.count > (limits.FLAGS as u32)) {
    putOverLimit(limits.FLAGS, " flags");
    return report(object, codes.LIMIT);
  }
  statKeys = newTable(build.reading);
  dictionaryKeys = newTable(build.reading);
  lastWatched = null;
  build.plan.flags = records<Flag>(object.count);
  if (build.plan.flags.isNone) return;
  for (let node = object.first; node; node = nextOf(node)) {
    const flag = build.plan.flag(build.plan.flagCount);
    flag.index = build.plan.flagCount;
    flag.key = kept(node.key);
    flag.fallback = NO_SLOT;
    readFlag(node, flag);
    if (build.plan.arena.failed || build.reading.failed) return;
    insert(build.plan.arena, build.plan.flagKeys, flag.key, flag.index);
    build.plan.flagCount++;
  }
}

function readFlag(node: Node, flag: Flag): void {
  checkStatKey(node);
  if (!isKind(node, Token.Object)) return;
  if (lengthOf(node.key) == 0) doubt(node, codes.NAME, "a flag's key may not be empty");
  let state: Node | null = null;
  let variants: Node | null = null;
  let fallback: Node | null = null;
  let targeting: Node | null = null;
  let metadata: Node | null = null;
  let isOpen = false;
  for (let member = node.first; member; member = nextOf(member)) {
    const key = member.key;
    if (isWord(key, "state")) state = member;
    else if (isWord(key, "variants")) variants = member;
    else if (isWord(key, "defaultVariant")) fallback = member;
    else if (isWord(key, "targeting")) targeting = member;
    else if (isWord(key, "metadata")) metadata = member;
    else isOpen = true;
  }
  if (isOpen) hintAtMisspelt(node);
  if (!state) missingKey(node, "state", "ENABLED or DISABLED");
  else flag.disabled = isDisabled(state);
  if (!variants) missingKey(node, "variants", "an object of values by name");
  else readFlagVariants(variants, flag);
  if (fallback) readFallback(fallback, flag);
  if (targeting) readTargeting(targeting, flag);
  if (metadata) readMetadata(metadata, flag);
}

const folded: Writer = fixed<Writer>();

/** Two keys that become one in stat names would be counted together. */
function checkStatKey(node: Node): void {
  restartText(folded);
  putFolded(folded, node.key);
  const key = textOf(folded);
  if (find(statKeys, key) == ABSENT) {
    insert(build.reading, statKeys, keep(build.reading, key), 0);
    return;
  }
  beginMessage();
  put(message, "another flag already has the key ");
  putString(message, key);
  put(message, " in stat names");
  warnKey(node, codes.CONFLICT);
}

/**
 * flagd's schema leaves a flag open: people keep descriptions and owners there, and flagd passes over them. So it does
 * over a misspelt `targeting`.
 */
function hintAtMisspelt(flag: Node): void {
  for (let member = flag.first; member; member = nextOf(member)) {
    const meant = isOneOf(member.key, KNOWN_FLAG) ? NONE : nearestWord(member.key, KNOWN_FLAG);
    if (meant == NONE || holds(flag, meant)) continue;
    beginMessage();
    put(message, "flagd ignores ");
    putString(message, member.key);
    put(message, ": did you mean ");
    putString(message, meant);
    put(message, "?");
    hintKey(member, codes.NO_EFFECT);
  }
}

function holds(object: Node, key: Slice): bool {
  for (let member = object.first; member; member = nextOf(member)) if (sameText(member.key, key)) return true;
  return false;
}

/** A warning that `serin validate` refuses by default. */
function doubt(node: Node, code: Word, sentence: Word): void {
  beginMessage();
  put(message, sentence);
  warn(node, code);
}

/** Kinds of values as flagd's schema tells them apart. */
function typeOf(node: Node): u32 {
  return node.kind == Token.False ? Token.True : node.kind;
}

function readFlagVariants(object: Node, flag: Flag): void {
  if (!isKind(object, Token.Object)) return;
  if (object.count == 0) return doubt(object, codes.VALUE, "must have at least one variant");
  flag.variants = records<FlagVariant>(object.count);
  if (flag.variants.isNone) return;
  let mixed = false;
  for (let node = object.first; node; node = nextOf(node)) {
    const variant = flag.variant(flag.variantCount);
    variant.name = kept(node.key);
    const value = constantOf(build.plan.arena, build.reading, node);
    if (!value) return;
    variant.value = value;
    flag.variantCount++;
    if (lengthOf(node.key) == 0) doubt(node, codes.NAME, "a variant's name may not be empty");
    hintAtVariant(node);
    if (node.kind == Token.Null || node.kind == Token.Array) {
      doubt(node, codes.TYPE, "a variant's value must be a boolean, a number, a string or an object");
    } else if (!mixed && typeOf(node) != typeOf(object.head)) {
      mixed = true;
      doubt(node, codes.TYPE, "all variants of a flag must have values of one type");
    }
  }
}

function readFallback(node: Node, flag: Flag): void {
  if (node.kind == Token.Null) return;
  if (!isKind(node, Token.String)) return;
  if (lengthOf(node.text) == 0) return;
  for (let i: u32 = 0; i < flag.variantCount; i++) {
    if (!sameText(flag.variant(i).name, node.text)) continue;
    flag.fallback = i;
    return;
  }
  beginMessage();
  put(message, "must name one of the variants, got ");
  putFound(node);
  report(node, codes.REFERENCE);
}

function readTargeting(node: Node, flag: Flag): void {
  if (node.kind == Token.Null)
    return doubt(node, codes.TYPE, "targeting must be an object; leave it out if there is none");
  if (node.kind != Token.Object) doubt(node, codes.TYPE, "targeting must be a rule");
  else if (node.count == 0) return;
  const rule = compileRule(node, false);
  flag.targeting = rule;
  if (rule && rule.usesKey) hintAtKey(node.container);
}

/** flagd's metadata: strings, numbers and booleans. @returns null when it is not an object */
export function metadataOf(node: Node): Value | null {
  if (node.kind != Token.Object) {
    beginMessage();
    put(message, "must be an object, got ");
    putFound(node);
    warn(node, codes.TYPE);
    return null;
  }
  for (let member = node.first; member; member = nextOf(member)) {
    const kind = member.kind;
    if (kind != Token.Object && kind != Token.Array && kind != Token.Null) continue;
    doubt(member, codes.TYPE, "metadata may hold only strings, numbers and booleans");
  }
  return constantOf(build.plan.arena, build.reading, node);
}

/** `serin.expose` and `serin.count` are ours. */
function readMetadata(node: Node, flag: Flag): void {
  flag.metadata = metadataOf(node);
  if (!flag.metadata) return;
  let exposed = false;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "serin.expose")) exposed = isTrue(member);
    else if (isWord(member.key, "serin.count")) flag.counted = isTrue(member);
  }
  if (exposed) expose(node, flag);
  if (exposed || flag.counted) watch(flag);
}

function isTrue(node: Node): bool {
  if (node.kind != Token.True && node.kind != Token.False) doubt(node, codes.TYPE, "must be true or false");
  return node.kind == Token.True;
}

/** The flag is evaluated for every request. */
function watch(flag: Flag): void {
  useFlag(flag);
  const last = lastWatched;
  if (last) last.nextWatched = flag;
  else build.plan.watched = flag;
  lastWatched = flag;
}

/** Gives the flag its key in the dictionary: lower case, begun by a letter or `*`, of a-z, 0-9, `_-.*` (RFC 9651 3.2). */
function expose(node: Node, flag: Flag): void {
  const from = addressOf(flag.key);
  const length = lengthOf(flag.key);
  const first: u8 = length == 0 ? 0 : lower(load<u8>(from));
  const starred = !ascii.isLower(first);
  const offset: u32 = starred && first != ascii.ASTERISK ? 1 : 0;
  const to = room(length + offset);
  if (to == 0) return;
  if (offset != 0) store<u8>(to, ascii.ASTERISK);
  for (let i: u32 = 0; i < length; i++) {
    const byte = lower(load<u8>(from + i));
    const legal =
      ascii.isLower(byte) ||
      ascii.isDigit(byte) ||
      byte == ascii.UNDERSCORE ||
      byte == ascii.MINUS ||
      byte == ascii.DOT ||
      byte == ascii.ASTERISK;
    store<u8>(to + offset + i, legal ? byte : ascii.UNDERSCORE);
  }
  flag.dictionaryKey = sliceOf(to, length + offset);
  if (find(dictionaryKeys, flag.dictionaryKey) == ABSENT) {
    insert(build.reading, dictionaryKeys, flag.dictionaryKey, 0);
    return;
  }
  beginMessage();
  put(message, "another exposed flag already has the key ");
  putString(message, flag.dictionaryKey);
  put(message, " in x-serin-flags");
  warn(node, codes.CONFLICT);
}
