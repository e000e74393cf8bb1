// A Prometheus that answers the queries of tools/metrics/prometheus-source.ts, over series that a test gives.

import { serve, type FakeServer } from "./fake-admin.ts";

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** What `increase` gives for any range; the value unless said. */
  readonly increase?: number;
}

const QUERY =
  /^(?<how>sum|max|count_values) by \((?<by>[^)]*)\) \((?:"(?<label>\w+)", )?(?:(?<increase>increase|max_over_time)\()?(?<name>\w+)(?<match>\{[^}]*\})?(?:\[\d+s\]\))?\)$/;

export async function startFakePrometheus(series: readonly Series[]): Promise<FakeServer> {
  return serve((path) => {
    const url = new URL(path, "http://localhost");
    const query = QUERY.exec(url.searchParams.get("query") ?? "")?.groups;
    if (url.pathname !== "/api/v1/query" || query === undefined) return null;
    const matchers = [...(query["match"] ?? "").matchAll(/(\w+)="([^"]*)"/g)];
    const own = series.filter(
      ({ name, labels }) =>
        name === query["name"] && matchers.every(([, label = "", value]) => labels[label] === value),
    );
    return { status: "success", data: { resultType: "vector", result: aggregate(own, query) } };
  });
}

function aggregate(series: readonly Series[], query: Readonly<Record<string, string | undefined>>): object[] {
  const by = (query["by"] ?? "").split(", ");
  const groups = new Map<string, { metric: Record<string, string>; value: number }>();
  for (const { labels, value, increase = value } of series) {
    const metric = Object.fromEntries(
      by.flatMap((label) => (label in labels ? [[label, labels[label] ?? ""]] : [])),
    );
    if (query["label"] !== undefined) metric[query["label"]] = String(value);
    const amount = query["how"] === "count_values" ? 1 : query["increase"] === "increase" ? increase : value;
    const group = groups.get(JSON.stringify(metric));
    if (group === undefined) groups.set(JSON.stringify(metric), { metric, value: amount });
    else group.value = query["how"] === "max" ? Math.max(group.value, amount) : group.value + amount;
  }
  return [...groups.values()].map(({ metric, value }) => ({ metric, value: [0, String(value)] }));
}

/** The series of a text that Prometheus would scrape. */
export function seriesOf(exposition: string): Series[] {
  return exposition.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", text = ""]) => [key, text]);
    return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }];
  });
}
