import { createReadStream } from "node:fs";

import { Command } from "@commander-js/extra-typings";

import { readTime, RequestFault } from "../decision/request.ts";
import { LogLevel } from "../emulator/index.ts";
import { checkPolicyFile, type CheckedPolicy } from "../policy/check-policy.ts";
import { loadFilter } from "../policy/filter-module.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { diffAsJson, diffInMarkdown, diffInWords, recordedInWords } from "../release/diff-words.ts";
import { diffPolicies, mostMoved, silentDefaults } from "../release/diff.ts";
import { diffRecorded, type Loaded, type RecordedDiff } from "../release/recorded.ts";
import { examples, numberWithin } from "../terminal/arguments.ts";
import { CommandError, fileError } from "../terminal/command-error.ts";
import { linesOf } from "../terminal/lines.ts";
import { exactPercent } from "../terminal/numbers.ts";
import { parseOrdered, printOrdered, type OrderedJson } from "../terminal/ordered-json.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";

export const diffCommand = new Command("diff")
  .summary("say which users a change of the policy moves")
  .description(
    "Compares two policies: per rollout, flag and shadow, which part of all users gets another variant. Shares are " +
      "exact, from the slots that the filter itself computes. Where the policies alone cannot tell (another salt or " +
      "another identity), everybody may move.",
  )
  .argument("<OLD>", "policy file as it is (- for standard input)")
  .argument("<NEW>", "policy file as it would be")
  .option("--json", "the difference as JSON on stdout", false)
  .option("--markdown", "the difference as Markdown, for a pull request", false)
  .option("--fail-if-moved <PERCENT>", "exit with 1 when more users move", numberWithin(0, 100))
  .option("--requests <FILE>", "recorded requests through both: JSON lines, or Envoy's default access log")
  .option("--at <TIME>", "when ramps are looked at, as 2026-12-01T09:00:00Z (default: now)")
  .addHelpText(
    "after",
    examples(
      "serin diff live.yaml policy.yaml",
      "serin diff live.yaml policy.yaml --fail-if-moved 5 --markdown",
      "serin diff live.yaml policy.yaml --requests access.log",
    ),
  );

diffCommand.action(async (old, now, options) => {
  process.exitCode = await diff(old, now, options, processTerminal());
});

interface Options {
  readonly json: boolean;
  readonly markdown: boolean;
  readonly failIfMoved?: number | undefined;
  readonly requests?: string | undefined;
  readonly at?: string | undefined;
}

/** Compares two policies. Resolves to 0, or 1 when one is refused or more users move than allowed. */
async function diff(oldFile: string, newFile: string, options: Options, terminal: Terminal): Promise<number> {
  if (options.json && options.markdown) throw new CommandError("--json and --markdown: choose one");
  const at = options.at === undefined ? undefined : timeOf(options.at);
  const module = loadFilter();
  const [before, after] = [
    await load(oldFile, module, options, terminal),
    await load(newFile, module, options, terminal),
  ];
  if (before === null || after === null) return 1;
  const found = diffPolicies(before.policy, after.policy, { module, ...(at === undefined ? {} : { at }) });
  const recorded =
    options.requests === undefined ? null : await diffFile(options.requests, before.loaded, after.loaded);
  if (options.json) terminal.stdout.write(`${printOrdered(diffAsJson(found, recorded))}\n`);
  else if (options.markdown) terminal.stdout.write(diffInMarkdown(found, recorded));
  else {
    terminal.stdout.write(diffInWords(found, terminal.colors));
    if (recorded !== null) terminal.stdout.write(recordedInWords(recorded));
  }
  const most = mostMoved(found);
  if (options.failIfMoved === undefined || (most !== null && most * 100 <= options.failIfMoved)) return 0;
  const moved = most === null ? "everybody may move" : `${exactPercent(most)} of users move`;
  terminal.stderr.write(`serin: ${moved}, more than --fail-if-moved ${options.failIfMoved} allows\n`);
  return 1;
}

async function load(
  file: string,
  module: WebAssembly.Module,
  options: Options,
  terminal: Terminal,
): Promise<{ policy: OrderedJson; loaded: Loaded } | null> {
  const checked: CheckedPolicy = await checkPolicyFile(file, module, terminal, { logLevel: LogLevel.Debug });
  const errors = checked.problems.filter(({ severity }) => severity === "error");
  if (checked.filter !== null && checked.source.json !== null) {
    const text = Buffer.from(checked.source.json)
      .toString("utf8")
      .replace(/^\uFEFF/, "");
    const policy = text.trim() === "" ? null : parseOrdered(text);
    return { policy, loaded: { ...checked.filter, silent: silentDefaults(policy) } };
  }
  if (options.json)
    terminal.stdout.write(`${JSON.stringify({ ok: false, problems: checked.problems }, null, 2)}\n`);
  else reportProblems(errors, terminal, { errors: checked.more.errors, warnings: 0 });
  return null;
}

async function diffFile(file: string, before: Loaded, after: Loaded): Promise<RecordedDiff> {
  try {
    return await diffRecorded(linesOf(createReadStream(file)), before, after);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw fileError(file, error);
  }
}

function timeOf(text: string): bigint {
  try {
    return readTime(text);
  } catch (error) {
    if (error instanceof RequestFault) throw new CommandError(`--at ${text}: ${error.message}`);
    throw error;
  }
}
