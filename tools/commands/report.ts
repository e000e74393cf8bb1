import type { Snapshot } from "../metrics/snapshot.ts";
import type { Source } from "../metrics/source.ts";
import { worstOf, type Decision } from "../verdict/decision.ts";
import { DEFAULT_LIMITS, DEFAULT_SHADOW_LIMITS, type Limits, type ShadowLimits } from "../verdict/limits.ts";
import { judgeShadows } from "../verdict/shadow.ts";
import { duration } from "../terminal/numbers.ts";
import { judge, withoutBaseline } from "../verdict/verdict.ts";
import { CommandError } from "../terminal/command-error.ts";
import { nothingCounted, onlyNamed, readingCommand, sourceOf } from "../metrics/metrics-source.ts";
import { printOrdered } from "../terminal/ordered-json.ts";
import { reportJson } from "../report/report-json.ts";
import { reportMarkdown } from "../report/report-markdown.ts";
import type { Report } from "../report/report.ts";
import { reportText } from "../report/report-text.ts";
import { collect, examples, numberWithin, readDuration } from "../terminal/arguments.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";

export const reportCommand = readingCommand("report")
  .summary("judge each variant and each shadow: pass, fail or inconclusive")
  .description(
    "Compares the users of each variant with the control group of the default: do the actual shares match the target " +
      "shares, and do more users get errors, 4xx or slow answers? Run it as often as you like: that does not make a " +
      "false alarm more likely (docs/report.md says why). It judges the current evidence period. Of each shadow: do its answers differ from " +
      "production's in more than --max-mismatch of what was compared?",
  )
  .option(
    "--since <DURATION>",
    "describe only the requests of the last DURATION, like 10m: Envoys are read twice, that far apart",
    readDuration,
  )
  .option(
    "--baseline <[ROLLOUT=]VARIANT>",
    "which variant is the default; may be repeated",
    collect,
    [] as readonly string[],
  )
  .option(
    "--max-ratio <R>",
    "limit: at most R times as many of a variant's users as of the baseline's get errors, 4xx or slow answers",
    numberWithin(1.05, 100),
    DEFAULT_LIMITS.maxRatio,
  )
  .option(
    "--negligible <PERCENT>",
    "errors and 4xx are within the limit below this share of a variant's users, whatever the baseline's is",
    numberWithin(0.001, 50),
    DEFAULT_LIMITS.negligible * 100,
  )
  .option("--shadow <NAME>", "only this shadow")
  .option(
    "--max-mismatch <PERCENT>",
    "limit of a shadow: at most this share of compared copies may differ from production",
    numberWithin(0.0001, 50),
    DEFAULT_SHADOW_LIMITS.maxMismatch * 100,
  )
  .option(
    "--max-unanswered <PERCENT>",
    "limit of a shadow: at most this share of copies may end without a whole answer to compare (timeout, reset)",
    numberWithin(0.01, 99),
    DEFAULT_SHADOW_LIMITS.maxUnanswered * 100,
  )
  .option("--json", "the verdict and all figures as JSON", false)
  .option("--markdown", "the verdict as Markdown", false)
  .addHelpText(
    "after",
    examples(
      "serin report",
      "serin report --admin http://10.0.0.1:9901 --admin http://10.0.0.2:9901 --rollout checkout",
      "serin report --prometheus http://prometheus:9090 --policy policy.yaml --json",
    ) +
      "\nExit status: 0 pass, 1 fail, 2 usage error, missing file, unreachable endpoint or unknown default, 3 " +
      "inconclusive. The worst variant or shadow decides: fail before inconclusive before pass.",
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
  const snapshot = onlyNamed(await read(source, seconds, terminal), options, source);
  const verdict = judge(snapshot, limits, baselinesOf(options.baseline, snapshot));
  const unknown = withoutBaseline(verdict);
  if (unknown.length > 0) {
    throw new CommandError(
      `which variant of ${unknown.join(", ")} is the default is not known: no stat says it, and ${source.name} gives ` +
        `no policy that does. Name the policy with --policy FILE, or the variant with --baseline ${unknown[0]}=VARIANT`,
    );
  }
  const shadows = judgeShadows(snapshot, limits);
  const decisions = [...verdict.rollouts.values(), ...shadows.values()].flatMap(
    ({ decision }) => decision ?? [],
  );
  const decision = worstOf(decisions);
  const done: Report = {
    decision,
    verdict,
    shadows,
    snapshot,
    limits,
    origin: originOf(source, snapshot, seconds),
    nothing: snapshot.rollouts.size + snapshot.shadows.size === 0 ? nothingCounted(source) : null,
  };
  terminal.stdout.write(
    options.json
      ? `${printOrdered(reportJson(done))}\n`
      : options.markdown
        ? reportMarkdown(done)
        : reportText(done, terminal.colors),
  );
  return EXIT[decision];
}

function limitsOf({ maxRatio, negligible, maxMismatch, maxUnanswered }: Options): Limits & ShadowLimits {
  return {
    ...DEFAULT_LIMITS,
    ...DEFAULT_SHADOW_LIMITS,
    maxMismatch: maxMismatch / 100,
    maxUnanswered: maxUnanswered / 100,
    maxRatio,
    negligible: negligible / 100,
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
      throw new CommandError(`--baseline ${JSON.stringify(text)}: no such variant or rollout`);
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
