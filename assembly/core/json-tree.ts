// JSON as a tree of values in scratch memory: for answers that are compared. Strict as RFC 8259, but that of a name that
// stands twice in an object the last counts, as in JSON.parse.

import {
  decodeString,
  hasEscape,
  insideOf,
  skipBlank,
  skipLiteral,
  skipNumber,
  skipString,
} from "../bytes/json-text";
import { scratch } from "../bytes/scratch";
import { addressOf, lengthOf, NONE, sameText, Slice, sliceOf } from "../bytes/slice";
import { hashText } from "../bytes/table";

export const JSON_NULL: u32 = 0;
export const JSON_FALSE: u32 = 1;
export const JSON_TRUE: u32 = 2;
export const JSON_NUMBER: u32 = 3;
export const JSON_TEXT: u32 = 4;
export const JSON_ARRAY: u32 = 5;
export const JSON_OBJECT: u32 = 6;

/** Nesting that is read. */
export const DEEPEST_JSON: u32 = 64;
/** Values of one text that are read. */
const MOST_VALUES: u32 = 65536;
/** An object of more members has an index of their names. */
const FEW: u32 = 8;

/** One value. */
@unmanaged
export class JsonValue {
  kind: u32;
  /** Members or items. */
  count: u32;
  /** Of a member: its name, decoded. */
  key: Slice;
  /** A text decoded, a number's token. */
  text: Slice;
  first: usize;
  last: usize;
  next: usize;
  parent: usize;
  /** Place in its parent. */
  index: u32;
  /** Of a large object: open addressing over its members' addresses, and the mask. */
  cells: usize;
  mask: u32;
}

const VALUE_BYTES: usize = offsetof<JsonValue>();

/** Steps that look-ups of names may take in all: a text made to collide costs no more. */
const MOST_STEPS: u32 = 1 << 20;

let values: u32 = 0;
let steps: u32 = 0;

/** Allows the look-ups of one comparison their steps. */
export function beginNames(): void {
  steps = 0;
}

/** Whether look-ups took more steps than they may: what they found is then no answer. */
export function namesExhausted(): bool {
  return steps > MOST_STEPS;
}

/** Reads a text. @returns the address of its root; 0 when it is no JSON, too deep, too large, or without memory */
export function readJson(text: Slice): usize {
  values = 0;
  let at = skipBlank(addressOf(text), addressOf(text) + lengthOf(text));
  const end = addressOf(text) + lengthOf(text);
  let root: usize = 0;
  let open: usize = 0;
  let depth: u32 = 0;
  let key: Slice = NONE;
  while (true) {
    if (at >= end) return 0;
    const byte = load<u8>(at);
    const address = newValue();
    if (address == 0) return 0;
    const value = changetype<JsonValue>(address);
    value.key = key;
    value.parent = open;
    if (open == 0) root = address;
    else append(changetype<JsonValue>(open), address);
    if (byte == 0x7b || byte == 0x5b) {
      if (depth == DEEPEST_JSON) return 0;
      depth++;
      open = address;
      value.kind = byte == 0x7b ? JSON_OBJECT : JSON_ARRAY;
      at = skipBlank(at + 1, end);
      if (at >= end) return 0;
      if (load<u8>(at) != (byte == 0x7b ? 0x7d : 0x5d)) {
        key = NONE;
        if (byte == 0x7b) {
          at = readKey(at, end);
          if (at == 0) return 0;
          key = lastKey;
        }
        continue;
      }
    } else {
      at = readScalar(value, at, end);
      if (at == 0) return 0;
    }
    // Behind a value: closes, a comma, or the end.
    while (true) {
      at = skipBlank(at, end);
      if (open == 0) return at == end ? root : 0;
      if (at >= end) return 0;
      const container = changetype<JsonValue>(open);
      const isObject = container.kind == JSON_OBJECT;
      const next = load<u8>(at);
      if (next == (isObject ? 0x7d : 0x5d)) {
        if (isObject && container.count > FEW && !indexNames(container)) return 0;
        at++;
        depth--;
        open = container.parent;
        continue;
      }
      if (next != 0x2c) return 0;
      at = skipBlank(at + 1, end);
      key = NONE;
      if (isObject) {
        at = readKey(at, end);
        if (at == 0) return 0;
        key = lastKey;
      }
      break;
    }
  }
}

function newValue(): usize {
  if (values == MOST_VALUES) return 0;
  values++;
  const address = scratch(VALUE_BYTES);
  if (address != 0) memory.fill(address, 0, VALUE_BYTES);
  return address;
}

function append(parent: JsonValue, address: usize): void {
  changetype<JsonValue>(address).index = parent.count;
  if (parent.first == 0) parent.first = address;
  else changetype<JsonValue>(parent.last).next = address;
  parent.last = address;
  parent.count++;
}

let lastKey: Slice = NONE;

/** Reads `"name" :`. @returns the address of the value behind it, 0 when there is none */
function readKey(at: usize, end: usize): usize {
  if (at >= end || load<u8>(at) != 0x22) return 0;
  const behind = skipString(at, end);
  if (behind == 0) return 0;
  lastKey = decoded(at, behind);
  const colon = skipBlank(behind, end);
  if (lastKey == NONE || colon >= end || load<u8>(colon) != 0x3a) return 0;
  return skipBlank(colon + 1, end);
}

function decoded(at: usize, behind: usize): Slice {
  const inside = insideOf(at, behind);
  if (!hasEscape) return inside;
  const to = scratch(lengthOf(inside));
  return to == 0 ? NONE : decodeString(inside, to);
}

function readScalar(value: JsonValue, at: usize, end: usize): usize {
  const byte = load<u8>(at);
  let behind: usize = 0;
  if (byte == 0x22) {
    value.kind = JSON_TEXT;
    behind = skipString(at, end);
    if (behind == 0) return 0;
    value.text = decoded(at, behind);
    return value.text == NONE ? 0 : behind;
  }
  if (byte == 0x74) {
    value.kind = JSON_TRUE;
    return skipLiteral(at, end, "true");
  }
  if (byte == 0x66) {
    value.kind = JSON_FALSE;
    return skipLiteral(at, end, "false");
  }
  if (byte == 0x6e) return skipLiteral(at, end, "null");
  if (byte != 0x2d && (byte < 0x30 || byte > 0x39)) return 0;
  value.kind = JSON_NUMBER;
  behind = skipNumber(at, end);
  if (behind != 0) value.text = sliceOf(at, (behind - at) as u32);
  return behind;
}

function indexNames(object: JsonValue): bool {
  let size: u32 = 32;
  while (size < object.count << 1) size <<= 1;
  const cells = scratch((size as usize) << 2);
  if (cells == 0) return false;
  memory.fill(cells, 0, (size as usize) << 2);
  object.cells = cells;
  object.mask = size - 1;
  for (let at = object.first; at != 0; at = changetype<JsonValue>(at).next) {
    store<u32>(cellOf(object, changetype<JsonValue>(at).key), at as u32);
    if (steps > MOST_STEPS) return false;
  }
  return true;
}

/** The cell that holds the member of this name, or the empty one where it would stand. */
function cellOf(object: JsonValue, key: Slice): usize {
  const hash = hashText(key);
  let i = (hash ^ (hash >> 15)) & object.mask;
  while (true) {
    const cell = object.cells + ((i as usize) << 2);
    const member = load<u32>(cell) as usize;
    if (member == 0 || sameText(changetype<JsonValue>(member).key, key)) return cell;
    i = (i + 1) & object.mask;
    steps++;
  }
}

/** The member of an object by its name, the last of several; 0 without. */
export function memberNamed(object: JsonValue, key: Slice): usize {
  if (object.cells != 0) return load<u32>(cellOf(object, key)) as usize;
  let found: usize = 0;
  for (let at = object.first; at != 0; at = changetype<JsonValue>(at).next) {
    if (sameText(changetype<JsonValue>(at).key, key)) found = at;
  }
  return found;
}
