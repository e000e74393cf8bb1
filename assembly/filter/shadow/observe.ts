// The upstream filter: the same module loaded on the cluster of a mirrored shadow (`root_id: serin.upstream`). It decides
// nothing. It finds the copy that the downstream filter of this worker opened, and sees what the shadow answers.

import { fixed, nextOf } from "../../bytes/records";
import { NONE, lengthOf, sameText, Slice, sliceOf, addressOf, startsWithWord } from "../../bytes/slice";
import { Pairs } from "../../bytes/pairs";
import { BodyComparison, Dispatch, Shadow } from "../../core/shadow-plan";
import { responsePiece } from "../../host/bodies";
import { nowNs } from "../../host/clock";
import {
  removeRequestHeader,
  replaceRequestHeader,
  requestHeaders,
  responseHeaders,
  responseTrailers,
} from "../../host/headers";
import { numberProperty, property } from "../../host/properties";
import * as headerNames from "../../vocabulary/headers";
import { AnswerState, Copy, Stream } from "../records";
import { narrowObserved } from "./accept-encoding";
import { passBody } from "./answers";
import { readHead, readTrailers } from "./head";
import { stateNamed } from "./state";
import { requestKey } from "./send";
import { markBaggage } from "../side-effects/marks";
import { survive } from "../survive";
import { settle } from "./verdict";
import { words } from "../words";

const pairs: Pairs = fixed<Pairs>();

/** A request reaches the shadow's cluster. */
export function beginObserved(stream: Stream): void {
  const block = requestHeaders();
  if (block == NONE) return survive("host-call", "the request headers could not be read");
  const key = requestKey(block);
  const cluster = property(words.clusterName);
  pairs.begin(block);
  while (pairs.next()) {
    if (!startsWithWord(pairs.key, headerNames.SHADOW_PREFIX)) continue;
    // A request may be mirrored to several: this copy is the one of the cluster that this filter runs on.
    if (lengthOf(cluster) != 0 && !sameText(cluster, pairs.value)) continue;
    const copy = openCopyOf(nameIn(pairs.key), key);
    if (copy == null) continue;
    stream.observed = copy;
    copy.observer = stream;
    return changeHeaders(copy.shadow, block);
  }
}

function nameIn(header: Slice): Slice {
  const prefix = headerNames.SHADOW_PREFIX.length;
  return sliceOf(addressOf(header) + prefix, lengthOf(header) - prefix);
}

/** The open copy of a mirrored request that is not observed yet; null when there is none. */
function openCopyOf(shadow: Slice, key: u64): Copy | null {
  const state = stateNamed(shadow);
  if (state == null || key == 0) return null;
  for (let copy = state.first; copy != null; copy = nextOf(copy)) {
    if (copy.key != key || copy.shadow.dispatch != Dispatch.Mirror) continue;
    if (copy.theirs.outcome == AnswerState.Pending && copy.observer == null) return copy;
  }
  return null;
}

function changeHeaders(shadow: Shadow, block: Slice): void {
  let sound = replaceRequestHeader(words.shadowHeader, shadow.mark);
  // First: the policy has the last word.
  if (!narrowObserved(shadow, block)) sound = false;
  for (let i: u32 = 0; i < shadow.changeCount; i++) {
    const change = shadow.changes.at(i);
    const done =
      change.value == NONE
        ? removeRequestHeader(change.name)
        : replaceRequestHeader(change.name, change.value);
    if (!done) sound = false;
  }
  if (shadow.member != NONE && !markBaggage(shadow, block)) sound = false;
  if (!sound) survive("host-call", "a copy's header could not be changed");
}

/** The headers of the shadow's answer are there. */
export function beginAnswerOfObserved(stream: Stream): void {
  const copy = stream.observed;
  if (copy == null) return;
  const block = responseHeaders();
  if (block == NONE) return survive("host-call", "the response headers could not be read");
  readHead(copy.shadow, copy.theirs, block);
}

/** The shadow's answer ends with trailers. */
export function endAnswerOfObserved(stream: Stream, count: u32): void {
  const copy = stream.observed;
  if (copy == null || count == 0 || !copy.shadow.comparesStatus) return;
  const block = responseTrailers();
  if (block == NONE) return survive("host-call", "the response trailers could not be read");
  readTrailers(copy.theirs, block);
}

/** A piece of the shadow's answer passes. */
export function passObserved(stream: Stream, bytes: u32): void {
  const copy = stream.observed;
  if (copy == null || bytes == 0 || copy.shadow.body == BodyComparison.Ignored) return;
  const piece = responsePiece(bytes);
  if (piece == NONE) return survive("host-call", "the response's body could not be read");
  passBody(copy, copy.theirs, piece);
}

/** Envoy is done with the shadow's stream. */
export function endObserved(stream: Stream): void {
  const copy = stream.observed;
  if (copy == null) return;
  stream.observed = null;
  copy.observer = null;
  const code = numberProperty(words.responseCode);
  const now = nowNs();
  copy.theirs.endedNs = now;
  copy.theirs.status = code < 0 ? 0 : (code as u32);
  copy.theirs.outcome = code >= 100 && stream.responseEnded ? AnswerState.Whole : AnswerState.Cut;
  settle(copy);
}
