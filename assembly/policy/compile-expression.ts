// Regular expressions, compiled when the policy is loaded: RE2's syntax to the states of core/expression.ts. The states of
// what has been read lie behind one another, and lead to one another by distances, so what is repeated is copied as it is.

import * as ascii from "../bytes/ascii";
import { fixed, nextOf, noRun, Run, takeRun } from "../bytes/records";
import { lengthOf, sameText, Slice } from "../bytes/slice";
import { Word } from "../bytes/word";
import { Assertion, CharacterClass, Does, Expression, operandOf, state } from "../core/expression";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { build, kept, record, records } from "./build";
import {
  addAscii,
  addPerl,
  beginClass,
  beginClasses,
  endClass,
  readClass,
  refuseCase,
} from "./character-class";
import {
  beginExpressionText,
  isAhead,
  NO_CHARACTER,
  refuse,
  skip,
  takeCharacter,
  takeEscaped,
  text,
} from "./expression-text";
import { Node } from "./node";
import { putOverLimit, report } from "./problems";

const enum Flag {
  IgnoreCase = 1,
  MultiLine = 2,
  DotAll = 4,
}

/** There is nothing that could be repeated. */
const NOTHING: u32 = 0xffffffff;

/** A group that is open; the outermost is the expression. */
@unmanaged
class Group {
  begin: u32;
  /** Where its present alternative begins. */
  alternative: u32;
  /** The jump at the end of the alternative before: the number behind it; 0 for none. Its operand is the one before that. */
  jump: u32;
  /** The flags that hold again behind it. */
  flags: u32;
}


@unmanaged
class Draft {
  states: Run<i32>;
  count: u32;
  classes: Run<CharacterClass>;
  classCount: u32;
  /** The class of `.`, if there is one already. */
  dot: u32;
  groups: Run<Group>;
  depth: u32;
  flags: u32;
  /** Where begins what a repetition would repeat, and whether that is a repetition itself. */
  last: u32;
  isRepeated: bool;
}

const draft: Draft = fixed<Draft>();

/** Forgets the memory of the last policy. */
export function beginExpressions(): void {
  draft.states = noRun<i32>();
  beginClasses();
}

/** The plan's expression of a text for an input, a new one when there is none; null when it was reported, or without memory. */
export function compileExpression(node: Node, slot: u32): Expression | null {
  let count: u32 = 0;
  for (let other = build.plan.expressions; other; other = nextOf(other)) {
    if (other.slot == slot && sameText(other.text, node.text)) return other;
    count++;
  }
  if (lengthOf(node.text) > (limits.EXPRESSION_BYTES as u32)) {
    overLimit(node, limits.EXPRESSION_BYTES, " bytes in a regular expression");
    return null;
  }
  if (count == (limits.EXPRESSIONS as u32)) {
    overLimit(node, limits.EXPRESSIONS, " regular expressions");
    return null;
  }
  if (!beginDraft()) return null;
  beginExpressionText(node);
  readAll();
  return text.failed ? null : keep(node.text, slot);
}

function overLimit(node: Node, limit: u32, things: Word): void {
  putOverLimit(limit, things);
  report(node, codes.LIMIT);
}

function beginDraft(): bool {
  if (draft.states.isNone) {
    draft.states = takeRun<i32>(build.reading, limits.EXPRESSION_STATES);
    draft.classes = takeRun<CharacterClass>(build.reading, limits.EXPRESSION_BYTES);
    draft.groups = takeRun<Group>(build.reading, limits.EXPRESSION_BYTES + 1);
  }
  draft.count = 0;
  draft.classCount = 0;
  draft.dot = NOTHING;
  draft.depth = 0;
  draft.flags = 0;
  return !draft.states.isNone && !draft.classes.isNone && !draft.groups.isNone;
}

/** The expression that was read, in the plan. */
function keep(expression: Slice, slot: u32): Expression | null {
  const made = record<Expression>();
  if (!made) return null;
  made.text = kept(expression);
  made.slot = slot;
  made.stateCount = draft.count;
  made.states = records<i32>(draft.count);
  made.classes = records<CharacterClass>(draft.classCount);
  if (made.states.isNone || made.classes.isNone) return null;
  made.states.copy(0, draft.states, draft.count);
  made.classes.copy(0, draft.classes, draft.classCount);
  made.next = build.plan.expressions;
  build.plan.expressions = made;
  return made;
}

/** Adds a state. */
function add(does: Does, operand: i32): void {
  if (!hasRoom(1)) return;
  draft.states.set(draft.count, state(does, operand));
  draft.count++;
}

/** Whether so many more states are allowed; reported when not. */
function hasRoom(more: u32): bool {
  if (text.failed) return false;
  if (draft.count + more <= (limits.EXPRESSION_STATES as u32)) return true;
  overLimit(text.node, limits.EXPRESSION_STATES, " states in a regular expression: repeat less in it");
  text.failed = true;
  return false;
}

/** Adds a fork in front of the states from `place` on; what leads on among them is distances, which stay. */
function fork(place: u32, operand: i32): void {
  if (!hasRoom(1)) return;
  for (let i = draft.count; i > place; i--) draft.states.set(i, draft.states.at(i - 1));
  draft.states.set(place, state(Does.Fork, operand));
  draft.count++;
}

/** What follows can be repeated. */
function beginAtom(): void {
  draft.last = draft.count;
  draft.isRepeated = false;
}

function readAll(): void {
  open(0);
  while (text.at < text.end && !text.failed) readNext();
  if (text.failed) return;
  if (draft.depth != 1) return refuse("a ( without its )");
  endAlternatives(draft.groups.at(0));
  add(Does.Match, 0);
}

function readNext(): void {
  const byte = load<u8>(text.at);
  if (byte == ascii.BACKSLASH) {
    readEscape();
  } else if (byte == ascii.OPEN_PARENTHESIS) {
    readGroup();
  } else if (byte == ascii.CLOSE_PARENTHESIS) {
    close();
  } else if (byte == ascii.PIPE) {
    text.at++;
    alternate();
  } else if (byte == ascii.ASTERISK) {
    repeatSimply(0, NO_END);
  } else if (byte == ascii.PLUS) {
    repeatSimply(1, NO_END);
  } else if (byte == ascii.QUESTION) {
    repeatSimply(0, 1);
  } else if (byte == ascii.OPEN_BRACE && readCounts()) {
    return;
  } else if (byte == ascii.OPEN_BRACKET) {
    text.at++;
    beginAtom();
    if (readClass(ignoresCase(), draft.classes.at(draft.classCount))) addClass();
  } else if (byte == ascii.DOT) {
    text.at++;
    beginAtom();
    readDot();
  } else if (byte == ascii.CARET) {
    text.at++;
    assert(has(Flag.MultiLine) ? Assertion.LineBegin : Assertion.TextBegin);
  } else if (byte == ascii.DOLLAR) {
    text.at++;
    assert(has(Flag.MultiLine) ? Assertion.LineEnd : Assertion.TextEnd);
  } else {
    literal(takeCharacter());
  }
}

// @ts-ignore: decorator
@inline
function has(flag: Flag): bool {
  return (draft.flags & flag) != 0;
}

function ignoresCase(): bool {
  return has(Flag.IgnoreCase);
}

function assert(assertion: Assertion): void {
  beginAtom();
  add(Does.Assert, assertion);
}

function literal(character: u32): void {
  if (character == NO_CHARACTER) return;
  beginAtom();
  const small = character | 0x20;
  if (!ignoresCase()) add(Does.Character, character as i32);
  else if (character >= 0x80) refuseCase();
  else if (ascii.isLower(small as u8)) add(Does.Letter, small as i32);
  else add(Does.Character, character as i32);
}

/** Adds the state of the class that was read last. */
function addClass(): void {
  add(Does.Class, draft.classCount as i32);
  draft.classCount++;
}

/** The bit of a line feed. */
const LINE_FEED: u64 = 1 << 10;

/** Any character, but a line feed only under `(?s)`. */
function readDot(): void {
  if (has(Flag.DotAll)) return add(Does.Any, 0);
  if (draft.dot != NOTHING) return add(Does.Class, draft.dot as i32);
  if (!beginClass(false)) return;
  addAscii(LINE_FEED, 0, true);
  if (!endClass(draft.classes.at(draft.classCount), false)) return;
  draft.dot = draft.classCount;
  addClass();
}

/** What follows a backslash outside of brackets. */
function readEscape(): void {
  text.at++;
  if (skip(ascii.UPPER_A)) return assert(Assertion.TextBegin);
  if (skip(ascii.LOWER_Z)) return assert(Assertion.TextEnd);
  if (skip(ascii.LOWER_B)) return assert(Assertion.WordEdge);
  if (skip(ascii.UPPER_B)) return assert(Assertion.NoWordEdge);
  if (skip(ascii.UPPER_Q)) return readQuoted();
  if (!beginClass(ignoresCase())) return;
  if (!addPerl()) return literal(takeEscaped());
  beginAtom();
  if (endClass(draft.classes.at(draft.classCount), false)) addClass();
}

/** Up to `\E`, or to the end, everything is a character. */
function readQuoted(): void {
  while (text.at < text.end && !text.failed) {
    if (isAhead(0, ascii.BACKSLASH) && isAhead(1, ascii.UPPER_E)) {
      text.at += 2;
      return;
    }
    literal(takeCharacter());
  }
}

function open(flags: u32): void {
  const group = draft.groups.at(draft.depth);
  group.begin = draft.count;
  group.alternative = draft.count;
  group.jump = 0;
  group.flags = flags;
  draft.depth++;
  draft.last = NOTHING;
}

/** `(`, `(?:`, `(?i:`, `(?P<name>`, `(?<name>`; or `(?i)`, which is no group but holds until the end of the one it is in. */
function readGroup(): void {
  if (!isAhead(1, ascii.QUESTION)) {
    text.at++;
    return open(draft.flags);
  }
  const isPython = isAhead(2, ascii.UPPER_P) && isAhead(3, ascii.LESS);
  if (isPython || isAhead(2, ascii.LESS)) return readName(isPython ? 4 : 3);
  readFlags();
}

function readName(distance: u32): void {
  if (isAhead(distance, ascii.EQUALS) || isAhead(distance, ascii.EXCLAMATION))
    return refuse("a look-behind, which is not part of RE2,");
  const begin = text.at + distance;
  let at = begin;
  while (at < text.end && ascii.isWordByte(load<u8>(at))) at++;
  if (at == begin || at == text.end || load<u8>(at) != ascii.GREATER)
    return refuse("a group whose name is not letters, digits and _ between < and >");
  text.at = at + 1;
  open(draft.flags);
}

function readFlags(): void {
  let flags = draft.flags;
  let isNegated = false;
  let isBare = false;
  for (let at = text.at + 2; at < text.end; at++) {
    const byte = load<u8>(at);
    let flag: u32 = 0;
    if (byte == ascii.COLON || byte == ascii.CLOSE_PARENTHESIS) {
      if (isBare) break;
      text.at = at + 1;
      if (byte == ascii.COLON) open(draft.flags);
      draft.flags = flags;
      draft.isRepeated = false;
      return;
    } else if (byte == ascii.MINUS && !isNegated) {
      isNegated = true;
      isBare = true;
      continue;
    } else if (byte == ascii.LOWER_I) {
      flag = Flag.IgnoreCase;
    } else if (byte == ascii.LOWER_M) {
      flag = Flag.MultiLine;
    } else if (byte == ascii.LOWER_S) {
      flag = Flag.DotAll;
    } else if (byte != ascii.UPPER_U) {
      // U swaps what is greedy and what is not, which is the same for a text as a whole.
      break;
    }
    isBare = false;
    flags = isNegated ? flags & ~flag : flags | flag;
  }
  if (isAhead(2, ascii.EQUALS) || isAhead(2, ascii.EXCLAMATION))
    return refuse("a look-ahead, which is not part of RE2,");
  refuse("a group that is not part of RE2 (known: (?:, (?P<name>, (?<name>, and the flags i, m, s, U)");
}

function alternate(): void {
  const group = draft.groups.at(draft.depth - 1);
  // Around the jump behind the alternative that ends here.
  fork(group.alternative, (draft.count - group.alternative + 2) as i32);
  add(Does.Jump, group.jump as i32);
  group.jump = draft.count;
  group.alternative = draft.count;
  draft.last = NOTHING;
}

/** All alternatives go on where the last one ends. */
function endAlternatives(group: Group): void {
  let jump = group.jump;
  while (jump != 0 && !text.failed) {
    const before = operandOf(draft.states.at(jump - 1)) as u32;
    draft.states.set(jump - 1, state(Does.Jump, (draft.count - jump + 1) as i32));
    jump = before;
  }
}

function close(): void {
  if (draft.depth == 1) return refuse("a ) without its (");
  text.at++;
  draft.depth--;
  const group = draft.groups.at(draft.depth);
  endAlternatives(group);
  draft.flags = group.flags;
  draft.last = group.begin;
  draft.isRepeated = false;
}

/** A repetition without an end. */
const NO_END: u32 = 0xffffffff;
/** A number that is larger than any count. */
const TOO_LARGE: u32 = 1001;

function repeatSimply(least: u32, most: u32): void {
  if (!canRepeat()) return;
  text.at++;
  repeat(least, most);
}

function canRepeat(): bool {
  if (draft.last == NOTHING) refuse("a repetition of nothing");
  else if (draft.isRepeated) refuse("a repetition of a repetition (write (?:a*)* for it)");
  return !text.failed;
}

/** `{2}`, `{2,}`, `{2,5}`; anything else is a brace as it stands. @returns whether it was one of these */
function readCounts(): bool {
  let at = text.at + 1;
  const first = at;
  at = behindDigits(at);
  if (at == first) return false;
  const least = numberOf(first, at);
  let most = least;
  if (at < text.end && load<u8>(at) == ascii.COMMA) {
    at++;
    const second = at;
    at = behindDigits(at);
    most = at == second ? NO_END : numberOf(second, at);
  }
  if (at == text.end || load<u8>(at) != ascii.CLOSE_BRACE) return false;
  if (!canRepeat()) return true;
  if (least == TOO_LARGE || most == TOO_LARGE || most < least) {
    refuse("a count that is over 1000, or whose end comes before its beginning,");
    return true;
  }
  text.at = at + 1;
  repeat(least, most);
  return true;
}

function behindDigits(from: usize): usize {
  let at = from;
  while (at < text.end && ascii.isDigit(load<u8>(at))) at++;
  return at;
}

function numberOf(begin: usize, end: usize): u32 {
  let value: u32 = 0;
  for (let at = begin; at < end; at++) {
    value = value * 10 + ((load<u8>(at) - ascii.ZERO) as u32);
    if (value >= TOO_LARGE) return TOO_LARGE;
  }
  return value;
}

/** Repeats what begins at `draft.last`, once for each copy that is needed. */
function repeat(least: u32, most: u32): void {
  // Whether it takes as much as it can, or as little, is the same for a text as a whole.
  skip(ascii.QUESTION);
  draft.isRepeated = true;
  const begin = draft.last;
  const size = draft.count - begin;
  // What has no states is done however often it comes.
  if (size == 0) return;
  if (most == 0) {
    draft.count = begin;
    return;
  }
  let from = begin;
  if (least == 0) {
    const span = most == NO_END ? size + 1 : most * (size + 1) - 1;
    fork(begin, (span + 1) as i32);
    if (most == NO_END) return add(Does.Jump, -((size + 1) as i32));
    from++;
  }
  for (let i: u32 = 1; i < least; i++) copy(from, size);
  if (most == NO_END) return add(Does.Fork, -(size as i32));
  // The first copy stands already.
  for (let left = most - (least == 0 ? 1 : least); left != 0 && !text.failed; left--) {
    add(Does.Fork, (left * (size + 1)) as i32);
    copy(from, size);
  }
}

function copy(from: u32, size: u32): void {
  if (!hasRoom(size)) return;
  for (let i: u32 = 0; i < size; i++) draft.states.set(draft.count + i, draft.states.at(from + i));
  draft.count += size;
}
