// An Envoy's admin that has counted what a test says, and does not answer when the test says so.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeAdmin {
  readonly url: string;
  /** Counters and gauges by their names without `wasmcustom.serin.`. */
  readonly stats: Map<string, number>;
  uptimeSeconds: number;
  /** Milliseconds of each request, by the histogram's name. */
  readonly times: Map<string, number[]>;
  /** Status of each answer; 200 unless said. */
  status: number;
  stop(): Promise<void>;
}

const POLICY = {
  rollouts: { checkout: { default: "stable", variants: { stable: {}, canary: { percent: 20 } } } },
};

/** `port`: 0 takes a free one. */
export async function startFakeAdmin(port = 0): Promise<FakeAdmin> {
  const admin = {
    url: "",
    stats: new Map<string, number>(),
    uptimeSeconds: 60,
    times: new Map<string, number[]>(),
    status: 200,
  };
  const server = createServer((request, response) => {
    response.statusCode = admin.status;
    response.end(bodyOf(request.url ?? "", admin));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  admin.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(admin, { stop: () => close(server) });
}

function bodyOf(url: string, admin: Omit<FakeAdmin, "stop">): string {
  if (url.startsWith("/server_info")) {
    return JSON.stringify({ uptime_current_epoch: `${admin.uptimeSeconds}s` });
  }
  if (url.startsWith("/config_dump")) {
    const value = {
      "@type": "type.googleapis.com/google.protobuf.StringValue",
      value: JSON.stringify(POLICY),
    };
    return JSON.stringify({ configs: [{ configuration: value }] });
  }
  const details = [...admin.times].map(([name, times]) => ({
    name: `wasmcustom.serin.${name}`,
    totals: [...new Set(times)]
      .sort((a, b) => a - b)
      .map((ms) => ({ lower_bound: ms, width: 1, count: times.filter((one) => one === ms).length })),
  }));
  const numbers = [...admin.stats].map(([name, value]) => ({ name: `wasmcustom.serin.${name}`, value }));
  return JSON.stringify({ stats: [...numbers, { histograms: { details } }] });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Sets what a variant of `checkout` has counted. */
export function setVariant(
  admin: FakeAdmin,
  variant: string,
  { share, total, errors }: { share: number; total: number; errors: number },
): void {
  const leaves = { share, rq_total: total, rq_5xx: errors, rq_2xx: total - errors, rq_active: 1 };
  for (const [leaf, value] of Object.entries(leaves)) {
    admin.stats.set(`rollout.checkout.${variant}.${leaf}`, value);
  }
}
