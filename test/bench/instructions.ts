// What a request costs in a real Envoy, in instructions: USAGE in instruction-options.ts says how to use it. All ways are
// listeners of one Envoy under callgrind. Blocks of requests are counted, less what an idle Envoy does in that time.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { ensureEnvoy, EnvoyStartError, startEnvoy, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { startAnsweringEnvoy } from "../support/envoy/answering-envoy.ts";
import { KeptConnections } from "../support/envoy/kept-connections.ts";
import { overBudget, readBudget, writeBudget } from "./budget.ts";
import { Callgrind, requireCallgrind, type Cost } from "./callgrind.ts";
import { parseOptions, USAGE, type Options } from "./instruction-options.ts";
import { costOfRequest, faultsOf, figuresOf, tableOf } from "./instruction-report.ts";
import { buildRival, type Compiled } from "./rivals/rivals.ts";
import { bootstrapOf, listenersOf, Requests, type Listener, type Sent } from "./instruction-ways.ts";

/** Under callgrind Envoy is about fifty times slower; a busy machine adds to that. */
const START_MS = 45 * 60_000;
/** With one request at a time, Envoy wakes up as often for each, however busy the machine is. */
const CONNECTIONS = 1;
const IDLE_MS = 10_000;
/** Time for what Envoy does after an answer was sent. */
const SETTLE_MS = 300;
const NOTHING: Cost = { total: 0, families: { envoy: 0, malloc: 0, libc: 0, guest: 0 } };

/** A listener, and the blocks counted so far. */
interface Measuring {
  readonly listener: Listener;
  readonly connections: KeptConnections;
  readonly requests: Requests;
  readonly blocks: { readonly cost: Cost; readonly seconds: number }[];
}

interface Running {
  readonly envoy: RunningEnvoy;
  readonly all: readonly Measuring[];
}

async function main(options: Options): Promise<void> {
  const { builds, ways, requests, blocks: amount } = options;
  requireCallgrind();
  const { rivals, missing } = await buildRivals(listenersOf(builds, ways));
  const listeners = listenersOf(builds, ways).filter(({ way }) => !missing.has(way.name));
  const folder = mkdtempSync(join(tmpdir(), "serin-instructions-"));
  // However it ends; the Envoys end with this process.
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
  const binary = await ensureEnvoy();
  const callgrind = new Callgrind(folder);
  const upstream = await startAnsweringEnvoy(binary);
  const bootstrap = await bootstrapOf(listeners, builds, upstream.port, folder, rivals);
  const start = async (under: readonly string[]): Promise<Running> => {
    const envoy = await startEnvoy({ binary, bootstrap, under, logLevel: "warning", deadlineMs: START_MS });
    const all: Measuring[] = [];
    for (const listener of listeners) {
      const connections = new KeptConnections(await envoy.port(listener.name), CONNECTIONS);
      all.push({ listener, connections, requests: new Requests(listener.way), blocks: [] });
    }
    return { envoy, all };
  };
  try {
    // First at full speed: what is wrong with a policy or a build shows in seconds.
    const trial = await start([]);
    try {
      for (const measuring of trial.all) await warm(trial.envoy, measuring, requests);
    } finally {
      await stop(trial);
    }
    tell(`starting Envoy with ${listeners.length} listeners under callgrind: this takes some minutes`);
    const begin = Date.now();
    const running = await start(callgrind.command);
    const { envoy, all } = running;
    tell(`ready after ${seconds(begin).toFixed(0)} s`);
    try {
      for (const measuring of all) await warm(envoy, measuring, requests);
      await callgrind.begin(envoy.pid);
      const idles = [await idle(envoy, callgrind)];
      for (let block = 1; block <= amount; block++) {
        tell(`block ${block} of ${amount}`);
        for (const measuring of all) await count(envoy, callgrind, measuring, requests);
      }
      idles.push(await idle(envoy, callgrind));
      report(options, binary, all, idles, missing);
    } finally {
      await stop(running);
    }
  } finally {
    await upstream.stop();
  }
}

/** The files of the rivals among these listeners; `missing`: why a way is left out. */
async function buildRivals(
  listeners: readonly Listener[],
): Promise<{ rivals: Map<Compiled, string>; missing: Map<string, string> }> {
  const rivals = new Map<Compiled, string>();
  const missing = new Map<string, string>();
  for (const { way } of listeners) {
    if (way.compiled === undefined) continue;
    const built = await buildRival(way.compiled);
    if ("path" in built) rivals.set(way.compiled, built.path);
    else missing.set(way.name, built.missing);
  }
  return { rivals, missing };
}

async function stop({ envoy, all }: Running): Promise<void> {
  for (const { connections } of all) connections.close();
  await envoy.stop();
}

function tell(text: string): void {
  console.error(`${new Date().toTimeString().slice(0, 8)} ${text}`);
}

function seconds(since: number): number {
  return (Date.now() - since) / 1000;
}

async function send({ listener, connections }: Measuring, sent: readonly Sent[]): Promise<void> {
  const { failures } = await connections.load({
    count: sent.length,
    requestOf: (n) => (sent[n] as Sent).bytes,
  });
  if (failures.length > 0)
    throw new Error(`${listener.name}: ${failures.length} requests failed: ${failures[0]}`);
  await sleep(SETTLE_MS);
}

/** The first block, which is not counted. @throws Error if a cluster did not get its requests */
async function warm({ admin }: RunningEnvoy, measuring: Measuring, requests: number): Promise<void> {
  const name = (cluster: string): string => `cluster.${cluster}.upstream_rq_total`;
  const before = await admin.stats("^cluster\\..*\\.upstream_rq_total$");
  const sent = measuring.requests.block(requests);
  await send(measuring, sent);
  const after = await admin.stats("^cluster\\..*\\.upstream_rq_total$");
  if (measuring.listener.way.hasOwnHash === true) return;
  for (const variant of ["stable", "b", "c"] as const) {
    const expected = sent.filter(({ cluster }) => cluster === variant).length;
    const got = (after.get(name(variant)) ?? 0) - (before.get(name(variant)) ?? 0);
    if (got !== expected)
      throw new Error(`${measuring.listener.name}: ${got} requests got ${variant}, not ${expected}`);
  }
}

async function count(
  envoy: RunningEnvoy,
  callgrind: Callgrind,
  measuring: Measuring,
  requests: number,
): Promise<void> {
  const sent = measuring.requests.block(requests);
  await callgrind.zero(envoy.pid);
  const begin = Date.now();
  await send(measuring, sent);
  const took = seconds(begin);
  measuring.blocks.push({ cost: await callgrind.dump(envoy.pid), seconds: took });
}

/** Instructions in a second without requests. */
async function idle(envoy: RunningEnvoy, callgrind: Callgrind): Promise<Cost> {
  await callgrind.zero(envoy.pid);
  const begin = Date.now();
  await sleep(IDLE_MS);
  const took = seconds(begin);
  return costOfRequest(await callgrind.dump(envoy.pid), NOTHING, 0, took);
}

function report(
  options: Options,
  binary: string,
  all: readonly Measuring[],
  idles: readonly Cost[],
  missing: ReadonlyMap<string, string>,
): void {
  const [first = NOTHING, last = NOTHING] = idles;
  const between = costOfRequest(
    { ...first, total: first.total + last.total, families: sumOf(first, last) },
    NOTHING,
    0,
    2,
  );
  const figures = figuresOf(
    all.map(({ listener, blocks }) => ({
      listener,
      blocks: blocks.map(({ cost, seconds: took }) => costOfRequest(cost, between, took, options.requests)),
    })),
  );
  const { builds, blocks, requests } = options;
  const idlePerSecond = idles.map(({ total }) => total);
  if (options.isJson)
    console.log(
      JSON.stringify({
        binary,
        builds,
        blocks,
        requests,
        idlePerSecond,
        figures,
        missing: Object.fromEntries(missing),
      }),
    );
  else {
    for (const { label, path, without } of builds)
      console.log(`${label}: ${path}${without.length === 0 ? "" : ` without ${without.join(", ")}`}`);
    console.log(
      `${binary} under callgrind; ${blocks} blocks of ${requests} requests; idle ${idlePerSecond.map((idle) => (idle / 1000).toFixed(0)).join(" and ")}k instructions a second, subtracted`,
    );
    for (const [name, why] of missing) console.log(`${name}: not measured: ${why}`);
    console.log(tableOf(figures, builds.length > 1 ? (builds[0]?.label ?? null) : null));
  }
  const serins = all.filter(({ listener }) => listener.build !== null).map(({ listener }) => listener.name);
  const added = Object.fromEntries(
    figures.filter(({ name }) => serins.includes(name)).map((figure) => [figure.name, figure.added]),
  );
  if (options.budgetToWrite !== null) writeBudget(options.budgetToWrite, "envoy", added);
  const faults = faultsOf(figures, options.bounds);
  if (options.budget !== null) faults.push(...overBudget(added, readBudget(options.budget).envoy));
  for (const fault of faults) {
    console.error(fault);
    process.exitCode = 1;
  }
}

function sumOf(a: Cost, b: Cost): Cost["families"] {
  return Object.fromEntries(
    Object.entries(a.families).map(([family, cost]) => [
      family,
      cost + b.families[family as keyof Cost["families"]],
    ]),
  ) as Cost["families"];
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.isHelp) console.log(USAGE);
  else await main(options);
} catch (error) {
  console.error(
    error instanceof EnvoyStartError ? `${error.message}\n${error.log}` : (error as Error).message,
  );
  process.exitCode = 2;
}
