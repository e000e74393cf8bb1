// The Grafana dashboard, over the series that envoy/observability/serin.rules.yml records.

import * as statNames from "../../../assembly/vocabulary/stats.ts";

interface Graph {
  readonly title: string;
  readonly description: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly unit: "reqps" | "percentunit" | "ms" | "short";
  readonly stacked?: boolean;
  readonly isLogarithmic?: boolean;
  /** What whole numbers mean, from 0 on. */
  readonly words?: readonly string[];
  /** Expression and legend of each line. */
  readonly lines: readonly (readonly [expr: string, legend: string])[];
}

interface Row {
  readonly title: string;
  /** The variable whose every value gets a row of its own. */
  readonly repeat?: string;
  readonly graphs: readonly Graph[];
}

const SOURCE = { type: "prometheus", uid: "${datasource}" };
/** What the gauge `guard` says, by its value. */
const GUARDS = ["watching", "alarm", "rolled back"];
const HEIGHT = 8;
const COLUMNS = 24;

const VARIANT = `{{${statNames.LABEL_VARIANT}}}`;
const SHADOW = `{{${statNames.LABEL_SHADOW}}}`;
const CLASS = "serin_class";
const MEASURE = "{{serin_measure}}";
const GOAL = `{{${statNames.LABEL_GOAL}}}`;
const chosen = (series: string, more = ""): string =>
  `${series}{${statNames.LABEL_ROLLOUT}=~"$rollout",${statNames.LABEL_VARIANT}=~"$variant"${more}}`;
const chosenShadow = (series: string, more = ""): string =>
  `${series}{${statNames.LABEL_SHADOW}=~"$shadow"${more}}`;
const NO_CONTROL = `,${statNames.LABEL_VARIANT}!="${statNames.CONTROL}"`;
const total = (stat: string): string => `sum(${stat.replaceAll(".", "_")})`;

function latency(title: string, quantile: string): Graph {
  return {
    ...{ title: `Latency ${title}`, width: 8, unit: "ms" },
    description:
      "From the request's headers at the filter to the stream's end; right within one of Envoy's buckets.",
    lines: [[chosen("serin:rq_time:quantile5m", `,quantile="${quantile}"`), VARIANT]],
  };
}

const ROLLOUT: Row = {
  title: "$rollout",
  repeat: "rollout",
  graphs: [
    {
      ...{ title: "How sure: worse", width: 10, unit: "short", isLogarithmic: true },
      description:
        "Evidence, by users, that a variant is worse than its baseline, in parts of the limit: from 1 on serin report says fail. Of errors, 4xx, fewer good answers, slow answers, goals that fewer users reach; for 3xx and users (the sample ratio) it says inconclusive.",
      lines: [[chosen("serin:evidence:of_limit"), `${VARIANT} ${MEASURE} ${GOAL}`]],
    },
    {
      ...{ title: "Users who met it", width: 8, unit: "percentunit" },
      description: "Of the users of this evidence period, of the variant and of the control group.",
      lines: [[chosen("serin:users:ratio", ',serin_measure!="ok"'), `${VARIANT} ${MEASURE} {{serin_slow}}`]],
    },
    {
      ...{ title: "Guard", width: 6, unit: "short", words: GUARDS },
      description:
        "What the guard of any Envoy has done. No line: the policy asks for none, or there is no control group to compare with (the variant has the whole share).",
      lines: [[chosen("serin:guard:max"), VARIANT]],
    },
    {
      ...{ title: "Users", width: 8, unit: "short" },
      description: "Distinct users of this evidence period; it begins anew when the shares change.",
      lines: [[chosen("serin:users:count", ',serin_measure="users"'), VARIANT]],
    },
    {
      ...{ title: "Requests", width: 8, unit: "reqps", stacked: true },
      description: "Requests a second by variant. The control group is a part of the default and left out.",
      lines: [[chosen("serin:rq:rate5m", NO_CONTROL), VARIANT]],
    },
    {
      ...{ title: "Target and actual share", width: 8, unit: "percentunit" },
      description:
        "The share that the policy asks for, beside that of requests. Users without an identity get the default.",
      lines: [
        [chosen("serin:share:seen5m"), `${VARIANT} actual`],
        [`${chosen("serin:share:asked", NO_CONTROL)} > 0`, `${VARIANT} target`],
      ],
    },
    {
      ...{ title: "Users who reached a goal", width: 24, unit: "percentunit" },
      description:
        "Of the users of this evidence period, of the variant and of the control group. Users who reach a goal without meeting the rollout are in it, so it may be above 100%.",
      lines: [[chosen("serin:goal:ratio"), `${VARIANT} ${GOAL}`]],
    },
    {
      ...{ title: "Answers by class", width: 12, unit: "percentunit" },
      description:
        "Of the requests that ended: 3xx, 4xx, 5xx, cut, left by the client. The rest is 1xx and 2xx.",
      lines: [
        [chosen("serin:rq_class:ratio5m", `,${CLASS}=~"3xx|4xx|5xx|reset|left"`), `${VARIANT} {{${CLASS}}}`],
      ],
    },
    {
      ...{ title: "Error ratio", width: 6, unit: "percentunit" },
      description: "5xx, gRPC errors and answers that were not whole, of the requests that ended.",
      lines: [[chosen("serin:rq_error:ratio5m"), VARIANT]],
    },
    {
      ...{ title: "gRPC error ratio", width: 6, unit: "percentunit" },
      description: "Answers with a grpc-status that is not 0, of the gRPC answers that came whole.",
      lines: [[chosen("serin:grpc_error:ratio5m"), VARIANT]],
    },
    latency("p50", "0.5"),
    latency("p90", "0.9"),
    latency("p99", "0.99"),
    {
      ...{ title: "In flight", width: 12, unit: "short" },
      description: "Requests that have not ended.",
      lines: [[chosen("serin:rq_active:sum"), VARIANT]],
    },
    {
      ...{ title: "Overflow", width: 12, unit: "percentunit" },
      description:
        "Requests for which a circuit breaker was open or no host was healthy, of those that ended.",
      lines: [[chosen("serin:rq_overflow:ratio5m"), VARIANT]],
    },
  ],
};

const SHADOWS: Row = {
  title: "Shadows",
  graphs: [
    {
      ...{ title: "Copies", width: 8, unit: "reqps" },
      description: "Sent, and drawn but not sent: over budget, too large, no host.",
      lines: [
        [chosenShadow("serin:shadow_sent:rate5m"), `${SHADOW} sent`],
        [chosenShadow("serin:shadow_skipped:rate5m"), `${SHADOW} skipped`],
      ],
    },
    {
      ...{ title: "Mismatches", width: 8, unit: "percentunit" },
      description:
        "Answers that differ from production's, of those compared; copies without an answer, and those whose answer cannot be compared, of those sent.",
      lines: [
        [chosenShadow("serin:shadow_mismatch:ratio5m"), `${SHADOW} mismatch`],
        [chosenShadow("serin:shadow_lost:ratio5m"), `${SHADOW} lost`],
        [chosenShadow("serin:shadow_incomparable:ratio5m"), `${SHADOW} incomparable`],
      ],
    },
    {
      ...{ title: "Latency p99 beside production's", width: 8, unit: "ms" },
      description: "Both answers to the same requests.",
      lines: [
        [chosenShadow("serin:shadow_rq_time:quantile5m", ',quantile="0.99"'), SHADOW],
        [
          chosenShadow("serin:shadow_production_rq_time:quantile5m", ',quantile="0.99"'),
          `${SHADOW}: production`,
        ],
      ],
    },
    {
      ...{ title: "Evidence of mismatches", width: 8, unit: "short", isLogarithmic: true },
      description:
        "In parts of its limit: from 1 on serin report says fail. By users where the shadow samples users (sample: identity), else by copies; against 0.1% of mismatches.",
      lines: [[chosenShadow("serin:shadow_evidence:of_limit"), SHADOW]],
    },
    {
      ...{ title: "Where bodies differ", width: 16, unit: "short" },
      description:
        "The ten places that differ most often, since the Envoys began; an array's index, and what may be data, is *.",
      lines: [
        [
          `topk(10, sum by (${statNames.LABEL_SHADOW}, ${statNames.LABEL_POINTER}) (${chosenShadow("serin_shadow_at")}))`,
          `${SHADOW} {{${statNames.LABEL_POINTER}}}`,
        ],
      ],
    },
  ],
};

const REST: Row = {
  title: "Flags and filter",
  graphs: [
    {
      ...{ title: "Flags", width: 12, unit: "reqps" },
      description: "Evaluations a second, by what they gave.",
      lines: [["serin:flag:rate5m", `{{${statNames.LABEL_FLAG}}}: ${VARIANT}`]],
    },
    {
      ...{ title: "Refused policies, survived errors", width: 12, unit: "short" },
      description: "Since start, over all Envoys.",
      lines: [
        [total(statNames.POLICY_REJECTED), "refused"],
        [total(statNames.ERROR), "survived"],
      ],
    },
  ],
};

/** The dashboard as Grafana imports it. */
export function dashboard(): object {
  return {
    title: "Serin",
    uid: "serin",
    description: "Progressive delivery inside Envoy. Generated: npm run generate.",
    tags: ["serin", "envoy"],
    schemaVersion: 39,
    editable: true,
    refresh: "30s",
    time: { from: "now-3h", to: "now" },
    templating: {
      list: [
        { name: "datasource", label: "Prometheus", type: "datasource", query: "prometheus" },
        variable("rollout", "Rollout", `serin:rq:rate5m, ${statNames.LABEL_ROLLOUT}`),
        variable(
          "variant",
          "Variant",
          `serin:rq:rate5m{${statNames.LABEL_ROLLOUT}=~"$rollout"}, ${statNames.LABEL_VARIANT}`,
        ),
        variable("shadow", "Shadow", `serin:shadow_sent:rate5m, ${statNames.LABEL_SHADOW}`),
      ],
    },
    annotations: {
      list: [
        {
          ...{ name: "Policies", enable: true, iconColor: "blue", datasource: SOURCE },
          expr: `sum(changes(${statNames.POLICY_LOADED.replaceAll(".", "_")}[1m])) > 0`,
          titleFormat: "a policy was loaded",
        },
      ],
    },
    panels: panels([ROLLOUT, SHADOWS, REST]),
  };
}

function variable(name: string, label: string, values: string): object {
  return {
    ...{ name, label, type: "query", datasource: SOURCE, query: `label_values(${values})` },
    ...{ refresh: 2, sort: 1, includeAll: true, multi: true, current: { text: "All", value: "$__all" } },
  };
}

/** A logarithmic scale with a line where the limit is. */
const LIMIT_AT_ONE: { readonly custom?: object; readonly defaults?: object } = {
  custom: { scaleDistribution: { type: "log", log: 10 }, thresholdsStyle: { mode: "dashed" } },
  defaults: {
    min: 0.001,
    max: 1000,
    thresholds: {
      mode: "absolute",
      steps: [
        { value: null, color: "transparent" },
        { value: 1, color: "red" },
      ],
    },
  },
};

/** A step for each word, from 0 on. */
function scaleOfWords(words: readonly string[]): typeof LIMIT_AT_ONE {
  const options = Object.fromEntries(words.map((text, index) => [String(index), { index, text }]));
  return {
    custom: { lineInterpolation: "stepAfter" },
    defaults: { max: words.length - 1, decimals: 0, mappings: [{ type: "value", options }] },
  };
}

/** Rows and their graphs, laid out from left to right and from top to bottom. */
function panels(rows: readonly Row[]): object[] {
  const all: object[] = [];
  let y = 0;
  for (const { title, repeat, graphs } of rows) {
    const gridPos = { x: 0, y: y++, w: COLUMNS, h: 1 };
    all.push({ id: all.length + 1, type: "row", title, repeat, gridPos, collapsed: false, panels: [] });
    let x = 0;
    for (const graph of graphs) {
      all.push(panel(graph, all.length + 1, { x, y, w: graph.width, h: HEIGHT }));
      x += graph.width;
      if (x < COLUMNS) continue;
      x = 0;
      y += HEIGHT;
    }
  }
  return all;
}

function panel(graph: Graph, id: number, gridPos: object): object {
  const { title, description, unit, stacked, isLogarithmic, words, lines } = graph;
  const stacking = stacked === true ? { fillOpacity: 40, stacking: { mode: "normal", group: "A" } } : {};
  const scale: typeof LIMIT_AT_ONE =
    isLogarithmic === true ? LIMIT_AT_ONE : words === undefined ? {} : scaleOfWords(words);
  const custom = { drawStyle: "line", lineWidth: 2, showPoints: "never", ...stacking, ...scale.custom };
  return {
    ...{ id, type: "timeseries", title, description, datasource: SOURCE, gridPos },
    fieldConfig: { defaults: { unit, min: 0, ...scale.defaults, custom }, overrides: [] },
    options: {
      legend: { displayMode: "list", placement: "bottom" },
      tooltip: { mode: "multi", sort: "desc" },
    },
    targets: lines.map(([expr, legendFormat], index) => ({
      ...{ refId: String.fromCharCode(65 + index), datasource: SOURCE, expr, legendFormat },
    })),
  };
}
