// The shared rules of a policy, `$evaluators`: what `{"$ref": name}` stands for.

import { Token } from "../bytes/json-reader";
import { isWord, Slice } from "../bytes/slice";
import { ABSENT, find, insert, newTable, Table } from "../bytes/table";
import { Rule } from "../core/rule-plan";
import { build, record } from "./build";
import { nextBelow, Node } from "./node";

/** A shared rule. */
@unmanaged
export class Evaluator {
  node: Node;
  /** Null when it is data, or could not be compiled. */
  rule: Rule | null;
  isBroken: bool;
  /** The first name in it that no request has. */
  unknown: Node | null;
  /** Its texts are known as paths, and what has to be known before they are followed. */
  isNamed: bool;
  usesKey: bool;
  usesAddress: bool;
}

let evaluators: Table = changetype<Table>(0);

/** Forgets the shared rules of the last policy. */
export function beginEvaluators(): void {
  evaluators = newTable(build.reading);
}

/** A new shared rule, which nothing can name before it is entered; null without memory. */
export function newEvaluator(node: Node): Evaluator | null {
  const evaluator = record<Evaluator>();
  if (evaluator) evaluator.node = node;
  return evaluator;
}

export function enterEvaluator(evaluator: Evaluator): void {
  const name = evaluator.node.key;
  // Of two of one name, which is a problem of its own, the first.
  if (find(evaluators, name) == ABSENT)
    insert(build.reading, evaluators, name, changetype<usize>(evaluator) as u32);
}

/** The shared rule of this name; null when there is none. */
export function evaluatorOf(name: Slice): Evaluator | null {
  const found = find(evaluators, name);
  return found == ABSENT ? null : changetype<Evaluator>(found);
}

/** The member of `{"$ref": name}`; null when the node is anything else. */
export function referenceIn(node: Node): Node | null {
  if (node.kind != Token.Object || node.count != 1) return null;
  return isWord(node.head.key, "$ref") ? node.first : null;
}

/** The first reference in a value; null when there is none. */
export function firstReference(root: Node): Node | null {
  for (let node: Node | null = root; node; node = nextBelow(root, node)) {
    const member = referenceIn(node);
    if (member) return member;
  }
  return null;
}

/** What `{"$ref": name}` stands for where it names data, the node itself otherwise. */
export function shared(node: Node): Node {
  const member = referenceIn(node);
  if (!member || member.kind != Token.String) return node;
  const evaluator = evaluatorOf(member.text);
  return !evaluator || evaluator.rule || evaluator.isBroken ? node : evaluator.node;
}
