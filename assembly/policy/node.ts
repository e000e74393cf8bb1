// One value of the policy's text, with its place.

import { Token } from "../bytes/json-reader";
import { nextOf } from "../bytes/records";
import { isWord, Slice } from "../bytes/slice";
import { Word } from "../bytes/word";
import { Value } from "../core/logic/value";


@unmanaged
export class Node {
  kind: Token;
  /** Members or items. */
  count: u32;
  /** A string decoded, a number's token. */
  text: Slice;
  /** In an object: the member's name, decoded. */
  key: Slice;
  /** Address in the policy's text where the value begins, and where the name does. */
  begin: usize;
  keyBegin: usize;
  parent: Node | null;
  first: Node | null;
  last: Node | null;
  next: Node | null;
  /** Place in its parent. */
  index: u32;
  /** The constant that rules have for it; null before the first of them needs it. */
  constant: Value | null;

  /** The first member or item, for a caller that knows that there is one. */
  // @ts-ignore: decorator
  @inline
  get head(): Node {
    return changetype<Node>(this.first);
  }

  /** The next member or item, likewise. */
  // @ts-ignore: decorator
  @inline
  get behind(): Node {
    return changetype<Node>(this.next);
  }

  /** The array or object that contains it, likewise. */
  // @ts-ignore: decorator
  @inline
  get container(): Node {
    return changetype<Node>(this.parent);
  }
}

/** The first member of that name; null without. */
export function memberOf(object: Node, key: Word): Node | null {
  for (let member = object.first; member; member = nextOf(member)) {
    if (isWord(member.key, key)) return member;
  }
  return null;
}

/** The node that contains a node; null for the document. For the step of a `for` loop, as `nextOf`. */
export function parentOf(node: Node | null): Node | null {
  return node ? node.parent : null;
}

/** The node after `node` in the order of the text, below `root`; null behind the last one. */
export function nextBelow(root: Node, node: Node | null): Node | null {
  if (node && node.first) return node.first;
  let at = node;
  while (at && at != root) {
    if (at.next) return at.next;
    at = at.parent;
  }
  return null;
}
