// The Envoys that Emissary's configurations are tried on: 3.10 ships 1.36, 4.1 ships 1.37.

import { ENVOY_EMISSARY_VERSION, ENVOY_OLDEST_VERSION } from "../../tools/envoy/index.ts";

/** With ENVOY=path that one alone. */
export const EMISSARY_ENVOYS: readonly string[] =
  process.env["ENVOY"] === undefined
    ? [ENVOY_OLDEST_VERSION, ENVOY_EMISSARY_VERSION]
    : [ENVOY_EMISSARY_VERSION];
