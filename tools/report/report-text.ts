// A report in words.

import { grouped, percent } from "../terminal/numbers.ts";
import type { Decision } from "../verdict/decision.ts";
import type { RatioJudgement } from "../verdict/ratio.ts";
import type { Baseline, RolloutVerdict } from "../verdict/verdict.ts";
import type { Report } from "./report.ts";
import type { Colors } from "../terminal/terminal.ts";

export function reportText({ verdict, origin, nothing, limits }: Report, colors: Colors): string {
  const lines = [...verdict.rollouts].flatMap(([name, rollout]) => [
    ...rolloutLines(name, rollout, limits.ignoreRatio, colors),
    "",
  ]);
  if (nothing !== null) lines.push(nothing, "");
  lines.push(`verdict: ${painted(verdict.decision, colors)}  ${colors.dim(`(${origin})`)}`);
  return `${lines.join("\n")}\n`;
}

function rolloutLines(
  name: string,
  rollout: RolloutVerdict,
  isRatioIgnored: boolean,
  colors: Colors,
): string[] {
  const { ratio, variants, leftOut, baseline } = rollout;
  const lines = [`${colors.bold(name)}: ${painted(rollout.decision, colors)}`];
  if (baseline !== null) lines.push(`  compared with ${baselineWords(baseline)}`);
  if (ratio.decision === "mismatch") {
    lines.push(`  ${colors.yellow(`${isRatioIgnored ? "ignored: " : ""}${ratio.reason ?? ""}`)}`);
  }
  for (const [variant, { decision, requests, reasons }] of variants) {
    lines.push(
      `  ${colors.bold(variant)}: ${painted(decision, colors)}, ${grouped(requests)} requests${shareWords(ratio, variant)}`,
    );
    const isSaid = ratio.decision === "mismatch" && !isRatioIgnored;
    if (!isSaid) lines.push(...reasons.map((reason) => `    ${reason}`));
  }
  for (const [variant, why] of leftOut) lines.push(`  ${variant}: left out, ${why}`);
  if (variants.size === 0) lines.push(`  ${rollout.reason}`);
  return lines;
}

/** Whom the others are held against, and how it is known that it is this one. */
export function baselineWords({ side, variant, by }: Baseline): string {
  const how =
    by === "largest share"
      ? "it has the largest share; --baseline names another"
      : `the default, by the ${by}`;
  const whom = side.name === variant ? variant : `${side.name}, a slice of ${variant}`;
  return `${whom} (${how}), ${grouped(side.requests)} requests`;
}

export function shareWords(ratio: RatioJudgement, variant: string): string {
  const share = ratio.shares.get(variant);
  return share === undefined ? "" : `, ${percent(share.seen)} of all, asked for ${percent(share.asked)}`;
}

function painted(decision: Decision, colors: Colors): string {
  const paint = { pass: colors.green, fail: colors.red, inconclusive: colors.yellow }[decision];
  return paint(decision);
}
