// Envoy's `stats_tags` for Serin's stats, from the names of assembly/vocabulary/stats.ts: the labels of Prometheus.

import {
  LABEL_FLAG,
  LABEL_ROLLOUT,
  LABEL_SHADOW,
  LABEL_VARIANT,
  STAT_FLAG,
  STAT_NAMESPACE,
  STAT_ROLLOUT,
  STAT_RQ_TOTAL,
  STAT_SHADOW,
} from "../../../assembly/vocabulary/stats.ts";

/** A part of a name that becomes a label: behind the prefix, or behind the part that follows it. */
interface Label {
  readonly name: string;
  readonly prefixes: readonly string[];
  readonly behind: "prefix" | "name";
}

const LABELS: readonly Label[] = [
  { name: LABEL_ROLLOUT, prefixes: [STAT_ROLLOUT], behind: "prefix" },
  { name: LABEL_FLAG, prefixes: [STAT_FLAG], behind: "prefix" },
  { name: LABEL_SHADOW, prefixes: [STAT_SHADOW], behind: "prefix" },
  { name: LABEL_VARIANT, prefixes: [STAT_ROLLOUT, STAT_FLAG], behind: "name" },
];

/** What all prefixes begin with: Envoy tries no regex on a name that does not begin with its literal first word. */
const ROOT = "serin.";

/** The block `stats_config`, as YAML. */
export function statsConfig(): string {
  const lines = LABELS.map(({ name, prefixes, behind }) => {
    const heads = prefixes.map((prefix) => prefix.slice(ROOT.length, -1));
    const head = `${escape(STAT_NAMESPACE + ROOT)}${heads.length === 1 ? heads[0] : `(?:${heads.join("|")})`}`;
    const regex = behind === "prefix" ? `^${head}(\\.([^.]+))\\.` : `^${head}\\.[^.]+(\\.([^.]+))`;
    return `    - { tag_name: ${name}, regex: '${regex}' }`;
  });
  return ["stats_config:", "  stats_tags:", ...lines, ""].join("\n");
}

/** envoy/stats-tags.yaml */
export function statsTagsPage(): string {
  const leaf = STAT_RQ_TOTAL;
  const series = `${STAT_ROLLOUT}${leaf}`.replaceAll(".", "_");
  return `# Serin's stats with labels: put this block into the bootstrap of your Envoy (Emissary: into its bootstrap template).
# Generated from assembly/vocabulary/stats.ts by \`npm run generate\`.
#
#   ${STAT_NAMESPACE}${STAT_ROLLOUT}checkout.canary.${leaf}
#   -> ${series}{${LABEL_ROLLOUT}="checkout",${LABEL_VARIANT}="canary"}
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

function escape(text: string): string {
  return text.replaceAll(".", "\\.");
}
