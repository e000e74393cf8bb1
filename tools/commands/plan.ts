import { Command } from "@commander-js/extra-typings";

import { planRollout } from "../plan/release-plan.ts";
import { planAsJson, planInWords, type Plan } from "../plan/plan-words.ts";
import { stepsOf } from "../plan/policy-steps.ts";
import { checkPolicyFile } from "../policy/check-policy.ts";
import { loadFilter } from "../policy/filter-module.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { examples, numberWithin } from "../terminal/arguments.ts";
import { CommandError } from "../terminal/command-error.ts";
import { parseOrdered, printOrdered } from "../terminal/ordered-json.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";

export const planCommand = new Command("plan")
  .summary("say how long a release takes by evidence, before it begins")
  .description(
    "For each rollout and step: how long until a fault is found, until the guard acts, and until the step is shown to be " +
      "within the limit. It says what to do where that is too long, and how often the guards of a fleet are wrong.",
  )
  .argument("<POLICY>", "policy file (- for standard input)")
  .requiredOption(
    "--rps <N>",
    "requests a second that a rollout gets, of all Envoys together",
    numberWithin(0.0001, 1e9),
  )
  .option("--error-rate <P>", "percent of the default's requests that fail", numberWithin(0.0001, 50), 1)
  .option("--worse <R>", "the fault to find: R times as many errors", numberWithin(1.1, 1000), 5)
  .option("--envoys <N>", "Envoys that share the requests", numberWithin(1, 100_000), 1)
  .option(
    "--requests-per-user <N>",
    "requests that one user makes in an evidence period",
    numberWithin(1, 1e6),
    1,
  )
  .option("--conversion <P>", "percent of the default's users who reach a goal", numberWithin(0.0001, 99), 5)
  .option(
    "--fewer <R>",
    "the drop of a goal to find: R times as many users reach it",
    numberWithin(0.01, 0.99),
    0.8,
  )
  .option("--rollout <NAME>", "only this rollout")
  .option("--json", "the plan as JSON; times in seconds", false)
  .addHelpText(
    "after",
    examples(
      "serin plan policy.yaml --rps 200",
      "serin plan policy.yaml --rps 20 --error-rate 0.2 --worse 3 --requests-per-user 10",
      "serin plan policy.yaml --rps 1000 --envoys 4 --json",
    ) + "\nExit status: 0 success, 1 invalid policy, 2 usage error or missing file.",
  );

planCommand.action(async (file, options) => {
  process.exitCode = await plan(file, options, processTerminal());
});

type Options = ReturnType<typeof planCommand.opts>;

/** Resolves to 0, or 1 when the policy is refused. */
async function plan(file: string, options: Options, terminal: Terminal): Promise<number> {
  const checked = await checkPolicyFile(file, loadFilter(), terminal);
  if (checked.filter === null || checked.source.json === null) {
    reportProblems(
      checked.problems.filter(({ severity }) => severity === "error"),
      terminal,
    );
    return 1;
  }
  const text = Buffer.from(checked.source.json)
    .toString("utf8")
    .replace(/^\uFEFF/, "");
  const all = stepsOf(text.trim() === "" ? null : parseOrdered(text));
  const { rollout } = options;
  const isAsked = (name: string): boolean => rollout === undefined || rollout === name;
  const chosen = all.rollouts.filter(({ name }) => isAsked(name));
  const leftOut = new Map([...all.leftOut].filter(([name]) => isAsked(name)));
  if (chosen.length + leftOut.size === 0) {
    throw new CommandError(
      rollout === undefined
        ? `${file}: no rollout to plan`
        : `--rollout ${JSON.stringify(rollout)}: no such rollout in ${file}`,
    );
  }
  const assumptions = {
    rps: options.rps,
    requestsPerUser: options.requestsPerUser,
    errorRate: options.errorRate / 100,
    worse: options.worse,
    envoys: Math.round(options.envoys),
    conversion: options.conversion / 100,
    fewer: options.fewer,
  };
  const made: Plan = {
    assumptions,
    rollouts: chosen.map((each) => planRollout(each, assumptions)),
    leftOut,
  };
  terminal.stdout.write(
    options.json ? `${printOrdered(planAsJson(made))}\n` : planInWords(made, terminal.colors),
  );
  return 0;
}
