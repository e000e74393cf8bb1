// `make demo`: a shop behind a real Envoy with Serin in it, users who come and go, a live table.

import { CommandError } from "../terminal/command-error.ts";
import { EnvoyError } from "../envoy/index.ts";
import { DemoError } from "./demo-error.ts";
import { readOptions } from "./options.ts";
import { runDemo } from "./demo.ts";
import { Screen } from "../terminal/screen.ts";

const EXIT_CANNOT_RUN = 2;

/** Taking down lasts a moment; who asks again after that is not kept waiting, by a download that hangs say. */
const PATIENCE_MS = 2000;

const ending = new AbortController();
let askedAt: number | null = null;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (askedAt !== null && Date.now() - askedAt > PATIENCE_MS) process.exit(EXIT_CANNOT_RUN);
    askedAt ??= Date.now();
    ending.abort(signal);
  });
}
// Whoever read the output has gone, a closed terminal say: nobody is left to show anything to.
for (const output of [process.stdout, process.stderr]) output.on("error", () => ending.abort("SIGPIPE"));

const screen = new Screen(process.stdout);
try {
  process.exitCode = await runDemo(readOptions(process.env, screen.isTerminal), screen, ending.signal);
} catch (error) {
  screen.clear();
  const expected = error instanceof DemoError || error instanceof EnvoyError || error instanceof CommandError;
  process.stderr.write(`demo: ${expected ? error.message : String((error as Error).stack)}\n`);
  process.exitCode = expected ? EXIT_CANNOT_RUN : 1;
}
