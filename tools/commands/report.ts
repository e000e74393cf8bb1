import type { Snapshot } from "../metrics/snapshot.ts";
import type { Source } from "../metrics/source.ts";
import type { Decision } from "../verdict/decision.ts";
import { DEFAULT_LIMITS, type Limits } from "../verdict/limits.ts";
import { duration } from "../terminal/numbers.ts";
import { judge } from "../verdict/verdict.ts";
import { CommandError } from "../terminal/command-error.ts";
import {
  nothingCounted,
  numberOf,
  onlyRollout,
  secondsOf,
  sourceOf,
  type SourceOptions,
} from "../metrics/metrics-source.ts";
import { printOrdered } from "../terminal/ordered-json.ts";
import { reportJson } from "../report/report-json.ts";
import { reportMarkdown } from "../report/report-markdown.ts";
import type { Report } from "../report/report.ts";
import { reportText } from "../report/report-text.ts";
import type { Terminal } from "../terminal/terminal.ts";

export interface ReportOptions extends SourceOptions {
  readonly since?: string;
  /** `VARIANT`, or `ROLLOUT=VARIANT`. */
  readonly baseline: readonly string[];
  /** Percentage points. */
  readonly maxErrorIncrease: string;
  /** Percent. */
  readonly maxLatencyIncrease: string;
  readonly requestsPerUser: string;
  readonly ignoreRatio: boolean;
  readonly json: boolean;
  readonly markdown: boolean;
}

/** What `--help` says. */
export const REPORT_DEFAULTS = {
  maxErrorIncrease: String(DEFAULT_LIMITS.maxErrorIncrease * 100),
  maxLatencyIncrease: String(DEFAULT_LIMITS.maxLatencyIncrease * 100),
  requestsPerUser: String(DEFAULT_LIMITS.requestsPerUser),
};

const EXIT: Readonly<Record<Decision, number>> = { pass: 0, fail: 1, inconclusive: 3 };

/** Judges each variant. Resolves to 0 for pass, 1 for fail, 3 for inconclusive. */
export async function report(options: ReportOptions, terminal: Terminal): Promise<number> {
  if (options.json && options.markdown) throw new CommandError("--json and --markdown: one of them");
  const limits = limitsOf(options);
  const seconds = options.since === undefined ? null : secondsOf(options.since, "--since");
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

function limitsOf(options: ReportOptions): Limits {
  const { maxErrorIncrease, maxLatencyIncrease, requestsPerUser, ignoreRatio } = options;
  return {
    ...DEFAULT_LIMITS,
    maxErrorIncrease: numberOf(maxErrorIncrease, "--max-error-increase", 0, 100) / 100,
    maxLatencyIncrease: numberOf(maxLatencyIncrease, "--max-latency-increase", 0, 10_000) / 100,
    requestsPerUser: numberOf(requestsPerUser, "--requests-per-user", 1, 1_000_000),
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
