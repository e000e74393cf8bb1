// The limits of a policy, each with a problem of its own when it is passed.

/** Bytes of the policy's text. */
export const LIMIT_POLICY_BYTES = 4194304;
/** Nested objects and arrays. */
export const LIMIT_DEPTH = 64;
export const LIMIT_ROLLOUTS = 16384;
export const LIMIT_VARIANTS = 16;
export const LIMIT_MATCH_ENTRIES = 256;
export const LIMIT_FLAGS = 10000;
export const LIMIT_SHADOWS = 256;
/** Sources of one identity list. */
export const LIMIT_SOURCES = 16;
/** Problems that one refusal names. */
export const LIMIT_PROBLEMS = 20;
