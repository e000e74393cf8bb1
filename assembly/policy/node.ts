// One value of the policy's text, with its place.

import { Slice } from "../bytes/slice";
import { Value } from "../core/logic/value";

export const KIND_NULL: u32 = 0;
export const KIND_FALSE: u32 = 1;
export const KIND_TRUE: u32 = 2;
export const KIND_NUMBER: u32 = 3;
export const KIND_STRING: u32 = 4;
export const KIND_ARRAY: u32 = 5;
export const KIND_OBJECT: u32 = 6;


@unmanaged
export class Node {
  kind: u32;
  /** Members or items. */
  count: u32;
  /** A string decoded, a number's token. */
  text: Slice;
  /** In an object: the member's name, decoded. */
  key: Slice;
  /** Address in the policy's text where the value begins, and where the name does. */
  begin: usize;
  keyBegin: usize;
  parent: usize;
  first: usize;
  last: usize;
  next: usize;
  /** Place in its parent. */
  index: u32;
  /** The constant that rules have for it; null before the first of them needs it. */
  constant: Value | null;
}

/** The node after `node` in the order of the text, below `root`; 0 behind the last one. */
export function nextBelow(root: usize, node: usize): usize {
  if (changetype<Node>(node).first != 0) return changetype<Node>(node).first;
  let at = node;
  while (at != root) {
    const next = changetype<Node>(at).next;
    if (next != 0) return next;
    at = changetype<Node>(at).parent;
  }
  return 0;
}
