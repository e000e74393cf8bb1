import { Command } from "@commander-js/extra-typings";

import { checkPolicyFile, refuseFaults } from "../policy/check-policy.ts";
import { loadFilter } from "../policy/filter-module.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { examples } from "../terminal/arguments.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";
import { visible } from "../terminal/visible.ts";
import type { Problem } from "../policy/problem.ts";

export const validateCommand = new Command("validate")
  .summary("check policies")
  .description(
    "Checks policies as Envoy would when it loads them. Problems are written to stderr, one line each: " +
      "file:line:column /pointer: what is wrong.",
  )
  .argument("<POLICY...>", "policy files (- for standard input)")
  .option("--json", "problems as JSON on stdout", false)
  .option("--allow-warnings", "accept flags that flagd loads but can only answer with ERROR", false)
  .addHelpText(
    "after",
    examples(
      "serin validate policy.yaml",
      "serin validate --json envoy/policies/*.yaml",
      "cat policy.json | serin validate -",
    ),
  );

validateCommand.action(async (files, options) => {
  process.exitCode = await validate(files, options, processTerminal());
});

/** Checks each policy. Resolves to 0 when all are accepted, else 1. */
async function validate(
  files: readonly string[],
  options: { readonly json: boolean; readonly allowWarnings: boolean },
  terminal: Terminal,
): Promise<number> {
  const module = loadFilter();
  const problems: Problem[] = [];
  const more = { errors: 0, warnings: 0 };
  let refused = 0;
  for (const file of files) {
    const checked = refuseFaults(await checkPolicyFile(file, module, terminal), options.allowWarnings);
    if (checked.filter === null) refused++;
    problems.push(...checked.problems);
    more.errors += checked.more.errors;
    more.warnings += checked.more.warnings;
    if (options.json) continue;
    reportProblems(checked.problems, terminal, checked.more);
    if (checked.filter !== null) terminal.stdout.write(`${visible(file)}: ${terminal.colors.green("ok")}\n`);
  }
  if (options.json) {
    const others = more.errors + more.warnings === 0 ? {} : { more };
    terminal.stdout.write(`${JSON.stringify({ ok: refused === 0, problems, ...others }, null, 2)}\n`);
  }
  return refused === 0 ? 0 : 1;
}
