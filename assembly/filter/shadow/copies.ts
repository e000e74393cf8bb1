// Open copies: what is kept of a request that was copied until all answers are there, and no longer. Records, texts and
// bodies are used again; a copy holds its plan, so a policy that is replaced meanwhile still says how to compare.

import { take } from "../../bytes/arena";
import { giveChain } from "../../bytes/chain";
import { FreeList } from "../../bytes/free-list";
import { fixed } from "../../bytes/records";
import { NONE } from "../../bytes/slice";
import { Plan } from "../../core/plan";
import { Shadow } from "../../core/shadow-plan";
import * as limits from "../../vocabulary/limits";
import { Answer, AnswerState, Copy, COPY_BYTES, NO_GRPC_STATUS, ShadowState, Stream } from "../records";
import { releasePlan } from "../root";
import { vmArena } from "../vm";
import { giveToken } from "./budget";
import { closeCall } from "./calls";

const freeCopies: FreeList<Copy> = fixed<FreeList<Copy>>();

function resetAnswer(answer: Answer, outcome: AnswerState): void {
  answer.outcome = outcome;
  answer.isBegun = false;
  answer.status = 0;
  answer.isGrpc = false;
  answer.grpcStatus = NO_GRPC_STATUS;
  answer.headers.clear(limits.COMPARED_HEADERS);
  answer.bytes = 0;
  answer.codings = 0;
  answer.isKept = false;
  answer.text = NONE;
  answer.endedNs = 0;
}

/** Opens a copy of the stream's request. @returns null without memory */
export function openCopy(stream: Stream, plan: Plan, shadow: Shadow, state: ShadowState): Copy | null {
  let copy = freeCopies.take();
  if (copy == null) copy = changetype<Copy | null>(take(vmArena(), COPY_BYTES));
  if (copy == null) return null;
  copy.plan = plan;
  plan.streams++;
  copy.shadow = shadow;
  copy.state = state;
  copy.stream = stream;
  copy.nextOfStream = stream.copies;
  stream.copies = copy;
  copy.observer = null;
  copy.isCollecting = false;
  copy.begunNs = 0;
  copy.key = 0;
  copy.sentNs = 0;
  copy.evidence = 0;
  copy.call = null;
  copy.noiseCall = null;
  copy.lineBytes = 0;
  resetAnswer(copy.ours, AnswerState.Pending);
  resetAnswer(copy.theirs, AnswerState.Pending);
  resetAnswer(copy.other, AnswerState.None);
  const last = state.last;
  copy.next = null;
  copy.before = last;
  if (last == null) state.first = copy;
  else last.next = copy;
  state.last = copy;
  state.inFlight++;
  return copy;
}

/** Forgets a copy, and gives back all that it holds. */
export function closeCopy(copy: Copy): void {
  detachCopy(copy);
  const state = copy.state;
  const before = copy.before;
  const next = copy.next;
  if (before == null) state.first = next;
  else before.next = next;
  if (next == null) state.last = before;
  else next.before = before;
  state.inFlight--;
  if (copy.isCollecting) state.collecting--;
  const observer = copy.observer;
  if (observer != null) observer.observed = null;
  const call = copy.call;
  if (call != null) closeCall(call);
  const noiseCall = copy.noiseCall;
  if (noiseCall != null) closeCall(noiseCall);
  giveChain(copy.head);
  giveChain(copy.body);
  giveChain(copy.ours.body);
  giveChain(copy.theirs.body);
  giveChain(copy.other.body);
  const plan = copy.plan;
  freeCopies.give(copy);
  releasePlan(plan);
}

/** A copy that was never sent is forgotten, and so is what it took of the budget. */
export function giveUp(copy: Copy): void {
  giveToken(copy.state);
  closeCopy(copy);
}

/** Takes a copy out of its production stream's chain. */
function detachCopy(copy: Copy): void {
  const stream = copy.stream;
  if (stream == null) return;
  copy.stream = null;
  let before: Copy | null = null;
  let at = stream.copies;
  while (at != null && at != copy) {
    before = at;
    at = at.nextOfStream;
  }
  if (at == null) return;
  if (before == null) stream.copies = copy.nextOfStream;
  else before.nextOfStream = copy.nextOfStream;
}
