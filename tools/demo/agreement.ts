// Does what was seen agree with what was asked? Each disagreement in one line; none is a run that passed.

import { percent } from "../terminal/numbers.ts";
import { isFarFrom, STANDARD_ERRORS } from "./shares.ts";
import { countsOf } from "./envoy-counts.ts";
import type { Rollback } from "./envoy-log.ts";
import type { RolloutPlan } from "./policy-plan.ts";
import type { Figures } from "./table.ts";
import type { RolledBack, Tally } from "./tally.ts";

/** Thousandths of a percent in the whole. */
const WHOLE = 100_000;

/** Compares what users saw with one policy: with what `serin decide` says, and with the shares that Envoy has. */
export function findDisagreements({
  tally,
  counts,
  rollbacks,
}: Pick<Figures, "tally" | "counts" | "rollbacks">): string[] {
  const found: string[] = [];
  if (tally.failed > 0) found.push(`${tally.failed} requests failed, the first: ${tally.firstFailure ?? ""}`);
  if (tally.differing > 0) {
    found.push(
      `${tally.differing} answers differ from \`serin decide\`, the first: ${tally.firstDifference ?? ""}`,
    );
  }
  if (tally.inconstant > 0) found.push(`${tally.inconstant} times a user's version changed`);
  for (const { rollout, variant, requests } of unexplained(tally, rollbacks)) {
    found.push(
      `${rollout}/${variant}: ${requests} requests got the default, but Envoy's log has no line of a rollback`,
    );
  }
  const rolledBack = new Set(tally.rolledBack().map(({ rollout }) => rollout));
  for (const { name, variants } of tally.plan) {
    const users = tally.usersOf(name);
    for (const variant of variants) {
      // A guard changes the shares of users while the policy says what it said.
      if (users === 0 || rolledBack.has(name)) continue;
      const seen = tally.usersWith(name, variant) / users;
      const asked = countsOf(counts, name, variant).share / WHOLE;
      if (isFarFrom(seen, asked, users)) {
        found.push(
          `${name}/${variant}: actual share ${percent(seen)} of ${users} users, target share ${percent(asked)}: ` +
            `more than ${STANDARD_ERRORS} standard errors apart`,
        );
      }
    }
    const whole = variants.reduce((sum, variant) => sum + countsOf(counts, name, variant).share, 0);
    if (whole !== WHOLE) found.push(`${name}: the target shares add up to ${percent(whole / WHOLE)}`);
  }
  return found;
}

/** Variants whose users got the default though no guard has said that it rolled them back. */
export function unexplained(tally: Tally, rollbacks: readonly Rollback[]): RolledBack[] {
  return tally
    .rolledBack()
    .filter(
      ({ rollout, variant }) =>
        !rollbacks.some((each) => each.rollout === rollout && each.variant === variant),
    );
}

/** Compares Envoy's counters since its start with what the client saw, once nothing is in flight any more. */
export function findMiscounts(
  plan: readonly RolloutPlan[],
  { ledger, counts }: Pick<Figures, "ledger" | "counts">,
): string[] {
  const found: string[] = [];
  if (plan.length === 0) found.push("the policy has no rollout: nothing was compared");
  const survived = counts.survivedErrors;
  if (survived > 0) found.push(`the filter recovered from ${survived} errors (serin.error)`);
  for (const { name, variants } of plan) {
    const seen = variants.map((variant) => ledger.requestsOf(name, variant));
    if (seen.every((requests) => requests === 0)) {
      found.push(`${name}: no requests`);
      continue;
    }
    for (const [index, variant] of variants.entries()) {
      const counted = countsOf(counts, name, variant);
      const requests = seen[index] ?? 0;
      if (counted.requests !== requests) {
        found.push(`${name}/${variant}: Envoy counted ${counted.requests} requests, the client ${requests}`);
      }
      const planted = ledger.plantedOf(name, variant).requests;
      if (counted.errors !== planted) {
        found.push(`${name}/${variant}: Envoy counted ${counted.errors} errors, ${planted} were planted`);
      }
      if (counted.active !== 0)
        found.push(`${name}/${variant}: ${counted.active} requests are still in flight`);
    }
  }
  return found;
}
