// Calls that an effect names, from their headers to their end: production's are looked at as they pass, a shadow's is
// held back where the effect has an answer, and answered once its end has come. Then they wait for each other.

import * as ascii from "../../bytes/ascii";
import { take } from "../../bytes/arena";
import { Chain, extend, gathered, giveChain } from "../../bytes/chain";
import { FreeList } from "../../bytes/free-list";
import { beginHash, Hash64, hashBytes, hashOf } from "../../bytes/hash64";
import { Pairs } from "../../bytes/pairs";
import { fixed, placeOf, recordAt, within } from "../../bytes/records";
import { addressOf, isWord, lengthOf, NONE, Slice, sliceOf } from "../../bytes/slice";
import { putByte, putSlice, restartText, textOf, Writer } from "../../bytes/writer";
import { Decision } from "../../core/decision";
import { Effect } from "../../core/effect-plan";
import { BodyComparison } from "../../core/shadow-plan";
import { opensTunnel } from "../../core/shadow";
import { view } from "../../core/view";
import { requestPiece } from "../../host/bodies";
import { nowNs } from "../../host/clock";
import { answerRequest } from "../../host/local-reply";
import { addToMetric } from "../../host/metrics";
import * as limits from "../../vocabulary/limits";
import { Stream, wholeWords } from "../records";
import { survive } from "../survive";
import { vmArena } from "../vm";
import { words } from "../words";
import { stateOf } from "./state";
import { arrival, putWaiting } from "./table";
import { Kind } from "./waiting";

/** What the host is told to do with what it showed. */
export const enum Action {
  Continue = 0,
  /** Nothing goes on to the filters behind; the body is still shown. */
  Stop = 1,
  /** Nothing of this piece of a body goes on, and it need not be kept. */
  Drop = 3,
}

const LINE_BYTES: u32 = 256;
const ID_BYTES: u32 = 64;
const NAME_BYTES: u32 = 64;

/** A call under way; its hash, its body and its texts follow it in memory. */
@unmanaged
export class EffectCall {
  /** In the list of free ones. */
  next: EffectCall | null;
  /** Of the stream's plan. */
  effect: Effect;
  isShadow: bool;
  /** Whether nothing of it is sent, and the proxy answers. */
  isHeld: bool;
  /** Whether a piece of its body has come, or there is none. */
  isShown: bool;
  /** Whether `body` is all of its body so far. */
  isKept: bool;
  /** Hashes of its x-request-id (0 without), and of method, path and query. */
  id: u64;
  line: u64;
  bodyBytes: u64;
  shadowBytes: u32;
  lineBytes: u32;
  idBytes: u32;

  // @ts-ignore: decorator
  @inline
  get hash(): Hash64 {
    return within<EffectCall, Hash64>(this, CALL_HASH);
  }

  // @ts-ignore: decorator
  @inline
  get body(): Chain {
    return within<EffectCall, Chain>(this, CALL_BODY);
  }

  get shadowName(): Slice {
    return sliceOf(placeOf(this) + CALL_TEXTS, this.shadowBytes);
  }

  get lineText(): Slice {
    return sliceOf(placeOf(this) + CALL_TEXTS + NAME_BYTES, this.lineBytes);
  }

  get idText(): Slice {
    return sliceOf(placeOf(this) + CALL_TEXTS + NAME_BYTES + LINE_BYTES, this.idBytes);
  }
}

const CALL_HASH: usize = wholeWords(offsetof<EffectCall>());
const CALL_BODY: usize = CALL_HASH + wholeWords(offsetof<Hash64>());
const CALL_TEXTS: usize = CALL_BODY + wholeWords(offsetof<Chain>());
const CALL_BYTES: usize = CALL_TEXTS + NAME_BYTES + LINE_BYTES + ID_BYTES;

const freeCalls: FreeList<EffectCall> = fixed<FreeList<EffectCall>>();
const pairs: Pairs = fixed<Pairs>();
const hash: Hash64 = fixed<Hash64>();
const text: Writer = fixed<Writer>();

/** The call of a stream; null when no effect names its request. */
// @ts-ignore: decorator
@inline
function callOf(stream: Stream): EffectCall | null {
  return recordAt<EffectCall | null>(stream.effect);
}

let nextAction: Action = Action.Continue;

/** What the host is told to do with what it has just shown: once for each callback. */
export function takeAction(): u32 {
  const action = nextAction;
  nextAction = Action.Continue;
  return action;
}

/** Whether the request that was just decided is a shadow's that the proxy answers. */
export function isAnswered(decision: Decision): bool {
  const effect = decision.effect;
  return view.shadow != NONE && (decision.isInDoubt || (effect != null && effect.answers));
}

/** The headers of a request of a policy with effects are there, and decided on. */
export function beginEffect(decision: Decision, stream: Stream, isEnd: bool): void {
  const effect = decision.effect;
  const isShadow = view.shadow != NONE;
  if (isShadow && decision.isInDoubt && (effect == null || !effect.answers)) return refuseCall();
  if (effect == null) {
    if (isShadow) noteSeen();
    return;
  }
  const isHeld = isShadow && effect.answers;
  if (isHeld) nextAction = Action.Stop;
  let call = freeCalls.take();
  if (call == null) call = recordAt<EffectCall | null>(take(vmArena(), CALL_BYTES));
  if (call == null) {
    survive("memory", "no memory for a call that an effect names");
    if (isHeld) answer(effect);
    return;
  }
  call.effect = effect;
  call.isShadow = isShadow;
  call.isHeld = isHeld;
  call.isShown = false;
  call.isKept = effect.rules.body != BodyComparison.Ignored;
  call.bodyBytes = 0;
  beginHash(call.hash);
  readCall(call);
  stream.effect = placeOf(call);
  // A tunnel's body has no end.
  if (!isEnd && !opensTunnel()) return;
  call.isShown = true;
  endOfCall(stream, call);
}

const UNAVAILABLE: u32 = 503;

/**
 * Answers the request of a shadow of which it could not be found out whether an effect holds it back: it is never sent,
 * and nothing is said of it.
 */
export function refuseCall(): void {
  nextAction = Action.Stop;
  if (!answerRequest(UNAVAILABLE, NONE, NONE, words.effectDetails))
    survive("host-call", "a shadow's call could not be answered");
}

/** Keeps what is known of a call by its headers. */
function readCall(call: EffectCall): void {
  const at = placeOf(call) + CALL_TEXTS;
  call.shadowBytes = keepText(at, view.shadow, NAME_BYTES);
  let id: Slice = NONE;
  let target: Slice = NONE;
  pairs.begin(view.block);
  while (pairs.next()) {
    if (isWord(pairs.key, "x-request-id")) id = pairs.value;
    else if (isWord(pairs.key, ":path")) target = pairs.value;
  }
  beginHash(hash);
  hashBytes(hash, addressOf(view.method), lengthOf(view.method));
  hashBytes(hash, addressOf(target), lengthOf(target));
  call.line = hashOf(hash);
  restartText(text);
  putSlice(text, view.method);
  putByte(text, ascii.SPACE);
  putSlice(text, view.path);
  call.lineBytes = keepText(at + NAME_BYTES, textOf(text), LINE_BYTES);
  call.idBytes = keepText(at + NAME_BYTES + LINE_BYTES, id, ID_BYTES);
  call.id = idOf(id);
}

function keepText(to: usize, from: Slice, most: u32): u32 {
  const bytes = lengthOf(from) < most ? lengthOf(from) : most;
  memory.copy(to, addressOf(from), bytes);
  return bytes;
}

const UUID_BYTES: u32 = 36;
/** Where Envoy writes into a UUID whether the request is traced: each Envoy on the way may say another thing. */
const TRACE_REASON: u32 = 14;

/** What both calls of one x-request-id share; 0 without. */
function idOf(id: Slice): u64 {
  const bytes = lengthOf(id);
  if (bytes == 0) return 0;
  const begin = addressOf(id);
  beginHash(hash);
  if (bytes == UUID_BYTES) {
    hashBytes(hash, begin, TRACE_REASON);
    hashBytes(hash, begin + TRACE_REASON + 1, UUID_BYTES - TRACE_REASON - 1);
  } else {
    hashBytes(hash, begin, bytes);
  }
  return hashOf(hash) | 1;
}

/** A shadow's request that no effect names: another of its calls may be missed by it. */
function noteSeen(): void {
  pairs.begin(view.block);
  while (pairs.next()) {
    if (!isWord(pairs.key, "x-request-id")) continue;
    arrival.kind = Kind.Seen;
    arrival.id = idOf(pairs.value);
    arrival.shadow = view.shadow;
    arrival.effect = NONE;
    arrival.line = 0;
    arrival.lineText = NONE;
    arrival.idText = NONE;
    arrival.bodyBytes = 0;
    arrival.bodyHash = 0;
    arrival.isKept = false;
    arrival.body = NONE;
    if (arrival.id != 0) putWaiting(arrival, nowNs());
    return;
  }
}

/** A piece of the body of a call passes. */
export function passCall(stream: Stream, bytes: u32, isEnd: bool): void {
  const call = callOf(stream);
  if (call == null) return;
  call.isShown = true;
  if (call.isHeld) nextAction = Action.Drop;
  if (bytes != 0 && call.effect.rules.body != BodyComparison.Ignored) {
    if (call.bodyBytes < (limits.BODY_BYTES as u64)) {
      const piece = requestPiece(bytes);
      if (piece == NONE) {
        survive("host-call", "the request's body could not be read");
        dropBody(call);
      } else {
        keepPiece(call, piece);
      }
    }
    call.bodyBytes += bytes;
  }
  if (isEnd) endOfCall(stream, call);
}

/** A call ends with trailers. */
export function endCall(stream: Stream): void {
  const call = callOf(stream);
  if (call == null) return;
  call.isShown = true;
  if (call.isHeld) nextAction = Action.Stop;
  endOfCall(stream, call);
}

function keepPiece(call: EffectCall, piece: Slice): void {
  const left = (limits.BODY_BYTES as u64) - call.bodyBytes;
  const hashed = (lengthOf(piece) as u64) < left ? lengthOf(piece) : (left as u32);
  hashBytes(call.hash, addressOf(piece), hashed);
  if (!call.isKept) return;
  if (call.body.bytes + lengthOf(piece) <= (limits.EFFECT_BODY_BYTES as u32)) {
    if (extend(call.body, addressOf(piece), lengthOf(piece))) return;
  }
  dropBody(call);
}

function dropBody(call: EffectCall): void {
  call.isKept = false;
  giveChain(call.body);
}

/** The end of a call has come: it is counted, put beside those that it is compared with, and answered if it is held. */
function endOfCall(stream: Stream, call: EffectCall): void {
  stream.effect = 0;
  const effect = call.effect;
  if (call.isHeld) answer(effect);
  const state = stateOf(effect);
  if (call.isShadow && state != null) addToMetric(state.total, 1);
  if (call.id != 0) {
    const body: Slice = call.isKept ? gathered(call.body) : NONE;
    arrival.kind = call.isShadow ? Kind.Shadow : Kind.Production;
    arrival.id = call.id;
    arrival.shadow = call.shadowName;
    arrival.effect = effect.name;
    arrival.line = effect.comparesPath ? call.line : 0;
    arrival.lineText = call.lineText;
    arrival.idText = call.idText;
    arrival.bodyBytes = call.bodyBytes;
    arrival.bodyHash = hashOf(call.hash);
    arrival.isKept = body != NONE;
    arrival.body = body;
    if (!putWaiting(arrival, nowNs()) && call.isShadow && state != null) addToMetric(state.unpaired, 1);
  } else if (call.isShadow && state != null) {
    addToMetric(state.unpaired, 1);
  }
  freeCall(call);
}

function answer(effect: Effect): void {
  if (!answerRequest(effect.status, effect.headers, effect.body, words.effectDetails))
    survive("host-call", "a shadow's call could not be answered");
}

function freeCall(call: EffectCall): void {
  giveChain(call.body);
  freeCalls.give(call);
}

let saidOption: bool = false;

/** The stream is over before the end of its call has come: there was none. */
export function dropCall(stream: Stream): void {
  const call = callOf(stream);
  if (call == null) return;
  stream.effect = 0;
  if (call.isHeld && !call.isShown && !saidOption) {
    saidOption = true;
    survive(
      "effects",
      "the body of a shadow's call was not shown to the filter: set allow_on_headers_stop_iteration on this plugin",
    );
  }
  freeCall(call);
}
