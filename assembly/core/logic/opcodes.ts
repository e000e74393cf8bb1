// The instructions of a compiled rule: postfix, two words each (operation, operand), run over a stack of values whose
// depth is known when the policy is loaded.

/** What an instruction does. */
export const enum Op {
  /** Pushes a copy of the constant at the operand's address. */
  Const,
  /** Pushes what the Variable at the operand's address names. */
  Var,
  /** Replaces a path by what it names. */
  VarOf,
  /** Drops the top. */
  Pop,
  /** Goes on at the operand. */
  Jump,
  /** Drops the top and goes on at the operand if it was falsy. */
  JumpIfFalsy,
  /** Goes on at the operand if the top is falsy, which stays. */
  JumpFalsyKeep,
  /** Goes on at the operand if the top is truthy, which stays. */
  JumpTruthyKeep,
  /** Goes on at the operand if the top is not null, which stays. */
  JumpNotNullKeep,
  /** Runs the shared rule at the operand and comes back with its result on top. */
  Call,
  /** Ends the rule, or comes back to its caller. */
  Return,
  /** Fails: the rule could not be compiled. The operand is a RuleError. */
  Fail,

  // Iterators: the list is on top (reduce: the start value above it); the operand is where they end.
  Map,
  Filter,
  All,
  Some,
  None,
  Reduce,
  /** One more item's result is on top; the operand is the body's begin. */
  Next,

  // Operators: the operand is the number of arguments, or SPREAD.
  Array,
  Eq,
  Ne,
  Same,
  NotSame,
  Gt,
  Ge,
  Lt,
  Le,
  Not,
  Truthy,
  Add,
  Sub,
  Mul,
  Div,
  Mod,
  Max,
  Min,
  Merge,
  Cat,
  In,
  Missing,
  MissingSome,
  StartsWith,
  EndsWith,
  SemVer,
  Fractional,
  Substr,

  // Operators whose constant operands were worked out when the policy was loaded: the operand is where they are.
  /** Whether the top is one of the texts of a Table. */
  InSet = 64,
  /** `sem_ver` of the top with a Comparison. */
  SemVerWith,
  /** As Op.SemVerWith, the Comparison's version on the left; the values below the top are replaced by the result. */
  SemVerAfter,
}

/** The argument was no list in the rule: one value is on the stack, and if it is an array, its items are meant. */
export const SPREAD: u32 = 0xffffffff;

/** Bytes of one instruction. */
export const INSTRUCTION: u32 = (2 * sizeof<u32>()) as u32;

/** Why a rule has no result. */
export const enum RuleError {
  None,
  /** The rule could not be compiled: flagd's PARSE_ERROR. */
  Parse,
  /** An operator failed: flagd's GENERAL. */
  General,
  /** The request's work was spent: flagd's GENERAL, and counted in `serin.error`. */
  Work,
}
