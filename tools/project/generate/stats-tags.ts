// Envoy's `stats_tags` for Serin's stats, from the names of assembly/vocabulary/stats.ts: the labels of Prometheus.

import * as statNames from "../../../assembly/vocabulary/stats.ts";

/** A part of a name that becomes a label, by the regex that finds it. */
interface Label {
  readonly name: string;
  /** What stands before it, and behind it. */
  readonly before: string;
  readonly value: string;
  readonly behind: string;
}

const PART = "[^.]+";

/** The variant of a rollout is followed by a stat: what a rollout has itself (`evidence_period`) is no variant. */
const LABELS: readonly Label[] = [
  { name: statNames.LABEL_ROLLOUT, before: prefixOf(statNames.ROLLOUT), value: PART, behind: "\\." },
  { name: statNames.LABEL_FLAG, before: prefixOf(statNames.FLAG), value: PART, behind: "\\." },
  { name: statNames.LABEL_SHADOW, before: prefixOf(statNames.SHADOW), value: PART, behind: "\\." },
  { name: statNames.LABEL_EFFECT, before: prefixOf(statNames.EFFECT), value: PART, behind: "\\." },
  {
    name: statNames.LABEL_VARIANT,
    before: `${prefixOf(statNames.ROLLOUT)}\\.${PART}`,
    value: PART,
    behind: "\\.",
  },
  {
    name: statNames.LABEL_VARIANT,
    before: `${prefixOf(statNames.FLAG)}\\.${PART}`,
    value: PART,
    behind: "$",
  },
  {
    ...{ name: statNames.LABEL_SLOW, value: "[0-9]+", behind: "$" },
    before: `${prefixOf(statNames.ROLLOUT)}\\.${PART}\\.${PART}\\.${statNames.USERS_SLOW}`,
  },
  {
    ...{ name: statNames.LABEL_GOAL, value: PART, behind: "$" },
    before: `${prefixOf(statNames.ROLLOUT)}\\.${PART}\\.${PART}\\.${statNames.USERS_GOAL}`,
  },
  {
    ...{ name: statNames.LABEL_GOAL, value: PART, behind: "\\." },
    before: `${prefixOf(statNames.ROLLOUT)}\\.${PART}\\.${PART}\\.${statNames.GOAL}`,
  },
  {
    ...{ name: statNames.LABEL_POINTER, value: PART, behind: "$" },
    before: `${prefixOf(statNames.SHADOW)}\\.${PART}\\.${statNames.AT}`,
  },
];

/** The block `stats_config`, as YAML. */
function statsConfig(): string {
  const lines = LABELS.map(
    ({ name, before, value, behind }) =>
      `    - { tag_name: ${name}, regex: '^${before}(\\.(${value}))${behind}' }`,
  );
  return ["stats_config:", "  stats_tags:", ...lines, ""].join("\n");
}

/** envoy/stats-tags.yaml */
export function statsTagsPage(): string {
  const leaf = statNames.RQ_TOTAL;
  const series = `${statNames.ROLLOUT}${leaf}`.replaceAll(".", "_");
  return `# Serin's stats with labels: put this block into the bootstrap of your Envoy (Emissary: into its bootstrap template).
# Generated from assembly/vocabulary/stats.ts by \`npm run generate\`.
#
#   ${statNames.NAMESPACE}${statNames.ROLLOUT}checkout.canary.${leaf}
#   -> ${series}{${statNames.LABEL_ROLLOUT}="checkout",${statNames.LABEL_VARIANT}="canary"}
#
# In each regex the first group is cut out of the name, the second is the label's value.
${statsConfig()}`;
}

/** A bootstrap with the block in place of its own. @throws when it has none */
export function withStatsTags(bootstrap: string): string {
  const block = /^stats_config:\n(?:[ #].*\n|\n)*/m;
  if (!block.test(bootstrap)) throw new Error("the bootstrap has no stats_config");
  return bootstrap.replace(block, () => statsConfig());
}

/** Without the dot at its end. Envoy tries no regex on a name that does not begin with its literal first word. */
function prefixOf(prefix: string): string {
  return escape(statNames.NAMESPACE + prefix.slice(0, -1));
}

function escape(text: string): string {
  return text.replaceAll(".", "\\.");
}
