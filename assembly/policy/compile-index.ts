// Files the entries of all rollouts, shadows and goals by host and path, so that `matchAll` meets only those that can hold.

import * as ascii from "../bytes/ascii";
import { nextOf, Run, takeRecord, takeRun } from "../bytes/records";
import { addressOf, NONE, Slice } from "../bytes/slice";
import { ABSENT, find, insert, newTable, reserve, Table } from "../bytes/table";
import { pairIndex } from "../core/match";
import { Entry, Filed, Index, PairCell, PathCompare } from "../core/match-plan";
import { Plan } from "../core/plan";

const FIRST_PAIRS: u32 = 16;

let plan: Plan = changetype<Plan>(0);

/** Makes the plan's empty index. @returns false without memory */
export function newIndex(owner: Plan): bool {
  const index = takeRecord<Index>(owner.arena);
  if (!index) return false;
  index.hosts = newTable(owner.arena);
  index.suffixes = newTable(owner.arena);
  index.paths = newTable(owner.arena);
  index.lowerPaths = newTable(owner.arena);
  index.prefixes = newTable(owner.arena);
  owner.index = index;
  return !owner.arena.failed;
}

/** Files every entry; a rollout or shadow without `match` gets one that always holds. @returns false without memory */
export function compileIndex(owner: Plan): bool {
  plan = owner;
  reserveAll();
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    if (!fileAll(plan.rollout(i).entries, i)) return false;
  }
  for (let i: u32 = 0; i < plan.shadowCount; i++) {
    if (!fileAll(plan.shadow(i).entries, plan.rolloutCount + i)) return false;
  }
  for (let i: u32 = 0; i < plan.goalCount; i++) {
    if (!fileAll(plan.goal(i).entries, plan.rolloutCount + plan.shadowCount + i)) return false;
  }
  const behind = plan.rolloutCount + plan.shadowCount + plan.goalCount;
  for (let i: u32 = 0; i < plan.effectCount; i++) {
    if (!fileAll(plan.effect(i).entries, behind + i)) return false;
  }
  return true;
}

/** Makes room for the paths of all rollouts at once. Others are few, and hosts are mostly the same ones. */
function reserveAll(): void {
  const index = plan.index;
  let exact: u32 = 0;
  let prefixes: u32 = 0;
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    for (let entry = plan.rollout(i).entries; entry; entry = nextOf(entry)) {
      if (entry.path == NONE || entry.pathExpression) continue;
      if (entry.pathCompare == PathCompare.Prefix) prefixes++;
      else if (entry.pathCompare == PathCompare.Exact) exact++;
    }
  }
  if (exact != 0) reserve(plan.arena, index.paths, exact);
  if (prefixes != 0) reserve(plan.arena, index.prefixes, prefixes);
  let size = FIRST_PAIRS;
  while (size < (exact + prefixes) << 1) size <<= 1;
  resizePairs(size);
}

function fileAll(entries: Entry | null, target: u32): bool {
  if (!entries) {
    const all = takeRecord<Entry>(plan.arena);
    if (!all) return false;
    all.target = target;
    file(all);
  }
  for (let entry = entries; entry; entry = nextOf(entry)) file(entry);
  return !plan.arena.failed;
}

function file(entry: Entry): void {
  const path = pathNumber(entry);
  if (!entry.hosts) return fileAt(0, path, entry);
  for (let host = entry.hosts; host; host = nextOf(host)) fileAt(hostNumber(host.text), path, entry);
}

/** The number of a text in its table, the next free one when it is new. */
function number(table: Table, text: Slice, next: u32): u32 {
  const found = find(table, text);
  if (found != ABSENT) return found;
  return insert(plan.arena, table, text, next) ? next : ABSENT;
}

function hostNumber(text: Slice): u32 {
  const index = plan.index;
  const table = load<u8>(addressOf(text)) == ascii.DOT ? index.suffixes : index.hosts;
  const given = number(table, text, index.hostCount + 1);
  if (given == index.hostCount + 1) index.hostCount++;
  return given;
}

function pathNumber(entry: Entry): u32 {
  if (entry.path == NONE || entry.pathExpression) return 0;
  const index = plan.index;
  const compare = entry.pathCompare;
  const table =
    compare == PathCompare.Prefix
      ? index.prefixes
      : compare == PathCompare.IgnoreCase
        ? index.lowerPaths
        : index.paths;
  const given = number(table, entry.path, index.pathCount + 1);
  if (given == index.pathCount + 1) index.pathCount++;
  return given;
}

function fileAt(host: u32, path: u32, entry: Entry): void {
  const index = plan.index;
  if ((index.pairCount + 1) << 1 > index.pairMask + 1) resizePairs((index.pairMask + 1) << 1);
  const filed = takeRecord<Filed>(plan.arena);
  if (!filed || plan.arena.failed) return;
  filed.entry = entry;
  const cell = cellOf(index.pairs, index.pairMask, ((host as u64) << 32) | (path as u64));
  if (!cell.chain) {
    cell.key = ((host as u64) << 32) | (path as u64);
    index.pairCount++;
  }
  filed.next = cell.chain;
  cell.chain = filed;
}

function cellOf(cells: Run<PairCell>, mask: u32, key: u64): PairCell {
  let i = pairIndex(key, mask);
  while (true) {
    const cell = cells.at(i);
    if (!cell.chain || cell.key == key) return cell;
    i = (i + 1) & mask;
  }
}

function resizePairs(size: u32): void {
  const index = plan.index;
  const fresh = takeRun<PairCell>(plan.arena, size);
  if (fresh.isNone) return;
  if (!index.pairs.isNone) {
    for (let i: u32 = 0; i <= index.pairMask; i++) {
      const old = index.pairs.at(i);
      if (!old.chain) continue;
      const cell = cellOf(fresh, size - 1, old.key);
      cell.key = old.key;
      cell.chain = old.chain;
    }
  }
  index.pairs = fresh;
  index.pairMask = size - 1;
}
