// flagd's `sem_ver`: versions by Semantic Versioning 2.0.0 (https://semver.org), as flagd's Go evaluator takes them
// (golang.org/x/mod/semver). Numbers are compared as digits, so they have no largest value.

import * as ascii from "../../bytes/ascii";
import { fixed, Run } from "../../bytes/records";
import { addressOf, lengthOf, NONE, sameText, Slice, sliceOf } from "../../bytes/slice";
import { restartText, textOf, Writer } from "../../bytes/writer";
import { compareTexts } from "./coercion";
import { writeNumber } from "./number-work";
import { numberOf, setBoolean, setNull, setText, Tag, Value } from "./value";
import { beginWork, isSpent, spend, spendBytes } from "./work";

/** A version's parts, in the text that it was read from; what a partial one leaves out is "0". */
@unmanaged
class Version {
  major: Slice;
  minor: Slice;
  patch: Slice;
  /** Without the hyphen; NONE for a release. */
  prerelease: Slice;
}

const left: Version = fixed<Version>();
const right: Version = fixed<Version>();
const leftText: Writer = fixed<Writer>();
const rightText: Writer = fixed<Writer>();
const zero: usize = memory.data<u8>([ascii.ZERO]);

/**
 * `[version, operator, version]`. Null, which is falsy, for another number of arguments, for something that is not a
 * version and for an unknown operator.
 */
export function semVer(result: Value, args: Run<Value>, count: u32): void {
  if (count != 3) return setNull(result);
  const operator = args.at(1);
  if (operator.tag != Tag.Text) return setNull(result);
  if (!readVersion(left, args.at(0), leftText)) return setNull(result);
  if (!readVersion(right, args.at(2), rightText)) return setNull(result);
  compare(result, operator.bits);
}

/** An operator and the version on one side of it, read when the policy is loaded. */
@unmanaged
export class Comparison extends Version {
  operator: Slice;
}

/**
 * Reads a constant operand when the policy is loaded.
 * @returns false when it is not a version: the rule then reads it
 */
export function prepareComparison(to: Comparison, operator: Slice, version: Slice): bool {
  beginWork(lengthOf(version) + READING);
  setText(probe, version);
  to.operator = operator;
  return readVersion(to, probe, leftText);
}

/** As `semVer`, with a prepared operand: on the right, or on the left. */
export function semVerWith(result: Value, value: Value, comparison: Comparison, isLeft: bool): void {
  if (!readVersion(isLeft ? right : left, value, leftText)) return setNull(result);
  copyVersion(isLeft ? left : right, comparison);
  compare(result, comparison.operator);
}

function copyVersion(to: Version, from: Version): void {
  to.major = from.major;
  to.minor = from.minor;
  to.patch = from.patch;
  to.prerelease = from.prerelease;
}

/** Compares `left` with `right`. */
function compare(result: Value, operator: Slice): void {
  const length = lengthOf(operator);
  if (length == 0 || length > 2) return setNull(result);
  const first = load<u8>(addressOf(operator));
  if (length == 2) {
    if (load<u8>(addressOf(operator) + 1) != ascii.EQUALS) return setNull(result);
    if (first == ascii.LESS) return setBoolean(result, compareVersions() <= 0);
    if (first == ascii.GREATER) return setBoolean(result, compareVersions() >= 0);
    if (first == ascii.EXCLAMATION) return setBoolean(result, compareVersions() != 0);
    return setNull(result);
  }
  if (first == ascii.EQUALS) return setBoolean(result, compareVersions() == 0);
  if (first == ascii.LESS) return setBoolean(result, compareVersions() < 0);
  if (first == ascii.GREATER) return setBoolean(result, compareVersions() > 0);
  // Not npm's ranges: `^` asks for the same major version, 0 too, and neither asks which one is later.
  const isSameMajor = sameText(left.major, right.major);
  if (first == ascii.CARET) return setBoolean(result, isSameMajor);
  if (first == ascii.TILDE) return setBoolean(result, isSameMajor && sameText(left.minor, right.minor));
  setNull(result);
}

const probe: Value = fixed<Value>();
/** With a step for each byte more than enough to read a version, which nobody counts when a policy is loaded. */
const READING: u32 = 16;

/** Whether a text is a version as `sem_ver` takes it; for when a policy is loaded. */
export function isVersion(text: Slice): bool {
  beginWork(lengthOf(text) + READING);
  setText(probe, text);
  return readVersion(left, probe, leftText);
}

/** Reads a text, or a number by its text, that is a version: whole, or `N` or `N.N`; one `v` or `V` may precede it. */
function readVersion(to: Version, value: Value, writer: Writer): bool {
  let text = value.bits;
  if (value.tag == Tag.Number) {
    restartText(writer);
    writeNumber(writer, numberOf(value));
    text = textOf(writer);
  } else if (value.tag != Tag.Text) {
    return false;
  }
  // Read, and compared piece by piece.
  spend(2);
  spendBytes(lengthOf(text) << 1);
  if (isSpent()) return false;
  let at = addressOf(text);
  const end = at + lengthOf(text);
  if (at < end && (load<u8>(at) | 0x20) == ascii.LOWER_V) at++;
  to.minor = sliceOf(zero, 1);
  to.patch = to.minor;
  to.prerelease = NONE;

  let behind = skipNumber(at, end);
  if (behind == 0) return false;
  to.major = sliceOf(at, (behind - at) as u32);
  if (behind == end) return true;
  if (load<u8>(behind) != ascii.DOT) return false;

  at = behind + 1;
  behind = skipNumber(at, end);
  if (behind == 0) return false;
  to.minor = sliceOf(at, (behind - at) as u32);
  if (behind == end) return true;
  // A partial version has neither a pre-release nor a build.
  if (load<u8>(behind) != ascii.DOT) return false;

  at = behind + 1;
  behind = skipNumber(at, end);
  if (behind == 0) return false;
  to.patch = sliceOf(at, (behind - at) as u32);
  if (behind < end && load<u8>(behind) == ascii.MINUS) {
    at = behind + 1;
    behind = skipIdentifiers(at, end, true);
    if (behind == 0) return false;
    to.prerelease = sliceOf(at, (behind - at) as u32);
  }
  if (behind < end && load<u8>(behind) == ascii.PLUS) behind = skipIdentifiers(behind + 1, end, false);
  return behind == end;
}

/** The address behind the digits at `from`; 0 when there are none, or a needless zero before them. */
function skipNumber(from: usize, end: usize): usize {
  let at = from;
  while (at < end && ascii.isDigit(load<u8>(at))) at++;
  if (at == from) return 0;
  return at - from > 1 && load<u8>(from) == ascii.ZERO ? 0 : at;
}

/**
 * The address behind the identifiers at `from`, dots between them; 0 when one is empty, or is, in a pre-release, a
 * number with a needless zero.
 */
function skipIdentifiers(from: usize, end: usize, isPrerelease: bool): usize {
  let at = from;
  let begin = from;
  let isNumber = true;
  while (true) {
    const byte: u8 = at < end ? load<u8>(at) : ascii.PLUS;
    const small = byte | 0x20;
    if (ascii.isDigit(byte) || ascii.isLower(small) || byte == ascii.MINUS) {
      isNumber = isNumber && ascii.isDigit(byte);
      at++;
      continue;
    }
    if (at == begin) return 0;
    if (isPrerelease && isNumber && at - begin > 1 && load<u8>(begin) == ascii.ZERO) return 0;
    if (byte != ascii.DOT) return at;
    at++;
    begin = at;
    isNumber = true;
  }
}

/** Below, at or above 0 as `left` comes before, with or after `right`; builds do not count. */
function compareVersions(): i32 {
  let order = compareDigits(left.major, right.major);
  if (order == 0) order = compareDigits(left.minor, right.minor);
  if (order == 0) order = compareDigits(left.patch, right.patch);
  return order == 0 ? comparePrereleases(left.prerelease, right.prerelease) : order;
}

/** Numbers without needless zeros: the longer one is the greater. */
function compareDigits(a: Slice, b: Slice): i32 {
  const order = (lengthOf(a) as i32) - (lengthOf(b) as i32);
  return order == 0 ? compareTexts(a, b) : order;
}

function comparePrereleases(a: Slice, b: Slice): i32 {
  // A release comes after all that lead to it.
  if (a == NONE || b == NONE) return (a == NONE ? 1 : 0) - (b == NONE ? 1 : 0);
  let at = addressOf(a);
  let to = addressOf(b);
  const atEnd = at + lengthOf(a);
  const toEnd = to + lengthOf(b);
  while (at < atEnd && to < toEnd) {
    spend(2);
    if (isSpent()) return 0;
    const one = identifierAt(at, atEnd);
    const other = identifierAt(to, toEnd);
    const order = compareIdentifiers(one, other);
    if (order != 0) return order;
    at += lengthOf(one) + 1;
    to += lengthOf(other) + 1;
  }
  // The one with more of them is the later.
  return (at < atEnd ? 1 : 0) - (to < toEnd ? 1 : 0);
}

function identifierAt(from: usize, end: usize): Slice {
  let at = from;
  while (at < end && load<u8>(at) != ascii.DOT) at++;
  return sliceOf(from, (at - from) as u32);
}

function compareIdentifiers(a: Slice, b: Slice): i32 {
  const isNumberA = isAllDigits(a);
  const isNumberB = isAllDigits(b);
  if (isNumberA && isNumberB) return compareDigits(a, b);
  if (isNumberA != isNumberB) return isNumberA ? -1 : 1;
  return compareTexts(a, b);
}

function isAllDigits(text: Slice): bool {
  const from = addressOf(text);
  const length = lengthOf(text);
  for (let i: u32 = 0; i < length; i++) {
    if (!ascii.isDigit(load<u8>(from + i))) return false;
  }
  return true;
}
