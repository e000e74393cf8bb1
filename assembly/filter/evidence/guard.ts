// The guard: the judge holds each variant's errors against the control group's on its tick, and acts.
// docs/decisions/guard.md

import * as json from "../../bytes/json-writer";
import { fixed } from "../../bytes/records";
import { beginText, textOf, Writer } from "../../bytes/writer";
import { Met } from "../../core/evidence";
import { Phase } from "../../core/evidence-record";
import {
  beginGuard,
  endBlock,
  evidenceOfGuard,
  GuardCounts,
  isBehind,
  isEnough,
  payMinutes,
} from "../../core/guard";
import { GuardAction, NO_SLOT, Rollout, Variant } from "../../core/plan";
import { log, LogLevel } from "../../host/log";
import { readMetric } from "../../host/metrics";
import { gaugeAt } from "./gauges";
import { Guarded, guardedOf, loadGuarded, saveGuarded } from "./guarded";
import { Evidence } from "./record";

const counts: GuardCounts = fixed<GuardCounts>();
const line: Writer = fixed<Writer>();

/** Whoever judged before knows more than this VM: all records of guards are read again. */
export function forgetGuards(evidence: Evidence): void {
  for (let at = evidence.guarded; at != 0; at = changetype<Guarded>(at).next) {
    changetype<Guarded>(at).isKnown = false;
  }
}

/** Holds the variants of a rollout against its control group. @returns whether workers have something to obey */
export function watch(evidence: Evidence, nowNs: u64): bool {
  const rollout = evidence.live;
  if (changetype<usize>(rollout) == 0 || rollout.guard == GuardAction.None || !evidence.isGuarded)
    return false;
  const seen = evidence.seen;
  if (seen.phase != Phase.OPEN || evidence.period == 0 || evidence.period != seen.number) return false;
  // VMs of another `vm_id` share the gauges and nothing else.
  if (readMetric(evidence.number) != (evidence.period as u64)) return false;
  counts.controlErrors = gaugeAt(evidence, rollout.controlSlot, Met.ERROR);
  counts.controlEnded = endedAt(evidence, rollout.controlSlot);
  let hasActed = false;
  for (let i: u32 = 0; i < rollout.variantCount; i++) {
    const variant = rollout.variant(i);
    if (variant.slot == NO_SLOT) continue;
    const guarded = guardedOf(evidence, variant.name);
    if (guarded != 0 && watchVariant(evidence, rollout, variant, changetype<Guarded>(guarded), nowNs))
      hasActed = true;
  }
  return hasActed;
}

function watchVariant(
  evidence: Evidence,
  rollout: Rollout,
  variant: Variant,
  guarded: Guarded,
  nowNs: u64,
): bool {
  if (!guarded.isKnown && !loadGuarded(guarded)) return false;
  const guard = guarded.record;
  // A judge may have gone before all were told.
  if (guard.rolledBack > rollout.epoch) return evidence.seen.acted == 0;
  const isAlarmed = guard.alarmed > rollout.epoch;
  if (isAlarmed && rollout.guard == GuardAction.Alarm) return evidence.seen.acted == 0;
  counts.errors = gaugeAt(evidence, variant.slot, Met.ERROR);
  counts.ended = endedAt(evidence, variant.slot);
  let isChanged = false;
  if (guard.period != evidence.period || isBehind(guard, counts)) {
    beginGuard(guard, evidence.period, nowNs);
    isChanged = true;
  }
  const part = (variant.share as f64) / ((variant.share + rollout.controlShare) as f64);
  if (endBlock(guard, counts, part, rollout.ignoresBursts, nowNs)) isChanged = true;
  if (payMinutes(guard, nowNs)) isChanged = true;
  // An alarm that stands is acted on once the policy says so.
  if (isAlarmed || isEnough(guard, rollout.falseAlarm)) return act(evidence, rollout, variant, guarded);
  if (isChanged) saveGuarded(guarded);
  return false;
}

function endedAt(evidence: Evidence, slot: u32): u64 {
  return readMetric(load<u32>(evidence.endedGauges + (slot << 2)));
}

/** Rolls a variant back, or gives an alarm: lasting until `epoch` is raised. */
function act(evidence: Evidence, rollout: Rollout, variant: Variant, guarded: Guarded): bool {
  const guard = guarded.record;
  const isRollback = rollout.guard == GuardAction.Rollback;
  if (isRollback) guard.rolledBack = rollout.epoch + 1;
  else guard.alarmed = rollout.epoch + 1;
  if (!saveGuarded(guarded)) return false;
  beginText(line);
  json.beginObject(line);
  json.textAt(line, "rollout", evidence.name);
  json.textAt(line, "variant", variant.name);
  json.wordAt(line, "guard", isRollback ? "rolled back" : "alarm");
  json.name(line, "evidence");
  json.float(line, evidenceOfGuard(guard));
  json.name(line, "falseAlarm");
  json.float(line, rollout.falseAlarm);
  json.numberAt(line, "users", gaugeAt(evidence, variant.slot, Met.USERS));
  json.numberAt(line, "usersError", counts.errors);
  json.objectAt(line, "control");
  json.numberAt(line, "users", gaugeAt(evidence, rollout.controlSlot, Met.USERS));
  json.numberAt(line, "usersError", counts.controlErrors);
  json.endObject(line);
  json.numberAt(line, "share", variant.share);
  json.numberAt(line, "controlShare", rollout.controlShare);
  json.numberAt(line, "period", evidence.period);
  json.numberAt(line, "began", readMetric(evidence.began));
  json.numberAt(line, "epoch", rollout.epoch);
  json.wordAt(
    line,
    "message",
    isRollback
      ? "more of this variant's users meet errors: until the rollout's epoch is raised they get the default"
      : "more of this variant's users meet errors",
  );
  json.endObject(line);
  log(LogLevel.Error, textOf(line));
  return true;
}
