// The scene to look at where no image registry is reached: on an engine of its own, with stand-ins, until Ctrl-C.
//   npm run compose

import { EnvoyError } from "../../tools/envoy/index.ts";
import { CommandError } from "./command.ts";
import { NoEngineError, startEngine, type Engine } from "./engine.ts";
import { startScene, type Scene } from "./scene.ts";
import { ensureStandIns } from "./stand-ins.ts";

const EXIT_CANNOT_RUN = 2;
/** Taking down takes some seconds. Who asks again after that is not kept waiting: what is left the next run takes away. */
const PATIENCE_MS = 60_000;

const ending = new AbortController();
const ended = new Promise((end) => ending.signal.addEventListener("abort", end));
let askedAt = 0;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (!ending.signal.aborted) {
      askedAt = Date.now();
      console.log("ending");
      ending.abort(signal);
    } else if (Date.now() - askedAt > PATIENCE_MS) process.exit(EXIT_CANNOT_RUN);
    else console.log("still ending, which takes some seconds");
  });
}

function show({ ports, admin, egressAdmin, policyFolder }: Scene): void {
  const at = (port: number): string => `http://127.0.0.1:${port}`;
  console.log(`shop        ${at(ports.shop)}/checkout`);
  console.log(`admin       ${admin.url}`);
  console.log(`egress      ${egressAdmin.url}`);
  console.log(`prometheus  ${at(ports.prometheus)}`);
  console.log(`hop         ${at(ports.hop)}/checkout`);
  console.log(`policy      ${policyFolder}/filter.yaml`);
  console.log("Ctrl-C ends it");
}

async function showScene(engine: Engine): Promise<void> {
  if (engine.isOwn) await ensureStandIns(engine, console.log, ending.signal);
  const services = [
    "production",
    "canary",
    "shadow",
    "auth",
    "bank",
    "egress",
    "envoy",
    "load",
    "prometheus",
  ] as const;
  const scene = await startScene(engine, [...services, "ambassador", "hop"], ending.signal);
  try {
    show(scene);
    const idle = setInterval(() => undefined, 1 << 30);
    await ended;
    clearInterval(idle);
  } finally {
    await scene.down();
  }
}

try {
  const engine = await startEngine(console.log, ending.signal);
  try {
    await showScene(engine);
  } finally {
    await engine.stop();
  }
} catch (error) {
  const expected = [NoEngineError, CommandError, EnvoyError].some((kind) => error instanceof kind);
  if (ending.signal.aborted) process.exitCode = ending.signal.reason === "SIGINT" ? 130 : 143;
  else if (expected) {
    console.error(`compose: ${(error as Error).message}`);
    process.exitCode = EXIT_CANNOT_RUN;
  } else throw error;
}
