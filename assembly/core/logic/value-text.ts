// A value as JSON text.

import { put, putByte, putString, Writer } from "../../bytes/writer";
import { putNumberText } from "../../bytes/number-text";
import {
  itemOf,
  memberOf,
  memberValue,
  numberOf,
  TAG_ARRAY,
  TAG_FALSE,
  TAG_NUMBER,
  TAG_OBJECT,
  TAG_TEXT,
  TAG_TRUE,
  Value,
} from "./value";

/** Containers inside one another that are written; deeper ones are written as null. */
const DEEPEST: u32 = 128;
const containers: usize = memory.data(512, 8);
const places: usize = memory.data(512, 8);

/** Puts a value as JSON, with a stack of the open containers instead of recursion. */
export function putValue(writer: Writer, root: Value): void {
  let depth: u32 = 0;
  let value = changetype<usize>(root);
  while (value != 0) {
    const tag = changetype<Value>(value).tag;
    if ((tag == TAG_ARRAY || tag == TAG_OBJECT) && depth < DEEPEST) {
      putByte(writer, tag == TAG_ARRAY ? 0x5b : 0x7b);
      store<u32>(containers + (depth << 2), value as u32);
      store<u32>(places + (depth << 2), 0);
      depth++;
    } else {
      putScalar(writer, changetype<Value>(value));
    }
    value = 0;
    while (value == 0 && depth != 0) {
      value = nextIn(writer, depth - 1);
      if (value == 0) depth--;
    }
  }
}

/** Puts what stands before the next item of an open container. @returns the item; 0 when the container is closed */
function nextIn(writer: Writer, index: u32): usize {
  const container = changetype<Value>(load<u32>(containers + (index << 2)) as usize);
  const place = load<u32>(places + (index << 2));
  const isArray = container.tag == TAG_ARRAY;
  if (place == container.count) {
    putByte(writer, isArray ? 0x5d : 0x7d);
    return 0;
  }
  store<u32>(places + (index << 2), place + 1);
  if (place != 0) putByte(writer, 0x2c);
  if (isArray) return changetype<usize>(itemOf(container, place));
  const member = memberOf(container, place);
  putString(writer, member.key);
  putByte(writer, 0x3a);
  return changetype<usize>(memberValue(member));
}

/** JSON has no word for an infinite number: null, as JavaScript writes it. */
function putScalar(writer: Writer, value: Value): void {
  const tag = value.tag;
  if (tag == TAG_TEXT) putString(writer, value.bits);
  else if (tag == TAG_NUMBER && isFinite<f64>(numberOf(value))) putNumberText(writer, numberOf(value));
  else if (tag == TAG_TRUE) put(writer, "true");
  else if (tag == TAG_FALSE) put(writer, "false");
  else put(writer, "null");
}
