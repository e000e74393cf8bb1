// Why a variant was given: OpenFeature's resolution reasons.

export const REASON_DISABLED = "DISABLED";
export const REASON_TARGETING_MATCH = "TARGETING_MATCH";
export const REASON_DEFAULT = "DEFAULT";
export const REASON_SPLIT = "SPLIT";
