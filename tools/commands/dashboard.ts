import { isIP } from "node:net";

import { loadAssets } from "../dashboard/assets.ts";
import { startServer } from "../dashboard/server.ts";
import { Watch } from "../dashboard/watch.ts";
import type { Source } from "../metrics/source.ts";
import { CommandError } from "../terminal/command-error.ts";
import { DEFAULT_ADMIN, sourceOf, type SourceOptions } from "../metrics/metrics-source.ts";
import type { Terminal } from "../terminal/terminal.ts";

export interface DashboardOptions extends SourceOptions {
  /** As given. */
  readonly port: string;
  /** As given. */
  readonly host: string;
}

export const DEFAULT_DASHBOARD_PORT = 9912;

/** An admin is read each second. Prometheus knows nothing new before it scrapes again. */
const ADMIN_PAUSE_MS = 1000;
const PROMETHEUS_PAUSE_MS = 5000;

/** Serves the page until the signal. Resolves to 0. */
export async function dashboard(
  options: DashboardOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const port = portOf(options.port);
  if (isIP(options.host) === 0) {
    throw new CommandError(`--host ${JSON.stringify(options.host)}: must be an address, like 0.0.0.0`);
  }
  const isPrometheus = options.prometheus !== undefined;
  const watch = new Watch(await sourcesOf(options), {
    pauseMs: isPrometheus ? PROMETHEUS_PAUSE_MS : ADMIN_PAUSE_MS,
    isOneProcess: !isPrometheus,
    names: new Set(options.rollout === undefined ? [] : [options.rollout]),
  });
  const server = await startServer(watch, await loadAssets(), port, options.host);
  terminal.stdout.write(`${terminal.colors.bold(server.url)}  Ctrl-C ends it\n`);
  try {
    await watch.run(signal);
  } finally {
    await server.close();
  }
  return 0;
}

/** An Envoy each: one that does not answer must not hide the others. */
async function sourcesOf(options: DashboardOptions): Promise<Source[]> {
  // All at once first: it refuses what cannot be, or not together.
  const all = await sourceOf(options);
  if (options.prometheus !== undefined) return [all];
  const urls = options.admin.length > 0 ? options.admin : [DEFAULT_ADMIN];
  return Promise.all(urls.map((url) => sourceOf({ ...options, admin: [url] })));
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new CommandError(`--port ${JSON.stringify(text)}: must be a port, 0 to 65535`);
  }
  return port;
}
