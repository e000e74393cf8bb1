// Why a request was decided so, rollout by rollout, also those that do not apply: the line at trace level that
// `serin explain` puts into words. It looks at every entry by itself, without the index.

import * as json from "../bytes/json-writer";
import { lengthOf, NONE } from "../bytes/slice";
import { Writer } from "../bytes/writer";
import { isOfControl, putCluster, putGiven } from "./decision-line";
import { failedOf, Mismatch } from "./match";
import { fixed, nextOf } from "../bytes/records";
import { Word } from "../bytes/word";
import { Decision, Draw, Drawn, Given, GivenReason, Reached } from "./decision";
import { Reach, reachOf, reachOfAll } from "./goal";
import { Goal, nextOfGoal } from "./goal-plan";
import { Identity, SourceKind } from "./identity-plan";
import { Entry } from "./match-plan";
import { NO_SLOT, Rollout } from "./plan";
import { answerFlag } from "./flag";
import { readCookies } from "./cookies";
import { holds, Truth } from "./logic/evaluate";
import { beginTrace, endTrace } from "./logic/trace";
import { RuleError } from "./logic/opcodes";
import { beginWork, workDone } from "./logic/work";
import { Rule } from "./rule-plan";
import { opensTunnel, takesMethod } from "./shadow";
import { variantNamed } from "./split";
import { Shadow } from "./shadow-plan";
import { view } from "./view";

function sourceWord(kind: SourceKind): Word {
  if (kind == SourceKind.Cookie) return "cookie";
  if (kind == SourceKind.Header) return "header";
  if (kind == SourceKind.Query) return "query";
  if (kind == SourceKind.Jwt) return "jwt";
  if (kind == SourceKind.Address) return "sourceAddress";
  return kind == SourceKind.Issue ? "issueCookie" : "random";
}

function failureWord(code: Mismatch): Word {
  if (code == Mismatch.Hosts) return "hosts";
  if (code == Mismatch.Path) return "path";
  if (code == Mismatch.Method) return "method";
  if (code == Mismatch.Headers) return "headers";
  if (code == Mismatch.Address) return "sourceAddress";
  return code == Mismatch.Flag ? "flag" : "queryParams";
}

/** Puts the member `identity`: the value with its source, or null. */
function putIdentity(writer: Writer, decision: Decision, identity: Identity | null): void {
  const value = decision.identityOf(identity);
  json.name(writer, "identity");
  if (!identity || value == NONE) return json.nothing(writer);
  const source = identity.source(decision.visitors.at(identity.index).found);
  json.beginObject(writer);
  json.textAt(writer, "value", value);
  json.wordAt(writer, "source", sourceWord(source.kind));
  if (source.name != NONE) json.textAt(writer, "name", source.name);
  if (decision.visitors.at(identity.index).isDrawn) json.truthAt(writer, "drawn", true);
  json.endObject(writer);
}

/** Puts the explanation of the request that `decide` has just decided. */
export function putExplanation(writer: Writer, decision: Decision): void {
  json.beginObject(writer);
  json.objectAt(writer, "explain");
  json.objectAt(writer, "work");
  json.numberAt(writer, "spent", workDone());
  json.numberAt(writer, "limit", decision.plan.work);
  json.endObject(writer);
  putIdentity(writer, decision, decision.plan.identity);
  json.objectAt(writer, "rollouts");
  putRollouts(writer, decision);
  json.endObject(writer);
  json.objectAt(writer, "flags");
  putFlagSteps(writer, decision);
  json.endObject(writer);
  json.objectAt(writer, "shadows");
  putShadows(writer, decision);
  json.endObject(writer);
  if (decision.plan.goalCount != 0) {
    json.objectAt(writer, "goals");
    putGoals(writer, decision);
    json.endObject(writer);
  }
  if (decision.plan.effectCount != 0) {
    json.objectAt(writer, "effects");
    putEffects(writer, decision);
    json.endObject(writer);
  }
  json.endObject(writer);
  json.endObject(writer);
}

function putGoals(writer: Writer, decision: Decision): void {
  const plan = decision.plan;
  for (let i: u32 = 0; i < plan.goalCount; i++) {
    const goal = plan.goal(i);
    json.nameText(writer, goal.name);
    json.beginObject(writer);
    if (isMatched(decision, goal.entries)) putMatchedGoal(writer, decision, goal);
    else putFailures(writer, decision, goal.entries);
    json.endObject(writer);
  }
}

/** Which effects would name a shadow's call like this request; `first` is the one that counts. */
function putEffects(writer: Writer, decision: Decision): void {
  const plan = decision.plan;
  for (let i: u32 = 0; i < plan.effectCount; i++) {
    const effect = plan.effect(i);
    json.nameText(writer, effect.name);
    json.beginObject(writer);
    if (!effect.entries || isMatched(decision, effect.entries)) {
      json.truthAt(writer, "applies", true);
      putEntry(writer, decision, effect.entries);
      json.truthAt(writer, "first", decision.effect == effect);
      json.truthAt(writer, "answers", effect.answers);
      if (view.shadow != NONE) json.textAt(writer, "shadow", view.shadow);
    } else {
      putFailures(writer, decision, effect.entries);
    }
    json.endObject(writer);
  }
}

function isMatched(decision: Decision, entries: Entry | null): bool {
  for (let entry = entries; entry; entry = nextOf(entry)) {
    if (failedOf(decision, entry) == Mismatch.None) return true;
  }
  return false;
}

/** Puts the members of a goal whose match holds: which answers are a success, and for whom it counts. */
function putMatchedGoal(writer: Writer, decision: Decision, goal: Goal): void {
  json.truthAt(writer, "applies", true);
  putEntry(writer, decision, goal.entries);
  json.arrayAt(writer, "status");
  putStatuses(writer, goal);
  json.endArray(writer);
  const all = reachOfAll(decision, goal);
  if (all != Reach.Counts) json.wordAt(writer, "not", reachWord(all));
  json.objectAt(writer, "rollouts");
  for (let pair = goal.pairs; pair; pair = nextOfGoal(pair)) {
    json.nameText(writer, decision.plan.rollout(pair.rollout).name);
    json.beginObject(writer);
    const one = all == Reach.Counts ? reachOf(decision, pair, probe) : all;
    json.truthAt(writer, "counts", one == Reach.Counts);
    if (one != Reach.Counts) json.wordAt(writer, "not", reachWord(one));
    // Of the others the bucket is not known, or does not matter.
    if (one == Reach.Counts || one == Reach.RolledBack || one == Reach.NoControl) {
      putIdentity(writer, decision, probe.rollout.identity);
      json.textAt(writer, "variant", probe.variant.name);
      if (isOfControl(probe)) json.truthAt(writer, "control", one == Reach.Counts);
      json.numberAt(writer, "hash", probe.hash);
    }
    json.endObject(writer);
  }
  json.endObject(writer);
}

const probe: Reached = fixed<Reached>();

function reachWord(reach: Reach): Word {
  if (reach == Reach.Preflight) return "preflight";
  if (reach == Reach.Copy) return "copy";
  if (reach == Reach.Forced) return "forced";
  if (reach == Reach.Anonymous) return "anonymous";
  if (reach == Reach.Drawn) return "issued";
  if (reach == Reach.RolledBack) return "rolledBack";
  return reach == Reach.NoControl ? "noControl" : "noShare";
}

/** Puts the statuses of a success as the policy has them: whole classes, then codes. */
function putStatuses(writer: Writer, goal: Goal): void {
  for (let first: u32 = 100; first < 600; first += 100) {
    let count: u32 = 0;
    for (let i: u32 = 0; i < 100; i++) {
      if (goal.takes(first + i)) count++;
    }
    if (count == 100) json.word(writer, classWord(first));
    for (let i: u32 = 0; i < 100 && count != 100; i++) {
      if (goal.takes(first + i)) json.number(writer, first + i);
    }
  }
}

function classWord(first: u32): Word {
  if (first == 100) return "1xx";
  if (first == 200) return "2xx";
  if (first == 300) return "3xx";
  return first == 400 ? "4xx" : "5xx";
}

function putRollouts(writer: Writer, decision: Decision): void {
  let next: u32 = 0;
  const plan = decision.plan;
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    const rollout = plan.rollout(i);
    json.nameText(writer, rollout.name);
    json.beginObject(writer);
    if (next < decision.givenCount && decision.given.at(next).rollout == rollout) {
      putApplying(writer, decision, decision.given.at(next));
      next++;
    } else if (putFailures(writer, decision, rollout.entries)) {
      putRule(writer, decision, rollout.when);
    }
    json.endObject(writer);
  }
}

/**
 * Puts the members `when`, whether a rule holds, and `steps`, what it looked at: it runs once more for that, with the
 * same outcome. `failed` when it fails while it runs, and `outOfWork` when it came to no end for lack of work: it does
 * not run again then.
 */
function putRule(writer: Writer, decision: Decision, rule: Rule | null): void {
  if (!rule) return;
  if (rule.ended == RuleError.Work) {
    json.truthAt(writer, "when", false);
    json.truthAt(writer, "failed", true);
    return json.truthAt(writer, "outOfWork", true);
  }
  // No more than it took for the decision.
  beginWork(decision.plan.work);
  const errors = decision.ruleErrors;
  json.arrayAt(writer, "steps");
  beginTrace(writer, decision.plan.marks);
  const held = holds(decision, rule);
  endTrace();
  json.endArray(writer);
  json.truthAt(writer, "when", held == Truth.True);
  // It was counted when it ran for the decision.
  if (decision.ruleErrors != errors) json.truthAt(writer, "failed", true);
  decision.ruleErrors = errors;
}

/** Puts the member `force`: what the request asks for by header and by cookie, and the rule that says who may. */
function putForced(writer: Writer, decision: Decision, rollout: Rollout): void {
  const header = decision.valueOf(rollout.forceHeader);
  if (rollout.forceCookie != NO_SLOT) readCookies(decision);
  const cookie = decision.valueOf(rollout.forceCookie);
  if (lengthOf(header) == 0 && lengthOf(cookie) == 0) return;
  json.objectAt(writer, "force");
  if (lengthOf(header) != 0) json.textAt(writer, "header", header);
  if (lengthOf(cookie) != 0) json.textAt(writer, "cookie", cookie);
  if (variantNamed(rollout, header) || variantNamed(rollout, cookie)) {
    putRule(writer, decision, rollout.forceWhen);
  }
  json.endObject(writer);
}

/** Puts what the targeting of each flag looked at: it runs once more for that, with the same outcome. */
function putFlagSteps(writer: Writer, decision: Decision): void {
  const plan = decision.plan;
  for (let i: u32 = 0; i < plan.flagCount; i++) {
    const flag = plan.flag(i);
    if (!decision.answerOf(flag) || !flag.targeting || flag.disabled) continue;
    json.nameText(writer, flag.key);
    json.beginObject(writer);
    const targeting = flag.targeting;
    if (targeting && targeting.ended == RuleError.Work) {
      json.truthAt(writer, "outOfWork", true);
      json.endObject(writer);
      continue;
    }
    beginWork(plan.work);
    json.arrayAt(writer, "steps");
    beginTrace(writer, plan.marks);
    answerFlag(decision, flag);
    endTrace();
    json.endArray(writer);
    json.endObject(writer);
  }
}

/**
 * Puts the members of what does not apply: which entries fail, and why.
 * @returns whether an entry holds, or none is asked for: it was then something else that did not
 */
function putFailures(writer: Writer, decision: Decision, entries: Entry | null): bool {
  let matched = entries == null;
  json.truthAt(writer, "applies", false);
  json.arrayAt(writer, "entries");
  for (let entry = entries; entry; entry = nextOf(entry)) {
    const failed = failedOf(decision, entry);
    if (failed == Mismatch.None) {
      matched = true;
      json.nothing(writer);
    } else {
      json.word(writer, failureWord(failed));
    }
  }
  json.endArray(writer);
  return matched;
}

function putShadows(writer: Writer, decision: Decision): void {
  let next: u32 = 0;
  const plan = decision.plan;
  for (let i: u32 = 0; i < plan.shadowCount; i++) {
    const shadow = plan.shadow(i);
    json.nameText(writer, shadow.name);
    json.beginObject(writer);
    if (next < decision.drawnCount && decision.drawn.at(next).shadow == shadow) {
      putDrawn(writer, decision, shadow, decision.drawn.at(next));
      next++;
    } else {
      const matched = putFailures(writer, decision, shadow.entries);
      if (opensTunnel()) json.truthAt(writer, "upgrade", true);
      else if (!takesMethod(shadow, view.method)) json.truthAt(writer, "method", false);
      else if (matched) putRule(writer, decision, shadow.when);
    }
    json.endObject(writer);
  }
}

function putDrawn(writer: Writer, decision: Decision, shadow: Shadow, drawn: Drawn): void {
  json.truthAt(writer, "applies", true);
  putEntry(writer, decision, shadow.entries);
  putRule(writer, decision, shadow.when);
  json.truthAt(writer, "drawn", drawn.outcome >= Draw.TooLarge);
  json.wordAt(writer, "sample", shadow.byIdentity ? "identity" : "request");
  json.numberAt(writer, "share", shadow.share);
  if (shadow.byIdentity) {
    putIdentity(writer, decision, shadow.identity);
    if (drawn.outcome != Draw.Anonymous) {
      json.numberAt(writer, "hash", drawn.hash);
      json.numberAt(writer, "below", shadow.below);
    }
  }
  if (drawn.outcome == Draw.TooLarge) {
    json.truthAt(writer, "tooLarge", true);
    json.numberAt(writer, "maxBodyBytes", shadow.maxBodyBytes);
  }
  putCluster(writer, shadow);
}

/** Puts the member `entry`: the first that holds. */
function putEntry(writer: Writer, decision: Decision, entries: Entry | null): void {
  for (let entry = entries; entry; entry = nextOf(entry)) {
    if (failedOf(decision, entry) == Mismatch.None) return json.numberAt(writer, "entry", entry.index);
  }
}

function putApplying(writer: Writer, decision: Decision, given: Given): void {
  const rollout = given.rollout;
  json.truthAt(writer, "applies", true);
  putEntry(writer, decision, rollout.entries);
  putRule(writer, decision, rollout.when);
  putGiven(writer, given);
  if (!rollout.disabled) putForced(writer, decision, rollout);
  if (given.reason == GivenReason.Default && view.isPreflight) json.truthAt(writer, "preflight", true);
  if (given.reason == GivenReason.ForcedByHeader) {
    json.wordAt(writer, "forcedBy", "header");
    json.textAt(writer, "name", rollout.forceHeaderName);
  } else if (given.reason == GivenReason.ForcedByCookie) {
    json.wordAt(writer, "forcedBy", "cookie");
    json.textAt(writer, "name", rollout.forceCookieName);
  } else if (given.reason == GivenReason.Split || given.reason == GivenReason.RolledBack) {
    putIdentity(writer, decision, rollout.identity);
    json.textAt(writer, "salt", rollout.salt);
    json.numberAt(writer, "hash", given.hash);
    putSlots(writer, rollout);
  }
}

function putSlots(writer: Writer, rollout: Rollout): void {
  json.arrayAt(writer, "slots");
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    if (i == rollout.fallback) continue;
    const variant = rollout.variant(i);
    json.beginObject(writer);
    json.textAt(writer, "variant", variant.name);
    json.numberAt(writer, "begin", variant.begin);
    json.numberAt(writer, "end", variant.end);
    json.endObject(writer);
  }
  json.endArray(writer);
}
