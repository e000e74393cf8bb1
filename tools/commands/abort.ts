import { Command } from "@commander-js/extra-typings";

import { loadFilter } from "../policy/filter-module.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { abortRollouts } from "../release/abort.ts";
import { InvalidPolicy } from "../release/policy-file.ts";
import { examples } from "../terminal/arguments.ts";
import { policyOf } from "../terminal/environment.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";
import { publishing } from "./advance.ts";

export const abortCommand = new Command("abort")
  .summary("give everybody the default, now")
  .description(
    "Sets the percent of all variants but the default to 0 in these rollouts, and stops ramps by the clock with state: " +
      "DISABLED. It edits POLICY in place and nothing else of that file. Testers who force a variant still get it. " +
      "serin advance does not begin it again.",
  )
  .argument("<ROLLOUT...>", "the rollouts")
  .option("--policy <POLICY>", "policy file, changed in place (default: SERIN_POLICY)")
  .option("--to <FILE>", "publish the policy to the file that Envoy watches, as serin publish does")
  .addHelpText(
    "after",
    examples(
      "serin abort checkout --policy policy.yaml --to /etc/serin/filter.yaml",
      "serin abort checkout search --policy policy.yaml",
    ) +
      "\nExit status: 0 success, 1 invalid policy, or an edit that is not possible (the others are made and published), 2 usage error or missing file.",
  );

abortCommand.action(async (rollouts, options) => {
  process.exitCode = await abort(rollouts, options, processTerminal());
});

/** Resolves to 0, or 1 when the policy is refused. */
async function abort(
  rollouts: readonly string[],
  options: { readonly policy?: string | undefined; readonly to?: string | undefined },
  terminal: Terminal,
): Promise<number> {
  const policy = policyOf(options);
  let refused: readonly string[];
  try {
    const aborted = await abortRollouts(policy, rollouts, loadFilter());
    refused = aborted.refused;
    for (const line of aborted.said) terminal.stdout.write(`${line}\n`);
  } catch (error) {
    if (!(error instanceof InvalidPolicy)) throw error;
    reportProblems(error.problems, terminal);
    return 1;
  }
  if (options.to !== undefined) {
    const said = await publishing(policy, options.to)();
    terminal.stdout.write(`${said ?? `${options.to}: up to date with ${policy}`}\n`);
  }
  for (const line of refused) terminal.stderr.write(`${terminal.errorColors.red(line)}\n`);
  return refused.length === 0 ? 0 : 1;
}
