import type { Snapshot } from "../metrics/snapshot.ts";
import type { Source } from "../metrics/source.ts";
import type { Decision } from "../verdict/decision.ts";
import { DEFAULT_LIMITS, type Limits } from "../verdict/limits.ts";
import { duration } from "../terminal/numbers.ts";
import { judge } from "../verdict/verdict.ts";
import { CommandError } from "../terminal/command-error.ts";
import { nothingCounted, onlyRollout, readingCommand, sourceOf } from "../metrics/metrics-source.ts";
import { printOrdered } from "../terminal/ordered-json.ts";
import { reportJson } from "../report/report-json.ts";
import { reportMarkdown } from "../report/report-markdown.ts";
import type { Report } from "../report/report.ts";
import { reportText } from "../report/report-text.ts";
import { collect, duration as seconds, examples, numberWithin } from "../terminal/arguments.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";

export const reportCommand = readingCommand("report")
  .summary("judge each variant: pass, fail or inconclusive")
  .description(
    "Compares each variant with the default: the share of requests first, then errors and latency. It may be run as " +
      "often as one likes: looking again does not make a false alarm likelier (docs/report.md says why).",
  )
  .option(
    "--since <DURATION>",
    "only what is counted in so long, like 10m: Envoys are read twice, that far apart",
    seconds,
  )
  .option(
    "--baseline <[ROLLOUT=]VARIANT>",
    "what the others are compared with; may be repeated",
    collect,
    [] as readonly string[],
  )
  .option(
    "--max-error-increase <POINTS>",
    "percentage points of errors more than the default that are tolerated",
    numberWithin(0, 100),
    DEFAULT_LIMITS.maxErrorIncrease * 100,
  )
  .option(
    "--max-latency-increase <PERCENT>",
    "how much slower than the default is tolerated",
    numberWithin(0, 10_000),
    DEFAULT_LIMITS.maxLatencyIncrease * 100,
  )
  .option(
    "--requests-per-user <N>",
    "how many requests of one user count as one, where users are sticky",
    numberWithin(1, 1_000_000),
    DEFAULT_LIMITS.requestsPerUser,
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
  );

reportCommand.action(async (options) => {
  process.exitCode = await report(options, processTerminal());
});

type Options = ReturnType<typeof reportCommand.opts>;

const EXIT: Readonly<Record<Decision, number>> = { pass: 0, fail: 1, inconclusive: 3 };

/** Judges each variant. Resolves to 0 for pass, 1 for fail, 3 for inconclusive. */
async function report(options: Options, terminal: Terminal): Promise<number> {
  if (options.json && options.markdown) throw new CommandError("--json and --markdown: one of them");
  const limits = limitsOf(options);
  const seconds = options.since ?? null;
  const source = await sourceOf(options);
  const snapshot = onlyRollout(await read(source, seconds, terminal), options.rollout, source);
  const verdict = judge(snapshot, limits, baselinesOf(options.baseline, snapshot));
  const done: Report = {
    verdict,
    snapshot,
    limits,
    origin: originOf(source, snapshot, seconds),
    nothing: snapshot.rollouts.size === 0 ? nothingCounted(source) : null,
  };
  terminal.stdout.write(
    options.json
      ? `${printOrdered(reportJson(done))}\n`
      : options.markdown
        ? reportMarkdown(done)
        : reportText(done, terminal.colors),
  );
  return EXIT[verdict.decision];
}

function limitsOf(options: Options): Limits {
  const { maxErrorIncrease, maxLatencyIncrease, requestsPerUser, ignoreRatio } = options;
  return {
    ...DEFAULT_LIMITS,
    maxErrorIncrease: maxErrorIncrease / 100,
    maxLatencyIncrease: maxLatencyIncrease / 100,
    requestsPerUser,
    ignoreRatio,
  };
}

async function read(source: Source, seconds: number | null, terminal: Terminal): Promise<Snapshot> {
  if (seconds === null) return source.read();
  if (source.waits) {
    terminal.stderr.write(`reading ${source.name} twice, ${duration(seconds)} apart\n`);
  }
  return source.readSpan(seconds);
}

/** What was said of default variants, by rollout. @throws CommandError for names that there are not */
function baselinesOf(given: readonly string[], { rollouts }: Snapshot): Map<string, string> {
  const baselines = new Map<string, string>();
  for (const text of given) {
    const split = text.indexOf("=");
    const variant = text.slice(split + 1);
    const named = split < 0 ? [...rollouts.keys()] : [text.slice(0, split)];
    const having = named.filter((name) => rollouts.get(name)?.variants.has(variant) === true);
    if (having.length === 0 && rollouts.size > 0) {
      throw new CommandError(
        `--baseline ${JSON.stringify(text)}: there is no such variant, or no such rollout`,
      );
    }
    for (const name of having) baselines.set(name, variant);
  }
  return baselines;
}

function originOf(source: Source, snapshot: Snapshot, seconds: number | null): string {
  if (seconds !== null)
    return `${source.name}, ${duration(seconds)} to ${new Date(snapshot.takenAt).toISOString()}`;
  const since =
    snapshot.seconds === null ? "since the counters began" : `since ${duration(snapshot.seconds)}`;
  return `${source.name}, ${since}`;
}
