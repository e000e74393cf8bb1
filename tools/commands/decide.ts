import { LogLevel } from "../emulator/index.ts";
import { answerLines } from "../decision/answer-lines.ts";
import { checkPolicyFile } from "../policy/check-policy.ts";
import { CommandError } from "../terminal/command-error.ts";
import { loadFilter } from "../policy/filter-module.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { readRequest } from "../decision/request.ts";
import type { Terminal } from "../terminal/terminal.ts";

/**
 * Requests as JSON lines from stdin, decisions as JSON lines to stdout, in order. Resolves to 0, or 1 when the
 * policy is refused or a line was no request.
 */
export async function decide(options: { readonly policy: string }, terminal: Terminal): Promise<number> {
  if (options.policy === "-") throw new CommandError("--policy -: standard input holds the requests here");
  const checked = await checkPolicyFile(options.policy, loadFilter(), terminal, { logLevel: LogLevel.Debug });
  reportProblems(checked.problems, terminal);
  if (checked.filter === null) return 1;
  const { vm, root } = checked.filter;
  const wallClock = vm.clock;
  return answerLines(terminal, "decision", (line) => {
    const { stream: request, time } = readRequest(line);
    vm.clock = time === null ? wallClock : () => time;
    const stream = vm.request(root, request);
    const { decision, errors } = stream;
    stream.done();
    if (decision !== null) return decision;
    throw new Error(errors[0]?.message ?? "the filter made no decision");
  });
}
