// What the bits of evidence periods say of one variant: worse, within the limit, or neither. Numbers in, numbers out;
// measure.ts and words.ts make of it what people read. docs/decisions/statistics.md says why these tests, and the simulations of
// test/statistics run on this very code.

import { usersBehind } from "../statistics/linear-counting.ts";
import {
  logBelow,
  logFewer,
  logMean,
  logOfPeriod,
  logShifted,
  logWithinRatio,
  logWorse,
  type FirstSetters,
} from "../statistics/first-setters.ts";
import { READERS, slowReader, whole, type Evidence, type Reader } from "./evidence.ts";
import { FALSE_PASSES, type Limits } from "./limits.ts";

/** What kind of thing users meet. */
export type Kind = "errors" | "clientErrors" | "slow";

/** The baseline's part of users above which no limit can be shown any more. */
const MOST: Readonly<Record<Kind, number>> = { errors: 1, clientErrors: 0.5, slow: 0.2 };
/** Fewer than this are rare, and may be shown to be rare for the variant too. */
const RARELY_SLOW = 0.02;

/** Parts of alpha: what is called `fail` by chance, over all periods, adds up to alpha. */
export const ALPHA_PARTS = { errors: 1 / 2, latency: 1 / 4, clientErrors: 1 / 8, ok: 1 / 8 } as const;

/** One thing that users may meet. */
export interface MeasureDecision {
  /** Logarithm of the e-value against "not more often": for `ok` "not less often", for `redirects` "as often". */
  readonly logEvidence: number;
  /** It is significantly so. */
  readonly isSignificant: boolean;
  /** Shown to be within the limit; for what is too common to be shown, nothing that speaks against it. */
  readonly isWithin: boolean;
  /** By what it is within: the ratio to the baseline, or because few of the variant's own users meet it. */
  readonly by: "ratio" | "negligible";
  /** So many of the baseline's users met it that no limit can be shown: it can only keep a variant from passing. */
  readonly isCommon: boolean;
  /** The baseline's part of users that met it, 0 to 1; null without users. */
  readonly met: number | null;
}

export interface Decided {
  readonly errors: MeasureDecision;
  readonly clientErrors: MeasureDecision;
  readonly ok: MeasureDecision;
  readonly redirects: MeasureDecision;
  readonly latency: {
    /** Logarithm of the mean e-value over thresholds. */
    readonly logEvidence: number;
    readonly isSignificant: boolean;
    readonly isWithin: boolean;
    /** Some threshold is neither too common, nor without users: without one there is no `pass`. */
    readonly isJudged: boolean;
    /** In the order of the thresholds. */
    readonly thresholds: readonly MeasureDecision[];
  };
  readonly decision: "pass" | "fail" | "inconclusive";
}

/**
 * What the evidence of all Envoys says of one variant. `alpha`: the chance, for all looks and periods together, that a
 * variant like the baseline is called `fail`. The sample ratio is not looked at here.
 */
export function decide(evidence: readonly Evidence[], limits: Limits, alpha: number): Decided {
  const errors = decideErrors(evidence, limits, alpha);
  const clientErrors = measure(
    evidence,
    READERS.clientErrors,
    alpha * ALPHA_PARTS.clientErrors,
    limits,
    "clientErrors",
  );
  const ok = direction(evidence, READERS.ok, logFewer, alpha * ALPHA_PARTS.ok);
  const redirects = direction(evidence, READERS.redirects, logShifted, alpha);
  const latency = decideLatency(evidence, limits, alpha * ALPHA_PARTS.latency);
  const isWorse =
    errors.isSignificant || clientErrors.isSignificant || ok.isSignificant || latency.isSignificant;
  const isPass =
    errors.isWithin &&
    clientErrors.isWithin &&
    latency.isWithin &&
    latency.isJudged &&
    !redirects.isSignificant;
  const decision = isWorse ? "fail" : isPass ? "pass" : "inconclusive";
  return { errors, clientErrors, ok, redirects, latency, decision };
}

/** Of errors alone. `alpha`: of the whole decision. */
export function decideErrors(evidence: readonly Evidence[], limits: Limits, alpha: number): MeasureDecision {
  return measure(evidence, READERS.errors, alpha * ALPHA_PARTS.errors, limits, "errors");
}

function decideLatency(evidence: readonly Evidence[], limits: Limits, alpha: number): Decided["latency"] {
  const count = Math.max(0, ...evidence.map(({ control }) => control.slow.length));
  const thresholds = Array.from({ length: count }, (_, index) =>
    measure(evidence, slowReader(index), alpha, limits, "slow"),
  );
  // The mean over thresholds of each Envoy, then over Envoys: the order does not matter.
  const logEvidence = logMean(thresholds.map((each) => each.logEvidence));
  return {
    logEvidence,
    isSignificant: logEvidence >= -Math.log(alpha),
    isWithin: thresholds.every(({ isWithin }) => isWithin),
    isJudged: thresholds.some(({ isCommon, met }) => !isCommon && met !== null),
    thresholds,
  };
}

function measure(
  evidence: readonly Evidence[],
  read: Reader,
  alpha: number,
  limits: Limits,
  kind: Kind,
): MeasureDecision {
  const counts = evidence.map((each) => setters(each, read));
  const plain = evidence.map(({ pi }, index) => logWorse(counts[index] as FirstSetters, pi));
  const logEvidence = logMean(evidence.map(({ period }, index) => logOfPeriod(plain[index] ?? 0, period)));
  const met = metOf(evidence, read, kind);
  const isCommon = met !== null && met > MOST[kind];
  const shown = isCommon || met === null ? null : shownBy(evidence, counts, read, limits, kind, met);
  return {
    logEvidence,
    isSignificant: logEvidence >= -Math.log(alpha),
    isWithin: isCommon ? logMean(plain) <= 0 : shown !== null,
    by: shown ?? "ratio",
    isCommon,
    met,
  };
}

/** By what it is shown that the variant is within the limit, if it is. */
function shownBy(
  evidence: readonly Evidence[],
  counts: readonly FirstSetters[],
  read: Reader,
  limits: Limits,
  kind: Kind,
  met: number,
): "ratio" | "negligible" | null {
  const { maxRatio, negligible, negligibleSlow } = limits;
  const isEnough = (log: (each: Evidence, index: number) => number): boolean =>
    logMean(evidence.map((each, index) => logOfPeriod(log(each, index), periodFor(each, limits)))) >=
    -Math.log(FALSE_PASSES);
  if (isEnough(({ pi }, index) => logWithinRatio(counts[index] as FirstSetters, pi, maxRatio, met))) {
    return "ratio";
  }
  if (kind === "slow" && met >= RARELY_SLOW) return null;
  const most = kind === "slow" ? negligibleSlow : negligible;
  const isFew = isEnough((each) => logBelow(read(each.variant), usersOf(each, kind), most));
  return isFew ? "negligible" : null;
}

/** The number of the period that a pass is held against. */
export function periodFor({ period, periodOfShares }: Evidence, { isOfStep }: Limits): number {
  return isOfStep === true ? periodOfShares : period;
}

/** The variant's users whose answers were counted; while it warmed up, slowness of none was. */
function usersOf({ variant, timed }: Evidence, kind: Kind): number {
  return kind === "slow" ? variant.users * timed : variant.users;
}

function direction(
  evidence: readonly Evidence[],
  read: Reader,
  test: (count: FirstSetters, pi: number) => number,
  alpha: number,
): MeasureDecision {
  const logEvidence = logMean(
    whole(evidence).map((each) => logOfPeriod(test(setters(each, read), each.pi), each.period)),
  );
  const isSignificant = logEvidence >= -Math.log(alpha);
  const met = metOf(evidence, read, "errors");
  return { logEvidence, isSignificant, isWithin: !isSignificant, by: "ratio", isCommon: false, met };
}

export function setters({ variant, control }: Evidence, read: Reader): FirstSetters {
  return { variant: read(variant), control: read(control) };
}

/** The baseline's part of users that met it. */
export function metOf(evidence: readonly Evidence[], read: Reader, kind: Kind): number | null {
  let [met, users] = [0, 0];
  for (const { control, all, size, timed } of evidence) {
    met += usersBehind(read(control), read(all), size);
    users += usersBehind(control.users, all.users, size) * (kind === "slow" ? timed : 1);
  }
  return users > 0 ? Math.min(1, met / users) : null;
}
