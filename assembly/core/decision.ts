// What belongs to the one request that is being decided: what its plan says is read there, all that comes of it is
// written here. A worker decides one request at a time, so there is one record for all its plans; its memory is taken
// when a policy is loaded and is as large as the largest plan asked for.

import { Arena, closeArena, openArena, take } from "../bytes/arena";
import { bytesOf, fixed, Run, takeRun } from "../bytes/records";
import { NONE, Slice } from "../bytes/slice";
import { Effect } from "./effect-plan";
import { Flag } from "./flag-plan";
import { GoalPair } from "./goal-plan";
import { Identity, IssueCookie } from "./identity-plan";
import { RuleError } from "./logic/opcodes";
import { Value } from "./logic/value";
import { beginWork } from "./logic/work";
import { Filed } from "./match-plan";
import { NO_SLOT, Plan, Rollout, Variant } from "./plan";
import { Shadow } from "./shadow-plan";

/** The request's value of one input. */
@unmanaged
class Slot {
  /** The first non-empty occurrence, trimmed; empty when all are. */
  value: Slice;
  /** The request that it belongs to. */
  stamp: u32;
}

/** Whom a request belongs to by one Identity. */
@unmanaged
export class Visitor {
  /** NONE when the request is anonymous. */
  value: Slice;
  /** Index of the source that yielded. */
  found: u32;
  /** Whether the identity was drawn for this very request. */
  isDrawn: bool;
  /** The request that it belongs to. */
  stamp: u32;
}

/** A flag's answer. */
@unmanaged
export class Answer {
  /** The request that it belongs to. */
  stamp: u32;
  /** Index of the variant; NO_SLOT when the answer is the caller's default. */
  given: u32;
  /** Why, and the cause when that is FlagReason.Error. */
  reason: FlagReason;
  error: RuleError;
}

/** Why a flag has its value: OpenFeature's resolution reasons. */
export const enum FlagReason {
  Disabled,
  Static,
  Default,
  TargetingMatch,
  Error,
}

/** The id that was drawn for an issued cookie. */
@unmanaged
class DrawnId {
  /** 32 hexadecimal digits in scratch memory. */
  id: Slice;
  /** The request that it belongs to. */
  stamp: u32;
}

/** What one rollout gave. */
@unmanaged
export class Given {
  rollout: Rollout;
  variant: Variant;
  reason: GivenReason;
  hash: u32;
  /** Whether the request is one of the control group. */
  isControl: bool;
  /** Whom the request is evidence of: the slot of a variant, or of the control group; NO_SLOT when it is none. */
  slot: u32;
}

/** Why a request got its variant. */
export const enum GivenReason {
  Disabled,
  ForcedByHeader,
  ForcedByCookie,
  Default,
  Split,
  /** The bucket gives a variant that a guard has rolled back: the default in its place. */
  RolledBack,
  /** The bucket gives a variant whose cluster does not answer: the default in its place, for a while. */
  FellBack,
  /** The client's address has to be given first: never the reason of a variant that was given. */
  Undecided,
}

/** What became of a shadow whose match and rule hold. */
@unmanaged
export class Drawn {
  shadow: Shadow;
  outcome: Draw;
  /** Under `sample: identity` the visitor's number. */
  hash: u32;
}

/** What came of a shadow's draw. */
export const enum Draw {
  None,
  Anonymous,
  /** Drawn, but the body is too large, or of unknown length where that has to be known. */
  TooLarge,
  Copy,
  /** Drawn, but the shadow's budget was spent: written by the filter, since a budget is no part of a decision. */
  OverBudget,
}

/** A goal that the request reaches if its answer is a success, for one rollout. */
@unmanaged
export class Reached {
  pair: GoalPair;
  rollout: Rollout;
  /** The variant of the bucket. */
  variant: Variant;
  hash: u32;
  /** The slot of the variant, or of the control group. */
  slot: u32;
}

/** Random bytes of one drawn identity, the most that anything draws. */
export const DRAW_BYTES: u32 = 16;

/** Random bytes that are kept ahead beyond what one request may need: the host is asked for them once in 64 draws. */
const RANDOM_AHEAD: u32 = 1024;

/** The matching has not begun. */
export const NOT_BEGUN: u32 = 0xffffffff;


@unmanaged
export class Decision {
  /** What it is decided by. */
  plan: Plan;
  /** The number of the request: slots, visitors, answers and ids of another number are stale. */
  stamp: u32;
  /** Wall clock of the request, nanoseconds. */
  nowNs: u64;
  /** Rules of this request that failed while there was work left: each counts as false. */
  ruleErrors: u32;
  /** Rules and flags' targetings that did not come to their end, since the request's work was spent. */
  workErrors: u32;
  /** Whether there were too few random bytes for a draw: what was decided is of no use then. */
  lacksRandom: bool;

  /** In document order, as is `drawn`. */
  given: Run<Given>;
  givenCount: u32;
  drawn: Run<Drawn>;
  drawnCount: u32;
  reached: Run<Reached>;
  reachedCount: u32;
  /** The first effect whose match holds: only of a shadow's request it is one. */
  effect: Effect | null;
  /** Whether an effect with an answer may name the request: the request's work was spent before that was found out. */
  isInDoubt: bool;
  /** Whether the request asks for some variant by name: who does so is testing. */
  isForced: bool;

  /** Where `decide` goes on: the next flag that is evaluated for every request, ... */
  watched: Flag | null;
  /** ... the host, path and entry that are matched, ... */
  host: u32;
  path: u32;
  filed: Filed | null;
  /** ... and a bit for each rollout, then for each shadow, goal and effect, that is to be decided; one for each 64 that are not zero. */
  matched: Run<u64>;
  summary: Run<u64>;

  /** The values of the inputs, by slot. */
  slots: Run<Slot>;
  /** By the index of an Identity, a Flag, an IssueCookie. */
  visitors: Run<Visitor>;
  answers: Run<Answer>;
  ids: Run<DrawnId>;
  /** Where the stack of rules begins. */
  stack: Run<Value>;

  /** Random bytes ahead of the request: given by the filter, used from the front. */
  random: usize;
  randomUsed: u32;

  /** All runs are here, with room for so many. */
  arena: Arena;
  roomBytes: usize;
  slotRoom: u32;
  visitorRoom: u32;
  answerRoom: u32;
  idRoom: u32;
  rolloutRoom: u32;
  shadowRoom: u32;
  goalRoom: u32;
  effectRoom: u32;
  reachedRoom: u32;
  stackRoom: u32;
  randomRoom: u32;

  /** The value that a slot holds for this request; NONE when nothing was filled in. */
  valueOf(index: u32): Slice {
    if (index == NO_SLOT) return NONE;
    const slot = this.slots.at(index);
    return slot.stamp == this.stamp ? slot.value : NONE;
  }

  /** Whether a slot was filled in for this request. */
  isFilled(index: u32): bool {
    return this.slots.at(index).stamp == this.stamp;
  }

  /** Fills a slot in. */
  fill(index: u32, value: Slice): void {
    const slot = this.slots.at(index);
    slot.stamp = this.stamp;
    slot.value = value;
  }

  /** A flag's answer; null when it was not evaluated for this request. */
  answerOf(flag: Flag): Answer | null {
    const answer = this.answers.at(flag.index);
    if (answer.stamp != this.stamp) return null;
    return answer;
  }

  /** The request's identity as far as it is known; NONE when it is anonymous, or was not needed. */
  identityOf(identity: Identity | null): Slice {
    if (!identity) return NONE;
    const visitor = this.visitors.at(identity.index);
    return visitor.stamp == this.stamp ? visitor.value : NONE;
  }

  /** The id that was drawn for a cookie; NONE when none was. */
  idOf(issue: IssueCookie): Slice {
    const drawn = this.ids.at(issue.index);
    return drawn.stamp == this.stamp ? drawn.id : NONE;
  }

  /** Notes the id that was drawn for a cookie. */
  keepId(issue: IssueCookie, id: Slice): void {
    const drawn = this.ids.at(issue.index);
    drawn.stamp = this.stamp;
    drawn.id = id;
  }

  /** Takes `bytes` of the random bytes. @returns their address; 0, and `lacksRandom`, when there are too few */
  takeRandom(bytes: u32): usize {
    if (this.randomRoom - this.randomUsed < bytes) {
      this.lacksRandom = true;
      return 0;
    }
    const at = this.random + this.randomUsed;
    this.randomUsed += bytes;
    return at;
  }
}

/** The one decision: a worker decides one request at a time. */
export const decision: Decision = fixed<Decision>();

/** The most random bytes that one request may draw: for each cookie that is issued, each rollout and each shadow. */
function mostRandom(plan: Plan): u32 {
  return plan.drawsRandom ? (plan.issueCount + plan.rolloutCount + plan.shadowCount + 1) * DRAW_BYTES : 0;
}

/** Makes room for decisions by a plan, when it is loaded. @returns false without memory */
export function makeRoom(decision: Decision, plan: Plan): bool {
  const slots = max<u32>(decision.slotRoom, plan.inputs.count);
  const visitors = max<u32>(decision.visitorRoom, plan.identityCount);
  const answers = max<u32>(decision.answerRoom, plan.flagCount);
  const ids = max<u32>(decision.idRoom, plan.issueCount);
  const rollouts = max<u32>(decision.rolloutRoom, plan.rolloutCount);
  const shadows = max<u32>(decision.shadowRoom, plan.shadowCount);
  const goals = max<u32>(decision.goalRoom, plan.goalCount);
  const pairs = max<u32>(decision.reachedRoom, plan.goalPairCount);
  const depth = max<u32>(decision.stackRoom, plan.ruleDepth + 1);
  const random = max<u32>(decision.randomRoom, plan.drawsRandom ? mostRandom(plan) + RANDOM_AHEAD : 0);
  const effects = max<u32>(decision.effectRoom, plan.effectCount);
  const words = (rollouts + shadows + goals + effects + 63) >> 6;
  const above = (words + 63) >> 6;
  const bytes =
    bytesOf<Slot>(slots) +
    bytesOf<Visitor>(visitors) +
    bytesOf<Answer>(answers) +
    bytesOf<DrawnId>(ids) +
    bytesOf<Given>(rollouts) +
    bytesOf<Drawn>(shadows) +
    bytesOf<Reached>(pairs) +
    bytesOf<Value>(depth) +
    bytesOf<u64>(words + above) +
    random;
  // No count ever falls: the same sum is the same room.
  if (bytes == decision.roomBytes) return true;
  const arena = openArena();
  if (!arena) return false;
  const slotRun = takeRun<Slot>(arena, slots);
  const visitorRun = takeRun<Visitor>(arena, visitors);
  const answerRun = takeRun<Answer>(arena, answers);
  const idRun = takeRun<DrawnId>(arena, ids);
  const given = takeRun<Given>(arena, rollouts);
  const drawn = takeRun<Drawn>(arena, shadows);
  const reached = takeRun<Reached>(arena, pairs);
  const stack = takeRun<Value>(arena, depth);
  const matched = takeRun<u64>(arena, words);
  const summary = takeRun<u64>(arena, above);
  const ahead = take(arena, random);
  if (arena.failed) {
    closeArena(arena);
    return false;
  }
  if (decision.roomBytes != 0) closeArena(decision.arena);
  decision.arena = arena;
  decision.roomBytes = bytes;
  decision.slots = slotRun;
  decision.slotRoom = slots;
  decision.visitors = visitorRun;
  decision.visitorRoom = visitors;
  decision.answers = answerRun;
  decision.answerRoom = answers;
  decision.ids = idRun;
  decision.idRoom = ids;
  decision.given = given;
  decision.rolloutRoom = rollouts;
  decision.drawn = drawn;
  decision.shadowRoom = shadows;
  decision.reached = reached;
  decision.goalRoom = goals;
  decision.effectRoom = effects;
  decision.reachedRoom = pairs;
  decision.stack = stack;
  decision.stackRoom = depth;
  decision.matched = matched;
  decision.summary = summary;
  decision.random = ahead;
  decision.randomRoom = random;
  // All is to be drawn anew.
  decision.randomUsed = random;
  return true;
}

/** Begins the decision of a request: nothing is known of it yet. */
export function beginDecision(decision: Decision, plan: Plan, nowNs: u64): void {
  decision.plan = plan;
  decision.nowNs = nowNs;
  decision.ruleErrors = 0;
  decision.workErrors = 0;
  beginWork(plan.work);
  decision.lacksRandom = false;
  decision.givenCount = 0;
  decision.drawnCount = 0;
  decision.reachedCount = 0;
  decision.effect = null;
  decision.isInDoubt = false;
  decision.isForced = false;
  decision.watched = plan.watched;
  decision.host = NOT_BEGUN;
  decision.stamp++;
  if (decision.stamp != 0) return;
  // After 2^32 requests what the first left could look new.
  decision.slots.clear(decision.slotRoom);
  decision.visitors.clear(decision.visitorRoom);
  decision.answers.clear(decision.answerRoom);
  decision.ids.clear(decision.idRoom);
  decision.stamp = 1;
}

/**
 * How many random bytes have to be written to `decision.random` before the request is decided; 0 when those that are
 * ahead are enough, whatever comes of it.
 */
export function randomWanted(decision: Decision): u32 {
  return decision.randomRoom - decision.randomUsed < mostRandom(decision.plan) ? decision.randomUsed : 0;
}
