// Answers come in: production's and those to the copies, until every copy has its verdict.

import { giveChain } from "../../bytes/chain";
import { NONE, Slice } from "../../bytes/slice";
import { BodyComparison } from "../../core/shadow-plan";
import { responsePiece } from "../../host/bodies";
import { nowNs } from "../../host/clock";
import { responseTrailers } from "../../host/headers";
import { AnswerState, Root, Stream } from "../records";
import { survive } from "../survive";
import { brokenAnswer, HASHED, passBody, readAnswer } from "./answers";
import { chargeAnswer, UNTOLD } from "./budget";
import { callOf, closeCall } from "./calls";
import { giveUp } from "./copies";
import { readHead, readTrailers } from "./head";
import { endRemainders } from "./remainders";
import { settle } from "./verdict";

/** The headers of production's response are there. */
export function beginResponseOfCopies(stream: Stream, block: Slice, isEnd: bool): void {
  if (block == NONE) {
    survive("host-call", "the response headers could not be read");
  } else {
    let at = stream.copies;
    while (at != null) {
      const copy = at;
      at = copy.nextOfStream;
      readHead(copy.shadow, copy.ours, block);
      if (!isEnd) settle(copy);
    }
  }
  if (isEnd) endResponseOfCopies(stream);
}

/** Production's response ends with trailers. */
export function endResponseWithTrailers(stream: Stream, count: u32): void {
  // HTTP/2 knows trailers without any field.
  const block: Slice = count == 0 ? NONE : responseTrailers();
  if (block != NONE) {
    let copy = stream.copies;
    while (copy != null) {
      readTrailers(copy.ours, block);
      copy = copy.nextOfStream;
    }
  } else if (count != 0) {
    survive("host-call", "the response trailers could not be read");
  }
  endResponseOfCopies(stream);
}

/** A piece of production's response passes. */
export function collectResponse(stream: Stream, bytes: u32, isEnd: bool): void {
  if (bytes != 0) {
    let piece: Slice = NONE;
    let at = stream.copies;
    while (at != null) {
      const copy = at;
      at = copy.nextOfStream;
      if (copy.shadow.body == BodyComparison.Ignored) continue;
      if (copy.ours.bytes >= HASHED) {
        copy.ours.bytes += bytes;
        // A part of a body is none.
        if (bytes != 0 && copy.ours.isKept) {
          copy.ours.isKept = false;
          giveChain(copy.ours.body);
        }
        continue;
      }
      if (piece == NONE) piece = responsePiece(bytes);
      if (piece == NONE) return survive("host-call", "the response's body could not be read");
      passBody(copy, copy.ours, piece);
      if (!isEnd) settle(copy);
    }
  }
  if (isEnd) endResponseOfCopies(stream);
}

/** The last byte of production's response passed. */
export function endResponseOfCopies(stream: Stream): void {
  const now = nowNs();
  let copy = stream.copies;
  while (copy != null) {
    copy.ours.endedNs = now;
    copy = copy.nextOfStream;
  }
}

/** Production's stream is over: `status` is that of its answer, `isWhole` whether that came to its end. */
export function endCopies(stream: Stream, status: u32, isWhole: bool, now: u64): void {
  endRemainders(stream, isWhole, now);
  let at = stream.copies;
  stream.copies = null;
  while (at != null) {
    const copy = at;
    at = copy.nextOfStream;
    copy.stream = null;
    if (copy.isCollecting) {
      // The request never came to its end.
      giveUp(copy);
      continue;
    }
    if (copy.ours.status == 0) copy.ours.status = status;
    copy.ours.outcome = isWhole ? AnswerState.Whole : AnswerState.Cut;
    if (copy.ours.endedNs == 0) copy.ours.endedNs = now;
    settle(copy);
  }
}

/**
 * The host has an answer for a call of ours, or word that there will be none (no headers).
 * @returns the root of the call; null for one that was given up
 */
export function answerCall(id: u32, token: u32, headers: u32, bytes: u32, trailers: u32): Root | null {
  const call = callOf(id, token);
  if (call == null) return null;
  const copy = call.copy;
  const root = call.root;
  const answer = call.isNoise ? copy.other : copy.theirs;
  // Where production's answer goes on as well, as an event stream does, one that has no end yet is no sign of a large one.
  const isLong = copy.ours.isBegun && copy.ours.outcome == AnswerState.Pending;
  const taken = headers != 0 || isLong ? bytes : UNTOLD;
  const parts = chargeAnswer(copy.state, copy.shadow, taken, call.reserved);
  if (!call.isNoise) copy.state.expected = parts;
  closeCall(call);
  const now = nowNs();
  answer.endedNs = now;
  answer.outcome = headers == 0 ? brokenAnswer(copy, now) : readAnswer(copy, answer, bytes, trailers, now);
  settle(copy);
  return root;
}
