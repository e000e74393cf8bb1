// What guards have done, as requests see it: a byte of each variant in the plan, and whose users are counted no more.

import { nextOf } from "../../bytes/records";
import { NO_SLOT, Plan, Rollout } from "../../core/plan";
import { recordMetric } from "../../host/metrics";
import { Guarded, guardedOf, hasGuarded, loadActs, ROLLED_BACK, UNTOLD, valueOf, WATCHING } from "./guarded";
import { Evidence, evidenceAt, firstEvidence, knownEvidence } from "./record";

/** Nobody of the rollout is counted any more. */
export const ALL_STOPPED: u32 = 0xffffffff;

/** Before the plans are gone through with `obeyGuards`. */
export function beginObeying(): void {
  if (!hasGuarded()) return;
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    for (let g = evidence.guarded; g != 0; g = changetype<Guarded>(g).next) {
      changetype<Guarded>(g).value = WATCHING;
    }
  }
}

/** Takes over into a plan what the guards of its rollouts have done, by shared data. */
export function obeyGuards(plan: Plan): void {
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    const rollout = plan.rollout(i);
    let address = rollout.evidence;
    // Without any share there is no evidence, but the gauge says on what has been done.
    if (address == 0 && hasGuarded()) address = knownEvidence(rollout.name);
    const evidence = evidenceAt(address);
    if (evidence && evidence.seen.acted != 0) obey(evidence, rollout);
  }
}

function obey(evidence: Evidence, rollout: Rollout): void {
  let stopped: u32 = 0;
  let left: u32 = 0;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    if (i == rollout.fallback) continue;
    const variant = rollout.variant(i);
    const address = guardedOf(evidence, variant.name);
    if (address == 0) continue;
    const guarded = changetype<Guarded>(address);
    loadActs(guarded);
    const value = valueOf(guarded, rollout);
    if (value > guarded.value) guarded.value = value;
    variant.isRolledBack = value == ROLLED_BACK;
    if (variant.slot == NO_SLOT) continue;
    if (variant.isRolledBack) stopped |= 1 << variant.slot;
    else left++;
  }
  if (rollout == evidence.live) evidence.stopped = stopped != 0 && left == 0 ? ALL_STOPPED : stopped;
}

/** Writes the gauges that say something else than they should; all of them, when this VM has only begun to judge. */
export function tellGuards(isNewJudge: bool): void {
  if (!hasGuarded()) return;
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    for (let g = evidence.guarded; g != 0; g = changetype<Guarded>(g).next) {
      const guarded = changetype<Guarded>(g);
      if (isNewJudge) guarded.told = UNTOLD;
      if (guarded.told == guarded.value) continue;
      recordMetric(guarded.gauge, guarded.value);
      guarded.told = guarded.value;
    }
  }
}
