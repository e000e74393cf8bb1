/** Why there is no running Envoy, in one line that a person can act on. */
export class EnvoyError extends Error {
  override readonly name = "EnvoyError";
}
