// What a release changes in the person's policy file: a variant's percent, or a rollout's state. The file that comes of it
// is read back, and is another in that alone, or nothing is changed.

import { isDeepStrictEqual } from "node:util";

import { readPolicySource, type PolicySource } from "../policy/policy-source.ts";
import { anchorsOn, EditRefusal, withMember, type Scalar } from "./edit-member.ts";

/** One change of a policy file. */
export type Edit =
  | { readonly kind: "percent"; readonly rollout: string; readonly variant: string; readonly percent: number }
  | { readonly kind: "disable"; readonly rollout: string };

const BYTE_ORDER_MARK = "\uFEFF";

/**
 * The file's bytes with one change.
 * @throws EditRefusal where it cannot be made so that everything else stays what it is
 */
export function editPolicy(file: string, bytes: Uint8Array, edit: Edit): Buffer {
  const whole = Buffer.from(bytes).toString("utf8");
  const mark = whole.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : "";
  const text = whole.slice(mark.length);
  const { path, key, value } = placeOf(edit);
  const source = readPolicySource(file, bytes);
  if (source.isWrapped)
    throw new EditRefusal("a policy in a Kubernetes document is not changed: keep it in a file of its own");
  const wanted = valueOf(source);
  if (wanted === null) throw new EditRefusal("the file cannot be read as a policy: serin validate says why");
  const isThere = put(wanted, path, key, value);
  for (const candidate of withMember(text, path, key, value, isThere)) {
    const changed = Buffer.from(mark + candidate);
    if (isDeepStrictEqual(valueOf(readPolicySource(file, changed)), wanted)) return changed;
  }
  const where = [...path, key].join(".");
  const [anchor] = anchorsOn(text, path).reverse();
  throw new EditRefusal(
    anchor === undefined
      ? `${where} cannot be changed in one place of this file: set it by hand, or write it out as in docs/policy.md`
      : `${where} belongs to the anchor &${anchor}, and would change where that is used too: write it out at each place`,
  );
}

function placeOf(edit: Edit): { path: string[]; key: string; value: Scalar } {
  return edit.kind === "percent"
    ? { path: ["rollouts", edit.rollout, "variants", edit.variant], key: "percent", value: edit.percent }
    : { path: ["rollouts", edit.rollout], key: "state", value: "DISABLED" };
}

/** What the file means; null when it means nothing. */
function valueOf({ json }: PolicySource): unknown {
  if (json === null) return null;
  try {
    return JSON.parse(Buffer.from(json).toString("utf8").replace(BYTE_ORDER_MARK, "")) as unknown;
  } catch {
    return null;
  }
}

/** Sets it in the value. Gives whether there was one. */
function put(value: unknown, path: readonly string[], key: string, to: Scalar): boolean {
  let inner = value as Record<string, unknown> | undefined;
  for (const name of path) inner = inner?.[name] as Record<string, unknown> | undefined;
  if (typeof inner !== "object" || inner === null) throw new EditRefusal(`the file has no ${path.join(".")}`);
  const isThere = Object.hasOwn(inner, key);
  inner[key] = to;
  return isThere;
}
