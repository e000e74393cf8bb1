// Values of the specs, written as JSON, and back. Test code: objects of the garbage collector, and recursion, are fine.

import { unescaped } from "../../../../assembly/bytes/json-escape";
import { beginJson, JsonReader, MOST_DEPTH, nextToken, Token } from "../../../../assembly/bytes/json-reader";
import { fixed, Run, scratchRun } from "../../../../assembly/bytes/records";
import { scratch } from "../../../../assembly/bytes/scratch";
import { lengthOf, Slice } from "../../../../assembly/bytes/slice";
import {
  copyValue,
  Member,
  numberOf,
  setArray,
  setBoolean,
  setNull,
  setNumber,
  setObject,
  setText,
  Tag,
  Value,
} from "../../../../assembly/core/logic/value";
import { beginWork } from "../../../../assembly/core/logic/work";
import { bytesOf, stringOf } from "../../texts";

// The collector takes all the memory that there is when it is first used: that has to be before any of ours.
heap.free(heap.alloc(8));

// Enough for all that a spec does.
beginWork(1 << 30);

/** A value of the spec's own: null. */
export function newValue(): Value {
  return scratchRun<Value>(1).at(0);
}

const reader = fixed<JsonReader>();

/** The value that this JSON is; duplicate names stay. It nests at most 64 deep: `inArray` and `inObject` go deeper. */
export function valueOf(json: string): Value {
  beginJson(reader, bytesOf(json), MOST_DEPTH);
  const value = newValue();
  readValue(nextToken(reader), value);
  assert(nextToken(reader) == Token.End, "the spec's JSON does not read: " + json);
  return value;
}

function readText(): Slice {
  return unescaped(reader.text, scratch(lengthOf(reader.text) + 1));
}

function readValue(token: Token, to: Value): void {
  if (token == Token.String) setText(to, readText());
  else if (token == Token.Number) setNumber(to, parseFloat(stringOf(reader.text)));
  else if (token == Token.Array || token == Token.Object) readItems(to, token == Token.Object);
  else if (token == Token.True || token == Token.False) setBoolean(to, token == Token.True);
  else setNull(to);
}

function readItems(to: Value, isObject: bool): void {
  const items = new Array<usize>();
  for (let token = nextToken(reader); token < Token.Close || token == Token.Name; token = nextToken(reader)) {
    const member = scratchRun<Member>(1).at(0);
    items.push(changetype<usize>(member));
    if (isObject) {
      member.key = readText();
      token = nextToken(reader);
    }
    readValue(token, member.value);
  }
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

/** `[value]` */
export function inArray(value: Value): Value {
  const items = scratchRun<Value>(1);
  copyValue(items.at(0), value);
  const array = newValue();
  setArray(array, items, 1);
  return array;
}

/** `{key: value}` */
export function inObject(key: string, value: Value): Value {
  const members = scratchRun<Member>(1);
  members.at(0).key = bytesOf(key);
  copyValue(members.at(0).value, value);
  const object = newValue();
  setObject(object, members, 1);
  return object;
}

/** A value as JSON, numbers as AssemblyScript prints them: integers without a fraction. */
export function jsonOf(value: Value): string {
  const tag = value.tag;
  if (tag == Tag.Null) return "null";
  if (tag == Tag.Number) {
    const number = numberOf(value);
    return number == Math.floor(number) && Math.abs(number) < 1e15
      ? (number as i64).toString()
      : number.toString();
  }
  if (tag == Tag.Text) return '"' + stringOf(value.bits) + '"';
  if (tag < Tag.Array) return tag == Tag.False ? "false" : "true";
  const parts = new Array<string>();
  for (let i: u32 = 0; i < value.count; i++) {
    if (tag == Tag.Object) {
      const member = value.members.at(i);
      parts.push('"' + stringOf(member.key) + '":' + jsonOf(member.value));
    } else {
      parts.push(jsonOf(value.items.at(i)));
    }
  }
  return tag == Tag.Object ? "{" + parts.join(",") + "}" : "[" + parts.join(",") + "]";
}

/** A list's items, for operators that take arguments one after another. */
export function argumentsOf(list: Value): Run<Value> {
  return list.items;
}
