// One rollout: its verdict, the split, the figures side by side, and five charts.

import type { RolloutState, VariantPoint, VariantState } from "../wire.ts";
import { Chart } from "./chart.ts";
import type { Line } from "./chart-data.ts";
import { element, setText } from "./elements.ts";
import { FiguresTable, type Group } from "./figures-table.ts";
import type { View } from "./history.ts";
import { markOf, type Mark } from "./marks.ts";
import { VerdictBadge } from "./verdict-badge.ts";
import { between, count, duration, exactPercent, latency, percent, rate } from "./words.ts";

export class RolloutView {
  readonly root: HTMLElement;
  readonly #badge = new VerdictBadge();
  readonly #reason = element("p", { class: "reason" });
  readonly #why = element("ul");
  readonly #details: HTMLDetailsElement;
  readonly #split = element("div", { class: "split", "aria-hidden": "true" });
  readonly #table: FiguresTable;
  readonly #charts = {
    share: new Chart({
      title: "Share of requests",
      note: "Solid: seen, dashed: asked for.",
      format: percent,
      axis: exactPercent,
      leastTop: 0.01,
    }),
    errors: new Chart({
      title: "Error rate",
      note: "5xx, cut or failed. Bands: where the true rate lies.",
      format: percent,
      axis: exactPercent,
      leastTop: 0.01,
    }),
    latency: new Chart({
      title: "Latency",
      note: "Solid p50, dashed p90, dotted p99.",
      format: latency,
      leastTop: 5,
    }),
    traffic: new Chart({ title: "Requests a second", note: "", format: rate, leastTop: 1 }),
    active: new Chart({
      title: "In flight",
      note: "",
      format: (value) => (value === null ? "–" : count(value)),
      leastTop: 4,
    }),
  };

  constructor(private readonly name: string) {
    const id = `rollout-${name}`;
    this.#table = new FiguresTable(`Figures of ${name}, by variant`);
    const heading = element("h2", { id }, element("small", {}, "rollout"), name);
    this.#details = element(
      "details",
      { class: "why" },
      element("summary", {}, "Why, by variant"),
      this.#why,
    );
    const { share, errors, latency: times, traffic, active } = this.#charts;
    this.root = element(
      "section",
      { class: "card", "aria-labelledby": id },
      element("header", {}, heading, this.#badge.root),
      this.#reason,
      this.#details,
      element("div", { class: "facts" }, this.#split, this.#table.root),
      element("div", { class: "charts" }, share.root, errors.root, times.root, traffic.root, active.root),
    );
  }

  show(state: RolloutState, view: View): void {
    this.#badge.show(state.decision);
    setText(this.#reason, state.reason);
    const variants = ordered(state);
    this.#showReasons(variants);
    this.#showSplit(variants);
    const now = view.points.at(-1)?.rollouts[this.name] ?? {};
    this.#table.show(
      variants.map(({ name, decision }, index) => ({
        name,
        mark: markOf(index),
        tag: name === state.baseline ? "default" : (decision ?? ""),
      })),
      groupsOf(state, variants, now),
    );
    this.#showCharts(variants, state.baseline, view);
  }

  restyle(): void {
    for (const chart of Object.values(this.#charts)) chart.restyle();
  }

  #showReasons(variants: readonly VariantState[]): void {
    const reasons = variants.flatMap(({ name, reasons: own }) => own.map((reason) => `${name}: ${reason}`));
    this.#details.hidden = reasons.length < 2;
    while (this.#why.children.length > reasons.length) this.#why.lastElementChild?.remove();
    reasons.forEach((reason, index) => {
      const item = this.#why.children[index] ?? this.#why.appendChild(element("li"));
      setText(item, reason);
    });
  }

  #showSplit(variants: readonly VariantState[]): void {
    const bars = (["asked", "seen"] as const).map((key) => {
      const parts = variants.flatMap((variant, index) => {
        const part = variant[key] ?? 0;
        if (part <= 0) return [];
        const piece = element("i", { class: markOf(index).color.slice(2) });
        piece.style.flexGrow = String(part);
        return [piece];
      });
      return [element("span", {}, key), element("div", { class: "bar" }, ...parts)];
    });
    this.#split.replaceChildren(...bars.flat());
  }

  #showCharts(variants: readonly VariantState[], baseline: string | null, view: View): void {
    const { times, from, to } = view;
    const show = (chart: Chart, lines: readonly Line[]): void => chart.show({ times, from, to, lines });
    const each = (make: (own: Own) => Line[]): Line[] =>
      variants.flatMap(({ name }, index) => {
        const points = view.points.map(({ rollouts }) => rollouts[this.name]?.[name] ?? null);
        return make({ name, mark: markOf(index), points });
      });
    show(
      this.#charts.share,
      each((own) =>
        own.name === baseline
          ? []
          : [lineOf(own, (p) => p.seen), { ...lineOf(own, (p) => p.asked, "dashed"), end: "none" }],
      ),
    );
    show(
      this.#charts.errors,
      each((own) => [
        {
          ...lineOf(own, (p) => p.errorRate?.value ?? null),
          band: {
            lower: own.points.map((p) => p?.errorRate?.lower ?? null),
            upper: own.points.map((p) => p?.errorRate?.upper ?? null),
          },
        },
      ]),
    );
    show(
      this.#charts.latency,
      each((own) => [
        { ...lineOf(own, (p) => p.p50), end: "mark" },
        { ...lineOf(own, (p) => p.p90, "dashed"), end: "mark" },
        lineOf(own, (p) => p.p99, "dotted"),
      ]),
    );
    show(
      this.#charts.traffic,
      each((own) => [lineOf(own, (p) => p.rate)]),
    );
    show(
      this.#charts.active,
      each((own) => [lineOf(own, (p) => p.active)]),
    );
  }
}

interface Own {
  readonly name: string;
  readonly mark: Mark;
  readonly points: readonly (VariantPoint | null)[];
}

function lineOf(
  { name, mark, points }: Own,
  value: (point: VariantPoint) => number | null,
  style: Line["style"] = "solid",
): Line {
  const values = points.map((point) => (point === null ? null : value(point)));
  return { name, mark, values, style, end: "name" };
}

/** The default comes first, in grey: the others are held against it. */
function ordered({ variants, baseline }: RolloutState): VariantState[] {
  return [...variants].sort((a, b) => Number(b.name === baseline) - Number(a.name === baseline));
}

function groupsOf(
  state: RolloutState,
  variants: readonly VariantState[],
  now: Readonly<Record<string, VariantPoint>>,
): Group[] {
  const row = (title: string, cell: (variant: VariantState) => readonly [string, string?]) => ({
    title,
    cells: variants.map(cell),
  });
  const ago = state.seconds === null ? "" : `, ${duration(state.seconds)}`;
  const since =
    state.countedFrom === "counters" ? `Since the counters began${ago}` : `Since the shares changed${ago}`;
  return [
    {
      title: since,
      rows: [
        row("Share asked", ({ asked }) => [exactPercent(asked)]),
        row("Share seen", ({ seen }) => [percent(seen)]),
        row("Requests", ({ requests }) => [count(requests)]),
        row("Errors", ({ errors }) => [count(errors)]),
        row("Error rate", ({ errorRate }) => [
          percent(errorRate?.value ?? null),
          errorRate === null ? "" : between(errorRate),
        ]),
        row("p50", ({ p50 }) => [latency(p50)]),
        row("p90", ({ p90 }) => [latency(p90)]),
        row("p99", ({ p99 }) => [latency(p99)]),
      ],
    },
    {
      title: "Now",
      rows: [
        row("Requests", ({ name }) => [rate(now[name]?.rate ?? null)]),
        row("In flight", ({ active }) => [count(active)]),
      ],
    },
  ];
}
