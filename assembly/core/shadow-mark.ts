// The mark of a shadow's request: `<name>.<secret>` in the header x-serin-shadow, or as the member `serin-shadow` of W3C
// baggage (https://www.w3.org/TR/baggage/), which services hand on from call to call. Only a request that has the secret
// is a shadow's: whoever forges the mark is taken for production, and the forged member is taken out of baggage.

import * as ascii from "../bytes/ascii";
import { hexValue } from "../bytes/hex";
import { Pairs } from "../bytes/pairs";
import { fixed } from "../bytes/records";
import { put, putByte, putSlice, Writer } from "../bytes/writer";
import {
  addressOf,
  findByte,
  isBlank,
  isWord,
  lengthOf,
  lower,
  NONE,
  Slice,
  sliceOf,
  sliceOfWord,
  trimmed,
} from "../bytes/slice";
import * as headerNames from "../vocabulary/headers";

/** Bytes of a shadow's name at the most: a DNS label. */
const NAME_BYTES: i32 = 63;

/** What the members of one request's `baggage` were: a bit each. */
export const enum Members {
  None,
  /** The client's own `serin-shadow`. */
  Forged = 1,
  /** A shadow's. */
  Real = 2,
}

/** The name of a shadow that was found in baggage: it outlives the member, which is blanked. */
const nameKept: usize = memory.data(NAME_BYTES, 8);

/**
 * The name in a mark that is exactly `<name>.<secret>`; NONE for anything else, and without a secret.
 *
 * Every byte of the secret is looked at, whatever the others were, so that the time says nothing of how much was right.
 */
export function nameInMark(mark: Slice, secret: Slice): Slice {
  const secretBytes = lengthOf(secret);
  const bytes = lengthOf(mark);
  if (secretBytes == 0 || bytes < secretBytes + 2 || bytes - secretBytes - 1 > (NAME_BYTES as u32))
    return NONE;
  const nameBytes = bytes - secretBytes - 1;
  const begin = addressOf(mark);
  let apart: u32 = (load<u8>(begin + nameBytes) ^ ascii.DOT) as u32;
  for (let i: u32 = 0; i < secretBytes; i++) {
    apart |= (load<u8>(begin + nameBytes + 1 + i) ^ load<u8>(addressOf(secret) + i)) as u32;
  }
  if (apart != 0) return NONE;
  for (let i: u32 = 0; i < nameBytes; i++) {
    const byte = load<u8>(begin + i);
    if (ascii.isLower(byte) || ascii.isDigit(byte)) continue;
    if (byte != ascii.MINUS || i == 0 || i == nameBytes - 1) return NONE;
  }
  return sliceOf(begin, nameBytes);
}

let keptBytes: u32 = 0;

/** The shadow whose real member `blankMembers` found last: valid until the next is found. */
export function shadowInBaggage(): Slice {
  return sliceOf(nameKept, keptBytes);
}

/**
 * Takes every member `serin-shadow` out of a value of `baggage`, in place: the others move together byte for byte, and
 * blanks fill the rest. Linear, without memory. @returns what it took out
 */
export function blankMembers(value: Slice, secret: Slice): Members {
  const end = addressOf(value) + lengthOf(value);
  let at = addressOf(value);
  let to = at;
  let found: u32 = Members.None;
  let keeps = false;
  while (true) {
    const stop = findByte(at, end, ascii.COMMA);
    const member = sliceOf(at, (stop - at) as u32);
    if (isOwnMember(member)) {
      const name = nameInMark(valueOf(member), secret);
      if (name == NONE) {
        found |= Members.Forged;
      } else {
        found |= Members.Real;
        memory.copy(nameKept, addressOf(name), lengthOf(name));
        keptBytes = lengthOf(name);
      }
    } else if (found == Members.None) {
      keeps = true;
      to = stop;
    } else {
      if (keeps) {
        store<u8>(to, ascii.COMMA);
        to++;
      }
      memory.copy(to, at, stop - at);
      to += stop - at;
      keeps = true;
    }
    if (stop == end) break;
    at = stop + 1;
  }
  if (found != Members.None) memory.fill(to, ascii.SPACE, end - to);
  return found as Members;
}

/** The member's name without what separates its words. */
const LETTERS_BYTES: u32 = 11;

/** What is being read is not the member's name. */
const OTHER: u32 = 0xffffffff;

/**
 * Whether some parser would call this member `serin-shadow`: names are compared without case, percent-decoded, and by
 * their letters and digits alone, since parsers trim other blanks than these, and what follows is looked for behind a
 * separator that is percent-encoded too.
 */
function isOwnMember(member: Slice): bool {
  const letters = addressOf(sliceOfWord("serinshadow"));
  let at = addressOf(member);
  const end = at + lengthOf(member);
  let matched: u32 = 0;
  let isFirst = true;
  while (at < end) {
    let byte = load<u8>(at);
    at++;
    if (byte == ascii.PERCENT && end - at >= 2) {
      const high = hexValue(load<u8>(at));
      const low = hexValue(load<u8>(at, 1));
      if (high < 16 && low < 16) {
        byte = ((high << 4) | low) as u8;
        at += 2;
      }
    }
    if (byte == ascii.COMMA) {
      matched = 0;
      isFirst = false;
    } else if (matched != OTHER) {
      const small = lower(byte);
      if (byte == ascii.EQUALS || byte == ascii.SEMICOLON) {
        if (matched == LETTERS_BYTES) return true;
        matched = OTHER;
      } else if (ascii.isLower(small) || ascii.isDigit(small)) {
        const isNext = matched < LETTERS_BYTES && small == load<u8>(letters + matched);
        matched = isNext ? matched + 1 : OTHER;
      }
    }
  }
  return isFirst && matched == LETTERS_BYTES;
}

/** The value of a member that is written exactly as ours, without its properties; NONE for another. */
function valueOf(member: Slice): Slice {
  const begin = addressOf(member);
  const end = begin + lengthOf(member);
  const equals = findByte(begin, end, ascii.EQUALS);
  if (equals == end) return NONE;
  if (!isWord(trimmed(sliceOf(begin, (equals - begin) as u32)), headerNames.BAGGAGE_MEMBER)) return NONE;
  const stop = findByte(equals + 1, end, ascii.SEMICOLON);
  return trimmed(sliceOf(equals + 1, (stop - equals - 1) as u32));
}

const pairs: Pairs = fixed<Pairs>();

/** Puts what is left of all baggage of a request, as one value, less the secret. @param shadow NONE for production's */
export function putLeft(writer: Writer, block: Slice, shadow: Slice): void {
  let any = false;
  if (shadow != NONE) {
    put(writer, headerNames.BAGGAGE_MEMBER);
    putByte(writer, ascii.EQUALS);
    putSlice(writer, shadow);
    // The line may be logged.
    put(writer, ".***");
    any = true;
  }
  pairs.begin(block);
  while (pairs.next()) {
    if (!isWord(pairs.key, headerNames.BAGGAGE)) continue;
    const left = leftInBaggage(pairs.value);
    if (left == NONE) continue;
    if (any) put(writer, ", ");
    putSlice(writer, left);
    any = true;
  }
}

/** A value of `baggage` after `blankMembers`: without the blanks at its ends; empty when nothing is left. */
export function leftInBaggage(value: Slice): Slice {
  const begin = addressOf(value);
  for (let at = begin; at < begin + lengthOf(value); at++) {
    const byte = load<u8>(at);
    if (!isBlank(byte) && byte != ascii.COMMA) return trimmed(value);
  }
  return NONE;
}
