// Files the entries of all rollouts and shadows by host and path, so that `matchAll` meets only those that can hold.

import { take } from "../bytes/arena";
import { addressOf, NONE, Slice } from "../bytes/slice";
import { ABSENT, find, insert, newTable, Table } from "../bytes/table";
import { pairIndex } from "../core/match";
import { Entry, ENTRY_BYTES, Filed, Host, Index, PairCell, Plan, Rollout, ROLLOUT_BYTES } from "../core/plan";
import { Shadow, SHADOW_BYTES } from "../core/shadow-plan";

const PAIR_CELL: usize = 16;
const FIRST_PAIRS: u32 = 16;

let plan: Plan = changetype<Plan>(0);

/** Makes the plan's empty index. @returns false without memory */
export function newIndex(owner: Plan): bool {
  const index = changetype<Index>(take(owner.arena, offsetof<Index>()));
  if (changetype<usize>(index) == 0) return false;
  index.hosts = newTable(owner.arena);
  index.suffixes = newTable(owner.arena);
  index.paths = newTable(owner.arena);
  index.prefixes = newTable(owner.arena);
  owner.index = index;
  return !owner.arena.failed;
}

/** Files every entry; whoever has no `match` gets one that always holds. @returns false without memory */
export function compileIndex(owner: Plan): bool {
  plan = owner;
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    if (!fileAll(changetype<Rollout>(plan.rollouts + i * ROLLOUT_BYTES).entries, i)) return false;
  }
  for (let i: u32 = 0; i < plan.shadowCount; i++) {
    const entries = changetype<Shadow>(plan.shadows + i * SHADOW_BYTES).entries;
    if (!fileAll(entries, plan.rolloutCount + i)) return false;
  }
  return true;
}

function fileAll(entries: usize, target: u32): bool {
  if (entries == 0) {
    const address = take(plan.arena, ENTRY_BYTES);
    if (address == 0) return false;
    changetype<Entry>(address).target = target;
    file(changetype<Entry>(address));
  }
  for (let at = entries; at != 0; at = changetype<Entry>(at).next) file(changetype<Entry>(at));
  return !plan.arena.failed;
}

function file(entry: Entry): void {
  const path = pathNumber(entry);
  if (entry.hosts == 0) return fileAt(0, path, entry);
  for (let at = entry.hosts; at != 0; at = changetype<Host>(at).next) {
    fileAt(hostNumber(changetype<Host>(at).text), path, entry);
  }
}

/** The number of a text in its table, the next free one when it is new. */
function number(table: Table, text: Slice, next: u32): u32 {
  const found = find(table, text);
  if (found != ABSENT) return found;
  return insert(plan.arena, table, text, next) ? next : ABSENT;
}

function hostNumber(text: Slice): u32 {
  const index = plan.index;
  const table = load<u8>(addressOf(text)) == 0x2e ? index.suffixes : index.hosts;
  const given = number(table, text, index.hostCount + 1);
  if (given == index.hostCount + 1) index.hostCount++;
  return given;
}

function pathNumber(entry: Entry): u32 {
  if (entry.path == NONE) return 0;
  const index = plan.index;
  const given = number(entry.pathIsPrefix ? index.prefixes : index.paths, entry.path, index.pathCount + 1);
  if (given == index.pathCount + 1) index.pathCount++;
  return given;
}

function fileAt(host: u32, path: u32, entry: Entry): void {
  const index = plan.index;
  if ((index.pairCount + 1) << 1 > index.pairMask + 1 || index.pairs == 0) growPairs();
  const address = take(plan.arena, offsetof<Filed>());
  if (address == 0 || plan.arena.failed) return;
  const filed = changetype<Filed>(address);
  filed.entry = changetype<usize>(entry);
  const cell = cellOf(index.pairs, index.pairMask, ((host as u64) << 32) | (path as u64));
  if (cell.chain == 0) {
    cell.key = ((host as u64) << 32) | (path as u64);
    index.pairCount++;
  }
  filed.next = cell.chain;
  cell.chain = address;
}

function cellOf(cells: usize, mask: u32, key: u64): PairCell {
  let i = pairIndex(key, mask);
  while (true) {
    const cell = changetype<PairCell>(cells + (i as usize) * PAIR_CELL);
    if (cell.chain == 0 || cell.key == key) return cell;
    i = (i + 1) & mask;
  }
}

function growPairs(): void {
  const index = plan.index;
  const size = index.pairs == 0 ? FIRST_PAIRS : (index.pairMask + 1) << 1;
  const fresh = take(plan.arena, (size as usize) * PAIR_CELL);
  if (fresh == 0) return;
  if (index.pairs != 0) {
    for (let i: u32 = 0; i <= index.pairMask; i++) {
      const old = changetype<PairCell>(index.pairs + (i as usize) * PAIR_CELL);
      if (old.chain == 0) continue;
      const cell = cellOf(fresh, size - 1, old.key);
      cell.key = old.key;
      cell.chain = old.chain;
    }
  }
  index.pairs = fresh;
  index.pairMask = size - 1;
}
