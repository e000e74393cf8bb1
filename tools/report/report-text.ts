// A report in words.

import type { Interval } from "../statistics/evidence.ts";
import { grouped, milliseconds, percent } from "../terminal/numbers.ts";
import type { Colors } from "../terminal/terminal.ts";
import type { Decision } from "../verdict/decision.ts";
import { BUCKET_SETTINGS, type Description } from "../verdict/describe.ts";
import { guardsWords } from "../verdict/guard.ts";
import type { RatioJudgement } from "../verdict/ratio.ts";
import type { Retries, VariantVerdict } from "../verdict/variant.ts";
import type { ShadowVerdict } from "../verdict/shadow.ts";
import type { RolloutVerdict } from "../verdict/verdict.ts";
import type { Report } from "./report.ts";
import { effectWords } from "./effect-words.ts";
import { periodWords } from "./period-words.ts";
import { judgedByWords, placesWords } from "./shadow-words.ts";

export function reportText(
  { decision, verdict, shadows, snapshot, origin, nothing }: Report,
  colors: Colors,
): string {
  const lines = [...verdict.rollouts].flatMap(([name, rollout]) => [
    ...rolloutLines(name, rollout, colors),
    "",
  ]);
  for (const [name, shadow] of shadows) lines.push(...shadowLines(name, shadow, colors), "");
  for (const [name, counts] of snapshot.effects)
    lines.push(`${colors.bold(name)} (effect): ${effectWords(counts)}`, "");
  if (nothing !== null) lines.push(nothing, "");
  if (isCoarse(verdict.rollouts.values())) lines.push(...bucketLines(), "");
  lines.push(`verdict: ${painted(decision, colors)}  ${colors.dim(`(${origin})`)}`);
  return `${lines.join("\n")}\n`;
}

function rolloutLines(name: string, rollout: RolloutVerdict, colors: Colors): string[] {
  const { ratio, variants, leftOut, decision } = rollout;
  if (decision === null) return [`${colors.bold(name)}: ${rollout.reason}`];
  const guard = guardsWords(rollout.guards);
  const lines = [`${colors.bold(name)}: ${painted(decision, colors)}`];
  const compared = baselineWords(rollout);
  if (compared !== null) lines.push(`  ${compared}`);
  if (guard !== null) lines.push(`  guard: ${guard}`);
  if (ratio.reason !== null) lines.push(`  ${colors.yellow(ratio.reason)}`);
  for (const [variant, verdict] of variants) {
    lines.push(
      `  ${colors.bold(variant)}: ${painted(verdict.decision, colors)}, ${grouped(verdict.users.variant)} users` +
        shareWords(ratio, variant),
    );
    if (ratio.reason === null) lines.push(...verdict.reasons.map((reason) => `    ${reason}`));
    const described = descriptionWords(verdict);
    if (described !== null) lines.push(`    ${colors.dim(described)}`);
    const retries = retriesWords(verdict);
    if (retries !== null) lines.push(`    ${retries}`);
  }
  for (const [variant, why] of leftOut) lines.push(`  ${variant}: left out, ${why}`);
  if (variants.size === 0) lines.push(`  ${rollout.reason}`);
  return lines;
}

function shadowLines(name: string, shadow: ShadowVerdict, colors: Colors): string[] {
  const { decision, reasons } = shadow;
  const head = `${colors.bold(name)} (shadow)`;
  if (decision === null) return [`${head}: ${reasons.join("; ")}`];
  const places = placesWords(shadow);
  return [
    `${head}: ${painted(decision, colors)}`,
    `  ${judgedByWords(shadow)}`,
    ...reasons.map((reason) => `  ${reason}`),
    ...(places === null ? [] : [`  ${places}`]),
  ];
}

/** What the others are compared with, how it is known that it is this one, and since when is counted. */
export function baselineWords({ baseline, period }: RolloutVerdict): string | null {
  if (baseline === null) return null;
  const how = baseline.by === "option" ? "the default given by --baseline" : "the default of the policy";
  return `baseline: the control group of ${baseline.variant} (${how}), ${grouped(baseline.users)} users${periodWords(period)}`;
}

export function shareWords(ratio: RatioJudgement, variant: string): string {
  const share = ratio.shares.get(variant);
  if (share === undefined) return "";
  return `, target share ${percent(share.target)}, actual share ${percent(share.actual)}`;
}

/** Requests are described, by the edges of the histogram's bins; they decide nothing. */
function descriptionWords({ requests, latency }: VariantVerdict): string | null {
  if (requests === 0) return null;
  const { quantiles } = latency.description;
  const parts = quantiles.flatMap(({ level, variant, baseline }) =>
    variant === null || baseline === null
      ? []
      : [`p${level * 100} ${edgesWords(variant)} vs ${edgesWords(baseline)}`],
  );
  return `described, not judged: ${[`${grouped(requests)} requests`, ...parts].join(", ")}`;
}

/** What retries hide: errors of attempts that no user met. */
function retriesWords({ retries }: Pick<VariantVerdict, "retries">): string | null {
  if (retries === null) return null;
  const { variant, baseline } = retries;
  return `retried, not judged: ${partWords(variant)}${baseline === null ? "" : `, of the baseline ${partWords(baseline)}`}`;
}

function partWords({ retried, requests }: Retries): string {
  const part = requests === 0 ? "" : ` (${percent(retried / requests)})`;
  return `${grouped(retried)} of ${grouped(requests)} requests${part}`;
}

export function edgesWords({ lower, upper }: Interval): string {
  // Whole milliseconds are recorded: a bin of one is that value.
  if (upper - lower <= 1) return milliseconds(lower);
  return `${milliseconds(lower).replace(" ms", "")}–${milliseconds(upper)}`;
}

function isCoarse(rollouts: Iterable<RolloutVerdict>): boolean {
  const all: Description[] = [...rollouts].flatMap(({ variants }) =>
    [...variants.values()].map(({ latency }) => latency.description),
  );
  return all.some((each) => each.isCoarse);
}

export function bucketLines(): string[] {
  return [
    "The histogram's buckets are too wide to describe latency. In Envoy's bootstrap this would help:",
    ...BUCKET_SETTINGS.split("\n").map((line) => `  ${line}`),
  ];
}

function painted(decision: Decision, colors: Colors): string {
  const paint = { pass: colors.green, fail: colors.red, inconclusive: colors.yellow }[decision];
  return paint(decision);
}
