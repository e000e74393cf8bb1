// What of a rollout but its shares begins an evidence period, as one number: the same for two policies that say the same of
// it, however they are written and whatever else is in them. core/layout.ts adds the shares.

import { beginHash, Hash64, hashBytes, hashOf } from "../bytes/hash64";
import { fixed, nextOf } from "../bytes/records";
import { addressOf, isWord, lengthOf, Slice } from "../bytes/slice";
import { Rollout, Signals } from "../core/plan";
import { nextBelow, Node } from "./node";

const hash: Hash64 = fixed<Hash64>();
const number: usize = memory.data(sizeof<u64>(), 8);

/** Writes what the rollout says of evidence besides its shares; `node` is the rollout in the policy. */
export function signTerms(node: Node, rollout: Rollout): void {
  beginHash(hash);
  putText(rollout.salt);
  putNumber(rollout.epoch);
  putNumber(rollout.signals == Signals.Count ? 1 : 0);
  putNumber(rollout.slowCount);
  for (let i: u32 = 0; i < rollout.slowCount; i++) putNumber(rollout.slow.at(i));
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    putText(rollout.variant(i).cluster);
  }
  const policy = node.container.container;
  const identity = memberOf(node, "identity");
  putTree(identity ? identity : memberOf(policy, "identity"));
  putTree(memberOf(node, "match"));
  const when = memberOf(node, "when");
  putTree(when);
  if (when && refers(when)) putTree(memberOf(policy, "$evaluators"));
  rollout.terms = hashOf(hash);
}

function putNumber(value: u64): void {
  store<u64>(number, value);
  hashBytes(hash, number, 8);
}

function putText(text: Slice): void {
  putNumber(lengthOf(text));
  hashBytes(hash, addressOf(text), lengthOf(text));
}

/** A value of the policy with all that is in it: types, names and texts in their order, without blanks and escapes. */
function putTree(root: Node | null): void {
  putNumber(root ? 1 : 0);
  if (!root) return;
  let node: Node | null = root;
  while (node) {
    putNumber(node.kind);
    putNumber(node.count);
    if (node != root) putText(node.key);
    putText(node.text);
    node = nextBelow(root, node);
  }
}

function refers(rule: Node): bool {
  let node = nextBelow(rule, rule);
  while (node) {
    if (isWord(node.key, "$ref")) return true;
    node = nextBelow(rule, node);
  }
  return false;
}

function memberOf(object: Node, key: string): Node | null {
  for (let member = object.first; member; member = nextOf(member)) {
    if (isWord(member.key, key)) return member;
  }
  return null;
}
