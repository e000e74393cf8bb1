// A Prometheus that scrapes what a test tells it to, by the project's own configuration and rules.

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { parse, stringify } from "yaml";

import { freePort, waitUntil } from "../../../tools/envoy/index.ts";
import { ensurePrometheus } from "./install.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const OBSERVABILITY = join(ROOT, "envoy/observability");
/** Runs a server as its child, and ends it when this process is gone, however that came. */
const GUARD = join(ROOT, "tools/envoy/guard.sh");

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface RunningPrometheus {
  readonly url: string;
  query(expression: string): Promise<Sample[]>;
  /** Health and last error of every rule. */
  rules(): Promise<{ name: string; health: string; lastError?: string }[]>;
  stop(): Promise<void>;
}

/** envoy/observability/prometheus.yml with these targets, every second. `usedonly`: without stats that never moved. */
export async function startPrometheus(
  targets: readonly string[],
  { usedonly = false }: { readonly usedonly?: boolean } = {},
): Promise<RunningPrometheus> {
  const { prometheus } = await ensurePrometheus();
  const folder = await mkdtemp(join(tmpdir(), "serin-prometheus-"));
  await cp(OBSERVABILITY, folder, { recursive: true });
  const config = parse(await readFile(join(folder, "prometheus.yml"), "utf8"));
  config.global = { scrape_interval: "1s", evaluation_interval: "1s" };
  config.scrape_configs[0].static_configs = [{ targets }];
  if (usedonly) config.scrape_configs[0].params = { usedonly: [""] };
  await writeFile(join(folder, "prometheus.yml"), stringify(config));
  const port = await freePort();
  const log = join(folder, "log");
  const output = openSync(log, "a");
  const guard = spawn(
    "/bin/sh",
    [
      ...[GUARD, folder, "5", prometheus, `--config.file=${join(folder, "prometheus.yml")}`],
      ...[`--storage.tsdb.path=${join(folder, "data")}`, `--web.listen-address=127.0.0.1:${port}`],
    ],
    { stdio: ["pipe", output, output, "ignore"] },
  );
  closeSync(output);
  const ended = new Promise<void>((done) => guard.once("exit", () => done()));
  const stop = async (): Promise<void> => {
    if (guard.exitCode === null) guard.stdin?.write("stop\n");
    await ended;
    guard.stdin?.destroy();
    await rm(folder, { recursive: true, force: true });
  };
  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    const answer = (await response.json()) as { status: string; error?: string; data: unknown };
    if (answer.status !== "success") throw new Error(`Prometheus, ${path}: ${answer.error}`);
    return answer.data;
  };
  try {
    await waitUntil("Prometheus to be ready", 60_000, async () => {
      if (guard.exitCode !== null) return true;
      return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok;
    });
    if (guard.exitCode !== null) throw new Error(`Prometheus ended at once:\n${readFileSync(log, "utf8")}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async query(expression) {
      const { result } = (await get(`/api/v1/query?query=${encodeURIComponent(expression)}`)) as {
        result: { metric: Record<string, string>; value: [number, string] }[];
      };
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    async rules() {
      const { groups } = (await get("/api/v1/rules")) as {
        groups: { rules: { name: string; health: string; lastError?: string }[] }[];
      };
      return groups.flatMap(({ rules }) => rules);
    },
    stop,
  };
}
