// Which module it is, as a number that a gauge can hold.

/** The package's version `major.minor.patch`, as major × 1,000,000 + minor × 1,000 + patch. */
export const MODULE_VERSION = 1000;
