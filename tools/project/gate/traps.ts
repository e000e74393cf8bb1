// Finds every place where the module could trap. A trap in one request answers an empty 503 to every request in
// flight on that worker, under each of Envoy's failure policies: so the count has to be 0.

import { lists, words, type Node } from "./text.ts";

/** One place that could trap, and what a person needs to find it. */
export interface Trap {
  kind: TrapKind;
  /** The function as the compiler names it: `assembly/core/decide/decide`. */
  inFunction: string;
  /** `file:line:column`, where the source map knows it (code is inlined, so the function may be the caller). */
  source?: string;
  detail: string;
}

export type TrapKind =
  "unreachable" | "division" | "truncation" | "indirect call" | "recursion" | "memory growth" | "other";

export const TRAP_KINDS: readonly TrapKind[] = [
  "unreachable",
  "division",
  "truncation",
  "indirect call",
  "recursion",
  "memory growth",
  "other",
];

const DIVISION = /^i(32|64)\.(div|rem)_([su])$/;
const TRUNCATION = /^i(32|64)\.trunc_f(32|64)_[su]$/;
// Table, reference, exception and passive-segment instructions: none is needed, each has ways to trap.
const OTHER =
  /^(table\.|memory\.init|data\.drop|elem\.drop|ref\.|throw|try|array\.|struct\.|i31\.|call_ref|return_call)/;

/** Every place in this module that could trap, in the order of the text. */
export function findTraps(module: Node): Trap[] {
  const traps: Trap[] = [];
  const calls = new Map<string, Set<string>>();
  const growers = new Map<string, Trap>();
  for (const func of lists(module)) {
    if (func.head !== "func") continue;
    const name = nameOf(func);
    const callees = new Set<string>();
    calls.set(name, callees);
    walk(func, (node) => {
      const add = (kind: TrapKind, detail: string): void => {
        traps.push({ kind, inFunction: name, detail, ...(node.source ? { source: node.source } : {}) });
      };
      if (node.head === "unreachable") add("unreachable", "throw, failed assertion or bounds check");
      else if (DIVISION.test(node.head)) {
        const problem = divisionProblem(node);
        if (problem !== null) add("division", problem);
      } else if (TRUNCATION.test(node.head)) add("truncation", `${node.head} traps on NaN and out of range`);
      else if (node.head === "call_indirect" || node.head === "return_call_indirect") {
        add("indirect call", "call through a table");
      } else if (node.head === "memory.grow") {
        const at = node.source ? { source: node.source } : {};
        growers.set(name, { kind: "memory growth", inFunction: name, detail: "memory.grow", ...at });
      } else if (OTHER.test(node.head)) add("other", node.head);
      else if (node.head === "call") callees.add(withoutSigil(words(node)[0] ?? ""));
    });
  }
  for (const cycle of findCycles(calls)) {
    traps.push({
      kind: "recursion",
      inFunction: cycle[0] as string,
      detail: `${[...cycle, cycle[0]].join(" -> ")} has no bound on the stack`,
    });
  }
  // Growing may fail: one function that handles it is reviewed, a second one is not.
  if (growers.size > 1) {
    for (const grower of growers.values()) {
      traps.push({ ...grower, detail: `memory.grow in ${growers.size} functions, where one may` });
    }
  }
  return traps;
}

/** Why this division or remainder could trap, or null when its divisor is a constant that cannot. */
function divisionProblem(node: Node): string | null {
  const operands = lists(node);
  const divisor = operands[operands.length - 1];
  if (divisor === undefined || !/^i(32|64)\.const$/.test(divisor.head)) return `${node.head} by a variable`;
  const value = words(divisor)[0];
  if (value === "0") return `${node.head} by 0`;
  // The smallest integer divided by -1 overflows; the remainder is defined.
  if (value === "-1" && /div_s$/.test(node.head)) return `${node.head} by -1`;
  return null;
}

function walk(node: Node, visit: (node: Node) => void): void {
  const waiting = lists(node).reverse();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    visit(next);
    waiting.push(...lists(next).reverse());
  }
}

function nameOf(func: Node): string {
  return withoutSigil(words(func)[0] ?? "?");
}

function withoutSigil(name: string): string {
  return name.replace(/^\$/, "").replace(/^"(.*)"$/, "$1");
}

/** The groups of functions that can reach themselves (Tarjan's strongly connected components). */
export function findCycles(calls: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const cycles: string[][] = [];
  const visit = (name: string): void => {
    order.set(name, order.size);
    low.set(name, order.get(name) as number);
    stack.push(name);
    onStack.add(name);
    for (const callee of calls.get(name) ?? []) {
      if (!calls.has(callee)) continue;
      if (!order.has(callee)) {
        visit(callee);
        low.set(name, Math.min(low.get(name) as number, low.get(callee) as number));
      } else if (onStack.has(callee)) {
        low.set(name, Math.min(low.get(name) as number, order.get(callee) as number));
      }
    }
    if (low.get(name) !== order.get(name)) return;
    const group: string[] = [];
    let member: string;
    do {
      member = stack.pop() as string;
      onStack.delete(member);
      group.unshift(member);
    } while (member !== name);
    if (group.length > 1 || calls.get(name)?.has(name)) cycles.push(group);
  };
  for (const name of calls.keys()) if (!order.has(name)) visit(name);
  return cycles;
}
