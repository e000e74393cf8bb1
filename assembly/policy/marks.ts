// Where in the policy the conditions of the rules stand, for explanations.

import { take } from "../bytes/arena";
import { lengthOf } from "../bytes/slice";
import { restartText, textOf, Writer } from "../bytes/writer";
import { Mark } from "../core/plan";
import { kept, plan } from "./build";
import { putPointer } from "./problems";

/** A flag's long key stands in the place of each of its conditions: beyond so many bytes, conditions have no place. */
const MOST_BYTES: u32 = 32 << 20;

/** Marks of the rule that is being compiled, their `at` an offset still. */
let marks: usize = 0;
let bytes: u32 = 0;
const pointer: Writer = changetype<Writer>(memory.data(32, 8));

/** Before the first rule of a policy. */
export function beginMarks(): void {
  marks = 0;
  bytes = 0;
}

/** Notes that the instruction at `offset` looks at the condition at `node`. */
export function mark(offset: u32, node: usize): void {
  if (bytes > MOST_BYTES) return;
  const address = take(plan.arena, offsetof<Mark>());
  if (address == 0) return;
  const noted = changetype<Mark>(address);
  restartText(pointer);
  putPointer(pointer, node);
  noted.pointer = kept(textOf(pointer));
  bytes += (offsetof<Mark>() as u32) + lengthOf(noted.pointer);
  noted.at = offset;
  noted.next = marks;
  marks = address;
}

/** The marks of a rule get the place of its program. */
export function placeMarks(program: usize): void {
  while (marks != 0) {
    const noted = changetype<Mark>(marks);
    const next = noted.next;
    noted.at += program;
    noted.next = plan.marks;
    plan.marks = marks;
    marks = next;
  }
}

export function dropMarks(): void {
  marks = 0;
}
