// What a person may say about the demo, all by environment variables: `make demo ONCE=1 PORT=9000`.

import { join, resolve } from "node:path";

import { packageFolder } from "../policy/filter-module.ts";
import { DemoError } from "./demo-error.ts";

export interface DemoOptions {
  /** Where the shop is reached. */
  readonly port: number;
  /** Where Envoy's admin is reached. */
  readonly adminPort: number;
  /** A bounded run that checks itself, instead of a live table. */
  readonly once: boolean;
  /** A path of an Envoy that is there; null fetches one. */
  readonly envoy: string | null;
  /** Where Envoys that were fetched are kept. */
  readonly envoys: string;
  /** Where the policy of this run is: made by the demo, and removed at its end. */
  readonly folder: string;
  /** How to name a port when the demo is started again, with NAME for the variable. */
  readonly retry: string;
}

const DEFAULT_PORT = 8080;
const DEFAULT_ADMIN_PORT = 9901;

/** Reads the options; without a terminal there is nobody to watch, so the run is bounded. */
export function readOptions(env: NodeJS.ProcessEnv, isTerminal: boolean): DemoOptions {
  const port = readPort(env, "PORT", DEFAULT_PORT);
  const adminPort = readPort(env, "ADMIN_PORT", DEFAULT_ADMIN_PORT);
  if (port === adminPort) throw new DemoError(`PORT and ADMIN_PORT are both ${port}: they must differ`);
  const once = !["", "0"].includes(env["ONCE"] ?? "") || !isTerminal;
  // `serin demo` of an installed package keeps what it needs where the person is, not among the packages.
  const isCommand = env["SERIN_DEMO_COMMAND"] !== undefined;
  const home = isCommand ? resolve("serin-demo") : packageFolder();
  return {
    ...{ port, adminPort, once, envoy: env["ENVOY"] || null },
    envoys: join(home, ".envoy"),
    folder: isCommand ? join(home, String(port)) : join(home, "build", `demo-${port}`),
    retry: isCommand ? "NAME=… serin demo" : "make demo NAME=…",
  };
}

function readPort(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name];
  if (text === undefined || text === "") return otherwise;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65535) return port;
  throw new DemoError(`${name}=${text}: must be a port, 1 to 65535`);
}
