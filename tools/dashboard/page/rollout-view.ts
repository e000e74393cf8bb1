// One rollout: its verdict and evidence, the split, the figures side by side, and six charts.

import type { RolloutState, VariantPoint, VariantState } from "../wire.ts";
import { Chart } from "./chart.ts";
import { Card } from "./card.ts";
import { QUANTILES, type Line } from "./chart-data.ts";
import { element, setText } from "./elements.ts";
import { FiguresTable, type Group, type Row } from "./figures-table.ts";
import type { View } from "./history.ts";
import { markOf, type Mark } from "./marks.ts";
import {
  between,
  count,
  duration,
  exactPercent,
  latency,
  percent,
  rate,
  sureText,
  timesText,
} from "./words.ts";

export class RolloutView {
  readonly #card: Card;
  readonly #reason = element("p", { class: "reason" });
  readonly #guard = element("p", { class: "reason" });
  readonly #why = element("ul");
  readonly #details: HTMLDetailsElement;
  readonly #split = element("div", { class: "split", "aria-hidden": "true" });
  readonly #users: FiguresTable;
  readonly #requests: FiguresTable;
  readonly #charts = {
    share: new Chart({
      title: "Share of requests",
      note: "",
      key: [
        ["solid", "actual"],
        ["dashed", "target"],
      ],
      format: percent,
      axis: exactPercent,
      leastTop: 0.01,
    }),
    errors: new Chart({
      title: "Error rate",
      note: "5xx, reset or gRPC error. Bands: 95% CI.",
      format: percent,
      axis: exactPercent,
      leastTop: 0.01,
    }),
    answers: new Chart({
      title: "4xx and 3xx",
      note: "",
      key: [
        ["solid", "4xx"],
        ["dashed", "3xx"],
      ],
      format: percent,
      axis: exactPercent,
      leastTop: 0.01,
    }),
    latency: new Chart({
      title: "Latency",
      note: "",
      key: QUANTILES,
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

  constructor(
    private readonly name: string,
    isOpen: boolean,
  ) {
    this.#users = new FiguresTable(`Users of ${name}, by variant`);
    this.#requests = new FiguresTable(`Requests and goals of ${name}, by variant`);
    this.#details = element(
      "details",
      { class: "why" },
      element("summary", {}, "Why, by variant"),
      this.#why,
    );
    const { share, errors, answers, latency: times, traffic, active } = this.#charts;
    this.#card = new Card(
      "rollout",
      name,
      this.#reason,
      this.#guard,
      this.#details,
      this.#split,
      element("div", { class: "facts" }, this.#users.root, this.#requests.root),
      element(
        "div",
        { class: "charts" },
        ...[share.root, errors.root, answers.root, times.root, traffic.root, active.root],
      ),
    );
    this.#card.isOpen = isOpen;
  }

  get root(): HTMLElement {
    return this.#card.root;
  }

  unfold(): void {
    this.#card.isOpen = true;
  }

  show(state: RolloutState, view: View): void {
    this.#card.show(state.decision ?? "not judged", state.reason);
    this.#card.showGuard(state.guard);
    setText(this.#reason, state.reason);
    const guard = guardText(state.guard);
    this.#guard.hidden = guard === "";
    setText(this.#guard, guard);
    const variants = ordered(state);
    this.#showReasons(variants);
    this.#showSplit(variants);
    const now = view.points.at(-1)?.rollouts[this.name] ?? {};
    const columns = variants.map(({ name, decision, guard }, index) => ({
      name,
      mark: markOf(index),
      tag:
        name === state.baseline
          ? "default"
          : guard === "rolled back"
            ? guard
            : [decision ?? [], guard === "alarm" ? "guard: alarm" : []].flat().join(", "),
    }));
    const users = evidenceGroups(state, variants, view.to);
    this.#users.root.hidden = users.length === 0;
    this.#users.show(columns, users);
    this.#requests.show(columns, requestGroups(state, variants, now));
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
      return [
        element("span", {}, key === "asked" ? "target" : "actual"),
        element("div", { class: "bar" }, ...parts),
      ];
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
      this.#charts.answers,
      each((own) => [
        lineOf(own, (p) => p.clientErrors),
        { ...lineOf(own, (p) => p.redirects, "dashed"), end: "mark" },
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

/** Titles of how requests ended, by the last word of the counter; 2xx always, others once there are some. */
const CLASSES: readonly (readonly [leaf: string, title: string])[] = [
  ["rq_2xx", "2xx"],
  ["rq_3xx", "3xx"],
  ["rq_4xx", "4xx"],
  ["rq_5xx", "5xx"],
  ["rq_1xx", "1xx"],
  ["rq_reset", "Reset"],
  ["rq_left", "Left by the client"],
];
const MEASURES: readonly string[] = ["errors", "4xx", "fewer 2xx and 3xx", "slow answers", "3xx"];

/** What follows from what the guard has done, or why it is off; nothing while it watches. */
function guardText(guard: RolloutState["guard"]): string {
  switch (guard?.word) {
    case "rolled back":
      return "Its users get the default until the rollout's epoch is raised in the policy; testers who force it still get it.";
    case "alarm":
      return "Its users still get it: the guard's action is alarm.";
    case "off":
      return `Guard ${guard.words}`;
    default:
      return "";
  }
}

function rowOf(
  variants: readonly VariantState[],
): (title: string, cell: (variant: VariantState) => readonly [string, string?]) => Row {
  return (title, cell) => ({ title, cells: variants.map(cell) });
}

function requestGroups(
  state: RolloutState,
  variants: readonly VariantState[],
  now: Readonly<Record<string, VariantPoint>>,
): Group[] {
  const row = rowOf(variants);
  const ago = state.seconds === null ? "" : `, ${duration(state.seconds)}`;
  const since =
    state.countedFrom === "counters"
      ? `Requests, since the counters began${ago}`
      : `Requests, since the shares changed${ago}`;
  const classes = CLASSES.filter(
    ([leaf]) => leaf === "rq_2xx" || variants.some(({ classes: own }) => (own[leaf] ?? 0) > 0),
  );
  return [
    {
      title: since,
      rows: [
        row("Requests", ({ requests }) => [count(requests)]),
        row("Target share", ({ asked }) => [exactPercent(asked)]),
        row("Actual share", ({ seen }) => [percent(seen)]),
        ...classes.map(([leaf, title]) =>
          row(title, ({ classes: own, ended }) => [percent(ended === 0 ? null : (own[leaf] ?? 0))]),
        ),
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
    ...goalGroups(variants),
    {
      title: "Now",
      rows: [
        row("Requests/s", ({ name }) => [rate(now[name]?.rate ?? null)]),
        row("In flight", ({ active }) => [count(active)]),
      ],
    },
  ];
}

function goalsOf(variants: readonly VariantState[]): readonly string[] {
  return variants.find(({ users }) => users !== null)?.users?.goals.map(({ name }) => name) ?? [];
}

/** A line for each goal; nothing without goals, or where no user is compared. It stands where the card has room. */
function goalGroups(variants: readonly VariantState[]): Group[] {
  const goals = goalsOf(variants);
  if (goals.length === 0) return [];
  const row = rowOf(variants);
  return [
    {
      title: "Goals: users who reached them, times the baseline's (99% CI)",
      rows: goals.map((goal) =>
        row(goal, ({ users }) => {
          const own = users?.goals.find(({ name }) => name === goal);
          if (own === undefined) return [percent(null)];
          const part = own.part === null ? "" : ` (${percent(own.part)})`;
          return [`${count(own.count)}${part}`, own.ratio === null ? "" : timesText(own.ratio)];
        }),
      ),
    },
  ];
}

/** What users met, and how sure it is that a variant is worse; nothing where no user is compared. */
function evidenceGroups(
  { period, ratio }: RolloutState,
  variants: readonly VariantState[],
  at: number,
): Group[] {
  const row = rowOf(variants);
  if (period === null || variants.every(({ users }) => users === null)) return [];
  const thresholds = variants.find(({ users }) => users !== null)?.users?.slow.map(([ms]) => ms) ?? [];
  const slow = thresholds
    .map((ms, index) => ({ ms, index }))
    .filter(({ index }) => variants.some(({ users }) => (users?.slow[index]?.[1] ?? 0) > 0));
  const envoys = period.envoys > 1 ? `, ${period.envoys} Envoys` : "";
  const age = period.began > 0 ? `, ${duration(at / 1000 - period.began)}` : "";
  const measures = [...MEASURES, ...goalsOf(variants).map((goal) => `fewer ${goal}`)].filter((measure) =>
    variants.some(({ users }) => users?.sure.some((one) => one.measure === measure)),
  );
  return [
    {
      title: `Users, evidence period ${period.number}${age}${envoys}`,
      rows: [
        row("Users", ({ users, decision }) => [
          users === null ? percent(null) : count(users.count),
          users !== null && decision === null ? "control group" : "",
        ]),
        row("Target share", ({ users }) => [exactPercent(users?.target ?? null)]),
        row("Actual share", ({ users }) => [percent(users?.actual ?? null)]),
        row("Met errors", ({ users }) => [percent(users?.errors ?? null)]),
        row("Met 4xx", ({ users }) => [percent(users?.clientErrors ?? null)]),
        row("Met 3xx", ({ users }) => [percent(users?.redirects ?? null)]),
        ...slow.map(({ ms, index }) =>
          row(`Slower than ${latency(ms)}`, ({ users }) => [percent(users?.slow[index]?.[1] ?? null)]),
        ),
      ],
    },
    {
      title:
        "How sure that it is worse: e-value of limit" +
        (ratio === null ? "" : `; sample ratio ${sureText(ratio)}`),
      rows: measures.map((measure) =>
        row(measure === "3xx" ? "other 3xx" : measure, ({ users }) => {
          const sure = users?.sure.find((one) => one.measure === measure);
          return [sure === undefined ? percent(null) : sureText(sure)];
        }),
      ),
    },
  ];
}
