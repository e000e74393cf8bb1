// Answers come in: production's and those to the copies, until every copy has its verdict.

import { NONE, Slice } from "../../bytes/slice";
import { BodyComparison } from "../../core/shadow-plan";
import { responsePiece } from "../../host/bodies";
import { nowNs } from "../../host/clock";
import { AnswerState, Root, Stream } from "../records";
import { survive } from "../survive";
import { brokenAnswer, HASHED, passBody, readAnswer } from "./answers";
import { chargeAnswer, UNTOLD } from "./budget";
import { callOf, closeCall } from "./calls";
import { giveUp } from "./copies";
import { settle } from "./verdict";

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
  let copy = stream.copies;
  while (copy != null) {
    copy.ours.endedNs = now;
    copy = copy.nextOfStream;
  }
}

/** Production's stream is over: `status` is that of its answer, `isWhole` whether that came to its end. */
export function endCopies(stream: Stream, status: u32, isWhole: bool, now: u64): void {
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
    copy.ours.status = status;
    copy.ours.outcome = isWhole ? AnswerState.Whole : AnswerState.Cut;
    if (copy.ours.endedNs == 0) copy.ours.endedNs = now;
    settle(copy, now);
  }
}

/**
 * The host has an answer for a call of ours, or word that there will be none (no headers).
 * @returns the root of the call; null for one that was given up
 */
export function answerCall(id: u32, token: u32, headers: u32, bytes: u32): Root | null {
  const call = callOf(id, token);
  if (call == null) return null;
  const copy = call.copy;
  const root = call.root;
  const answer = call.isNoise ? copy.other : copy.theirs;
  const parts = chargeAnswer(copy.state, copy.shadow, headers == 0 ? UNTOLD : bytes, call.reserved);
  if (!call.isNoise) copy.state.expected = parts;
  closeCall(call);
  const now = nowNs();
  answer.endedNs = now;
  answer.outcome = headers == 0 ? brokenAnswer(copy, now) : readAnswer(copy, answer, bytes, now);
  settle(copy, now);
  return root;
}
