// JSON as a tree of values in scratch memory: for answers that are compared. Strict as RFC 8259, but that of a name that
// occurs twice in an object the last one counts, as in JSON.parse.

import { unescaped } from "../bytes/json-escape";
import { beginJson, Fault, JsonReader, nextToken, Token } from "../bytes/json-reader";
import { scratch } from "../bytes/scratch";
import { lengthOf, NONE, sameText, Slice } from "../bytes/slice";
import { hashText } from "../bytes/table";

/** Nesting that is read. */
export const DEEPEST_JSON: u32 = 64;
/** Values of one text that are read. */
const MOST_VALUES: u32 = 65536;
/** An object of more members has an index of their names. */
const FEW: u32 = 8;

/** One value. */
@unmanaged
export class JsonValue {
  /** Token.Null to Token.Object. */
  kind: Token;
  /** Members or items. */
  count: u32;
  /** Of a member: its name, decoded. */
  key: Slice;
  /** A text decoded, a number's token. */
  text: Slice;
  first: JsonValue | null;
  last: JsonValue | null;
  next: JsonValue | null;
  parent: JsonValue | null;
  /** Place in its parent. */
  index: u32;
  /** Of a large object: open addressing over its members' addresses, and the mask. */
  cells: usize;
  mask: u32;
  // Of an item of an array whose order does not count: core/json-unordered.ts.
  /** Of its value, and of its value but for the numbers. */
  hash: u64;
  loose: u64;
  /** The item of the other array that is the same. */
  pair: JsonValue | null;
  /** The item by which a search came here; after it, one that stands for it without being the same. */
  via: JsonValue | null;
  /** Of the same cell. */
  chain: JsonValue | null;
  /** The search that came here last; 0 for an item that is ignored. */
  stamp: u32;
}

/** A place that holds a value, in runs of them. */
@unmanaged
export class Held {
  value: JsonValue | null;
}

const VALUE_BYTES: usize = offsetof<JsonValue>();

/** Steps that one text may take to read, and one comparison, beside a few for each byte: a text made to collide costs no more. */
const MOST_STEPS: u32 = 1 << 20;

let steps: u32 = 0;
/** Steps that what is going on may take. */
let allowed: u32 = MOST_STEPS;
/** Whether what begins next may only take what is left of them. */
let isShared: bool = false;
const reader: JsonReader = changetype<JsonReader>(memory.data(offsetof<JsonReader>(), 8));

/** Allows what begins now its steps. */
export function beginSteps(): void {
  if (isShared) allowed = sharedLeft();
  steps = 0;
}

/** All texts and comparisons from now on share so many steps, of which reading takes one a byte. */
export function shareSteps(most: u32): void {
  isShared = true;
  allowed = most;
  steps = 0;
}

/** What is left of the steps that are shared. */
export function sharedLeft(): u32 {
  return steps < allowed ? allowed - steps : 0;
}

/** From now on each has its own steps again. */
export function endSharedSteps(): void {
  isShared = false;
  allowed = MOST_STEPS;
}

/** Counts steps of what is going on. */
export function takeSteps(count: u32): void {
  steps += count;
}

/** Ends what is going on, as if all its steps were taken. */
export function exhaust(): void {
  steps = allowed + 1;
}

/** Whether more steps were taken than may be: what was found is then no answer. */
export function isExhausted(): bool {
  return steps > allowed;
}

/** Reads a text. @returns its root; null when it is not JSON, too deep, too large, or without memory */
export function readJson(text: Slice): JsonValue | null {
  let values: u32 = 0;
  let root: JsonValue | null = null;
  let open: JsonValue | null = null;
  let key: Slice = NONE;
  beginSteps();
  if (isShared) {
    takeSteps(lengthOf(text));
    if (isExhausted()) return null;
  }
  beginJson(reader, text, DEEPEST_JSON);
  for (let token = nextToken(reader); token < Token.End; token = nextToken(reader)) {
    if (token == Token.Name) {
      key = textOfToken();
      if (key == NONE) return null;
      continue;
    }
    if (token == Token.Close) {
      if (!open) return null;
      if (open.kind == Token.Object && open.count > FEW && !indexNames(open)) return null;
      open = open.parent;
      continue;
    }
    const address: usize = values == MOST_VALUES ? 0 : scratch(VALUE_BYTES);
    if (address == 0) return null;
    values++;
    memory.fill(address, 0, VALUE_BYTES);
    const value = changetype<JsonValue>(address);
    value.kind = token;
    value.key = key;
    key = NONE;
    if (open) append(open, value);
    else root = value;
    if (token >= Token.Array) {
      open = value;
    } else if (token == Token.Number) {
      value.text = reader.text;
    } else if (token == Token.String) {
      value.text = textOfToken();
      if (value.text == NONE) return null;
    }
  }
  return reader.fault == Fault.None ? root : null;
}

function append(parent: JsonValue, value: JsonValue): void {
  value.parent = parent;
  value.index = parent.count;
  const last = parent.last;
  if (last) last.next = value;
  else parent.first = value;
  parent.last = value;
  parent.count++;
}

/** What the name or string that was just read says; NONE without memory. */
function textOfToken(): Slice {
  const inside = reader.text;
  if (!reader.hasEscape) return inside;
  const to = scratch(lengthOf(inside));
  return to == 0 ? NONE : unescaped(inside, to);
}

function indexNames(object: JsonValue): bool {
  let size: u32 = 32;
  while (size < object.count << 1) size <<= 1;
  const cells = scratch((size as usize) << 2);
  if (cells == 0) return false;
  memory.fill(cells, 0, (size as usize) << 2);
  object.cells = cells;
  object.mask = size - 1;
  let member = object.first;
  while (member) {
    store<u32>(cellOf(object, member.key), changetype<usize>(member) as u32);
    if (isExhausted()) return false;
    member = member.next;
  }
  return true;
}

/** The cell that holds the member of this name, or the empty one where it belongs. */
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

/** The member of an object by its name, the last of several; null without. */
export function memberNamed(object: JsonValue, key: Slice): JsonValue | null {
  if (object.cells != 0) return changetype<JsonValue | null>(load<u32>(cellOf(object, key)) as usize);
  let found: JsonValue | null = null;
  let member = object.first;
  while (member) {
    if (sameText(member.key, key)) found = member;
    member = member.next;
  }
  return found;
}
