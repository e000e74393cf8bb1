// What a Mapping made of another says: its options, since Emissary inherits nothing, and the headers that select it.

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import type { Hosts } from "./hosts.ts";
import { OWNER, OWNER_LABEL, type installationOf } from "./mapping.ts";
import { isFields, isText, type Fields, type Resource } from "./resources.ts";
import type { Rollout, Target } from "./service-policy.ts";

export type InstallationWithHeaders = ReturnType<typeof installationOf>;

/** What no other Mapping repeats: how its group is split, what it is to readers and statistics. */
const OWN_KEYS = new Set(["weight", "shadow", "docs", "stats_name", "service"]);
/** Labels by which tools know what they have installed: a Mapping that has one is theirs to delete. */
const TOOL_LABEL =
  /^(helm\.sh|argocd\.argoproj\.io|(kustomize|helm)\.toolkit\.fluxcd\.io)\/|^app\.kubernetes\.io\/(managed-by|instance)$/;

/** One header that a request may carry, with what it means. */
export interface Choice {
  readonly rollout: Rollout;
  readonly variant: string;
  /** Its header's value during a rotation: of the secret before. */
  readonly isOld: boolean;
  readonly header: readonly [name: string, value: string];
  readonly target: Target;
}

/** The variants of a rollout that Mappings are made for, also with the secret before. */
export function choicesOf(rollout: Rollout, oldSecret: string | undefined): Choice[] {
  const name = headerNames.PREFIX + rollout.name;
  return rollout.variants.flatMap(({ name: variant, target }) => {
    if (target === null) return [];
    const choice = (secret: string | null, isOld: boolean): Choice => ({
      rollout,
      variant,
      isOld,
      header: [name, secret ? `${variant}.${secret}` : variant],
      target,
    });
    const now = choice(rollout.secret, false);
    return oldSecret === undefined ? [now] : [now, choice(oldSecret, true)];
  });
}

/** The options of the existing Mapping and these headers. */
export function specOf(
  base: Resource,
  choices: readonly Choice[],
  headers: readonly (readonly [string, string])[],
  installation: InstallationWithHeaders,
): Record<string, unknown> {
  const own = isFields(base.spec["headers"]) ? base.spec["headers"] : {};
  const spec: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(base.spec)) {
    if (key === "service") spec["service"] = value;
    else if (!OWN_KEYS.has(key)) spec[key] = value;
  }
  spec["headers"] = { ...own, ...Object.fromEntries([...choices.map(({ header }) => header), ...headers]) };
  const secrets = choices.filter(({ header, variant }) => header[1] !== variant);
  const removed = [base.spec["remove_request_headers"] ?? []]
    .flat()
    .filter(isText)
    .map((name) => name.toLowerCase());
  const overwritten = secrets.filter(({ header }) => !removed.includes(header[0]));
  if (overwritten.length > 0) {
    // The route is chosen by then: the upstream has no need of the secret.
    const added = base.spec["add_request_headers"] ?? installation.addedHeaders;
    spec["add_request_headers"] = {
      ...addedHeadersFor(base.version, isFields(added) ? added : {}),
      ...Object.fromEntries(
        overwritten.map(({ header, variant }) => [header[0], { append: false, value: variant }]),
      ),
    };
  }
  return spec;
}

/** A Module may say `x-a: b`; a Mapping of v3alpha1 must say `x-a: { value: b }`, and the API server refuses the other. */
function addedHeadersFor(version: string, added: Fields): Fields {
  if (version !== "v3alpha1") return added;
  return Object.fromEntries(
    Object.entries(added).map(([name, value]) => [name, isFields(value) ? value : { value: String(value) }]),
  );
}

/** Its labels, so that the same Hosts select it, but not those by which other tools would take it for their own. */
export function labelsOf(labels: Readonly<Record<string, string>>, hosts: Hosts): Record<string, string> {
  const kept = Object.entries(labels).filter(
    ([name]) => !TOOL_LABEL.test(name) || hosts.selecting(name) !== undefined,
  );
  return { ...Object.fromEntries(kept), [OWNER_LABEL]: OWNER };
}

export function nameOf(base: Resource, choices: readonly Choice[], more: readonly string[]): string {
  const parts = choices.flatMap(({ rollout, variant, isOld }) => [
    rollout.name,
    variant,
    ...(isOld ? ["old"] : []),
  ]);
  return [base.name, OWNER, ...parts, ...more].join("-");
}

export function described({ rollout, variant, isOld }: Choice): string {
  return `${variant} of ${rollout.name}${isOld ? " (old secret)" : ""}`;
}
