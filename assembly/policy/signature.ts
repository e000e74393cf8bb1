// What of a rollout but its shares begins an evidence period, as one number: the same for two policies that say the same of
// it, however they are written and whatever else is in them. core/layout.ts adds the shares.

import { beginHash, Hash64, hashNumber, hashOf, hashText } from "../bytes/hash64";
import { fixed, nextOf } from "../bytes/records";
import { isWord } from "../bytes/slice";
import { Rollout, Signals } from "../core/plan";
import { memberOf, nextBelow, Node } from "./node";

const hash: Hash64 = fixed<Hash64>();

/** Writes what the rollout says of evidence besides its shares; `node` is the rollout in the policy. */
export function signTerms(node: Node, rollout: Rollout): void {
  beginHash(hash);
  hashText(hash, rollout.salt);
  hashNumber(hash, rollout.epoch);
  hashNumber(hash, rollout.signals == Signals.Count ? 1 : 0);
  hashNumber(hash, rollout.slowCount);
  for (let i: u32 = 0; i < rollout.slowCount; i++) hashNumber(hash, rollout.slow.at(i));
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    hashText(hash, rollout.variant(i).cluster);
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

/** Adds a goal that is counted for the rollout; `node` is the goal in the policy. Its other rollouts say nothing of it. */
export function signGoal(node: Node, rollout: Rollout): void {
  beginHash(hash);
  hashNumber(hash, rollout.terms);
  hashText(hash, node.key);
  putTree(memberOf(node, "match"));
  putTree(memberOf(node, "status"));
  putTree(memberOf(node, "value"));
  rollout.terms = hashOf(hash);
}

/** What a shadow says of which requests are copied, where to, and what is compared; `node` is the shadow in the policy. */
export function signShadow(node: Node): u64 {
  beginHash(hash);
  const policy = node.container.container;
  for (let member = node.first; member; member = nextOf(member)) {
    // How many copies there are says nothing of what they show.
    if (isWord(member.key, "budget")) continue;
    hashText(hash, member.key);
    putTree(member);
    if (isWord(member.key, "when") && refers(member)) putTree(memberOf(policy, "$evaluators"));
  }
  if (!memberOf(node, "identity")) putTree(memberOf(policy, "identity"));
  return hashOf(hash);
}

/** A value of the policy with all that is in it: types, names and texts in their order, without blanks and escapes. */
function putTree(root: Node | null): void {
  hashNumber(hash, root ? 1 : 0);
  if (!root) return;
  let node: Node | null = root;
  while (node) {
    hashNumber(hash, node.kind);
    hashNumber(hash, node.count);
    if (node != root) hashText(hash, node.key);
    hashText(hash, node.text);
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
