// The Envoys that the tests run on.

import { ensureEnvoy, ENVOY_OLDEST_VERSION, ENVOY_VERSION } from "../../../tools/envoy/index.ts";

/** Both supported ends; with ENVOY=path that one alone. */
export const EVERY_ENVOY: readonly string[] =
  process.env["ENVOY"] === undefined ? [ENVOY_VERSION, ENVOY_OLDEST_VERSION] : [ENVOY_VERSION];

/** The binary of a version, fetched when it is not there. */
export async function envoyBinary(version: string): Promise<string> {
  return ensureEnvoy(version);
}
