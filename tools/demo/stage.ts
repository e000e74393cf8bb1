// What the demo runs on: services, policy file and Envoy, started in order and taken down in the other.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { ensureEnvoy, ENVOY_VERSION, EnvoyError, requirePort, startEnvoy } from "../envoy/index.ts";
import type { InstallOptions, RunningEnvoy } from "../envoy/index.ts";
import { readByAdmin } from "../release/fleet.ts";
import { Advance } from "../release/advance.ts";
import { loadFilter } from "../policy/filter-module.ts";
import { bootstrap } from "./bootstrap.ts";
import type { ReceivedByShadow } from "./checkout.ts";
import { DemoError } from "./demo-error.ts";
import type { DemoOptions } from "./options.ts";
import { PolicyFile, type AcceptedPolicy } from "./policy-file.ts";
import { ReleaseWatch } from "./release-watch.ts";
import { startServices, type PlantedFault, type RunningServices } from "./services.ts";

export interface Stage {
  readonly envoy: RunningEnvoy;
  readonly envoyVersion: string;
  readonly policyFile: PolicyFile;
  /** What serves first. */
  readonly policy: AcceptedPolicy;
  /** What the service under test got. */
  readonly received: ReceivedByShadow;
  /** Of the service that will fail. */
  readonly fault: PlantedFault;
  readonly releases: ReleaseWatch;
  /** Everything ends, nothing is left behind. */
  takeDown(): Promise<void>;
}

/** What a test may put in another's place. */
export interface StageParts {
  readonly start?: () => Promise<RunningServices>;
  readonly install?: InstallOptions;
}

/** Ports are asked for first: whoever has to choose others should not wait for an Envoy to be fetched. */
export async function setUp(
  options: DemoOptions,
  parts: StageParts,
  signal: AbortSignal,
  progress: (line: string) => void,
): Promise<Stage> {
  await requireOwnPort(options.port, "the shop", options.retry.replace("NAME", "PORT"));
  await requireOwnPort(options.adminPort, "Envoy's admin", options.retry.replace("NAME", "ADMIN_PORT"));
  const env = { ...process.env, ENVOY: options.envoy ?? "" };
  const install = { env, progress, folder: options.envoys, ...parts.install };
  const binary = await ensureEnvoy(ENVOY_VERSION, install);
  const ends: (() => Promise<void>)[] = [];
  const takeDown = async (): Promise<void> => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end();
  };
  try {
    signal.throwIfAborted();
    progress("starting five services and Envoy");
    const running = await (parts.start ?? startServices)();
    ends.push(() => running.stop());
    const example = await readFile(EXAMPLE, "utf8");
    const policyFile = await PolicyFile.make(options.folder, example);
    ends.push(() => policyFile.remove());
    const { accepted, problems } = policyFile.judge(example);
    if (accepted === null) throw new Error(`the demo's own policy is refused: ${problems.join("; ")}`);
    await policyFile.publish(accepted);
    const { port, adminPort } = options;
    const envoy = await startEnvoy({
      binary,
      bootstrap: bootstrap({ port, adminPort, filterFolder: options.folder, clusters: running.ports }),
      concurrency: 2,
      logLevel: "error",
      // Where answers of shadows differ is said at info level.
      args: ["--component-log-level", "wasm:info"],
    });
    ends.push(() => envoy.stop());
    const { version } = JSON.parse(await envoy.admin.get("/server_info")) as { version: string };
    // <commit>/<version>/<state>/<kind of build>/<TLS library>
    const envoyVersion = version.split("/")[1] ?? version;
    const advance = new Advance(
      { policy: policyFile.path, dryRun: false },
      loadFilter(),
      readByAdmin([envoy.admin.url]),
      null,
    );
    const releases = new ReleaseWatch(() => advance.look());
    const { received, fault } = running;
    return { envoy, envoyVersion, policyFile, policy: accepted, received, fault, releases, takeDown };
  } catch (error) {
    await takeDown();
    throw error;
  }
}

const EXAMPLE = join(import.meta.dirname, "shop.yaml");

async function requireOwnPort(port: number, use: string, retry: string): Promise<void> {
  try {
    await requirePort(port, use);
  } catch (error) {
    if (!(error instanceof EnvoyError)) throw error;
    throw new DemoError(`${error.message}: choose another with ${retry}`);
  }
}
