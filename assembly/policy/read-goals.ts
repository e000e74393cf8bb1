// `goals`: which requests reach one, what a success is worth, and for which rollouts it is counted.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { addressOf, isWord, lengthOf, NONE, sameText, Slice } from "../bytes/slice";
import { ABSENT, find, insert, newTable, Table } from "../bytes/table";
import { put, putNumber, putString } from "../bytes/writer";
import { Word } from "../bytes/word";
import { Goal, GoalPair, nextOfRollout, STATUS_WORDS } from "../core/goal-plan";
import { signShares } from "../core/layout";
import { Rollout, Signals } from "../core/plan";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { build, isNamed, kept, keptAfter, keptLower, record, records } from "./build";
import { memberOf, Node } from "./node";
import {
  beginMessage,
  errorCount,
  fail,
  failWith,
  hintWith,
  isKind,
  message,
  missingKey,
  putOverLimit,
  report,
  unknownKey,
} from "./problems";
import { readMatch } from "./read-match";
import { readWhole } from "./read-number";
import { failReference } from "./references";
import { isToken, NOT_WHOLE } from "./scalars";
import { signGoal } from "./signature";

const KNOWN_GOAL = "match status rollouts value";
const KNOWN_VALUE = "header max";

const FIRST_STATUS: u32 = 100;
const LAST_STATUS: u32 = 599;
const THOUSANDTHS: u64 = 1000;

/** The policy's `rollouts`; null without. */
let rolloutNodes: Node | null = null;
/** The last rollout of the goal that is being read. */
let lastPair: GoalPair | null = null;
/** Rollout's name -> its number, made when a goal names its rollouts. */
let numbers: Table = changetype<Table>(0);

/**
 * Reads all goals into the plan, behind its rollouts and shadows.
 * @param rollouts the policy's `rollouts`, which were read
 */
export function readGoals(object: Node, rollouts: Node | null): void {
  if (!isKind(object, Token.Object)) return;
  if (object.count > (limits.GOALS as u32)) {
    putOverLimit(limits.GOALS, " goals");
    return report(object, codes.LIMIT);
  }
  const plan = build.plan;
  plan.goals = records<Goal>(object.count);
  if (plan.goals.isNone) return;
  rolloutNodes = rollouts;
  numbers = changetype<Table>(0);
  for (let node = object.first; node; node = nextOf(node)) {
    isNamed(node, "a goal's name");
    readGoal(node, plan.goal(plan.goalCount));
    plan.goalCount++;
    if (plan.arena.failed) return;
  }
  // The goals of a rollout are part of what its evidence counts.
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    const rollout = plan.rollout(i);
    if (rollout.goalCount != 0 && rollout.slots != 0) signShares(rollout);
  }
}

function readGoal(node: Node, goal: Goal): void {
  if (!isKind(node, Token.Object)) return;
  lastPair = null;
  goal.name = kept(node.key);
  goal.statuses = records<u64>(STATUS_WORDS);
  if (goal.statuses.isNone) return;
  let hasMatch = false;
  let hasStatus = false;
  let named: Node | null = null;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "match")) {
      hasMatch = true;
      goal.entries = readMatch(
        member,
        build.plan.rolloutCount + build.plan.shadowCount + build.plan.goalCount,
      );
    } else if (isWord(member.key, "status")) {
      hasStatus = true;
      readStatuses(member, goal);
    } else if (isWord(member.key, "rollouts")) {
      named = member;
    } else if (isWord(member.key, "value")) {
      readValue(member, goal);
    } else {
      unknownKey(member, KNOWN_GOAL);
    }
  }
  if (!hasMatch) missingKey(node, "match", "the requests that reach the goal, like those of a rollout");
  if (!hasStatus) takeClass(goal, 2);
  if (named) readRolloutNames(named, node, goal);
  else pairAll(node, goal);
}

function readStatuses(list: Node, goal: Goal): void {
  if (!isKind(list, Token.Array)) return;
  if (list.count == 0) return failWith(list, codes.VALUE, "must have at least one status");
  if (list.count > (limits.GOAL_STATUSES as u32)) {
    putOverLimit(limits.GOAL_STATUSES, " statuses");
    return report(list, codes.LIMIT);
  }
  for (let item = list.first; item; item = nextOf(item)) {
    if (item.kind == Token.Number) {
      const status = readWhole(item, FIRST_STATUS, LAST_STATUS);
      if (status != NOT_WHOLE) goal.take(status);
    } else if (item.kind == Token.String && classOf(item.text) != 0) {
      takeClass(goal, classOf(item.text));
    } else {
      fail(
        item,
        item.kind == Token.String ? codes.VALUE : codes.TYPE,
        "must be a class of statuses like 2xx, or a number like 303",
      );
    }
  }
}

/** The number of a class, `2xx`; 0 for anything else. */
function classOf(text: Slice): u32 {
  const at = addressOf(text);
  if (lengthOf(text) != 3 || load<u8>(at, 1) != ascii.LOWER_X || load<u8>(at, 2) != ascii.LOWER_X) return 0;
  const digit = (load<u8>(at) - ascii.ZERO) as u32;
  return digit >= 1 && digit <= 5 ? digit : 0;
}

function takeClass(goal: Goal, first: u32): void {
  for (let status = first * 100; status < first * 100 + 100; status++) goal.take(status);
}

function readValue(node: Node, goal: Goal): void {
  if (!isKind(node, Token.Object)) return;
  let hasHeader = false;
  let hasMost = false;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "header")) {
      hasHeader = true;
      if (!isKind(member, Token.String)) continue;
      if (isToken(member.text)) goal.valueProperty = keptAfter("response\0headers\0", keptLower(member.text));
      else fail(member, codes.NAME, "must be a header's name");
    } else if (isWord(member.key, "max")) {
      hasMost = true;
      const most = readWhole(member, 1, limits.GOAL_VALUE);
      if (most != NOT_WHOLE) goal.most = (most as u64) * THOUSANDTHS;
    } else {
      unknownKey(member, KNOWN_VALUE);
    }
  }
  if (!hasHeader) missingKey(node, "header", "the response header that has the number");
  if (!hasMost) missingKey(node, "max", "the most that one success is worth");
}

/** Reads the names of the rollouts that a goal is counted for. */
function readRolloutNames(list: Node, node: Node, goal: Goal): void {
  if (!isKind(list, Token.Array)) return;
  if (list.count == 0)
    return failWith(list, codes.VALUE, "must name at least one rollout; without rollouts, all");
  if (list.count > (limits.GOAL_PAIRS as u32)) return reportPairs(node);
  for (let item = list.first; item; item = nextOf(item)) {
    if (!isKind(item, Token.String)) continue;
    const number = numberOf(item.text);
    if (number == ABSENT) {
      failReference(item, "no such rollout in this policy: ", rolloutNodes);
      continue;
    }
    const rollout = build.plan.rollout(number);
    const last = rollout.goals;
    if (last && last.goal == goal) {
      failWith(item, codes.VALUE, "names the same rollout twice");
      continue;
    }
    if (rollout.signals == Signals.Count) {
      failWith(item, codes.CONFLICT, "its signals are count, which counts no goals: use full or matched");
    } else if (rollout.isRandom) {
      failWith(item, codes.CONFLICT, "under identity: random no user comes back to reach a goal");
    } else if (!rollout.identity) {
      failWith(item, codes.CONFLICT, "has no identity, so it has no users that could reach a goal");
    } else if (canPair(rollout) && !pair(node, goal, rollout, number)) {
      return;
    }
  }
}

/** Counts a goal for each rollout whose users are counted. */
function pairAll(node: Node, goal: Goal): void {
  const plan = build.plan;
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    if (canPair(plan.rollout(i)) && !pair(node, goal, plan.rollout(i), i)) return;
  }
  if (!goal.pairs && errorCount() == 0)
    hintWith(node, codes.NO_EFFECT, "there is no rollout whose users could reach it: nothing is counted");
}

/** Whether users of a rollout are counted by what they meet; not so of one that was refused. */
function canPair(rollout: Rollout): bool {
  return rollout.stats > 1 && !rollout.isRandom;
}

/** @returns false when there are too many pairs, which was reported, or no memory */
function pair(node: Node, goal: Goal, rollout: Rollout, number: u32): bool {
  const plan = build.plan;
  if (plan.goalPairCount == (limits.GOAL_PAIRS as u32)) {
    reportPairs(node);
    return false;
  }
  const made = record<GoalPair>();
  if (!made) return false;
  made.goal = goal;
  made.rollout = number;
  made.index = rollout.goalCount;
  const before = lastPair;
  if (before) before.nextOfGoal = made;
  else goal.pairs = made;
  lastPair = made;
  // The last one first, so that a rollout named twice is seen at once.
  made.nextOfRollout = rollout.goals;
  rollout.goals = made;
  rollout.goalCount++;
  rollout.stats++;
  plan.goalPairCount++;
  signGoal(node, rollout);
  return true;
}

function reportPairs(node: Node): void {
  beginMessage();
  put(message, "more than ");
  putNumber(message, limits.GOAL_PAIRS);
  put(message, " pairs of a goal and a rollout in all goals: name fewer rollouts");
  report(node, codes.LIMIT);
}

/** The number of a rollout; ABSENT when there is none of that name. */
function numberOf(name: Slice): u32 {
  const plan = build.plan;
  if (changetype<usize>(numbers) == 0) {
    numbers = newTable(build.reading);
    if (changetype<usize>(numbers) == 0) return ABSENT;
    for (let i: u32 = 0; i < plan.rolloutCount; i++) {
      if (!insert(build.reading, numbers, plan.rollout(i).name, i)) return ABSENT;
    }
  }
  return find(numbers, name);
}

/**
 * Checks the goals that ramps name.
 * @param rollouts the policy's `rollouts`
 * @param goals its `goals`, which were read; null without
 * @param isSound whether no goal had a problem
 */
export function checkRampGoals(rollouts: Node, goals: Node | null, isSound: bool): void {
  for (let node = rollouts.first; node; node = nextOf(node)) {
    const variants = memberOf(node, "variants");
    if (!variants) continue;
    for (let variant = variants.first; variant; variant = nextOf(variant)) {
      const ramp = memberOf(variant, "ramp");
      const list = ramp ? memberOf(ramp, "goals") : null;
      if (!list || list.kind != Token.Array || node.index >= build.plan.rolloutCount) continue;
      for (let item = list.first; item; item = nextOf(item)) {
        if (item.kind == Token.String) checkRampGoal(item, node.index, goals, isSound);
      }
    }
  }
}

function checkRampGoal(item: Node, rollout: u32, goals: Node | null, isSound: bool): void {
  let goal = goals ? goals.first : null;
  while (goal && !sameText(goal.key, item.text)) goal = nextOf(goal);
  if (!goal) return failReference(item, "no such goal in this policy: ", goals);
  if (!isSound) return;
  for (let pair = build.plan.rollout(rollout).goals; pair; pair = nextOfRollout(pair)) {
    if (sameText(pair.goal.name, item.text)) return;
  }
  beginMessage();
  put(message, "the goal ");
  putString(message, item.text);
  put(message, " is not counted for this rollout: it has to be one of the goal's rollouts");
  report(item, codes.REFERENCE);
}
