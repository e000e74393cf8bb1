// Arrays whose order does not count: whether their items can be paired so that the two of each pair are the same. Items
// of the same value are paired by hash; with a tolerance, which is no equivalence, the pairs are then changed until as
// many items as possible have one (augmenting paths: C. Berge, "Two theorems in graph theory", 1957). All in the steps of
// the comparison, so that no two answers hold a worker up.

import { hashDecimal } from "../bytes/decimal-within";
import { splitMixed } from "../bytes/hash64";
import { Token } from "../bytes/json-reader";
import { noRun, Run, scratchRun } from "../bytes/records";
import { addressOf, lengthOf, Slice } from "../bytes/slice";
import { endsAt, JsonRules, stepMask } from "./json-rules";
import { sameValue } from "./json-same";
import { DEEPEST_JSON, exhaust, Held, isExhausted, JsonValue, memberNamed, takeSteps } from "./json-tree";

/** A container whose hash is being taken, or two that are being compared. */
@unmanaged
class Walk {
  value: JsonValue;
  /** The next member or item. */
  next: JsonValue | null;
  other: JsonValue | null;
  /** Its next item; of an object its next member, looked at once those of `value` are through. */
  nextOther: JsonValue | null;
  ignored: u64;
  unordered: u64;
  hash: u64;
  loose: u64;
  isUnordered: bool;
}
/** One for each container that may be open, while items are paired. */
let walks: Run<Walk> = noRun<Walk>();

function walkAt(index: u32): Walk {
  return walks.at(index);
}

// @ts-ignore: decorator
@inline
function stirred(hash: u64, word: u64): u64 {
  const z = splitMixed(hash, word);
  return z ^ (z >> 31);
}

function hashText(text: Slice): u64 {
  const begin = addressOf(text);
  const length = lengthOf(text);
  let hash: u64 = length;
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) hash = stirred(hash, load<u64>(begin + i));
  let rest: u64 = 0;
  for (; i < length; i++) rest = (rest << 8) | load<u8>(begin + i);
  return stirred(hash, rest);
}

const NUMBER: u64 = 0x4e;

/**
 * Takes the hashes of a value: `hash` is the same for values that are the same without a tolerance, and `loose` for those
 * that differ in nothing but numbers.
 */
function hashValue(value: JsonValue, rules: JsonRules, ignored: u64, unordered: u64, depth: u32): void {
  let level: u32 = 0;
  let at = value;
  let maskIgnored = ignored;
  let maskUnordered = unordered;
  while (true) {
    takeSteps(1);
    if (at.kind >= Token.Array) {
      const walk = walkAt(level);
      level++;
      walk.value = at;
      walk.next = at.first;
      walk.ignored = maskIgnored;
      walk.unordered = maskUnordered;
      walk.hash = at.kind;
      walk.loose = at.kind;
      walk.isUnordered = at.kind == Token.Object || endsAt(rules.unordered, maskUnordered, depth + level - 1);
    } else {
      takeSteps(lengthOf(at.text) >> 6);
      at.hash =
        at.kind == Token.Number ? hashDecimal(at.text) : at.kind == Token.String ? hashText(at.text) : 0;
      at.hash = stirred(at.hash, at.kind);
      at.loose = at.kind == Token.Number ? NUMBER : at.hash;
      if (level == 0) return;
      fold(walkAt(level - 1), at);
    }
    // On to the next value, up where a container is through.
    while (true) {
      const walk = walkAt(level - 1);
      const child = walk.next;
      if (child == null) {
        const done = walk.value;
        done.hash = stirred(walk.hash, 0x43);
        done.loose = stirred(walk.loose, 0x43);
        level--;
        if (level == 0) return;
        fold(walkAt(level - 1), done);
        continue;
      }
      walk.next = child.next;
      const isObject = walk.value.kind == Token.Object;
      if (isObject && memberNamed(walk.value, child.key) != child) continue;
      maskIgnored = stepMask(rules.ignored, walk.ignored, depth + level - 1, child, isObject);
      if (endsAt(rules.ignored, maskIgnored, depth + level)) continue;
      maskUnordered = stepMask(rules.unordered, walk.unordered, depth + level - 1, child, isObject);
      at = child;
      break;
    }
    if (isExhausted()) return;
  }
}

/** Takes a child's hashes into those of its container. */
function fold(walk: Walk, child: JsonValue): void {
  let hash = child.hash;
  let loose = child.loose;
  if (walk.value.kind == Token.Object) {
    const key = hashText(child.key);
    hash = stirred(key, hash);
    loose = stirred(key, loose);
  }
  if (walk.isUnordered) {
    walk.hash += stirred(hash, 0x55);
    walk.loose += stirred(loose, 0x55);
  } else {
    walk.hash = stirred(walk.hash, hash);
    walk.loose = stirred(walk.loose, loose);
  }
}

/** Items by one of their hashes: chains in cells. */
let cells: Run<Held> = noRun<Held>();
let cellMask: u32 = 0;

function cellOf(hash: u64): u32 {
  return ((hash ^ (hash >> 32)) as u32) & cellMask;
}

/** Whether an item takes part; those that are ignored do not. */
function takesPart(item: JsonValue): bool {
  return item.stamp != 0;
}

/** Hashes the items of an array. */
function prepare(array: JsonValue, rules: JsonRules, ignored: u64, unordered: u64, depth: u32): void {
  let item = array.first;
  while (item != null) {
    const one = item;
    item = one.next;
    one.pair = null;
    one.via = null;
    one.stamp = 0;
    const mask = stepMask(rules.ignored, ignored, depth, one, false);
    if (endsAt(rules.ignored, mask, depth + 1)) continue;
    one.stamp = 1;
    hashValue(one, rules, mask, stepMask(rules.unordered, unordered, depth, one, false), depth + 1);
    if (isExhausted()) return;
  }
}

/** Without memory nothing can be said of the two. @returns false */
function isOutOfMemory(): bool {
  exhaust();
  return false;
}

/** Puts the items of an array into cells, by their loose hashes or the others. @returns false without memory */
function enter(array: JsonValue, isLoose: bool): bool {
  let size: u32 = 16;
  while (size < array.count << 1) size <<= 1;
  cells = scratchRun<Held>(size);
  if (cells.isNone) return isOutOfMemory();
  cells.clear(size);
  cellMask = size - 1;
  let item = array.first;
  while (item != null) {
    if (takesPart(item)) {
      const cell = cells.at(cellOf(isLoose ? item.loose : item.hash));
      item.chain = cell.value;
      cell.value = item;
    }
    item = item.next;
  }
  return true;
}

/**
 * Pairs the items of two arrays at `depth`. Afterwards `pair` of an item says whose it is, null for one that has none;
 * `via` of production's own that have none is the item that most likely stands for it, so that the difference can be
 * named, and it is marked as taken by its own `via`.
 * @param tolerance that of the rules, or 0
 * @returns whether every item has a pair; nothing when `isExhausted`
 */
export function pairItems(
  ours: JsonValue,
  theirs: JsonValue,
  rules: JsonRules,
  tolerance: u32,
  ignored: u64,
  unordered: u64,
  depth: u32,
): bool {
  walks = scratchRun<Walk>(DEEPEST_JSON + 1);
  if (walks.isNone) return isOutOfMemory();
  prepare(ours, rules, ignored, unordered, depth);
  prepare(theirs, rules, ignored, unordered, depth);
  if (isExhausted() || !enter(theirs, false)) return false;
  let left: u32 = 0;
  let item = ours.first;
  while (item != null) {
    const one = item;
    item = one.next;
    if (!takesPart(one)) continue;
    const twin = takeTwin(one);
    one.pair = twin;
    if (twin != null) twin.pair = one;
    else left++;
  }
  if (isExhausted()) return false;
  if (left != 0 && tolerance != 0) left = widen(ours, theirs, rules, ignored, unordered, depth, left);
  if (isExhausted()) return false;
  const isWhole = left == 0 && !hasRest(theirs);
  if (!isWhole) suggest(ours, theirs);
  return isWhole;
}

/** Takes an item of the same hash out of its cell. */
function takeTwin(item: JsonValue): JsonValue | null {
  const cell = cells.at(cellOf(item.hash));
  let before: JsonValue | null = null;
  let at = cell.value;
  while (at != null) {
    takeSteps(1);
    if (at.hash == item.hash || isExhausted()) break;
    before = at;
    at = at.chain;
  }
  if (at == null) return null;
  if (before == null) cell.value = at.chain;
  else before.chain = at.chain;
  return at;
}

function hasRest(array: JsonValue): bool {
  let item = array.first;
  while (item != null) {
    if (takesPart(item) && item.pair == null) return true;
    item = item.next;
  }
  return false;
}

/** Looks for pairs within the tolerance, for each item without one. @returns how many have none */
function widen(
  ours: JsonValue,
  theirs: JsonValue,
  rules: JsonRules,
  ignored: u64,
  unordered: u64,
  depth: u32,
  left: u32,
): u32 {
  if (!enter(theirs, true)) return left;
  const queue = scratchRun<Held>(ours.count);
  if (queue.isNone) {
    isOutOfMemory();
    return left;
  }
  let missing: u32 = 0;
  let search: u32 = 1;
  let item = ours.first;
  while (item != null) {
    const one = item;
    item = one.next;
    if (!takesPart(one) || one.pair != null) continue;
    search++;
    if (!augment(one, queue, search, rules, ignored, unordered, depth)) missing++;
    if (isExhausted()) return left;
  }
  return missing;
}

/** Gives an item a pair, by giving others that have one another. @returns whether that could be */
function augment(
  item: JsonValue,
  queue: Run<Held>,
  search: u32,
  rules: JsonRules,
  ignored: u64,
  unordered: u64,
  depth: u32,
): bool {
  let head: u32 = 0;
  let tail: u32 = 1;
  queue.at(0).value = item;
  while (head < tail) {
    const one = queue.at(head).value;
    head++;
    if (one == null) return false;
    let at = cells.at(cellOf(one.loose)).value;
    while (at != null) {
      const other = at;
      at = other.chain;
      takeSteps(1);
      if (isExhausted()) return false;
      if (other.stamp == search || other.loose != one.loose) continue;
      if (!sameItem(one, other, rules, ignored, unordered, depth)) continue;
      other.stamp = search;
      other.via = one;
      const owner = other.pair;
      if (owner != null) {
        queue.at(tail).value = owner;
        tail++;
        continue;
      }
      turn(other);
      return true;
    }
  }
  return false;
}

/** Turns the pairs on the way to an item that has none around. */
function turn(last: JsonValue): void {
  let to: JsonValue | null = last;
  while (to != null) {
    const from = to.via;
    if (from == null) return;
    const before = from.pair;
    from.pair = to;
    to.pair = from;
    to = before;
  }
}

/** Whether two items of unordered arrays are the same. Arrays without order inside of them are compared by hash. */
function sameItem(
  a: JsonValue,
  b: JsonValue,
  rules: JsonRules,
  ignored: u64,
  unordered: u64,
  depth: u32,
): bool {
  if (a.hash == b.hash) return true;
  let level: u32 = 0;
  let one = a;
  let other = b;
  // Each side's own index would say something else: a rule holds for both, or `*` is written.
  let maskIgnored =
    stepMask(rules.ignored, ignored, depth, a, false) & stepMask(rules.ignored, ignored, depth, b, false);
  let maskUnordered =
    stepMask(rules.unordered, unordered, depth, a, false) &
    stepMask(rules.unordered, unordered, depth, b, false);
  while (true) {
    if (isExhausted() || !sameValue(one, other, rules.tolerance)) return false;
    if (one.kind >= Token.Array && one.hash != other.hash) {
      const isObject = one.kind == Token.Object;
      if (!isObject && endsAt(rules.unordered, maskUnordered, depth + 1 + level)) return false;
      const walk = walkAt(level);
      level++;
      walk.value = one;
      walk.next = one.first;
      walk.other = other;
      walk.nextOther = other.first;
      walk.ignored = maskIgnored;
      walk.unordered = maskUnordered;
    }
    // On to the next two values, up where containers are through.
    while (true) {
      if (level == 0) return true;
      const walk = walkAt(level - 1);
      const isObject = walk.value.kind == Token.Object;
      const child = walk.next;
      const second = walk.nextOther;
      const within = walk.other;
      if (within == null) return false;
      if (child == null && second == null) {
        level--;
        continue;
      }
      takeSteps(1);
      if (child == null || (!isObject && second == null)) {
        // Of an object this may be a member that both have.
        const extra = child == null ? second : child;
        if (extra == null) return false;
        if (child == null) walk.nextOther = extra.next;
        else walk.next = extra.next;
        if (isObject && memberNamed(walk.value, extra.key) != null) continue;
        const mask = stepMask(rules.ignored, walk.ignored, depth + level, extra, isObject);
        if (endsAt(rules.ignored, mask, depth + 1 + level)) continue;
        return false;
      }
      walk.next = child.next;
      if (!isObject && second != null) walk.nextOther = second.next;
      if (isObject && memberNamed(walk.value, child.key) != child) continue;
      maskIgnored = stepMask(rules.ignored, walk.ignored, depth + level, child, isObject);
      if (endsAt(rules.ignored, maskIgnored, depth + 1 + level)) continue;
      maskUnordered = stepMask(rules.unordered, walk.unordered, depth + level, child, isObject);
      const match = isObject ? memberNamed(within, child.key) : second;
      if (match == null) return false;
      one = child;
      other = match;
      break;
    }
  }
}

/**
 * Suggests which of the items without a pair stand for each other: those that differ in nothing but numbers, and the last
 * one on either side.
 */
function suggest(ours: JsonValue, theirs: JsonValue): void {
  if (!enter(theirs, true)) return;
  let item = theirs.first;
  while (item != null) {
    item.via = null;
    item = item.next;
  }
  let rest: JsonValue | null = null;
  let rests: u32 = 0;
  item = ours.first;
  while (item != null) {
    const one = item;
    item = one.next;
    one.via = null;
    if (!takesPart(one) || one.pair != null) continue;
    let at = cells.at(cellOf(one.loose)).value;
    while (at != null && (at.loose != one.loose || at.pair != null || at.via != null)) {
      takeSteps(1);
      if (isExhausted()) return;
      at = at.chain;
    }
    if (at != null) {
      one.via = at;
      at.via = one;
    } else {
      rest = one;
      rests++;
    }
  }
  if (rests != 1 || rest == null) return;
  let last: JsonValue | null = null;
  item = theirs.first;
  while (item != null) {
    if (takesPart(item) && item.pair == null && item.via == null) {
      if (last != null) return;
      last = item;
    }
    item = item.next;
  }
  if (last == null) return;
  rest.via = last;
  last.via = rest;
}
