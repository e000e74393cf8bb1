// Hints at rules that cannot decide anything: they are sound, and they say something else than was meant.

import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { isWord, lengthOf, sameText, Slice, startsWithWord } from "../bytes/slice";
import { put, putString } from "../bytes/writer";
import { Op } from "../core/logic/opcodes";
import * as codes from "../vocabulary/problems";
import { Node } from "./node";
import { NO_OPERATOR, operatorOf } from "./operators";
import { beginMessage, hint, hintWith, message } from "./problems";
import { evaluatorOf, referenceIn, shared } from "./shared-rules";
import { isNumber, sourceOf } from "./variable-names";

/** Whether only Serin evaluates the rule: elsewhere a list in a comparison is a hint of portability. */
let strict: bool = false;

/** Whether a path leads into an item of a list. */
let inItem: bool = false;

/** Looks at the arguments of a rule, as `checkOperands` does. */
export function hintAtFutile(op: Op, list: Node, isStrict: bool, isInItem: bool): void {
  strict = isStrict;
  inItem = isInItem;
  if (list.kind != Token.Array) return;
  if (op == Op.JumpIfFalsy) hintAtBranches(list);
  if (op == Op.JumpFalsyKeep || op == Op.JumpTruthyKeep) hintAtConditions(list, list.count - 1);
  if (op == Op.Not || op == Op.Truthy) hintAtConditions(list, list.count);
  if (op >= Op.Eq && op <= Op.NotSame && list.count == 2) {
    hintAtTypes(op, list.head, list.head.behind);
    hintAtTypes(op, list.head.behind, list.head);
  }
}

/** Looks at a rule that is nothing but a condition: `when` of a rollout, of `force` or of a shadow. */
export function hintAtWhen(node: Node): void {
  if (ruleOf(node) == Op.Fractional) hintAtBucket(followed(node) == node ? node.head : node);
  else hintAtText(node);
}

/**
 * Looks at an operator whose arguments are all written out, and at what it always comes to. One that always holds is
 * somebody's way to say `true`, unless it compares the name of what a request has and not its value.
 */
export function hintAtConstant(op: Op, rule: Node, holds: bool): void {
  const isComparison = op >= Op.Eq && op <= Op.Le;
  if (!isComparison && op != Op.In && op != Op.StartsWith && op != Op.EndsWith && op != Op.SemVer) return;
  if (rule.kind != Token.Object || rule.count != 1) return;
  const list = shared(rule.head);
  for (let node = list.first; node; node = nextOf(node)) {
    if (hintAtText(node)) return;
  }
  if (holds) return;
  hintWith(
    rule,
    codes.NO_EFFECT,
    'always false: it compares values that are written here, and nothing of the request: {"var": "headers.x"} reads a header',
  );
}

/** Nobody writes a longer name by hand. */
const NAME_SHOWN: u32 = 200;

/** @returns whether the node is the name of what a request has, where its value must be meant */
function hintAtText(node: Node): bool {
  if (node.kind != Token.String || lengthOf(node.text) > NAME_SHOWN || !isRequestName(node.text))
    return false;
  beginMessage();
  put(message, 'this is a string, and not what the request has: write {"var": ');
  putString(message, node.text);
  put(message, "}");
  hint(node, codes.NO_EFFECT);
  return true;
}

function hintAtBucket(node: Node): void {
  hintWith(
    node,
    codes.NO_EFFECT,
    "fractional gives the name of a variant, which is always true: compare it with the name that you mean",
  );
}

/** A condition that always holds, since it is a name. */
function hintAtCondition(node: Node): void {
  if (ruleOf(node) == Op.Fractional) hintAtBucket(node);
  else hintAtText(node);
}

/** Conditions among the first `count` arguments. */
function hintAtConditions(list: Node, count: u32): void {
  for (let node = list.first; node && node.index < count; node = nextOf(node)) hintAtCondition(node);
}

/** `[condition, value, condition, value, …, otherwise?]` */
function hintAtBranches(list: Node): void {
  const hasOtherwise = (list.count & 1) != 0;
  let value: Node | null = null;
  let same = hasOtherwise && list.count >= 3;
  for (let node = list.first; node; node = nextOf(node)) {
    if ((node.index & 1) == 0 && !(hasOtherwise && node.index == list.count - 1)) {
      hintAtCondition(node);
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
function hintAtTypes(op: Op, literal: Node, other: Node): void {
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
  } else if (literal.kind == Token.Number && (op == Op.Same || op == Op.NotSame)) {
    hintWith(
      literal,
      codes.NO_EFFECT,
      "a string is never === a number: write the number in quotes, or compare with == or !=",
    );
  }
}

/** Whether it reads what a request has as a string. */
function isText(node: Node): bool {
  if (inItem || ruleOf(node) != Op.Var) return false;
  const variable = followed(node).head;
  const path = variable.kind == Token.Array ? variable.first : variable;
  if (!path || path.kind != Token.String) return false;
  const source = sourceOf(path.text);
  return isRequestName(source) && !isNumber(path.text) && !isNumber(source);
}

/** Whether it is the name of what a request has as a string. */
function isRequestName(text: Slice): bool {
  return (
    startsWithWord(text, "headers.") ||
    startsWithWord(text, "cookies.") ||
    startsWithWord(text, "query.") ||
    isWord(text, "method") ||
    isWord(text, "host") ||
    isWord(text, "path")
  );
}

/** The operator of a value that is a rule, or names a shared one; NO_OPERATOR for any other. */
function ruleOf(node: Node): Op {
  const rule = followed(node);
  if (rule.kind != Token.Object || rule.count != 1) return NO_OPERATOR;
  return operatorOf(rule.head.key);
}

/** What `{"$ref": name}` stands for, which names no other; the node itself otherwise. */
function followed(node: Node): Node {
  const member = referenceIn(node);
  if (!member || member.kind != Token.String) return node;
  const evaluator = evaluatorOf(member.text);
  return evaluator ? evaluator.node : node;
}
