// `fallback` of a variant: its users get the default while its cluster cannot answer.

import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { isWord } from "../bytes/slice";
import { Variant } from "../core/plan";
import * as limits from "../vocabulary/limits";
import * as codes from "../vocabulary/problems";
import { build } from "./build";
import { Node } from "./node";
import { readWhole } from "./read-number";
import { fail, isKind, missingKey, unknownKey } from "./problems";
import { duration, failDuration } from "./read-evidence";
import { NO_DURATION, NOT_WHOLE } from "./scalars";

const KNOWN_FALLBACK = "after for";
const MILLISECOND: u64 = 1000000;

/** Reads `fallback`: `{ after, for }`. */
export function readFallback(node: Node, variant: Variant): void {
  if (!isKind(node, Token.Object)) return;
  let hasAfter = false;
  let hasFor = false;
  for (let member = node.first; member; member = nextOf(member)) {
    if (isWord(member.key, "after")) {
      hasAfter = true;
      readAfter(member, variant);
    } else if (isWord(member.key, "for")) {
      hasFor = true;
      readFor(member, variant);
    } else {
      unknownKey(member, KNOWN_FALLBACK);
    }
  }
  if (!hasAfter) missingKey(node, "after", "how many answers in a row Envoy has to give by itself, like 3");
  if (!hasFor)
    missingKey(node, "for", "how long users get the default before one request a second tries, like 5s");
  build.plan.hasFallback = true;
}

function readAfter(node: Node, variant: Variant): void {
  const value = readWhole(node, 1, limits.FALLBACK_AFTER);
  if (value != NOT_WHOLE) variant.fallbackAfter = value;
}

function readFor(node: Node, variant: Variant): void {
  const value = node.kind == Token.String ? duration(node.text) : NO_DURATION;
  if (value == NO_DURATION) return failDuration(node, "5s or 1m");
  if (value >= (limits.LEAST_FALLBACK_MS as u32) && value <= (limits.FALLBACK_MS as u32))
    variant.fallbackForNs = (value as u64) * MILLISECOND;
  else fail(node, codes.RANGE, "must be 1s to 1h");
}
