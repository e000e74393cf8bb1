// `rollouts`: names, variants, shares, and what else a rollout says.

import * as ascii from "../bytes/ascii";
import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { addressOf, isWord, lengthOf, NONE, sameText, Slice, sliceOf, startsWithWord } from "../bytes/slice";
import { put, putNumber, putString, putThousandths } from "../bytes/writer";
import { equalSlotBegin, fitsEqualSlot, pointOf, portionOf, SPACE, WHOLE } from "../core/bucket";
import { NO_CEILING, NO_SLOT, Rollout, Signals, Steer, Variant } from "../core/plan";
import * as headerNames from "../vocabulary/headers";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import {
  clusterName,
  headerName,
  isDisabled,
  isNamed,
  build,
  kept,
  keptAfter,
  records,
  room,
  saltedBy,
  share,
  slotFor,
} from "./build";
import { Node } from "./node";
import {
  beginMessage,
  fail,
  failWith,
  hintWith,
  isKind,
  message,
  putOverLimit,
  missingKey,
  putFound,
  report,
  reportKey,
  unknownKey,
} from "./problems";
import { compileRule } from "./compile-rule";
import { checkGuard, readGuard } from "./read-guard";
import { layOutEvidence, presetEvidence, readEpoch, readSlow, readWarmup } from "./read-evidence";
import { readIdentity } from "./read-identity";
import { readMatch } from "./read-match";
import { isToken, isVisible } from "./scalars";

const KNOWN_ROLLOUT =
  "match when state default variants salt force identity announce signals slow warmup epoch guard headerSecret";
const KNOWN_VARIANT = "percent max cluster";
const KNOWN_FORCE = "header cookie when";

/** Reads all rollouts into the plan. */
export function readRollouts(object: Node): void {
  if (!isKind(object, Token.Object)) return;
  if (object.count > (limits.ROLLOUTS as u32)) {
    putOverLimit(limits.ROLLOUTS, " rollouts");
    return report(object, codes.LIMIT);
  }
  build.plan.rollouts = records<Rollout>(object.count);
  if (build.plan.rollouts.isNone) return;
  for (let node = object.first; node; node = nextOf(node)) {
    checkRolloutName(node);
    readRollout(node, build.plan.rollout(build.plan.rolloutCount), build.plan.rolloutCount);
    build.plan.rolloutCount++;
    if (build.plan.arena.failed) return;
  }
}

/** Names of our own headers, and what would read like one. */
function checkRolloutName(node: Node): void {
  const name = node.key;
  if (!isNamed(node, "a rollout's name")) return;
  if (
    isWord(name, "cluster") ||
    isWord(name, "flags") ||
    isWord(name, "shadow") ||
    startsWithWord(name, "shadow-")
  ) {
    beginMessage();
    put(message, "a rollout may not be called ");
    putString(message, name);
    put(message, ": x-serin-cluster, x-serin-flags and x-serin-shadow-* are taken");
    reportKey(node, codes.NAME);
  }
}

function readRollout(node: Node, rollout: Rollout, index: u32): void {
  rollout.forceHeader = NO_SLOT;
  rollout.forceCookie = NO_SLOT;
  presetEvidence(rollout);
  if (!isKind(node, Token.Object)) return;
  rollout.name = kept(node.key);
  rollout.header = keptAfter(headerNames.PREFIX, node.key);
  rollout.state = keptAfter(headerNames.STATE_PREFIX, node.key);
  let salt = node.key;
  let fallback: Node | null = null;
  let variants: Node | null = null;
  let guard: Node | null = null;
  let ownIdentity = false;
  let secret = NONE;
  for (let member = node.first; member; member = nextOf(member)) {
    const key = member.key;
    if (isWord(key, "match")) {
      rollout.entries = readMatch(member, index);
    } else if (isWord(key, "when")) {
      rollout.when = compileRule(member, true);
    } else if (isWord(key, "state")) {
      rollout.disabled = isDisabled(member);
    } else if (isWord(key, "default")) {
      fallback = member;
    } else if (isWord(key, "variants")) {
      variants = member;
    } else if (isWord(key, "salt")) {
      if (!isKind(member, Token.String)) continue;
      salt = member.text;
      if (lengthOf(salt) == 0 || lengthOf(salt) > (limits.SALT_BYTES as u32))
        fail(member, codes.VALUE, "must be a string of 1 to 1024 bytes");
    } else if (isWord(key, "force")) {
      readForce(member, rollout);
    } else if (isWord(key, "identity")) {
      ownIdentity = true;
      rollout.identity = readIdentity(member);
    } else if (isWord(key, "announce")) {
      if (!isKind(member, Token.String)) continue;
      rollout.announceAll = isWord(member.text, "all");
      if (!rollout.announceAll) fail(member, codes.VALUE, 'must be "all"');
    } else if (isWord(key, "signals")) {
      if (!isKind(member, Token.String)) continue;
      if (isWord(member.text, "matched")) rollout.signals = Signals.Matched;
      else if (isWord(member.text, "count")) rollout.signals = Signals.Count;
      else if (!isWord(member.text, "full")) fail(member, codes.VALUE, "must be full, matched or count");
    } else if (isWord(key, "slow")) {
      readSlow(member, rollout);
    } else if (isWord(key, "warmup")) {
      readWarmup(member, rollout);
    } else if (isWord(key, "epoch")) {
      readEpoch(member, rollout);
    } else if (isWord(key, "guard")) {
      guard = member;
      readGuard(member, rollout);
    } else if (isWord(key, "headerSecret")) {
      secret = readHeaderSecret(member);
    } else {
      unknownKey(member, KNOWN_ROLLOUT);
    }
  }
  rollout.salt = kept(salt);
  rollout.salted = saltedBy(salt);
  if (!ownIdentity) {
    rollout.identity = build.plan.identity;
    if (!build.identityGiven)
      hintWith(
        node,
        codes.NO_IDENTITY,
        "no identity here or at the top level: every request is anonymous and gets the default variant, unless it is forced",
      );
  }
  readVariants(node, rollout, variants, fallback, secret);
  if (rollout.fallback != NO_SLOT) {
    layOutControl(rollout, salt);
    layOutEvidence(node, rollout);
  }
  if (guard) checkGuard(guard, rollout);
}

/** The control group is so many times the largest of the other variants, so that it costs a comparison little. */
const CONTROL_TIMES: u32 = 4;

/** Lays out a control group of those who get the default. */
function layOutControl(rollout: Rollout, salt: Slice): void {
  let largest: u32 = 0;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    const share = rollout.variant(i).share;
    if (i != rollout.fallback && share > largest) largest = share;
  }
  const rest = rollout.variant(rollout.fallback).share;
  largest *= CONTROL_TIMES;
  rollout.controlShare = largest < rest ? largest : rest;
  rollout.controlBelow = portionOf(rollout.controlShare, rest);
  rollout.controlSalted = saltedBy(keptAfter("control/", salt));
}

/**
 * The text that makes the steering header unguessable; NONE when there is none. No message repeats it, since logs are
 * passed on.
 */
function readHeaderSecret(node: Node): Slice {
  if (node.kind != Token.String || !isVisible(node.text, limits.HEADER_SECRET_BYTES)) {
    failWith(
      node,
      node.kind == Token.String ? codes.VALUE : codes.TYPE,
      "must be a string of 1 to 128 visible ASCII characters without spaces",
    );
    return NONE;
  }
  if (build.plan.steer == Steer.Header) return node.text;
  hintWith(
    node,
    codes.NO_EFFECT,
    "has no effect when steer is filterState: no client can write filter state",
  );
  return NONE;
}

function readForce(node: Node, rollout: Rollout): void {
  if (!isKind(node, Token.Object)) return;
  if (node.count == 0) return failWith(node, codes.MISSING_KEY, "must name a header or a cookie");
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "header")) {
      if (!isKind(member, Token.String)) continue;
      rollout.forceHeaderName = headerName(member);
      if (rollout.forceHeaderName != NONE)
        rollout.forceHeader = slotFor(build.plan.inputs.headers, rollout.forceHeaderName);
    } else if (isWord(member.key, "cookie")) {
      if (!isKind(member, Token.String)) continue;
      if (!isToken(member.text)) {
        fail(member, codes.NAME, "must be a cookie's name");
        continue;
      }
      rollout.forceCookieName = kept(member.text);
      rollout.forceCookie = slotFor(build.plan.inputs.cookies, rollout.forceCookieName);
    } else if (isWord(member.key, "when")) {
      rollout.forceWhen = compileRule(member, true);
    } else {
      unknownKey(member, KNOWN_FORCE);
    }
  }
}

function readVariants(
  node: Node,
  rollout: Rollout,
  object: Node | null,
  fallback: Node | null,
  secret: Slice,
): void {
  if (!fallback) missingKey(node, "default", "the variant that gets the remainder");
  if (!object)
    return missingKey(
      node,
      "variants",
      'an object of variants by name, like {"stable": {}, "canary": {"percent": 5}}',
    );
  if (!isKind(object, Token.Object)) return;
  if (object.count == 0) return failWith(object, codes.VALUE, "must have at least the default variant");
  if (object.count > (limits.VARIANTS as u32)) {
    putOverLimit(limits.VARIANTS, " variants in one rollout");
    return report(object, codes.LIMIT);
  }
  rollout.variants = records<Variant>(object.count);
  if (rollout.variants.isNone) return;
  rollout.fallback = rolloutFallback(object, fallback);
  for (let member = object.first; member; member = nextOf(member)) {
    const variant = rollout.variant(rollout.variantCount);
    readVariant(member, variant, rollout.variantCount == rollout.fallback);
    variant.headerValue = secret == NONE ? variant.name : joined(variant.name, secret);
    rollout.variantCount++;
  }
  layOut(object, rollout);
}

/** `<name>.<secret>`, in the plan's arena. */
function joined(name: Slice, secret: Slice): Slice {
  const length = lengthOf(name) + 1 + lengthOf(secret);
  const to = room(length);
  if (to == 0) return NONE;
  memory.copy(to, addressOf(name), lengthOf(name));
  store<u8>(to + lengthOf(name), ascii.DOT);
  memory.copy(to + lengthOf(name) + 1, addressOf(secret), lengthOf(secret));
  return sliceOf(to, length);
}

/** Index of the default variant; NO_SLOT when there is none, which was reported. */
function rolloutFallback(variants: Node, node: Node | null): u32 {
  if (!node || !isKind(node, Token.String)) return NO_SLOT;
  for (let variant = variants.first; variant; variant = nextOf(variant)) {
    if (sameText(variant.key, node.text)) return variant.index;
  }
  beginMessage();
  put(message, "must name one of the variants, got ");
  putFound(node);
  report(node, codes.REFERENCE);
  return NO_SLOT;
}

function readVariant(node: Node, variant: Variant, isFallback: bool): void {
  variant.ceiling = NO_CEILING;
  variant.name = kept(node.key);
  if (isNamed(node, "a variant's name") && isWord(node.key, "control")) {
    beginMessage();
    put(message, "a variant may not be called control: the stats of the control group have that name");
    reportKey(node, codes.NAME);
  }
  if (!isKind(node, Token.Object)) return;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "percent")) {
      if (isFallback) {
        failWith(member, codes.CONFLICT, "the default variant gets the remainder: it takes no percent");
        continue;
      }
      variant.share = share(member);
    } else if (isWord(member.key, "max")) {
      if (isFallback) {
        failWith(member, codes.CONFLICT, "the default variant takes no max");
        continue;
      }
      variant.ceiling = share(member);
    } else if (isWord(member.key, "cluster")) {
      variant.cluster = clusterName(member);
    } else {
      unknownKey(member, KNOWN_VARIANT);
    }
  }
}

/** Gives every variant but the default its part of the space, as policy.md's section Bucket says. */
function layOut(object: Node, rollout: Rollout): void {
  if (rollout.fallback == NO_SLOT) return;
  const count = rollout.variantCount - 1;
  let ceilings: u32 = 0;
  for (let i: u32 = 0; i <= count; i++) {
    if (rollout.variant(i).ceiling != NO_CEILING) ceilings++;
  }
  if (ceilings != 0 && ceilings != count) return reportMissingMax(object, rollout);
  let asked: u32 = 0;
  let sum: u32 = 0;
  let slot: u32 = 0;
  for (let i: u32 = 0; i <= count; i++) {
    if (i == rollout.fallback) continue;
    const variant = rollout.variant(i);
    asked += variant.share;
    if (ceilings != 0) {
      if (variant.share > variant.ceiling) reportOverCeiling(object, i, variant.ceiling, 1, "its max");
      place(variant, pointOf(sum), sum + variant.ceiling > WHOLE ? SPACE : pointOf(sum + variant.ceiling));
      sum += variant.ceiling;
    } else if (count == 2 && slot == 1) {
      variant.end = variant.share == 0 ? 0 : SPACE;
      variant.begin = variant.share == 0 ? 0 : SPACE - pointOf(variant.share);
    } else if (count <= 2) {
      place(variant, 0, SPACE);
    } else {
      if (!fitsEqualSlot(variant.share, count))
        reportOverCeiling(object, i, WHOLE, count, "an equal part of the space");
      place(variant, equalSlotBegin(slot, count), equalSlotBegin(slot + 1, count));
    }
    slot++;
  }
  if (ceilings != 0 && sum > WHOLE) reportSum(object, "the max of all variants add", sum);
  else if (ceilings == 0 && count == 2 && asked > WHOLE)
    reportSum(object, "the percents of both variants add", asked);
  rollout.variant(rollout.fallback).share = asked < WHOLE ? WHOLE - asked : 0;
}

/** A variant begins where its slot does and never reaches into the next one. */
function place(variant: Variant, begin: u64, next: u64): void {
  if (variant.share == 0) return;
  const end = begin + pointOf(variant.share);
  variant.begin = begin;
  variant.end = end < next ? end : next;
}

/** Where variant `index` says its `percent`: the last place, if it does so twice. */
function percentOf(object: Node, index: u32): Node | null {
  let found: Node | null = null;
  for (let variant = object.first; variant; variant = nextOf(variant)) {
    if (variant.index != index) continue;
    for (let part = variant.first; part; part = nextOf(part)) {
      if (isWord(part.key, "percent")) found = part;
    }
  }
  return found;
}

function reportMissingMax(object: Node, rollout: Rollout): void {
  for (let node = object.first; node; node = nextOf(node)) {
    if (node.index == rollout.fallback || rollout.variant(node.index).ceiling != NO_CEILING) continue;
    missingKey(node, "max", "either every variant but the default has one, or none has");
  }
}

/** Reports the `percent` of variant `index`. */
function reportOverCeiling(object: Node, index: u32, ceiling: u32, parts: u32, name: string): void {
  const node = percentOf(object, index);
  if (!node) return;
  beginMessage();
  put(message, "must be at most ");
  if (parts == 1) {
    putThousandths(message, ceiling);
  } else {
    put(message, "100/");
    putNumber(message, parts);
  }
  put(message, ", ");
  put(message, name);
  if (parts != 1) put(message, " (give every variant a max for other parts)");
  put(message, ", got ");
  putFound(node);
  report(node, codes.RANGE);
}

function reportSum(object: Node, what: string, sum: u32): void {
  beginMessage();
  put(message, what);
  put(message, " up to ");
  putThousandths(message, sum);
  put(message, ", more than 100");
  report(object, codes.RANGE);
}
