// A value as JSON text.

import { Run } from "../../bytes/records";
import { put, putByte, putString, Writer } from "../../bytes/writer";
import { putNumberText } from "../../bytes/number-text";
import { numberOf, TAG_ARRAY, TAG_FALSE, TAG_NUMBER, TAG_OBJECT, TAG_TEXT, TAG_TRUE, Value } from "./value";

/** Containers inside one another that are written; deeper ones are written as null. */
const DEEPEST: u32 = 128;

/** A container that is open, and how many of its items are written. */
@unmanaged
class Open {
  container: Value;
  place: u32;
}

const opened: Run<Open> = changetype<Run<Open>>(memory.data(offsetof<Open>() * 128, 8));

/** Puts a value as JSON, with a stack of the open containers instead of recursion. */
export function putValue(writer: Writer, root: Value): void {
  let depth: u32 = 0;
  let next: Value | null = root;
  while (next) {
    const value = next;
    next = null;
    const tag = value.tag;
    if ((tag == TAG_ARRAY || tag == TAG_OBJECT) && depth < DEEPEST) {
      putByte(writer, tag == TAG_ARRAY ? 0x5b : 0x7b);
      const open = opened.at(depth);
      open.container = value;
      open.place = 0;
      depth++;
    } else {
      putScalar(writer, value);
    }
    while (!next && depth != 0) {
      next = nextIn(writer, opened.at(depth - 1));
      if (!next) depth--;
    }
  }
}

/** Puts what stands before the next item of an open container. @returns the item; null when the container is closed */
function nextIn(writer: Writer, open: Open): Value | null {
  const container = open.container;
  const place = open.place;
  const isArray = container.tag == TAG_ARRAY;
  if (place == container.count) {
    putByte(writer, isArray ? 0x5d : 0x7d);
    return null;
  }
  open.place = place + 1;
  if (place != 0) putByte(writer, 0x2c);
  if (isArray) return container.items.at(place);
  const member = container.members.at(place);
  putString(writer, member.key);
  putByte(writer, 0x3a);
  return member.value;
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
