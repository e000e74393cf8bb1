// Header maps of the stream that the host is calling us for.

import { addressOf, lengthOf, NONE, Slice, sliceOf } from "../bytes/slice";
import {
  proxy_add_header_map_value,
  proxy_get_header_map_pairs,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
  RETURNED,
  STATUS_OK,
} from "./abi";

const enum MapType {
  Request,
  RequestTrailers,
  Response,
  ResponseTrailers,
  Answer = 6,
  AnswerTrailers,
}

/** The block of all request headers (bytes/pairs.ts) in scratch memory; NONE when the host gives none. */
export function requestHeaders(): Slice {
  return pairsOf(MapType.Request);
}

/** As `requestHeaders`, for the request's trailers. */
export function requestTrailers(): Slice {
  return pairsOf(MapType.RequestTrailers);
}

/** As `requestHeaders`, for the response. */
export function responseHeaders(): Slice {
  return pairsOf(MapType.Response);
}

/** As `requestHeaders`, for the response's trailers. */
export function responseTrailers(): Slice {
  return pairsOf(MapType.ResponseTrailers);
}

/** As `requestHeaders`, for the answer to an HTTP call, while the host tells of it. */
export function answerHeaders(): Slice {
  return pairsOf(MapType.Answer);
}

/** As `answerHeaders`, for the answer's trailers. */
export function answerTrailers(): Slice {
  return pairsOf(MapType.AnswerTrailers);
}

function pairsOf(map: MapType): Slice {
  store<u64>(RETURNED, 0);
  if (proxy_get_header_map_pairs(map, RETURNED, RETURNED + 4) != STATUS_OK) return NONE;
  const at = load<u32>(RETURNED) as usize;
  return at == 0 ? NONE : sliceOf(at, load<u32>(RETURNED, 4));
}

/** @returns whether the host did it */
export function replaceRequestHeader(name: Slice, value: Slice): bool {
  const status = proxy_replace_header_map_value(
    MapType.Request,
    addressOf(name),
    lengthOf(name),
    addressOf(value),
    lengthOf(value),
  );
  return status == STATUS_OK;
}

/** Removes every occurrence. @returns whether the host did it */
export function removeRequestHeader(name: Slice): bool {
  return proxy_remove_header_map_value(MapType.Request, addressOf(name), lengthOf(name)) == STATUS_OK;
}

/** Removes every occurrence. @returns whether the host did it */
export function removeRequestTrailer(name: Slice): bool {
  return proxy_remove_header_map_value(MapType.RequestTrailers, addressOf(name), lengthOf(name)) == STATUS_OK;
}

/** Adds an occurrence. @returns whether the host did it */
export function addRequestHeader(name: Slice, value: Slice): bool {
  return addTo(MapType.Request, name, value);
}

/** Adds an occurrence. @returns whether the host did it */
export function addRequestTrailer(name: Slice, value: Slice): bool {
  return addTo(MapType.RequestTrailers, name, value);
}

/** @returns whether the host did it */
export function addResponseHeader(name: Slice, value: Slice): bool {
  return addTo(MapType.Response, name, value);
}

function addTo(map: MapType, name: Slice, value: Slice): bool {
  const status = proxy_add_header_map_value(
    map,
    addressOf(name),
    lengthOf(name),
    addressOf(value),
    lengthOf(value),
  );
  return status == STATUS_OK;
}
