// An Envoy's admin endpoint, as far as `serin report`, `serin stats` and `serin dashboard` ask it, with numbers that a test
// gives.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface AdminContent {
  /** By name, without `wasmcustom.`. */
  readonly values: Readonly<Record<string, number>>;
  /** Whole milliseconds and how often each was recorded, by name. */
  readonly histograms?: Readonly<Record<string, Readonly<Record<number, number>>>>;
  /** The policy that Envoy has; none in its dump without. */
  readonly policy?: unknown;
  /** Seconds; 100 unless said. */
  readonly uptime?: number;
}

export interface FakeServer {
  readonly url: string;
  /** Paths with queries, in the order of the requests. */
  readonly asked: string[];
  /** Of each answer that it has; 200 unless a test sets another. */
  status: number;
  stop(): Promise<void>;
}

/** Each reading of the stats sees the next content; the last stays, and a test may change the values in it. */
export async function startFakeAdmin(...contents: readonly AdminContent[]): Promise<FakeServer> {
  let reading = -1;
  return serve((path) => {
    if (path.startsWith("/stats?")) reading = Math.min(reading + 1, contents.length - 1);
    const content = contents[Math.max(0, reading)];
    if (content === undefined) return null;
    if (path.startsWith("/stats?")) return statsOf(content);
    if (path.startsWith("/server_info")) return { uptime_current_epoch: `${content.uptime ?? 100}s` };
    if (path.startsWith("/config_dump")) return dumpOf(content);
    return null;
  });
}

function statsOf({ values, histograms = {} }: AdminContent): object {
  const details = Object.entries(histograms).map(([name, counts]) => ({
    name: `wasmcustom.${name}`,
    totals: Object.entries(counts).map(([value, count]) => ({
      lower_bound: Number(value),
      width: Number(value) < 10 ? Number(value) / 10 : 1,
      count,
    })),
  }));
  return {
    stats: [
      ...Object.entries(values).map(([name, value]) => ({ name: `wasmcustom.${name}`, value })),
      { histograms: { supported_percentiles: [50], details } },
    ],
  };
}

function dumpOf({ policy }: AdminContent): object {
  if (policy === undefined) return {};
  const configuration = {
    "@type": "type.googleapis.com/google.protobuf.StringValue",
    value: JSON.stringify(policy),
  };
  return { configs: [{ ecds_filter: { typed_config: { config: { configuration } } } }] };
}

/** JSON on loopback: what `answer` gives for a path, or 404 with an error for null. */
export async function serve(answer: (path: string) => object | null): Promise<FakeServer> {
  const fake = { url: "", asked: [] as string[], status: 200, stop };
  const server: Server = createServer((request, response) => {
    const path = request.url ?? "/";
    fake.asked.push(path);
    const body = answer(path);
    response.writeHead(body === null ? 404 : fake.status, { "content-type": "application/json" });
    response.end(JSON.stringify(body ?? { error: "not here" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;

  function stop(): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }
}
