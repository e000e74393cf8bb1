// `rollouts`: names, variants, shares, and what else a rollout says.

import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { isWord, lengthOf, NONE, sameText, Slice, startsWithWord } from "../bytes/slice";
import { put, putNumber, putString, putThousandths } from "../bytes/writer";
import { Word } from "../bytes/word";
import { fitsEqualSlot, WHOLE } from "../core/bucket";
import { layOutRollout } from "../core/layout";
import { PathCompare } from "../core/match-plan";
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
  joined,
  kept,
  keptAfter,
  records,
  saltedBy,
  share,
  slotFor,
  textAfter,
} from "./build";
import { Node } from "./node";
import {
  beginMessage,
  fail,
  failWith,
  hintWith,
  isTruth,
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
import { finishEvidence, presetEvidence, readEpoch, readSlow, readWarmup } from "./read-evidence";
import { readFallback } from "./read-fallback";
import { readIdentity } from "./read-identity";
import { readMatch } from "./read-match";
import { readRamp } from "./read-ramp";
import { isToken, isVisible } from "./scalars";

const KNOWN_ROLLOUT =
  "match when state default variants salt force identity announce signals retries slow warmup epoch guard headerSecret";
const KNOWN_VARIANT = "percent max cluster ramp fallback";
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
  let unbound: u32 = 0;
  for (let node = object.first; node; node = nextOf(node)) {
    checkRolloutName(node);
    readRollout(node, build.plan.rollout(build.plan.rolloutCount), build.plan.rolloutCount);
    if (takesAll(build.plan.rollout(build.plan.rolloutCount))) {
      unbound++;
      if (unbound == (limits.UNBOUND_ROLLOUTS as u32) + 1) {
        putOverLimit(
          limits.UNBOUND_ROLLOUTS,
          " rollouts that apply to every path and host: give this one a match",
        );
        reportKey(node, codes.LIMIT);
      }
    }
    build.plan.rolloutCount++;
    if (build.plan.arena.failed) return;
  }
}

/** Whether a rollout has no match, or one with an entry that holds for every request. A rule is no match: it has to run. */
function takesAll(rollout: Rollout): bool {
  if (!rollout.entries) return true;
  for (let entry = rollout.entries; entry; entry = nextOf(entry)) {
    const isEveryPath =
      entry.path == NONE || (entry.pathCompare == PathCompare.Prefix && lengthOf(entry.path) == 0);
    const isBare =
      entry.method == NONE &&
      entry.headerCount == 0 &&
      entry.paramCount == 0 &&
      entry.rangeCount == 0 &&
      !entry.flags;
    if (isEveryPath && isBare && !entry.hosts) return true;
  }
  return false;
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
  let retries: Node | null = null;
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
    } else if (isWord(key, "retries")) {
      if (isTruth(member)) rollout.countsRetries = member.kind == Token.True;
      if (rollout.countsRetries) retries = member;
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
  rollout.salt = salt == node.key ? rollout.name : kept(salt);
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
  if (rollout.variantCount != 0 && rollout.fallback != NO_SLOT) {
    rollout.controlSalted = saltedBy(textAfter("control/", salt));
    finishEvidence(node, rollout);
    layOutRollout(rollout);
  }
  if (guard) checkGuard(guard, rollout);
  if (retries && rollout.signals == Signals.Count)
    hintWith(retries, codes.NO_EFFECT, "has no effect when signals is count: no answer is looked at");
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
    const ramp = variant.ramp;
    if (ramp && ramp.startNs != 0) {
      rollout.isRamped = true;
      build.plan.isRamped = true;
    }
  }
  checkShares(object, rollout);
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
    } else if (isWord(member.key, "ramp")) {
      if (isFallback) {
        failWith(member, codes.CONFLICT, "the default variant gets the remainder: it takes no ramp");
        continue;
      }
      readRamp(member, variant);
    } else if (isWord(member.key, "fallback")) {
      if (isFallback) {
        failWith(member, codes.CONFLICT, "the default variant has no other to fall back to");
        continue;
      }
      readFallback(member, variant);
    } else if (isWord(member.key, "cluster")) {
      variant.cluster = clusterName(member);
    } else {
      unknownKey(member, KNOWN_VARIANT);
    }
  }
  const ramp = variant.ramp;
  if (!ramp || ramp.startNs == 0) return;
  // It is for the clock to say, and what nobody has taken yet is no share.
  const percent = memberOf(node, "percent");
  if (percent)
    failWith(
      percent,
      codes.CONFLICT,
      "a ramp with a start takes its steps by the clock: it takes no percent",
    );
  variant.share = 0;
}

/** The largest share that a variant may come to: its percent, or the last step of its ramp. */
function mostOf(variant: Variant): u32 {
  const ramp = variant.ramp;
  if (!ramp || ramp.stepCount == 0) return variant.share;
  const last = ramp.steps.at(ramp.stepCount - 1);
  return last > variant.share ? last : variant.share;
}

/** Reports shares that do not fit, by what they may come to: a ramp changes no slot. */
function checkShares(object: Node, rollout: Rollout): void {
  if (rollout.fallback == NO_SLOT) return;
  const count = rollout.variantCount - 1;
  let ceilings: u32 = 0;
  for (let i: u32 = 0; i <= count; i++) {
    if (rollout.variant(i).ceiling != NO_CEILING) ceilings++;
  }
  if (ceilings != 0 && ceilings != count) return reportMissingMax(object, rollout);
  let asked: u32 = 0;
  let sum: u32 = 0;
  for (let i: u32 = 0; i <= count; i++) {
    if (i == rollout.fallback) continue;
    const variant = rollout.variant(i);
    const most = mostOf(variant);
    asked += most;
    if (ceilings != 0) {
      if (most > variant.ceiling) reportOverCeiling(object, rollout, i, variant.ceiling, 1, "its max");
      sum += variant.ceiling;
    } else if (count > 2 && !fitsEqualSlot(most, count)) {
      reportOverCeiling(object, rollout, i, WHOLE, count, "an equal part of the space");
    }
  }
  if (ceilings != 0 && sum > WHOLE) reportSum(object, "the max of all variants add", sum);
  else if (ceilings == 0 && count == 2 && asked > WHOLE)
    reportSum(object, "the percents of both variants add", asked);
}

/** Where variant `index` says the largest share that it comes to: its `percent`, or the last step of its `ramp`. */
function mostPlace(object: Node, rollout: Rollout, index: u32): Node | null {
  const percent = placeOf(object, index, "percent");
  const ramp = rollout.variant(index).ramp;
  const node = placeOf(object, index, "ramp");
  if (!node || !ramp || ramp.stepCount == 0) return percent;
  if (percent && ramp.steps.at(ramp.stepCount - 1) <= rollout.variant(index).share) return percent;
  for (let part = node.first; part; part = nextOf(part)) {
    if (!isWord(part.key, "steps")) continue;
    let last: Node | null = part.first;
    for (let item = part.first; item; item = nextOf(item)) last = item;
    return last;
  }
  return node;
}

/** A member of variant `index`: the last place, if it stands there twice. */
function placeOf(object: Node, index: u32, key: Word): Node | null {
  for (let variant = object.first; variant; variant = nextOf(variant)) {
    if (variant.index == index) return memberOf(variant, key);
  }
  return null;
}

/** The last member of that name. */
function memberOf(object: Node, key: Word): Node | null {
  let found: Node | null = null;
  for (let member = object.first; member; member = nextOf(member)) {
    if (isWord(member.key, key)) found = member;
  }
  return found;
}

function reportMissingMax(object: Node, rollout: Rollout): void {
  for (let node = object.first; node; node = nextOf(node)) {
    if (node.index == rollout.fallback || rollout.variant(node.index).ceiling != NO_CEILING) continue;
    missingKey(node, "max", "either every variant but the default has one, or none has");
  }
}

/** Reports what variant `index` comes to. */
function reportOverCeiling(
  object: Node,
  rollout: Rollout,
  index: u32,
  ceiling: u32,
  parts: u32,
  name: Word,
): void {
  const node = mostPlace(object, rollout, index);
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

function reportSum(object: Node, what: Word, sum: u32): void {
  beginMessage();
  put(message, what);
  put(message, " up to ");
  putThousandths(message, sum);
  put(message, ", more than 100");
  report(object, codes.RANGE);
}
