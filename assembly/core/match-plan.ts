// Matches as the plan has them: the entries of rollouts and shadows, and the index that they are found by.

import { Run } from "../bytes/records";
import { Slice } from "../bytes/slice";
import { Table } from "../bytes/table";
import { AddressRange } from "./address";
import { Expression } from "./expression";
import { FlagCondition } from "./flag-plan";

/** How a text is held to what the policy says of it. */
export const enum Compare {
  /** The same bytes. */
  Exact,
  /** The same but for the case of ASCII letters: the policy's text is in lower case. */
  IgnoreCase,
  /** There at all. */
  Present,
  /** A regular expression matches it. */
  Expression,
}

/** One text condition: what has to hold of the input of `slot`. */
@unmanaged
export class Condition {
  slot: u32;
  compare: Compare;
  value: Slice;
  /** Compare.Expression: what has to match. */
  expression: Expression | null;
}

/** How a path is held to an entry's. */
export const enum PathCompare {
  Exact,
  /** Exact but for the case of ASCII letters: the entry's path is in lower case. */
  IgnoreCase,
  /** The path itself, or elements below it. */
  Prefix,
  /** A regular expression matches it. */
  Expression,
}

/** One entry of a `match`: all that it names must hold. */
@unmanaged
export class Entry {
  /** Whose it is: the number of a rollout, behind all rollouts that of a shadow, behind all shadows that of a goal, then that of an
   * effect. */
  target: u32;
  /** Its place in the list. */
  index: u32;
  /** Its hosts; none: any. */
  hosts: Host | null;
  /** NONE: any. */
  path: Slice;
  pathCompare: PathCompare;
  /** PathCompare.Expression: what has to match. */
  pathExpression: Expression | null;
  method: Slice;
  headers: Run<Condition>;
  headerCount: u32;
  params: Run<Condition>;
  paramCount: u32;
  /** The client's address has to be in one of them; none: any. */
  ranges: Run<AddressRange>;
  rangeCount: u32;
  flags: FlagCondition | null;
  next: Entry | null;

  // @ts-ignore: decorator
  @inline
  header(index: u32): Condition {
    return this.headers.at(index);
  }

  // @ts-ignore: decorator
  @inline
  param(index: u32): Condition {
    return this.params.at(index);
  }
}

/** A host of an entry, in lower case: `shop.example.com`, or `.example.com` for `*.example.com`. */
@unmanaged
export class Host {
  text: Slice;
  next: Host | null;
}

/** An entry in the chain of one (host, path). */
@unmanaged
export class Filed {
  entry: Entry;
  next: Filed | null;
}

/** A (host number, path number) and the entries of both; open addressing, a cell without a chain is empty. */
@unmanaged
export class PairCell {
  key: u64;
  chain: Filed | null;
}

/** Entries by host and path, so that a request meets only those that can hold. */
@unmanaged
export class Index {
  /** Host text -> number from 1; 0 is "any". */
  hosts: Table;
  /** Wildcard text (`.example.com`) -> number, in the same numbering. */
  suffixes: Table;
  /** Exact path -> number from 1; 0 is "any". */
  paths: Table;
  /** Exact path in lower case, for those that hold in any case -> number, in the same numbering. */
  lowerPaths: Table;
  /** Path prefix without trailing slashes -> number, in the same numbering. */
  prefixes: Table;
  hostCount: u32;
  pathCount: u32;
  pairs: Run<PairCell>;
  pairMask: u32;
  pairCount: u32;
}
