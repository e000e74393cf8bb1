// A value of JsonLogic: 16 bytes, a tag and what it holds. Texts are slices of whoever owns them; arrays and objects
// are runs of values in an arena or in scratch memory. Values are copied, what they point to never is.

import * as ascii from "../../bytes/ascii";
import { arrayIndex } from "../../bytes/decimal";
import { Run } from "../../bytes/records";
import { addressOf, lengthOf, sameText, Slice, sliceOf } from "../../bytes/slice";
import { spend, spendBytes, spendItems, spendWords } from "./work";

export const enum Tag {
  Null,
  False,
  True,
  Number,
  Text,
  Array,
  Object,
}


@unmanaged
export class Value {
  tag: Tag;
  /** Items of an array, members of an object. */
  count: u32;
  /** A number's bits, a text's slice, the address of items or members. */
  bits: u64;

  /** Of an array: its items. */
  // @ts-ignore: decorator
  @inline
  get items(): Run<Value> {
    return changetype<Run<Value>>(this.bits as usize);
  }

  /** Of an object: its members. */
  // @ts-ignore: decorator
  @inline
  get members(): Run<Member> {
    return changetype<Run<Member>>(this.bits as usize);
  }

  /** This value and those behind it, in a run. */
  // @ts-ignore: decorator
  @inline
  get run(): Run<Value> {
    return changetype<Run<Value>>(this);
  }

  /** The value `count` places behind this one in a run. */
  // @ts-ignore: decorator
  @inline
  after(count: u32): Value {
    return changetype<Value>(changetype<usize>(this) + count * (offsetof<Value>() as u32));
  }

  /** The value `count` places before this one in a run. */
  // @ts-ignore: decorator
  @inline
  before(count: u32): Value {
    return changetype<Value>(changetype<usize>(this) - count * (offsetof<Value>() as u32));
  }
}

/** A member of an object: its key, then a Value. */
@unmanaged
export class Member {
  key: Slice;
  private tag: Tag;
  private count: u32;
  private bits: u64;

  // @ts-ignore: decorator
  @inline
  get value(): Value {
    return changetype<Value>(changetype<usize>(this) + offsetof<Member>("tag"));
  }
}

export function setNull(value: Value): void {
  value.tag = Tag.Null;
  value.count = 0;
  value.bits = 0;
}

export function setBoolean(value: Value, truth: bool): void {
  value.tag = truth ? Tag.True : Tag.False;
  value.count = 0;
  value.bits = 0;
}

export function setNumber(value: Value, number: f64): void {
  value.tag = Tag.Number;
  value.count = 0;
  value.bits = reinterpret<u64>(number);
}

export function setText(value: Value, text: Slice): void {
  value.tag = Tag.Text;
  value.count = 0;
  value.bits = text;
}

/** An array of `count` values that stand one after another from `items`. */
export function setArray(value: Value, items: Run<Value>, count: u32): void {
  value.tag = Tag.Array;
  value.count = count;
  value.bits = changetype<usize>(items) as u64;
}

export function setObject(value: Value, members: Run<Member>, count: u32): void {
  value.tag = Tag.Object;
  value.count = count;
  value.bits = changetype<usize>(members) as u64;
}

export function copyValue(to: Value, from: Value): void {
  to.tag = from.tag;
  to.count = from.count;
  to.bits = from.bits;
}

// @ts-ignore: decorator
@inline
export function numberOf(value: Value): f64 {
  return reinterpret<f64>(value.bits);
}

/** false, null, 0, NaN, "", [] and {} are falsy (json-logic-engine and Go; json-logic-js takes {} as true). */
export function isTruthy(value: Value): bool {
  const tag = value.tag;
  if (tag == Tag.True) return true;
  if (tag == Tag.Number) {
    const number = numberOf(value);
    return number == number && number != 0;
  }
  if (tag == Tag.Text) return lengthOf(value.bits) != 0;
  return tag >= Tag.Array && value.count != 0;
}

/** Same type and same value; arrays and objects equal nothing. */
export function isSame(a: Value, b: Value): bool {
  if (a.tag != b.tag) return false;
  if (a.tag == Tag.Number) return numberOf(a) == numberOf(b);
  if (a.tag == Tag.Text) {
    if (lengthOf(a.bits) != lengthOf(b.bits)) return false;
    spend(1);
    spendWords(lengthOf(a.bits));
    return sameText(a.bits, b.bits);
  }
  return a.tag <= Tag.True;
}

/** The value of the member of this name; null when there is none. Of several the last, as JSON.parse has it. */
export function findMember(object: Value, key: Slice): Value | null {
  spendItems(object.count);
  const members = object.members;
  for (let i = object.count; i > 0; i--) {
    const member = members.at(i - 1);
    if (sameText(member.key, key)) return member.value;
  }
  return null;
}

/** Follows a dotted path through objects and arrays; "" is the value itself. @returns null when it ends */
export function valueOnPath(root: Value, path: Slice): Value | null {
  let value = root;
  let at = addressOf(path);
  const end = at + lengthOf(path);
  if (at == end) return root;
  spendBytes(lengthOf(path));
  while (true) {
    let stop = at;
    while (stop < end && load<u8>(stop) != ascii.DOT) stop++;
    const segment = sliceOf(at, (stop - at) as u32);
    spend(1);
    if (value.tag == Tag.Object) {
      const found = findMember(value, segment);
      if (!found) return null;
      value = found;
    } else if (value.tag == Tag.Array) {
      const index = arrayIndex(segment);
      if (index >= (value.count as u64)) return null;
      value = value.items.at(index as u32);
    } else {
      return null;
    }
    if (stop == end) return value;
    at = stop + 1;
  }
}
