// Hints at corners in which flagd's evaluators differ (docs/flags.md): such a rule may give one variant here and another
// in an application's SDK.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { parseDecimal, parseNumber } from "../bytes/number-parse";
import { nextOf } from "../bytes/records";
import { addressOf, findByte, isWord, lengthOf, Slice, sliceOf, startsWithWord } from "../bytes/slice";
import { Word } from "../bytes/word";
import { Op } from "../core/logic/opcodes";
import * as codes from "../vocabulary/problems";
import { Node } from "./node";
import { NO_OPERATOR, operatorOf } from "./operators";
import { hintWith } from "./problems";

function hint(node: Node, sentence: Word): void {
  hintWith(node, codes.PORTABILITY, sentence);
}

function compares(op: Op): bool {
  return op == Op.Eq || op == Op.Ne || op == Op.Lt || op == Op.Le || op == Op.Gt || op == Op.Ge;
}

function computes(op: Op): bool {
  return op == Op.Add || op == Op.Sub || op == Op.Mul || op == Op.Div || op == Op.Mod;
}

/** Looks at a rule's own arguments. `member` is the rule's member, its value the arguments. */
export function hintAtOperands(op: Op, member: Node, isInIterator: bool): void {
  if (op == Op.Substr || isWord(member.key, "?:")) hint(member, "not in flagd's schema");
  const isOwn = op == Op.StartsWith || op == Op.EndsWith || op == Op.SemVer || op == Op.Fractional;
  const path = op == Op.Var ? pathOf(member) : null;
  if (isInIterator && (isOwn || isGiven(path)))
    hint(member, "flagd's JavaScript has neither this operator nor the context in an iterator");
  hintAtPath(path);
  if (op == Op.All || op == Op.Reduce) hintAtMissing(member);
  if (member.kind != Token.Array) {
    if ((op == Op.Add || op == Op.Sub) && member.kind == Token.Object) {
      hint(member, "write the single argument as a list: otherwise flagd's Go fails on it");
    }
    return;
  }
  const besideNumber = compares(op) && holdsNumber(member);
  for (let node = member.first; node; node = nextOf(node)) {
    hintAtNumber(node);
    if (compares(op)) hintAtComparison(node, besideNumber);
    else if (op == Op.Same || op == Op.NotSame) hintAtList(node);
    else if (computes(op)) hintAtArithmetic(op, node);
    else if (op == Op.Max || op == Op.Min) hintAtExtreme(node);
    else if (op == Op.Cat) hintAtText(node, isInIterator);
    else if (op == Op.In && node.index == 0) hintAtNeedle(node);
    else if (op == Op.In && node.index == 1) hintAtHaystack(node, member.head);
    else if (op == Op.Fractional) hintAtBucketing(node);
  }
}

function hintAtComparison(node: Node, besideNumber: bool): void {
  if (node.kind == Token.Null)
    hint(node, "null equals 0 and false in flagd's JavaScript, only null elsewhere");
  hintAtList(node);
  if (node.kind == Token.String && besideNumber && !isDecimal(node.text)) {
    return hint(
      node,
      "a string that is not a number, compared with a number or a boolean, fails in flagd's JavaScript",
    );
  }
  if (node.kind == Token.String && hasOuterBlank(node.text))
    hint(node, "spaces around a number in a string matter in some evaluators");
}

/** A list that is compared, or what gives one; what iterates fails inside of a comparison even where it gives none. */
function hintAtList(node: Node): void {
  const op = ruleOf(node);
  const iterates = op >= Op.Map && op <= Op.Reduce;
  if (node.kind == Token.Array || iterates || op == Op.Merge || op == Op.Missing || op == Op.MissingSome) {
    hint(node, "a list or an iterator in a comparison differs between evaluators");
  }
}

function hintAtNumber(node: Node): void {
  if (node.kind == Token.Number && abs<f64>(parseNumber(node.text)) > 9007199254740991)
    hint(node, "a number above 2^53 - 1 is not the same in every language");
}

function hintAtExtreme(node: Node): void {
  if (node.kind != Token.Number && node.kind != Token.Object) hint(node, "max and min take only numbers");
}

/** The node that is the path of a `var`; null when it has none. */
function pathOf(variable: Node): Node | null {
  return variable.kind == Token.Array ? variable.first : variable;
}

/** Whether a path is one that every context has, and no item of a list. */
function isGiven(path: Node | null): bool {
  return path != null && (startsWithWord(path.text, "$flagd.") || isWord(path.text, "targetingKey"));
}

/** Segments that mean something else, or nothing, to some evaluators. */
function hintAtPath(node: Node | null): void {
  if (!node || node.kind != Token.String) return;
  const begin = addressOf(node.text);
  const end = begin + lengthOf(node.text);
  let from = begin;
  while (from < end) {
    const stop = findByte(from, end, ascii.DOT);
    const segment = sliceOf(from, (stop - from) as u32);
    const zero = lengthOf(segment) > 1 && load<u8>(from) == ascii.ZERO && load<u8>(from + 1) <= ascii.NINE;
    if (
      lengthOf(segment) == 0 ||
      isWord(segment, "length") ||
      zero ||
      findByte(from, stop, ascii.BACKSLASH) != stop
    ) {
      return hint(node, "an empty segment, length, a leading zero or a backslash differs between evaluators");
    }
    from = stop + 1;
  }
}

/** A list that may be missing. */
function hintAtMissing(member: Node): void {
  const list = member.first;
  if (member.kind != Token.Array || !list) return;
  if (ruleOf(list) == Op.Var && !hasDefault(list.head)) {
    hint(list, "evaluators differ when the list is missing: give the var a default of []");
  }
}

function hintAtHaystack(node: Node, needle: Node): void {
  if (node.kind == Token.String && needle.kind != Token.String && needle.kind != Token.Object) {
    return hint(needle, "evaluators agree only on a string that is looked for in a string");
  }
  if (node.kind != Token.Array) return;
  for (let item = node.first; item; item = nextOf(item)) {
    if (item.kind == Token.Array) return hint(item, "flagd's Go reads a list inside the list as a range");
    if (needle.kind == Token.Number && item.kind == Token.String) {
      return hint(item, "flagd's Go converts a string in the list to a number");
    }
  }
}

function hintAtArithmetic(op: Op, node: Node): void {
  if (node.kind != Token.Number && node.kind != Token.String && node.kind != Token.Object) {
    hint(node, "a value that is not a number is converted in flagd's JavaScript, an error elsewhere");
  }
  if (node.kind == Token.String && !isDecimal(node.text))
    hint(node, "a string that is not a number fails in some evaluators and is 0 in others");
  const divides = op == Op.Div || op == Op.Mod;
  if (divides && node.index != 0 && node.kind == Token.Number && parseNumber(node.text) == 0)
    hint(node, "a division by zero is always an error");
  if (op == Op.Div && node.container.count == 1)
    hint(node, "a division of one number differs between evaluators");
}

function hintAtText(node: Node, isInIterator: bool): void {
  if (node.kind == Token.True || node.kind == Token.False) hint(node, "cat of a boolean fails in flagd's Go");
  if (node.kind == Token.Array || node.kind == Token.Null)
    hint(node, "cat of null or of a list differs between evaluators");
  if (node.kind == Token.String && hasOuterBlank(node.text))
    hint(node, "flagd's Go trims spaces off both ends of the result of cat");
  const op = ruleOf(node);
  if (op == Op.JumpFalsyKeep || op == Op.JumpTruthyKeep)
    hint(node, "inside cat, flagd's JavaScript joins the values before it applies and / or");
  // An item is there, and these two are.
  if (op != Op.Var || isInIterator) return;
  const variable = node.head;
  if (hasDefault(variable) || isGiven(pathOf(variable))) return;
  hint(node, 'a missing value is "null" to flagd\'s JavaScript: give the var a default');
}

function hintAtNeedle(node: Node): void {
  if (node.kind != Token.String || lengthOf(node.text) != 0) return;
  // In a list it is a value like any other.
  const haystack = node.next;
  if (haystack && haystack.kind == Token.Array) return;
  hint(node, 'in of "" is true in flagd\'s Go, false in its JavaScript');
}

/** A bucketing value has to be there for every evaluator. */
function hintAtBucketing(node: Node): void {
  if (node.index != 0 || node.kind != Token.Object || node.count != 1) return;
  const rule = node.head;
  const op = ruleOf(node);
  if (op == Op.Var && !hasDefault(rule))
    hint(node, "without a value, flagd's evaluators bucket by different keys: give the var a default");
}

function hasDefault(variable: Node): bool {
  return variable.kind == Token.Array && variable.count > 1;
}

/** The operator of a value that is a rule; NO_OPERATOR for any other. */
function ruleOf(node: Node): Op {
  if (node.kind != Token.Object || node.count != 1) return NO_OPERATOR;
  return operatorOf(node.head.key);
}

function isDecimal(text: Slice): bool {
  const number = parseDecimal(text);
  return number == number;
}

function holdsNumber(list: Node): bool {
  for (let item = list.first; item; item = nextOf(item)) {
    const kind = item.kind;
    if (kind == Token.Number || kind == Token.True || kind == Token.False) return true;
  }
  return false;
}

function hasOuterBlank(text: Slice): bool {
  const length = lengthOf(text);
  if (length == 0) return false;
  return load<u8>(addressOf(text)) <= ascii.SPACE || load<u8>(addressOf(text) + length - 1) <= ascii.SPACE;
}

/** A flag's key that flagd's JavaScript hashes otherwise than all others. */
export function hintAtKey(flag: Node): void {
  for (let i: u32 = 0; i < lengthOf(flag.key); i++) {
    if (load<u8>(addressOf(flag.key) + i) < 0x80) continue;
    return hint(flag, "flagd's JavaScript hashes a non-ASCII key differently");
  }
}

/** A variant that some evaluator takes for another: Go escapes these characters of its name in a result. */
export function hintAtVariant(node: Node): void {
  hintAtNumber(node);
  for (let i: u32 = 0; i < lengthOf(node.key); i++) {
    const byte = load<u8>(addressOf(node.key) + i);
    if (
      byte < ascii.SPACE ||
      byte == ascii.QUOTE ||
      byte == ascii.BACKSLASH ||
      byte == ascii.LESS ||
      byte == ascii.GREATER ||
      byte == ascii.AMPERSAND
    ) {
      return hint(node, "flagd's Go does not find a variant whose name has quotes, backslashes, <, > or &");
    }
  }
}
