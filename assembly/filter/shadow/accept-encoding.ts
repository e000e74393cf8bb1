// What copies, and production's clients, are said to accept: what the filter can decode, never more than the client does.

import { beginText, put, textOf, Writer } from "../../bytes/writer";
import { Pairs } from "../../bytes/pairs";
import { fixed } from "../../bytes/records";
import { isWord, NONE, sameText, Slice } from "../../bytes/slice";
import { acceptsGzip, putNarrowed } from "../../core/content-coding";
import { BodyComparison, Shadow } from "../../core/shadow-plan";
import { replaceRequestHeader } from "../../host/headers";
import { Stream } from "../records";
import { survive } from "../survive";
import { words } from "../words";

const pairs: Pairs = fixed<Pairs>();
const text: Writer = fixed<Writer>();

/** Whether this header of a copy is narrowed: where bodies are compared. */
export function isNarrowed(shadow: Shadow, name: Slice): bool {
  return shadow.body != BodyComparison.Ignored && isWord(name, "accept-encoding");
}

/** A line of `accept-encoding` as a copy carries it, in scratch memory. */
export function narrowed(line: Slice): Slice {
  beginText(text);
  putNarrowed(text, line, true);
  return textOf(text);
}

/** Writes what the copy that this upstream request is accepts. @param block its headers */
export function narrowObserved(shadow: Shadow, block: Slice): bool {
  let line: Slice = NONE;
  pairs.begin(block);
  while (line == NONE && pairs.next()) {
    if (isNarrowed(shadow, pairs.key)) line = pairs.value;
  }
  if (line == NONE) return true;
  const value = narrowed(line);
  return sameText(value, line) || replaceRequestHeader(words.acceptEncoding, value);
}

/**
 * Leaves production's client gzip alone, where a copy of its request asks for that and the client accepts it: what
 * production then answers can be compared.
 * @param block the request's headers
 */
export function narrowClient(stream: Stream, block: Slice): void {
  let copy = stream.copies;
  while (copy != null && !copy.shadow.narrowsClient) copy = copy.nextOfStream;
  if (copy == null) return;
  let lines: u32 = 0;
  let accepts = false;
  let last: Slice = NONE;
  beginText(text);
  pairs.begin(block);
  while (pairs.next()) {
    if (!isWord(pairs.key, "accept-encoding")) continue;
    if (lines != 0) put(text, ", ");
    lines++;
    last = pairs.value;
    putNarrowed(text, last, false);
    if (acceptsGzip(last)) accepts = true;
  }
  const value = textOf(text);
  if (!accepts || (lines == 1 && sameText(value, last))) return;
  if (!replaceRequestHeader(words.acceptEncoding, value))
    survive("host-call", "the client's accept-encoding could not be narrowed");
}
