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
/** Methods, and header changes, of one shadow. */
export const LIMIT_SHADOW_LIST = 64;
/** JSON Pointers to what may differ. */
export const LIMIT_IGNORED = 64;
/** Bytes of a body that a call may copy and compare. */
export const LIMIT_BODY_BYTES = 1048576;
/** Copies of one shadow in flight on a worker, and a second. */
export const LIMIT_IN_FLIGHT = 1000;
export const LIMIT_PER_SECOND = 100000;
/** Milliseconds that an answer may be waited for. */
export const LEAST_TIMEOUT_MS = 50;
export const LIMIT_TIMEOUT_MS = 60000;
/** Sources of one identity list. */
export const LIMIT_SOURCES = 16;
/** Members of one object of `flagd.context`: each path of a rule is looked for among them. */
export const LIMIT_CONTEXT = 1024;
/** Operators of one rule. */
export const LIMIT_OPERATORS = 4096;
/** Instructions of all rules together: no text that says each rule once comes near, `$ref` to long lists may. */
export const LIMIT_INSTRUCTIONS = 4194304;
/** Problems that one refusal names. */
export const LIMIT_PROBLEMS = 20;
/** Bytes of a host that a match names. */
export const LIMIT_HOST_BYTES = 253;
/** Bytes of a path that a match names. */
export const LIMIT_PATH_BYTES = 2048;
/** Bytes of a cluster's name. */
export const LIMIT_CLUSTER_BYTES = 1024;
/** Bytes of a salt. */
export const LIMIT_SALT_BYTES = 1024;
/** Bytes of what makes a steering header unguessable. */
export const LIMIT_HEADER_SECRET_BYTES = 128;
/** Thresholds of one rollout's `slow`, and the longest of them; the longest `warmup`: a day. */
export const LIMIT_SLOW = 6;
export const LIMIT_SLOW_MS = 3600000;
export const LIMIT_WARMUP_MS = 86400000;
export const LIMIT_EPOCH = 100000000;
