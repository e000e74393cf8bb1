// The command line: what it takes, what it says about itself, and the exit status. The work is in commands/.

import { Command, CommanderError, Option } from "commander";

import { ambassador, type AmbassadorOptions } from "./commands/ambassador.ts";
import { CommandError } from "./terminal/command-error.ts";
import { dashboard, DEFAULT_DASHBOARD_PORT, type DashboardOptions } from "./commands/dashboard.ts";
import { decide } from "./commands/decide.ts";
import { evaluate } from "./commands/evaluate.ts";
import { explain, type ExplainOptions } from "./commands/explain.ts";
import { packageVersion } from "./policy/filter-module.ts";
import { DEFAULT_ADMIN } from "./metrics/metrics-source.ts";
import { publish, type PublishOptions } from "./commands/publish.ts";
import { report, REPORT_DEFAULTS, type ReportOptions } from "./commands/report.ts";
import { stats, type StatsOptions } from "./commands/stats.ts";
import { processTerminal } from "./terminal/terminal.ts";
import { validate } from "./commands/validate.ts";

const EXIT_USAGE = 2;
/** What a shell calls a program that SIGPIPE ended is no failure of a command whose reader had enough. */
const EXIT_READER_GONE = 0;

const REQUEST_EXAMPLE = `  {"method": "GET", "url": "https://shop.example.com/checkout?a=1",
   "headers": {"cookie": "uid=42", "x-b": ["1", "2"]},
   "sourceAddress": "203.0.113.7", "time": "2026-11-23T09:00:00Z"}
`;

const EVALUATION_EXAMPLE = `  {"flagKey": "new-checkout", "context": {"targetingKey": "42", "email": "a@example.com"},
   "type": "boolean", "default": false, "time": "2026-11-23T09:00:00Z"}
`;

const terminal = processTerminal();
let exitStatus = 0;

const program = new Command("serin")
  .description(
    "Checks, publishes and explains what Serin decides inside Envoy, with the same .wasm that Envoy loads, and " +
      "judges canaries by what Envoy counted. A POLICY is a YAML or JSON file.",
  )
  .version(packageVersion())
  .exitOverride()
  .showHelpAfterError("(run with --help for what it takes)")
  .configureHelp({ showGlobalOptions: false })
  .addHelpText(
    "after",
    examples(
      "serin validate policy.yaml",
      "serin explain --policy policy.yaml -H 'cookie: uid=42' https://shop.example.com/checkout",
      "serin publish policy.yaml --to /etc/serin/filter.yaml",
      "serin report --admin http://127.0.0.1:9901",
    ) +
      "\nExit status: 0 fine, 1 the policy or the data says no, 2 bad usage, or a file or an endpoint that is not " +
      "there, 3 (report) too early to say.",
  );

program
  .command("validate")
  .summary("check policies")
  .description(
    "Checks policies as Envoy would when it loads them. Problems are written to stderr, one line each: " +
      "file:line:column /pointer: what is wrong.",
  )
  .argument("<POLICY...>", "policy files (- for standard input)")
  .option("--json", "problems as JSON on stdout", false)
  .option("--allow-warnings", "accept what flagd accepts: flags that can only answer ERROR", false)
  .addHelpText(
    "after",
    examples(
      "serin validate policy.yaml",
      "serin validate --json envoy/policies/*.yaml",
      "cat policy.json | serin validate -",
    ),
  )
  .action(async (files: string[], options: { json: boolean; allowWarnings: boolean }) => {
    exitStatus = await validate(files, options, terminal);
  });

program
  .command("publish")
  .summary("put a policy where Envoy loads it from")
  .description(
    "Checks a policy, then writes the file that Envoy watches (a file-ECDS resource with the policy inside), by " +
      "rename: Envoy sees it whole or not at all. A file that is there keeps everything but the policy and its " +
      "version; the options below say what a new file holds, or change that one setting of an old one. A " +
      "refused policy leaves the file as it is.",
  )
  .argument("<POLICY>", "policy file (- for standard input)")
  .requiredOption("--to <FILE>", "the file that Envoy watches; JSON when its name ends in .json, else YAML")
  .option("--wasm <PATH>", "where Envoy finds serin.wasm, on its machine (default: the packaged one)")
  .option("--name <NAME>", "the filter's name in Envoy's http_filters (default: serin)")
  .addOption(
    new Option("--failure-policy <POLICY>", "what Envoy does after a trap (default: FAIL_RELOAD)").choices([
      "FAIL_RELOAD",
      "FAIL_CLOSED",
      "FAIL_OPEN",
    ]),
  )
  .option("--json", "the outcome and the problems as JSON on stdout", false)
  .option("--allow-warnings", "publish what flagd accepts: flags that can only answer ERROR", false)
  .addHelpText(
    "after",
    examples(
      "serin publish policy.yaml --to /etc/serin/filter.yaml",
      "serin publish policy.yaml --to filter.yaml --wasm /opt/serin/serin.wasm",
    ),
  )
  .action(async (file: string, options: PublishOptions) => {
    exitStatus = await publish(file, options, terminal);
  });

program
  .command("decide")
  .summary("decide many requests, JSON lines in and out")
  .description(
    "Reads requests as JSON lines on stdin and writes decisions as JSON lines on stdout, in order. A line that " +
      'is no request gives {"error": ...} in its place, and exit status 1 at the end.',
  )
  .requiredOption("--policy <POLICY>", "policy file")
  .addHelpText("after", `\nA request, one a line (all but url optional):\n${REQUEST_EXAMPLE}`)
  .addHelpText(
    "after",
    examples(
      "serin decide --policy policy.yaml < requests.jsonl > decisions.jsonl",
      `echo '{"url": "https://shop.example.com/checkout"}' | serin decide --policy policy.yaml`,
    ),
  )
  .action(async (options: { policy: string }) => {
    exitStatus = await decide(options, terminal);
  });

program
  .command("evaluate")
  .summary("evaluate flags over any context, JSON lines in and out")
  .description(
    "Evaluates flags as flagd does: requests as JSON lines on stdin, answers as JSON lines on stdout, in order. A " +
      "flag file that flagd accepts is evaluated, also where validate refuses it: a flag whose targeting cannot be " +
      'compiled answers ERROR, all others are unharmed. A line that is no request gives {"error": ...} in its ' +
      "place, and exit status 1 at the end.",
  )
  .requiredOption("--policy <POLICY>", "policy, or flagd's own flag file")
  .addHelpText("after", `\nA request, one a line (all but flagKey optional):\n${EVALUATION_EXAMPLE}`)
  .addHelpText(
    "after",
    examples(
      `echo '{"flagKey": "new-checkout", "context": {"targetingKey": "42"}}' | serin evaluate --policy flags.json`,
      "serin evaluate --policy policy.yaml < requests.jsonl > answers.jsonl",
    ),
  )
  .action(async (options: { policy: string }) => {
    exitStatus = await evaluate(options, terminal);
  });

program
  .command("explain")
  .summary("say what happens to one request, and why")
  .description("Says in words what is decided about one request: every rollout, flag and shadow, and why.")
  .requiredOption("--policy <POLICY>", "policy file (- for standard input)")
  .argument("<URL>", "the request's URL")
  .option("-X, --method <METHOD>", "the request's method", "GET")
  .option("-H, --header <HEADER>", "a header, 'name: value'; may be repeated", collect, [])
  .option("--source-address <IP>", "the address that the request comes from")
  .option("--time <TIME>", "when it comes, like 2026-11-23T09:00:00Z (default: now)")
  .option("--json", "the decision and the explanation as JSON", false)
  .addHelpText(
    "after",
    examples(
      "serin explain --policy policy.yaml -H 'cookie: uid=42' https://shop.example.com/checkout",
      "serin explain --policy policy.yaml -X POST -H 'x-canary: canary' --source-address 203.0.113.7 https://shop.example.com/",
    ),
  )
  .action(async (url: string, given: Omit<ExplainOptions, "headers"> & { header: string[] }) => {
    const { header, ...options } = given;
    exitStatus = await explain(url, { ...options, headers: header }, terminal);
  });

reading(
  program
    .command("report")
    .summary("judge each variant: pass, fail or inconclusive")
    .description(
      "Compares each variant with the default: the share of requests first, then errors and latency. It may be run as " +
        "often as one likes: looking again does not make a false alarm likelier (docs/report.md says why).",
    ),
)
  .option(
    "--since <DURATION>",
    "only what is counted in so long, like 10m: Envoys are read twice, that far apart",
  )
  .option("--baseline <[ROLLOUT=]VARIANT>", "what the others are compared with; may be repeated", collect, [])
  .option(
    "--max-error-increase <POINTS>",
    "percentage points of errors more than the default that are tolerated",
    REPORT_DEFAULTS.maxErrorIncrease,
  )
  .option(
    "--max-latency-increase <PERCENT>",
    "how much slower than the default is tolerated",
    REPORT_DEFAULTS.maxLatencyIncrease,
  )
  .option(
    "--requests-per-user <N>",
    "how many requests of one user count as one, where users are sticky",
    REPORT_DEFAULTS.requestsPerUser,
  )
  .option("--ignore-ratio", "judge although variants did not get their shares", false)
  .option("--json", "the verdict and all figures as JSON", false)
  .option("--markdown", "the verdict as Markdown", false)
  .addHelpText(
    "after",
    examples(
      "serin report",
      "serin report --admin http://10.0.0.1:9901 --admin http://10.0.0.2:9901 --rollout checkout",
      "serin report --prometheus http://prometheus:9090 --policy policy.yaml --since 30m --json",
    ) +
      "\nExit status: 0 pass, 1 fail, 3 inconclusive, 2 bad usage or an endpoint that does not answer. The worst " +
      "variant decides: fail before inconclusive before pass.",
  )
  .action(async (options: ReportOptions) => {
    exitStatus = await report(options, terminal);
  });

reading(
  program
    .command("stats")
    .summary("watch traffic, errors and latency of each variant")
    .description(
      "A live table: share asked and seen, rate, errors and between which rates the true one surely lies, latency, " +
        "requests in flight. Without a terminal, and with --once or --json, it is written once.",
    ),
)
  .option("--since <DURATION>", "only what was counted in the last so long, like 10m")
  .option("--interval <DURATION>", "how often it is read", "2s")
  .option("--once", "write the table once", false)
  .option("--json", "one JSON document", false)
  .addHelpText(
    "after",
    examples("serin stats", "serin stats --rollout checkout --interval 5s", "serin stats --json"),
  )
  .action(async (options: StatsOptions) => {
    const ending = new AbortController();
    process.once("SIGINT", () => ending.abort());
    exitStatus = await stats(options, terminal, ending.signal);
  });

reading(
  program
    .command("dashboard")
    .summary("show rollouts and shadows live, in a browser")
    .description(
      "Serves one page to this machine alone (127.0.0.1): traffic, errors, latency and the verdict of each rollout, and " +
        "what shadows found, live. Ctrl-C ends it.",
    ),
)
  .option("--port <PORT>", "where the page is served; 0 takes a free port", String(DEFAULT_DASHBOARD_PORT))
  .option(
    "--host <ADDRESS>",
    "another address to listen on: in a container whose port is published on loopback",
    "127.0.0.1",
  )
  .addHelpText(
    "after",
    examples(
      "serin dashboard",
      "serin dashboard --admin http://127.0.0.1:9901 --admin http://127.0.0.1:9902",
      "serin dashboard --prometheus http://127.0.0.1:9090 --policy policy.yaml --rollout checkout",
    ),
  )
  .action(async (options: DashboardOptions) => {
    const ending = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => ending.abort());
    exitStatus = await dashboard(options, terminal, ending.signal);
  });

program
  .command("ambassador")
  .summary("write or check the Mappings that a policy needs")
  .description(
    "Reads Mappings of Ambassador (Emissary-ingress) and a policy, and writes the Mappings that the policy needs " +
      "beside them: one for each variant, with its header and the options of the one that is there; one that " +
      "names the cluster of a shadow with dispatch call; a pair with shadow: true for dispatch mirror. The " +
      "policy may name a service where Envoy needs a cluster; --write-policy writes it for serin publish.",
  )
  .requiredOption("--policy <POLICY>", "policy file (- for standard input)")
  .argument("[FILE...]", "Mappings, Hosts, the Module, in YAML or JSON (default: standard input)")
  .option("--check", "check the Mappings that are there, and write none", false)
  .option("--to <FILE>", "write the Mappings to this file, by rename")
  .option("--whole", "write those that are there as well, as they are, each before those made of it", false)
  .option("--write-policy <FILE>", "write the policy with clusters in place of services")
  .option(
    "--old-secret <ROLLOUT=SECRET>",
    "write Mappings for this headerSecret as well (empty: for none); may be repeated",
    collect,
    [],
  )
  .option("--namespace <NAMESPACE>", "namespace of resources that name none", "default")
  .option(
    "--ambassador-namespace <NAMESPACE>",
    "Ambassador's own (default: that of its Module, else default)",
  )
  .option("--json", "Mappings, names of clusters and problems as JSON on stdout", false)
  .option("--allow-warnings", "accept what flagd accepts: flags that can only answer ERROR", false)
  .addHelpText(
    "after",
    examples(
      "serin ambassador --policy policy.yaml mappings.yaml > canary.yaml",
      "serin ambassador --policy policy.yaml mappings.yaml --to canary.yaml --write-policy policy.envoy.yaml",
      "serin ambassador --policy policy.yaml --check mappings.yaml canary.yaml",
      "kubectl get mappings,hosts -A -o yaml | serin ambassador --policy policy.yaml --check",
    ),
  )
  .action(async (files: string[], options: AmbassadorOptions) => {
    exitStatus = await ambassador(files, options, terminal);
  });

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") exit(EXIT_READER_GONE);
  process.stderr.write(`serin: cannot write to standard output: ${error.message}\n`);
  exit(EXIT_USAGE);
});

exit(await run());

async function run(): Promise<number> {
  try {
    await program.parseAsync();
    await drained(process.stdout);
    return exitStatus;
  } catch (error) {
    // Commander has said what is wrong; --help and --version come this way too, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (error instanceof CommandError) {
      process.stderr.write(`serin: ${error.message}\n`);
      return error.exitStatus;
    }
    const { message } = error as Error;
    process.stderr.write(
      `serin: internal error: ${error instanceof WebAssembly.RuntimeError ? "the filter trapped: " : ""}${message}\n`,
    );
    return 1;
  }
}

/** What was written to a pipe is lost when the process ends before it has gone out. */
function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => {
      resolve();
    });
  });
}

function exit(status: number): never {
  process.exit(status);
}

/** What commands that read stats have in common. */
function reading(command: Command): Command {
  return command
    .option(
      "--admin <URL>",
      `an Envoy's admin endpoint, ${DEFAULT_ADMIN} unless said; may be repeated`,
      collect,
      [],
    )
    .option("--prometheus <URL>", "a Prometheus that scrapes the Envoys, instead")
    .option("--rollout <NAME>", "this rollout alone")
    .option("--policy <POLICY>", "tells which variant is the default, where Envoy does not");
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}\n`).join("")}`;
}
