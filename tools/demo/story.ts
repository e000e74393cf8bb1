// The demo's story: a good canary is promoted step by step to 100 %, one that begins to fail is rolled back. Pure: what
// happened in, words out.

import { counted, exactPercent } from "../terminal/numbers.ts";
import type { Colors } from "../terminal/terminal.ts";
import { countsOf } from "./envoy-counts.ts";
import type { ReleaseMove } from "./release-watch.ts";
import type { Figures } from "./table.ts";

/** The canary that `serin advance` takes to 100 %. */
export const GOOD = { rollout: "checkout", variant: "canary" } as const;
/** The canary that begins to fail. */
export const BAD = { rollout: "cart", variant: "canary" } as const;

/** A fault that is found later than this is not found in time, in milliseconds. */
const FOUND_WITHIN_MS = 15_000;
/** What comes to the bad canary in that time. A machine that cannot send as fast needs more time for as much evidence. */
const FOUND_WITHIN_REQUESTS = 150;
/** Thousandths of a percent. */
const WHOLE = 100_000;
/** Columns of a terminal where there is room for whole sentences. */
const LONG_FROM = 120;

/** One moment of the story; times are milliseconds since 1970. */
export interface Story {
  readonly started: number;
  readonly now: number;
  /** When the bad canary begins to fail, or has begun. */
  readonly failsAt: number;
  /** When the policy changed last, or the start. */
  readonly changedAt: number;
  /** Percents that `serin advance` has written. */
  readonly moves: readonly ReleaseMove[];
  /** What the good canary waits for; null while nothing is known. */
  readonly waitsFor: string | null;
}

type Seen = Pick<Figures, "tally" | "counts" | "ledger" | "rollbacks">;

/** A line for each of the two, where the policy has it. */
export function storyLines(story: Story, seen: Seen, width: number, colors: Colors): string[] {
  const has = (rollout: string): boolean => seen.tally.plan.some(({ name }) => name === rollout);
  return [
    ...(has(GOOD.rollout) ? [` ${goodLine(story, seen, colors)}`] : []),
    ...(has(BAD.rollout) ? [` ${badLine(story, seen, width, colors)}`] : []),
  ];
}

/** Whether both have come to their ends, and Envoy serves what was written. */
export function isTold(seen: Seen): boolean {
  return shareOf(seen, GOOD) === WHOLE && rollbacksOf(seen).length > 0 && shareOf(seen, BAD) === 0;
}

/** What a bounded run says of both. */
export function judgeStory(
  story: Story,
  seen: Seen,
): { readonly passed: string[]; readonly failed: string[] } {
  const passed: string[] = [];
  const failed: string[] = [];
  const share = shareOf(seen, GOOD);
  if (share === WHOLE) {
    passed.push(`${GOOD.rollout}'s ${GOOD.variant} was promoted to 100% on evidence: ${stepsOf(story)}`);
  } else {
    const why = story.waitsFor === null ? "" : `; ${story.waitsFor}`;
    failed.push(
      `${GOOD.rollout}'s ${GOOD.variant} was not promoted to 100%: ${standingOf(story, share)}${why}`,
    );
  }
  const [rollback] = rollbacksOf(seen);
  const name = `${BAD.rollout}'s ${BAD.variant}`;
  if (rollback === undefined) {
    failed.push(
      `${name} began to fail at ${clock(story.failsAt)} and was not rolled back; ${metErrors(seen)}`,
    );
    return { passed, failed };
  }
  const after = rollback.at - story.failsAt;
  const { requestsSince } = seen.ledger.plantedOf(BAD.rollout, BAD.variant);
  if (after < 0) failed.push(`${name} was rolled back before it began to fail`);
  else if (after > FOUND_WITHIN_MS && requestsSince > FOUND_WITHIN_REQUESTS)
    failed.push(`${name} was rolled back ${seconds(after)} after it began to fail; ${metErrors(seen)}`);
  else if (shareOf(seen, BAD) !== 0)
    failed.push(`${name} was rolled back, but the policy still gives it users`);
  else {
    passed.push(
      `${name} was rolled back at ${clock(rollback.at)}, ${seconds(after)} after it began to fail: ` +
        `${metErrors(seen)}, none because of the rollback`,
    );
  }
  return { passed, failed };
}

function goodLine(story: Story, seen: Seen, colors: Colors): string {
  const { rollout, variant } = GOOD;
  const share = shareOf(seen, GOOD);
  const name = `${colors.bold(rollout)} ${variant}`;
  if (share === WHOLE) return `${name}: ${colors.green("promoted to 100%")} on evidence: ${stepsOf(story)}`;
  if (share === 0) return `${name}: stopped at 0%; set a percent and raise epoch to begin again`;
  return `${name}: ${standingOf(story, share)}; ${story.waitsFor ?? "no evidence yet"}`;
}

function badLine(story: Story, seen: Seen, width: number, colors: Colors): string {
  const { rollout, variant } = BAD;
  const name = `${colors.bold(rollout)} ${variant}`;
  const share = shareOf(seen, BAD);
  const [first, ...later] = rollbacksOf(seen);
  const last = later.at(-1) ?? first;
  if (first !== undefined && last !== undefined && (share === 0 || last.at >= story.changedAt)) {
    const back = colors.yellow("rolled back");
    if (later.length > 0) return `${name}: ${back} again at ${clock(last.at)}; ${metErrors(seen)} in all`;
    const { users } = seen.ledger.plantedOf(rollout, variant);
    const [at, failing] = [clock(first.at), seconds(first.at - story.failsAt)];
    const long = `by its guard at ${at}, ${failing} after it began to fail; ${metErrors(seen)}`;
    return width >= LONG_FROM
      ? `${name}: ${back} ${long}`
      : `${name}: failed for ${failing}, ${back} at ${at}; ${counted(users, "user")} met errors`;
  }
  if (share === 0) return `${name}: 0%, no user gets it`;
  if (story.now < story.failsAt) {
    return `${name}: begins to fail in ${Math.ceil((story.failsAt - story.now) / 1000)} s; its guard watches`;
  }
  // A person has begun anew with what still fails.
  const since = first === undefined ? story.failsAt : story.changedAt;
  return `${name}: ${colors.red("failing")} since ${clock(since)}; ${metErrors(seen)}`;
}

/** `20% → 50% (64 s) → 100% (98 s)`: where it came from, and when after the start. */
function stepsOf({ moves, started }: Story): string {
  const own = moves.filter(({ rollout, variant }) => rollout === GOOD.rollout && variant === GOOD.variant);
  // A person who set another percent in between has begun anew.
  const begun = own.findLastIndex(({ from }, at) => from !== own[at - 1]?.to);
  const steps = own.slice(Math.max(0, begun));
  const first = steps[0]?.from ?? null;
  return [
    ...(first === null ? [] : [exactPercent(first / 100)]),
    ...steps.map(({ to, at }) => `${exactPercent(to / 100)} (${seconds(at - started, 0)})`),
  ].join(" → ");
}

/** The steps that led to this share, or the share alone. */
function standingOf(story: Story, share: number | null): string {
  const last = story.moves.findLast(
    ({ rollout, variant }) => rollout === GOOD.rollout && variant === GOOD.variant,
  );
  return last !== undefined && last.to * 1000 === share ? stepsOf(story) : exactPercent((share ?? 0) / WHOLE);
}

function metErrors({ ledger }: Seen): string {
  const { requests, users } = ledger.plantedOf(BAD.rollout, BAD.variant);
  return `${counted(requests, "request")} of ${counted(users, "user")} met an error`;
}

function rollbacksOf({ rollbacks }: Seen): Figures["rollbacks"] {
  return rollbacks.filter(({ rollout, variant }) => rollout === BAD.rollout && variant === BAD.variant);
}

/** Thousandths of a percent; null before Envoy says. */
function shareOf({ counts }: Seen, { rollout, variant }: typeof GOOD | typeof BAD): number | null {
  return counts.snapshot.rollouts.has(rollout) ? countsOf(counts, rollout, variant).share : null;
}

function clock(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}

function seconds(ms: number, decimals = 1): string {
  return `${(ms / 1000).toFixed(decimals)} s`;
}
