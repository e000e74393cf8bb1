// Stat names, in one place: the filter defines them, the tools read them back from Envoy's admin.

/** What Envoy puts before each of them in `/stats`. */
export const NAMESPACE = "wasmcustom.";
/** `serin.rollout.<rollout>.<variant>.<leaf>` */
export const ROLLOUT = "serin.rollout.";
export const RQ_TOTAL = "rq_total";
export const RQ_1XX = "rq_1xx";
export const RQ_2XX = "rq_2xx";
export const RQ_3XX = "rq_3xx";
export const RQ_4XX = "rq_4xx";
export const RQ_5XX = "rq_5xx";
/** The answer was cut, or never came, and it was not the client who left. */
export const RQ_RESET = "rq_reset";
/** The client left before the answer was whole. */
export const RQ_LEFT = "rq_left";
/** Gauge: the share asked for, in thousandths of a percent. */
export const SHARE = "share";
/** Histogram: milliseconds. */
export const RQ_TIME = "rq_time";
/** Gauge: requests in flight. */
export const RQ_ACTIVE = "rq_active";
/** Of gRPC requests whose answer came to its end: with grpc-status 0, with another. */
export const GRPC_OK = "grpc_ok";
export const GRPC_ERROR = "grpc_error";
/** Envoy answered 503 because a circuit breaker was open or no host was healthy. */
export const RQ_OVERFLOW = "rq_overflow";
/** Of rollouts with `retries: true`: requests that Envoy sent to an upstream more than once. */
export const RQ_RETRIED = "rq_retried";
/** Gauges: how many distinct users of this evidence period were given the variant, and met what they say. */
export const USERS = "users";
export const USERS_ERROR = "users_error";
export const USERS_OK = "users_ok";
export const USERS_3XX = "users_3xx";
export const USERS_4XX = "users_4xx";
/** `users_slow.<ms>`: one for each threshold of `slow`. */
export const USERS_SLOW = "users_slow";
/** `users_goal.<goal>`: they reached the goal, whether or not they met the rollout. */
export const USERS_GOAL = "users_goal";
/** `goal.<goal>.value`, a gauge of the evidence period: what a response header said, in thousandths, each time that a
 * user was counted in USERS_GOAL. Only for goals with a `value`. */
export const GOAL = "goal";
export const GOAL_VALUE = "value";
/** Gauge, of variants that a guard watches and of the control group: requests of this period's users that have ended. */
export const RQ_ENDED = "rq_ended";
/** Gauge, of variants that a guard watches: 0 watching, 1 alarm, 2 rolled back. */
export const GUARD = "guard";
/** Of variants with `fallback`: a request of its users was given the default, since its cluster does not answer. */
export const RQ_FALLBACK = "rq_fallback";
/** Gauge, of variants with `fallback`: 0 its cluster answers, 1 Envoy had to answer for it, 2 its users get the default. */
export const FALLBACK = "fallback";
/** Gauge, of the same: unix seconds at which one of its users was last given the default. */
export const FALLBACK_LAST = "fallback_last";
/** `serin.rollout.<rollout>.<leaf>`, gauges: unix seconds at which the period began; 1, 2, 3 … since the process
 * began, 0 while there is no evidence; bits of the bitmaps, 0 where each request is a user; unix seconds at which the
 * shares changed; the rollout's epoch, as the period has it; why there is no evidence. None of the names can be a
 * variant's: those have no underscores. */
export const EVIDENCE_BEGAN = "evidence_began";
export const EVIDENCE_PERIOD = "evidence_period";
export const EVIDENCE_BITS = "evidence_bits";
export const SHARES_BEGAN = "shares_began";
export const EVIDENCE_EPOCH = "evidence_epoch";
export const EVIDENCE_NONE = "evidence_none";
/** In a variant's place: the default's control group. */
export const CONTROL = "control";
/** `serin.flag.<key>.<variant>` */
export const FLAG = "serin.flag.";
/** `serin.shadow.<name>.<leaf>` */
export const SHADOW = "serin.shadow.";
export const SENT = "sent";
export const OVER_BUDGET = "over_budget";
export const TOO_LARGE = "too_large";
export const UNAVAILABLE = "unavailable";
/** One of these for each copy that was sent. */
export const MATCH = "match";
export const MISMATCH_STATUS = "mismatch_status";
export const MISMATCH_HEADERS = "mismatch_headers";
export const MISMATCH_BODY = "mismatch_body";
export const TIMEOUT = "timeout";
export const RESET = "reset";
export const NOISE = "noise";
/** The two answers say nothing about each other. */
export const INCOMPARABLE = "incomparable";
/** `at.<place>`: copies whose bodies differ there. A place is a JSON Pointer with `*` for what may be data, `/` for the
 * whole body, or AT_OTHER for what is past a shadow's most places. */
export const AT = "at";
export const AT_OTHER = "other";
/** Beside the verdicts, of shadows with a `noise` instance: it differed from production where the shadow did not; of NOISE,
 * copies of which nothing else could be compared; of mismatches, those for which it gave no answer. */
export const NOISE_ONLY = "noise_only";
export const NOISE_WHOLE = "noise_whole";
export const NOISE_MISSING = "noise_missing";
/** Gauges beside USERS, of shadows with `sample: identity`: users of this evidence period with a mismatch, and for whom the
 * `noise` instance differed where the shadow did not. */
export const USERS_MISMATCH = "users_mismatch";
export const USERS_NOISE_ONLY = "users_noise_only";
/** Histogram beside RQ_TIME: production's own time for the same requests. */
export const PRODUCTION_RQ_TIME = "production_rq_time";
/** `serin.effect.<name>.<leaf>`: calls of shadows that the effect names; MATCH beside these, one each once they are judged. */
export const EFFECT = "serin.effect.";
export const TOTAL = "total";
/** Paired with production's call of the same x-request-id, and another one. */
export const MISMATCH = "mismatch";
/** Production's call that the shadow did not make. */
export const MISSING = "missing";
/** The shadow's call that production did not make, while others of that request paired; and without any that paired. */
export const EXTRA = "extra";
export const UNPAIRED = "unpaired";
export const POLICY_LOADED = "serin.policy.loaded";
export const POLICY_REJECTED = "serin.policy.rejected";
/** Gauge: the first 48 bits of the SHA-256 of the configuration's text that is served, as an unsigned number; 0 while
 * plugins of one VM serve different policies. */
export const POLICY_DIGEST = "serin.policy.digest";
/** Gauge: MODULE_VERSION of version.ts. */
export const MODULE_VERSION = "serin.module.version";
export const ERROR = "serin.error";

// Labels that Prometheus sees in place of parts of the names: see tools/project/generate/stats-tags.ts.

export const LABEL_ROLLOUT = "serin_rollout";
export const LABEL_VARIANT = "serin_variant";
/** Milliseconds of a threshold of `slow`. */
export const LABEL_SLOW = "serin_slow";
/** The goal of USERS_GOAL and of `goal.<goal>.value`. */
export const LABEL_GOAL = "serin_goal";
export const LABEL_FLAG = "serin_flag";
export const LABEL_SHADOW = "serin_shadow";
export const LABEL_EFFECT = "serin_effect";
/** The place of `at.<place>`. */
export const LABEL_POINTER = "serin_pointer";
