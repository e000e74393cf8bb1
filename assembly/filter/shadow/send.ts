// Copies go out: the order of events from the request's headers to the call, or to the header that a route mirrors by.

import * as ascii from "../../bytes/ascii";
import { extend, gathered, giveChain } from "../../bytes/chain";
import { beginHash, Hash64, hashBytes, hashOf } from "../../bytes/hash64";
import { Pairs } from "../../bytes/pairs";
import { fixed } from "../../bytes/records";
import { addressOf, findByte, isWord, lengthOf, NONE, Slice, sliceOf } from "../../bytes/slice";
import { putByte, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import { Decision, Draw, Drawn } from "../../core/decision";
import { Plan } from "../../core/plan";
import { Dispatch, Shadow } from "../../core/shadow-plan";
import { view } from "../../core/view";
import { requestPiece } from "../../host/bodies";
import { nowNs } from "../../host/clock";
import { replaceRequestHeader, requestHeaders } from "../../host/headers";
import { httpCall, NO_CALL } from "../../host/http-call";
import { addToMetric } from "../../host/metrics";
import { AnswerState, Copy, LINE_BYTES, Root, ShadowState, Stream } from "../records";
import { survive, warnShadow } from "../survive";
import { narrowClient } from "./accept-encoding";
import { beginCopyUser } from "../evidence/copy-users";
import { beginAnswers } from "./answers";
import { reserveAnswer, takeToken } from "./budget";
import { enterCall, freeCall, reserveCall } from "./calls";
import { giveUp, openCopy } from "./copies";
import { copyHeaders, copyTrailers } from "./copy-headers";
import { maySay, stateOf } from "./state";
import { noteDue, sweep, sweepAll } from "./sweep";
import { sweepIdle } from "./verdict";

const pairs: Pairs = fixed<Pairs>();

const text: Writer = fixed<Writer>();

/** Writes the headers by which routes mirror. @returns whether any was written */
export function announceMirrors(decision: Decision): bool {
  let any = false;
  for (let i: u32 = 0; i < decision.drawnCount; i++) {
    const drawn = decision.drawn.at(i);
    const shadow = drawn.shadow;
    if (drawn.outcome != Draw.Copy || shadow.dispatch == Dispatch.Call) continue;
    const state = stateOf(shadow);
    if (state == null) continue;
    if (!takeCopy(state, shadow, decision.nowNs, false)) {
      drawn.outcome = Draw.OverBudget;
      continue;
    }
    if (!replaceRequestHeader(shadow.header, shadow.cluster))
      survive("host-call", "a request header could not be written");
    any = true;
  }
  return any;
}

/**
 * Takes a copy from the budget, or counts that there was none left.
 * @param waits whether it will wait for its request's body. Such copies get half of the places: a client decides how long
 * they are held, and those without a body must not pay for it
 */
function takeCopy(state: ShadowState, shadow: Shadow, now: u64, waits: bool): bool {
  sweep(state, now);
  if (state.inFlight >= shadow.inFlight) sweepIdle(state, now);
  const isFull =
    shadow.compares &&
    (state.inFlight >= shadow.inFlight || (waits && state.collecting >= (shadow.inFlight + 1) >> 1));
  if (!isFull && takeToken(state, shadow, now)) return true;
  addToMetric(state.overBudget, 1);
  return false;
}

/**
 * Opens the copies of a request whose headers have just been decided on, and sends those that need not wait for a body.
 * @param headersChanged whether the request's headers are no longer those that `view` has
 */
export function beginCopies(decision: Decision, stream: Stream, headersChanged: bool): void {
  const plan = decision.plan;
  const now = decision.nowNs;
  let block: Slice = NONE;
  for (let i: u32 = 0; i < decision.drawnCount; i++) {
    const drawn = decision.drawn.at(i);
    const shadow = drawn.shadow;
    const state = stateOf(shadow);
    if (state == null) continue;
    if (drawn.outcome == Draw.TooLarge) {
      addToMetric(state.tooLarge, 1);
      continue;
    }
    if (drawn.outcome != Draw.Copy) continue;
    if (shadow.dispatch != Dispatch.Call) {
      addToMetric(state.sent, 1);
      if (shadow.compares) openMirror(plan, stream, drawn, state, now);
      continue;
    }
    if (block == NONE) block = headersChanged ? requestHeaders() : view.block;
    if (block == NONE) return survive("host-call", "the request headers could not be read");
    beginCall(plan, stream, drawn, state, block, now);
  }
  narrowClient(stream, view.block);
}

function beginCall(
  plan: Plan,
  stream: Stream,
  drawn: Drawn,
  state: ShadowState,
  block: Slice,
  now: u64,
): void {
  const shadow = drawn.shadow;
  if (!takeCopy(state, shadow, now, !view.hasNoBody)) return;
  const copy = openCopy(stream, plan, shadow, state);
  if (copy == null) return survive("memory", "no memory for a copy");
  beginCopyUser(copy, drawn.hash);
  // Production may answer before the request's end, at which the copy goes out.
  beginAnswers(copy);
  if (shadow.sample != 0) keepLine(copy);
  const head = copyHeaders(shadow, block, !view.hasNoBody);
  if (head == NONE) {
    giveUp(copy);
    return survive("memory", "no memory for the headers of a copy");
  }
  if (view.hasNoBody) return send(copy, stream.root, head, NONE, NONE, now);
  copy.isCollecting = true;
  copy.begunNs = now;
  state.collecting++;
  noteDue(copy);
  if (!extend(copy.head, addressOf(head), lengthOf(head))) dropOverBudget(copy);
}

/** Opens what a mirror's answer will be compared with, when the filter on the shadow's cluster finds it. */
function openMirror(plan: Plan, stream: Stream, drawn: Drawn, state: ShadowState, now: u64): void {
  const shadow = drawn.shadow;
  const copy = openCopy(stream, plan, shadow, state);
  if (copy == null) return survive("memory", "no memory for a copy");
  beginCopyUser(copy, drawn.hash);
  if (shadow.sample != 0) keepLine(copy);
  copy.key = requestKey(view.block);
  copy.sentNs = now;
  noteDue(copy);
  beginAnswers(copy);
}

/** What finds a mirrored request again: a hash of its x-request-id; 0 without. */
export function requestKey(block: Slice): u64 {
  beginHash(keyHash);
  pairs.begin(block);
  while (pairs.next()) {
    if (!isWord(pairs.key, "x-request-id")) continue;
    hashBytes(keyHash, addressOf(pairs.value), lengthOf(pairs.value));
    return hashOf(keyHash) | 1;
  }
  return 0;
}
const keyHash: Hash64 = fixed<Hash64>();

/** `GET /path`, for the log: a query may hold tokens, so it is kept only when the policy says so. */
function keepLine(copy: Copy): void {
  restartText(text);
  putSlice(text, view.method);
  putByte(text, ascii.SPACE);
  pairs.begin(view.block);
  while (pairs.next()) {
    if (isWord(pairs.key, ":path")) {
      putSlice(text, copy.shadow.logsQuery ? pairs.value : pathOf(pairs.value));
      break;
    }
  }
  const whole = textOf(text);
  copy.lineBytes = lengthOf(whole) < LINE_BYTES ? lengthOf(whole) : LINE_BYTES;
  memory.copy(addressOf(copy.line), addressOf(whole), copy.lineBytes);
}

/** A target without its query and fragment (RFC 3986, 3.3). */
function pathOf(target: Slice): Slice {
  const begin = addressOf(target);
  const end = findByte(begin, begin + lengthOf(target), ascii.QUESTION);
  return sliceOf(begin, (findByte(begin, end, ascii.HASH) - begin) as u32);
}

function dropOverBudget(copy: Copy): void {
  addToMetric(copy.state.overBudget, 1);
  giveUp(copy);
}

/** A piece of the request's body passes. */
export function collectRequest(stream: Stream, bytes: u32, isEnd: bool): void {
  let piece: Slice = NONE;
  let lacksRoom = false;
  let at = stream.copies;
  while (at != null) {
    const copy = at;
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
        lacksRoom = true;
        continue;
      }
    }
    if (isEnd) sendCollected(copy, stream.root, NONE);
  }
  // Bodies that do not come to an end may hold it.
  if (lacksRoom) sweepAll(nowNs());
}

/** The request ends with trailers. */
export function collectTrailers(stream: Stream, block: Slice): void {
  const trailers = copyTrailers(block);
  let at = stream.copies;
  while (at != null) {
    const copy = at;
    at = copy.nextOfStream;
    if (copy.isCollecting) sendCollected(copy, stream.root, trailers);
  }
}

function sendCollected(copy: Copy, root: Root, trailers: Slice): void {
  copy.isCollecting = false;
  copy.state.collecting--;
  const head = gathered(copy.head);
  const body = gathered(copy.body);
  if (head == NONE || body == NONE) {
    giveUp(copy);
    return survive("memory", "no memory to send a copy");
  }
  giveChain(copy.head);
  giveChain(copy.body);
  send(copy, root, head, body, trailers, nowNs());
}

function send(copy: Copy, root: Root, head: Slice, body: Slice, trailers: Slice, now: u64): void {
  const shadow = copy.shadow;
  const state = copy.state;
  copy.sentNs = now;
  const call = reserveCall();
  if (call == null) {
    giveUp(copy);
    return survive("memory", "no memory for a call");
  }
  const token = httpCall(shadow.cluster, head, body, trailers, shadow.timeoutMs);
  if (token == NO_CALL) {
    freeCall(call);
    addToMetric(state.unavailable, 1);
    if (!state.saidUnavailable && maySay(state, now)) {
      state.saidUnavailable = true;
      warnShadow(shadow.name, shadow.cluster);
    }
    giveUp(copy);
    return;
  }
  state.saidUnavailable = false;
  addToMetric(state.sent, 1);
  enterCall(call, token as u32, copy, root, false, reserveAnswer(state, shadow));
  noteDue(copy);
  if (shadow.noise != NONE) sendNoise(copy, root, head, body, trailers, now);
}

/** The same to production's second instance. */
function sendNoise(copy: Copy, root: Root, head: Slice, body: Slice, trailers: Slice, now: u64): void {
  const shadow = copy.shadow;
  const state = copy.state;
  const call = reserveCall();
  if (call == null) return;
  const token = httpCall(shadow.noise, head, body, trailers, shadow.timeoutMs);
  if (token != NO_CALL) {
    state.saidNoiseUnavailable = false;
    copy.other.outcome = AnswerState.Pending;
    enterCall(call, token as u32, copy, root, true, 0);
    return;
  }
  freeCall(call);
  if (state.saidNoiseUnavailable || !maySay(state, now)) return;
  state.saidNoiseUnavailable = true;
  warnShadow(shadow.name, shadow.noise);
}
