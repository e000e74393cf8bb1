// What of a policy cannot be done by Mappings, or not in the way that one may think.

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import * as codes from "../../assembly/vocabulary/problems.ts";
import type { Problem } from "../policy/problem.ts";
import type { Overlap } from "./overlap.ts";
import {
  CODE_MAPPING_COPIES,
  CODE_MAPPING_PARTIAL,
  CODE_NO_SECRET,
  CODE_SEVERAL_SERVICES,
} from "./problem-codes.ts";
import type { Resource } from "./resources.ts";
import type { Rollout, ServicePolicy, Shadow } from "./service-policy.ts";

/** Problems of the policy, for these Mappings that serve production. */
export function policyFaults(policy: ServicePolicy, overlap: Overlap): Problem[] {
  const steering = policy.rollouts.filter(({ variants }) => variants.some(({ target }) => target !== null));
  const faults = steering.flatMap((rollout) => rolloutFaults(policy, rollout, overlap));
  if (steering.length > 0 && !policy.steersByHeader) {
    const message = "Mappings can only match headers: steer must be header";
    faults.push(policy.problem("/steer", codes.CONFLICT, message));
  }
  return [...faults, ...mirrorFaults(policy, overlap)];
}

function rolloutFaults(policy: ServicePolicy, rollout: Rollout, overlap: Overlap): Problem[] {
  const faults: Problem[] = [];
  const pointer = `${rollout.pointer}/headerSecret`;
  if (rollout.secret?.includes("$") === true) {
    const message = "must not contain a $: Emissary expands $NAME to environment variables";
    faults.push(policy.problem(pointer, codes.VALUE, message));
  }
  if (rollout.secret === null) {
    const message = `no headerSecret: if the filter is missing, any client can choose a variant by sending ${headerNames.PREFIX}${rollout.name}`;
    faults.push(policy.problem(rollout.pointer, CODE_NO_SECRET, message, "warning"));
  }
  faults.push(...remainderFaults(policy, rollout, overlap));
  const services = [
    ...new Set(overlap.concerned(rollout.match).mappings.map(({ spec }) => String(spec["service"]))),
  ];
  if (services.length > 1) {
    const shown = services.length > 3 ? [...services.slice(0, 3), "..."] : services;
    const message = `matches requests of ${services.length} services (${shown.join(", ")}), and one variant's service would get them all: narrow its match`;
    faults.push(policy.problem(rollout.pointer, CODE_SEVERAL_SERVICES, message, "warning"));
  }
  return faults;
}

/** At most so many Mappings are named. */
const MOST_NAMED = 8;

/** `/checkout` itself, where a Mapping for `/checkout/` serves all below it and `/` serves that one path. */
function remainderFaults(
  policy: ServicePolicy,
  { pointer, match }: Rollout | Shadow,
  overlap: Overlap,
): Problem[] {
  const { remainders } = overlap.concerned(match);
  const paths = [...new Set(remainders.map(({ path }) => path))];
  return paths.map((path) => {
    const names = remainders
      .filter((one) => one.path === path)
      .map(({ mapping }) => `Mapping ${mapping.name}`);
    const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
    const shown = names.slice(0, MOST_NAMED).join(", ") + more;
    const message = `requests for exactly ${path} stay with ${shown}: only what is below ${path}/ has a Mapping of its own, add one for ${path}`;
    return policy.problem(pointer, CODE_MAPPING_PARTIAL, message, "warning");
  });
}

/** Emissary makes one copy of a request: of two mirrors, those drawn for both go to one. */
function mirrorFaults(policy: ServicePolicy, overlap: Overlap): Problem[] {
  const taken = new Map<Resource, Shadow>();
  return policy.shadows
    .filter(({ isMirror }) => isMirror)
    .flatMap((shadow) => {
      const { mappings } = overlap.concerned(shadow.match);
      const both = mappings.find((mapping) => taken.has(mapping));
      for (const mapping of mappings) taken.set(mapping, taken.get(mapping) ?? shadow);
      const rest = remainderFaults(policy, shadow, overlap);
      if (both === undefined) return rest;
      const message = `shadow ${taken.get(both)?.name ?? ""} also matches Mapping ${both.name}, and Emissary copies a request only once: use dispatch call for one of them`;
      return [...rest, policy.problem(shadow.pointer, CODE_MAPPING_COPIES, message, "warning")];
    });
}
