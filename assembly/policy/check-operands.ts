// Constant operands that can never work: what flagd finds out when a flag is evaluated, said when
// the policy is loaded. The rule is compiled all the same, and gives what flagd gives.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { addressOf, isWord, lengthOf, Slice, startsWithWord } from "../bytes/slice";
import { Op } from "../core/logic/opcodes";
import { isVersion } from "../core/logic/sem-ver";
import * as codes from "../vocabulary/problems";
import { textBesideTime, putTimeFault } from "./check-time";
import { Node } from "./node";
import { beginMessage, hint, message, putFound, report, warn } from "./problems";
import { put, putNumber } from "../bytes/writer";
import { Word } from "../bytes/word";

/** Whether faults are errors: in `when`, where no one else evaluates the rule. */
let strict: bool = false;

function doubt(node: Node, code: Word, expected: Word): void {
  beginMessage();
  put(message, expected);
  put(message, ", got ");
  putFound(node);
  if (strict) report(node, code);
  else warn(node, code);
}

/** Looks at the arguments of a rule: `list` is the array, or the single value that is written without one. */
export function checkOperands(op: Op, list: Node, isStrict: bool): void {
  strict = isStrict;
  // In `when` every name is checked: check-names.ts.
  if (op == Op.Var && !isStrict) checkPath(list.kind == Token.Array ? list.first : list);
  if (list.kind != Token.Array) return;
  if (op >= Op.Eq && op <= Op.Le) return checkComparison(list);
  if (op == Op.StartsWith || op == Op.EndsWith) checkTexts(list);
  else if (op == Op.SemVer) checkVersions(list);
  else if (op == Op.Fractional) checkBuckets(list);
}

function checkPath(node: Node | null): void {
  if (!node || node.kind != Token.String || !startsWithWord(node.text, "$flagd.")) return;
  if (isWord(node.text, "$flagd.flagKey") || isWord(node.text, "$flagd.timestamp")) return;
  doubt(node, codes.NAME, "$flagd has flagKey and timestamp");
}

function checkComparison(list: Node): void {
  const text = textBesideTime(list);
  if (!text) return;
  putTimeFault(text.text);
  if (strict) report(text, codes.TYPE);
  else hint(text, codes.NO_EFFECT);
}

function checkTexts(list: Node): void {
  for (let node = list.first; node; node = nextOf(node)) {
    if (node.kind != Token.String && node.kind != Token.Object)
      doubt(node, codes.TYPE, "must be a string or a rule");
  }
}

function checkVersions(list: Node): void {
  if (list.count != 3) return doubt(list, codes.VALUE, "must be [version, operator, version]");
  const operator = list.head.behind;
  checkVersion(list.head);
  checkVersion(operator.behind);
  if (operator.kind == Token.String && !isComparison(operator.text)) {
    doubt(operator, codes.VALUE, "must be one of = != < <= > >= ^ ~");
  }
}

function checkVersion(node: Node): void {
  if (node.kind == Token.String && !isVersion(node.text))
    doubt(node, codes.VALUE, "must be a version like 1.2.3");
}

function isComparison(text: Slice): bool {
  const first = lengthOf(text) == 0 ? 0 : load<u8>(addressOf(text));
  if (lengthOf(text) == 1) {
    return (
      first == ascii.EQUALS ||
      first == ascii.LESS ||
      first == ascii.GREATER ||
      first == ascii.CARET ||
      first == ascii.TILDE
    );
  }
  return isWord(text, "!=") || isWord(text, "<=") || isWord(text, ">=");
}

/** `[what to bucket by]?, [variant, weight?]…` */
function checkBuckets(list: Node): void {
  for (let node = list.first; node; node = nextOf(node)) {
    if (node.kind != Token.Array) {
      const mayBucket = node.index == 0 && node.kind == Token.Object;
      if (!mayBucket)
        doubt(node, codes.TYPE, node.index == 0 ? "must be a rule or a bucket" : "must be a bucket");
      continue;
    }
    if (node.count == 0 || node.count > 2) doubtBucket(node);
    if (node.count < 2) continue;
    checkWeight(node.head.behind);
  }
}

function doubtBucket(bucket: Node): void {
  beginMessage();
  put(message, "a bucket is [variant] or [variant, weight], got ");
  putNumber(message, bucket.count);
  put(message, bucket.count == 1 ? " element" : " elements");
  if (strict) report(bucket, codes.VALUE);
  else warn(bucket, codes.VALUE);
}

function checkWeight(node: Node): void {
  if (node.kind == Token.Object) return;
  let whole = node.kind == Token.Number;
  for (let i: u32 = 0; i < lengthOf(node.text) && whole; i++) {
    const byte = load<u8>(addressOf(node.text) + i);
    if (!ascii.isDigit(byte)) whole = false;
  }
  if (!whole) doubt(node, codes.VALUE, "a weight is a whole number, 0 or more");
}
