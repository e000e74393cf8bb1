// Which rollouts and shadows a request concerns. Entries are filed by (host, path) at load, so a request meets only those
// whose host and path hold, however many rollouts there are; the rest of each entry is then looked at.

import { addressOf, lengthOf, NONE, sameBytes, sameText, Slice, sliceOf } from "../bytes/slice";
import { ABSENT, find, findHashed, HASH_START, hashByte, mayHold } from "../bytes/table";
import {
  Condition,
  CONDITION_BYTES,
  Entry,
  Filed,
  Flag,
  FlagCondition,
  Host,
  Index,
  PairCell,
  Plan,
} from "./plan";
import { evaluateFlag, flagHolds } from "./flag";
import { DECIDED } from "./identity";
import { readParams } from "./query";
import { hostOf, slotValue, view } from "./view";

/** A host of at most 253 bytes has at most 126 suffixes, plus itself, plus "any". */
const MOST_HOSTS: u32 = 128;
/** Longest path that a policy may name: 2,048 bytes, so 1,024 elements, plus an exact one, plus "any". */
const MOST_PATHS: u32 = 1032;

const hostNumbers: usize = memory.data(512, 8);
const pathNumbers: usize = memory.data(4128, 8);
let hostsFound: u32 = 0;
let pathsFound: u32 = 0;

function addHost(number: u32): void {
  if (number == ABSENT || hostsFound == MOST_HOSTS) return;
  store<u32>(hostNumbers + ((hostsFound as usize) << 2), number);
  hostsFound++;
}

function addPath(number: u32): void {
  if (number == ABSENT || pathsFound == MOST_PATHS) return;
  store<u32>(pathNumbers + ((pathsFound as usize) << 2), number);
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
    if (load<u8>(at) == 0x2e) addHost(find(suffixes, sliceOf(at, (end - at) as u32)));
  }
}

/** One pass over the path, its hash growing byte by byte: at every element's end the prefix so far is looked up. */
function findPaths(index: Index): void {
  pathsFound = 0;
  addPath(0);
  if (index.pathCount == 0 || view.path == NONE) return;
  const begin = addressOf(view.path);
  const length = lengthOf(view.path);
  if (length == 0 || load<u8>(begin) != 0x2f) return;
  const prefixes = index.prefixes;
  const paths = index.paths;
  const exactPossible = paths.count != 0 && length <= paths.longest;
  // A prefix ends before a slash or at the path's end, so one byte more than the longest has to be seen.
  let reach: u32 = prefixes.count == 0 ? 0 : prefixes.longest + 1;
  if (exactPossible || reach > length) reach = length;
  let hash = HASH_START;
  for (let i: u32 = 0; i < reach; i++) {
    const byte = load<u8>(begin + i);
    if (byte == 0x2f && prefixes.count != 0 && mayHold(prefixes, i)) {
      addPath(findHashed(prefixes, sliceOf(begin, i), hash));
    }
    hash = hashByte(hash, byte);
  }
  if (reach < length) return;
  if (prefixes.count != 0 && mayHold(prefixes, length)) addPath(findHashed(prefixes, view.path, hash));
  if (exactPossible) addPath(findHashed(paths, view.path, hash));
}

/** Spreads a (host, path) key over the cells (Fibonacci hashing, Knuth 3, 6.4). */
// @ts-ignore: decorator
@inline
export function pairIndex(key: u64, mask: u32): u32 {
  return ((key * 0x9e3779b97f4a7c15) >> 32) as u32 & mask;
}

function chainOf(index: Index, key: u64): usize {
  const mask = index.pairMask;
  let i = pairIndex(key, mask);
  while (true) {
    const cell = changetype<PairCell>(index.pairs + ((i as usize) << 4));
    if (cell.chain == 0) return 0;
    if (cell.key == key) return cell.chain;
    i = (i + 1) & mask;
  }
}

// @ts-ignore: decorator
@inline
function isMatched(plan: Plan, target: u32): bool {
  return ((load<u64>(plan.matched + (((target >> 6) as usize) << 3)) >> ((target & 63) as u64)) & 1) != 0;
}

function setMatched(plan: Plan, target: u32): void {
  const word = plan.matched + (((target >> 6) as usize) << 3);
  store<u64>(word, load<u64>(word) | ((1 as u64) << ((target & 63) as u64)));
  const above = plan.summary + (((target >> 12) as usize) << 3);
  store<u64>(above, load<u64>(above) | ((1 as u64) << (((target >> 6) & 63) as u64)));
}

/** Sets the bit of every rollout and shadow that has an entry which holds. The bits must be clear before. */
export function matchAll(plan: Plan): void {
  const index = plan.index;
  if (index.pairCount == 0) return;
  findHosts(index);
  findPaths(index);
  for (let h: u32 = 0; h < hostsFound; h++) {
    const host = load<u32>(hostNumbers + ((h as usize) << 2));
    for (let p: u32 = 0; p < pathsFound; p++) {
      const path = load<u32>(pathNumbers + ((p as usize) << 2));
      let filed = chainOf(index, ((host as u64) << 32) | (path as u64));
      while (filed != 0) {
        const entry = changetype<Entry>(changetype<Filed>(filed).entry);
        if (!isMatched(plan, entry.target) && failedRest(plan, entry) == HOLDS)
          setMatched(plan, entry.target);
        filed = changetype<Filed>(filed).next;
      }
    }
  }
}

/** Forgets all matches. */
export function clearMatched(plan: Plan): void {
  const words = (plan.rolloutCount + plan.shadowCount + 4095) >> 12;
  for (let s: u32 = 0; s < words; s++) {
    const at = plan.summary + ((s as usize) << 3);
    let bits = load<u64>(at);
    while (bits != 0) {
      const word = (s << 6) + (ctz<u64>(bits) as u32);
      store<u64>(plan.matched + ((word as usize) << 3), 0);
      bits &= bits - 1;
    }
    store<u64>(at, 0);
  }
}

/** What of an entry does not hold: the first of these, in the order in which they are looked at. */
export const HOLDS: u32 = 0;
export const FAILED_HOSTS: u32 = 1;
export const FAILED_PATH: u32 = 2;
export const FAILED_METHOD: u32 = 3;
export const FAILED_HEADERS: u32 = 4;
export const FAILED_PARAMS: u32 = 5;

function holds(plan: Plan, condition: Condition): bool {
  const value = slotValue(plan, condition.slot);
  if (value == NONE) return false;
  return condition.present != 0 || sameText(value, condition.value);
}

export const FAILED_FLAG: u32 = 6;

/** Whether every flag that the entry asks gives what it asks for; what a flag lacks is noted in `plan.needs`. */
function flagsHold(plan: Plan, entry: Entry): bool {
  for (let at = entry.flags; at != 0; at = changetype<FlagCondition>(at).next) {
    const condition = changetype<FlagCondition>(at);
    const needs = evaluateFlag(plan, changetype<Flag>(condition.flag));
    if (needs != DECIDED) {
      plan.needs = needs;
      return false;
    }
    if (!flagHolds(condition)) return false;
  }
  return true;
}

/** All of an entry but host and path. */
function failedRest(plan: Plan, entry: Entry): u32 {
  if (entry.method != NONE && !sameText(entry.method, view.method)) return FAILED_METHOD;
  for (let i: u32 = 0; i < entry.headerCount; i++) {
    if (!holds(plan, changetype<Condition>(entry.headers + i * CONDITION_BYTES))) return FAILED_HEADERS;
  }
  if (entry.paramCount != 0) {
    readParams(plan);
    for (let i: u32 = 0; i < entry.paramCount; i++) {
      if (!holds(plan, changetype<Condition>(entry.params + i * CONDITION_BYTES))) return FAILED_PARAMS;
    }
  }
  if (entry.flags != 0 && !flagsHold(plan, entry)) return FAILED_FLAG;
  return HOLDS;
}

function hostHolds(pattern: Slice, host: Slice): bool {
  const length = lengthOf(pattern);
  if (length == 0 || load<u8>(addressOf(pattern)) != 0x2e) return sameText(pattern, host);
  const all = lengthOf(host);
  return all > length && sameBytes(addressOf(host) + (all - length), addressOf(pattern), length);
}

function pathHolds(entry: Entry): bool {
  if (entry.path == NONE) return true;
  if (view.path == NONE) return false;
  if (!entry.pathIsPrefix) return sameText(entry.path, view.path);
  const length = lengthOf(entry.path);
  const all = lengthOf(view.path);
  const begin = addressOf(view.path);
  if (all == 0 || load<u8>(begin) != 0x2f || all < length) return false;
  if (!sameBytes(begin, addressOf(entry.path), length)) return false;
  return all == length || load<u8>(begin + length) == 0x2f;
}

/** The whole entry looked at by itself, without the index: for explanations, and to hold the index to. */
export function failedOf(plan: Plan, entry: Entry): u32 {
  if (entry.hosts != 0) {
    const host = hostOf();
    let at = entry.hosts;
    while (at != 0 && !hostHolds(changetype<Host>(at).text, host)) at = changetype<Host>(at).next;
    if (at == 0) return FAILED_HOSTS;
  }
  if (!pathHolds(entry)) return FAILED_PATH;
  return failedRest(plan, entry);
}
