import { isIP } from "node:net";

import { InvalidArgumentError } from "@commander-js/extra-typings";

import { loadAssets } from "../dashboard/assets.ts";
import { startServer } from "../dashboard/server.ts";
import { Watch } from "../dashboard/watch.ts";
import type { Source } from "../metrics/source.ts";
import { DEFAULT_ADMIN, readingCommand, sourceOf } from "../metrics/metrics-source.ts";
import { examples, port } from "../terminal/arguments.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";

const DEFAULT_PORT = 9912;

export const dashboardCommand = readingCommand("dashboard")
  .summary("show rollouts and shadows live, in a browser")
  .description(
    "Serves a live page on this machine only (127.0.0.1): traffic, errors, latency and the verdict of each rollout, " +
      "and the results of each shadow. Stop it with Ctrl-C.",
  )
  .option("--port <PORT>", "port of the page; 0 picks a free one", port, DEFAULT_PORT)
  .option(
    "--host <ADDRESS>",
    "address to listen on; another one only in a container whose port is published on loopback",
    address,
    "127.0.0.1",
  )
  .addHelpText(
    "after",
    examples(
      "serin dashboard",
      "serin dashboard --admin http://127.0.0.1:9901 --admin http://127.0.0.1:9902",
      "serin dashboard --prometheus http://127.0.0.1:9090 --policy policy.yaml --rollout checkout",
    ),
  );

dashboardCommand.action(async (options) => {
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => ending.abort());
  process.exitCode = await dashboard(options, processTerminal(), ending.signal);
});

type Options = ReturnType<typeof dashboardCommand.opts>;

/** An admin is read each second. Prometheus knows nothing new before it scrapes again. */
const ADMIN_PAUSE_MS = 1000;
const PROMETHEUS_PAUSE_MS = 5000;

/** Serves the page until the signal. Resolves to 0. */
async function dashboard(options: Options, terminal: Terminal, signal: AbortSignal): Promise<number> {
  const isPrometheus = options.prometheus !== undefined;
  const watch = new Watch(await sourcesOf(options), {
    pauseMs: isPrometheus ? PROMETHEUS_PAUSE_MS : ADMIN_PAUSE_MS,
    isOneProcess: !isPrometheus,
    names: new Set(options.rollout === undefined ? [] : [options.rollout]),
  });
  const server = await startServer(watch, await loadAssets(), options.port, options.host);
  terminal.stdout.write(`${terminal.colors.bold(server.url)}  stop with Ctrl-C\n`);
  try {
    await watch.run(signal);
  } finally {
    await server.close();
  }
  return 0;
}

/** An Envoy each: one that does not answer must not hide the others. */
async function sourcesOf(options: Options): Promise<Source[]> {
  // All at once first: it refuses what cannot be, or not together.
  const all = await sourceOf(options);
  if (options.prometheus !== undefined) return [all];
  const urls = options.admin.length > 0 ? options.admin : [DEFAULT_ADMIN];
  return Promise.all(urls.map((url) => sourceOf({ ...options, admin: [url] })));
}

function address(text: string): string {
  if (isIP(text) !== 0) return text;
  throw new InvalidArgumentError("Must be an address, like 0.0.0.0.");
}
