// The known word that is nearest to one that is not known: Damerau-Levenshtein distance in its optimal string alignment
// form (Boytsov 2011, "Indexing methods for approximate dictionary searching", section 2.2).

import * as ascii from "../bytes/ascii";
import { addressOf, lengthOf, lower, NONE, Slice, sliceOf } from "../bytes/slice";
import { nextOf } from "../bytes/records";
import { put, putByte, putSlice, putString, Writer } from "../bytes/writer";
import { Word } from "../bytes/word";
import { Node } from "./node";

/** Words longer than this are near to nothing. */
const LONGEST: u32 = 31;
/** A row of the table: a byte for each letter, and one for none. */
const ROW: u32 = LONGEST + 1;
const ROWS: u32 = 3;
const rows: usize = memory.data(ROWS * ROW, 8);

/** Characters of `words` from `from` to the next blank. */
function wordLength(words: Word, from: u32): u32 {
  let at = from;
  while (at < words.length && letter(words, at) != ascii.SPACE) at++;
  return at - from;
}

/** Whether a text is one of the known words, which have one blank between them. */
export function isOneOf(text: Slice, words: Word): bool {
  let from: u32 = 0;
  while (from < words.length) {
    const length = wordLength(words, from);
    let same = length == lengthOf(text);
    for (let i: u32 = 0; i < length && same; i++) {
      same = load<u8>(addressOf(text) + i) == letter(words, from + i);
    }
    if (same) return true;
    from += length + 1;
  }
  return false;
}

// @ts-ignore: decorator
@inline
function letter(words: Word, at: u32): u8 {
  return load<u8>(words.begin + at);
}

// @ts-ignore: decorator
@inline
function least(a: u32, b: u32): u32 {
  return a < b ? a : b;
}

/** How far a text is from one of `length` bytes at `word`; both are at most LONGEST. */
function distance(text: Slice, word: usize, length: u32): u32 {
  const own = lengthOf(text);
  const begin = addressOf(text);
  let before = rows;
  let last = rows + ROW;
  let row = rows + 2 * ROW;
  for (let j: u32 = 0; j <= length; j++) store<u8>(last + j, j as u8);
  for (let i: u32 = 1; i <= own; i++) {
    store<u8>(row, i as u8);
    const a = lower(load<u8>(begin + i - 1));
    for (let j: u32 = 1; j <= length; j++) {
      const b = lower(load<u8>(word + j - 1));
      let cost = least(load<u8>(last + j) as u32, load<u8>(row + j - 1) as u32) + 1;
      cost = least(cost, (load<u8>(last + j - 1) as u32) + (a == b ? 0 : 1));
      if (i > 1 && j > 1 && a == lower(load<u8>(word + j - 2)) && lower(load<u8>(begin + i - 2)) == b) {
        cost = least(cost, (load<u8>(before + j - 2) as u32) + 1);
      }
      store<u8>(row + j, cost as u8);
    }
    const free = before;
    before = last;
    last = row;
    row = free;
  }
  return load<u8>(last + length) as u32;
}

function putWord(writer: Writer, words: Word, from: u32, length: u32): void {
  for (let i: u32 = 0; i < length; i++) putByte(writer, letter(words, from + i));
}

/** A third of the letters of a word of so many bytes may be wrong; of a short one a single letter. */
function isNear(far: u32, length: u32): bool {
  return far <= (length <= 3 ? 1 : length / 3);
}

/** Puts `: did you mean "…"?` when the name of a member of `object` is near. */
export function putNearestMember(writer: Writer, text: Slice, object: Node | null): void {
  const own = lengthOf(text);
  if (!object || own == 0 || own > LONGEST) return;
  let best: u32 = 0xffffffff;
  let nearest = NONE;
  for (let member = object.first; member; member = nextOf(member)) {
    const length = lengthOf(member.key);
    // Where the lengths differ, so do as many letters.
    if (length > LONGEST || (length > own ? length - own : own - length) >= best) continue;
    const far = distance(text, addressOf(member.key), length);
    if (far >= best) continue;
    best = far;
    nearest = member.key;
  }
  if (nearest == NONE || !isNear(best, own)) return;
  put(writer, ": did you mean ");
  putString(writer, nearest);
  putByte(writer, ascii.QUESTION);
}

const NOWHERE: u32 = 0xffffffff;

/** Where in `words` the one begins that is nearest to a text; NOWHERE when none is near. */
function nearestAt(text: Slice, words: Word): u32 {
  const own = lengthOf(text);
  if (own == 0 || own > LONGEST) return NOWHERE;
  let best: u32 = 0xffffffff;
  let nearest = NOWHERE;
  let from: u32 = 0;
  while (from < words.length) {
    const length = wordLength(words, from);
    const far = length <= LONGEST ? distance(text, words.begin + from, length) : best;
    if (far < best) {
      best = far;
      nearest = from;
    }
    from += length + 1;
  }
  return isNear(best, own) ? nearest : NOWHERE;
}

/** The known word that a text is near to, as bytes of `words`; NONE when there is none. */
export function nearestWord(text: Slice, words: Word): Slice {
  const near = nearestAt(text, words);
  return near == NOWHERE ? NONE : sliceOf(words.begin + near, wordLength(words, near));
}

/** Puts `: did you mean "…"?` when a known word is near, and in any case what the known words are. */
export function putNearest(writer: Writer, text: Slice, words: Word): void {
  putNearestPart(writer, text, words, NONE, words);
}

/**
 * The same where `text` is one part of a name, and only `words` can stand there.
 * @param tail what follows the part; NONE for nothing
 * @param known all names that there are, for people
 */
export function putNearestPart(writer: Writer, text: Slice, words: Word, tail: Slice, known: Word): void {
  const near = nearestAt(text, words);
  if (near != NOWHERE) {
    put(writer, ': did you mean "');
    putWord(writer, words, near, wordLength(words, near));
    if (tail != NONE) putSlice(writer, tail);
    put(writer, '"? Known: ');
  } else {
    put(writer, "; known: ");
  }
  let from: u32 = 0;
  while (from < known.length) {
    const length = wordLength(known, from);
    if (from != 0) put(writer, ", ");
    putWord(writer, known, from, length);
    from += length + 1;
  }
}
