// Does what was seen agree with what was asked? Each disagreement in one line; none is a run that passed.

import { percent } from "../terminal/numbers.ts";
import { countsOf, type EnvoyCounts } from "./envoy-counts.ts";
import type { Tally } from "./tally.ts";

/** Thousandths of a percent in the whole. */
const WHOLE = 100_000;
const STANDARD_ERRORS = 4;

/** Compares the visitors' own count with the policy and with Envoy's counters since its start. */
export function findDisagreements(tally: Tally, counts: EnvoyCounts): string[] {
  const found: string[] = [];
  if (tally.plan.length === 0) found.push("the policy has no rollout: nothing was compared");
  if (tally.failed > 0) found.push(`${tally.failed} requests failed, the first: ${tally.firstFailure ?? ""}`);
  if (tally.differing > 0) {
    found.push(
      `${tally.differing} answers differ from \`serin decide\`, the first: ${tally.firstDifference ?? ""}`,
    );
  }
  if (tally.inconstant > 0) found.push(`${tally.inconstant} times a user's version changed`);
  const errors = counts.survivedErrors;
  if (errors > 0) found.push(`the filter recovered from ${errors} errors (serin.error)`);
  for (const { name, variants } of tally.plan) {
    const users = tally.usersOf(name);
    if (users === 0) {
      found.push(`${name}: no requests`);
      continue;
    }
    for (const variant of variants) {
      const counted = countsOf(counts, name, variant);
      const seen = tally.usersWith(name, variant) / users;
      const asked = counted.share / WHOLE;
      if (isFarFrom(seen, asked, users)) {
        found.push(
          `${name}/${variant}: actual share ${percent(seen)} of ${users} users, target share ${percent(asked)}: ` +
            `more than ${STANDARD_ERRORS} standard errors apart`,
        );
      }
      const requests = tally.requestsOf(name, variant);
      if (counted.requests !== requests) {
        found.push(`${name}/${variant}: Envoy counted ${counted.requests} requests, the client ${requests}`);
      }
      if (counted.errors > 0) found.push(`${name}/${variant}: Envoy counted ${counted.errors} errors`);
      if (counted.active !== 0)
        found.push(`${name}/${variant}: ${counted.active} requests are still in flight`);
    }
    const whole = variants.reduce((sum, variant) => sum + countsOf(counts, name, variant).share, 0);
    if (whole !== WHOLE) found.push(`${name}: the target shares add up to ${percent(whole / WHOLE)}`);
  }
  return found;
}

/** Whether so many draws would hardly ever give this share. */
export function isFarFrom(seen: number, asked: number, draws: number): boolean {
  return Math.abs(seen - asked) > STANDARD_ERRORS * Math.sqrt((asked * (1 - asked)) / draws) + 1e-9;
}
