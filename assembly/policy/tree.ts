// The policy's text as a tree of nodes, read strictly: no duplicate keys, no trailing text, UTF-8 only, nesting bounded.
// The tree lives in the reader's own arena and is gone once the plan is made.

import * as ascii from "../bytes/ascii";
import { Arena, take } from "../bytes/arena";
import { unescaped } from "../bytes/json-escape";
import { beginJson, Fault, isInValue, JsonReader, nextToken, Token } from "../bytes/json-reader";
import { addressOf, lengthOf, NONE, sameText, Slice, sliceOf } from "../bytes/slice";
import { fixed } from "../bytes/records";
import { ABSENT, find, insert, newTable, reserve, Table } from "../bytes/table";
import { put, putByte, putHex, putNumber, putString } from "../bytes/writer";
import { Word } from "../bytes/word";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { Node } from "./node";
import { beginMessage, message, reportAt, reportKey } from "./problems";

/** An object of more members than this is searched for duplicates with a table. */
const FEW: u32 = 8;

let arena: Arena = changetype<Arena>(0);
const reader: JsonReader = fixed<JsonReader>();

/**
 * Reads a text into a tree; what is wrong is reported.
 * @returns the root node; null when the text is not JSON, or without memory (`owner.failed`)
 */
export function readTree(owner: Arena, text: Slice): Node | null {
  arena = owner;
  let root: Node | null = null;
  let open: Node | null = null;
  let key: Slice = NONE;
  let keyBegin: usize = 0;
  beginJson(reader, withoutMark(text), limits.DEPTH);
  for (let token = nextToken(reader); token != Token.End; token = nextToken(reader)) {
    if (token == Token.Name) {
      key = textOfToken();
      keyBegin = reader.begin;
      continue;
    }
    if (token == Token.Close) {
      if (!open) return null;
      if (open.kind == Token.Object && open.count > FEW) findDuplicates(open);
      if (arena.failed) return null;
      open = open.parent;
      continue;
    }
    // A member counts as there also when its value does not read: it may be a duplicate besides.
    if (token == Token.Fault && !isInValue(reader)) return reportFault(open);
    const node = changetype<Node>(take(arena, offsetof<Node>()));
    if (changetype<usize>(node) == 0) return null;
    node.begin = reader.begin;
    node.key = key;
    node.keyBegin = keyBegin;
    key = NONE;
    if (open) append(open, node);
    else root = node;
    if (token == Token.Fault) return reportFault(reader.fault == Fault.Depth ? node : open);
    node.kind = token;
    if (token >= Token.Array) open = node;
    else node.text = token == Token.String ? textOfToken() : reader.text;
  }
  return root;
}

/** A byte order mark is passed over (RFC 8259 section 8.1 lets a parser do so). */
function withoutMark(text: Slice): Slice {
  const at = addressOf(text);
  const length = lengthOf(text);
  const isMarked = length >= 3 && load<u8>(at) == 0xef && load<u8>(at, 1) == 0xbb && load<u8>(at, 2) == 0xbf;
  return isMarked ? sliceOf(at + 3, length - 3) : text;
}

/** What the name or string that was just read says; empty without memory. */
function textOfToken(): Slice {
  const inside = reader.text;
  if (!reader.hasEscape) return inside;
  const to = take(arena, lengthOf(inside));
  return to == 0 ? sliceOf(addressOf(inside), 0) : unescaped(inside, to);
}

/**
 * Puts a node behind its parent's others. A member whose key is there already is reported and left out: each reader of the
 * policy has room for what one member of a name says.
 */
function append(parent: Node, node: Node): void {
  node.parent = parent;
  node.index = parent.count;
  if (parent.kind == Token.Object && parent.count < FEW) {
    let before = parent.first;
    while (before) {
      if (sameText(before.key, node.key)) return reportDuplicate(node);
      before = before.next;
    }
  }
  const last = parent.last;
  if (last) last.next = node;
  else parent.first = node;
  parent.last = node;
  parent.count++;
}

function reportDuplicate(node: Node): void {
  beginMessage();
  put(message, "duplicate key ");
  putString(message, node.key);
  reportKey(node, codes.DUPLICATE_KEY);
}

/** The members beyond the first few, against all before them: the same. */
function findDuplicates(object: Node): void {
  const seen: Table = newTable(arena);
  if (changetype<usize>(seen) == 0) return;
  reserve(arena, seen, object.count);
  let last: Node | null = null;
  let count: u32 = 0;
  let node = object.first;
  while (node) {
    if (last && find(seen, node.key) != ABSENT) {
      reportDuplicate(node);
      last.next = node.next;
    } else {
      if (!insert(arena, seen, node.key, 0)) return;
      node.index = count++;
      last = node;
    }
    node = node.next;
  }
  object.last = last;
  object.count = count;
}

/** Reports why the text did not read: a fault is named by the innermost container, or by the document. */
function reportFault(place: Node | null): Node | null {
  beginMessage();
  const fault = reader.fault;
  let code = codes.SYNTAX;
  if (fault < Fault.Depth) {
    putExpected(place == null);
  } else if (fault == Fault.Depth) {
    put(message, "nested deeper than ");
    putNumber(message, limits.DEPTH);
    put(message, " levels");
    code = codes.LIMIT;
  } else if (fault == Fault.Control) {
    put(message, "control characters in a string must be escaped");
  } else if (fault == Fault.Utf8) {
    put(message, "invalid UTF-8");
    code = codes.ENCODING;
  } else if (fault == Fault.Surrogate) {
    put(message, "unpaired surrogate: \\ud800 to \\udfff are valid only in pairs, the high one first");
    code = codes.ENCODING;
  } else if (fault == Fault.Escape) {
    put(message, 'invalid escape: expected one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX');
  } else {
    put(message, "unterminated string");
  }
  reportAt(place, reader.faultAt, code);
  return null;
}

/** Puts what should have come next in the text, and what came. */
function putExpected(isOutside: bool): void {
  const at = reader.faultAt;
  const isEnd = at >= reader.end;
  put(message, "expected ");
  put(message, expected(reader.fault, isEnd));
  if (isEnd) return put(message, ", but the text ends here");
  put(message, ", got ");
  const byte = load<u8>(at);
  if (byte > ascii.SPACE && byte < ascii.DELETE) {
    put(message, "`");
    putByte(message, byte);
    put(message, "`");
    return;
  }
  put(message, "the byte 0x");
  putHex(message, at, 1);
  // What a person who wrote the policy as YAML of Envoy's own configuration meets first.
  if (isOutside)
    put(message, " (the configuration must be a StringValue with JSON text; a Struct arrives as protobuf)");
}

function expected(fault: Fault, isEnd: bool): Word {
  if (fault == Fault.Value) return "a value";
  if (fault == Fault.Number) return isEnd ? "a digit" : "a number as JSON writes it";
  if (fault == Fault.Name) return "a key in double quotes";
  if (fault == Fault.Colon) return '":"';
  if (fault == Fault.MemberEnd) return '"," or "}"';
  return fault == Fault.ItemEnd ? '"," or "]"' : "the end of the document";
}
