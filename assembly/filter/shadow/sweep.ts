// Copies whose answers are overdue: the root context that their calls belonged to is gone without a word, or no filter on
// the shadow's cluster has seen the mirrored request.

import { nextOf } from "../../bytes/records";
import { Dispatch } from "../../core/shadow-plan";
import { timeoutNs } from "./answers";
import { AnswerState, Call, Copy, ShadowState } from "../records";
import { addToMetric } from "../../host/metrics";
import { abandonRoot } from "../root";
import { closeCall } from "./calls";
import { giveUp } from "./copies";
import { firstState } from "./state";
import { settle } from "./verdict";

/** An answer that Envoy owes us for longer than this beyond its timeout will not come. */
const GRACE: u64 = 2000000000;

/** Gives up all copies whose answers are overdue. */
export function sweepAll(now: u64): void {
  for (let state = firstState(); state != null; state = nextOf(state)) sweep(state, now);
}

/**
 * When a copy's answers are overdue. Envoy ends a call by its timeout; nothing ends a mirror, and nothing a request whose
 * body comes drop by drop: it gets as long as the shadow's answer does.
 */
function dueOf(copy: Copy): u64 {
  if (copy.isCollecting) return copy.begunNs + timeoutNs(copy);
  return copy.sentNs + timeoutNs(copy) + (copy.shadow.dispatch == Dispatch.Call ? GRACE : 0);
}

/** A copy was sent, or waits for a body: notes when it will be looked after. */
export function noteDue(copy: Copy): void {
  const state = copy.state;
  const due = dueOf(copy);
  if (state.dueNs == 0 || due < state.dueNs) state.dueNs = due;
}

/** Gives up copies of a shadow whose answers are overdue, and only where a copy is wanted. */
export function sweep(state: ShadowState, now: u64): void {
  if (state.dueNs == 0 || now < state.dueNs) return;
  state.dueNs = 0;
  let at = state.first;
  while (at != null) {
    const copy = at;
    at = copy.next;
    if (copy.isCollecting) {
      if (now < dueOf(copy)) {
        noteDue(copy);
      } else {
        addToMetric(state.overBudget, 1);
        giveUp(copy);
      }
      continue;
    }
    if (copy.sentNs == 0) continue;
    if (copy.theirs.outcome != AnswerState.Pending && copy.other.outcome != AnswerState.Pending) continue;
    if (now < dueOf(copy)) {
      noteDue(copy);
      continue;
    }
    const isMirror = copy.shadow.dispatch != Dispatch.Call;
    const call = copy.call;
    if (call != null) abandon(call);
    const noiseCall = copy.noiseCall;
    if (noiseCall != null) abandon(noiseCall);
    if (copy.theirs.outcome == AnswerState.Pending) {
      const observer = copy.observer;
      if (observer != null) observer.observed = null;
      copy.observer = null;
      copy.theirs.outcome = isMirror ? AnswerState.Late : AnswerState.Cut;
      copy.theirs.endedNs = now;
    }
    if (copy.other.outcome == AnswerState.Pending) copy.other.outcome = AnswerState.None;
    settle(copy);
  }
}

/** Envoy destroyed the root that this call belonged to, or it would have answered. */
function abandon(call: Call): void {
  const root = call.root;
  closeCall(call);
  abandonRoot(root);
}
