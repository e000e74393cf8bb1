import { Command, Option } from "@commander-js/extra-typings";

import { adminUrls, DEFAULT_ADMIN } from "../metrics/metrics-source.ts";
import { checkPolicyFile } from "../policy/check-policy.ts";
import { policyDigest } from "../policy/digest.ts";
import { loadFilter } from "../policy/filter-module.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { exitOf, fleetOf, type Unreachable } from "../status/fleet.ts";
import { digestText, readStatus, type EnvoyStatus } from "../status/read-status.ts";
import { refusalReasons } from "../status/refusal-reasons.ts";
import { statusAsJson, statusInWords } from "../status/status-words.ts";
import { collect, examples } from "../terminal/arguments.ts";
import { CommandError } from "../terminal/command-error.ts";
import { fromEnvironment } from "../terminal/environment.ts";
import { printOrdered } from "../terminal/ordered-json.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";

export const statusCommand = new Command("status")
  .summary("say which policy and module each Envoy serves")
  .description(
    "For each Envoy: the policy that it serves, by its digest, and since when; the version of the filter's module; what it " +
      "refused, and why; guards, fallbacks and evidence of its rollouts. Nothing of the policy itself is shown.",
  )
  .addOption(
    new Option("--admin <URL>", "an Envoy's admin endpoint; may be repeated")
      .argParser(collect)
      .default([] as readonly string[], DEFAULT_ADMIN),
  )
  .option("--policy <POLICY>", "the policy that all should serve (default: SERIN_POLICY)")
  .option("--json", "the status as JSON", false)
  .addHelpText(
    "after",
    examples(
      "serin status",
      "serin status --admin http://10.0.0.1:9901 --admin http://10.0.0.2:9901",
      "serin status --admin http://10.0.0.1:9901 --policy policy.yaml --json",
    ) +
      "\nExit status: 0 all serve the same, 1 Envoys differ, have refused what they were given last, do not serve " +
      "--policy, or serve no known policy, 2 usage error, missing file or unreachable endpoint.",
  );

statusCommand.action(async (options) => {
  process.exitCode = await status(options, processTerminal());
});

type Options = ReturnType<typeof statusCommand.opts>;

/** Resolves to 0, 1 when Envoys differ, 2 when one does not answer. */
async function status(options: Options, terminal: Terminal): Promise<number> {
  const urls = adminUrls(options.admin);
  const module = loadFilter();
  let expected: string | null = null;
  const policy = options.policy ?? fromEnvironment("SERIN_POLICY");
  if (policy !== undefined) {
    const { source, problems, filter } = await checkPolicyFile(policy, module, terminal);
    if (filter === null || source.json === null) {
      reportProblems(
        problems.filter(({ severity }) => severity === "error"),
        terminal,
      );
      return 1;
    }
    expected = digestText(policyDigest(Buffer.from(source.json).toString("utf8")));
  }
  const found = await Promise.all(urls.map(readOne));
  const fleet = fleetOf(found, (given) => refusalReasons(given, module), expected);
  const now = Date.now();
  terminal.stdout.write(
    options.json ? `${printOrdered(statusAsJson(fleet, now))}\n` : statusInWords(fleet, now, terminal.colors),
  );
  return exitOf(fleet);
}

async function readOne(url: string): Promise<EnvoyStatus | Unreachable> {
  try {
    return await readStatus(url);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { envoy: url, failure: failureOf(error.message, url) };
  }
}

/** What was found, without the URL and the advice around it. */
function failureOf(message: string, url: string): string {
  const [, found = message] = /^\S+: (.*?)(; --admin .*)?$/s.exec(message.replace(url, "")) ?? [];
  return found;
}
