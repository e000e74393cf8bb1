// `ramp` of a variant: the shares that it takes one after the other, by `serin advance` or by the clock.

import { beginHash, Hash64, hashNumber, hashOf } from "../bytes/hash64";
import { Token } from "../bytes/json-reader";
import { fixed, nextOf } from "../bytes/records";
import { isWord, sameText } from "../bytes/slice";
import { Variant } from "../core/plan";
import { Ramp } from "../core/ramp";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { build, record, records, share } from "./build";
import { memberOf, Node } from "./node";
import {
  errorCount,
  fail,
  failWith,
  hintWith,
  isKind,
  isTruth,
  missingKey,
  putOverLimit,
  report,
  unknownKey,
} from "./problems";
import { failReference } from "./references";
import { instant, NO_DURATION, NO_INSTANT, seconds } from "./scalars";

const KNOWN_RAMP = "steps every start paused goals after";
const KNOWN_AFTER = "shadow";
const MOST_STEPS: u32 = limits.STEPS as u32;
const SECOND: u64 = 1000000000;

const hash: Hash64 = fixed<Hash64>();

/** Reads `ramp`: `{ steps, every, start, paused, goals, after }`. */
export function readRamp(node: Node, variant: Variant): void {
  if (!isKind(node, Token.Object)) return;
  const ramp = record<Ramp>();
  if (!ramp) return;
  variant.ramp = ramp;
  let hasSteps = false;
  let hasEvery = false;
  let goals: Node | null = null;
  let after: Node | null = null;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "steps")) {
      hasSteps = true;
      readSteps(member, ramp);
    } else if (isWord(member.key, "every")) {
      hasEvery = true;
      readEvery(member, ramp);
    } else if (isWord(member.key, "start")) {
      readStart(member, ramp);
    } else if (isWord(member.key, "paused")) {
      ramp.isPaused = isTruth(member) && member.kind == Token.True;
    } else if (isWord(member.key, "goals")) {
      goals = member;
      readGoalNames(member);
    } else if (isWord(member.key, "after")) {
      after = member;
      readAfter(member);
    } else {
      unknownKey(member, KNOWN_RAMP);
    }
  }
  if (!hasSteps) missingKey(node, "steps", "the percents that the variant takes, like [1, 5, 25, 50, 100]");
  if (!hasEvery) missingKey(node, "every", "how long it stays on a step at least, like 30m");
  if (goals && ramp.startNs != 0)
    hintWith(
      goals,
      codes.NO_EFFECT,
      "a ramp with a start takes its steps by the clock, whatever the goals say",
    );
  if (after && ramp.startNs != 0)
    hintWith(
      after,
      codes.NO_EFFECT,
      "a ramp with a start takes its steps by the clock, whatever the shadow's verdict is",
    );
  beginHash(hash);
  for (let i: u32 = 0; i < ramp.stepCount; i++) hashNumber(hash, ramp.steps.at(i));
  hashNumber(hash, ramp.everyNs);
  hashNumber(hash, ramp.startNs);
  ramp.signature = hashOf(hash);
}

function readSteps(node: Node, ramp: Ramp): void {
  if (!isKind(node, Token.Array)) return;
  if (node.count > MOST_STEPS) {
    putOverLimit(limits.STEPS, " steps");
    return report(node, codes.LIMIT);
  }
  if (node.count == 0) return failWith(node, codes.VALUE, "must have at least one step");
  ramp.steps = records<u32>(node.count);
  if (ramp.steps.isNone) return;
  let before: u32 = 0;
  for (let item = node.first; item; item = nextOf(item)) {
    const errors = errorCount();
    const step = share(item);
    if (errorCount() != errors) continue;
    if (step <= before) {
      fail(item, codes.VALUE, before == 0 ? "must be above 0" : "must be more than the step before it");
      continue;
    }
    before = step;
    ramp.steps.set(ramp.stepCount, step);
    ramp.stepCount++;
  }
}

/** Reads the goals that a step waits for: whether there are such goals is known once they are read (read-goals.ts). */
function readGoalNames(list: Node): void {
  if (!isKind(list, Token.Array)) return;
  if (list.count == 0) return failWith(list, codes.VALUE, "must name at least one goal");
  if (list.count > (limits.GOALS as u32)) {
    putOverLimit(limits.GOALS, " goals");
    return report(list, codes.LIMIT);
  }
  for (let item = list.first; item; item = nextOf(item)) isKind(item, Token.String);
  build.hasRampGoals = true;
}

/** Reads the shadow that has to pass before the first step: whether there is such a one is known later (checkRampShadows). */
function readAfter(node: Node): void {
  if (!isKind(node, Token.Object)) return;
  let hasShadow = false;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "shadow")) {
      hasShadow = true;
      isKind(member, Token.String);
      build.hasRampShadows = true;
    } else {
      unknownKey(member, KNOWN_AFTER);
    }
  }
  if (!hasShadow) missingKey(node, "shadow", "the shadow that has to pass before the first step");
}

/**
 * Checks the shadows that ramps name.
 * @param rollouts the policy's `rollouts`
 * @param shadows its `shadows`, which were read; null without
 */
export function checkRampShadows(rollouts: Node, shadows: Node | null): void {
  for (let node = rollouts.first; node; node = nextOf(node)) {
    const variants = memberOf(node, "variants");
    if (!variants) continue;
    for (let variant = variants.first; variant; variant = nextOf(variant)) {
      const ramp = memberOf(variant, "ramp");
      const after = ramp ? memberOf(ramp, "after") : null;
      const name = after ? memberOf(after, "shadow") : null;
      if (name && name.kind == Token.String) checkRampShadow(name, shadows);
    }
  }
}

function checkRampShadow(name: Node, shadows: Node | null): void {
  let found = shadows ? shadows.first : null;
  while (found && !sameText(found.key, name.text)) found = nextOf(found);
  if (!found) return failReference(name, "no such shadow in this policy: ", shadows);
  for (let i: u32 = 0; i < build.plan.shadowCount; i++) {
    const shadow = build.plan.shadow(i);
    if (!sameText(shadow.name, name.text) || shadow.compares) continue;
    failWith(name, codes.CONFLICT, "this shadow compares nothing, so it never passes: give it compare");
  }
}

function readEvery(node: Node, ramp: Ramp): void {
  if (!isKind(node, Token.String)) return;
  const value = seconds(node.text);
  if (value == NO_DURATION)
    fail(node, codes.VALUE, "must be a number and s, m, h, d or w, at most ten years, like 30m");
  else ramp.everyNs = (value as u64) * SECOND;
}

function readStart(node: Node, ramp: Ramp): void {
  if (!isKind(node, Token.String)) return;
  const value = instant(node.text);
  if (value == NO_INSTANT) {
    fail(node, codes.VALUE, "must be a time from 1970 on as RFC 3339 has it, like 2026-12-01T09:00:00Z");
  } else {
    ramp.startNs = value * SECOND;
  }
}
