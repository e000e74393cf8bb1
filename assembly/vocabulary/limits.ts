// The limits of a policy, each with a problem of its own when it is passed.

/** Bytes of the policy's text. */
export const POLICY_BYTES = 4194304;
/** Nested objects and arrays. */
export const DEPTH = 64;
export const ROLLOUTS = 16384;
/** Rollouts that every request meets: without match, or with an entry of it that holds for all. */
export const UNBOUND_ROLLOUTS = 256;
export const VARIANTS = 16;
export const MATCH_ENTRIES = 256;
export const FLAGS = 10000;
export const SHADOWS = 256;
/** Goals, and pairs of a goal and a rollout that it is counted for. */
export const GOALS = 32;
export const GOAL_PAIRS = 256;
/** Statuses that one goal names; the most of `value.max`. */
export const GOAL_STATUSES = 64;
export const GOAL_VALUE = 100000000;
/** Characters of `shadowSecret`; effects; bytes of an effect's answer, and of a call's body that is kept to be compared. */
export const LEAST_SHADOW_SECRET = 16;
export const SHADOW_SECRET = 128;
export const EFFECTS = 64;
export const ANSWER_BYTES = 65536;
export const EFFECT_BODY_BYTES = 16384;
/** Methods, and header changes, of one shadow. */
export const SHADOW_LIST = 64;
/** Headers of the answers that one shadow compares. */
export const COMPARED_HEADERS = 16;
/** JSON Pointers to what may differ. */
export const IGNORED = 64;
/** Answers in a row of `fallback.after`; milliseconds of `fallback.for`. */
export const FALLBACK_AFTER = 1000;
export const LEAST_FALLBACK_MS = 1000;
export const FALLBACK_MS = 3600000;
/** Bytes of a body that a call may copy and compare. */
export const BODY_BYTES = 1048576;
/** Copies of one shadow in flight on a worker, and a second. */
export const IN_FLIGHT = 1000;
export const PER_SECOND = 100000;
/** Milliseconds that an answer may be waited for. */
export const LEAST_TIMEOUT_MS = 50;
export const TIMEOUT_MS = 60000;
/** Sources of one identity list. */
export const SOURCES = 16;
/** Members of one object of `flagd.context`: each path of a rule is looked for among them. */
export const CONTEXT = 1024;
/** Steps that the rules of one request may take in all: unless the policy says how many, and the most that it may say. */
export const WORK = 200000;
export const MOST_WORK = 1000000;
/** Operators of one rule. */
export const OPERATORS = 4096;
/** Instructions of all rules together: no text that says each rule once comes near, `$ref` to long lists may. */
export const INSTRUCTIONS = 4194304;
/** Problems that one refusal names. */
export const PROBLEMS = 20;
/** Bytes of a host that a match names. */
export const HOST_BYTES = 253;
/** Bytes of a path that a match names. */
export const PATH_BYTES = 2048;
/** Regular expressions of one policy; bytes and states of each. */
export const EXPRESSIONS = 256;
export const EXPRESSION_BYTES = 1024;
export const EXPRESSION_STATES = 4096;
/** Address ranges of one match entry. */
export const ADDRESS_RANGES = 256;
/** Bytes of a cluster's name. */
export const CLUSTER_BYTES = 1024;
/** Bytes of a salt. */
export const SALT_BYTES = 1024;
/** Bytes of what makes a steering header unguessable. */
export const HEADER_SECRET_BYTES = 128;
/** Thresholds of one rollout's `slow`, and the longest of them; the longest `warmup`: a day. */
export const SLOW = 6;
export const SLOW_MS = 3600000;
export const WARMUP_MS = 86400000;
export const EPOCH = 100000000;
/** Steps of a ramp. */
export const STEPS = 32;
/** A guard's promise of false alarms. */
export const LEAST_FALSE_ALARM = 0.000001;
export const FALSE_ALARM = 0.1;
