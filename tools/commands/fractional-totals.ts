// What a change of a policy does to users that no percent says: a `fractional` whose weights add up to another sum moves
// users who need not move (docs/flags.md).

/** The sum of the weights of every `fractional` with constant weights, by its JSON Pointer. */
export function fractionalTotals(policy: unknown): Map<string, number> {
  const totals = new Map<string, number>();
  const visit = (value: unknown, pointer: string): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const at = `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const total = key === "fractional" ? totalOf(inner) : null;
      if (total !== null) totals.set(at, total);
      visit(inner, at);
    }
  };
  const { flags, $evaluators } = (policy ?? {}) as { flags?: unknown; $evaluators?: unknown };
  visit(flags, "/flags");
  visit($evaluators, "/$evaluators");
  return totals;
}

/** Each `fractional` that both have and whose sum changed, as a sentence. */
export function changedTotals(before: unknown, after: unknown): string[] {
  const old = fractionalTotals(before);
  return [...fractionalTotals(after)].flatMap(([pointer, total]) => {
    const was = old.get(pointer);
    if (was === undefined || was === total) return [];
    return [
      `${pointer}: the weights added up to ${was} and now to ${total}, so users move who need not: keep the sum, and shift weights within it`,
    ];
  });
}

/** null where a weight is a rule, or no weight. */
function totalOf(list: unknown): number | null {
  if (!Array.isArray(list)) return null;
  let total = 0;
  for (const [index, bucket] of list.entries()) {
    if (!Array.isArray(bucket)) {
      if (index === 0) continue;
      return null;
    }
    const weight: unknown = bucket.length < 2 ? 1 : bucket[1];
    if (typeof weight !== "number") return null;
    total += Math.max(weight, 0);
  }
  return total;
}
