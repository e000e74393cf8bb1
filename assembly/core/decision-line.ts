// The decision as one JSON line: what `serin decide` prints and what Envoy logs at debug level, from the same code.

import * as json from "../bytes/json-writer";
import { isWord, lengthOf, NONE } from "../bytes/slice";
import { beginText, put, putSlice, textOf, Writer } from "../bytes/writer";
import * as headerNames from "../vocabulary/headers";
import { anyExposed, putDictionary } from "./dictionary";
import { RuleError } from "./logic/opcodes";
import { putValue } from "./logic/value-text";
import * as reasons from "../vocabulary/reasons";
import * as statNames from "../vocabulary/stats";
import { fixed, nextOf } from "../bytes/records";
import { Word } from "../bytes/word";
import { Decision, Draw, Drawn, FlagReason, Given, GivenReason, Reached } from "./decision";
import { Effect } from "./effect-plan";
import { beginForged, nextForged } from "./own-headers";
import { Members, putLeft } from "./shadow-mark";
import { NO_SLOT, Steer } from "./plan";
import { anyIssued, isAnnounced, isSecure, putCookieHeader, putSetCookie, steeredCluster } from "./steering";
import { Dispatch, Shadow } from "./shadow-plan";
import { view } from "./view";

/** For texts that are JSON strings of the line. */
const part: Writer = fixed<Writer>();

/** OpenFeature's word for a GivenReason code. */
export function reasonOf(code: GivenReason): Word {
  if (code == GivenReason.Disabled) return reasons.DISABLED;
  if (code == GivenReason.Split) return reasons.SPLIT;
  const isForced = code == GivenReason.ForcedByHeader || code == GivenReason.ForcedByCookie;
  return isForced ? reasons.TARGETING_MATCH : reasons.DEFAULT;
}

/** Puts the members `variant`, `reason`, `guard` when one has acted, `fallback`, and `cluster` when the variant names one. */
export function putGiven(writer: Writer, given: Given): void {
  const variant = given.variant;
  json.textAt(writer, "variant", variant.name);
  json.wordAt(writer, "reason", reasonOf(given.reason));
  if (given.reason == GivenReason.RolledBack) json.wordAt(writer, "guard", "rolled back");
  if (given.reason == GivenReason.FellBack) json.truthAt(writer, "fallback", true);
  if (variant.cluster != NONE) json.textAt(writer, "cluster", variant.cluster);
}

/** Puts what is written for rollouts and cluster, as the members of one object. */
function putSteering(writer: Writer, decision: Decision): void {
  const byHeader = decision.plan.steer == Steer.Header;
  for (let i: u32 = 0; i < decision.givenCount; i++) {
    const given = decision.given.at(i);
    if (!isAnnounced(given)) continue;
    const rollout = given.rollout;
    if (byHeader) {
      json.nameText(writer, rollout.header);
    } else {
      json.beginName(writer);
      put(writer, headerNames.STATE_NAMESPACE);
      putSlice(writer, rollout.state);
      json.endName(writer);
    }
    const variant = given.variant;
    json.beginString(writer);
    putSlice(writer, variant.name);
    // The line may be logged: it says that there is a secret, never which.
    if (byHeader && variant.headerValue != variant.name) put(writer, ".***");
    json.endString(writer);
  }
  const cluster = steeredCluster(decision);
  if (cluster == NONE) return;
  json.beginName(writer);
  if (!byHeader) put(writer, headerNames.STATE_NAMESPACE);
  put(writer, byHeader ? headerNames.CLUSTER : headerNames.STATE_CLUSTER);
  json.endName(writer);
  json.text(writer, cluster);
}

/** flagd's word for an answer. */
export function flagReason(code: FlagReason): Word {
  if (code == FlagReason.Disabled) return reasons.DISABLED;
  if (code == FlagReason.Static) return reasons.STATIC;
  if (code == FlagReason.Default) return reasons.DEFAULT;
  return code == FlagReason.Error ? reasons.ERROR : reasons.TARGETING_MATCH;
}

/** Every flag that was evaluated for the request, as the members of an object. */
function putFlags(writer: Writer, decision: Decision): void {
  const plan = decision.plan;
  for (let i: u32 = 0; i < plan.flagCount; i++) {
    const flag = plan.flag(i);
    const answer = decision.answerOf(flag);
    if (!answer) continue;
    json.nameText(writer, flag.key);
    json.beginObject(writer);
    if (answer.given != NO_SLOT) {
      const variant = flag.variant(answer.given);
      json.name(writer, "value");
      putValue(writer, variant.value);
      json.textAt(writer, "variant", variant.name);
    }
    json.wordAt(writer, "reason", flagReason(answer.reason));
    if (answer.reason == FlagReason.Error)
      json.wordAt(
        writer,
        "errorCode",
        answer.error == RuleError.Parse ? reasons.ERROR_CODE_PARSE : reasons.ERROR_CODE_GENERAL,
      );
    json.endObject(writer);
  }
}

/** Puts the Set-Cookie values of this request, as the items of an array. */
function putIssued(writer: Writer, decision: Decision): void {
  for (let issue = decision.plan.issues; issue; issue = nextOf(issue)) {
    const id = decision.idOf(issue);
    if (id == NONE) continue;
    beginText(part);
    putSetCookie(part, issue, id, isSecure(issue));
    json.text(writer, textOf(part));
  }
}

/** Whether the request is copied, as far as the decision goes: the budget is not part of the decision. */
function isCopied(drawn: Drawn): bool {
  return drawn.outcome >= Draw.Copy;
}

/** Puts the shadows that get a copy, as the items of an array. */
function putShadows(writer: Writer, decision: Decision): void {
  for (let i: u32 = 0; i < decision.drawnCount; i++) {
    if (!isCopied(decision.drawn.at(i))) continue;
    const shadow = decision.drawn.at(i).shadow;
    json.beginObject(writer);
    json.textAt(writer, "name", shadow.name);
    putCluster(writer, shadow);
    json.endObject(writer);
  }
}

/** Puts the members `cluster` and `dispatch`. */
export function putCluster(writer: Writer, shadow: Shadow): void {
  json.textAt(writer, "cluster", shadow.cluster);
  json.wordAt(writer, "dispatch", shadow.dispatch == Dispatch.Mirror ? "mirror" : "call");
}

/**
 * Puts the goals that the request counts for if its answer is a success, as the members of an object: each has the
 * rollouts by name, with the variant, or `control`, whose users they are.
 */
function putGoals(writer: Writer, decision: Decision): void {
  for (let i: u32 = 0; i < decision.reachedCount; i++) {
    const reached = decision.reached.at(i);
    const goal = reached.pair.goal;
    if (i == 0 || decision.reached.at(i - 1).pair.goal != goal) {
      if (i != 0) json.endObject(writer);
      json.nameText(writer, goal.name);
      json.beginObject(writer);
    }
    json.nameText(writer, reached.rollout.name);
    if (isOfControl(reached)) json.word(writer, statNames.CONTROL);
    else json.text(writer, reached.variant.name);
  }
  if (decision.reachedCount != 0) json.endObject(writer);
}

/** Whether a user of the control group reaches the goal, not one of the variant. */
export function isOfControl(reached: Reached): bool {
  return reached.rollout.isFallback(reached.variant);
}

/** Puts the member `effect`: the one that names the request, whose request it is, and whether the proxy answers it. */
function putEffect(writer: Writer, effect: Effect | null): void {
  json.name(writer, "effect");
  if (!effect) return json.nothing(writer);
  json.beginObject(writer);
  json.textAt(writer, "name", effect.name);
  json.name(writer, "shadow");
  if (view.shadow == NONE) json.nothing(writer);
  else json.text(writer, view.shadow);
  json.truthAt(writer, "answered", effect.answers && view.shadow != NONE);
  json.endObject(writer);
}

/** Puts the decision line of policy.md; only a policy with goals has `goals`, only one with effects has `effect`. */
export function putDecisionLine(writer: Writer, decision: Decision): void {
  json.beginObject(writer);
  json.name(writer, "identity");
  const identity = decision.identityOf(decision.plan.identity);
  if (identity == NONE) json.nothing(writer);
  else json.text(writer, identity);
  json.objectAt(writer, "rollouts");
  for (let i: u32 = 0; i < decision.givenCount; i++) {
    const given = decision.given.at(i);
    json.nameText(writer, given.rollout.name);
    json.beginObject(writer);
    putGiven(writer, given);
    json.endObject(writer);
  }
  json.endObject(writer);
  json.objectAt(writer, "flags");
  putFlags(writer, decision);
  json.endObject(writer);
  json.arrayAt(writer, "shadows");
  putShadows(writer, decision);
  json.endArray(writer);
  if (decision.plan.goalCount != 0) {
    json.objectAt(writer, "goals");
    putGoals(writer, decision);
    json.endObject(writer);
  }
  if (decision.plan.effectCount != 0) putEffect(writer, decision.effect);
  putRequest(writer, decision);
  json.objectAt(writer, "response");
  json.arrayAt(writer, "set-cookie");
  putIssued(writer, decision);
  json.endArray(writer);
  json.endObject(writer);
  json.endObject(writer);
}

function putForged(writer: Writer): void {
  beginForged(view.block);
  for (let name = nextForged(); name != NONE; name = nextForged()) {
    // A shadow's own stays.
    if (!view.hasMark || !isWord(name, headerNames.SHADOW)) json.text(writer, name);
  }
}

/** Puts the member `request`: what is done to it. */
function putRequest(writer: Writer, decision: Decision): void {
  json.objectAt(writer, "request");
  json.objectAt(writer, "set");
  if (decision.plan.steer == Steer.Header) putSteering(writer, decision);
  if (anyExposed(decision)) {
    beginText(part);
    putDictionary(part, decision);
    json.textAt(writer, headerNames.FLAGS, textOf(part));
  }
  if (anyIssued(decision)) {
    beginText(part);
    putCookieHeader(part, decision);
    json.textAt(writer, "cookie", textOf(part));
  }
  for (let i: u32 = 0; i < decision.drawnCount; i++) {
    const shadow = decision.drawn.at(i).shadow;
    if (!isCopied(decision.drawn.at(i)) || shadow.dispatch != Dispatch.Mirror) continue;
    json.nameText(writer, shadow.header);
    json.text(writer, shadow.cluster);
  }
  const isForged = (view.members & Members.Forged) != 0;
  if (isForged) {
    beginText(part);
    putLeft(part, view.block, view.shadow);
  }
  const left = isForged ? textOf(part) : NONE;
  if (lengthOf(left) != 0) json.textAt(writer, headerNames.BAGGAGE, left);
  json.endObject(writer);
  json.arrayAt(writer, "remove");
  if (view.hasForged) putForged(writer);
  if (isForged && lengthOf(left) == 0) json.word(writer, headerNames.BAGGAGE);
  json.endArray(writer);
  if (decision.plan.steer != Steer.Header) {
    json.objectAt(writer, "filterState");
    putSteering(writer, decision);
    json.endObject(writer);
  }
  json.endObject(writer);
}
