import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { Command, Option } from "@commander-js/extra-typings";

import { DEFAULT_ADMIN, placeOf } from "../metrics/metrics-source.ts";
import { INSTANCE } from "../metrics/prometheus-source.ts";
import { loadFilter } from "../policy/filter-module.ts";
import { Advance, type Look, type Publish } from "../release/advance.ts";
import { lookAsJson, lookInWords, lookKey } from "../release/advance-words.ts";
import { readByAdmin, readByPrometheus } from "../release/fleet.ts";
import { collect, examples, readDuration } from "../terminal/arguments.ts";
import { CommandError } from "../terminal/command-error.ts";
import { fromEnvironment } from "../terminal/environment.ts";
import { colorsOf, processTerminal, type Terminal } from "../terminal/terminal.ts";
import { publish } from "./publish.ts";

export const advanceCommand = new Command("advance")
  .summary("move releases on evidence: the next step, or back to 0")
  .description(
    "One look at each rollout with ramp.steps and no start. It begins what has no percent yet. It takes the next step " +
      "when the evidence of this step shows errors, 4xx and latency within the limit and `every` has passed. It goes " +
      "back to 0 when a variant is significantly worse, or a guard has rolled it back. Otherwise it waits and says why. It " +
      "edits the percent in POLICY and nothing else of that file.",
  )
  .argument("[POLICY]", "policy file, changed in place (default: SERIN_POLICY)")
  .addOption(
    new Option("--admin <URL>", "an Envoy's admin endpoint; may be repeated")
      .argParser(collect)
      .default([] as readonly string[], DEFAULT_ADMIN),
  )
  .option("--prometheus <URL>", "read from a Prometheus that scrapes the Envoys, instead of --admin")
  .option("--per <LABEL>", "with --prometheus: the label that identifies an Envoy", INSTANCE)
  .option("--match <MATCHERS>", `with --prometheus: only series with these labels, like 'namespace="prod"'`)
  .option("--rollout <NAME>", "only this rollout")
  .option("--to <FILE>", "publish the policy to the file that Envoy watches, as serin publish does")
  .option(
    "--on-change <CMD>",
    "run by sh -c after each change: SERIN_POLICY, SERIN_ROLLOUT, SERIN_VARIANT, SERIN_FROM, SERIN_TO and SERIN_REASON " +
      "are in its environment",
  )
  .option("--watch", "look again and again, without end", false)
  .option("--until-done", "look again until all are finished or stopped", false)
  .addOption(
    new Option("--interval <DURATION>", "how often to look").argParser(readDuration).default(10, "10s"),
  )
  .option("--dry-run", "say what would be done; change, publish and run nothing", false)
  .option("--json", "each look as one line of JSON", false)
  .addHelpText(
    "after",
    examples(
      "serin advance policy.yaml --to /etc/serin/filter.yaml",
      "serin advance policy.yaml --to /etc/serin/filter.yaml --admin http://10.0.0.1:9901 --admin http://10.0.0.2:9901 --watch",
      "serin advance policy.yaml --prometheus http://prometheus:9090 --on-change 'git diff --quiet || git commit -qam \"$SERIN_REASON\"' --until-done",
    ) +
      "\nExit status: 2 unreachable endpoint, failed command or usage error, else 1 rolled back, stopped or invalid " +
      "policy, else 3 waits, else 0 moved or finished.",
  );

advanceCommand.action(async (file, options) => {
  process.exitCode = await advance(file, options, processTerminal());
});

export type AdvanceCommandOptions = ReturnType<typeof advanceCommand.opts>;

/** One look, or many. Resolves to the exit status of the last. */
export async function advance(
  file: string | undefined,
  options: AdvanceCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const policy = file ?? fromEnvironment("SERIN_POLICY");
  if (policy === undefined) throw new CommandError("which policy? Name the file, or set SERIN_POLICY");
  const place = placeOf(options);
  const readFleet =
    place.kind === "admin" ? readByAdmin(place.urls) : readByPrometheus(place.url, place.options);
  const { rollout, onChange, dryRun } = options;
  const controller = new Advance(
    { policy, rollout, onChange, dryRun },
    loadFilter(),
    readFleet,
    options.to === undefined ? null : publishing(policy, options.to),
  );
  const goesOn = options.watch || options.untilDone;
  let told = "";
  for (;;) {
    const began = Date.now();
    const look = await controller.look();
    if (options.json) terminal.stdout.write(`${JSON.stringify(lookAsJson(look, dryRun))}\n`);
    else if (!goesOn || lookKey(look) !== told) print(look, policy, options, terminal);
    told = lookKey(look);
    if (!goesOn || (options.untilDone && look.isDone)) return look.status;
    await sleep(Math.max(0, options.interval * 1000 - (Date.now() - began)));
  }
}

function print(
  look: Look,
  policy: string,
  { watch, untilDone, dryRun }: AdvanceCommandOptions,
  terminal: Terminal,
): void {
  const head = watch || untilDone ? `${look.at.toISOString().replace(/\.\d+Z$/, "Z")} ` : "";
  const { toStdout, toStderr } = lookInWords(look, dryRun, terminal);
  for (const line of toStderr) terminal.stderr.write(`${head}${line}\n`);
  for (const line of toStdout) terminal.stdout.write(`${head}${line}\n`);
  if (look.actions.length > 0 || look.status !== 0) return;
  terminal.stdout.write(
    `${head}${policy}: no variant has a ramp with steps and no start: nothing to advance\n`,
  );
}

/** `serin publish` without its words: what it says is one line of the look. */
export function publishing(policy: string, to: string): Publish {
  return async () => {
    const said: string[] = [];
    const sink = (): Writable =>
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          said.push(chunk.toString());
          done();
        },
      });
    const stdout = sink();
    const stderr = sink();
    const terminal = {
      ...{ stdin: process.stdin, stdout, stderr },
      ...{ colors: colorsOf(stdout), errorColors: colorsOf(stderr) },
    };
    const status = await publish(policy, { to, json: false, allowWarnings: true }, terminal);
    const last = said.join("").trim().split("\n").at(-1) ?? "";
    if (status !== 0) throw new CommandError(last, status === 1 ? 1 : 2);
    return last.includes("up to date") ? null : last;
  };
}
