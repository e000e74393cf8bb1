// The shared rules of a policy, `$evaluators`: what `{"$ref": name}` stands for.

import { isWord, Slice } from "../bytes/slice";
import { take } from "../bytes/arena";
import { ABSENT, find, insert, newTable, Table } from "../bytes/table";
import { plan, reading } from "./build";
import { KIND_OBJECT, KIND_STRING, nextBelow, Node } from "./node";

/** A shared rule. */
@unmanaged
export class Evaluator {
  node: usize;
  /** Its Rule; 0 when it is no rule but data, or could not be compiled. */
  rule: usize;
  isBroken: bool;
  /** Its texts are known as paths, and what has to be known before they are followed. */
  isNamed: bool;
  usesKey: bool;
  usesAddress: bool;
}

let evaluators: Table = changetype<Table>(0);

/** Forgets the shared rules of the last policy. */
export function beginEvaluators(): void {
  evaluators = newTable(reading);
}

/** A new shared rule, which nothing can name before it is entered; 0 without memory. */
export function newEvaluator(node: Node): usize {
  const address = take(plan.arena, offsetof<Evaluator>());
  if (address != 0) changetype<Evaluator>(address).node = changetype<usize>(node);
  return address;
}

export function enterEvaluator(address: usize): void {
  const name = changetype<Node>(changetype<Evaluator>(address).node).key;
  // Of two of one name, which is a problem of its own, the first.
  if (find(evaluators, name) == ABSENT) insert(reading, evaluators, name, address as u32);
}

/** The shared rule of this name; 0 when there is none. */
export function evaluatorOf(name: Slice): usize {
  const found = find(evaluators, name);
  return found == ABSENT ? 0 : (found as usize);
}

/** The member of `{"$ref": name}`; 0 when the node is anything else. */
export function referenceIn(node: Node): usize {
  if (node.kind != KIND_OBJECT || node.count != 1) return 0;
  return isWord(changetype<Node>(node.first).key, "$ref") ? node.first : 0;
}

/** The first reference in a value; 0 when there is none. */
export function firstReference(node: Node): usize {
  const root = changetype<usize>(node);
  for (let at = root; at != 0; at = nextBelow(root, at)) {
    const member = referenceIn(changetype<Node>(at));
    if (member != 0) return member;
  }
  return 0;
}

/** What `{"$ref": name}` stands for where it names data, the node itself otherwise. */
export function shared(node: Node): usize {
  const member = referenceIn(node);
  if (member == 0 || changetype<Node>(member).kind != KIND_STRING) return changetype<usize>(node);
  const found = evaluatorOf(changetype<Node>(member).text);
  if (found == 0) return changetype<usize>(node);
  const evaluator = changetype<Evaluator>(found);
  return evaluator.rule != 0 || evaluator.isBroken ? changetype<usize>(node) : evaluator.node;
}
