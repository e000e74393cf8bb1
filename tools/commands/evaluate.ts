import { Command } from "@commander-js/extra-typings";

import * as limits from "../../assembly/vocabulary/limits.ts";
import * as codes from "../../assembly/vocabulary/problems.ts";
import { answerLines } from "../decision/answer-lines.ts";
import { checkPolicy, checkPolicyFile, type CheckedPolicy } from "../policy/check-policy.ts";
import { CommandError } from "../terminal/command-error.ts";
import { policyOf } from "../terminal/environment.ts";
import { loadFilter } from "../policy/filter-module.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { readTime, RequestFault } from "../decision/request.ts";
import { examples } from "../terminal/arguments.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";

const EVALUATION_EXAMPLE = `  {"flagKey": "new-checkout", "context": {"targetingKey": "42", "email": "a@example.com"},
   "type": "boolean", "default": false, "time": "2026-11-23T09:00:00Z"}
`;

export const evaluateCommand = new Command("evaluate")
  .summary("evaluate flags for any context, JSON lines in and out")
  .description(
    "Evaluates flags as flagd does: reads requests as JSON lines from stdin and writes answers as JSON lines to " +
      "stdout, in the same order. A flag file that flagd accepts is evaluated even if validate refuses it: a flag " +
      'with invalid targeting answers ERROR, all others work. An invalid line gives {"error": ...} in its place, ' +
      "and the command then exits with 1.",
  )
  .option("--policy <POLICY>", "policy, or flagd's own flag file (default: SERIN_POLICY)")
  .addHelpText("after", `\nOne request per line (only flagKey is required):\n${EVALUATION_EXAMPLE}`)
  .addHelpText(
    "after",
    examples(
      `echo '{"flagKey": "new-checkout", "context": {"targetingKey": "42"}}' | serin evaluate --policy flags.json`,
      "serin evaluate --policy policy.yaml < requests.jsonl > answers.jsonl",
    ),
  );

evaluateCommand.action(async (options) => {
  process.exitCode = await evaluate(options, processTerminal());
});

const KEYS = ["flagKey", "context", "type", "default", "time"];
const TYPES = ["boolean", "string", "number", "object"];

/**
 * Evaluations of flags as JSON lines from stdin, answers as JSON lines to stdout, in order, as flagd gives them: a
 * document that flagd accepts is evaluated here too, also where `serin validate` refuses it. Resolves to 0, or 1 when
 * the document is refused or a line was no request.
 */
async function evaluate(
  options: { readonly policy?: string | undefined },
  terminal: Terminal,
): Promise<number> {
  const policy = policyOf(options);
  if (policy === "-") throw new CommandError("--policy -: standard input is already used for the requests");
  const module = loadFilter();
  const asWritten = await checkPolicyFile(policy, module, terminal);
  const checked = asWritten.filter === null ? asFlagdReads(asWritten, module) : asWritten;
  // What the proxy has is no matter here: the context is what the lines say.
  const problems = checked.problems.filter(({ code }) => code !== codes.UNKNOWN_NAME);
  reportProblems(problems, terminal, checked.more);
  if (checked.filter === null) return 1;
  const { vm, root } = checked.filter;
  return answerLines(terminal, (request, line) => {
    const answer = vm.evaluate(root, line, secondsOf(request));
    // JavaScript has taken it as JSON; the filter's reader is stricter in two ways.
    if (answer === null)
      throw new RequestFault(
        "",
        `must not have an unpaired surrogate or more than ${limits.DEPTH} levels of nesting`,
      );
    return answer;
  });
}

/** What flagd reads of a document. */
const FLAGD_KEYS = new Set(["flags", "$evaluators", "metadata", "flagd"]);

/**
 * A document that is no policy may be one of flagd's all the same: it passes over keys of others, and takes the last of
 * several members of one name. If that does not help, the problems are those of the document as it was written.
 */
function asFlagdReads(asWritten: CheckedPolicy, module: WebAssembly.Module): CheckedPolicy {
  const { json } = asWritten.source;
  if (json === null) return asWritten;
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(json).toString("utf8"));
  } catch {
    return asWritten;
  }
  if (typeof document !== "object" || document === null) return asWritten;
  const read = Object.fromEntries(Object.entries(document).filter(([key]) => FLAGD_KEYS.has(key)));
  const source = { ...asWritten.source, json: Buffer.from(JSON.stringify(read)), locate: null };
  const checked = checkPolicy(source, module);
  return checked.filter === null ? asWritten : checked;
}

/** Checks a request, and says when it is: whole seconds since 1970. */
function secondsOf(request: unknown): number {
  if (typeof request !== "object" || request === null || Array.isArray(request)) {
    throw new RequestFault("", "must be an object");
  }
  for (const key of Object.keys(request)) {
    if (!KEYS.includes(key)) throw new RequestFault(`/${key}`, `unknown key; known: ${KEYS.join(", ")}`);
  }
  const { flagKey, type, context, time } = request as Record<string, unknown>;
  if (typeof flagKey !== "string") throw new RequestFault("/flagKey", "must be a string, the key of a flag");
  if (type !== undefined && !TYPES.includes(type as string)) {
    throw new RequestFault("/type", `must be one of ${TYPES.join(", ")}`);
  }
  if (context !== undefined && (typeof context !== "object" || context === null || Array.isArray(context))) {
    throw new RequestFault("/context", "must be an object");
  }
  return Math.floor(time === undefined ? Date.now() / 1000 : Number(readTime(time)) / 1e9);
}
