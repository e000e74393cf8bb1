// Snapshots from the admin endpoints of Envoys.

import { setTimeout as sleep } from "node:timers/promises";

import * as statNames from "../../assembly/vocabulary/stats.ts";
import type { Bin } from "../statistics/bins.ts";
import { readServerInfo, readStats, type RawHistogram, type RawStats } from "./admin-answers.ts";
import { difference, sumOf } from "./difference.ts";
import { filterFor, ownClusterStats } from "./own-clusters.ts";
import { NO_OUTLINE, outlineOfDump, type PolicyOutline } from "./policy-outline.ts";
import { SnapshotBuilder, type Owner } from "./snapshot-builder.ts";
import type { Snapshot } from "./snapshot.ts";
import { isOfRollout } from "./users.ts";
import { fetchJsonText, NotGiven, type Source } from "./source.ts";

const ADVICE =
  "--admin has to name the admin endpoint of an Envoy that runs (`admin: { address }` in its bootstrap)";
const OURS = "^wasmcustom\\.serin\\.";

/** Envoys that all carry the same policy. */
export class EnvoySource implements Source {
  readonly name: string;
  readonly waits = true;

  /** `urls`: without a slash at the end; at least one. `outline`: of the policy, instead of the one that Envoy has. */
  constructor(
    private readonly urls: readonly string[],
    private readonly outline: PolicyOutline = NO_OUTLINE,
  ) {
    this.name = urls.join(", ");
  }

  async read(): Promise<Snapshot> {
    return sumOf(await this.#readEach());
  }

  /** Reads twice. Each Envoy for itself: what one of them forgot in a restart must not hide in the sum. */
  async readSpan(seconds: number): Promise<Snapshot> {
    const earlier = await this.#readEach();
    await sleep(seconds * 1000);
    const later = await this.#readEach();
    return sumOf(later.map((snapshot, index) => difference(snapshot, earlier[index] ?? snapshot)));
  }

  #readEach(): Promise<Snapshot[]> {
    return Promise.all(this.urls.map((url) => readEnvoy(url, this.outline)));
  }
}

async function readEnvoy(url: string, known: PolicyOutline): Promise<Snapshot> {
  const answer = await statsOf(url, OURS);
  const takenAt = Date.now();
  const outline = known.size > 0 ? known : await readOutline(url);
  const clusters = ownClusterStats(outline);
  const more = clusters.size === 0 ? [] : (await statsOf(url, filterFor(clusters.keys()))).stats;
  const stats = { stats: [...answer.stats, ...more] };
  return snapshotOf(stats, outline, takenAt, (await readServerInfo(url, ADVICE)).uptime, url);
}

function statsOf(url: string, filter: string): Promise<RawStats> {
  return readStats(url, `histogram_buckets=detailed&filter=${encodeURIComponent(filter)}`, ADVICE);
}

/**
 * The gauge `serin.policy.digest` of an Envoy; null where it has none, or 0: its plugins serve different policies. `url`:
 * without a slash at the end.
 */
export async function readDigest(url: string): Promise<number | null> {
  const name = statNames.NAMESPACE + statNames.POLICY_DIGEST;
  const { stats } = await statsOf(url, `^${name.replaceAll(".", "\\.")}$`);
  const digest = stats.find((stat) => stat.name === name)?.value ?? 0;
  return digest === 0 || typeof digest === "string" ? null : digest;
}

export function snapshotOf(
  { stats }: RawStats,
  outline: PolicyOutline,
  takenAt: number,
  seconds: number | null,
  envoy = "",
): Snapshot {
  const builder = new SnapshotBuilder(outline, envoy);
  const clusters = ownClusterStats(outline);
  for (const { name, value: written, histograms } of stats) {
    const value = typeof written === "number" ? written : undefined;
    const whole = name === undefined ? null : ofRollout(name);
    if (whole !== null && value !== undefined) builder.ofRollout(whole.rollout, whole.leaf, value);
    const place = name === undefined ? null : (clusters.get(name) ?? placeOf(name));
    if (place !== null && value !== undefined) builder.number(place.owner, place.leaf, value);
    for (const { name: histogram, totals } of histograms?.details ?? []) {
      const own = clusters.get(histogram) ?? placeOf(histogram);
      if (own !== null) builder.histogram(own.owner, own.leaf, totals.map(binOf));
    }
  }
  return builder.snapshot(takenAt, seconds);
}

/** Envoy keeps two digits of a value, and what is recorded are whole milliseconds: 1 is anything from 1 to 2. */
function binOf({ lower_bound: lower, width, count }: RawHistogram["totals"][number]): Bin {
  return { lower, width: Math.max(1, width), count };
}

/** `serin.rollout.<rollout>.<leaf>`: of the rollout itself. */
function ofRollout(name: string): { readonly rollout: string; readonly leaf: string } | null {
  const prefix = statNames.NAMESPACE + statNames.ROLLOUT;
  const [rollout, leaf, ...more] = name.startsWith(prefix) ? name.slice(prefix.length).split(".") : [];
  return rollout !== undefined && leaf !== undefined && more.length === 0 && isOfRollout(leaf)
    ? { rollout, leaf }
    : null;
}

/** Whose stat it is and what it counts; null for what belongs to none. */
function placeOf(name: string): { readonly owner: Owner; readonly leaf: string } | null {
  const rest = (prefix: string): string[] | null =>
    name.startsWith(statNames.NAMESPACE + prefix)
      ? name.slice(statNames.NAMESPACE.length + prefix.length).split(".")
      : null;
  const [rollout, variant, ...leaves] = rest(statNames.ROLLOUT) ?? [];
  if (rollout !== undefined && variant !== undefined && leaves.length > 0) {
    return { owner: { kind: "rollout", name: rollout, variant }, leaf: leaves.join(".") };
  }
  const [flag, given] = rest(statNames.FLAG) ?? [];
  if (flag !== undefined && given !== undefined) {
    return { owner: { kind: "flag", name: flag, variant: given }, leaf: "" };
  }
  const [effect, effectLeaf] = rest(statNames.EFFECT) ?? [];
  if (effect !== undefined && effectLeaf !== undefined) {
    return { owner: { kind: "effect", name: effect }, leaf: effectLeaf };
  }
  const [shadow, ...shadowLeaves] = rest(statNames.SHADOW) ?? [];
  if (shadow !== undefined && shadowLeaves.length > 0) {
    return { owner: { kind: "shadow", name: shadow }, leaf: shadowLeaves.join(".") };
  }
  return null;
}

/** The policy as Envoy has it: by ECDS, or else somewhere in its listeners. None where the admin keeps that to itself. */
async function readOutline(url: string): Promise<PolicyOutline> {
  for (const path of ["/config_dump?resource=ecds_filters", "/config_dump"]) {
    try {
      const outline = outlineOfDump(await fetchJsonText(url + path, ADVICE));
      if (outline.size > 0) return outline;
    } catch (error) {
      if (!(error instanceof NotGiven)) throw error;
    }
  }
  return NO_OUTLINE;
}
