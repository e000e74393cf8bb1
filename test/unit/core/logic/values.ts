// Values of the specs, written as JSON, and back. Test code: objects of the garbage collector, and recursion, are fine.

import {
  decodeString,
  insideOf,
  skipBlank,
  skipNumber,
  skipString,
} from "../../../../assembly/bytes/json-text";
import { Run, scratchRun } from "../../../../assembly/bytes/records";
import { scratch } from "../../../../assembly/bytes/scratch";
import { addressOf, lengthOf, Slice, sliceOf } from "../../../../assembly/bytes/slice";
import {
  Member,
  copyValue,
  numberOf,
  setArray,
  setBoolean,
  setNull,
  setNumber,
  setObject,
  setText,
  TAG_ARRAY,
  TAG_FALSE,
  TAG_NULL,
  TAG_NUMBER,
  TAG_OBJECT,
  TAG_TEXT,
  Value,
} from "../../../../assembly/core/logic/value";
import { bytesOf, stringOf } from "../../texts";

// The collector takes all the memory that there is when it is first used: that has to be before any of ours.
heap.free(heap.alloc(8));

/** A value of the spec's own: null. */
export function newValue(): Value {
  return scratchRun<Value>(1).at(0);
}

let at: usize = 0;
let end: usize = 0;

/** The value that this JSON is; duplicate names stay. The JSON is trusted. */
export function valueOf(json: string): Value {
  const text = bytesOf(json);
  at = addressOf(text);
  end = at + lengthOf(text);
  const value = newValue();
  readValue(value);
  return value;
}

function readText(): Slice {
  const behind = skipString(at, end);
  assert(behind != 0, "a string of the spec's JSON does not read");
  const inside = insideOf(at, behind);
  at = behind;
  return decodeString(inside, scratch(lengthOf(inside) + 1));
}

function readValue(to: Value): void {
  at = skipBlank(at, end);
  const byte = load<u8>(at);
  if (byte == 0x22) {
    setText(to, readText());
  } else if (byte == 0x5b || byte == 0x7b) {
    readItems(to, byte == 0x7b);
  } else if (byte == 0x74) {
    at += 4;
    setBoolean(to, true);
  } else if (byte == 0x66) {
    at += 5;
    setBoolean(to, false);
  } else if (byte == 0x6e) {
    at += 4;
    setNull(to);
  } else {
    const behind = skipNumber(at, end);
    assert(behind != 0, "a number of the spec's JSON does not read");
    setNumber(to, parseFloat(stringOf(sliceOf(at, (behind - at) as u32))));
    at = behind;
  }
}

function readItems(to: Value, isObject: bool): void {
  const items = new Array<usize>();
  at = skipBlank(at + 1, end);
  while (load<u8>(at) != 0x5d && load<u8>(at) != 0x7d) {
    const member = scratchRun<Member>(1).at(0);
    items.push(changetype<usize>(member));
    if (isObject) {
      member.key = readText();
      at = skipBlank(at, end) + 1;
    }
    readValue(member.value);
    at = skipBlank(at, end);
    if (load<u8>(at) == 0x2c) at = skipBlank(at + 1, end);
  }
  at++;
  const count = items.length as u32;
  const members = scratchRun<Member>(count);
  const values = scratchRun<Value>(count);
  for (let i: u32 = 0; i < count; i++) {
    const member = changetype<Member>(items[i]);
    members.at(i).key = member.key;
    copyValue(isObject ? members.at(i).value : values.at(i), member.value);
  }
  if (isObject) setObject(to, members, count);
  else setArray(to, values, count);
}

/** A value as JSON, numbers as AssemblyScript prints them: integers without a fraction. */
export function jsonOf(value: Value): string {
  const tag = value.tag;
  if (tag == TAG_NULL) return "null";
  if (tag == TAG_NUMBER) {
    const number = numberOf(value);
    return number == Math.floor(number) && Math.abs(number) < 1e15
      ? (number as i64).toString()
      : number.toString();
  }
  if (tag == TAG_TEXT) return '"' + stringOf(value.bits) + '"';
  if (tag < TAG_ARRAY) return tag == TAG_FALSE ? "false" : "true";
  const parts = new Array<string>();
  for (let i: u32 = 0; i < value.count; i++) {
    if (tag == TAG_OBJECT) {
      const member = value.members.at(i);
      parts.push('"' + stringOf(member.key) + '":' + jsonOf(member.value));
    } else {
      parts.push(jsonOf(value.items.at(i)));
    }
  }
  return tag == TAG_OBJECT ? "{" + parts.join(",") + "}" : "[" + parts.join(",") + "]";
}

/** A list's items, for operators that take arguments one after another. */
export function argumentsOf(list: Value): Run<Value> {
  return list.items;
}
