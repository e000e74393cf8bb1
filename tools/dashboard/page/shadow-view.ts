// One shadow: what became of its copies, and both latencies of the same requests.

import type { Quantiles, ShadowPoint, ShadowState } from "../wire.ts";
import { Chart } from "./chart.ts";
import { QUANTILES, type Line } from "./chart-data.ts";
import { Card } from "./card.ts";
import { element, setText } from "./elements.ts";
import { FiguresTable, type Row } from "./figures-table.ts";
import type { View } from "./history.ts";
import { markOf } from "./marks.ts";
import { count, exactPercent, latency, percent, rate } from "./words.ts";

/** Counters by the last word of their name, and what people call them. One of these for each copy that is compared. */
const VERDICTS: readonly (readonly [leaf: string, title: string])[] = [
  ["match", "match"],
  ["mismatch_status", "status mismatch"],
  ["mismatch_headers", "headers mismatch"],
  ["mismatch_body", "body mismatch"],
  ["noise", "noise"],
  ["timeout", "timeout"],
  ["reset", "reset"],
  ["incomparable", "incomparable"],
];
const DIFFERENCES = ["mismatch_status", "mismatch_headers", "mismatch_body"];
const NOT_SENT: readonly (readonly [leaf: string, title: string])[] = [
  ["over_budget", "over budget"],
  ["too_large", "too large"],
  ["unavailable", "unavailable"],
];

export class ShadowView {
  readonly #card: Card;
  readonly #table: FiguresTable;
  readonly #times: FiguresTable;
  readonly #places: FiguresTable;
  readonly #why = element("ul");
  readonly #charts = {
    verdicts: new Chart({
      title: "Copies a second",
      note: "By what came of them.",
      format: rate,
      leastTop: 1,
    }),
    mismatches: new Chart({
      title: "Mismatches",
      note: "Share of the copies that were compared.",
      format: percent,
      axis: exactPercent,
      leastTop: 0.01,
    }),
    latency: new Chart({
      title: "Latency",
      note: "Of the same requests.",
      key: QUANTILES,
      format: latency,
      leastTop: 5,
    }),
  };

  constructor(
    private readonly name: string,
    isOpen: boolean,
  ) {
    this.#table = new FiguresTable(`Copies of ${name}`);
    this.#times = new FiguresTable(`Latencies of ${name}`);
    this.#places = new FiguresTable(`Differences of ${name} by place`);
    this.#places.root.classList.add("places");
    const { verdicts, mismatches, latency: times } = this.#charts;
    this.#card = new Card(
      "shadow",
      name,
      element("div", { class: "why" }, this.#why),
      element("div", { class: "facts" }, this.#table.root, this.#times.root),
      this.#places.root,
      element("div", { class: "charts" }, verdicts.root, mismatches.root, times.root),
    );
    this.#card.isOpen = isOpen;
  }

  get root(): HTMLElement {
    return this.#card.root;
  }

  unfold(): void {
    this.#card.isOpen = true;
  }

  show(state: ShadowState, view: View): void {
    const of = (leaf: string): number => state.counters[leaf] ?? 0;
    const compared = VERDICTS.reduce((sum, [leaf]) => sum + of(leaf), 0);
    const { by, mismatch } = state;
    this.#card.show(
      state.decision ?? (compared === 0 ? null : "not judged"),
      compared === 0
        ? `${count(of("sent"))} copies sent, none compared`
        : `${mismatch.of === 0 ? "no" : percent(mismatch.count / mismatch.of)} mismatches (${count(mismatch.count)} of ${count(mismatch.of)} ${by})`,
    );
    this.#showReasons(state.decision === null ? [] : state.reasons);
    this.#places.root.hidden = state.places.length === 0;
    this.#places.show(
      [{ name: "copies", mark: null, tag: "" }],
      [
        {
          title: "Differences by place, most frequent first",
          rows: state.places.map(({ pointer, count: times }) => ({
            title: pointer,
            cells: [[count(times)]],
          })),
        },
      ],
    );
    const columns = ["copies", "share"].map((name) => ({ name, mark: null, tag: "" }));
    const shareOf = (leaf: string): string => (compared === 0 ? "" : percent(of(leaf) / compared));
    const rows: Row[] = [
      { title: "sent", cells: [[count(of("sent"))], [""]] },
      ...VERDICTS.map(([leaf, title]): Row => ({ title, cells: [[count(of(leaf))], [shareOf(leaf)]] })),
      ...NOT_SENT.filter(([leaf]) => of(leaf) > 0).map(([leaf, title]): Row => ({
        title: `not sent: ${title}`,
        cells: [[count(of(leaf))], [""]],
      })),
    ];
    this.#table.show(columns, [{ title: "Since the counters began", rows }]);
    const both = [state.productionLatency, state.latency];
    const row = (key: keyof Quantiles): Row => ({
      title: key,
      cells: both.map((one) => [latency(one[key])]),
    });
    this.#times.show(
      ["production", "shadow"].map((name, index) => ({ name, mark: markOf(index), tag: "" })),
      [{ title: "The same requests", rows: [row("p50"), row("p90"), row("p99")] }],
    );
    this.#showCharts(state, view);
  }

  restyle(): void {
    for (const chart of Object.values(this.#charts)) chart.restyle();
  }

  #showReasons(reasons: readonly string[]): void {
    while (this.#why.children.length > reasons.length) this.#why.lastElementChild?.remove();
    reasons.forEach((reason, index) => {
      setText(this.#why.children[index] ?? this.#why.appendChild(element("li")), reason);
    });
  }

  #showCharts(state: ShadowState, view: View): void {
    const { times, from, to } = view;
    const points = view.points.map(({ shadows }) => shadows[this.name] ?? null);
    const line = (
      name: string,
      index: number,
      value: (point: ShadowPoint) => number | null,
      style: Line["style"] = "solid",
    ): Line => ({
      name,
      mark: markOf(index),
      values: points.map((point) => (point === null ? null : value(point))),
      style,
      end: "name",
    });
    const happened = VERDICTS.map(([leaf, title], index) => ({ leaf, title, index })).filter(
      ({ leaf }) => ["match", ...DIFFERENCES].includes(leaf) || (state.counters[leaf] ?? 0) > 0,
    );
    this.#charts.verdicts.show({
      times,
      from,
      to,
      lines: happened.map(({ leaf, title, index }) => line(title, index, (p) => p.rates[leaf] ?? 0)),
    });
    const sum = (point: ShadowPoint): number =>
      VERDICTS.reduce((total, [leaf]) => total + (point.rates[leaf] ?? 0), 0);
    this.#charts.mismatches.show({
      times,
      from,
      to,
      lines: happened
        .filter(({ leaf }) => DIFFERENCES.includes(leaf))
        .map(({ leaf, title, index }) =>
          line(title, index, (p) => (sum(p) > 0 ? (p.rates[leaf] ?? 0) / sum(p) : null)),
        ),
    });
    const quantiles = (name: string, index: number, of: (point: ShadowPoint) => Quantiles): Line[] => [
      { ...line(name, index, (p) => of(p).p50), end: "mark" },
      { ...line(name, index, (p) => of(p).p90, "dashed"), end: "mark" },
      line(name, index, (p) => of(p).p99, "dotted"),
    ];
    this.#charts.latency.show({
      times,
      from,
      to,
      lines: [
        ...quantiles("production", 0, (p) => p.productionLatency),
        ...quantiles("shadow", 1, (p) => p.latency),
      ],
    });
  }
}
