// Which rollouts and shadows a request concerns. Entries are filed by (host, path) at load, so a request meets only those
// whose host and path hold, however many rollouts there are; the rest of each entry is then looked at.

import * as ascii from "../bytes/ascii";
import {
  addressOf,
  copyLower,
  lengthOf,
  NONE,
  sameBytes,
  sameInLower,
  sameText,
  Slice,
  sliceOf,
} from "../bytes/slice";
import { ABSENT, find, findHashed, HASH_START, hashByte, mayHold } from "../bytes/table";
import { nextOf, Run } from "../bytes/records";
import { scratch } from "../bytes/scratch";
import { isInRange } from "./address";
import { Decision, NOT_BEGUN } from "./decision";
import { Expression, isExpressedBy } from "./expression";
import { evaluateFlag, isWanted } from "./flag";
import { NO_SLOT } from "./plan";
import { Compare, Condition, Entry, Filed, Index, PathCompare } from "./match-plan";
import { isSpent } from "./logic/work";
import { readParams } from "./query";
import { clientAddress, hostOf, view } from "./view";

/** A host of at most 253 bytes has at most 126 suffixes, plus itself, plus "any". */
const MOST_HOSTS: u32 = 128;
/** Longest path that a policy may name: 2,048 bytes, so 1,024 elements, plus two exact ones, plus "any". */
const MOST_PATHS: u32 = 1032;

const hostNumbers: Run<u32> = changetype<Run<u32>>(memory.data(sizeof<u32>() * 128, 8));
const pathNumbers: Run<u32> = changetype<Run<u32>>(memory.data(sizeof<u32>() * 1032, 8));
let hostsFound: u32 = 0;
let pathsFound: u32 = 0;

function addHost(number: u32): void {
  if (number == ABSENT || hostsFound == MOST_HOSTS) return;
  hostNumbers.set(hostsFound, number);
  hostsFound++;
}

function addPath(number: u32): void {
  if (number == ABSENT || pathsFound == MOST_PATHS) return;
  pathNumbers.set(pathsFound, number);
  pathsFound++;
}

function findHosts(index: Index): void {
  hostsFound = 0;
  addHost(0);
  if (index.hostCount == 0) return;
  const host = hostOf();
  const length = lengthOf(host);
  if (length == 0) return;
  if (index.hosts.count != 0) addHost(find(index.hosts, host));
  const suffixes = index.suffixes;
  if (suffixes.count == 0) return;
  const begin = addressOf(host);
  const end = begin + length;
  // From the right, no further than the longest suffix reaches: a host of a million dots costs no more.
  const longest = suffixes.longest;
  let at = end;
  while (at > begin + 1 && end - at < longest) {
    at--;
    if (load<u8>(at) == ascii.DOT) addHost(find(suffixes, sliceOf(at, (end - at) as u32)));
  }
}

/** One pass over the path, its hash growing byte by byte: at every element's end the prefix so far is looked up. */
function findPaths(index: Index): void {
  pathsFound = 0;
  addPath(0);
  if (index.pathCount == 0 || view.path == NONE) return;
  const begin = addressOf(view.path);
  const length = lengthOf(view.path);
  if (length == 0 || load<u8>(begin) != ascii.SLASH) return;
  if (index.lowerPaths.count != 0) addPath(findInLower(index, view.path));
  const prefixes = index.prefixes;
  const paths = index.paths;
  const exactPossible = paths.count != 0 && length <= paths.longest;
  // A prefix ends before a slash or at the path's end, so one byte more than the longest has to be seen.
  let reach: u32 = prefixes.count == 0 ? 0 : prefixes.longest + 1;
  if (exactPossible || reach > length) reach = length;
  let hash = HASH_START;
  for (let i: u32 = 0; i < reach; i++) {
    const byte = load<u8>(begin + i);
    if (byte == ascii.SLASH && prefixes.count != 0 && mayHold(prefixes, i)) {
      addPath(findHashed(prefixes, sliceOf(begin, i), hash));
    }
    hash = hashByte(hash, byte);
  }
  if (reach < length) return;
  if (prefixes.count != 0 && mayHold(prefixes, length)) addPath(findHashed(prefixes, view.path, hash));
  if (exactPossible) addPath(findHashed(paths, view.path, hash));
}

/** The number of a path that holds in any case. */
function findInLower(index: Index, path: Slice): u32 {
  const length = lengthOf(path);
  const paths = index.lowerPaths;
  if (length > paths.longest || !mayHold(paths, length)) return ABSENT;
  const to = scratch(length);
  if (to == 0) return ABSENT;
  copyLower(to, addressOf(path), length);
  return find(paths, sliceOf(to, length));
}

/** Spreads a (host, path) key over the cells (Fibonacci hashing, Knuth 3, 6.4). */
// @ts-ignore: decorator
@inline
export function pairIndex(key: u64, mask: u32): u32 {
  return ((key * 0x9e3779b97f4a7c15) >> 32) as u32 & mask;
}

function chainOf(index: Index, key: u64): Filed | null {
  const mask = index.pairMask;
  let i = pairIndex(key, mask);
  while (true) {
    const cell = index.pairs.at(i);
    if (!cell.chain || cell.key == key) return cell.chain;
    i = (i + 1) & mask;
  }
}

// @ts-ignore: decorator
@inline
function isMatched(decision: Decision, target: u32): bool {
  return ((decision.matched.at(target >> 6) >> ((target & 63) as u64)) & 1) != 0;
}

function setMatched(decision: Decision, target: u32): void {
  const word = target >> 6;
  decision.matched.set(word, decision.matched.at(word) | ((1 as u64) << ((target & 63) as u64)));
  const above = target >> 12;
  decision.summary.set(above, decision.summary.at(above) | ((1 as u64) << ((word & 63) as u64)));
}

/**
 * Sets the bit of every rollout and shadow that has an entry which holds. The bits must be clear before.
 * @returns false when the client's address has to be given first: called again, it goes on with the entry that asked
 */
export function matchAll(decision: Decision): bool {
  const index = decision.plan.index;
  if (decision.host == NOT_BEGUN) {
    decision.host = 0;
    decision.path = 0;
    decision.filed = null;
    hostsFound = 0;
    if (index.pairCount == 0) return true;
    findHosts(index);
    findPaths(index);
  }
  let filed = decision.filed;
  let p = decision.path;
  for (let h = decision.host; h < hostsFound; h++) {
    const host = hostNumbers.at(h) as u64;
    for (; p < pathsFound; p++) {
      if (!filed) filed = chainOf(index, (host << 32) | (pathNumbers.at(p) as u64));
      while (filed) {
        const entry = filed.entry;
        if (!isMatched(decision, entry.target)) {
          const failed = failedRest(decision, entry);
          if (failed == Mismatch.None) {
            setMatched(decision, entry.target);
          } else if (failed == Mismatch.NeedsAddress) {
            decision.host = h;
            decision.path = p;
            decision.filed = filed;
            return false;
          } else if (isSpent()) {
            noteDoubt(decision, entry, failed);
          }
        }
        filed = filed.next;
      }
    }
    p = 0;
  }
  decision.host = hostsFound;
  return true;
}

/** The request's work was spent when an entry was found not to hold: perhaps it would have. */
function noteDoubt(decision: Decision, entry: Entry, failed: Mismatch): void {
  if (failed == Mismatch.Method || failed == Mismatch.Address) return;
  const plan = decision.plan;
  const before = plan.rolloutCount + plan.shadowCount + plan.goalCount;
  if (entry.target >= before && plan.effect(entry.target - before).answers) decision.isInDoubt = true;
}

/** What of an entry does not hold: the first of these, in the order in which they are looked at. */
export const enum Mismatch {
  None,
  Hosts,
  Path,
  Method,
  Headers,
  Params,
  Address,
  Flag,
  /** The entry, or a flag that it asks, looks at the client's address, which has to be given first. */
  NeedsAddress,
}

function holds(decision: Decision, condition: Condition): bool {
  const value = decision.valueOf(condition.slot);
  if (value == NONE) return false;
  const compare = condition.compare;
  if (compare == Compare.Exact) return sameText(value, condition.value);
  const expression = condition.expression;
  if (expression) return isExpressed(decision, expression, value);
  return compare == Compare.Present || sameInLower(value, condition.value);
}

/** Whether every flag that the entry asks gives what it asks for. */
function failedFlag(decision: Decision, entry: Entry): Mismatch {
  for (let condition = entry.flags; condition; condition = nextOf(condition)) {
    const answer = evaluateFlag(decision, condition.flag);
    if (!answer) return Mismatch.NeedsAddress;
    if (answer.given == NO_SLOT || !isWanted(condition, condition.flag.variant(answer.given))) {
      return Mismatch.Flag;
    }
  }
  return Mismatch.None;
}

/** All of an entry but host and path: of these only what the index does not find, a path's expression. */
function failedRest(decision: Decision, entry: Entry): Mismatch {
  if (entry.method != NONE && !sameText(entry.method, view.method)) return Mismatch.Method;
  const expression = entry.pathExpression;
  if (expression && !isPathExpressed(decision, expression)) return Mismatch.Path;
  for (let i: u32 = 0; i < entry.headerCount; i++) {
    if (!holds(decision, entry.header(i))) return Mismatch.Headers;
  }
  if (entry.paramCount != 0) {
    readParams(decision);
    for (let i: u32 = 0; i < entry.paramCount; i++) {
      if (!holds(decision, entry.param(i))) return Mismatch.Params;
    }
  }
  if (entry.rangeCount != 0) {
    if (!view.addressGiven) return Mismatch.NeedsAddress;
    if (!isInRanges(entry)) return Mismatch.Address;
  }
  return failedFlag(decision, entry);
}

/** Whether the request's text matches: found out once a request. Past `limits.work` it does not. */
function isExpressed(decision: Decision, expression: Expression, text: Slice): bool {
  if (expression.stamp == decision.stamp) return expression.held;
  expression.stamp = decision.stamp;
  expression.held = isExpressedBy(expression, text);
  if (isSpent()) decision.workErrors++;
  return expression.held;
}

function isPathExpressed(decision: Decision, expression: Expression): bool {
  return view.path != NONE && isExpressed(decision, expression, view.path);
}

/** Whether the client's address is in one of the entry's ranges. */
function isInRanges(entry: Entry): bool {
  const address = clientAddress();
  if (!address) return false;
  for (let i: u32 = 0; i < entry.rangeCount; i++) {
    if (isInRange(address, entry.ranges.at(i))) return true;
  }
  return false;
}

function hostHolds(pattern: Slice, host: Slice): bool {
  const length = lengthOf(pattern);
  if (length == 0 || load<u8>(addressOf(pattern)) != ascii.DOT) return sameText(pattern, host);
  const all = lengthOf(host);
  return all > length && sameBytes(addressOf(host) + (all - length), addressOf(pattern), length);
}

function pathHolds(decision: Decision, entry: Entry): bool {
  const expression = entry.pathExpression;
  if (expression) return isPathExpressed(decision, expression);
  if (entry.path == NONE) return true;
  if (view.path == NONE) return false;
  if (entry.pathCompare == PathCompare.Exact) return sameText(view.path, entry.path);
  if (entry.pathCompare == PathCompare.IgnoreCase) return sameInLower(view.path, entry.path);
  const length = lengthOf(entry.path);
  const all = lengthOf(view.path);
  const begin = addressOf(view.path);
  if (all == 0 || load<u8>(begin) != ascii.SLASH || all < length) return false;
  if (!sameBytes(begin, addressOf(entry.path), length)) return false;
  return all == length || load<u8>(begin + length) == ascii.SLASH;
}

/** The whole entry looked at by itself, without the index: for explanations, and to hold the index to. */
export function failedOf(decision: Decision, entry: Entry): Mismatch {
  let wanted = entry.hosts;
  if (wanted) {
    const host = hostOf();
    while (wanted && !hostHolds(wanted.text, host)) wanted = wanted.next;
    if (!wanted) return Mismatch.Hosts;
  }
  if (!pathHolds(decision, entry)) return Mismatch.Path;
  return failedRest(decision, entry);
}
