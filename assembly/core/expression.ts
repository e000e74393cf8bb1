// Regular expressions of matches, as the plan has them, and the machine that holds a text to one. RE2's syntax, and like
// RE2 it never goes back: all states that a text may have led to are followed side by side (Thompson 1968, "Regular
// expression search algorithm"; as a machine: Cox 2009, "Regular Expression Matching: the Virtual Machine Approach"), so a
// text takes at most as many steps as it has characters, times the states. The whole text has to match.

import * as ascii from "../bytes/ascii";
import { noRun, Run, scratchRun } from "../bytes/records";
import { markScratch, rewindScratch } from "../bytes/scratch";
import { addressOf, lengthOf, Slice } from "../bytes/slice";
import { codePointLength, readCodePoint } from "../bytes/utf8";
import { isSpent, spend } from "./logic/work";

/** What a state does. One that takes a character goes on to the state behind it with the next character. */
export const enum Does {
  /** Takes the character that the operand is. */
  Character,
  /** The same, an ASCII letter in lower case, in any case. */
  Letter,
  /** Takes a character of the class that the operand numbers. */
  Class,
  /** Takes any character. */
  Any,
  /** Goes on where the operand leads, as a distance. */
  Jump,
  /** Goes on there, and at the state behind it. */
  Fork,
  /** Goes on at the state behind it where the operand, an Assertion, holds. */
  Assert,
  /** The text has matched, if it is at its end. */
  Match,
}

export const enum Assertion {
  TextBegin,
  TextEnd,
  LineBegin,
  LineEnd,
  WordEdge,
  NoWordEdge,
}

/** A state: what it does in the lowest bits, the operand above them. */
const DOES_BITS: u32 = 3;

// @ts-ignore: decorator
@inline
export function state(does: Does, operand: i32): i32 {
  return (operand << DOES_BITS) | does;
}

// @ts-ignore: decorator
@inline
export function doesOf(state: i32): Does {
  return state & ((1 << DOES_BITS) - 1);
}

// @ts-ignore: decorator
@inline
export function operandOf(state: i32): i32 {
  return state >> DOES_BITS;
}

/** A class of characters: a bit for each of ASCII, and ranges of those above, in order and apart. */
@unmanaged
export class CharacterClass {
  low: u64;
  high: u64;
  /** First and last of each range. */
  ranges: Run<u32>;
  rangeCount: u32;
}

/** An expression that some condition holds an input to: one for each expression and input of the plan. */
@unmanaged
export class Expression {
  text: Slice;
  /** The input's slot; NO_SLOT for the path. */
  slot: u32;
  states: Run<i32>;
  stateCount: u32;
  classes: Run<CharacterClass>;
  /** The request that it was last run for, and what came of it. */
  stamp: u32;
  held: bool;
  next: Expression | null;
}

/** Whether a text matches as a whole; false once the request's work is spent. */
export function isExpressedBy(expression: Expression, text: Slice): bool {
  const mark = markScratch();
  const held = run(expression, text);
  rewindScratch(mark);
  return held && !isSpent();
}

/** More steps than any request has. */
const WORK_OF_ALL: u32 = 1 << 24;

/** No character: in front of the text, and behind it. */
const NONE_THERE: u32 = 0xffffffff;

// The states that are to be looked at for one character: a set by Briggs and Torczon (1993, "An efficient representation
// for sparse sets"), whose memory need not be clear. `members` are in it in the order of their coming, and the place of
// each is in `places`.
let members: Run<u16> = noRun<u16>();
let places: Run<u16> = noRun<u16>();
let count: u32 = 0;

// @ts-ignore: decorator
@inline
function add(state: u32): void {
  const place = places.at(state) as u32;
  if (place < count && members.at(place) == (state as u16)) return;
  members.set(count, state as u16);
  places.set(state, count as u16);
  count++;
}

function run(expression: Expression, text: Slice): bool {
  const states = expression.states;
  const all = expression.stateCount;
  let nextMembers = scratchRun<u16>(all);
  let nextPlaces = scratchRun<u16>(all);
  members = scratchRun<u16>(all);
  places = scratchRun<u16>(all);
  // Without memory there is no answer: as without work.
  if (nextMembers.isNone || nextPlaces.isNone || members.isNone || places.isNone) {
    spend(WORK_OF_ALL);
    return false;
  }
  let at = addressOf(text);
  const end = at + lengthOf(text);
  let before = NONE_THERE;
  count = 0;
  add(0);
  while (!isSpent()) {
    const bytes: u32 = at < end ? codePointLength(at, end) : 0;
    // Bytes that are no UTF-8 are no character, so nothing matches them.
    if (bytes == 0 && at < end) return false;
    const character = bytes == 0 ? NONE_THERE : readCodePoint(at, bytes);
    let nextCount: u32 = 0;
    // States that take no character bring others, which are looked at behind them.
    for (let i: u32 = 0; i < count; i++) {
      const here = members.at(i) as u32;
      const what = states.at(here);
      const does = doesOf(what);
      const operand = operandOf(what);
      if (does == Does.Jump) {
        add(here + operand);
      } else if (does == Does.Fork) {
        add(here + 1);
        add(here + operand);
      } else if (does == Does.Assert) {
        if (isAsserted(operand, before, character)) add(here + 1);
      } else if (does == Does.Match) {
        if (character == NONE_THERE) return true;
      } else if (takes(expression, does, operand, character)) {
        // Only the state before it leads to a state this way, so it is not there yet.
        nextMembers.set(nextCount, (here + 1) as u16);
        nextPlaces.set(here + 1, nextCount as u16);
        nextCount++;
      }
    }
    spend(count);
    if (nextCount == 0) return false;
    const usedMembers = members;
    const usedPlaces = places;
    members = nextMembers;
    places = nextPlaces;
    nextMembers = usedMembers;
    nextPlaces = usedPlaces;
    count = nextCount;
    before = character;
    at += bytes;
  }
  return false;
}

/** The signs that have the letters k and s in another case, beside the capitals: the Kelvin sign and the long s. */
export const KELVIN: u32 = 0x212a;
export const LONG_S: u32 = 0x17f;

// @ts-ignore: decorator
@inline
function takes(expression: Expression, does: Does, operand: i32, character: u32): bool {
  if (character == NONE_THERE) return false;
  if (does == Does.Character) return character == (operand as u32);
  if (does == Does.Any) return true;
  if (does == Does.Class) return isInClass(expression.classes.at(operand), character);
  if (character < 0x80) return (character | 0x20) == (operand as u32);
  if (character == KELVIN) return operand == ascii.LOWER_K;
  return character == LONG_S && operand == ascii.LOWER_S;
}

function isInClass(set: CharacterClass, character: u32): bool {
  if (character < 64) return ((set.low >> (character as u64)) & 1) != 0;
  if (character < 0x80) return ((set.high >> ((character - 64) as u64)) & 1) != 0;
  let from: u32 = 0;
  let to = set.rangeCount;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (character > set.ranges.at((middle << 1) + 1)) from = middle + 1;
    else if (character < set.ranges.at(middle << 1)) to = middle;
    else return true;
  }
  return false;
}

function isAsserted(assertion: Assertion, before: u32, behind: u32): bool {
  if (assertion == Assertion.TextBegin) return before == NONE_THERE;
  if (assertion == Assertion.TextEnd) return behind == NONE_THERE;
  if (assertion == Assertion.LineBegin) return before == NONE_THERE || before == ascii.LINE_FEED;
  if (assertion == Assertion.LineEnd) return behind == NONE_THERE || behind == ascii.LINE_FEED;
  return (isWordCharacter(before) != isWordCharacter(behind)) == (assertion == Assertion.WordEdge);
}

/** `[0-9A-Za-z_]`: words are those of ASCII in RE2. */
function isWordCharacter(character: u32): bool {
  if (character >= 0x80) return false;
  return ascii.isWordByte(character as u8);
}
