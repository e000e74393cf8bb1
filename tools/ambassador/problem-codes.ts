// What can be wrong between a policy and Mappings: one word a kind, beside those of policies
// (assembly/vocabulary/problems.ts).

/** The policy needs a Mapping that is not there. */
export const CODE_MAPPING_MISSING = "mapping-missing";
/** It is there, and does something else than it should. */
export const CODE_MAPPING_DIFFERS = "mapping-differs";
/** A Mapping for a header that the policy never writes. */
export const CODE_MAPPING_UNUSED = "mapping-unused";
/** Clients reach it though they should not. */
export const CODE_MAPPING_OPEN = "mapping-open";
/** Another Mapping takes its requests. */
export const CODE_MAPPING_HIDDEN = "mapping-hidden";
/** Some requests that the policy matches get no variant. */
export const CODE_MAPPING_PARTIAL = "mapping-partial";
/** Emissary splits its requests by chance, beside the policy. */
export const CODE_MAPPING_SPLIT = "mapping-split";
/** A copy that is not made, or not of all. */
export const CODE_MAPPING_COPIES = "mapping-copies";
/** One variant for several services. */
export const CODE_SEVERAL_SERVICES = "several-services";
/** Nothing keeps clients from picking a variant where the filter is lost. */
export const CODE_NO_SECRET = "no-secret";
/** A cluster's name that depends on a resource that is not among the files. */
export const CODE_CLUSTER_UNSURE = "cluster-unsure";
/** TLS to production, and none to a variant or a shadow. */
export const CODE_PLAIN_HTTP = "plain-http";
/** Others than the proxy see a rollout's secret. */
export const CODE_SECRET_SHOWN = "secret-shown";
/** Resources of another Ambassador. */
export const CODE_OTHER_AMBASSADOR = "other-ambassador";
