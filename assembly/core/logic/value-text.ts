// A value as JSON text.

import * as json from "../../bytes/json-writer";
import { Run } from "../../bytes/records";
import { Writer } from "../../bytes/writer";
import { numberOf, Tag, Value } from "./value";

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
    if ((tag == Tag.Array || tag == Tag.Object) && depth < DEEPEST) {
      if (tag == Tag.Array) json.beginArray(writer);
      else json.beginObject(writer);
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

/** Puts the name of the next member of an open container, or its end. @returns the item; null when the container is closed */
function nextIn(writer: Writer, open: Open): Value | null {
  const container = open.container;
  const place = open.place;
  const isArray = container.tag == Tag.Array;
  if (place == container.count) {
    if (isArray) json.endArray(writer);
    else json.endObject(writer);
    return null;
  }
  open.place = place + 1;
  if (isArray) return container.items.at(place);
  const member = container.members.at(place);
  json.nameText(writer, member.key);
  return member.value;
}

function putScalar(writer: Writer, value: Value): void {
  const tag = value.tag;
  if (tag == Tag.Text) json.text(writer, value.bits);
  else if (tag == Tag.Number) json.float(writer, numberOf(value));
  else if (tag == Tag.True || tag == Tag.False) json.truth(writer, tag == Tag.True);
  else json.nothing(writer);
}
