// A report as Markdown, for a comment on a change.

import { grouped, milliseconds, percent } from "../terminal/numbers.ts";
import type { Decision } from "../verdict/decision.ts";
import type { VariantVerdict } from "../verdict/variant.ts";
import type { RolloutVerdict } from "../verdict/verdict.ts";
import { baselineWords } from "./report-text.ts";
import type { Report } from "./report.ts";

const SIGNS: Readonly<Record<Decision, string>> = { pass: "✅", fail: "❌", inconclusive: "❔" };

export function reportMarkdown({ verdict, origin, nothing }: Report): string {
  const blocks = [`## ${SIGNS[verdict.decision]} Canary report: ${verdict.decision}`, escaped(origin)];
  if (nothing !== null) blocks.push(escaped(nothing));
  for (const [name, rollout] of verdict.rollouts) blocks.push(...rolloutBlocks(name, rollout));
  return `${blocks.join("\n\n")}\n`;
}

function rolloutBlocks(name: string, rollout: RolloutVerdict): string[] {
  const { baseline, variants } = rollout;
  const blocks = [`### ${SIGNS[rollout.decision]} ${escaped(name)}: ${rollout.decision}`];
  if (baseline !== null) blocks.push(`Compared with ${escaped(baselineWords(baseline))}.`);
  if (variants.size === 0 || rollout.ratio.reason !== null)
    blocks.push(escaped(rollout.ratio.reason ?? rollout.reason));
  if (variants.size > 0) {
    const heads = [
      "variant",
      "verdict",
      "share (asked)",
      "requests",
      "errors (baseline)",
      "p50",
      "p90",
      "p99",
    ];
    const rows = [...variants].map(([variant, each]) => rowOf(variant, each, rollout));
    blocks.push(
      [heads, heads.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n"),
    );
    const reasons = [...variants].flatMap(([variant, { reasons: own }]) =>
      own
        .filter((reason) => reason !== rollout.ratio.reason)
        .map((reason) => `- ${escaped(variant)}: ${escaped(reason)}`),
    );
    if (reasons.length > 0) blocks.push(reasons.join("\n"));
  }
  return blocks;
}

function rowOf(name: string, variant: VariantVerdict, { ratio }: RolloutVerdict): string[] {
  const { errors, latency } = variant;
  const share = ratio.shares.get(name);
  const rate = (value: number | null): string => (value === null ? "–" : percent(value));
  const time = (value: number | null): string => (value === null ? "–" : milliseconds(value));
  return [
    escaped(name),
    `${SIGNS[variant.decision]} ${variant.decision}`,
    share === undefined ? "–" : `${percent(share.seen)} (${percent(share.asked)})`,
    grouped(variant.requests),
    `${rate(errors.variant.rate)} (${rate(errors.baseline.rate)})`,
    ...latency.quantiles.map(
      ({ variant: here, baseline: there }) => `${time(here.value)} (${time(there.value)})`,
    ),
  ];
}

function escaped(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|#]/g, "\\$&");
}
