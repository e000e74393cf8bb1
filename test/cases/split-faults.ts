// Holds what a case expects of a SPLIT to the tests' own computation, so that no expectation is a copy of the answer.

import { parseDocument, isMap, isScalar, type YAMLMap } from "yaml";

import { layOut, murmur3, variantOf, type Share } from "../support/assignment.ts";
import type { Case, CaseRequest } from "./case-file.ts";

interface Given {
  readonly variant?: string;
  readonly reason?: string;
}

/** Expected SPLITs of rollouts without an identity of their own that murmur3 does not give; none means all agree. */
export function splitFaults(one: Case): string[] {
  const policy = parseDocument(Buffer.from(one.policy).toString("utf8"), { schema: "json" }).contents;
  const rollouts = isMap(policy) ? policy.get("rollouts") : undefined;
  if (!isMap(rollouts)) return [];
  return one.requests.flatMap((request) =>
    Object.entries(expectedGiven(request)).flatMap(([name, given]) => {
      const rollout = rollouts.get(name);
      if (given.reason !== "SPLIT" || given.variant === undefined || !isMap(rollout)) return [];
      const identity = identityOf(request, name);
      if (identity === undefined)
        return [`${request.title}: ${name}: a SPLIT is expected without an identity`];
      if (identity.includes("{issued}")) return [];
      const computed = computedVariant(name, rollout, identity);
      return computed === given.variant
        ? []
        : [`${request.title}: ${name}: ${given.variant}, computed ${computed}`];
    }),
  );
}

/** Shadows by identity that a case expects to be drawn, or not to be, and murmur3 says otherwise. */
export function drawFaults(one: Case): string[] {
  const policy = parseDocument(Buffer.from(one.policy).toString("utf8"), { schema: "json" }).contents;
  const shadows = isMap(policy) ? policy.get("shadows") : undefined;
  if (!isMap(shadows)) return [];
  return one.requests.flatMap(({ title, draws, identity }) =>
    shadows.items.flatMap(({ key, value }) => {
      const name = isScalar(key) ? String(key.value) : String(key);
      const isOurs = isMap(value) && String(value.get("sample")) === "identity" && !value.has("identity");
      if (!isOurs || draws === undefined || typeof identity !== "string") return [];
      const below = Math.round((thousandths(value, "percent") ?? 0) * (2 ** 32 / 100_000));
      const isBelow = murmur3(`shadow/${name}/${identity}`) < below;
      // One that is not drawn may have another reason.
      const concernsAll = !value.has("match") && !value.has("when");
      const isDrawn = draws.includes(name);
      return isDrawn === isBelow || (!isDrawn && !concernsAll)
        ? []
        : [`${title}: ${name}: ${isDrawn ? "drawn" : "not drawn"}, computed otherwise`];
    }),
  );
}

function expectedGiven(request: CaseRequest): Record<string, Given> {
  const decision = (request.line === undefined ? request.decision : JSON.parse(request.line)) as
    { rollouts?: Record<string, Given> } | undefined;
  return decision?.rollouts ?? {};
}

/** The rollout's own identity where the case names it, else the policy's. */
function identityOf(request: CaseRequest, rollout: string): string | undefined {
  const explains = request.explains as
    { rollouts?: Record<string, { identity?: { value?: string } }> } | undefined;
  const decision = (request.line === undefined ? request.decision : JSON.parse(request.line)) as
    { identity?: string | null } | undefined;
  return (
    explains?.rollouts?.[rollout]?.identity?.value ?? decision?.identity ?? request.identity ?? undefined
  );
}

/** Members are read in the order of the text. */
function computedVariant(name: string, rollout: YAMLMap, identity: string): string {
  const variants = rollout.get("variants") as YAMLMap;
  const fallback = String(rollout.get("default"));
  const shares = variants.items.flatMap(({ key, value }): Share[] => {
    const variant = isScalar(key) ? String(key.value) : String(key);
    if (variant === fallback || !isMap(value)) return [];
    const max = thousandths(value, "max");
    return [{ variant, percent: thousandths(value, "percent") ?? 0, ...(max === undefined ? {} : { max }) }];
  });
  const salt = rollout.get("salt");
  return variantOf(typeof salt === "string" ? salt : name, identity, layOut(shares)) ?? fallback;
}

function thousandths(map: YAMLMap, key: string): number | undefined {
  const value = map.get(key);
  return value === undefined ? undefined : Math.round(Number(value) * 1000);
}
