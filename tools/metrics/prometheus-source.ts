// Snapshots from a Prometheus that scrapes the Envoys: all of a fleet, summed by it.
//
// Names and labels are those that envoy/stats-tags.yaml makes: `serin_rollout_rq_total{serin_rollout,serin_variant}`.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import type { Bin } from "../statistics/bins.ts";
import { isObject, shown, unexpected } from "./admin-answers.ts";
import { EFFECT_COUNTERS, ROLLOUT_COUNTERS, SHADOW_COUNTERS } from "./leaves.ts";
import type { PolicyOutline } from "./policy-outline.ts";
import { SnapshotBuilder, type Owner } from "./snapshot-builder.ts";
import type { Snapshot } from "./snapshot.ts";
import { fetchJson, type Source } from "./source.ts";

const ADVICE = "--prometheus has to name a Prometheus server that answers /api/v1/query";

const OF_VARIANT = `${statNames.LABEL_ROLLOUT}, ${statNames.LABEL_VARIANT}`;

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One question, and what to do with each answer. */
interface Question {
  readonly query: string;
  readonly take: (samples: readonly Sample[], builder: SnapshotBuilder) => void;
}

/** The label that tells Envoys apart: Prometheus' own. */
export const INSTANCE = "instance";

export interface PrometheusOptions {
  /** The label that tells Envoys apart. */
  readonly per?: string;
  /** Label matchers that narrow every query: `namespace="prod"`. */
  readonly match?: string;
}

export class PrometheusSource implements Source {
  readonly waits = false;

  /** `name`: the URL, without a slash at the end. `outline`: of the policy, for what no series says. */
  constructor(
    readonly name: string,
    private readonly outline: PolicyOutline,
    private readonly options: PrometheusOptions = {},
  ) {}

  async read(): Promise<Snapshot> {
    return this.#ask((series) => series, null);
  }

  async readSpan(seconds: number): Promise<Snapshot> {
    return this.#ask((series) => `increase(${series}[${Math.max(1, Math.round(seconds))}s])`, seconds);
  }

  /** The Envoys that some series of Serin's was there for within so many seconds: those too that answer no more. */
  async seenWithin(seconds: number): Promise<string[]> {
    const { per = INSTANCE, match = "" } = this.options;
    const series = seriesName(statNames.ROLLOUT, statNames.SHARE) + (match === "" ? "" : `{${match}}`);
    const samples = await this.#query(`max by (${per}) (max_over_time(${series}[${seconds}s]))`, Date.now());
    return samples.flatMap(({ labels }) => labels[per] ?? []);
  }

  /** The gauge `serin.policy.digest` of each Envoy that has one; not where it is 0: its plugins serve different policies. */
  async digests(): Promise<Map<string, number>> {
    const { per = INSTANCE, match = "" } = this.options;
    const series = seriesName(statNames.POLICY_DIGEST, "") + (match === "" ? "" : `{${match}}`);
    const samples = await this.#query(`max by (${per}) (${series})`, Date.now());
    return new Map(
      samples.filter(({ value }) => value !== 0).map(({ labels, value }) => [labels[per] ?? "", value]),
    );
  }

  async #ask(counted: (series: string) => string, seconds: number | null): Promise<Snapshot> {
    const { per = INSTANCE, match = "" } = this.options;
    const narrowed = (series: string): string => (match === "" ? series : `${series}{${match}}`);
    const questions = [
      ...questionsOf((series) => counted(narrowed(series)), narrowed),
      ...userQuestions(narrowed, per),
    ];
    const time = Date.now();
    // All at one moment, or a count may be from before and its total from after a scrape.
    const answers = await Promise.all(questions.map(({ query }) => this.#query(query, time)));
    const builder = new SnapshotBuilder(this.outline);
    questions.forEach(({ take }, index) => take(answers[index] ?? [], builder));
    return builder.snapshot(time, seconds);
  }

  async #query(query: string, time: number): Promise<Sample[]> {
    const url = `${this.name}/api/v1/query?query=${encodeURIComponent(query)}&time=${time / 1000}`;
    const answer = await fetchJson(url, ADVICE);
    const data = isObject(answer) ? answer["data"] : undefined;
    const result = isObject(data) ? data["result"] : undefined;
    if (!Array.isArray(result)) throw unexpected(url, "it is not a query result", ADVICE);
    const strange = (result as readonly unknown[]).findIndex((sample) => !isSample(sample));
    if (strange >= 0) {
      const found = `item ${strange} is ${shown(result[strange])}, expected labels and a value`;
      throw unexpected(url, `in "result", ${found}`, ADVICE);
    }
    return (result as readonly RawSample[])
      .map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
      .filter(({ value }) => Number.isFinite(value));
  }
}

interface RawSample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

function isSample(sample: unknown): sample is RawSample {
  if (!isObject(sample) || !isObject(sample["metric"])) return false;
  const { metric, value } = sample;
  return (
    Object.values(metric as object).every((label) => typeof label === "string") &&
    Array.isArray(value) &&
    value.length === 2 &&
    typeof value[1] === "string"
  );
}

function questionsOf(counted: (series: string) => string, gauge: (series: string) => string): Question[] {
  const counter = (prefix: string, by: string, leaf: string): Question => ({
    query: `sum by (${by}) (${counted(seriesName(prefix, leaf))})`,
    take: (samples, builder) => eachOwner(samples, (owner, value) => builder.number(owner, leaf, value)),
  });
  const histogram = (prefix: string, by: string, leaf: string): Question => ({
    query: `sum by (${by}, le) (${counted(`${seriesName(prefix, leaf)}_bucket`)})`,
    take: (samples, builder) => takeHistograms(samples, leaf, builder),
  });
  return [
    ...ROLLOUT_COUNTERS.map((leaf) => counter(statNames.ROLLOUT, OF_VARIANT, leaf)),
    histogram(statNames.ROLLOUT, OF_VARIANT, statNames.RQ_TIME),
    {
      query: `sum by (${OF_VARIANT}) (${gauge(seriesName(statNames.ROLLOUT, statNames.RQ_ACTIVE))})`,
      take: (samples, builder) =>
        eachOwner(samples, (owner, value) => builder.number(owner, statNames.RQ_ACTIVE, value)),
    },
    {
      query: `count_values by (${OF_VARIANT}) ("share", ${gauge(seriesName(statNames.ROLLOUT, statNames.SHARE))})`,
      take: takeShares,
    },
    ...SHADOW_COUNTERS.map((leaf) => counter(statNames.SHADOW, statNames.LABEL_SHADOW, leaf)),
    {
      query: `sum by (${statNames.LABEL_SHADOW}, ${statNames.LABEL_POINTER}) (${counted(seriesName(statNames.SHADOW, statNames.AT))})`,
      take: takePlaces,
    },
    ...EFFECT_COUNTERS.map((leaf) => counter(statNames.EFFECT, statNames.LABEL_EFFECT, leaf)),
    histogram(statNames.SHADOW, statNames.LABEL_SHADOW, statNames.RQ_TIME),
    histogram(statNames.SHADOW, statNames.LABEL_SHADOW, statNames.PRODUCTION_RQ_TIME),
    counter(statNames.FLAG, `${statNames.LABEL_FLAG}, ${statNames.LABEL_VARIANT}`, ""),
  ];
}

/** What each Envoy says of users, apart: two that scrape the same one say the same, so the larger is as good. */
function userQuestions(gauge: (series: string) => string, per: string): Question[] {
  const ask = (
    leaf: string,
    by: string,
    take: (builder: SnapshotBuilder, labels: Sample["labels"], value: number) => void,
  ): Question => ({
    query: `max by (${by}, ${per}) (${gauge(seriesName(statNames.ROLLOUT, leaf))})`,
    take: (samples, builder) => samples.forEach(({ labels, value }) => take(builder, labels, value)),
  });
  const ofVariant = (leaf: string): Question =>
    ask(leaf, OF_VARIANT, (builder, labels, value) => {
      const { [statNames.LABEL_ROLLOUT]: rollout, [statNames.LABEL_VARIANT]: variant } = labels;
      if (rollout !== undefined && variant !== undefined) {
        builder.users(rollout, variant, leaf, value, labels[per] ?? "");
      }
    });
  /** Of a threshold or a goal, which is a label too. `leaf`: with `*` in its place. */
  const ofEach = (leaf: string, label: string): Question =>
    ask(leaf.replace(".*", ""), `${OF_VARIANT}, ${label}`, (builder, labels, value) => {
      const { [statNames.LABEL_ROLLOUT]: rollout, [statNames.LABEL_VARIANT]: variant, [label]: of } = labels;
      if (rollout !== undefined && variant !== undefined && of !== undefined) {
        builder.users(rollout, variant, leaf.replace("*", of), value, labels[per] ?? "");
      }
    });
  const ofRollout = (leaf: string): Question =>
    ask(leaf, statNames.LABEL_ROLLOUT, (builder, labels, value) => {
      const { [statNames.LABEL_ROLLOUT]: rollout } = labels;
      if (rollout !== undefined) builder.ofRollout(rollout, leaf, value, labels[per] ?? "");
    });
  const ofShadow = (leaf: string): Question => ({
    query: `max by (${statNames.LABEL_SHADOW}, ${per}) (${gauge(seriesName(statNames.SHADOW, leaf))})`,
    take: (samples, builder) =>
      samples.forEach(({ labels, value }) => {
        const { [statNames.LABEL_SHADOW]: shadow } = labels;
        if (shadow !== undefined) builder.ofShadow(shadow, leaf, value, labels[per] ?? "");
      }),
  });
  return [
    ...[
      statNames.USERS,
      statNames.USERS_MISMATCH,
      statNames.USERS_NOISE_ONLY,
      statNames.EVIDENCE_PERIOD,
      statNames.EVIDENCE_BEGAN,
      statNames.EVIDENCE_BITS,
      statNames.EVIDENCE_NONE,
    ].map(ofShadow),
    ...[
      statNames.USERS,
      statNames.USERS_ERROR,
      statNames.USERS_OK,
      statNames.USERS_3XX,
      statNames.USERS_4XX,
      statNames.SHARE,
      statNames.GUARD,
      statNames.FALLBACK,
      statNames.FALLBACK_LAST,
    ].map(ofVariant),
    ofEach(`${statNames.USERS_SLOW}.*`, statNames.LABEL_SLOW),
    ofEach(`${statNames.USERS_GOAL}.*`, statNames.LABEL_GOAL),
    ofEach(`${statNames.GOAL}.*.${statNames.GOAL_VALUE}`, statNames.LABEL_GOAL),
    ...[
      statNames.EVIDENCE_PERIOD,
      statNames.EVIDENCE_BEGAN,
      statNames.EVIDENCE_BITS,
      statNames.EVIDENCE_NONE,
      statNames.EVIDENCE_EPOCH,
      statNames.SHARES_BEGAN,
    ].map(ofRollout),
  ];
}

/** What is left of a stat's name once the labels are cut out of it. */
function seriesName(prefix: string, leaf: string): string {
  return `${prefix}${leaf}`.replace(/\.$/, "").replaceAll(".", "_");
}

function ownerOf(labels: Sample["labels"]): Owner | null {
  const { [statNames.LABEL_ROLLOUT]: rollout, [statNames.LABEL_VARIANT]: variant = "" } = labels;
  const { [statNames.LABEL_FLAG]: flag, [statNames.LABEL_SHADOW]: shadow } = labels;
  if (rollout !== undefined) return { kind: "rollout", name: rollout, variant };
  if (flag !== undefined) return { kind: "flag", name: flag, variant };
  const { [statNames.LABEL_EFFECT]: effect } = labels;
  if (effect !== undefined) return { kind: "effect", name: effect };
  return shadow === undefined ? null : { kind: "shadow", name: shadow };
}

function eachOwner(samples: readonly Sample[], use: (owner: Owner, value: number) => void): void {
  for (const { labels, value } of samples) {
    const owner = ownerOf(labels);
    if (owner !== null) use(owner, value);
  }
}

/** Each share that some Envoy is asked for is a sample; how many are is its value. */
function takeShares(samples: readonly Sample[], builder: SnapshotBuilder): void {
  for (const { owner, own } of groups(samples)) {
    if (owner.kind !== "rollout") continue;
    const shares = own.map(({ labels }) => Number(labels["share"])).sort((a, b) => a - b);
    if (shares.length > 1) builder.conflict(owner.name, owner.variant, shares);
    else builder.number(owner, statNames.SHARE, shares[0] ?? 0);
  }
}

function takePlaces(samples: readonly Sample[], builder: SnapshotBuilder): void {
  for (const { labels, value } of samples) {
    const { [statNames.LABEL_SHADOW]: shadow, [statNames.LABEL_POINTER]: pointer } = labels;
    if (shadow !== undefined && pointer !== undefined) builder.place(shadow, pointer, value);
  }
}

function takeHistograms(samples: readonly Sample[], leaf: string, builder: SnapshotBuilder): void {
  for (const { owner, own } of groups(samples)) builder.histogram(owner, leaf, binsOf(own));
}

function groups(samples: readonly Sample[]): { owner: Owner; own: Sample[] }[] {
  const found = new Map<string, { owner: Owner; own: Sample[] }>();
  for (const sample of samples) {
    const owner = ownerOf(sample.labels);
    if (owner === null) continue;
    const key = JSON.stringify(owner);
    const group = found.get(key) ?? { owner, own: [] };
    group.own.push(sample);
    found.set(key, group);
  }
  return [...found.values()];
}

/** Cumulative buckets by their upper bounds -> bins. What is above the last bound counts as up to twice as much. */
function binsOf(samples: readonly Sample[]): Bin[] {
  const buckets = samples
    .map(({ labels, value }) => ({ upper: labels["le"] === "+Inf" ? Infinity : Number(labels["le"]), value }))
    .filter(({ upper }) => !Number.isNaN(upper))
    .sort((a, b) => a.upper - b.upper);
  let lower = 0;
  let below = 0;
  return buckets.flatMap(({ upper, value }) => {
    const bin = {
      lower,
      width: upper === Infinity ? Math.max(lower, 1) : upper - lower,
      count: value - below,
    };
    lower = upper;
    below = Math.max(below, value);
    return bin.count > 0 ? [bin] : [];
  });
}
