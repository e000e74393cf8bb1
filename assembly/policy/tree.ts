// The policy's text as a tree of nodes, read strictly: no duplicate keys, no trailing text, UTF-8 only, nesting bounded.
// The tree lives in the reader's own arena and is gone once the plan is made.

import { Arena, take } from "../bytes/arena";
import {
  decodeString,
  fault,
  faultAt,
  FAULT_CONTROL,
  FAULT_ESCAPE,
  FAULT_SURROGATE,
  FAULT_UTF8,
  hasEscape,
  insideOf,
  skipBlank,
  skipLiteral,
  skipNumber,
  skipString,
} from "../bytes/json-text";
import { addressOf, lengthOf, NONE, sameText, Slice, sliceOf } from "../bytes/slice";
import { ABSENT, find, insert, newTable, Table } from "../bytes/table";
import { put, putByte, putHex, putNumber, putString } from "../bytes/writer";
import { LIMIT_DEPTH } from "../vocabulary/limits";
import { CODE_DUPLICATE_KEY, CODE_ENCODING, CODE_LIMIT, CODE_SYNTAX } from "../vocabulary/problems";
import {
  KIND_ARRAY,
  KIND_FALSE,
  KIND_NULL,
  KIND_NUMBER,
  KIND_OBJECT,
  KIND_STRING,
  KIND_TRUE,
  Node,
} from "./node";
import { beginMessage, message, reportAt, reportKey } from "./problems";

/** An object of more members than this is searched for duplicates with a table. */
const FEW: u32 = 8;

let arena: Arena = changetype<Arena>(0);

/**
 * Reads a text into a tree; what is wrong is reported.
 * @returns the root node; 0 when the text is no JSON, or without memory (`owner.failed`)
 */
export function readTree(owner: Arena, text: Slice): usize {
  arena = owner;
  const begin = addressOf(text);
  const end = begin + lengthOf(text);
  let at = begin;
  // A byte order mark is passed over (RFC 8259 section 8.1 lets a parser do so).
  if (end - at >= 3 && load<u8>(at) == 0xef && load<u8>(at, 1) == 0xbb && load<u8>(at, 2) == 0xbf) at += 3;
  at = skipBlank(at, end);
  let open: usize = 0;
  let depth: u32 = 0;
  let root: usize = 0;
  let key: Slice = NONE;
  let keyBegin: usize = 0;
  while (true) {
    // A value comes now.
    if (at >= end) return unexpectedEnd(open, at, "a value");
    const byte = load<u8>(at);
    const address = take(arena, offsetof<Node>());
    if (address == 0) return 0;
    const node = changetype<Node>(address);
    node.begin = at;
    node.key = key;
    node.keyBegin = keyBegin;
    node.parent = open;
    if (open == 0) root = address;
    else append(changetype<Node>(open), address);
    if (byte == 0x7b || byte == 0x5b) {
      if (depth == (LIMIT_DEPTH as u32)) {
        beginMessage();
        put(message, "nested deeper than ");
        putNumber(message, LIMIT_DEPTH);
        put(message, " levels");
        reportAt(address, at, CODE_LIMIT);
        return 0;
      }
      depth++;
      open = address;
      node.kind = byte == 0x7b ? KIND_OBJECT : KIND_ARRAY;
      at = skipBlank(at + 1, end);
      if (at < end && load<u8>(at) == (byte == 0x7b ? 0x7d : 0x5d)) {
        // Empty: closed in the loop below.
      } else if (byte == 0x7b) {
        at = readKey(open, at, end);
        if (at == 0) return 0;
        key = lastKey;
        keyBegin = lastKeyBegin;
        continue;
      } else {
        key = NONE;
        continue;
      }
    } else {
      at = readScalar(node, open, at, end);
      if (at == 0) return 0;
    }
    // A value is over: commas and closing brackets until the next value.
    while (true) {
      at = skipBlank(at, end);
      if (open == 0) {
        if (at < end) return unexpected(0, at, "nothing more: the document is over");
        return root;
      }
      const container = changetype<Node>(open);
      const isObject = container.kind == KIND_OBJECT;
      if (at >= end) return unexpectedEnd(open, at, isObject ? '"," or "}"' : '"," or "]"');
      const next = load<u8>(at);
      if (next == (isObject ? 0x7d : 0x5d)) {
        if (isObject && container.count > FEW) findDuplicates(container);
        if (arena.failed) return 0;
        at++;
        depth--;
        open = container.parent;
        continue;
      }
      if (next != 0x2c) return unexpected(open, at, isObject ? '"," or "}"' : '"," or "]"');
      at = skipBlank(at + 1, end);
      if (isObject) {
        at = readKey(open, at, end);
        if (at == 0) return 0;
        key = lastKey;
        keyBegin = lastKeyBegin;
      } else {
        key = NONE;
      }
      break;
    }
  }
}

function append(parent: Node, address: usize): void {
  const node = changetype<Node>(address);
  node.index = parent.count;
  if (parent.kind == KIND_OBJECT && parent.count < FEW) {
    for (let at = parent.first; at != 0; at = changetype<Node>(at).next) {
      if (sameText(changetype<Node>(at).key, node.key)) {
        reportDuplicate(node);
        break;
      }
    }
  }
  if (parent.first == 0) parent.first = address;
  else changetype<Node>(parent.last).next = address;
  parent.last = address;
  parent.count++;
}

function reportDuplicate(node: Node): void {
  beginMessage();
  put(message, "the key ");
  putString(message, node.key);
  put(message, " stands here already");
  reportKey(node, CODE_DUPLICATE_KEY);
}

/** The members beyond the first few, against all before them. */
function findDuplicates(object: Node): void {
  const seen: Table = newTable(arena);
  if (changetype<usize>(seen) == 0) return;
  for (let at = object.first; at != 0; at = changetype<Node>(at).next) {
    const node = changetype<Node>(at);
    if (find(seen, node.key) != ABSENT) {
      if (node.index >= FEW) reportDuplicate(node);
    } else if (!insert(arena, seen, node.key, 0)) {
      return;
    }
  }
}

let lastKey: Slice = NONE;
let lastKeyBegin: usize = 0;

/** Reads `"name" :`. @returns the address of the value behind it, 0 when it was reported */
function readKey(open: usize, at: usize, end: usize): usize {
  if (at >= end) return unexpectedEnd(open, at, "a key in double quotes");
  if (load<u8>(at) != 0x22) return unexpected(open, at, "a key in double quotes");
  const behind = skipString(at, end);
  if (behind == 0) return badString(open);
  lastKeyBegin = at;
  lastKey = decoded(at, behind);
  const colon = skipBlank(behind, end);
  if (colon >= end) return unexpectedEnd(open, colon, '":"');
  if (load<u8>(colon) != 0x3a) return unexpected(open, colon, '":"');
  return skipBlank(colon + 1, end);
}

function decoded(at: usize, behind: usize): Slice {
  const inside = insideOf(at, behind);
  if (!hasEscape) return inside;
  const to = take(arena, lengthOf(inside));
  return to == 0 ? sliceOf(at, 0) : decodeString(inside, to);
}

function readScalar(node: Node, open: usize, at: usize, end: usize): usize {
  const byte = load<u8>(at);
  let behind: usize = 0;
  if (byte == 0x22) {
    node.kind = KIND_STRING;
    behind = skipString(at, end);
    if (behind == 0) return badString(open);
    node.text = decoded(at, behind);
    return behind;
  }
  if (byte == 0x74) {
    node.kind = KIND_TRUE;
    behind = skipLiteral(at, end, "true");
  } else if (byte == 0x66) {
    node.kind = KIND_FALSE;
    behind = skipLiteral(at, end, "false");
  } else if (byte == 0x6e) {
    node.kind = KIND_NULL;
    behind = skipLiteral(at, end, "null");
  } else if (byte == 0x2d || (byte >= 0x30 && byte <= 0x39)) {
    node.kind = KIND_NUMBER;
    behind = skipNumber(at, end);
    if (behind == 0) {
      if (faultAt >= end) return unexpectedEnd(open, faultAt, "a digit");
      return unexpected(open, faultAt, "a number as JSON writes it");
    }
  }
  if (behind == 0) return unexpected(open, at, "a value");
  node.text = sliceOf(at, (behind - at) as u32);
  return behind;
}

/** A syntax error is named by the innermost container, or the document. */
function unexpected(open: usize, at: usize, expected: string): usize {
  const byte = load<u8>(at);
  beginMessage();
  put(message, "expected ");
  put(message, expected);
  put(message, ", got ");
  if (byte > 0x20 && byte < 0x7f) {
    put(message, "`");
    putByte(message, byte);
    put(message, "`");
  } else {
    put(message, "the byte 0x");
    putHex(message, at, 1);
    // What a person who wrote the policy as YAML of Envoy's own configuration meets first.
    if (open == 0)
      put(
        message,
        " (the configuration has to be a StringValue with JSON text; a Struct arrives as protobuf)",
      );
  }
  reportAt(open, at, CODE_SYNTAX);
  return 0;
}

function unexpectedEnd(open: usize, at: usize, expected: string): usize {
  beginMessage();
  put(message, "expected ");
  put(message, expected);
  put(message, ", but the text ends here");
  reportAt(open, at, CODE_SYNTAX);
  return 0;
}

function badString(open: usize): usize {
  beginMessage();
  let code = CODE_SYNTAX;
  if (fault == FAULT_CONTROL) {
    put(message, "a control character in a string has to be escaped");
  } else if (fault == FAULT_UTF8) {
    put(message, "bytes that are no UTF-8");
    code = CODE_ENCODING;
  } else if (fault == FAULT_SURROGATE) {
    put(message, "half of a surrogate pair: \\ud800 to \\udfff stand only in pairs, high one first");
    code = CODE_ENCODING;
  } else if (fault == FAULT_ESCAPE) {
    put(message, 'no escape of JSON: expected one of \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX');
  } else {
    put(message, "the string does not end");
  }
  reportAt(open, faultAt, code);
  return 0;
}
