// What the headers and trailers of an answer say: its status, that of gRPC, and the headers that are compared.

import { decimal, MOST_DIGITS } from "../../bytes/decimal";
import { beginHash, Hash64, hashBytes, hashOf } from "../../bytes/hash64";
import { Pairs } from "../../bytes/pairs";
import { fixed, noRun, Run, scratchRun } from "../../bytes/records";
import { addressOf, isWord, lengthOf, NONE, sameText, Slice, sliceOfWord } from "../../bytes/slice";
import { addCodings, canDecode } from "../../core/content-coding";
import { BodyComparison, Shadow } from "../../core/shadow-plan";
import { isGrpcType } from "../../core/view";
import { Answer } from "../records";

const pairs: Pairs = fixed<Pairs>();
/** The values of each compared header, on the way. */
let values: Run<Hash64> = noRun<Hash64>();

/** What an answer's headers say beyond what is kept of them: for whoever tells Envoy's own answers from a service's. */
@unmanaged
export class Head {
  /** Headers, `:status` among them. */
  count: u32;
  /** `grpc-message`, while the callback lasts; NONE without. */
  grpcMessage: Slice;
}
export const head: Head = fixed<Head>();

/** Reads the headers of an answer (a block of pairs) into it. */
export function readHead(shadow: Shadow, answer: Answer, block: Slice): void {
  answer.isBegun = true;
  answer.codings = 0;
  head.grpcMessage = NONE;
  head.count = pairs.begin(block);
  let compared = shadow.headerCount;
  if (compared != 0) {
    values = scratchRun<Hash64>(compared);
    if (values.isNone) compared = 0;
  }
  for (let i: u32 = 0; i < compared; i++) beginHash(values.at(i));
  while (pairs.next()) {
    const key = pairs.key;
    if (isWord(key, ":status")) answer.status = decimal(pairs.value, MOST_DIGITS) as u32;
    else if (isWord(key, "content-type")) answer.isGrpc = isGrpcType(pairs.value);
    else if (isWord(key, "grpc-status")) answer.grpcStatus = decimal(pairs.value, MOST_DIGITS) as i32;
    else if (isWord(key, "grpc-message")) head.grpcMessage = pairs.value;
    else if (isWord(key, "content-encoding")) answer.codings = addCodings(answer.codings, pairs.value);
    for (let i: u32 = 0; i < compared; i++) {
      if (sameText(shadow.headers.at(i), key)) addValue(answer, i, pairs.value);
    }
  }
  if (answer.codings != 0 && shadow.body != BodyComparison.Ignored) answer.isKept = canDecode(answer.codings);
  for (let i: u32 = 0; i < compared; i++) {
    if (answer.headers.at(i) != 0) answer.headers.set(i, hashOf(values.at(i)) | 1);
  }
}

/** Several lines of one header are one value, joined by commas (RFC 9110 section 5.3). */
function addValue(answer: Answer, index: u32, value: Slice): void {
  const hash = values.at(index);
  if (answer.headers.at(index) != 0) {
    const comma = sliceOfWord(", ");
    hashBytes(hash, addressOf(comma), lengthOf(comma));
  }
  answer.headers.set(index, 1);
  hashBytes(hash, addressOf(value), lengthOf(value));
}

/** Reads the trailers of an answer. */
export function readTrailers(answer: Answer, block: Slice): void {
  pairs.begin(block);
  while (pairs.next()) {
    if (isWord(pairs.key, "grpc-status")) answer.grpcStatus = decimal(pairs.value, MOST_DIGITS) as i32;
  }
}
