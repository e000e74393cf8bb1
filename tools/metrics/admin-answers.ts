// What Envoy's admin endpoint answers, looked at before anybody relies on it: another server may answer there, or a proxy
// before it.

import { CommandError } from "../terminal/command-error.ts";
import { fetchJson } from "./source.ts";

/** The answer of `/stats?format=json&histogram_buckets=detailed`. A text readout's value is a string. */
export interface RawStats {
  readonly stats: readonly RawStat[];
}

export interface RawStat {
  readonly name?: string;
  readonly value?: number | string;
  readonly histograms?: { readonly details?: readonly RawHistogram[] };
}

export interface RawHistogram {
  readonly name: string;
  readonly totals: readonly { lower_bound: number; width: number; count: number }[];
}

/** Of `/server_info`; null where Envoy does not say. */
export interface ServerInfo {
  /** `1.40.0` */
  readonly version: string | null;
  /** Seconds. */
  readonly uptime: number | null;
}

/** @throws CommandError when it does not answer, or answers something else than stats */
export async function readStats(url: string, query: string, advice: string): Promise<RawStats> {
  const asked = `${url}/stats?format=json&${query}`;
  const answer = await fetchJson(asked, advice);
  const fault = faultOfStats(answer);
  if (fault !== null) throw new CommandError(`${asked}: ${fault}; ${advice}`);
  return answer as RawStats;
}

/** @throws CommandError when it does not answer, or answers something else */
export async function readServerInfo(url: string, advice: string): Promise<ServerInfo> {
  const asked = `${url}/server_info`;
  const info = await fetchJson(asked, advice);
  if (!isObject(info)) throw unexpected(asked, `${shown(info)}, expected an object`, advice);
  for (const key of ["version", "uptime_current_epoch"]) {
    if (info[key] !== undefined && typeof info[key] !== "string") {
      throw unexpected(asked, `"${key}" is ${shown(info[key])}, expected a string`, advice);
    }
  }
  const { version, uptime_current_epoch: uptime } = info as {
    version?: string;
    uptime_current_epoch?: string;
  };
  const seconds = Number.parseFloat(uptime ?? "");
  return {
    // `<commit>/1.40.0/Clean/RELEASE/BoringSSL`
    version: version?.split("/")[1] ?? null,
    uptime: Number.isFinite(seconds) ? seconds : null,
  };
}

/** Says what was found in place of what was expected. */
export function unexpected(url: string, fault: string, advice: string): CommandError {
  return new CommandError(`${url}: unexpected answer: ${fault}; ${advice}`);
}

/** A value of an answer in a few words. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 60);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The first thing in it that Envoy's stats never have; null when there is none. */
function faultOfStats(answer: unknown): string | null {
  const stats = isObject(answer) ? answer["stats"] : undefined;
  if (!Array.isArray(stats)) return `the answer holds no stats: "stats" is ${shown(stats)}`;
  for (const [index, stat] of (stats as readonly unknown[]).entries()) {
    const fault = faultOfStat(stat);
    if (fault !== null) return `unexpected answer: in "stats", item ${index}: ${fault}`;
  }
  return null;
}

function faultOfStat(stat: unknown): string | null {
  if (!isObject(stat)) return `${shown(stat)}, expected an object`;
  const { name, value, histograms } = stat;
  if (name !== undefined && typeof name !== "string") return `"name" is ${shown(name)}, expected a string`;
  // Only text readouts, which are Envoy's own, are strings.
  const isText = typeof value === "string" && !name?.startsWith("wasmcustom.");
  if (value !== undefined && !isText && !Number.isFinite(value)) {
    return `"value" of ${shown(name)} is ${shown(value)}, expected a number`;
  }
  if (histograms === undefined) return null;
  const details = isObject(histograms) ? (histograms["details"] ?? []) : undefined;
  if (!Array.isArray(details)) return `"histograms" is ${shown(histograms)}, expected an object with details`;
  const strange = (details as readonly unknown[]).find((one) => !isHistogram(one));
  return strange === undefined ? null : "in a histogram, expected a name, and totals with bounds and counts";
}

function isHistogram(value: unknown): boolean {
  if (!isObject(value) || typeof value["name"] !== "string") return false;
  const { totals } = value;
  const isBin = (bin: unknown): boolean =>
    isObject(bin) && [bin["lower_bound"], bin["width"], bin["count"]].every(Number.isFinite);
  return Array.isArray(totals) && (totals as readonly unknown[]).every(isBin);
}
