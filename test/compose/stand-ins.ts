// Stand-ins for the images of docker-compose.yml, under the very names that it asks for: no image registry is reached
// from where the tests run. Each is a Debian with one program in it: Envoy from PyPI, this machine's Node, Debian's
// Prometheus.

import { createHash } from "node:crypto";
import { copyFileSync, realpathSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

import { ensureEnvoy, ENVOY_VERSION } from "../../tools/envoy/index.ts";
import { ensurePrometheus } from "../support/prometheus/install.ts";
import { run } from "./command.ts";
import { describeRoot, withDebianRoot } from "./debian-root.ts";
import { CACHE, type Engine } from "./engine.ts";
import { imageTags } from "./env-file.ts";

const BASE = "serin-stand-in/debian";
const LABEL = "serin.stand-in";

/** A program that an image is made of. */
interface Program {
  /** What it is, as text: another text is another image. */
  readonly inputs: string;
  /** Where it stands in the image. */
  readonly target: string;
  /** Puts it into this folder, under the target's name. */
  readonly fetch: (folder: string) => Promise<void>;
}

/** Makes those that the engine does not have, or has of other inputs. */
export async function ensureStandIns(
  engine: Engine,
  progress: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const names = imageTags();
  const programs = new Map([
    ["ENVOY_IMAGE", await envoy()],
    ["NODE_IMAGE", node()],
    ["PROMETHEUS_IMAGE", await prometheus()],
  ]);
  const base = keyOf(describeRoot());
  for (const [variable, program] of programs) {
    signal?.throwIfAborted();
    const name = names.get(variable);
    if (name === undefined) throw new Error(`.env names no ${variable}`);
    const key = keyOf(`${base} ${program.inputs}`);
    if ((await labelOf(engine, name)) === key) continue;
    if ((await labelOf(engine, BASE)) !== base) {
      progress(`unpacking a Debian for the stand-ins (${describeRoot()})`);
      await importBase(engine, base, signal);
    }
    progress(`making a stand-in for ${name}: ${program.inputs}`);
    await buildImage(engine, name, key, program);
  }
}

async function importBase(engine: Engine, key: string, signal?: AbortSignal): Promise<void> {
  const importFrom = (root: string): Promise<string> =>
    run("docker", ["import", "--change", `LABEL ${LABEL}=${key}`, "-", BASE], {
      env: engine.env,
      input: ["tar", "-C", root, "-cf", "-", "."],
    });
  await withDebianRoot(CACHE, importFrom, signal);
}

async function buildImage(engine: Engine, name: string, key: string, program: Program): Promise<void> {
  const folder = await mkdtemp(join(CACHE, "image-"));
  try {
    const file = program.target.slice(program.target.lastIndexOf("/") + 1);
    await program.fetch(folder);
    const steps = [
      `FROM ${BASE}`,
      `ENV PATH=/usr/local/bin:/usr/bin:/bin`,
      `COPY ${file} ${program.target}`,
      `LABEL ${LABEL}=${key}`,
      // As the official ones: the program itself is the entry point where it takes options alone.
      ...(file === "node" ? [] : [`ENTRYPOINT ["${program.target}"]`]),
    ];
    const args = ["build", "--quiet", "--network", "none", "--tag", name, "--file", "-", folder];
    await run("docker", args, { env: engine.env, input: `${steps.join("\n")}\n` });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function envoy(): Promise<Program> {
  const binary = realpathSync(await ensureEnvoy());
  return {
    inputs: `Envoy ${ENVOY_VERSION}, ${statSync(binary).size} bytes`,
    target: "/usr/local/bin/envoy",
    fetch: async (folder) => copyFileSync(binary, join(folder, "envoy")),
  };
}

function node(): Program {
  const binary = realpathSync(process.execPath);
  return {
    inputs: `Node ${process.version}, ${statSync(binary).size} bytes`,
    target: "/usr/local/bin/node",
    fetch: async (folder) => copyFileSync(binary, join(folder, "node")),
  };
}

async function prometheus(): Promise<Program> {
  const { prometheus: binary } = await ensurePrometheus();
  const version = /version (\S+)/.exec(await run(binary, ["--version"]))?.[1];
  return {
    inputs: `Prometheus ${version ?? "of an unknown version"}`,
    target: "/bin/prometheus",
    fetch: async (folder) => copyFileSync(binary, join(folder, "prometheus")),
  };
}

async function labelOf(engine: Engine, image: string): Promise<string | null> {
  const format = `{{index .Config.Labels "${LABEL}"}}`;
  return engine.docker("image", "inspect", "--format", format, image).catch(() => null);
}

function keyOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
