// Roots and their plans: one plugin configuration on one worker. A root keeps its plan until Envoy is done with the root;
// a plan goes with the last stream and copy that hold it.

import { closeArena } from "../bytes/arena";
import { Plan } from "../core/plan";
import { rootDone } from "../host/http-call";
import { contextOf, enter, giveRoot, leave, rootOf, takeRoot } from "./contexts";
import { forgetEvidence } from "./evidence/serving";
import { bringAllIn } from "./evidence/tick";
import { releaseFallbacks } from "./fallback";
import { Root } from "./records";
import { prepareStats, releaseStats } from "./stats";
import { prepareWords } from "./words";

/** Enters a root that has no plan yet. @returns null without memory */
export function createRoot(id: u32): Root | null {
  if (!prepareWords() || !prepareStats()) return null;
  if (contextOf(id) != null) return rootOf(id);
  const root = takeRoot();
  if (root == null) return null;
  if (!enter(id, root)) {
    giveRoot(root);
    return null;
  }
  root.id = id;
  return root;
}

/** Serves a plan from now on under a root, in place of the one that it had. */
export function servePlan(root: Root, plan: Plan): void {
  const old = root.plan;
  root.plan = plan;
  if (old != null) retire(old);
}

/** Envoy is done with this root: its last stream is over. @returns false while calls of it are under way */
export function endRoot(root: Root): bool {
  bringAllIn();
  const plan = root.plan;
  root.plan = null;
  if (plan != null) retire(plan);
  if (root.calls != 0) {
    root.isWaiting = true;
    return false;
  }
  forgetRoot(root);
  return true;
}

/** A call of a root was answered: one that Envoy only keeps for its calls may go with the last. */
export function releaseRoot(root: Root): void {
  if (!root.isWaiting || root.calls != 0) return;
  forgetRoot(root);
  rootDone();
}

/** As `releaseRoot`, for a root that Envoy destroyed without a word while calls of it were under way. */
export function abandonRoot(root: Root): void {
  if (root.isWaiting && root.calls == 0) forgetRoot(root);
}

function forgetRoot(root: Root): void {
  leave(root.id);
  giveRoot(root);
}

/** Lets a plan go now, or with its last stream. */
export function retire(plan: Plan): void {
  forgetEvidence(plan);
  plan.retired = true;
  if (plan.streams == 0) close(plan);
}

/** A stream of this plan is over. */
export function releasePlan(plan: Plan): void {
  plan.streams--;
  if (plan.retired && plan.streams == 0) close(plan);
}

function close(plan: Plan): void {
  releaseStats(plan);
  releaseFallbacks(plan);
  closeArena(plan.arena);
}
