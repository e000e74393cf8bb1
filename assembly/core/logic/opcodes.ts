// The instructions of a compiled rule: postfix, two words each (operation, operand), run over a stack of values whose
// depth is known when the policy is loaded.

/** Pushes a copy of the constant at the operand's address. */
export const OP_CONST: u32 = 0;
/** Pushes what the Variable at the operand's address names. */
export const OP_VAR: u32 = 1;
/** Replaces a path by what it names. */
export const OP_VAR_OF: u32 = 2;
/** Drops the top. */
export const OP_POP: u32 = 3;
/** Goes on at the operand. */
export const OP_JUMP: u32 = 4;
/** Drops the top and goes on at the operand if it was falsy. */
export const OP_JUMP_IF_FALSY: u32 = 5;
/** Goes on at the operand if the top is falsy, which stays. */
export const OP_JUMP_FALSY_KEEP: u32 = 6;
/** Goes on at the operand if the top is truthy, which stays. */
export const OP_JUMP_TRUTHY_KEEP: u32 = 7;
/** Goes on at the operand if the top is not null, which stays. */
export const OP_JUMP_NOT_NULL_KEEP: u32 = 8;
/** Runs the shared rule at the operand and comes back with its result on top. */
export const OP_CALL: u32 = 9;
/** Ends the rule, or comes back to its caller. */
export const OP_RETURN: u32 = 10;
/** Fails: the rule could not be compiled. The operand is an ERROR_* code. */
export const OP_FAIL: u32 = 11;

// Iterators: the list is on top (reduce: the start value above it); the operand is where they end.
export const OP_MAP: u32 = 12;
export const OP_FILTER: u32 = 13;
export const OP_ALL: u32 = 14;
export const OP_SOME: u32 = 15;
export const OP_NONE: u32 = 16;
export const OP_REDUCE: u32 = 17;
/** One more item's result is on top; the operand is the body's begin. */
export const OP_NEXT: u32 = 18;

// Operators: the operand is the number of arguments, or SPREAD.
export const OP_ARRAY: u32 = 19;
export const OP_EQ: u32 = 20;
export const OP_NE: u32 = 21;
export const OP_SAME: u32 = 22;
export const OP_NOT_SAME: u32 = 23;
export const OP_GT: u32 = 24;
export const OP_GE: u32 = 25;
export const OP_LT: u32 = 26;
export const OP_LE: u32 = 27;
export const OP_NOT: u32 = 28;
export const OP_TRUTHY: u32 = 29;
export const OP_ADD: u32 = 30;
export const OP_SUB: u32 = 31;
export const OP_MUL: u32 = 32;
export const OP_DIV: u32 = 33;
export const OP_MOD: u32 = 34;
export const OP_MAX: u32 = 35;
export const OP_MIN: u32 = 36;
export const OP_MERGE: u32 = 37;
export const OP_CAT: u32 = 38;
export const OP_IN: u32 = 39;
export const OP_MISSING: u32 = 40;
export const OP_MISSING_SOME: u32 = 41;
export const OP_STARTS_WITH: u32 = 42;
export const OP_ENDS_WITH: u32 = 43;
export const OP_SEM_VER: u32 = 44;
export const OP_FRACTIONAL: u32 = 45;
export const OP_SUBSTR: u32 = 46;

// Operators whose constant operands were worked out when the policy was loaded: the operand is where they are.

/** Whether the top is one of the texts of a Table. */
export const OP_IN_SET: u32 = 64;
/** `sem_ver` of the top with a Comparison. */
export const OP_SEM_VER_WITH: u32 = 65;
/** As OP_SEM_VER_WITH, the Comparison's version on the left; what stands below the top gives way to the result. */
export const OP_SEM_VER_AFTER: u32 = 66;

/** The argument was no list in the rule: one value is on the stack, and if it is an array, its items are meant. */
export const SPREAD: u32 = 0xffffffff;

/** Bytes of one instruction. */
export const INSTRUCTION: u32 = 8;

export const ERROR_NONE: u32 = 0;
/** The rule could not be compiled: flagd's PARSE_ERROR. */
export const ERROR_PARSE: u32 = 1;
/** An operator failed: flagd's GENERAL. */
export const ERROR_GENERAL: u32 = 2;
