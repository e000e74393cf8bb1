// Ports on loopback.

import { createServer } from "node:net";

import { EnvoyError } from "./envoy-error.ts";

/** A port that is free now, below those that the system gives to outgoing connections (tests open many). */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  for (let i = 0; i < 100; i++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port, host)) return port;
  }
  throw new EnvoyError(`no free port on ${host} between 20000 and 32000`);
}

/** @throws EnvoyError when somebody listens there already; `use` says what the port is for */
export async function requirePort(port: number, use: string, host = "127.0.0.1"): Promise<void> {
  if (await isFree(port, host)) return;
  throw new EnvoyError(`port ${port} on ${host} is taken by another program, ${use} needs it`);
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
