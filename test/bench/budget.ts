// What requests may cost: test/bench/budget.json holds each way to the figure that it had, and 3 % more.

import { readFileSync, writeFileSync } from "node:fs";

/** Instructions are no timings: what is above this was made dearer. */
const TOLERANCE = 1.03;

/** Instructions a request, by way. */
export type Figures = Readonly<Record<string, number>>;

export interface Budget {
  /** In the filter's own code (guest-profile.ts). */
  readonly guest: Figures;
  /** Over no filter, in the whole of Envoy (instructions.ts). */
  readonly envoy: Figures;
}

export function readBudget(path: string): Budget {
  return JSON.parse(readFileSync(path, "utf8")) as Budget;
}

/** A sentence for each way that costs more than it may, or for which the budget has no figure. */
export function overBudget(figures: Figures, budget: Figures): string[] {
  return Object.entries(figures).flatMap(([way, cost]) => {
    const most = budget[way];
    if (most === undefined) return [`${way} has no figure in the budget: it costs ${Math.round(cost)}`];
    if (cost <= most * TOLERANCE) return [];
    return [`${way} costs ${Math.round(cost)} instructions a request, its budget is ${most} and 3 %`];
  });
}

/** Writes the figures of these ways into the budget; the others stay. */
export function writeBudget(path: string, kind: keyof Budget, figures: Figures): void {
  const budget = readBudget(path);
  const rounded = Object.fromEntries(Object.entries(figures).map(([way, cost]) => [way, Math.round(cost)]));
  const next = { ...budget, [kind]: { ...budget[kind], ...rounded } };
  writeFileSync(path, `${JSON.stringify(next, null, 2)}\n`);
}
