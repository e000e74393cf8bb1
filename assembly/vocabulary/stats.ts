// Stat names, in one place: the filter defines them, the tools read them back from Envoy's admin.

/** What Envoy puts before each of them in `/stats`. */
export const STAT_NAMESPACE = "wasmcustom.";
/** `serin.rollout.<rollout>.<variant>.<leaf>` */
export const STAT_ROLLOUT = "serin.rollout.";
export const STAT_RQ_TOTAL = "rq_total";
export const STAT_RQ_1XX = "rq_1xx";
export const STAT_RQ_2XX = "rq_2xx";
export const STAT_RQ_3XX = "rq_3xx";
export const STAT_RQ_4XX = "rq_4xx";
export const STAT_RQ_5XX = "rq_5xx";
/** The answer was cut, or never came, and it was not the client who left. */
export const STAT_RQ_RESET = "rq_reset";
/** The client left before the answer was whole. */
export const STAT_RQ_LEFT = "rq_left";
/** Gauge: the share asked for, in thousandths of a percent. */
export const STAT_SHARE = "share";
/** Histogram: milliseconds. */
export const STAT_RQ_TIME = "rq_time";
/** Gauge: requests in flight. */
export const STAT_RQ_ACTIVE = "rq_active";
/** Of gRPC requests whose answer came to its end: with grpc-status 0, with another. */
export const STAT_GRPC_OK = "grpc_ok";
export const STAT_GRPC_ERROR = "grpc_error";
/** Envoy answered 503 because a circuit breaker was open or no host was healthy. */
export const STAT_RQ_OVERFLOW = "rq_overflow";
/** Gauges: how many distinct users of this evidence period were given the variant, and met what they say. */
export const STAT_USERS = "users";
export const STAT_USERS_ERROR = "users_error";
export const STAT_USERS_OK = "users_ok";
export const STAT_USERS_3XX = "users_3xx";
export const STAT_USERS_4XX = "users_4xx";
/** `users_slow.<ms>`: one for each threshold of `slow`. */
export const STAT_USERS_SLOW = "users_slow";
/** `serin.rollout.<rollout>.<leaf>`, gauges: unix seconds at which the period began; 1, 2, 3 … since the process
 * began, 0 while there is no evidence; bits of the bitmaps, 0 where each request is a user; unix seconds at which the
 * shares changed. None of the names can be a variant's: those have no underscores. */
export const STAT_EVIDENCE_BEGAN = "evidence_began";
export const STAT_EVIDENCE_PERIOD = "evidence_period";
export const STAT_EVIDENCE_BITS = "evidence_bits";
export const STAT_SHARES_BEGAN = "shares_began";
/** In a variant's place: the default's control group. */
export const STAT_CONTROL = "control";
/** `serin.flag.<key>.<variant>` */
export const STAT_FLAG = "serin.flag.";
/** `serin.shadow.<name>.<leaf>` */
export const STAT_SHADOW = "serin.shadow.";
export const STAT_SENT = "sent";
export const STAT_OVER_BUDGET = "over_budget";
export const STAT_TOO_LARGE = "too_large";
export const STAT_UNAVAILABLE = "unavailable";
/** One of these for each copy that was sent. */
export const STAT_MATCH = "match";
export const STAT_MISMATCH_STATUS = "mismatch_status";
export const STAT_MISMATCH_BODY = "mismatch_body";
export const STAT_TIMEOUT = "timeout";
export const STAT_RESET = "reset";
export const STAT_NOISE = "noise";
/** Histogram beside STAT_RQ_TIME: production's own time for the same requests. */
export const STAT_PRODUCTION_RQ_TIME = "production_rq_time";
export const STAT_POLICY_LOADED = "serin.policy.loaded";
export const STAT_POLICY_REJECTED = "serin.policy.rejected";
export const STAT_ERROR = "serin.error";

// Labels that Prometheus sees in place of parts of the names: see tools/project/generate/stats-tags.ts.

export const LABEL_ROLLOUT = "serin_rollout";
export const LABEL_VARIANT = "serin_variant";
/** Milliseconds of a threshold of `slow`. */
export const LABEL_SLOW = "serin_slow";
export const LABEL_FLAG = "serin_flag";
export const LABEL_SHADOW = "serin_shadow";
