// A report as Markdown, for a comment on a change.

import { grouped, percent } from "../terminal/numbers.ts";
import type { Decision } from "../verdict/decision.ts";
import { guardsWords } from "../verdict/guard.ts";
import { partOf, type Measure } from "../verdict/measure.ts";
import type { ShadowVerdict } from "../verdict/shadow.ts";
import type { VariantVerdict } from "../verdict/variant.ts";
import type { RolloutVerdict } from "../verdict/verdict.ts";
import { baselineWords, edgesWords } from "./report-text.ts";
import type { Report } from "./report.ts";
import { effectWords } from "./effect-words.ts";
import { judgedByWords } from "./shadow-words.ts";

const SIGNS: Readonly<Record<Decision, string>> = { pass: "✅", fail: "❌", inconclusive: "❔" };

export function reportMarkdown({ decision, verdict, shadows, snapshot, origin, nothing }: Report): string {
  const blocks = [`## ${SIGNS[decision]} Canary report: ${decision}`, escaped(origin)];
  if (nothing !== null) blocks.push(escaped(nothing));
  for (const [name, rollout] of verdict.rollouts) blocks.push(...rolloutBlocks(name, rollout));
  for (const [name, shadow] of shadows) blocks.push(...shadowBlocks(name, shadow));
  for (const [name, counts] of snapshot.effects)
    blocks.push(`### ${escaped(name)} (effect)`, escaped(effectWords(counts)));
  return `${blocks.join("\n\n")}\n`;
}

function rolloutBlocks(name: string, rollout: RolloutVerdict): string[] {
  const { variants, decision, ratio } = rollout;
  if (decision === null) return [`### ${escaped(name)}`, escaped(rollout.reason)];
  const blocks = [`### ${SIGNS[decision]} ${escaped(name)}: ${decision}`];
  const compared = baselineWords(rollout);
  if (compared !== null) blocks.push(escaped(compared));
  const guard = guardsWords(rollout.guards);
  if (guard !== null) blocks.push(escaped(`guard: ${guard}`));
  if (variants.size === 0 || ratio.reason !== null) blocks.push(escaped(ratio.reason ?? rollout.reason));
  if (variants.size > 0) {
    const heads = [
      "variant",
      "verdict",
      "actual share (target)",
      "users",
      "errors (baseline)",
      "4xx (baseline)",
      ...goalsOf(rollout).map((goal) => `${escaped(goal)} (baseline)`),
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
        .filter((reason) => reason !== ratio.reason)
        .map((reason) => `- ${escaped(variant)}: ${escaped(reason)}`),
    );
    if (reasons.length > 0) blocks.push(reasons.join("\n"));
  }
  return blocks;
}

function shadowBlocks(name: string, shadow: ShadowVerdict): string[] {
  const { decision, reasons, places } = shadow;
  if (decision === null) return [`### ${escaped(name)} (shadow)`, escaped(reasons.join("; "))];
  const table = [
    ["place of differences", "count"],
    ["---", "---:"],
    ...places.map(({ pointer, count }) => [escaped(pointer), grouped(count)]),
  ];
  return [
    `### ${SIGNS[decision]} ${escaped(name)} (shadow): ${decision}`,
    escaped(judgedByWords(shadow)),
    reasons.map((reason) => `- ${escaped(reason)}`).join("\n"),
    ...(places.length === 0 ? [] : [table.map((cells) => `| ${cells.join(" | ")} |`).join("\n")]),
  ];
}

/** Goals are the same for all variants. */
function goalsOf({ variants }: RolloutVerdict): string[] {
  return [...new Set([...variants.values()].flatMap(({ goals }) => [...goals.keys()]))];
}

function rowOf(name: string, variant: VariantVerdict, rollout: RolloutVerdict): string[] {
  const { ratio } = rollout;
  const { errors, clientErrors, goals, latency } = variant;
  const share = ratio.shares.get(name);
  return [
    escaped(name),
    `${SIGNS[variant.decision]} ${variant.decision}`,
    share === undefined ? "–" : `${percent(share.actual)} (${percent(share.target)})`,
    grouped(variant.users.variant),
    partsCell(errors),
    partsCell(clientErrors),
    ...goalsOf(rollout).map((goal) => {
      const measure = goals.get(goal);
      return measure === undefined ? "–" : partsCell(measure);
    }),
    ...latency.description.quantiles.map(({ variant: here, baseline: there }) =>
      [here, there].map((edges) => (edges === null ? "–" : edgesWords(edges))).join(" vs "),
    ),
  ];
}

function partsCell({ variant, baseline }: Measure): string {
  const [here, there] = [partOf(variant), partOf(baseline)].map((part) =>
    part === null ? "–" : percent(part),
  );
  return `${here} (${there})`;
}

function escaped(text: string): string {
  return text.replace(/[\\`*_{}[\]<>|#]/g, "\\$&");
}
