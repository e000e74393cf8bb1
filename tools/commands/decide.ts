import { Command } from "@commander-js/extra-typings";

import { LogLevel } from "../emulator/index.ts";
import { answerLines } from "../decision/answer-lines.ts";
import { checkPolicyFile } from "../policy/check-policy.ts";
import { CommandError } from "../terminal/command-error.ts";
import { policyOf } from "../terminal/environment.ts";
import { loadFilter } from "../policy/filter-module.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { readRequest } from "../decision/request.ts";
import { examples } from "../terminal/arguments.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";

const REQUEST_EXAMPLE = `  {"method": "GET", "url": "https://shop.example.com/checkout?a=1",
   "headers": {"cookie": "uid=42", "x-b": ["1", "2"]},
   "sourceAddress": "203.0.113.7", "time": "2026-11-23T09:00:00Z"}
`;

export const decideCommand = new Command("decide")
  .summary("decide many requests, JSON lines in and out")
  .description(
    "Reads requests as JSON lines from stdin and writes decisions as JSON lines to stdout, in the same order. An " +
      'invalid line gives {"error": ...} in its place, and the command then exits with 1.',
  )
  .option("--policy <POLICY>", "policy file (default: SERIN_POLICY)")
  .addHelpText("after", `\nOne request per line (only url is required):\n${REQUEST_EXAMPLE}`)
  .addHelpText(
    "after",
    examples(
      "serin decide --policy policy.yaml < requests.jsonl > decisions.jsonl",
      `echo '{"url": "https://shop.example.com/checkout"}' | serin decide --policy policy.yaml`,
    ),
  );

decideCommand.action(async (options) => {
  process.exitCode = await decide(options, processTerminal());
});

/**
 * Requests as JSON lines from stdin, decisions as JSON lines to stdout, in order. Resolves to 0, or 1 when the
 * policy is refused or a line was no request.
 */
export async function decide(
  options: { readonly policy?: string | undefined },
  terminal: Terminal,
): Promise<number> {
  const policy = policyOf(options);
  if (policy === "-") throw new CommandError("--policy -: standard input is already used for the requests");
  const checked = await checkPolicyFile(policy, loadFilter(), terminal, { logLevel: LogLevel.Debug });
  reportProblems(checked.problems, terminal, checked.more);
  if (checked.filter === null) return 1;
  const { vm, root } = checked.filter;
  const wallClock = vm.clock;
  return answerLines(terminal, (line) => {
    const { stream: request, time } = readRequest(line);
    vm.clock = time === null ? wallClock : () => time;
    const stream = vm.request(root, request);
    const { decision, errors } = stream;
    stream.done();
    if (decision !== null) return decision;
    throw new Error(errors[0]?.message ?? "the filter made no decision");
  });
}
