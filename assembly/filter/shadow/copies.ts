// Open copies: what is kept of a request that was copied until all answers are there, and no longer. Records, texts and
// bodies are used again; a copy holds its plan, so a policy that is replaced meanwhile still says how to compare.

import { take } from "../../bytes/arena";
import { Chain, giveChain } from "../../bytes/chain";
import { Hash64 } from "../../bytes/hash64";
import { Plan } from "../../core/plan";
import { Shadow } from "../../core/shadow-plan";
import { Root, Stream } from "../contexts";
import { releasePlan } from "../root";
import { giveToken } from "./budget";
import { ShadowState } from "./state";
import { vmArena } from "../words";

/** What is known of one of the answers. */
export const ANSWER_NONE: u32 = 0;
export const ANSWER_PENDING: u32 = 1;
export const ANSWER_WHOLE: u32 = 2;
export const ANSWER_CUT: u32 = 3;
export const ANSWER_LATE: u32 = 4;

/** One of the answers. */
@unmanaged
export class Answer {
  /** ANSWER_* */
  outcome: u32;
  status: u32;
  /** Bytes of its body, and a hash of the first of them. */
  bytes: u64;
  hash: Hash64;
  /** The body, if it is kept. */
  body: Chain;
  /** Whether `body` is all of it. */
  isKept: bool;
  /** When its last byte had come. */
  endedNs: u64;
}

/** One copy. */
@unmanaged
export class Copy {
  /** In the list of the shadow's open copies; `next` also in the list of free ones. */
  next: usize;
  before: usize;
  plan: Plan;
  shadow: Shadow;
  state: ShadowState;
  /** Production's stream, while it lasts, and its next copy. */
  stream: Stream;
  nextOfStream: usize;
  /** The shadow's stream at the upstream filter (mirror), while it lasts. */
  observer: Stream;
  /** Whether the request's end has not passed yet. */
  isCollecting: bool;
  /** mirror: what x-request-id hashes to. */
  key: u64;
  sentNs: u64;
  /** The calls that are under way; 0 without. */
  call: usize;
  noiseCall: usize;
  ours: Answer;
  theirs: Answer;
  /** Of production's second instance. */
  other: Answer;
  /** The copy's headers (a block of pairs) and body, until it is sent. */
  head: Chain;
  body: Chain;
  /** `GET /path`, cut. */
  line: usize;
  lineBytes: u32;
}

export const LINE_BYTES: u32 = 512;

/** One HTTP call under way. */
@unmanaged
export class Call {
  /** In its bucket, or in the list of free ones. */
  next: usize;
  token: u32;
  isNoise: bool;
  /** What was reserved for its answer (filter/shadow/budget.ts). */
  reserved: u32;
  copy: Copy;
  root: Root;
}

const BUCKETS: u32 = 256;
const buckets: usize = memory.data(1024, 8);
let freeCopies: usize = 0;
let freeCalls: usize = 0;

function newAnswer(): usize {
  const address = take(vmArena, offsetof<Answer>());
  const hash = take(vmArena, offsetof<Hash64>());
  const body = take(vmArena, offsetof<Chain>());
  if (address == 0 || hash == 0 || body == 0) return 0;
  changetype<Answer>(address).hash = changetype<Hash64>(hash);
  changetype<Answer>(address).body = changetype<Chain>(body);
  return address;
}

function newCopy(): usize {
  const address = take(vmArena, offsetof<Copy>());
  if (address == 0) return 0;
  const copy = changetype<Copy>(address);
  copy.ours = changetype<Answer>(newAnswer());
  copy.theirs = changetype<Answer>(newAnswer());
  copy.other = changetype<Answer>(newAnswer());
  copy.head = changetype<Chain>(take(vmArena, offsetof<Chain>()));
  copy.body = changetype<Chain>(take(vmArena, offsetof<Chain>()));
  copy.line = take(vmArena, LINE_BYTES);
  return vmArena.failed ? 0 : address;
}

function resetAnswer(answer: Answer, outcome: u32): void {
  answer.outcome = outcome;
  answer.status = 0;
  answer.bytes = 0;
  answer.isKept = false;
  answer.endedNs = 0;
}

/** Opens a copy of the stream's request. @returns 0 without memory */
export function openCopy(stream: Stream, plan: Plan, shadow: Shadow): usize {
  let address = freeCopies;
  if (address != 0) freeCopies = changetype<Copy>(address).next;
  else address = newCopy();
  if (address == 0) return 0;
  const copy = changetype<Copy>(address);
  const state = changetype<ShadowState>(shadow.state);
  copy.plan = plan;
  plan.streams++;
  copy.shadow = shadow;
  copy.state = state;
  copy.stream = stream;
  copy.nextOfStream = stream.copies;
  stream.copies = address;
  copy.observer = changetype<Stream>(0);
  copy.isCollecting = false;
  copy.key = 0;
  copy.sentNs = 0;
  copy.call = 0;
  copy.noiseCall = 0;
  copy.lineBytes = 0;
  resetAnswer(copy.ours, ANSWER_PENDING);
  resetAnswer(copy.theirs, ANSWER_PENDING);
  resetAnswer(copy.other, ANSWER_NONE);
  copy.next = 0;
  copy.before = state.last;
  if (state.last == 0) state.first = address;
  else changetype<Copy>(state.last).next = address;
  state.last = address;
  state.inFlight++;
  return address;
}

/** Forgets a copy, and gives back all that it holds. Its production stream must have let go of it. */
export function closeCopy(copy: Copy): void {
  const state = copy.state;
  if (copy.before == 0) state.first = copy.next;
  else changetype<Copy>(copy.before).next = copy.next;
  if (copy.next == 0) state.last = copy.before;
  else changetype<Copy>(copy.next).before = copy.before;
  state.inFlight--;
  if (changetype<usize>(copy.observer) != 0) copy.observer.observed = 0;
  if (copy.call != 0) closeCall(changetype<Call>(copy.call));
  if (copy.noiseCall != 0) closeCall(changetype<Call>(copy.noiseCall));
  giveChain(copy.head);
  giveChain(copy.body);
  giveChain(copy.ours.body);
  giveChain(copy.theirs.body);
  giveChain(copy.other.body);
  const plan = copy.plan;
  copy.next = freeCopies;
  freeCopies = changetype<usize>(copy);
  releasePlan(plan);
}

/** A copy that was never sent is forgotten, and so is what it took of the budget. */
export function giveUp(copy: Copy): void {
  giveToken(copy.state);
  detachCopy(copy);
  closeCopy(copy);
}

/** Takes a copy out of its production stream's chain. */
function detachCopy(copy: Copy): void {
  const stream = copy.stream;
  if (changetype<usize>(stream) == 0) return;
  copy.stream = changetype<Stream>(0);
  let before: usize = 0;
  let at = stream.copies;
  while (at != 0 && at != changetype<usize>(copy)) {
    before = at;
    at = changetype<Copy>(at).nextOfStream;
  }
  if (at == 0) return;
  if (before == 0) stream.copies = copy.nextOfStream;
  else changetype<Copy>(before).nextOfStream = copy.nextOfStream;
}

function bucketOf(token: u32): usize {
  return buckets + (((token & (BUCKETS - 1)) as usize) << 2);
}

/** Makes room for a call before it is made, so that none is made that cannot be followed. @returns false without memory */
export function reserveCall(): bool {
  if (freeCalls != 0) return true;
  freeCalls = take(vmArena, offsetof<Call>());
  return freeCalls != 0;
}

/** Enters a call for which room was reserved. */
export function enterCall(token: u32, copy: Copy, root: Root, isNoise: bool, reserved: u32): void {
  const address = freeCalls;
  const call = changetype<Call>(address);
  freeCalls = call.next;
  call.token = token;
  call.isNoise = isNoise;
  call.reserved = reserved;
  call.copy = copy;
  call.root = root;
  const bucket = bucketOf(token);
  call.next = load<u32>(bucket) as usize;
  store<u32>(bucket, address as u32);
  if (isNoise) copy.noiseCall = address;
  else copy.call = address;
  root.calls++;
}

/** The call of a token, which is unique among those of one root; 0 for one that was given up. */
export function callOf(root: u32, token: u32): usize {
  let at = load<u32>(bucketOf(token)) as usize;
  while (at != 0) {
    const call = changetype<Call>(at);
    if (call.token == token && call.root.id == root) break;
    at = call.next;
  }
  return at;
}

/** Forgets a call. */
export function closeCall(call: Call): void {
  const bucket = bucketOf(call.token);
  let before: usize = 0;
  let at = load<u32>(bucket) as usize;
  while (at != 0 && at != changetype<usize>(call)) {
    before = at;
    at = changetype<Call>(at).next;
  }
  if (at == 0) return;
  if (before == 0) store<u32>(bucket, call.next as u32);
  else changetype<Call>(before).next = call.next;
  if (call.isNoise) call.copy.noiseCall = 0;
  else call.copy.call = 0;
  call.root.calls--;
  call.next = freeCalls;
  freeCalls = changetype<usize>(call);
}
