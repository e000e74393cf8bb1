// Pieces of bodies, while the host tells of them.

import { NONE, Slice, sliceOf } from "../bytes/slice";
import { proxy_get_buffer_bytes, RETURNED, STATUS_OK } from "./abi";

const enum BufferType {
  Request,
  Response,
  Answer = 4,
}

/** The piece of the request's body that is passing, in scratch memory; NONE when the host gives none. */
export function requestPiece(bytes: u32): Slice {
  return piece(BufferType.Request, 0, bytes);
}

/** As `requestPiece`, of the response's body. */
export function responsePiece(bytes: u32): Slice {
  return piece(BufferType.Response, 0, bytes);
}

/** A part of the body of an answer to an HTTP call. */
export function answerPiece(from: u32, bytes: u32): Slice {
  return piece(BufferType.Answer, from, bytes);
}

function piece(kind: BufferType, from: u32, bytes: u32): Slice {
  store<u64>(RETURNED, 0);
  if (proxy_get_buffer_bytes(kind, from, bytes, RETURNED, RETURNED + 4) != STATUS_OK) return NONE;
  const at = load<u32>(RETURNED) as usize;
  return at == 0 ? NONE : sliceOf(at, load<u32>(RETURNED, 4));
}
