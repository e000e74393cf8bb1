// The instructions of a rule while it is compiled: jumps are offsets until the code has its place in the plan.

import { Arena, take } from "../bytes/arena";
import { INSTRUCTION, Op } from "../core/logic/opcodes";

let arena: Arena = changetype<Arena>(0);
let code: usize = 0;
let room: u32 = 0;
let written: u32 = 0;
let depth: u32 = 0;
let most: u32 = 0;
/** The last target of a jump: code before it is one of several ways there and cannot be changed. */
let landing: u32 = 0;

const FIRST: u32 = 1024;

/** Bytes of the program so far. */
// @ts-ignore: decorator
@inline
export function codeLength(): u32 {
  return written;
}

/** The most values that were on the stack at once. */
// @ts-ignore: decorator
@inline
export function deepest(): u32 {
  return most;
}

/** Begins a program; `reading` is the arena of the policy's reading. */
export function beginCode(reading: Arena): void {
  arena = reading;
  if (code == 0 || room == 0) {
    code = take(arena, FIRST);
    room = code == 0 ? 0 : FIRST;
  }
  written = 0;
  depth = 0;
  most = 0;
  landing = 0;
}

/** Forgets the buffer: it goes with the arena that it is in. */
export function endCode(): void {
  code = 0;
  room = 0;
}

/** Writes an instruction that leaves `change` more values on the stack. @returns its offset */
export function emit(op: Op, operand: u32, change: i32): u32 {
  const at = written;
  if (at + INSTRUCTION > room) {
    const fresh = take(arena, (room as usize) << 1);
    if (fresh == 0) return at;
    memory.copy(fresh, code, written);
    code = fresh;
    room <<= 1;
  }
  store<u32>(code + at, op);
  store<u32>(code + at, operand, 4);
  written += INSTRUCTION;
  adjust(change);
  return at;
}

/** The stack has `change` more values from here on. */
export function adjust(change: i32): void {
  depth = (depth as i32) + change > 0 ? (((depth as i32) + change) as u32) : 0;
  if (depth > most) most = depth;
}

/** The stack may hold `more` values beyond what it holds here: a shared rule's. */
export function reserve(more: u32): void {
  if (depth + more > most) most = depth + more;
}

/** Whether the last `count` instructions run one after another, and no others in place of any of them. */
export function isStraight(count: u32): bool {
  return landing + count * INSTRUCTION <= written;
}

/** The operation of an instruction. */
export function operationAt(offset: u32): Op {
  return offset + INSTRUCTION > written ? Op.Next : load<u32>(code + offset);
}

/** Where the code is for now: good until the next `emit`. */
export function codeAddress(offset: u32): usize {
  return code + offset;
}

/** Takes back the instructions from `offset` on, which left `change` more values on the stack. */
export function rewind(offset: u32, change: i32): void {
  written = offset;
  adjust(-change);
}

/** The operand of an instruction. */
export function operandAt(offset: u32): u32 {
  return offset + INSTRUCTION > written ? 0 : load<u32>(code + offset, 4);
}

/** The jump at `offset` leads to what is written next. */
export function landJump(offset: u32): void {
  landing = written;
  if (offset + INSTRUCTION <= written) store<u32>(code + offset, written, 4);
}

function isJump(op: Op): bool {
  return (
    op == Op.Jump ||
    op == Op.JumpIfFalsy ||
    op == Op.JumpFalsyKeep ||
    op == Op.JumpTruthyKeep ||
    op == Op.JumpNotNullKeep ||
    op == Op.Map ||
    op == Op.Filter ||
    op == Op.All ||
    op == Op.Some ||
    op == Op.None ||
    op == Op.Reduce ||
    op == Op.Next
  );
}

/** The program in its place for good, jumps as addresses; 0 without memory. */
export function placeCode(owner: Arena): usize {
  const program = take(owner, written);
  if (program == 0 || code == 0) return 0;
  memory.copy(program, code, written);
  for (let at: u32 = 0; at < written; at += INSTRUCTION) {
    if (isJump(load<u32>(program + at)))
      store<u32>(program + at, load<u32>(program + at, 4) + (program as u32), 4);
  }
  return program;
}
