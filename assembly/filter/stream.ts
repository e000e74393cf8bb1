// Streams: the order of events of one request.

import * as ascii from "../bytes/ascii";
import { decimal, MOST_DIGITS, NOT_DECIMAL } from "../bytes/decimal";
import { fixed } from "../bytes/records";
import { beginScratch } from "../bytes/scratch";
import { addressOf, isWord, lengthOf, NONE, Slice, sliceOf, startsWithWord } from "../bytes/slice";
import { decide } from "../core/decide";
import { beginDecision, decision, randomWanted } from "../core/decision";
import { identify } from "../core/identity";
import { evaluateFlag } from "../core/flag";
import { NO_SLOT, Signals } from "../core/plan";
import { readRequest, view } from "../core/view";
import { fillRandom, MILLISECOND, nowNs, SECOND } from "../host/clock";
import { requestHeaders, requestTrailers, responseHeaders } from "../host/headers";
import { numberProperty, property } from "../host/properties";
import { enter, giveStream, leave, rootOf, streamOf, takeStream } from "./contexts";
import { applyDecision, releaseIssued, setIssuedCookies } from "./effects";
import { writeDecision, writesDecisions } from "./lines";
import { Stream } from "./records";
import { awaitsAnswer, fallBack, noteAnswer } from "./fallback";
import { beginGoals, endGoals } from "./evidence/goals";
import { beginUser, endUsers, saysSlow, UsersEnd } from "./evidence/users";
import { releasePlan, releaseRoot } from "./root";
import { countFlags } from "./flag-stats";
import {
  beginAnswerOfObserved,
  beginObserved,
  endAnswerOfObserved,
  endObserved,
  passObserved,
} from "./shadow/observe";
import {
  answerCall,
  beginResponseOfCopies,
  collectResponse,
  endCopies,
  endResponseWithTrailers,
} from "./shadow/receive";
import { beginCopies, collectRequest, collectTrailers } from "./shadow/send";
import { beginEffect, dropCall, endCall as endOfEffect, isAnswered, passCall } from "./side-effects/calls";
import { countControl, countEnded, countVariant, showControl, ENDED_LEFT, ENDED_RESET, Grpc } from "./stats";
import { survive } from "./survive";
import { endUndecided, noteUndecided, passUndecided, stripRequest, stripTrailers } from "./undecided";
import { words } from "./words";

/** Enters a stream: from now on it keeps its root's plan. */
export function createStream(id: u32, parent: u32): void {
  const root = rootOf(parent);
  if (root == null) return;
  const plan = root.plan;
  if (plan == null) return;
  const stream = takeStream();
  if (stream == null) return noteUndecided(id, root);
  if (!enter(id, stream)) {
    giveStream(stream);
    return noteUndecided(id, root);
  }
  stream.plan = plan;
  stream.root = root;
  plan.streams++;
}

/** The request's headers are there: decides, steers and counts. */
export function beginRequest(id: u32, isEnd: bool): void {
  beginScratch();
  const stream = streamOf(id);
  if (stream == null) return passUndecided(id);
  if (stream.root.isUpstream) return beginObserved(stream);
  const plan = stream.plan;
  const now = nowNs();
  stream.begunNs = now;
  const block = requestHeaders();
  if (block == NONE) {
    stripRequest(block, plan);
    return survive("host-call", "the request headers could not be read");
  }
  beginDecision(decision, plan, now);
  if (!readRequest(decision, block)) {
    stripRequest(block, plan);
    return survive("headers", "the request headers could not be parsed");
  }
  view.hasNoBody = isEnd;
  stream.isGrpc = view.isGrpc;
  stream.isGrpcWeb = view.isGrpcWeb;
  stream.wantsEvents = view.wantsEvents;
  stream.isConnect = isWord(view.method, "CONNECT");
  topUpRandom();
  if (!decide(decision)) {
    giveAddress();
    decide(decision);
  }
  if (decision.lacksRandom) {
    decision.givenCount = 0;
    decision.drawnCount = 0;
    decision.reachedCount = 0;
    survive("host-call", "no random bytes: nothing was decided");
  }
  if (decision.workErrors != 0)
    survive(
      "work",
      "limits.work ended a rule or a regular expression of this request, which is treated as false, or kept a long identity from being looked at, which is treated as none",
    );
  if (decision.ruleErrors != 0) survive("rule", "a rule failed for this request and is treated as false");
  const given = decision.givenCount;
  const drawn = decision.drawnCount;
  if (isAnswered(decision)) {
    // Nobody behind ever sees it.
    decision.givenCount = 0;
    decision.drawnCount = 0;
    decision.reachedCount = 0;
  }
  if (plan.hasFallback) fallBack(decision, stream);
  const headersChanged = applyDecision(decision, stream);
  if (plan.flagCount != 0) countFlags(decision);
  for (let i: u32 = 0; i < decision.givenCount; i++) {
    const given = decision.given.at(i);
    const rollout = given.rollout;
    let counted = countVariant(stream, rollout, given.variant);
    if (given.isControl) {
      if (rollout.signals != Signals.Matched) showControl(stream.plan, rollout);
      else if (!countControl(stream, rollout)) counted = false;
    }
    if (given.slot != NO_SLOT) beginUser(stream, given);
    if (!counted) survive("memory", "no memory to count a variant");
  }
  if (decision.reachedCount != 0) beginGoals(decision, stream);
  if (decision.drawnCount != 0) beginCopies(decision, stream, headersChanged);
  if (plan.effectCount != 0) beginEffect(decision, stream, isEnd);
  if (writesDecisions(now)) {
    decision.givenCount = given;
    decision.drawnCount = drawn;
    nameVisitor();
    writeDecision(decision);
  }
}

/** Fetches random bytes when a decision by this plan could need more than are ahead. Without them `decide` says so. */
function topUpRandom(): void {
  const wanted = randomWanted(decision);
  if (wanted != 0 && fillRandom(decision.random, wanted)) decision.randomUsed = 0;
}

/** Asks for the client's address: once a request at most, and only when something looks at it. */
function giveAddress(): void {
  view.address = withoutPort(property(words.sourceAddress));
  view.addressGiven = true;
}

/**
 * Finds what the decision line says besides the decision: every flag's answer, also of those that nothing used, and the
 * policy's identity where no rollout asked for it, for which nothing is issued.
 */
function nameVisitor(): void {
  const plan = decision.plan;
  // The explanation looks at every entry by itself.
  if (plan.hasRanges && !view.addressGiven) giveAddress();
  for (let i: u32 = 0; i < plan.flagCount; i++) {
    const flag = plan.flag(i);
    if (evaluateFlag(decision, flag)) continue;
    giveAddress();
    evaluateFlag(decision, flag);
  }
  const identity = plan.identity;
  if (!identity || identify(decision, identity, false)) return;
  giveAddress();
  identify(decision, identity, false);
}

/** `203.0.113.7:4711` -> `203.0.113.7`, `[2001:db8::1]:443` -> `2001:db8::1` */
function withoutPort(address: Slice): Slice {
  const begin = addressOf(address);
  let end = begin + lengthOf(address);
  while (end > begin && load<u8>(end - 1) != ascii.COLON) end--;
  if (end == begin) return address;
  end--;
  if (end > begin + 1 && load<u8>(begin) == ascii.OPEN_BRACKET && load<u8>(end - 1) == ascii.CLOSE_BRACKET) {
    return sliceOf(begin + 1, (end - begin - 2) as u32);
  }
  return sliceOf(begin, (end - begin) as u32);
}

/** A piece of the request's body passes. */
export function passRequest(id: u32, bytes: u32, isEnd: bool): void {
  const stream = streamOf(id);
  if (stream == null) return;
  if (stream.copies != null || stream.effect != 0) beginScratch();
  if (stream.copies != null) collectRequest(stream, bytes, isEnd);
  if (stream.effect != 0) passCall(stream, bytes, isEnd);
}

/** The request ends with trailers. */
export function endRequest(id: u32, count: u32): void {
  const stream = streamOf(id);
  beginScratch();
  if (stream == null) {
    if (count != 0) endUndecided(id);
    return;
  }
  if (stream.root.isUpstream) return;
  if (stream.effect != 0) endOfEffect(stream);
  // HTTP/2 knows trailers without any field.
  const block: Slice = count == 0 ? NONE : requestTrailers();
  if (count != 0) stripTrailers(block, stream.plan);
  if (block == NONE && count != 0) return survive("host-call", "the request trailers could not be read");
  if (stream.copies != null) collectTrailers(stream, block);
}

/** The response's headers are there, the upstream's or a local reply's. */
export function beginResponse(id: u32, isEnd: bool): void {
  const stream = streamOf(id);
  if (stream == null) return;
  stream.responseBegun = true;
  if (isEnd) stream.responseEnded = true;
  if (stream.copies == null && stream.observed == null && stream.issued == null) return;
  beginScratch();
  if (stream.observed != null) return beginAnswerOfObserved(stream);
  const block = responseHeaders();
  if (stream.issued != null) setIssuedCookies(stream, block);
  if (stream.copies != null) beginResponseOfCopies(stream, block, isEnd);
}

/** A piece of the response's body passes. */
export function passResponse(id: u32, bytes: u32, isEnd: bool): void {
  const stream = streamOf(id);
  if (stream == null) return;
  stream.responseBytes += bytes;
  if (isEnd) stream.responseEnded = true;
  if (stream.copies == null && stream.observed == null) return;
  beginScratch();
  if (stream.observed != null) passObserved(stream, bytes);
  else collectResponse(stream, bytes, isEnd);
}

/** The response's last byte passed. */
export function endResponse(id: u32, count: u32): void {
  const stream = streamOf(id);
  if (stream == null) return;
  stream.responseEnded = true;
  if (stream.isGrpc && awaitsEnd(stream)) {
    beginScratch();
    // Envoy's grpc_web, if it comes before this filter, moves them into the body: at the end they are gone.
    stream.grpcStatus = statusIn(words.trailerStatus) + 1;
  }
  if (stream.copies == null && stream.observed == null) return;
  beginScratch();
  if (stream.observed != null) endAnswerOfObserved(stream, count);
  else endResponseWithTrailers(stream, count);
}

/** The stream is over and Envoy writes its access log: once for each stream, before it is done with it. */
export function logStream(id: u32): void {
  const stream = streamOf(id);
  if (stream != null) countEnd(stream);
}

/** Counts how the stream ended, once. */
function countEnd(stream: Stream): void {
  if (!awaitsEnd(stream) && stream.copies == null && stream.remainders == null) return;
  beginScratch();
  const code = numberProperty(words.responseCode);
  const status: u32 = code < 0 ? 0 : (code as u32);
  const ending = endingOf(stream, status);
  const now = nowNs();
  if (awaitsEnd(stream)) {
    const spentNs = now > stream.begunNs ? now - stream.begunNs : 0;
    const grpcStatus = grpcStatusOf(stream, ending);
    const grpc = grpcStatus == NO_STATUS ? Grpc.None : grpcStatus == 0 ? Grpc.Ok : Grpc.Error;
    const flags = flagsOfUnavailable(status, grpcStatus);
    const overflow = (flags & NO_HOST_OR_OVERFLOW) != 0;
    // Asked for by name alone: the property of every answer is as dear as the response code.
    const retried = stream.countsRetries && numberProperty(words.attempts) > 1;
    countEnded(stream, ending, spentNs / MILLISECOND, overflow, grpc, retried);
    if (stream.fallback != 0) {
      const isUnanswered = (flags & NO_ANSWER) != 0;
      noteAnswer(stream, isUnanswered, !isUnanswered && awaitsAnswer(stream) && isOfCluster(stream), now);
    }
    if (stream.users != 0) {
      usersEnd.nowNs = now;
      usersEnd.spentNs = spentNs;
      usersEnd.isError = grpc == Grpc.Error;
      countUsers(stream, status, ending);
    }
    if (stream.goals != 0) endGoals(stream, status, ending < ENDED_RESET && grpc != Grpc.Error);
  }
  if (stream.copies != null || stream.remainders != null)
    endCopies(stream, status, ending < ENDED_RESET, now);
}

/** Whether how the stream ends is counted, or decides about a fallback. */
function awaitsEnd(stream: Stream): bool {
  return stream.variants != null || stream.users != 0 || stream.fallback != 0 || stream.goals != 0;
}

const usersEnd: UsersEnd = fixed<UsersEnd>();
/** From so long on it is worth asking whether an answer is an event stream. */
const LONG_NS: u64 = SECOND;

/** Counts what the stream's users met. */
function countUsers(stream: Stream, status: u32, ending: u32): void {
  const isLeft = ending == ENDED_LEFT;
  usersEnd.ending = ending < ENDED_RESET ? ending : 0;
  if (ending == 5 || ending == ENDED_RESET || (isLeft && !stream.responseBegun)) usersEnd.isError = true;
  usersEnd.isOpenEnded =
    stream.responseBegun && (stream.wantsEvents || stream.isConnect || status == SWITCHING_PROTOCOLS);
  if (stream.responseBegun && (isLeft || usersEnd.spentNs >= LONG_NS) && saysSlow(stream, usersEnd)) {
    usersEnd.isOpenEnded = startsWithWord(property(words.contentType), "text/event-stream");
  }
  endUsers(stream, usersEnd);
}

/** A call of ours was answered, or will never be. */
export function endCall(id: u32, token: u32, headers: u32, bytes: u32, trailers: u32): void {
  beginScratch();
  const root = answerCall(id, token, headers, bytes, trailers);
  if (root != null) releaseRoot(root);
}

/** Envoy is done with the stream, whatever became of it: once for each that was created. */
export function endStream(id: u32, stream: Stream): void {
  // An upstream filter's stream is never logged.
  countEnd(stream);
  if (stream.observed != null) {
    beginScratch();
    endObserved(stream);
  }
  if (stream.effect != 0) dropCall(stream);
  leave(id);
  releaseIssued(stream);
  const plan = stream.plan;
  giveStream(stream);
  releasePlan(plan);
}

/**
 * Whether all that the response's content-length promises has passed, though no end did: an HTTP/2 upstream ends a
 * stream in a frame of its own, and a client that has all it wants may be gone before that.
 */
function isWhole(stream: Stream): bool {
  return stream.responseBytes == decimal(property(words.contentLength), MOST_DIGITS);
}

/** Envoy's response flags UH, "no healthy upstream", and UO, "upstream overflow". */
const NO_HOST_OR_OVERFLOW: i64 = (1 << 1) | (1 << 7);
/** These, UF, "upstream connection failure", and NC, "no cluster found": the cluster could not answer. */
const NO_ANSWER: i64 = NO_HOST_OR_OVERFLOW | (1 << 5) | (1 << 24);
const SERVICE_UNAVAILABLE: u32 = 503;
const SWITCHING_PROTOCOLS: u32 = 101;
/** What Envoy makes of its own 503 for a client of gRPC, with 200 as the code. */
const GRPC_UNAVAILABLE: i64 = 14;

/** Envoy's response flags where it may have answered 503 by itself, which it is asked for only then; 0 elsewhere. */
function flagsOfUnavailable(status: u32, grpcStatus: i64): i64 {
  if (status != SERVICE_UNAVAILABLE && grpcStatus != GRPC_UNAVAILABLE) return 0;
  const flags = numberProperty(words.responseFlags);
  return flags > 0 ? flags : 0;
}

/**
 * Whether the cluster answered, not Envoy (a 504 of its own) or another filter (a 401, a 429). Asked for only while a
 * variant's cluster is in doubt.
 */
function isOfCluster(stream: Stream): bool {
  const details = property(words.codeDetails);
  if (startsWithWord(details, "via_upstream")) return true;
  if (startsWithWord(details, "upstream_reset_after_response_started")) return true;
  // A client that leaves writes over them, as it does at the end of every WebSocket.
  return stream.responseBegun && hasClientLeft() && lengthOf(property(words.upstreamAddress)) != 0;
}

/** No request of gRPC, or no answer of it: gRPC says how it went behind a status of 200. */
const NO_STATUS: i64 = -2;

/**
 * What gRPC says: Envoy has a grpc-status for every answer, so it is read only for gRPC requests. Of gRPC-Web it stands in
 * the body, but for an answer without any, which has it in its headers.
 */
function grpcStatusOf(stream: Stream, ending: u32): i64 {
  if (ending != 2) return NO_STATUS;
  if (stream.isGrpcWeb) {
    const status = statusIn(words.headerStatus);
    return status == NOTHING_SAID ? NO_STATUS : (status as i64);
  }
  if (!stream.isGrpc) return NO_STATUS;
  return stream.grpcStatus != 0 ? (stream.grpcStatus as i64) - 1 : numberProperty(words.grpcStatus);
}

/** No status: with 1 more, 0. */
const NOTHING_SAID: u32 = 0xffffffff;

/** The gRPC status that a header or a trailer is. */
function statusIn(field: Slice): u32 {
  const status = decimal(property(field), 9);
  return status == NOT_DECIMAL ? NOTHING_SAID : (status as u32);
}

/**
 * How it ended: 1 to 5, the class of an answer that was whole; ENDED_RESET; ENDED_LEFT. An answer is whole when its end passed the
 * filter, or when it opened a tunnel, which has no end of its own.
 * @param status of its answer; 0 without
 */
function endingOf(stream: Stream, status: u32): u32 {
  if (status < 100) return endingOfCut();
  const kind = status >= 600 ? 5 : status / 100;
  if (stream.responseEnded || status == 101) return kind;
  if (stream.isConnect && kind == 2) return kind;
  if (stream.responseBegun && isWhole(stream)) return kind;
  // Envoy's own answer may pass no filter; one of the upstream's that passed without its end was cut.
  return stream.responseBegun ? endingOfCut() : kind;
}

/** Envoy's response flags for a downstream connection that ended, and a stream that the client reset. */
const CLIENT_LEFT: i64 = (1 << 14) | (1 << 28);

/** Who cut a stream that has no whole answer: asked only then. */
function endingOfCut(): u32 {
  return hasClientLeft() ? ENDED_LEFT : ENDED_RESET;
}

function hasClientLeft(): bool {
  const flags = numberProperty(words.responseFlags);
  return flags > 0 && (flags & CLIENT_LEFT) != 0;
}
