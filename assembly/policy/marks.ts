// Where in the policy the conditions of the rules are, for explanations.

import { fixed } from "../bytes/records";
import { lengthOf } from "../bytes/slice";
import { restartText, textOf, Writer } from "../bytes/writer";
import { Mark } from "../core/rule-plan";
import { kept, build, record } from "./build";
import { Node } from "./node";
import { putPointer } from "./problems";

/** The pointer of each condition repeats its flag's key, which may be long: above this many bytes, no more are kept. */
const MOST_BYTES: u32 = 32 << 20;

/** Marks of the rule that is being compiled, their `at` an offset still. */
let marks: Mark | null = null;
let bytes: u32 = 0;
const pointer: Writer = fixed<Writer>();

/** Before the first rule of a policy. */
export function beginMarks(): void {
  marks = null;
  bytes = 0;
}

/** Notes that the instruction at `offset` looks at the condition at `node`. */
export function mark(offset: u32, node: Node | null): void {
  if (bytes > MOST_BYTES) return;
  const noted = record<Mark>();
  if (!noted) return;
  restartText(pointer);
  putPointer(pointer, node);
  noted.pointer = kept(textOf(pointer));
  bytes += (offsetof<Mark>() as u32) + lengthOf(noted.pointer);
  noted.at = offset;
  noted.next = marks;
  marks = noted;
}

/** The marks of a rule get the place of its program. */
export function placeMarks(program: usize): void {
  let noted = marks;
  while (noted) {
    const next = noted.next;
    noted.at += program;
    noted.next = build.plan.marks;
    build.plan.marks = noted;
    noted = next;
  }
  marks = null;
}

export function dropMarks(): void {
  marks = null;
}
