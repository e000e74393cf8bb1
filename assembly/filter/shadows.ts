// Shadows: the order of events of a copy, from the request's headers to the last answer.

import { Chain, extend, gathered, giveChain } from "../bytes/chain";
import { beginHash, Hash64, hashBytes, hashOf } from "../bytes/hash64";
import { beginPairs, nextPair, pairKey, pairValue } from "../bytes/pairs";
import { markScratch, rewindScratch } from "../bytes/scratch";
import { addressOf, isWord, lengthOf, NONE, Slice } from "../bytes/slice";
import { putByte, putSlice, restartText, textOf, Writer } from "../bytes/writer";
import { Plan } from "../core/plan";
import { drawnAt } from "../core/shadow";
import {
  BODY_IGNORED,
  BODY_JSON,
  DISPATCH_CALL,
  DRAWN_COPY,
  DRAWN_TOO_LARGE,
  Shadow,
  UNLIMITED,
} from "../core/shadow-plan";
import { lengthIn, UNKNOWN_LENGTH, view } from "../core/view";
import { answerPiece, requestPiece, responsePiece } from "../host/bodies";
import { nowNs } from "../host/clock";
import { answerHeaders, replaceRequestHeader, requestHeaders } from "../host/headers";
import { callToken, httpCall } from "../host/http-call";
import { addToMetric } from "../host/metrics";
import { LIMIT_BODY_BYTES } from "../vocabulary/limits";
import { Root, Stream } from "./contexts";
import {
  Answer,
  ANSWER_CUT,
  ANSWER_LATE,
  ANSWER_NONE,
  ANSWER_PENDING,
  ANSWER_WHOLE,
  Call,
  callOf,
  closeCall,
  closeCopy,
  Copy,
  detachCopy,
  enterCall,
  LINE_BYTES,
  openCopy,
  reserveCall,
} from "./copies";
import { copyHeaders, copyTrailers } from "./copy-request";
import { abandonRoot } from "./root";
import { firstState, giveToken, ShadowState, takeToken } from "./shadow-state";
import { survive, warnShadow } from "./survive";
import { settle } from "./verdict";

const SECOND: u64 = 1000000000;
const MILLISECOND: u64 = 1000000;
/** An answer that Envoy owes us for longer than this beyond its timeout will not come: its root context is gone. */
const GRACE: u64 = 2000000000;
/** Bytes of an answer that are looked at at once. */
const PIECE: u32 = 65536;
/** Bytes of a body that are looked at in all; of the rest only the length counts. */
const HASHED: u64 = LIMIT_BODY_BYTES;

const text: Writer = changetype<Writer>(memory.data(32, 8));

/** Writes the headers by which routes mirror. @returns whether any was written */
export function announceMirrors(plan: Plan, now: u64): bool {
  let any = false;
  for (let i: u32 = 0; i < plan.drawnCount; i++) {
    const drawn = drawnAt(plan, i);
    const shadow = changetype<Shadow>(drawn.shadow);
    if (drawn.outcome != DRAWN_COPY || shadow.dispatch == DISPATCH_CALL || shadow.state == 0) continue;
    const state = changetype<ShadowState>(shadow.state);
    sweep(state, now);
    if ((shadow.compares && state.inFlight >= shadow.inFlight) || !takeToken(state, shadow, now)) {
      addToMetric(state.overBudget, 1);
      drawn.outcome = DRAWN_OVER_BUDGET;
      continue;
    }
    if (!replaceRequestHeader(shadow.header, shadow.cluster))
      survive("host-call", "a request header could not be written");
    any = true;
  }
  return any;
}

/** An outcome of the filter's own, beside core's. */
const DRAWN_OVER_BUDGET: u32 = 0xffff;

/**
 * Opens the copies of a request whose headers have just been decided on, and sends those that need not wait for a body.
 * @param headersChanged whether the request's headers are no longer those that `view` has
 */
export function beginCopies(plan: Plan, stream: Stream, headersChanged: bool, now: u64): void {
  let block: Slice = NONE;
  for (let i: u32 = 0; i < plan.drawnCount; i++) {
    const drawn = drawnAt(plan, i);
    const shadow = changetype<Shadow>(drawn.shadow);
    if (shadow.state == 0) continue;
    const state = changetype<ShadowState>(shadow.state);
    if (drawn.outcome == DRAWN_TOO_LARGE) {
      addToMetric(state.tooLarge, 1);
      continue;
    }
    if (drawn.outcome != DRAWN_COPY) continue;
    if (shadow.dispatch != DISPATCH_CALL) {
      addToMetric(state.sent, 1);
      if (shadow.compares) openMirror(plan, stream, shadow, now);
      continue;
    }
    if (block == NONE) block = headersChanged ? requestHeaders() : view.block;
    if (block == NONE) return survive("host-call", "the request headers could not be read");
    beginCall(plan, stream, shadow, block, now);
  }
}

function beginCall(plan: Plan, stream: Stream, shadow: Shadow, block: Slice, now: u64): void {
  const state = changetype<ShadowState>(shadow.state);
  sweep(state, now);
  if (state.inFlight >= shadow.inFlight || !takeToken(state, shadow, now)) {
    addToMetric(state.overBudget, 1);
    return;
  }
  const address = openCopy(stream, plan, shadow);
  if (address == 0) return survive("memory", "no memory for a copy");
  const copy = changetype<Copy>(address);
  if (shadow.sample != 0) keepLine(copy);
  const head = copyHeaders(shadow, block, !view.hasNoBody);
  if (head == NONE) {
    giveUp(copy);
    return survive("memory", "no memory for the headers of a copy");
  }
  if (view.hasNoBody) return send(copy, head, NONE, NONE, now);
  copy.isCollecting = true;
  if (!extend(copy.head, addressOf(head), lengthOf(head))) dropOverBudget(copy);
}

/** Opens what a mirror's answer will be compared with, when the filter on the shadow's cluster finds it. */
function openMirror(plan: Plan, stream: Stream, shadow: Shadow, now: u64): void {
  const address = openCopy(stream, plan, shadow);
  if (address == 0) return survive("memory", "no memory for a copy");
  const copy = changetype<Copy>(address);
  if (shadow.sample != 0) keepLine(copy);
  copy.key = requestKey(view.block);
  copy.sentNs = now;
  noteDue(copy);
  beginAnswers(copy);
}

/** What finds a mirrored request again: a hash of its x-request-id; 0 without. */
export function requestKey(block: Slice): u64 {
  beginHash(keyHash);
  beginPairs(block);
  while (nextPair()) {
    if (!isWord(pairKey, "x-request-id")) continue;
    hashBytes(keyHash, addressOf(pairValue), lengthOf(pairValue));
    return hashOf(keyHash) | 1;
  }
  return 0;
}
const keyHash: Hash64 = changetype<Hash64>(memory.data(24, 8));

function beginAnswers(copy: Copy): void {
  if (copy.shadow.body == BODY_IGNORED) return;
  beginAnswer(copy, copy.ours);
  beginAnswer(copy, copy.theirs);
  beginAnswer(copy, copy.other);
}

function beginAnswer(copy: Copy, answer: Answer): void {
  beginHash(answer.hash);
  answer.isKept = copy.shadow.body == BODY_JSON;
}

/** Adds a piece of a body to what is compared. */
export function passBody(copy: Copy, answer: Answer, piece: Slice): void {
  const before = answer.bytes;
  answer.bytes += lengthOf(piece);
  if (before < HASHED) {
    const most = HASHED - before;
    hashBytes(
      answer.hash,
      addressOf(piece),
      (lengthOf(piece) as u64) < most ? lengthOf(piece) : (most as u32),
    );
  }
  if (!answer.isKept) return;
  const room = copy.shadow.maxBodyBytes == UNLIMITED ? PIECE : copy.shadow.maxBodyBytes;
  if (answer.body.bytes + lengthOf(piece) <= room) {
    if (extend(answer.body, addressOf(piece), lengthOf(piece))) return;
  }
  answer.isKept = false;
  giveChain(answer.body);
}

/** `GET /path?query`, for the log. */
function keepLine(copy: Copy): void {
  restartText(text);
  putSlice(text, view.method);
  putByte(text, 0x20);
  beginPairs(view.block);
  while (nextPair()) {
    if (isWord(pairKey, ":path")) {
      putSlice(text, pairValue);
      break;
    }
  }
  const whole = textOf(text);
  copy.lineBytes = lengthOf(whole) < LINE_BYTES ? lengthOf(whole) : LINE_BYTES;
  memory.copy(copy.line, addressOf(whole), copy.lineBytes);
}

/** A copy that was never sent is forgotten, and so is what it took of the budget. */
function giveUp(copy: Copy): void {
  giveToken(copy.state);
  detachCopy(copy);
  closeCopy(copy);
}

function dropOverBudget(copy: Copy): void {
  addToMetric(copy.state.overBudget, 1);
  giveUp(copy);
}

/** A piece of the request's body passes. */
export function collectRequest(stream: Stream, bytes: u32, isEnd: bool): void {
  let piece: Slice = NONE;
  let at = stream.copies;
  while (at != 0) {
    const copy = changetype<Copy>(at);
    at = copy.nextOfStream;
    if (!copy.isCollecting) continue;
    if (bytes != 0) {
      if (copy.body.bytes + bytes > copy.shadow.maxBodyBytes) {
        addToMetric(copy.state.tooLarge, 1);
        giveUp(copy);
        continue;
      }
      if (piece == NONE) piece = requestPiece(bytes);
      if (piece == NONE) {
        giveUp(copy);
        survive("host-call", "the request's body could not be read");
        continue;
      }
      if (!extend(copy.body, addressOf(piece), lengthOf(piece))) {
        dropOverBudget(copy);
        continue;
      }
    }
    if (isEnd) sendCollected(copy, NONE);
  }
}

/** The request ends with trailers. */
export function collectTrailers(stream: Stream, block: Slice): void {
  const trailers = copyTrailers(block);
  let at = stream.copies;
  while (at != 0) {
    const copy = changetype<Copy>(at);
    at = copy.nextOfStream;
    if (copy.isCollecting) sendCollected(copy, trailers);
  }
}

function sendCollected(copy: Copy, trailers: Slice): void {
  copy.isCollecting = false;
  const head = gathered(copy.head);
  const body = gathered(copy.body);
  if (head == NONE || body == NONE) {
    giveUp(copy);
    return survive("memory", "no memory to send a copy");
  }
  giveChain(copy.head);
  giveChain(copy.body);
  send(copy, head, body, trailers, nowNs());
}

function send(copy: Copy, head: Slice, body: Slice, trailers: Slice, now: u64): void {
  const shadow = copy.shadow;
  const state = copy.state;
  const root = copy.stream.root;
  copy.sentNs = now;
  if (!reserveCall()) {
    giveUp(copy);
    return survive("memory", "no memory for a call");
  }
  if (!httpCall(shadow.cluster, head, body, trailers, shadow.timeoutMs)) {
    addToMetric(state.unavailable, 1);
    if (!state.saidUnavailable) {
      state.saidUnavailable = true;
      warnShadow(shadow.name, shadow.cluster);
    }
    giveUp(copy);
    return;
  }
  state.saidUnavailable = false;
  addToMetric(state.sent, 1);
  enterCall(callToken, copy, root, false);
  noteDue(copy);
  beginAnswers(copy);
  if (shadow.noise == NONE || !reserveCall()) return;
  if (httpCall(shadow.noise, head, body, trailers, shadow.timeoutMs)) {
    state.saidNoiseUnavailable = false;
    copy.other.outcome = ANSWER_PENDING;
    enterCall(callToken, copy, root, true);
  } else if (!state.saidNoiseUnavailable) {
    state.saidNoiseUnavailable = true;
    warnShadow(shadow.name, shadow.noise);
  }
}

/** A piece of production's response passes. */
export function collectResponse(stream: Stream, bytes: u32, isEnd: bool): void {
  if (bytes != 0) {
    let piece: Slice = NONE;
    for (let at = stream.copies; at != 0; at = changetype<Copy>(at).nextOfStream) {
      const copy = changetype<Copy>(at);
      if (copy.shadow.body == BODY_IGNORED || copy.isCollecting) continue;
      if (copy.ours.bytes >= HASHED) {
        copy.ours.bytes += bytes;
        continue;
      }
      if (piece == NONE) piece = responsePiece(bytes);
      if (piece == NONE) return survive("host-call", "the response's body could not be read");
      passBody(copy, copy.ours, piece);
    }
  }
  if (isEnd) endResponseOfCopies(stream);
}

/** The last byte of production's response passed. */
export function endResponseOfCopies(stream: Stream): void {
  const now = nowNs();
  for (let at = stream.copies; at != 0; at = changetype<Copy>(at).nextOfStream) {
    changetype<Copy>(at).ours.endedNs = now;
  }
}

/** Production's stream is over: `status` is that of its answer, `isWhole` whether that came to its end. */
export function endCopies(stream: Stream, status: u32, isWhole: bool, now: u64): void {
  let at = stream.copies;
  stream.copies = 0;
  while (at != 0) {
    const copy = changetype<Copy>(at);
    at = copy.nextOfStream;
    copy.stream = changetype<Stream>(0);
    if (copy.isCollecting) {
      // The request never came to its end.
      giveUp(copy);
      continue;
    }
    copy.ours.status = status;
    copy.ours.outcome = isWhole ? ANSWER_WHOLE : ANSWER_CUT;
    if (copy.ours.endedNs == 0) copy.ours.endedNs = now;
    settle(copy, now);
  }
}

/** The host has an answer for a call of ours, or word that there will be none (no headers). */
export function answerCall(id: u32, token: u32, headers: u32, bytes: u32): Root {
  const address = callOf(id, token);
  if (address == 0) return changetype<Root>(0);
  const call = changetype<Call>(address);
  const copy = call.copy;
  const root = call.root;
  const answer = call.isNoise ? copy.other : copy.theirs;
  closeCall(call);
  const now = nowNs();
  answer.endedNs = now;
  answer.outcome = headers == 0 ? ANSWER_CUT : readAnswer(copy, answer, bytes, now);
  settle(copy, now);
  return root;
}

const GATEWAY_TIMEOUT: u32 = 504;
const UNAVAILABLE: u32 = 503;
/** `:status`, `content-length`, `content-type`: what Envoy's own answers have, and hardly a service's. */
const HEADERS_OF_ENVOY: u32 = 3;

function readAnswer(copy: Copy, answer: Answer, bytes: u32, now: u64): u32 {
  const count = beginPairs(answerHeaders());
  while (nextPair()) {
    if (isWord(pairKey, ":status")) answer.status = lengthIn(pairValue) as u32;
  }
  // Nobody answered, and Envoy says so with an answer of its own. Its timer begins at the time that its loop has noted,
  // which is before our clock's: a timeout may come some milliseconds early.
  if (answer.status == GATEWAY_TIMEOUT) {
    if (isEnvoys(count, bytes) || now - copy.sentNs >= timeoutNs(copy)) return ANSWER_LATE;
  } else if (answer.status == UNAVAILABLE && isEnvoys(count, bytes)) {
    return ANSWER_CUT;
  }
  if (copy.shadow.body == BODY_IGNORED) return ANSWER_WHOLE;
  // Of another length than production's it differs as bytes, whatever stands in it: no need to look.
  const isOther = copy.ours.outcome == ANSWER_WHOLE && copy.ours.bytes != (bytes as u64);
  const isUnread = isOther && (copy.shadow.body != BODY_JSON || bytes > copy.shadow.maxBodyBytes);
  const end: u32 = isUnread ? 0 : bytes < (LIMIT_BODY_BYTES as u32) ? bytes : (LIMIT_BODY_BYTES as u32);
  for (let from: u32 = 0; from < end;) {
    const mark = markScratch();
    const piece = answerPiece(from, end - from < PIECE ? end - from : PIECE);
    if (piece == NONE || lengthOf(piece) == 0) return ANSWER_CUT;
    passBody(copy, answer, piece);
    from += lengthOf(piece);
    rewindScratch(mark);
  }
  if (answer.bytes != (bytes as u64)) {
    answer.bytes = bytes;
    answer.isKept = false;
  }
  return ANSWER_WHOLE;
}

function timeoutNs(copy: Copy): u64 {
  return (copy.shadow.timeoutMs as u64) * MILLISECOND;
}

/** Whether the answer is one that Envoy's router writes when there was no upstream to answer. */
function isEnvoys(headers: u32, bytes: u32): bool {
  if (headers != HEADERS_OF_ENVOY || bytes == 0 || bytes > PIECE) return false;
  const body = answerPiece(0, bytes);
  return (
    startsAs(body, "upstream connect error") ||
    startsAs(body, "no healthy upstream") ||
    startsAs(body, "upstream request")
  );
}

function startsAs(body: Slice, word: string): bool {
  return lengthOf(body) >= (word.length as u32) && isWord(sliceStart(body, word.length as u32), word);
}

function sliceStart(body: Slice, length: u32): Slice {
  return ((body >> 32) << 32) | (length as u64);
}

/** Gives up all copies whose answers are overdue. */
export function sweepAll(now: u64): void {
  for (let at = firstState(); at != 0; at = changetype<ShadowState>(at).nextState) {
    sweep(changetype<ShadowState>(at), now);
  }
}

/** When a copy's answers are overdue. Envoy itself ends a call in time; a mirror nobody ends. */
function dueOf(copy: Copy): u64 {
  return copy.sentNs + timeoutNs(copy) + (copy.shadow.dispatch == DISPATCH_CALL ? GRACE : 0);
}

/** A copy was sent: notes when it will be looked after. */
function noteDue(copy: Copy): void {
  const state = copy.state;
  const due = dueOf(copy);
  if (state.dueNs == 0 || due < state.dueNs) state.dueNs = due;
}

/** Gives up copies of a shadow whose answers are overdue, and only where a copy is wanted. */
function sweep(state: ShadowState, now: u64): void {
  if (state.dueNs == 0 || now < state.dueNs) return;
  state.dueNs = 0;
  let at = state.first;
  while (at != 0) {
    const copy = changetype<Copy>(at);
    at = copy.next;
    if (copy.isCollecting || copy.sentNs == 0) continue;
    if (copy.theirs.outcome != ANSWER_PENDING && copy.other.outcome != ANSWER_PENDING) continue;
    if (now < dueOf(copy)) {
      noteDue(copy);
      continue;
    }
    const isMirror = copy.shadow.dispatch != DISPATCH_CALL;
    if (copy.call != 0) abandon(changetype<Call>(copy.call));
    if (copy.noiseCall != 0) abandon(changetype<Call>(copy.noiseCall));
    if (copy.theirs.outcome == ANSWER_PENDING) {
      if (isMirror && changetype<usize>(copy.observer) != 0) copy.observer.observed = 0;
      copy.observer = changetype<Stream>(0);
      copy.theirs.outcome = isMirror ? ANSWER_LATE : ANSWER_CUT;
      copy.theirs.endedNs = now;
    }
    if (copy.other.outcome == ANSWER_PENDING) copy.other.outcome = ANSWER_NONE;
    settle(copy, now);
  }
}

/** Envoy destroyed the root that this call belonged to, or it would have answered. */
function abandon(call: Call): void {
  const root = call.root;
  closeCall(call);
  abandonRoot(root);
}
