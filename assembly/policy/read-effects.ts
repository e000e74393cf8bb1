// `shadowSecret` and `effects`: what tells a shadow's requests from those of whoever says to be one, and which calls of
// shadows are held back and compared with production's.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { keep } from "../bytes/arena";
import { addPair, beginList, listedPairs } from "../bytes/pairs";
import { nextOf } from "../bytes/records";
import { addressOf, isWord, lengthOf, NONE, Slice } from "../bytes/slice";
import { put, putString } from "../bytes/writer";
import { Effect } from "../core/effect-plan";
import { BodyComparison, Dispatch, Shadow } from "../core/shadow-plan";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { build, isNamed, joined, kept, keptAfter, keptLower, record, records } from "./build";
import { isOneOf } from "./nearest";
import { Node } from "./node";
import {
  beginMessage,
  fail,
  failWith,
  isKind,
  isTruth,
  message,
  putOverLimit,
  report,
  reportKey,
  unknownKey,
} from "./problems";
import { ENVOYS_OWN, isFieldValue, readBody } from "./read-compare";
import { readMatch } from "./read-match";
import { readWhole } from "./read-number";
import { isToken, NOT_WHOLE } from "./scalars";

const KNOWN_EFFECT = "match answer compare";
const KNOWN_ANSWER = "status headers body";
const DEFAULT_STATUS: u32 = 200;
const LEAST_STATUS: u32 = 200;
const MOST_STATUS: u32 = 599;

/** Reads the secret that shadows' requests carry. No message repeats it, since logs are passed on. */
export function readShadowSecret(node: Node): void {
  if (node.kind == Token.String && isSecret(node.text)) {
    build.plan.shadowSecret = kept(node.text);
    return;
  }
  failWith(
    node,
    node.kind == Token.String ? codes.VALUE : codes.TYPE,
    "must be a string of 16 to 128 characters out of A-Z, a-z, 0-9, - and _",
  );
}

/** What passes every header, and baggage without being encoded (https://www.w3.org/TR/baggage/#value). */
function isSecret(text: Slice): bool {
  const length = lengthOf(text);
  if (length < (limits.LEAST_SHADOW_SECRET as u32) || length > (limits.SHADOW_SECRET as u32)) return false;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(addressOf(text) + i);
    const isPlain =
      ascii.isLower(byte | 0x20) || ascii.isDigit(byte) || byte == ascii.MINUS || byte == ascii.UNDERSCORE;
    if (!isPlain) return false;
  }
  return true;
}

/** Gives every shadow of the plan the mark that its copies carry, once shadows and secret were read. */
export function markShadows(): void {
  const plan = build.plan;
  for (let i: u32 = 0; i < plan.shadowCount; i++) {
    const shadow = plan.shadow(i);
    shadow.mark = shadow.name;
    if (plan.shadowSecret == NONE) continue;
    shadow.mark = joined(shadow.name, plan.shadowSecret);
    shadow.member = keptAfter("serin-shadow=", shadow.mark);
  }
}

/**
 * Reads all effects into the plan, behind its rollouts, shadows and goals.
 * @param hasSecret whether the policy has a `shadowSecret`, right or wrong
 */
export function readEffects(object: Node, hasSecret: bool): void {
  if (!isKind(object, Token.Object)) return;
  if (object.count > (limits.EFFECTS as u32)) {
    putOverLimit(limits.EFFECTS, " effects");
    return report(object, codes.LIMIT);
  }
  if (!hasSecret && object.count != 0)
    failWith(
      object,
      codes.MISSING_KEY,
      "needs shadowSecret beside it: without it any client could pass for a shadow, and its call be answered but never made",
    );
  const plan = build.plan;
  plan.effects = records<Effect>(object.count);
  if (plan.effects.isNone) return;
  for (let node = object.first; node; node = nextOf(node)) {
    isNamed(node, "an effect's name");
    readEffect(node, plan.effect(plan.effectCount));
    plan.effectCount++;
    if (plan.arena.failed) return;
  }
}

function readEffect(node: Node, effect: Effect): void {
  const plan = build.plan;
  const rules = record<Shadow>();
  if (!rules) return;
  effect.name = kept(node.key);
  effect.rules = rules;
  effect.comparesPath = true;
  rules.name = effect.name;
  rules.body = BodyComparison.Bytes;
  rules.maxBodyBytes = limits.EFFECT_BODY_BYTES;
  rules.dispatch = Dispatch.Call;
  rules.sample = 1;
  if (!isKind(node, Token.Object)) return;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "match")) {
      const target = plan.rolloutCount + plan.shadowCount + plan.goalCount + plan.effectCount;
      effect.entries = readMatch(member, target);
    } else if (isWord(member.key, "answer")) {
      effect.answers = true;
      readAnswer(member, effect);
    } else if (isWord(member.key, "compare")) {
      readBody(member, rules, "path");
      if (member.kind == Token.Object) readPath(member, effect);
    } else {
      unknownKey(member, KNOWN_EFFECT);
    }
  }
}

function readPath(compare: Node, effect: Effect): void {
  for (let member = compare.first; member; member = nextOf(member)) {
    if (isWord(member.key, "path") && isTruth(member)) effect.comparesPath = member.kind == Token.True;
  }
}

function readAnswer(object: Node, effect: Effect): void {
  effect.status = DEFAULT_STATUS;
  if (!isKind(object, Token.Object)) return;
  for (let member = object.first; member; member = nextOf(member)) {
    if (isWord(member.key, "status")) {
      const status = readWhole(member, LEAST_STATUS, MOST_STATUS);
      if (status != NOT_WHOLE) effect.status = status;
    } else if (isWord(member.key, "headers")) {
      readHeaders(member, effect);
    } else if (isWord(member.key, "body")) {
      if (!isKind(member, Token.String)) continue;
      if (lengthOf(member.text) > (limits.ANSWER_BYTES as u32)) {
        putOverLimit(limits.ANSWER_BYTES, " bytes");
        report(member, codes.LIMIT);
      } else {
        effect.body = kept(member.text);
      }
    } else {
      unknownKey(member, KNOWN_ANSWER);
    }
  }
}

function readHeaders(object: Node, effect: Effect): void {
  if (!isKind(object, Token.Object)) return;
  if (object.count > (limits.SHADOW_LIST as u32)) {
    putOverLimit(limits.SHADOW_LIST, " headers");
    return report(object, codes.LIMIT);
  }
  if (!beginList(object.count)) return;
  for (let member = object.first; member; member = nextOf(member)) {
    if (!isKind(member, Token.String)) continue;
    const name = isToken(member.key) ? keptLower(member.key) : NONE;
    if (name == NONE || isOneOf(name, ENVOYS_OWN)) {
      beginMessage();
      put(message, "must be the name of a response header (not one of the connection or the length), got ");
      putString(message, member.key);
      reportKey(member, codes.NAME);
    } else if (!isFieldValue(member.text)) {
      fail(member, codes.VALUE, "must be a header's value: visible ASCII, with spaces only inside it");
    } else {
      addPair(name, member.text);
    }
  }
  effect.headers = keep(build.plan.arena, listedPairs());
}
