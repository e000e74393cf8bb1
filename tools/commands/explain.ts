import { Command } from "@commander-js/extra-typings";

import { LogLevel } from "../emulator/index.ts";
import { checkPolicyFile } from "../policy/check-policy.ts";
import { CommandError } from "../terminal/command-error.ts";
import { policyOf } from "../terminal/environment.ts";
import { explainInWords } from "../decision/explain-text.ts";
import { loadFilter } from "../policy/filter-module.ts";
import { parseOrdered } from "../terminal/ordered-json.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { readRequest, RequestFault, type ReadRequest } from "../decision/request.ts";
import { collect, examples } from "../terminal/arguments.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";

export const explainCommand = new Command("explain")
  .summary("explain the decision about one request")
  .description("Explains what is decided about one request, and why: every rollout, flag and shadow.")
  .option("--policy <POLICY>", "policy file (- for standard input; default: SERIN_POLICY)")
  .argument("<URL>", "the request's URL, or its path alone: the host is then that of -H 'host: name'")
  .option("-X, --method <METHOD>", "the request's method", "GET")
  .option(
    "-H, --header <HEADER>",
    "a header, 'name: value'; may be repeated",
    collect,
    [] as readonly string[],
  )
  .option("--source-address <IP>", "the client's IP address")
  .option("--at <TIME>", "the time of the request, like 2026-11-23T09:00:00Z (default: now)")
  .option("--all", "what does not apply in full, instead of in one line each", false)
  .option("--json", "the decision and the explanation as JSON", false)
  .addHelpText(
    "after",
    examples(
      "serin explain --policy policy.yaml -H 'cookie: uid=42' https://shop.example.com/checkout",
      "serin explain --policy policy.yaml -X POST -H 'x-canary: canary' --source-address 203.0.113.7 https://shop.example.com/",
    ),
  );

explainCommand.action(async (url, options) => {
  process.exitCode = await explain(url, options, processTerminal());
});

type Options = ReturnType<typeof explainCommand.opts>;

/** Explains one request. Resolves to 0, or 1 when the policy is refused. */
async function explain(url: string, options: Options, terminal: Terminal): Promise<number> {
  const { stream: request, time } = requestOf(url, options);
  const inputs = { logLevel: LogLevel.Trace, ...(time === null ? {} : { clock: () => time }) };
  const checked = await checkPolicyFile(policyOf(options), loadFilter(), terminal, inputs);
  if (checked.filter === null || checked.source.json === null) {
    const { problems, more } = checked;
    if (options.json) terminal.stdout.write(`${JSON.stringify({ ok: false, problems }, null, 2)}\n`);
    else reportProblems(problems, terminal, more);
    return 1;
  }
  reportProblems(checked.problems, terminal, checked.more);
  const stream = checked.filter.vm.request(checked.filter.root, request);
  const { decision, explanation, errors } = stream;
  stream.done();
  for (const error of errors) terminal.stderr.write(`the filter recovered from an error: ${error.message}\n`);
  if (decision === null || explanation === null) {
    throw new CommandError("the filter made no decision about this request", 1);
  }
  if (options.json) {
    terminal.stdout.write(`{"decision":${decision},"explanation":${explanation}}\n`);
    return 0;
  }
  const policyText = Buffer.from(checked.source.json).toString("utf8");
  const explained = {
    method: options.method,
    url,
    decision: parseOrdered(decision),
    explanation: parseOrdered(explanation),
    policy: policyText.trim() === "" ? null : parseOrdered(policyText),
  };
  terminal.stdout.write(explainInWords(explained, terminal.colors, options.all));
  return 0;
}

/** The options as a request. A header given twice is sent twice. */
function requestOf(url: string, options: Options): ReadRequest {
  const headers = new Map<string, string[]>();
  for (const header of options.header) {
    const colon = header.indexOf(":");
    if (colon < 1) throw new CommandError(`-H ${JSON.stringify(header)}: must be like 'name: value'`);
    const name = header.slice(0, colon);
    headers.set(name, [...(headers.get(name) ?? []), header.slice(colon + 1)]);
  }
  try {
    return readRequest({
      method: options.method,
      url,
      headers: Object.fromEntries(headers),
      ...(options.sourceAddress === undefined ? {} : { sourceAddress: options.sourceAddress }),
      ...(options.at === undefined ? {} : { time: options.at }),
    });
  } catch (error) {
    if (!(error instanceof RequestFault)) throw error;
    throw new CommandError(
      `${OPTION_OF[error.pointer] ?? error.pointer.replace("/headers/", "-H ")}: ${error.message}`,
    );
  }
}

const OPTION_OF: Record<string, string> = {
  "/url": "URL",
  "/method": "-X",
  "/sourceAddress": "--source-address",
  "/time": "--at",
};
