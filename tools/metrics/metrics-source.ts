// Where `serin report` and `serin stats` read from, as the options say.

import { readFile } from "node:fs/promises";

import { EnvoySource } from "./envoy-source.ts";
import { NO_OUTLINE, outlineOf, type PolicyOutline } from "./policy-outline.ts";
import { PrometheusSource } from "./prometheus-source.ts";
import { endpointUrl, type Source } from "./source.ts";
import type { Snapshot } from "./snapshot.ts";
import { readPolicySource } from "../policy/policy-source.ts";
import { CommandError, fileError } from "../terminal/command-error.ts";

export interface SourceOptions {
  readonly admin: readonly string[];
  readonly prometheus?: string;
  readonly policy?: string;
  readonly rollout?: string;
}

export const DEFAULT_ADMIN = "http://127.0.0.1:9901";

export async function sourceOf({ admin, prometheus, policy }: SourceOptions): Promise<Source> {
  if (prometheus !== undefined && admin.length > 0) {
    throw new CommandError(
      "--admin and --prometheus: name Envoys, or the Prometheus that scrapes them, not both",
    );
  }
  const outline = policy === undefined ? NO_OUTLINE : await readOutline(policy);
  if (prometheus !== undefined) return new PrometheusSource(endpointUrl(prometheus, "--prometheus"), outline);
  const urls = (admin.length > 0 ? admin : [DEFAULT_ADMIN]).map((given) => endpointUrl(given, "--admin"));
  const twice = urls.find((url, index) => urls.indexOf(url) !== index);
  if (twice !== undefined) throw new CommandError(`--admin ${twice}: is named twice, and would count twice`);
  return new EnvoySource(urls, outline);
}

/** The snapshot with one of its rollouts alone. @throws CommandError when there is none of that name */
export function onlyRollout(snapshot: Snapshot, name: string | undefined, source: Source): Snapshot {
  if (name === undefined) return snapshot;
  const rollout = snapshot.rollouts.get(name);
  if (rollout !== undefined) return { ...snapshot, rollouts: new Map([[name, rollout]]) };
  const known = [...snapshot.rollouts.keys()];
  const others = known.length === 0 ? "none is counted there" : `counted are ${known.join(", ")}`;
  throw new CommandError(
    `--rollout ${JSON.stringify(name)}: there is none of that name at ${source.name}; ${others}`,
  );
}

/** What to say where nothing of Serin's is counted. */
export function nothingCounted(source: Source): string {
  return source instanceof PrometheusSource
    ? `no rollout is counted at ${source.name}: does it scrape Envoy's /stats/prometheus, and has Envoy the stats_tags of envoy/stats-tags.yaml?`
    : `no rollout is counted at ${source.name}: has Envoy loaded the filter, and its policy a rollout?`;
}

const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** `90s`, `10m`, `1h30m` in seconds. @throws CommandError */
export function secondsOf(text: string, option: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ""] ?? 0), 0);
  if (parts.map(([part]) => part).join("") !== text || !(seconds > 0)) {
    throw new CommandError(`${option} ${JSON.stringify(text)}: must be like 90s, 10m or 1h30m`);
  }
  return seconds;
}

/** A number within bounds. @throws CommandError */
export function numberOf(text: string, option: string, least: number, most: number): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!(value >= least && value <= most)) {
    throw new CommandError(`${option} ${JSON.stringify(text)}: must be a number from ${least} to ${most}`);
  }
  return value;
}

async function readOutline(file: string): Promise<PolicyOutline> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw fileError(file, error);
  }
  const { json } = readPolicySource(file, bytes);
  const outline = json === null ? NO_OUTLINE : outlineOf(Buffer.from(json).toString("utf8"));
  if (outline.size === 0)
    throw new CommandError(`${file}: no rollout is in it; serin validate says what is wrong`, 1);
  return outline;
}
