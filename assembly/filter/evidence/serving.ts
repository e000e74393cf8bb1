// Whose rollouts are evidence: the newest policy of each plugin of this VM, and no older one that lives on for its last
// streams.

import { nextOf, takeRecord } from "../../bytes/records";
import { Plan, Rollout } from "../../core/plan";
import { Shadow } from "../../core/shadow-plan";
import { setTickPeriod } from "../../host/clock";
import { TICK_MS } from "../records";
import { vmArena } from "../vm";
import { withdrawReason } from "./gauges";
import { beginObeying, obeyGuards } from "./obey";
import { hasJudge, keepGauges, leavePeriod } from "./period";
import { moveRamps } from "./ramp";
import { evidenceAt, evidenceOf, evidenceOfShadow, firstEvidence, reserveEvidence } from "./record";


@unmanaged
class Plugin {
  next: Plugin | null;
  /** A hash of its name and its root_id. */
  id: u64;
  /** Null when it has none any more. */
  newest: Plan | null;
}

let plugins: Plugin | null = null;
let configuredNs: u64 = 0;
let isChanged: bool = false;

/** When this VM last loaded a policy: wall clock in nanoseconds; 0 while it serves none, as one that goes after a swap. */
export function lastConfiguredNs(): u64 {
  return configuredNs;
}

/** Whether what is served has changed since this was last asked. */
export function takeChanged(): bool {
  const answer = isChanged;
  isChanged = false;
  return answer;
}

/** Gives the rollouts of a plan that have evidence their records. @returns false without memory for some */
export function adoptEvidence(plan: Plan): bool {
  let isSound = true;
  if (plan.rolloutCount != 0) reserveEvidence(plan.rolloutCount);
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    const rollout = plan.rollout(i);
    // A ramp may give it some later on.
    if (rollout.slots == 0 && !rollout.isRamped) continue;
    rollout.evidence = evidenceOf(rollout.name);
    if (rollout.evidence == 0) isSound = false;
  }
  for (let i: u32 = 0; i < plan.shadowCount; i++) {
    const counted = countedOf(plan.shadow(i));
    if (!counted) continue;
    counted.evidence = evidenceOfShadow(counted.name);
    if (counted.evidence == 0) isSound = false;
  }
  return isSound;
}

/** A plugin serves this plan from now on. @returns false without memory */
export function serveEvidence(plan: Plan, plugin: u64, nowNs: u64): bool {
  let served = plugins;
  while (served && served.id != plugin) served = served.next;
  if (!served) {
    served = takeRecord<Plugin>(vmArena());
    if (!served) return false;
    served.id = plugin;
    served.next = plugins;
    plugins = served;
  }
  served.newest = plan;
  configuredNs = nowNs;
  refresh();
  const isJudged = firstEvidence() != null && hasJudge();
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    if (isJudged) keepGauges(evidence);
    withdrawReason(evidence);
  }
  // Before its first request: a variant that was rolled back does not come back for the time until the next tick.
  obeyGuards(plan);
  if (firstEvidence()) setTickPeriod(TICK_MS);
  return true;
}

/** The digest of the policy that all plugins of this VM serve; 0 when they serve different ones, or none. */
export function servedDigest(): u64 {
  let digest: u64 = 0;
  for (let plugin = plugins; plugin; plugin = nextOf(plugin)) {
    const plan = plugin.newest;
    if (!plan) continue;
    if (digest != 0 && digest != plan.digest) return 0;
    digest = plan.digest;
  }
  return digest;
}

/** Takes the steps that are due in all that is served. */
export function moveAll(nowNs: u64): void {
  let hasMoved = false;
  for (let plugin = plugins; plugin; plugin = nextOf(plugin)) {
    const plan = plugin.newest;
    if (changetype<usize>(plan) != 0 && moveRamps(plan, nowNs)) hasMoved = true;
  }
  if (hasMoved) refresh();
}

/** Takes over into all that is served what guards have done. */
export function obeyAll(): void {
  beginObeying();
  for (let plugin = plugins; plugin; plugin = nextOf(plugin)) {
    const plan = plugin.newest;
    if (plan) obeyGuards(plan);
  }
}

/** A plan is going: it is the newest of no plugin any more. */
export function forgetEvidence(plan: Plan): void {
  for (let plugin = plugins; plugin; plugin = nextOf(plugin)) {
    if (plugin.newest != plan) continue;
    plugin.newest = null;
    refresh();
  }
  for (let plugin = plugins; plugin; plugin = nextOf(plugin)) {
    if (plugin.newest) return;
  }
  configuredNs = 0;
}

/** Whose evidence the users of a shadow are; null where they are not counted. */
// @ts-ignore: decorator
@inline
export function countedOf(shadow: Shadow): Rollout | null {
  return changetype<Rollout | null>(shadow.counted);
}

function enliven(rollout: Rollout): void {
  const evidence = evidenceAt(rollout.evidence);
  if (!evidence || rollout.slots == 0) return;
  if (changetype<usize>(evidence.live) == 0) evidence.live = rollout;
  else if (evidence.live.signature != rollout.signature) evidence.isTorn = true;
}

/** Finds what each rollout's newest policies say of it. */
function refresh(): void {
  isChanged = true;
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    evidence.live = changetype<Rollout>(0);
    evidence.isTorn = false;
  }
  for (let plugin = plugins; plugin; plugin = nextOf(plugin)) {
    const plan = plugin.newest;
    if (!plan) continue;
    for (let i: u32 = 0; i < plan.rolloutCount; i++) {
      enliven(plan.rollout(i));
    }
    for (let i: u32 = 0; i < plan.shadowCount; i++) {
      const counted = countedOf(plan.shadow(i));
      if (counted) enliven(counted);
    }
  }
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    if (evidence.isTorn) evidence.live = changetype<Rollout>(0);
    const rollout = evidence.live;
    if (changetype<usize>(rollout) == 0 || rollout.signature != evidence.signature) leavePeriod(evidence);
  }
}
