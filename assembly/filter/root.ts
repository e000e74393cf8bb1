// Roots: one plugin configuration on one worker. A root keeps its plan until Envoy is done with the root; an update is
// a new root beside the old one, in the same memory.

import { closeArena } from "../bytes/arena";
import { givePages, takePages } from "../bytes/pages";
import { beginScratch, scratch } from "../bytes/scratch";
import { NONE, sameText, Slice } from "../bytes/slice";
import { beginText, textOf, Writer } from "../bytes/writer";
import { Plan } from "../core/plan";
import { nowNs } from "../host/clock";
import { rootDone } from "../host/http-call";
import { ERROR, log, WARN } from "../host/log";
import { configuration } from "../host/plugin";
import { property } from "../host/properties";
import { isWarning, problemCount, putProblem } from "../policy/problems";
import { compilePlan, endReading, noText, refuseSize, starved } from "../policy/read-policy";
import { LIMIT_POLICY_BYTES } from "../vocabulary/limits";
import { enter, giveRoot, leave, recordOf, Root, takeRoot } from "./contexts";
import { adoptFlagStats } from "./flag-stats";
import { forgetLevel } from "./lines";
import { adoptShadows } from "./shadow-state";
import { sweepAll } from "./sweep";
import { adoptStats, countLoaded, countRejected, prepareStats, releaseStats } from "./stats";
import { survive } from "./survive";
import { prepareWords, wordRootId, wordUpstream } from "./words";

/** Where the host puts the configuration; 0 outside of `configure`, when allocations are scratch. */
let configuring: bool = false;
let text: usize = 0;
let textBytes: usize = 0;

/** Memory for what the host returns: of the callback, but for the configuration's text. 0 when there is none. */
export function allocate(bytes: usize): usize {
  return configuring ? takeText(bytes) : scratch(bytes);
}

/** Memory that is kept until `configure` is over. */
function takeText(bytes: usize): usize {
  givePages(text, textBytes);
  text = takePages(bytes);
  textBytes = bytes;
  return text;
}

/** Enters a root that has no plan yet. */
export function createRoot(id: u32): usize {
  if (!prepareWords() || !prepareStats()) return 0;
  const found = recordOf(id);
  if (found != 0) return found;
  const root = takeRoot();
  if (root == 0 || !enter(id, root)) return 0;
  changetype<Root>(root).id = id;
  return root;
}

const line: Writer = changetype<Writer>(memory.data(32, 8));

/**
 * Reads a policy and serves it from now on under this root.
 *
 * The answer depends on the policy's bytes alone. A worker that refused what another took would serve without the
 * filter and refuse every later policy (facts/envoy.md 6), so want of memory is no refusal: the root then has the plan
 * that it had, or none, which lets requests pass as they came, counted and said.
 * @returns whether it was accepted
 */
export function configure(id: u32, bytes: u32): bool {
  beginScratch();
  const root = createRoot(id);
  const plan = bytes > (LIMIT_POLICY_BYTES as u32) ? refuseSize(bytes) : read(bytes);
  for (let i: u32 = 0; i < problemCount(); i++) {
    beginText(line);
    putProblem(line, i);
    log(isWarning(i) ? WARN : ERROR, textOf(line));
  }
  endReading();
  givePages(text, textBytes);
  text = 0;
  textBytes = 0;
  forgetLevel();
  if (changetype<usize>(plan) == 0) {
    if (starved) {
      survive("memory", "no memory for this policy: requests pass without a decision");
      return true;
    }
    countRejected();
    return false;
  }
  adoptFlagStats(plan);
  sweepAll(nowNs());
  if (!adoptShadows(plan)) survive("memory", "no memory for some shadows");
  if (!adoptStats(plan)) survive("memory", "no memory for the stats of some variants");
  if (root == 0) {
    survive("memory", "no memory for a root: requests pass without a decision");
    retire(plan);
    return true;
  }
  changetype<Root>(root).isUpstream = sameText(property(wordRootId), wordUpstream);
  const old = changetype<Root>(root).plan;
  changetype<Root>(root).plan = plan;
  retire(old);
  countLoaded();
  return true;
}

/** Fetches the policy's text and compiles it. */
function read(bytes: u32): Plan {
  configuring = true;
  const policy: Slice = bytes == 0 ? NONE : configuration(bytes);
  configuring = false;
  return bytes != 0 && policy == NONE ? noText() : compilePlan(policy);
}

/** Envoy is done with this root: its last stream is over. @returns false while calls of it are under way */
export function endRoot(root: Root): bool {
  const plan = root.plan;
  root.plan = changetype<Plan>(0);
  retire(plan);
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
function retire(plan: Plan): void {
  if (changetype<usize>(plan) == 0) return;
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
  closeArena(plan.arena);
}
