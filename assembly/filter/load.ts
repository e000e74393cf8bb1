// Loads a policy: the host's bytes, compiled into a plan that a root serves, or problems in the log. An update is a new
// root beside the old one, in the same memory.

import { beginHash, Hash64, hashBytes, hashOf } from "../bytes/hash64";
import { givePages, takePages } from "../bytes/pages";
import { fixed } from "../bytes/records";
import { beginScratch, scratch } from "../bytes/scratch";
import { sha256Prefix48 } from "../bytes/sha256";
import { addressOf, lengthOf, NONE, sameText, Slice } from "../bytes/slice";
import { beginText, textOf, Writer } from "../bytes/writer";
import { Plan } from "../core/plan";
import { nowNs } from "../host/clock";
import { log, LogLevel } from "../host/log";
import { configuration } from "../host/plugin";
import { property } from "../host/properties";
import { isWarning, problemCount, putMore, putProblem } from "../policy/problems";
import { compilePlan, endReading, noText, Reading, refuseSize } from "../policy/read-policy";
import * as limits from "../vocabulary/limits";
import { adoptFlagStats } from "./flag-stats";
import { beginRamps } from "./evidence/ramp";
import { adoptEvidence, servedDigest, serveEvidence } from "./evidence/serving";
import { adoptFallbacks } from "./fallback";
import { forgetLevel } from "./lines";
import { keepAllStats } from "./kept-stats";
import { createRoot, retire, servePlan } from "./root";
import { adoptShadows } from "./shadow/state";
import { sweepAll } from "./shadow/sweep";
import { beginEffects } from "./side-effects/tick";
import { adoptStats, countLoaded, countRejected, tellServed } from "./stats";
import { survive } from "./survive";
import { words } from "./words";

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

const hash: Hash64 = fixed<Hash64>();
/** A byte of 0, which no name has. */
const ZERO: usize = memory.data(sizeof<u8>(), 8);
const line: Writer = fixed<Writer>();
const reading: Reading = fixed<Reading>();

/**
 * Reads a policy and serves it from now on under this root.
 *
 * The answer depends only on the policy's bytes. A worker that refused what another took would serve without the
 * filter and refuse every later policy (facts/envoy.md 6), so lack of memory does not refuse it: the root then keeps
 * the plan that it had, or has none, which lets requests pass unchanged; this is counted and logged.
 * @returns whether it was accepted
 */
export function configure(id: u32, bytes: u32): bool {
  beginScratch();
  const root = createRoot(id);
  const plan: Plan | null = bytes > (limits.POLICY_BYTES as u32) ? refuseSize(bytes, reading) : read(bytes);
  for (let i: u32 = 0; i < problemCount(); i++) {
    beginText(line);
    putProblem(line, i);
    log(isWarning(i) ? LogLevel.Warn : LogLevel.Error, textOf(line));
  }
  beginText(line);
  if (putMore(line)) log(LogLevel.Warn, textOf(line));
  endReading();
  givePages(text, textBytes);
  text = 0;
  textBytes = 0;
  forgetLevel();
  if (plan == null) {
    if (reading.starved) {
      survive("memory", "no memory for this policy: requests pass without a decision");
      return true;
    }
    countRejected();
    return false;
  }
  adoptFlagStats(plan);
  const now = nowNs();
  sweepAll(now);
  if (!adoptShadows(plan)) survive("memory", "no memory for some shadows");
  beginRamps(plan, now);
  plan.loadedNs = now;
  if (!adoptStats(plan) || !keepAllStats(plan)) survive("memory", "no memory for the stats of some variants");
  if (!beginEffects(plan, now)) survive("memory", "no memory for some effects");
  if (!adoptFallbacks(plan)) survive("memory", "no memory for the fallback of some variants");
  if (!adoptEvidence(plan)) survive("memory", "no memory for the evidence of some rollouts");
  if (root == null) {
    survive("memory", "no memory for a root: requests pass without a decision");
    retire(plan);
    return true;
  }
  root.isUpstream = sameText(property(words.rootId), words.upstream);
  if (!root.isUpstream) {
    if (!serveEvidence(plan, pluginId(), now)) survive("memory", "no memory for the evidence of a plugin");
    tellServed(servedDigest());
  }
  servePlan(root, plan);
  countLoaded();
  return true;
}

/** What tells this plugin from others of the VM: its name and its root_id. */
function pluginId(): u64 {
  beginHash(hash);
  putName(property(words.pluginName));
  putName(property(words.rootId));
  return hashOf(hash);
}

function putName(name: Slice): void {
  hashBytes(hash, addressOf(name), lengthOf(name));
  hashBytes(hash, ZERO, 1);
}

/** Fetches the policy's text and compiles it. */
function read(bytes: u32): Plan | null {
  configuring = true;
  const policy: Slice = bytes == 0 ? NONE : configuration(bytes);
  configuring = false;
  if (bytes != 0 && policy == NONE) return noText(reading);
  const plan = compilePlan(policy, reading);
  if (plan != null) plan.digest = sha256Prefix48(policy);
  return plan;
}
