// Hints at rules that cannot decide anything: they are sound, and they say something else than was meant.

import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { isWord, sameText, startsWithWord } from "../bytes/slice";
import { Op } from "../core/logic/opcodes";
import * as codes from "../vocabulary/problems";
import { Node } from "./node";
import { NO_OPERATOR, operatorOf } from "./operators";
import { hintWith } from "./problems";

/** Whether only Serin evaluates the rule: elsewhere a list in a comparison is a hint of portability. */
let strict: bool = false;

/** Looks at the arguments of a rule, as `checkOperands` does. */
export function hintAtFutile(op: Op, list: Node, isStrict: bool): void {
  strict = isStrict;
  // A rule of a rollout is nothing but a condition.
  if (op == Op.Fractional && list.parent && isWord(list.container.key, "when")) hintAtBucket(list);
  if (list.kind != Token.Array) return;
  if (op == Op.JumpIfFalsy) hintAtBranches(list);
  if (op == Op.JumpFalsyKeep || op == Op.JumpTruthyKeep) hintAtConditions(list, list.count - 1);
  if (op == Op.Not || op == Op.Truthy) hintAtConditions(list, list.count);
  if (op >= Op.Eq && op <= Op.NotSame && list.count == 2) {
    hintAtTypes(list.head, list.head.behind);
    hintAtTypes(list.head.behind, list.head);
  }
}

function hintAtBucket(node: Node): void {
  hintWith(
    node,
    codes.NO_EFFECT,
    "fractional gives the name of a variant, which is always true: compare it with the name that you mean",
  );
}

/** Conditions among the first `count` arguments that are a `fractional`. */
function hintAtConditions(list: Node, count: u32): void {
  for (let node = list.first; node && node.index < count; node = nextOf(node)) {
    if (ruleOf(node) == Op.Fractional) hintAtBucket(node);
  }
}

/** `[condition, value, condition, value, …, otherwise?]` */
function hintAtBranches(list: Node): void {
  const hasOtherwise = (list.count & 1) != 0;
  let value: Node | null = null;
  let same = hasOtherwise && list.count >= 3;
  for (let node = list.first; node; node = nextOf(node)) {
    if ((node.index & 1) == 0 && !(hasOtherwise && node.index == list.count - 1)) {
      if (ruleOf(node) == Op.Fractional) hintAtBucket(node);
    } else if (!value) {
      value = node;
    } else if (!isSameLiteral(value, node)) {
      same = false;
    }
  }
  if (same)
    hintWith(list, codes.NO_EFFECT, "all branches are the same: what the conditions say changes nothing");
}

function isSameLiteral(a: Node, b: Node): bool {
  if (a.kind != b.kind || a.kind == Token.Object || a.kind == Token.Array) return false;
  return (a.kind != Token.String && a.kind != Token.Number) || sameText(a.text, b.text);
}

/** A literal beside what is always a string. */
function hintAtTypes(literal: Node, other: Node): void {
  if (!isText(other)) return;
  if (literal.kind == Token.Array) {
    if (!strict) return;
    hintWith(literal, codes.NO_EFFECT, "a string never equals a list: use in to look for it in one");
  } else if (literal.kind == Token.True || literal.kind == Token.False) {
    hintWith(
      literal,
      codes.NO_EFFECT,
      'the value is a string, which never equals a boolean unless it is "1" or "0": write the string that is sent',
    );
  }
}

/** Whether it reads what a request has as a string. */
function isText(node: Node): bool {
  if (ruleOf(node) != Op.Var) return false;
  const variable = node.head;
  const path = variable.kind == Token.Array ? variable.first : variable;
  if (!path || path.kind != Token.String) return false;
  const text = path.text;
  return (
    startsWithWord(text, "headers.") ||
    startsWithWord(text, "cookies.") ||
    startsWithWord(text, "query.") ||
    isWord(text, "method") ||
    isWord(text, "host") ||
    isWord(text, "path")
  );
}

/** The operator of a value that is a rule; NO_OPERATOR for any other. */
function ruleOf(node: Node): Op {
  if (node.kind != Token.Object || node.count != 1) return NO_OPERATOR;
  return operatorOf(node.head.key);
}
