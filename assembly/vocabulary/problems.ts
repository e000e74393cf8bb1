// What can be wrong with a policy: one word a kind, in the problem lines and in `serin validate --json`.

/** The text is no JSON (or YAML, for the command line). */
export const CODE_SYNTAX = "syntax";
/** Bytes that are no UTF-8, or an escape that is half a surrogate pair. */
export const CODE_ENCODING = "encoding";
/** A member whose name the object has already. */
export const CODE_DUPLICATE_KEY = "duplicate-key";
/** A member that Serin does not know. */
export const CODE_UNKNOWN_KEY = "unknown-key";
/** A member that has to be there and is not. */
export const CODE_MISSING_KEY = "missing-key";
/** Another JSON type than the one expected. */
export const CODE_TYPE = "type";
/** The right type, but not an allowed value. */
export const CODE_VALUE = "value";
/** A number outside its range, or finer than its step. */
export const CODE_RANGE = "range";
/** A name that cannot be one, or is taken. */
export const CODE_NAME = "name";
/** A reference to something that is not there. */
export const CODE_REFERENCE = "reference";
/** A JsonLogic operator that Serin does not know. */
export const CODE_OPERATOR = "unknown-operator";
/** Two things that cannot stand together. */
export const CODE_CONFLICT = "conflict";
/** A limit of the product. */
export const CODE_LIMIT = "limit";
/** A warning: rollouts without any identity. */
export const CODE_NO_IDENTITY = "no-identity";
/** A warning: something that can never have an effect. */
export const CODE_NO_EFFECT = "no-effect";
/** A warning of `serin publish`: users change variants though no weight asks for it. */
export const CODE_MOVES_USERS = "moves-users";
/** A warning: a corner of JsonLogic in which flagd's evaluators differ. */
export const CODE_PORTABILITY = "portability";
