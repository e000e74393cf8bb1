// A policy of thousands of rollouts, for what large policies cost.

export interface ManyRollouts {
  readonly rollouts: number;
  readonly variants: number;
  readonly signals: string;
}

/** The policy's text: each rollout has a path of its own, and every variant but the default 1 % of the users. */
export function manyRollouts({ rollouts, variants, signals }: ManyRollouts): string {
  const shares = byName(variants, "v", (i) => (i === 0 ? {} : { percent: 1 }));
  const all = byName(rollouts, "r", (i) => ({
    match: [{ path: { value: `/p${i}` } }],
    signals,
    default: "v0",
    variants: shares,
  }));
  return JSON.stringify({ identity: [{ cookie: "uid" }], rollouts: all });
}

export function byName(
  count: number,
  letter: string,
  make: (index: number) => object,
): Readonly<Record<string, object>> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${letter}${i}`, make(i)]));
}
