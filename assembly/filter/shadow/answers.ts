// Answers to copies, production's among them: their bodies while they pass, and whether anybody answered at all.

import { extend, giveChain } from "../../bytes/chain";
import { beginHash, hashBytes } from "../../bytes/hash64";
import { markScratch, rewindScratch } from "../../bytes/scratch";
import { addressOf, lengthOf, NONE, Slice, startsWithWord } from "../../bytes/slice";
import { BodyComparison, Shadow, UNLIMITED } from "../../core/shadow-plan";
import { answerPiece } from "../../host/bodies";
import { MILLISECOND } from "../../host/clock";
import { answerHeaders, answerTrailers } from "../../host/headers";
import * as limits from "../../vocabulary/limits";
import { Answer, AnswerState, Copy } from "../records";
import { head, readHead, readTrailers } from "./head";

/** Bytes of an answer that are looked at at once. */
const PIECE: u32 = 65536;
/** Bytes of a body that are looked at in all; of the rest only the length counts. */
export const HASHED: u64 = limits.BODY_BYTES;

/** Begins the bodies of a copy's answers. */
export function beginAnswers(copy: Copy): void {
  if (copy.shadow.body == BodyComparison.Ignored) return;
  beginAnswer(copy, copy.ours);
  beginAnswer(copy, copy.theirs);
  beginAnswer(copy, copy.other);
}

function beginAnswer(copy: Copy, answer: Answer): void {
  beginHash(answer.hash);
  answer.isKept = copy.shadow.body == BodyComparison.Json;
}

/** Bytes of a body, decoded, that are kept. */
export function bodyRoom(shadow: Shadow): u32 {
  return shadow.maxBodyBytes == UNLIMITED ? PIECE : shadow.maxBodyBytes;
}

/**
 * Bytes of an encoded body that are kept, when so many decoded ones are: what does not become smaller, becomes a little
 * larger, and more so where it is flushed often.
 */
export function encodedRoom(room: u32): u32 {
  return room + (room >> 3) + 1024;
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
  const room = bodyRoom(copy.shadow);
  const most = answer.codings == 0 ? room : encodedRoom(room);
  if (answer.body.bytes + lengthOf(piece) <= most) {
    if (extend(answer.body, addressOf(piece), lengthOf(piece))) return;
  }
  answer.isKept = false;
  giveChain(answer.body);
}

const GATEWAY_TIMEOUT: u32 = 504;
const UNAVAILABLE: u32 = 503;
const GRPC_UNAVAILABLE: i32 = 14;
/** `:status`, `content-length`, `content-type`: what Envoy's own answers have, and hardly a service's. */
const HEADERS_OF_ENVOY: u32 = 3;
/** `:status`, `content-type`, `grpc-status`, `grpc-message`: those of its answers to gRPC, but of some services' too. */
const HEADERS_OF_ENVOYS_GRPC: u32 = 4;

/**
 * Reads the answer to a call while the host tells of it.
 * @param trailers how many it has
 * @returns AnswerState
 */
export function readAnswer(copy: Copy, answer: Answer, bytes: u32, trailers: u32, now: u64): AnswerState {
  readHead(copy.shadow, answer, answerHeaders());
  // No host answered: this response is Envoy's own.
  if (answer.status == GATEWAY_TIMEOUT) {
    if (isEnvoys(bytes) || isLate(copy, now)) return AnswerState.Late;
  } else if (answer.status == UNAVAILABLE) {
    if (isEnvoys(bytes)) return AnswerState.Cut;
  } else if (answer.isGrpc && bytes == 0 && answer.grpcStatus == GRPC_UNAVAILABLE) {
    if (isEnvoysGrpc()) return isLate(copy, now) ? AnswerState.Late : AnswerState.Cut;
  }
  if (trailers != 0 && copy.shadow.comparesStatus) readTrailers(answer, answerTrailers());
  if (copy.shadow.body == BodyComparison.Ignored) return AnswerState.Whole;
  // A body of another length than production's differs as bytes, neither being encoded, so it need not be read.
  const isPlain = (copy.ours.codings | answer.codings) == 0;
  const isOther = isPlain && copy.ours.outcome == AnswerState.Whole && copy.ours.bytes != (bytes as u64);
  const isUnread = isOther && (copy.shadow.body != BodyComparison.Json || bytes > copy.shadow.maxBodyBytes);
  const end: u32 = isUnread ? 0 : bytes < (limits.BODY_BYTES as u32) ? bytes : (limits.BODY_BYTES as u32);
  for (let from: u32 = 0; from < end;) {
    const mark = markScratch();
    const piece = answerPiece(from, end - from < PIECE ? end - from : PIECE);
    if (piece == NONE || lengthOf(piece) == 0) return AnswerState.Cut;
    passBody(copy, answer, piece);
    from += lengthOf(piece);
    rewindScratch(mark);
  }
  if (answer.bytes != (bytes as u64)) {
    answer.bytes = bytes;
    answer.isKept = false;
  }
  return AnswerState.Whole;
}

/** An answer that came to no end: AnswerState.Late when its time was over, AnswerState.Cut when it broke off before. */
export function brokenAnswer(copy: Copy, now: u64): AnswerState {
  return isLate(copy, now) ? AnswerState.Late : AnswerState.Cut;
}

/** Envoy's timer begins at the time that its loop noted last: by our clock a timeout comes some milliseconds early. */
const EARLY: u64 = 10 * MILLISECOND;

function isLate(copy: Copy, now: u64): bool {
  return now - copy.sentNs + EARLY >= timeoutNs(copy);
}

/** How long an answer is waited for. */
export function timeoutNs(copy: Copy): u64 {
  return (copy.shadow.timeoutMs as u64) * MILLISECOND;
}

/** Whether the answer is one that Envoy's router writes when there was no upstream to answer. */
function isEnvoys(bytes: u32): bool {
  if (head.count != HEADERS_OF_ENVOY || bytes == 0 || bytes > PIECE) return false;
  return isEnvoysText(answerPiece(0, bytes));
}

/** As `isEnvoys`, of an answer to gRPC, whose text is in a header. */
function isEnvoysGrpc(): bool {
  return head.count == HEADERS_OF_ENVOYS_GRPC && isEnvoysText(head.grpcMessage);
}

function isEnvoysText(text: Slice): bool {
  return (
    startsWithWord(text, "upstream connect error") ||
    startsWithWord(text, "no healthy upstream") ||
    startsWithWord(text, "upstream request")
  );
}
