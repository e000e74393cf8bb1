// The whole policy: text in, plan or problems out. What is accepted depends only on the text.

import { Token } from "../bytes/json-reader";
import { Arena, closeArena, openArena } from "../bytes/arena";
import { nextOf, takeRecord } from "../bytes/records";
import { isWord, lengthOf, Slice, sliceOf, sliceOfWord } from "../bytes/slice";
import { measureRows, newTable } from "../bytes/table";
import { put, putNumber } from "../bytes/writer";
import { decision, makeRoom } from "../core/decision";
import { Inputs, Plan, Steer } from "../core/plan";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { beginBuild, build } from "./build";
import { endCode } from "./code";
import { beginExpressions } from "./compile-expression";
import { compileIndex, newIndex } from "./compile-index";
import { beginRules, readEvaluators } from "./compile-rule";
import { memberOf, Node } from "./node";
import {
  beginMessage,
  beginProblems,
  errorCount,
  fail,
  isKind,
  isTruth,
  message,
  reportAt,
  unknownKey,
} from "./problems";
import { markShadows, readEffects, readShadowSecret } from "./read-effects";
import { readFlagd } from "./read-flagd";
import { metadataOf, readFlags } from "./read-flags";
import { checkRampGoals, readGoals } from "./read-goals";
import { readIdentity } from "./read-identity";
import { readLimits } from "./read-limits";
import { checkRampShadows } from "./read-ramp";
import { readRollouts } from "./read-rollout";
import { readShadows } from "./read-shadow";
import { readTree } from "./tree";
import { beginNames, variableFor } from "./variable-names";

const KNOWN_POLICY =
  "identity rollouts goals shadows shadowSecret effects flags flagd limits steer observe $schema $evaluators metadata";

const KNOWN_OBSERVE = "filterState";

/** What there is to say of a reading besides its plan and its problems. */
@unmanaged
export class Reading {
  /** It ended for lack of memory: that says nothing about the policy. */
  starved: bool;
}

/**
 * Compiles a policy. Its problems and warnings are then in `problems.ts`, and the text has to stay until they are
 * written. No text at all is the empty policy.
 * @returns the plan; null when the policy is refused, or without memory (`starved` of `how`)
 */
export function compilePlan(text: Slice, how: Reading): Plan | null {
  beginProblems(text);
  how.starved = true;
  const reading = openArena();
  if (!reading) return null;
  const built = openArena();
  if (!built) {
    closeArena(reading);
    return null;
  }
  const plan = newPlan(built);
  const root = plan && lengthOf(text) != 0 ? readTree(reading, text) : null;
  if (root && plan) readPolicy(plan, reading, root);
  const sound = !!plan && errorCount() == 0 && !reading.failed && finish(plan);
  how.starved = reading.failed || built.failed;
  endCode();
  if (!sound) closeArena(built);
  readingArena = reading;
  return sound ? plan : null;
}

/** The tree has to stay for the problems' pointers; it goes with `endReading`. */
let readingArena: Arena | null = null;

/** Gives back what the reading took, once the problems are written. */
export function endReading(): void {
  const arena = readingArena;
  if (arena) closeArena(arena);
  readingArena = null;
}

/** The host could not hand over the text: no word about the policy itself. */
export function noText(how: Reading): Plan | null {
  beginProblems(sliceOf(0, 0));
  how.starved = true;
  return null;
}

/** Refuses a policy over the limit of bytes, whose text was not even fetched. */
export function refuseSize(bytes: u32, how: Reading): Plan | null {
  beginProblems(sliceOf(0, 0));
  how.starved = false;
  beginMessage();
  put(message, "the policy has ");
  putNumber(message, bytes);
  put(message, " bytes, more than the limit of ");
  putNumber(message, limits.POLICY_BYTES);
  reportAt(null, 0, codes.LIMIT);
  return null;
}

function newPlan(arena: Arena): Plan | null {
  const plan = takeRecord<Plan>(arena);
  const inputs = takeRecord<Inputs>(arena);
  if (!plan || !inputs) return null;
  plan.arena = arena;
  plan.inputs = inputs;
  inputs.headers = newTable(arena);
  inputs.cookies = newTable(arena);
  inputs.params = newTable(arena);
  inputs.claims = newTable(arena);
  plan.variables = newTable(arena);
  plan.flagKeys = newTable(arena);
  plan.generation = 2;
  plan.work = limits.WORK;
  return newIndex(plan) ? plan : null;
}

function readPolicy(plan: Plan, reading: Arena, root: Node): void {
  if (!isKind(root, Token.Object)) return;
  const identity = memberOf(root, "identity");
  beginBuild(plan, reading, identity != null);
  beginRules();
  beginNames();
  beginExpressions();
  const settings = memberOf(root, "flagd");
  if (settings) readFlagd(settings);
  const key = variableFor(sliceOfWord("targetingKey"));
  if (!key) return;
  plan.targetingKey = key;
  // Read before the rollouts, wherever it is written: they fall back on it.
  if (identity) plan.identity = readIdentity(identity);
  // So do the rules on these.
  const shared = memberOf(root, "$evaluators");
  if (shared && isKind(shared, Token.Object)) readEvaluators(shared);
  // And matches on flags.
  const flags = memberOf(root, "flags");
  if (flags) readFlags(flags);
  // And rollouts on whether a header steers.
  const steer = memberOf(root, "steer");
  if (steer) readSteer(plan, steer);
  let shadows: Node | null = null;
  let goals: Node | null = null;
  let effects: Node | null = null;
  let secret: Node | null = null;
  for (let node = root.first; node; node = nextOf(node)) {
    const key = node.key;
    if (
      isWord(key, "identity") ||
      isWord(key, "$evaluators") ||
      isWord(key, "flagd") ||
      isWord(key, "steer")
    ) {
      continue;
    } else if (isWord(key, "rollouts")) {
      if (plan.rolloutCount == 0) readRollouts(node);
    } else if (isWord(key, "limits")) {
      readLimits(plan, node);
    } else if (isWord(key, "observe")) {
      readObserve(plan, node);
    } else if (isWord(key, "shadows")) {
      shadows = node;
    } else if (isWord(key, "goals")) {
      goals = node;
    } else if (isWord(key, "effects")) {
      effects = node;
    } else if (isWord(key, "shadowSecret")) {
      secret = node;
    } else if (isWord(key, "flags")) {
      continue;
    } else if (isWord(key, "metadata")) {
      plan.metadata = metadataOf(node);
    } else if (isWord(key, "$schema")) {
      isKind(node, Token.String);
    } else {
      unknownKey(node, KNOWN_POLICY);
    }
  }
  // Read after the rollouts, wherever they are written: their numbers follow.
  if (shadows) readShadows(shadows);
  if (secret) readShadowSecret(secret);
  markShadows();
  const errors = errorCount();
  const rollouts = memberOf(root, "rollouts");
  if (goals) readGoals(goals, rollouts);
  if (effects) readEffects(effects, secret != null);
  if (rollouts && build.hasRampGoals) checkRampGoals(rollouts, goals, errorCount() == errors);
  if (rollouts && build.hasRampShadows) checkRampShadows(rollouts, shadows);
}

function readObserve(plan: Plan, object: Node): void {
  if (!isKind(object, Token.Object)) return;
  for (let node = object.first; node; node = nextOf(node)) {
    if (!isWord(node.key, "filterState")) unknownKey(node, KNOWN_OBSERVE);
    else if (isTruth(node)) plan.observes = node.kind == Token.True;
  }
}

function readSteer(plan: Plan, node: Node): void {
  if (!isKind(node, Token.String)) return;
  plan.steer = isWord(node.text, "filterState") ? Steer.FilterState : Steer.Header;
  if (plan.steer == Steer.Header && !isWord(node.text, "header"))
    fail(node, codes.VALUE, "must be header or filterState");
}

/** What can be made only when everything was read. @returns false without memory */
function finish(plan: Plan): bool {
  measureRows(plan.variables);
  if (compileIndex(plan) && !plan.arena.failed && makeRoom(decision, plan)) return true;
  plan.arena.failed = true;
  return false;
}
