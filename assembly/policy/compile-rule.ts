// A JsonLogic rule as a flat program. The tree is walked with a stack of frames of its own: nothing recurses, however
// deep a rule nests.

import { Token } from "../bytes/json-reader";
import { isWord, sliceOf } from "../bytes/slice";
import { fixed, nextOf } from "../bytes/records";
import { put, putString } from "../bytes/writer";
import { Word } from "../bytes/word";
import { INSTRUCTION, Op, RuleError, SPREAD } from "../core/logic/opcodes";
import { Tag, Value } from "../core/logic/value";
import { Variable, VariableKind } from "../core/logic/variable";
import { Rule } from "../core/rule-plan";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { build, record } from "./build";
import { beginFolding, emitOperator } from "./fold";
import { hintAtOperands } from "./portability";
import { checkOperands } from "./check-operands";
import { hintAtConstant, hintAtFutile, hintAtWhen } from "./check-futile";
import { beginCode, codeLength, deepest, emit, landJump, operandAt, placeCode, reserve } from "./code";
import { hintAtUnknown, isKnownName, putUnknownName } from "./check-names";
import { constantOf, holdsRule } from "./constants";
import { nextBelow, Node } from "./node";
import { OPERATOR_WORDS, NO_OPERATOR, operatorMeant, operatorOf } from "./operators";
import { beginMessage, message, putOverLimit, report, reportKey, warn, warnKey } from "./problems";
import { putNearest } from "./nearest";
import { beginMarks, dropMarks, mark, placeMarks } from "./marks";
import {
  beginEvaluators,
  enterEvaluator,
  Evaluator,
  evaluatorOf,
  firstReference,
  newEvaluator,
  referenceIn,
  shared,
} from "./shared-rules";
import { variableFor } from "./variable-names";

/** A rule that is being compiled. */
@unmanaged
class Frame {
  op: Op;
  /** The argument that comes next; null when all were taken. */
  arg: Node | null;
  /** Arguments in all, and how many were taken. */
  count: u32;
  taken: u32;
  /** Jumps to the frame's end, chained through their operands; NO_JUMP ends the chain. */
  jumps: u32;
  /** A jump that waits for its target; the body's begin of an iterator; an operator's third argument. */
  patch: u32;
  /** Where its code begins. */
  start: u32;
  /** The argument was no list. */
  spread: bool;
  /** The rule itself, and the argument that was taken last. */
  node: Node;
  last: Node | null;
}

const FRAME_BYTES: u32 = offsetof<Frame>() as u32;
/** The reader's nesting, and that of a shared list inside of it. */
const MOST_FRAMES: u32 = 140;
const frames: usize = memory.data(MOST_FRAMES * FRAME_BYTES, 8);
let open: u32 = 0;

const NO_JUMP: u32 = 0xffffffff;

/** Faults of the rule that is being compiled are errors; else warnings, and the rule fails when it is evaluated. */
let strict: bool = true;
let broken: bool = false;
let operators: u32 = 0;
/** Bytes of the rules that were compiled. */
let written: u32 = 0;
let usesKey: bool = false;
let usesAddress: bool = false;
/** The first name that no request has, in a rule that others may evaluate too. */
let unknown: Node | null = null;

/** Forgets the shared rules of the last policy. */
export function beginRules(): void {
  beginFolding();
  beginMarks();
  beginEvaluators();
  written = 0;
}

/** Reports the message at a value of a rule. */
function fault(node: Node, code: Word): void {
  broken = true;
  if (strict) report(node, code);
  else warn(node, code);
}

/** Reports the message at a member's name in a rule. */
function faultKey(member: Node, code: Word): void {
  broken = true;
  if (strict) reportKey(member, code);
  else warnKey(member, code);
}

/**
 * Compiles the shared rules of a policy, before all that may name them. One that cannot be compiled is a warning here,
 * since flagd loads it, and an error in each rule that refers to it.
 */
export function readEvaluators(object: Node): void {
  for (let node = object.first; node; node = nextOf(node)) {
    const evaluator = newEvaluator(node);
    if (!evaluator) return;
    // flagd's Go puts them in the place of their names in any order, so that it depends on chance what comes of such a
    // rule; and lists that hold one another would grow without bound.
    const reference = firstReference(node);
    if (reference) {
      beginMessage();
      put(message, "a rule of $evaluators cannot name another");
      warn(reference, codes.REFERENCE);
      evaluator.isBroken = true;
    } else if (node.kind == Token.Object && node.count != 0) {
      evaluator.rule = compileRule(node, false);
      evaluator.isBroken = broken;
      evaluator.unknown = unknown;
    }
    enterEvaluator(evaluator);
  }
}

/**
 * Compiles a rule into the plan.
 * @param isStrict whether what is wrong refuses the policy
 * @returns the Rule, which fails when it runs if it was wrong; null without memory
 */
export function compileRule(node: Node, isStrict: bool): Rule | null {
  strict = isStrict;
  broken = false;
  operators = 0;
  usesKey = false;
  usesAddress = false;
  unknown = null;
  open = 0;
  dropMarks();
  beginCode(build.reading);
  if (isStrict) hintAtWhen(node);
  enter(node);
  while (open != 0 && !broken && !build.plan.arena.failed && !build.reading.failed) {
    step(changetype<Frame>(frames + (open - 1) * FRAME_BYTES));
    if (written + codeLength() > (limits.INSTRUCTIONS as u32) * INSTRUCTION) {
      putOverLimit(limits.INSTRUCTIONS, " instructions in all rules");
      fault(node, codes.LIMIT);
    }
  }
  if (broken) {
    dropMarks();
    beginCode(build.reading);
    emit(Op.Fail, RuleError.Parse, 1);
  }
  emit(Op.Return, 0, 0);
  const rule = record<Rule>();
  if (!rule || build.reading.failed) return null;
  written += codeLength();
  rule.program = placeCode(build.plan.arena);
  placeMarks(rule.program);
  rule.depth = deepest();
  rule.usesKey = usesKey;
  rule.usesAddress = usesAddress;
  if (deepest() > build.plan.ruleDepth) build.plan.ruleDepth = deepest();
  return rule.program == 0 ? null : rule;
}

/** Begins with a value: a constant is written at once, what has to be computed gets a frame. */
function enter(value: Node): void {
  const node = shared(value);
  // Made once, however many rules share it.
  let constant = node.constant;
  if (!constant && !holdsRule(node)) {
    constant = constantOf(build.plan.arena, build.reading, node);
    node.constant = constant;
    if (!constant) return;
  }
  if (constant) {
    emit(Op.Const, changetype<usize>(constant) as u32, 1);
    return;
  }
  if (open == MOST_FRAMES) {
    beginMessage();
    put(message, "the rule is nested too deeply");
    return fault(node, codes.LIMIT);
  }
  const frame = changetype<Frame>(frames + open * FRAME_BYTES);
  frame.taken = 0;
  frame.start = codeLength();
  frame.jumps = NO_JUMP;
  frame.patch = NO_JUMP;
  frame.spread = false;
  frame.node = node;
  if (node.kind == Token.Array) {
    frame.op = Op.Array;
    frame.arg = node.first;
    frame.count = node.count;
    open++;
    return;
  }
  if (node.count != 1) {
    beginMessage();
    put(message, "a rule has exactly one key, its operator");
    return fault(node, codes.VALUE);
  }
  const member = node.head;
  if (isWord(member.key, "$ref")) return callShared(member);
  frame.op = operatorOf(member.key);
  if (frame.op == NO_OPERATOR) {
    beginMessage();
    put(message, "unknown operator ");
    putString(message, member.key);
    const meant = operatorMeant(member.key);
    if (meant.length == 0) {
      putNearest(message, member.key, OPERATOR_WORDS);
    } else {
      put(message, ': did you mean "');
      put(message, meant);
      put(message, '"?');
    }
    return faultKey(member, codes.OPERATOR);
  }
  operators++;
  if (operators > (limits.OPERATORS as u32)) {
    putOverLimit(limits.OPERATORS, " operators in one rule");
    return fault(node, codes.LIMIT);
  }
  if (frame.op == Op.Fractional) usesKey = true;
  if (frame.op == Op.Missing || frame.op == Op.MissingSome) {
    namePaths(member);
    if (!insideIterator()) checkMissing(shared(member));
  }
  const list = shared(member);
  checkOperands(frame.op, list, strict);
  hintAtFutile(frame.op, list, strict, insideIterator());
  // Only Serin evaluates a rule of `when`, so portability does not matter there.
  if (!strict) hintAtOperands(frame.op, list, insideIterator());
  frame.spread = list.kind != Token.Array;
  frame.arg = frame.spread ? member : list.first;
  frame.count = frame.spread ? 1 : list.count;
  open++;
}

/** Whether what is compiled now is run for each item of a list. */
function insideIterator(): bool {
  for (let i: u32 = 0; i < open; i++) {
    const outer = changetype<Frame>(frames + i * FRAME_BYTES);
    if (outer.op >= Op.Map && outer.op <= Op.Reduce && outer.taken == 3) return true;
  }
  return false;
}

/** Runs a shared rule in place of `{"$ref": name}`. */
function callShared(member: Node): void {
  const evaluator = member.kind == Token.String ? evaluatorOf(member.text) : null;
  if (!evaluator) {
    beginMessage();
    put(
      message,
      member.kind == Token.String ? "no such rule in $evaluators: " : "$ref must name one of $evaluators",
    );
    if (member.kind == Token.String) putString(message, member.text);
    return fault(member, codes.REFERENCE);
  }
  const rule = evaluator.rule;
  if (!rule || evaluator.isBroken) {
    beginMessage();
    put(message, "the evaluator ");
    putString(message, member.text);
    put(message, " is itself invalid");
    return fault(member, codes.REFERENCE);
  }
  const misspelt = evaluator.unknown;
  if (misspelt && !insideIterator()) {
    const variable = variableFor(misspelt.text);
    if (variable && strict) {
      beginMessage();
      put(message, "in the rule ");
      putString(message, member.text);
      put(message, ": ");
      putUnknownName(variable);
      return fault(member, codes.REFERENCE);
    }
  }
  if (rule.usesKey) usesKey = true;
  if (rule.usesAddress) usesAddress = true;
  reserve(rule.depth);
  emit(Op.Call, rule.program as u32, 1);
}

/** Every text below a node may be a path that is looked up while the rule runs: the plan has to know it. */
function namePaths(root: Node): void {
  for (let text: Node | null = root; text; text = nextBelow(root, text)) {
    if (text.kind != Token.String) continue;
    noteVariable(variableFor(text.text));
    const object = text.parent;
    if (object && referenceIn(object) == text) nameShared(evaluatorOf(text.text));
  }
}

/** The texts of a shared rule, likewise. */
function nameShared(evaluator: Evaluator | null): void {
  if (!evaluator) return;
  if (!evaluator.isNamed) {
    evaluator.isNamed = true;
    for (let text: Node | null = evaluator.node; text; text = nextBelow(evaluator.node, text)) {
      const variable = text.kind == Token.String ? variableFor(text.text) : null;
      if (!variable) continue;
      if (variable.kind == VariableKind.TargetingKey) evaluator.usesKey = true;
      if (variable.kind == VariableKind.Address) evaluator.usesAddress = true;
    }
  }
  if (evaluator.usesKey) usesKey = true;
  if (evaluator.usesAddress) usesAddress = true;
}

/** What has to be known before a rule with this variable runs. */
function noteVariable(variable: Variable | null): void {
  if (!variable) return;
  if (variable.kind == VariableKind.TargetingKey) usesKey = true;
  if (variable.kind == VariableKind.Address) usesAddress = true;
}

/** Goes one argument further with the innermost frame. */
function step(frame: Frame): void {
  const op = frame.op;
  if (op == Op.JumpIfFalsy) return stepIf(frame);
  if (op == Op.JumpFalsyKeep || op == Op.JumpTruthyKeep) return stepAndOr(frame);
  if (op == Op.Var) return stepVar(frame);
  if (op >= Op.Map && op <= Op.Reduce) return stepIterator(frame);
  if (frame.arg) {
    if (frame.taken == 2) frame.patch = codeLength();
    return enterNext(frame);
  }
  const spreads = frame.spread && op != Op.Not && op != Op.Truthy;
  const result = emitOperator(op, spreads ? SPREAD : frame.count, frame.count, frame.start, frame.patch);
  if (result && (result.tag == Tag.True || result.tag == Tag.False))
    hintAtConstant(op, frame.node, result.tag == Tag.True);
  open--;
}

/** Compiles the next argument. */
function enterNext(frame: Frame): void {
  const node = frame.arg;
  if (!node) return;
  frame.arg = frame.spread ? null : node.next;
  frame.taken++;
  frame.last = node;
  enter(node);
}

/** Adds a jump to the frame's end. */
function jumpToEnd(frame: Frame, op: Op, change: i32): void {
  frame.jumps = emit(op, frame.jumps, change);
}

/** All jumps to the frame's end lead here, and the frame is done. */
function endFrame(frame: Frame): void {
  let at = frame.jumps;
  while (at != NO_JUMP) {
    const next = operandAt(at);
    landJump(at);
    at = next;
  }
  open--;
}

function emitNull(): void {
  emit(Op.Const, changetype<usize>(nullValue) as u32, 1);
}

const nullValue: Value = fixed<Value>();

/** `if`: condition, branch, condition, branch, …, else. */
function stepIf(frame: Frame): void {
  const taken = frame.taken;
  const isLast = taken == frame.count;
  if (taken != 0) {
    if ((taken & 1) == 1) {
      // A condition was compiled, or the `else` when nothing follows it.
      if (isLast) return endFrame(frame);
      frame.patch = emit(Op.JumpIfFalsy, 0, -1);
      mark(frame.patch, frame.last);
    } else {
      jumpToEnd(frame, Op.Jump, -1);
      landJump(frame.patch);
    }
  }
  if (!isLast) return enterNext(frame);
  // No branch was taken and there is no `else`.
  emitNull();
  endFrame(frame);
}

function stepAndOr(frame: Frame): void {
  if (frame.count == 0) emitNull();
  if (!frame.arg) return endFrame(frame);
  if (frame.taken != 0) {
    jumpToEnd(frame, frame.op, 0);
    emit(Op.Pop, 0, -1);
  }
  enterNext(frame);
}

/** `var`: a path, which may be a rule, and a default for what is null. */
function stepVar(frame: Frame): void {
  if (frame.taken == 0) {
    const path = frame.arg;
    if (path && (path.kind == Token.Object || path.kind == Token.Array) && holdsRule(path)) {
      frame.patch = 0;
      namePaths(path);
      if (!insideIterator()) checkChosen(path);
      return enterNext(frame);
    }
    emitVariable(path);
    frame.arg = path && !frame.spread ? path.next : null;
    frame.taken = 1;
    return;
  }
  if (frame.taken == 1) {
    if (frame.patch == 0) emit(Op.VarOf, 0, 0);
    if (!frame.arg) {
      open--;
      return;
    }
    jumpToEnd(frame, Op.JumpNotNullKeep, 0);
    emit(Op.Pop, 0, -1);
    return enterNext(frame);
  }
  endFrame(frame);
}

/** The names that `missing` and `missing_some` look for, as far as they are written out. */
function checkMissing(list: Node): void {
  for (let item: Node | null = list; item; item = nextBelow(list, item)) {
    if (item.kind == Token.Object) return;
    const variable = item.kind == Token.String ? variableFor(item.text) : null;
    if (variable) checkName(item, variable);
  }
}

/**
 * A name that no request has: an error where the proxy alone reads the rule. Flags are read by applications too, which
 * have other names: a hint, once for each name.
 */
function checkName(node: Node, variable: Variable): void {
  if (isKnownName(variable)) return;
  if (!strict) {
    if (!unknown) unknown = node;
    hintAtUnknown(node, variable);
    return;
  }
  beginMessage();
  putUnknownName(variable);
  fault(node, codes.REFERENCE);
}

/** The path of a `var` may be chosen by an `if`: its branches are names. */
function checkChosen(path: Node): void {
  if (path.kind != Token.Object || path.count != 1 || operatorOf(path.head.key) != Op.JumpIfFalsy) return;
  const list = shared(path.head);
  for (let node = list.first; node; node = nextOf(node)) {
    const isCondition = (node.index & 1) == 0 && node.index != list.count - 1;
    if (isCondition || node.kind != Token.String) continue;
    const variable = variableFor(node.text);
    if (variable) checkName(node, variable);
  }
}

function emitVariable(node: Node | null): void {
  let path = sliceOf(8, 0);
  if (node) {
    // A number is an index; null and [] are the whole.
    if (node.kind == Token.String || node.kind == Token.Number) path = node.text;
    else if (node.kind != Token.Null && !(node.kind == Token.Array && node.count == 0)) {
      beginMessage();
      put(message, "var must name a path");
      return fault(node, codes.TYPE);
    }
  }
  const variable = variableFor(path);
  if (!variable) return;
  noteVariable(variable);
  // Inside of an iterator a path leads into the item.
  if (node && !insideIterator()) checkName(node, variable);
  emit(Op.Var, changetype<usize>(variable) as u32, 1);
}

/** `map`, `filter`, `all`, `some`, `none`: a list and a rule for each item; `reduce` has a start value behind them. */
function stepIterator(frame: Frame): void {
  const isReduce = frame.op == Op.Reduce;
  const taken = frame.taken;
  if (taken == 0) {
    if (frame.count < 2 || frame.spread) {
      beginMessage();
      put(message, isReduce ? "expected [list, rule, start]" : "expected [list, rule]");
      return fault(frame.node, codes.VALUE);
    }
    return enterNext(frame);
  }
  const body = frame.arg;
  if (!body) return;
  if (taken == 1) {
    frame.taken = 2;
    if (isReduce) {
      const start = body.next;
      if (start) return enter(start);
      emitNull();
    }
    return;
  }
  if (taken == 2) {
    // The list (and the start value) give way to the item's result.
    jumpToEnd(frame, frame.op, isReduce ? -2 : -1);
    frame.patch = codeLength();
    frame.taken = 3;
    return enter(body);
  }
  emit(Op.Next, frame.patch, 0);
  endFrame(frame);
}
