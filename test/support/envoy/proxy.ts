// An Envoy with Serin between a test's clients and its upstreams.

import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { newFilterResource, printFilterResource, putPolicy } from "../../../tools/policy/filter-resource.ts";
import {
  freePort,
  startEnvoy,
  waitUntil,
  type Admin,
  type LogLevel,
  type RunningEnvoy,
} from "../../../tools/envoy/index.ts";
import { startUpstream, type Upstream } from "../../upstream/upstream.ts";
import { WASM } from "../filter.ts";
import { proxyBootstrap } from "./bootstrap.ts";
import { envoyBinary } from "./versions.ts";

export interface ProxyOptions {
  readonly version: string;
  /** A policy as a value, or its very text. */
  readonly policy: unknown;
  readonly routes: readonly object[];
  readonly concurrency?: number;
  readonly logLevel?: LogLevel;
  /** Further clusters. */
  readonly clusters?: readonly object[];
  readonly runtime?: Readonly<Record<string, string | number>>;
  /** The format of a line of `access.log` in Envoy's folder. */
  readonly accessLog?: string;
  /** Further fields of the connection manager. */
  readonly manager?: object;
  readonly statsTags?: readonly object[];
}

/** An Envoy over upstreams of the test's own. */
export interface BareProxy {
  readonly envoy: RunningEnvoy;
  readonly admin: Admin;
  /** The listener with Serin. */
  readonly port: number;
  /** The same routes without it. */
  readonly plainPort: number;
  /**
   * Puts a policy into the watched file, as `serin publish` does but unchecked, and waits for Envoy's word on it.
   * `wasm`: the module that serves it, the built one unless said.
   */
  publish(policy: unknown, wasm?: string): Promise<"accepted" | "rejected">;
  /** Stops everything; fails when the filter trapped or survived something it should not have had to. */
  stop(): Promise<void>;
}

export interface Proxy extends BareProxy {
  readonly stable: Upstream;
  readonly canary: Upstream;
}

export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const stable = await startUpstream({ version: "stable" });
  const canary = await startUpstream({ version: "canary" });
  return { ...(await startProxyOver([stable, canary], options)), stable, canary };
}

/** The upstreams are stopped with the proxy, and when it does not start. */
export async function startProxyOver(
  upstreams: readonly Upstream[],
  options: ProxyOptions,
): Promise<BareProxy> {
  const stopUpstreams = async (): Promise<void> => void (await Promise.all(upstreams.map((u) => u.stop())));
  try {
    const { routes, clusters, runtime, accessLog, manager, statsTags } = options;
    const envoy = await startEnvoy({
      binary: await envoyBinary(options.version),
      bootstrap: proxyBootstrap({
        ...{ upstreams, closedPort: await freePort(), routes, clusters, runtime },
        ...{ accessLog, manager, statsTags },
      }),
      files: { "watched/filter.yaml": filterFile(options.policy) },
      concurrency: options.concurrency ?? 1,
      logLevel: options.logLevel ?? "info",
      // Of access logs: every ten seconds unless said.
      args: ["--file-flush-interval-msec", "100"],
    });
    const { admin } = envoy;
    return {
      envoy,
      admin,
      port: await envoy.port("serin"),
      plainPort: await envoy.port("plain"),
      async publish(policy, wasm = WASM) {
        const before = await admin.filterUpdates("serin");
        await replaceFile(join(envoy.folder, "watched/filter.yaml"), filterFile(policy, wasm));
        return admin.waitForUpdate("serin", before);
      },
      async stop() {
        const stats = await admin.stats("serin\\.error").catch(() => new Map<string, number>());
        const log = envoy.log();
        await envoy.stop();
        await stopUpstreams();
        requireHealthy(Math.max(0, ...stats.values()), log);
      },
    };
  } catch (error) {
    await stopUpstreams();
    throw error;
  }
}

/** What `serin publish` writes for this policy. */
export function filterFile(policy: unknown, wasm = WASM): string {
  const document = newFilterResource({ wasm, name: "serin", failurePolicy: "FAIL_RELOAD" });
  putPolicy("filter.yaml", document, typeof policy === "string" ? policy : JSON.stringify(policy), {});
  return printFilterResource("filter.yaml", document);
}

async function replaceFile(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

function requireHealthy(errors: number, log: string): void {
  const bad = log
    .split("\n")
    .filter((line) =>
      /Uncaught RuntimeError|failed: .*unreachable|\{"error":|Caught Segmentation/.test(line),
    );
  if (errors > 0 || bad.length > 0) {
    throw new Error(`serin.error is ${errors}; in Envoy's log:\n${bad.slice(0, 20).join("\n")}`);
  }
}

/** Stats of rollouts: `leaf` summed over all variants of one, or of one variant. */
export class RolloutStats {
  constructor(private readonly stats: ReadonlyMap<string, number>) {}

  static async read(admin: Admin): Promise<RolloutStats> {
    return new RolloutStats(await admin.stats("^wasmcustom\\.serin\\.rollout\\."));
  }

  sum(rollout: string, leaf: string, variant?: string): number {
    let total = 0;
    for (const [name, value] of this.stats) {
      const parts = name.split(".");
      if (parts[3] !== rollout || parts[5] !== leaf) continue;
      if (variant === undefined || parts[4] === variant) total += value;
    }
    return total;
  }

  /** How requests ended, by leaf, without the zeros. */
  endings(rollout: string): Record<string, number> {
    const leaves = ["rq_1xx", "rq_2xx", "rq_3xx", "rq_4xx", "rq_5xx", "rq_reset", "rq_left"];
    return Object.fromEntries(
      leaves.map((leaf) => [leaf, this.sum(rollout, leaf)] as const).filter(([, count]) => count > 0),
    );
  }
}

/** Waits until nothing of a rollout is in flight, and gives its stats. */
export async function settledStats(admin: Admin, rollout: string): Promise<RolloutStats> {
  let stats = await RolloutStats.read(admin);
  await waitUntil(`the end of all requests of ${rollout}`, 40_000, async () => {
    stats = await RolloutStats.read(admin);
    return stats.sum(rollout, "rq_active") === 0;
  });
  return stats;
}
