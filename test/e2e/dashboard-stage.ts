// A shop for the dashboard to look at: a canary that fails and is slow now and then, an experiment whose versions are
// alike, and a shadow whose answers differ once in a while.

import { Pool } from "undici";

import { ENVOY_VERSION } from "../../tools/envoy/index.ts";
import { startUpstream } from "../upstream/upstream.ts";
import { startProxyOver, type BareProxy } from "../support/envoy/proxy.ts";
import { STEERING_ROUTES } from "./steering-routes.ts";

export const POLICY = {
  identity: [{ cookie: "uid" }],
  rollouts: {
    checkout: {
      match: [{ path: { value: "/checkout" } }],
      default: "stable",
      variants: { stable: {}, canary: { percent: 20 } },
    },
    search: {
      match: [{ path: { value: "/search" } }],
      default: "v1",
      variants: { v1: {}, v2: { percent: 30 }, v3: { percent: 30 } },
    },
  },
  shadows: {
    "checkout-v3": {
      match: [{ path: { value: "/checkout" } }],
      percent: 50,
      cluster: "shadow",
      compare: { status: true, body: true },
      budget: { perSecond: 500, inFlight: 200 },
    },
  },
};

export async function startShop(): Promise<BareProxy> {
  const behaviour = { body: "a page", latency: "8,30", "error-rate": "0.005" };
  const upstreams = await Promise.all([
    startUpstream({ version: "stable", behaviour }),
    startUpstream({ version: "canary", behaviour: { ...behaviour, latency: "9,80", "error-rate": "0.06" } }),
    startUpstream({ version: "shadow", behaviour: { ...behaviour, latency: "6,20", "error-rate": "0.02" } }),
  ]);
  return startProxyOver(upstreams, {
    version: ENVOY_VERSION,
    policy: POLICY,
    routes: STEERING_ROUTES,
    logLevel: "error",
  });
}

/** Visitors come until the signal, so many a second to each page. Resolves to how many there were, by page. */
export async function visit(
  port: number,
  perSecond: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 32 });
  const sent = new Map([
    ["/checkout", 0],
    ["/search", 0],
  ]);
  const open = new Set<Promise<void>>();
  const send = async (path: string): Promise<void> => {
    sent.set(path, (sent.get(path) ?? 0) + 1);
    const headers = { cookie: `uid=u${Math.floor(Math.random() * 1e6)}` };
    const { body } = await pool.request({ path, method: "GET", headers });
    await body.dump();
  };
  const begin = performance.now();
  let due = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (signal.aborted) {
        clearInterval(timer);
        return resolve();
      }
      for (; due < ((performance.now() - begin) / 1000) * perSecond; due++) {
        for (const path of sent.keys()) {
          const one = send(path);
          open.add(one);
          void one.finally(() => open.delete(one));
        }
      }
    }, 20);
  });
  await Promise.all(open);
  await pool.close();
  return sent;
}
