// `guard` of a rollout: what happens to a variant that makes things worse.

import { Token } from "../bytes/json-reader";
import { parseNumber } from "../bytes/number-parse";
import { nextOf } from "../bytes/records";
import { isWord } from "../bytes/slice";
import { GuardAction, Rollout, Signals } from "../core/plan";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { Node } from "./node";
import { fail, failWith, hintWith, isKind, isTruth, unknownKey } from "./problems";

const KNOWN_GUARD = "action falseAlarm ignoreBursts";
const DEFAULT_FALSE_ALARM: f64 = 0.001;

/** Reads `guard`: `{ action, falseAlarm, ignoreBursts }`. */
export function readGuard(node: Node, rollout: Rollout): void {
  if (!isKind(node, Token.Object)) return;
  rollout.guard = GuardAction.Rollback;
  rollout.falseAlarm = DEFAULT_FALSE_ALARM;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "action")) {
      if (!isKind(member, Token.String)) continue;
      if (isWord(member.text, "alarm")) rollout.guard = GuardAction.Alarm;
      else if (!isWord(member.text, "rollback")) fail(member, codes.VALUE, "must be rollback or alarm");
    } else if (isWord(member.key, "falseAlarm")) {
      readFalseAlarm(member, rollout);
    } else if (isWord(member.key, "ignoreBursts")) {
      rollout.ignoresBursts = isTruth(member) && member.kind == Token.True;
    } else {
      unknownKey(member, KNOWN_GUARD);
    }
  }
}

function readFalseAlarm(node: Node, rollout: Rollout): void {
  if (node.kind != Token.Number) return fail(node, codes.TYPE, "must be a number from 0.000001 to 0.1");
  const value = parseNumber(node.text);
  if (value >= limits.LEAST_FALSE_ALARM && value <= limits.FALSE_ALARM) rollout.falseAlarm = value;
  else fail(node, codes.RANGE, "must be 0.000001 to 0.1");
}

/** Reports a guard that could never act, once the whole rollout is read. */
export function checkGuard(node: Node, rollout: Rollout): void {
  if (rollout.signals == Signals.Count) {
    failWith(node, codes.CONFLICT, "a guard goes by errors, which signals: count does not count");
  } else if (rollout.slots != 0 && rollout.controlBelow == 0) {
    hintWith(
      node,
      codes.NO_EFFECT,
      "nobody gets the default, so there is no control group to hold a variant against: the guard is off",
    );
  }
}
