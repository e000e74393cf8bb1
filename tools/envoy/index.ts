// A real Envoy to run things on: fetched, started, asked and stopped.

export { Admin, waitUntil, type Bin, type FilterUpdates } from "./admin.ts";
export { EnvoyError } from "./envoy-error.ts";
export { ensureEnvoy, type InstallOptions } from "./install.ts";
export { freePort, requirePort } from "./ports.ts";
export { EnvoyStartError, startEnvoy, type EnvoyOptions, type LogLevel, type RunningEnvoy } from "./run.ts";
export { ENVOY_EMISSARY_VERSION, ENVOY_OLDEST_VERSION, ENVOY_VERSION, ENVOY_WHEELS } from "./versions.ts";
