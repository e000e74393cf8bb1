// A policy for what needs no Envoy: one rollout, a fifth of the users.

import { checkPolicy } from "../../tools/policy/check-policy.ts";
import { loadFilter } from "../../tools/policy/filter-module.ts";
import { userName } from "../../tools/demo/crowd.ts";
import { Oracle } from "../../tools/demo/oracle.ts";
import { rolloutsOf, type RolloutPlan } from "../../tools/demo/policy-plan.ts";
import { LogLevel } from "../../tools/emulator/index.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";

/** A thousand users, as the demo names them. */
export const USERS: readonly string[] = Array.from({ length: 1000 }, (_, index) => userName(index + 1));

/** `percent` of the users get the canary. */
export function policyText(percent: number): string {
  return JSON.stringify({
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: { default: "stable", variants: { stable: {}, canary: { percent, cluster: "checkout-v2" } } },
    },
  });
}

export const PLAN: readonly RolloutPlan[] = rolloutsOf(policyText(20));

export function exampleOracle(percent = 20): Oracle {
  return oracleOf(policyText(percent));
}

export function oracleOf(policyJson: string): Oracle {
  const source = readPolicySource("policy.json", Buffer.from(policyJson));
  const { filter } = checkPolicy(source, loadFilter(), { logLevel: LogLevel.Trace });
  if (filter === null) throw new Error("the policy is refused");
  return new Oracle(filter.vm, filter.root);
}
