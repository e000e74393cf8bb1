// The command line: joins the commands and ends the process. What each takes and does is in commands/.

import { Command, CommanderError, Help } from "@commander-js/extra-typings";

import { abortCommand } from "./commands/abort.ts";
import { advanceCommand } from "./commands/advance.ts";
import { ambassadorCommand } from "./commands/ambassador.ts";
import { completionCommand } from "./commands/completion.ts";
import { dashboardCommand } from "./commands/dashboard.ts";
import { decideCommand } from "./commands/decide.ts";
import { demoCommand } from "./commands/demo.ts";
import { diffCommand } from "./commands/diff.ts";
import { emissaryCommand } from "./commands/emissary.ts";
import { evaluateCommand } from "./commands/evaluate.ts";
import { explainCommand } from "./commands/explain.ts";
import { planCommand } from "./commands/plan.ts";
import { publishCommand } from "./commands/publish.ts";
import { reportCommand } from "./commands/report.ts";
import { statusCommand } from "./commands/status.ts";
import { statsCommand } from "./commands/stats.ts";
import { validateCommand } from "./commands/validate.ts";
import { packageVersion } from "./policy/filter-module.ts";
import { examples } from "./terminal/arguments.ts";
import { CommandError } from "./terminal/command-error.ts";
import { guardOutput, visible } from "./terminal/visible.ts";

const EXIT_USAGE = 2;
/** What a shell calls a program that SIGPIPE ended is no failure of a command whose reader had enough. */
const EXIT_READER_GONE = 0;

const program = new Command("serin")
  .description(
    "Checks, publishes and explains policies with the same .wasm that Envoy loads, and judges canaries by Envoy's " +
      "own counters. A POLICY is a YAML or JSON file.",
  )
  .version(packageVersion())
  .exitOverride()
  .showHelpAfterError("(add --help for usage)")
  .configureHelp({
    showGlobalOptions: false,
    // A switch is off and a list is empty unless given: nobody has to be told.
    optionDescription: (option) => {
      const plain = option.defaultValue === false || String(option.defaultValue) === "";
      if (plain && option.defaultValueDescription === undefined) return option.description;
      return new Help().optionDescription(option);
    },
  })
  .addHelpText(
    "after",
    examples(
      "serin validate policy.yaml",
      "serin explain --policy policy.yaml -H 'cookie: uid=42' https://shop.example.com/checkout",
      "serin publish policy.yaml --to /etc/serin/filter.yaml",
      "serin report --admin http://127.0.0.1:9901",
    ) +
      "\nEnvironment: SERIN_ADMIN, SERIN_PROMETHEUS and SERIN_POLICY stand for --admin, --prometheus and --policy.\n" +
      "\nExit status: 0 success, 1 invalid policy or failed check, 2 usage error, missing file or unreachable " +
      "endpoint, 3 inconclusive (report) or waiting (advance).",
  )
  .addCommand(validateCommand)
  .addCommand(diffCommand)
  .addCommand(planCommand)
  .addCommand(publishCommand)
  .addCommand(advanceCommand)
  .addCommand(abortCommand)
  .addCommand(decideCommand)
  .addCommand(evaluateCommand)
  .addCommand(explainCommand)
  .addCommand(reportCommand)
  .addCommand(statusCommand)
  .addCommand(statsCommand)
  .addCommand(dashboardCommand)
  .addCommand(ambassadorCommand)
  .addCommand(emissaryCommand)
  .addCommand(demoCommand);
program.addCommand(completionCommand(program));
for (const command of program.commands) command.copyInheritedSettings(program);

for (const stream of [process.stdout, process.stderr]) guardOutput(stream);
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT_READER_GONE);
  process.stderr.write(`serin: cannot write to standard output: ${error.message}\n`);
  process.exit(EXIT_USAGE);
});

process.exit(await run());

/** Resolves to the exit status, which commands leave in `process.exitCode`. */
async function run(): Promise<typeof process.exitCode> {
  try {
    await program.parseAsync();
    // What was written to a pipe is lost when the process ends before it has gone out.
    await new Promise((resolve) => process.stdout.write("", resolve));
    return process.exitCode;
  } catch (error) {
    // Commander has said what is wrong; --help and --version come this way too, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (error instanceof CommandError) {
      process.stderr.write(`serin: ${visible(error.message)}\n`);
      return error.exitStatus;
    }
    const trapped = error instanceof WebAssembly.RuntimeError ? "the filter trapped: " : "";
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`serin: internal error: ${trapped}${visible(message)}\n`);
    // A trap is the filter's word on a policy. All else must not be taken for a check that failed.
    return trapped === "" ? EXIT_USAGE : 1;
  }
}
