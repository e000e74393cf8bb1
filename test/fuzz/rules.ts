// Rules of flags for fuzzing.

import fc from "fast-check";

const OPERATORS =
  "var missing missing_some if == === != !== > >= < <= ! !! or and + - * / % max min merge cat in map filter reduce all some none starts_with ends_with sem_ver fractional $ref substr ?:".split(
    " ",
  );
const word = fc.oneof(
  fc.constantFrom(
    "",
    "a",
    "a.b",
    "a.0",
    "$flagd.timestamp",
    "targetingKey",
    "current",
    "accumulator",
    "1.2.3",
    "shared",
  ),
  fc.string({ maxLength: 8 }),
);

/** Rules as a fuzzer writes them: known operators over anything. */
export const { rule } = fc.letrec<{ rule: unknown }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 6 },
    fc.oneof(word, fc.double(), fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie("rule"), { maxLength: 5 }),
    fc
      .tuple(fc.constantFrom(...OPERATORS), fc.oneof(tie("rule"), fc.array(tie("rule"), { maxLength: 5 })))
      .map(([o, a]) => ({ [o]: a })),
    fc.dictionary(word, tie("rule"), { maxKeys: 3 }),
  ),
}));
