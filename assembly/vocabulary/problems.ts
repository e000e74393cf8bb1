// What can be wrong with a policy: one word a kind, in the problem lines and in `serin validate --json`.

/** The text is not JSON (or YAML, for the command line). */
export const SYNTAX = "syntax";
/** Bytes that are not UTF-8, or an escape that is half a surrogate pair. */
export const ENCODING = "encoding";
/** A member whose name the object has already. */
export const DUPLICATE_KEY = "duplicate-key";
/** A member that Serin does not know. */
export const UNKNOWN_KEY = "unknown-key";
/** A member that has to be there and is not. */
export const MISSING_KEY = "missing-key";
/** Another JSON type than the one expected. */
export const TYPE = "type";
/** The right type, but not an allowed value. */
export const VALUE = "value";
/** A number outside its range, or finer than its step. */
export const RANGE = "range";
/** A name with characters that are not allowed, or one that is taken. */
export const NAME = "name";
/** A reference to something that is not there. */
export const REFERENCE = "reference";
/** A JsonLogic operator that Serin does not know. */
export const OPERATOR = "unknown-operator";
/** Two things that exclude each other. */
export const CONFLICT = "conflict";
/** A limit of the product. */
export const LIMIT = "limit";
/** A warning: rollouts without any identity. */
export const NO_IDENTITY = "no-identity";
/** A warning: an identity that another one comes before when its user logs in. */
export const LOGIN_MOVES_USERS = "login-moves-users";
/** A warning: an identity that is not the client's address, though it looks like it. */
export const CLIENT_ADDRESS = "client-address";
/** A warning: something that can never have an effect. */
export const NO_EFFECT = "no-effect";
/** A warning: a name in a flag that the proxy has no value for; applications may have one. */
export const UNKNOWN_NAME = "unknown-name";
/** A warning of `serin publish`: users change variants though no weight asks for it. */
export const MOVES_USERS = "moves-users";
/** A warning: a corner of JsonLogic in which flagd's evaluators differ. */
export const PORTABILITY = "portability";
