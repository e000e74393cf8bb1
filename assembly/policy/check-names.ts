// Names that a rule of a rollout or a shadow may read. They are a closed set: nobody but the proxy evaluates such a rule,
// and a misspelt name would hold for nobody, or for everybody, without a word.

import * as ascii from "../bytes/ascii";
import { addressOf, lengthOf, NONE, Slice, sliceOf, startsWithWord } from "../bytes/slice";
import { put, putByte, putSlice, putString } from "../bytes/writer";
import { Variable, VariableKind } from "../core/logic/variable";
import * as codes from "../vocabulary/problems";
import { Node } from "./node";
import { beginMessage, hint, message } from "./problems";
import { nearestWord, putNearest, putNearestPart } from "./nearest";

const FAMILIES = "headers cookies query jwt";
const PLAIN_NAMES = "targetingKey method scheme host path sourceAddress";
const NAMES =
  "targetingKey method scheme host path sourceAddress $flagd.flagKey $flagd.timestamp headers.NAME cookies.NAME query.NAME jwt.CLAIM";

/** Whether the proxy has a value of this name, for some request. */
export function isKnownName(variable: Variable): bool {
  const kind = variable.kind;
  if (kind == VariableKind.Nothing) return lengthOf(variable.path) == 0;
  if (kind == VariableKind.Header && hasUpperCase(variable.path)) return false;
  return !isFamily(kind) || lengthOf(variable.name) != 0;
}

function isFamily(kind: VariableKind): bool {
  return (
    kind == VariableKind.Header ||
    kind == VariableKind.Cookie ||
    kind == VariableKind.Query ||
    kind == VariableKind.Claim
  );
}

function hasUpperCase(text: Slice): bool {
  const begin = addressOf(text);
  for (let i: u32 = 0; i < lengthOf(text); i++) {
    const byte = load<u8>(begin + i);
    if (byte >= ascii.UPPER_A && byte <= ascii.UPPER_Z) return true;
  }
  return false;
}

/** Puts into the message what is wrong with a name that is not known, and the nearest one that is. */
export function putUnknownName(variable: Variable): void {
  const path = variable.path;
  if (variable.kind == VariableKind.Header && lengthOf(variable.name) != 0) {
    put(message, "names of headers are lower case in rules: write ");
    putByte(message, ascii.QUOTE);
    put(message, "headers.");
    putSlice(message, variable.name);
    putByte(message, ascii.QUOTE);
    return;
  }
  put(message, "no request has a value called ");
  putString(message, path);
  if (isFamily(variable.kind)) return put(message, ": a name has to follow the dot");
  const dot = dotIn(path);
  if (dot == 0 || startsWithWord(path, "$flagd")) return putNearest(message, path, NAMES);
  const family = sliceOf(addressOf(path), dot);
  const rest = sliceOf(addressOf(path) + dot, lengthOf(path) - dot);
  putNearestPart(message, family, FAMILIES, rest, NAMES);
}

/**
 * Hints at a name in a flag that the proxy has no value for: applications may. Once for each name. A header's in upper
 * case is found all the same.
 */
export function hintAtUnknown(node: Node, variable: Variable): void {
  const isHeader = variable.kind == VariableKind.Header && lengthOf(variable.name) != 0;
  // What `$flagd` has is said as a fault.
  if (isHeader || variable.isDoubted || startsWithWord(variable.path, "$flagd.")) return;
  variable.isDoubted = true;
  beginMessage();
  putString(message, variable.path);
  put(message, " is not known in the proxy; flagd.contextFrom can name it");
  const dot = dotIn(variable.path);
  const meant = nearestWord(
    dot == 0 ? variable.path : sliceOf(addressOf(variable.path), dot),
    dot == 0 ? PLAIN_NAMES : FAMILIES,
  );
  if (meant != NONE) {
    put(message, ': did you mean "');
    putSlice(message, meant);
    if (dot != 0) putSlice(message, sliceOf(addressOf(variable.path) + dot, lengthOf(variable.path) - dot));
    put(message, '"?');
  }
  hint(node, codes.UNKNOWN_NAME);
}

/** Bytes in front of the first dot; 0 when there is none. */
function dotIn(text: Slice): u32 {
  const begin = addressOf(text);
  for (let i: u32 = 0; i < lengthOf(text); i++) if (load<u8>(begin + i) == ascii.DOT) return i;
  return 0;
}
