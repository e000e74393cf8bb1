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
export const STAT_RQ_RESET = "rq_reset";
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
/** In a variant's place: the default's control group, under `signals: matched`. */
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

// Labels that Prometheus sees in place of parts of the names: see tools/generate/stats-tags.ts.

export const LABEL_ROLLOUT = "serin_rollout";
export const LABEL_VARIANT = "serin_variant";
export const LABEL_FLAG = "serin_flag";
export const LABEL_SHADOW = "serin_shadow";
