// The scene of docker-compose.yml, brought up on an engine with ports and a policy folder of its own.

import { chmod, copyFile, mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Admin, freePort, waitUntil } from "../../tools/envoy/index.ts";
import { CommandError } from "./command.ts";
import type { Engine } from "./engine.ts";
import { imageTags } from "./env-file.ts";
import { isAlive, makeOwnFolder } from "./own-folder.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** What a scene is called in the engine, before the pid of whoever started it. */
const PROJECT = "serin-test-";
const PROFILES = "observability,emissary-hop,dashboard,release";

export type Service =
  | "envoy"
  | "egress"
  | "bank"
  | "production"
  | "canary"
  | "shadow"
  | "auth"
  | "advance"
  | "load"
  | "dashboard"
  | "prometheus"
  | "grafana"
  | "hop"
  | "ambassador";

export interface Scene {
  readonly engine: Engine;
  /** On loopback, as published. */
  readonly ports: {
    readonly shop: number;
    readonly hop: number;
    readonly prometheus: number;
    readonly grafana: number;
    readonly dashboard: number;
  };
  readonly admin: Admin;
  /** That of the Envoy through which the versions call out. */
  readonly egressAdmin: Admin;
  /** The folder that is mounted into Envoy. */
  readonly policyFolder: string;
  /** The network in which requests go. */
  readonly network: string;
  container(service: Service): Promise<string>;
  /** What `docker compose` with these arguments does to this scene. */
  compose(...args: string[]): Promise<string>;
  waitHealthy(service: Service): Promise<void>;
  /** What the engine still has of the scene, a line each. */
  leftovers(): Promise<string[]>;
  /** Everything ends. */
  down(): Promise<void>;
}

/**
 * Scenes of runs that were killed: their containers end, and their networks with them. In somebody's engine nobody else
 * would do that.
 */
async function removeAbandoned(engine: Engine): Promise<void> {
  const label = '{{.Label "com.docker.compose.project"}}';
  for (const [list, remove] of [
    [
      ["ps", "-a"],
      ["rm", "--force", "--volumes"],
    ],
    [
      ["network", "ls"],
      ["network", "rm"],
    ],
  ] as const) {
    const lines = await engine.docker(...list, "--format", `{{.ID}} ${label}`);
    for (const [, id = "", pid] of lines.matchAll(new RegExp(`^(\\S+) ${PROJECT}(\\d+)$`, "gm"))) {
      if (!isAlive(Number(pid))) await engine.docker(...remove, id);
    }
  }
}

/** Starts the services, in the order of their health; all are healthy when it resolves. */
export async function startScene(
  engine: Engine,
  services: readonly Service[],
  signal?: AbortSignal,
): Promise<Scene> {
  await removeAbandoned(engine);
  const project = `${PROJECT}${process.pid}`;
  const folder = await makeOwnFolder("serin-scene");
  const policyFolder = join(folder, "policy");
  await mkdir(policyFolder);
  // The containers' user is nobody here.
  await chmod(folder, 0o755);
  // `advance` writes to this one.
  await chmod(policyFolder, 0o777);
  for (const file of ["filter.yaml", "policy.yaml"]) {
    await copyFile(join(ROOT, "envoy/compose/policy", file), join(policyFolder, file));
  }
  const [shop, admin, egress, hop, prometheus, grafana, dashboard] = await Promise.all(
    Array.from({ length: 7 }, () => freePort()),
  );
  const ports = { shop, admin, egress, hop, prometheus, grafana, dashboard } as Record<string, number>;
  const env: NodeJS.ProcessEnv = {
    COMPOSE_PROJECT_NAME: project,
    COMPOSE_PROFILES: PROFILES,
    POLICY_FOLDER: policyFolder,
    ...(engine.isOwn ? Object.fromEntries(imageTags()) : {}),
    // Rare visitors are there after seconds, not after minutes.
    LOAD_RATE: "60",
    ...Object.fromEntries(
      Object.entries(ports).map(([name, port]) => [`${name.toUpperCase()}_PORT`, String(port)]),
    ),
  };
  const container = async (service: Service): Promise<string> => {
    const labels = [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`];
    return engine.docker("ps", "-aq", ...labels.flatMap((label) => ["--filter", `label=${label}`]));
  };
  const closeNetworks: (() => Promise<void>)[] = [];
  const scene: Scene = {
    engine,
    ports: ports as unknown as Scene["ports"],
    admin: new Admin(`127.0.0.1:${admin}`),
    egressAdmin: new Admin(`127.0.0.1:${egress}`),
    policyFolder,
    network: `${project}_shop`,
    container,
    compose: (...args) => engine.compose(args, { env }),
    async waitHealthy(service) {
      const id = await container(service);
      let state = "";
      await waitUntil(`${service} to be healthy`, 90_000, async () => {
        if (signal?.aborted === true) return true;
        state = await engine.docker("inspect", "--format", "{{.State.Status}} {{.State.Health.Status}}", id);
        if (state !== "running healthy") await sleep(300);
        return state === "running healthy" || state.startsWith("exited");
      });
      signal?.throwIfAborted();
      if (state.startsWith("exited")) throw new Error(`${service} ended`);
    },
    async leftovers() {
      const filter = ["--filter", `label=com.docker.compose.project=${project}`];
      const kinds = [
        ["container", await engine.docker("ps", "-aq", ...filter)],
        ["network", await engine.docker("network", "ls", "-q", ...filter)],
        ["volume", await engine.docker("volume", "ls", "-q", ...filter)],
        // Volumes that an image asks for have no label.
        ["volume without an owner", engine.isOwn ? await engine.docker("volume", "ls", "-q") : ""],
      ] as const;
      return kinds.flatMap(([kind, ids]) =>
        ids
          .split("\n")
          .filter(Boolean)
          .map((id) => `${kind} ${id}`),
      );
    },
    async down() {
      for (const close of closeNetworks.splice(0)) await close();
      await engine.compose(["down", "--volumes", "--remove-orphans", "--timeout", "3"], { env });
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    const options = { env, ...(signal === undefined ? {} : { signal }) };
    await engine.compose(["up", "--no-start", ...services], options);
    for (const name of await networksOf(engine, project)) closeNetworks.push(await engine.openNetwork(name));
    await engine.compose(["up", "-d", ...services], options);
    for (const service of services) await scene.waitHealthy(service);
    return scene;
  } catch (error) {
    const asked = signal?.aborted === true ? [] : services;
    const reasons = await Promise.all(asked.map((service) => complaintOf(engine, service, container)));
    await scene.down().catch(() => undefined);
    throw new CommandError(`${(error as Error).message}\n${reasons.join("")}`.trimEnd());
  }
}

async function networksOf(engine: Engine, project: string): Promise<string[]> {
  const filter = ["--filter", `label=com.docker.compose.project=${project}`, "--format", "{{.Name}}"];
  return (await engine.docker("network", "ls", ...filter)).split("\n").filter(Boolean);
}

/** What a container that is not healthy says about it. */
async function complaintOf(
  engine: Engine,
  service: Service,
  container: (service: Service) => Promise<string>,
): Promise<string> {
  const id = await container(service);
  if (id === "") return `${service}: not started\n`;
  const state = await engine.docker("inspect", "--format", "{{json .State}}", id);
  return state.includes('"Status":"healthy"') ? "" : `${service}: ${state}: ${await logOf(engine, id)}\n`;
}

async function logOf(engine: Engine, container: string): Promise<string> {
  return (await engine.docker("logs", "--tail", "5", container)).replaceAll("\n", " | ");
}
