// Why a filter refuses a policy, from the policy that Envoy was given: Envoy tells its log, and no endpoint.

import { checkPolicy } from "../policy/check-policy.ts";
import { readPolicySource } from "../policy/policy-source.ts";
import { visible } from "../terminal/visible.ts";

/** `line:column /pointer: message` of each error; none when this filter takes it. No value of a secret is among them. */
export function refusalReasons(policy: string, module: WebAssembly.Module): string[] {
  const { problems } = checkPolicy(readPolicySource("policy.json", Buffer.from(policy)), module);
  const hidden = secretsOf(policy);
  return problems
    .filter(({ severity }) => severity === "error")
    .map(({ line, column, pointer, message }) => {
      const text = hidden.reduce((found, secret) => found.replaceAll(secret, "(secret)"), message);
      return visible(`${line}:${column} ${pointer}: ${text}`);
    });
}

/** Values of members whose name says that they are secret: `headerSecret`. Read as text, since the JSON may be broken. */
function secretsOf(policy: string): string[] {
  const members = policy.matchAll(/"[^"\\]*secret"\s*:\s*("(?:[^"\\]|\\.)*")/gi);
  return [...members].flatMap(([, value = '""']) => {
    try {
      const secret = JSON.parse(value) as string;
      return secret === "" ? [] : [secret];
    } catch {
      return [value.slice(1, -1)];
    }
  });
}
