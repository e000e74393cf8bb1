// Why a variant was given: OpenFeature's resolution reasons.

export const DISABLED = "DISABLED";
export const TARGETING_MATCH = "TARGETING_MATCH";
export const DEFAULT = "DEFAULT";
export const SPLIT = "SPLIT";
/** A flag without targeting gave its default variant. */
export const STATIC = "STATIC";
export const ERROR = "ERROR";

// Why a flag could not be evaluated: OpenFeature's error codes.

/** Its targeting could not be compiled. */
export const ERROR_CODE_PARSE = "PARSE_ERROR";
/** An operator failed, or the result names no variant. */
export const ERROR_CODE_GENERAL = "GENERAL";
export const ERROR_CODE_NOT_FOUND = "FLAG_NOT_FOUND";
export const ERROR_CODE_TYPE = "TYPE_MISMATCH";
