// Fetches the Envoys that the tests run on, so that no test waits for a download.

import {
  ENVOY_EMISSARY_VERSION,
  ENVOY_OLDEST_VERSION,
  ENVOY_VERSION,
  ensureEnvoy,
  EnvoyError,
} from "../envoy/index.ts";

try {
  for (const version of [ENVOY_VERSION, ENVOY_OLDEST_VERSION, ENVOY_EMISSARY_VERSION])
    console.log(`${version}: ${await ensureEnvoy(version)}`);
} catch (error) {
  if (!(error instanceof EnvoyError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
