// The digest by which people and commands tell which policy an Envoy serves: the gauge `serin.policy.digest`.

import { createHash } from "node:crypto";

/**
 * The first 48 bits of the SHA-256 of a configuration's text, as an unsigned number.
 * @param configuration what `serin publish` writes as the filter's `configuration`: the policy as JSON
 */
export function policyDigest(configuration: string): number {
  return createHash("sha256").update(configuration).digest().readUIntBE(0, 6);
}
