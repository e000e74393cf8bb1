// Envoy's admin endpoint: stats, log level, and waiting until something has happened.

import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { EnvoyError } from "./envoy-error.ts";

/** A bin of a histogram: values in [lowerBound, lowerBound + width). */
export interface Bin {
  readonly lowerBound: number;
  readonly width: number;
  readonly count: number;
}

/** What became of configurations that Envoy read for one filter. */
export interface FilterUpdates {
  readonly accepted: number;
  readonly rejected: number;
}

export class Admin {
  readonly url: string;

  /** `address`: `127.0.0.1:9901` */
  constructor(readonly address: string) {
    this.url = `http://${address}`;
  }

  /** The body of a response. @throws EnvoyError at any status but 200, and where nobody answers */
  async get(path: string, method: "GET" | "POST" = "GET"): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        reject(error instanceof EnvoyError ? error : new EnvoyError(`admin ${path}: ${error.message}`));
      };
      const sent = request(`${this.url}${path}`, { method, agent: false, timeout: 30_000 }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(text);
          else reject(new EnvoyError(`admin ${path}: ${response.statusCode} ${text.trim()}`));
        });
      });
      sent.on("timeout", () => sent.destroy(new EnvoyError(`admin ${path}: no answer`)));
      sent.on("error", fail);
      sent.end();
    });
  }

  async post(path: string): Promise<string> {
    return this.get(path, "POST");
  }

  /** Counters and gauges by name. `filter`: a regular expression over names, RE2. */
  async stats(filter?: string): Promise<Map<string, number>> {
    const query = filter === undefined ? "" : `&filter=${encodeURIComponent(filter)}`;
    const { stats } = JSON.parse(await this.get(`/stats?format=json${query}`)) as {
      stats: { name?: string; value?: number }[];
    };
    return new Map(
      stats.flatMap(({ name, value }) => (name === undefined || value === undefined ? [] : [[name, value]])),
    );
  }

  /** Bins of histograms since start, by name; Envoy adds to them every `stats_flush_interval`. */
  async histograms(filter?: string): Promise<Map<string, Bin[]>> {
    const query = filter === undefined ? "" : `&filter=${encodeURIComponent(filter)}`;
    const text = await this.get(`/stats?format=json&histogram_buckets=detailed&type=Histograms${query}`);
    const { stats } = JSON.parse(text) as { stats: { histograms?: { details?: RawHistogram[] } }[] };
    return new Map(
      stats
        .flatMap((entry) => entry.histograms?.details ?? [])
        .map(({ name, totals }) => [
          name,
          totals.map((bin) => ({ lowerBound: bin.lower_bound, width: bin.width, count: bin.count })),
        ]),
    );
  }

  async prometheus(filter?: string): Promise<string> {
    return this.get(
      `/stats/prometheus${filter === undefined ? "" : `?filter=${encodeURIComponent(filter)}`}`,
    );
  }

  /** What was accepted and refused so far for a filter that comes by ECDS. */
  async filterUpdates(filter: string): Promise<FilterUpdates> {
    const stats = await this.stats(`extension_config_discovery\\..*\\.${filter}\\.`);
    const sum = (leaf: string): number =>
      [...stats].reduce((total, [name, value]) => (name.endsWith(`.${leaf}`) ? total + value : total), 0);
    return { accepted: sum("config_reload"), rejected: sum("config_fail") };
  }

  /** Waits until Envoy has accepted or refused something more than `before`. */
  async waitForUpdate(
    filter: string,
    before: FilterUpdates,
    deadlineMs = 60_000,
  ): Promise<"accepted" | "rejected"> {
    let found: "accepted" | "rejected" | null = null;
    await waitUntil(`an update of ${filter}`, deadlineMs, async () => {
      const now = await this.filterUpdates(filter);
      if (now.rejected > before.rejected) found = "rejected";
      else if (now.accepted > before.accepted) found = "accepted";
      return found !== null;
    });
    return found ?? "rejected";
  }

  /** `level` of all loggers, or of one. */
  async setLogLevel(
    level: "trace" | "debug" | "info" | "warning" | "error" | "critical" | "off",
    logger?: string,
  ): Promise<void> {
    await this.post(`/logging?${logger ?? "level"}=${level}`);
  }

  /** `127.0.0.1:10000` of each listener by name: the real port where the configuration says 0. */
  async listeners(): Promise<Map<string, string>> {
    const { listener_statuses: statuses = [] } = JSON.parse(await this.get("/listeners?format=json")) as {
      listener_statuses?: RawListener[];
    };
    return new Map(
      statuses.map(({ name, local_address: { socket_address: at } }) => [
        name,
        `${at.address}:${at.port_value}`,
      ]),
    );
  }
}

interface RawHistogram {
  readonly name: string;
  readonly totals: readonly { lower_bound: number; width: number; count: number }[];
}

interface RawListener {
  readonly name: string;
  readonly local_address: { readonly socket_address: { address: string; port_value: number } };
}

/** Asks again and again until it is so. @throws EnvoyError at the deadline, with the last failure if there was one */
export async function waitUntil(
  what: string,
  deadlineMs: number,
  isSo: () => Promise<boolean> | boolean,
): Promise<void> {
  const end = Date.now() + deadlineMs;
  let last = "";
  for (let pause = 2; ; pause = Math.min(pause * 1.5, 50)) {
    try {
      if (await isSo()) return;
      last = "";
    } catch (error) {
      last = `: ${(error as Error).message}`;
    }
    if (Date.now() > end) throw new EnvoyError(`waited ${deadlineMs / 1000} s for ${what}${last}`);
    await sleep(pause);
  }
}
