// Where `serin report` and `serin stats` read from, as the options say.

import { Command, Option } from "@commander-js/extra-typings";

import { EnvoySource } from "./envoy-source.ts";
import { NO_OUTLINE, outlineOf, type PolicyOutline } from "./policy-outline.ts";
import { INSTANCE, PrometheusSource, type PrometheusOptions } from "./prometheus-source.ts";
import { endpointUrl, type Source } from "./source.ts";
import type { Snapshot } from "./snapshot.ts";
import { readPolicySource } from "../policy/policy-source.ts";
import { collect } from "../terminal/arguments.ts";
import { member, parseOrdered } from "../terminal/ordered-json.ts";
import { CommandError } from "../terminal/command-error.ts";
import { fromEnvironment } from "../terminal/environment.ts";
import { readFileBounded } from "../terminal/read-bounded.ts";

export const DEFAULT_ADMIN = "http://127.0.0.1:9901";

/** A command that reads what is counted, with the options that say where. */
export function readingCommand(name: string) {
  return new Command(name)
    .addOption(
      new Option("--admin <URL>", "an Envoy's admin endpoint; may be repeated")
        .argParser(collect)
        .default([] as readonly string[], DEFAULT_ADMIN),
    )
    .option("--prometheus <URL>", "read from a Prometheus that scrapes the Envoys, instead of --admin")
    .option("--rollout <NAME>", "only this rollout")
    .option(
      "--policy <POLICY>",
      "policy file that says which variant is the default, if the metrics do not (default: SERIN_POLICY)",
    )
    .option("--per <LABEL>", "with --prometheus: the label that identifies an Envoy", INSTANCE)
    .option(
      "--match <MATCHERS>",
      `with --prometheus: only series with these labels, like 'namespace="prod"'`,
    );
}

export type SourceOptions = ReturnType<ReturnType<typeof readingCommand>["opts"]>;

/** Where what is counted is read from. */
export type Place =
  | { readonly kind: "admin"; readonly urls: readonly string[] }
  | { readonly kind: "prometheus"; readonly url: string; readonly options: PrometheusOptions };

export async function sourceOf({ policy, ...options }: SourceOptions): Promise<Source> {
  const place = placeOf(options);
  const file = policy ?? fromEnvironment("SERIN_POLICY");
  const outline = file === undefined ? NO_OUTLINE : await readOutline(file);
  return place.kind === "prometheus"
    ? new PrometheusSource(place.url, outline, place.options)
    : new EnvoySource(place.urls, outline);
}

/** The place that the options name, or SERIN_ADMIN or SERIN_PROMETHEUS where they name none. @throws CommandError */
export function placeOf({
  per,
  match,
  ...given
}: Pick<SourceOptions, "admin" | "prometheus" | "per" | "match">): Place {
  const isGiven = given.admin.length > 0 || given.prometheus !== undefined;
  const admin = isGiven ? given.admin : (fromEnvironment("SERIN_ADMIN")?.split(/[\s,]+/) ?? []);
  const prometheus = isGiven ? given.prometheus : fromEnvironment("SERIN_PROMETHEUS");
  if (prometheus !== undefined && admin.length > 0) {
    const [one, other] = isGiven ? ["--admin", "--prometheus"] : ["SERIN_ADMIN", "SERIN_PROMETHEUS"];
    throw new CommandError(`${one} and ${other}: name Envoys, or the Prometheus that scrapes them, not both`);
  }
  if (prometheus !== undefined) {
    const options = { per: labelOf(per), match: matchersOf(match ?? "") };
    return { kind: "prometheus", url: endpointUrl(prometheus, "--prometheus"), options };
  }
  return { kind: "admin", urls: adminUrls(admin) };
}

/** The endpoints that --admin or SERIN_ADMIN names, or the default one. @throws CommandError for what is no URL, or given twice */
export function adminUrls(given: readonly string[]): string[] {
  const named =
    given.length > 0 ? given : (fromEnvironment("SERIN_ADMIN")?.split(/[\s,]+/) ?? [DEFAULT_ADMIN]);
  const urls = named.map((url) => endpointUrl(url, "--admin"));
  const twice = urls.find((url, index) => urls.indexOf(url) !== index);
  if (twice !== undefined) throw new CommandError(`--admin ${twice}: given twice; it would be counted twice`);
  return urls;
}

/** @throws CommandError for what is no name of a label */
function labelOf(text: string): string {
  if (/^[a-zA-Z_]\w*$/.test(text)) return text;
  throw new CommandError(
    `--per ${JSON.stringify(text)}: must be a label of Prometheus, like instance or pod`,
  );
}

/** @throws CommandError for what are no label matchers */
function matchersOf(text: string): string {
  const matcher = /^\s*[a-zA-Z_]\w*\s*(=|!=|=~|!~)\s*"(?:[^"\\\n]|\\.)*"\s*(,|$)/;
  for (let rest = text; rest !== "";) {
    const [found = ""] = matcher.exec(rest) ?? [];
    if (found === "") {
      throw new CommandError(
        `--match ${JSON.stringify(text)}: must be label matchers, like namespace="prod"`,
      );
    }
    rest = rest.slice(found.length);
  }
  return text.trim().replace(/,$/, "");
}

/** The snapshot with one of its rollouts alone. @throws CommandError when there is none of that name */
export function onlyRollout(snapshot: Snapshot, name: string | undefined, source: Source): Snapshot {
  if (name === undefined) return snapshot;
  const rollout = snapshot.rollouts.get(name);
  if (rollout !== undefined) return { ...snapshot, rollouts: new Map([[name, rollout]]) };
  const known = [...snapshot.rollouts.keys()];
  const others = known.length === 0 ? "no rollout is counted there" : `counted are ${known.join(", ")}`;
  throw new CommandError(`--rollout ${JSON.stringify(name)}: no such rollout at ${source.name}; ${others}`);
}

/**
 * The snapshot with one of its rollouts, or one of its shadows, alone; all where neither is named. @throws CommandError when
 * there is none of that name
 */
export function onlyNamed(
  snapshot: Snapshot,
  { rollout, shadow }: { readonly rollout?: string | undefined; readonly shadow?: string | undefined },
  source: Source,
): Snapshot {
  if (rollout === undefined && shadow === undefined) return snapshot;
  const named = onlyRollout(snapshot, rollout, source);
  const rollouts: Snapshot["rollouts"] = rollout === undefined ? new Map() : named.rollouts;
  if (shadow === undefined) return { ...snapshot, rollouts, shadows: new Map() };
  const found = snapshot.shadows.get(shadow);
  if (found !== undefined) return { ...snapshot, rollouts, shadows: new Map([[shadow, found]]) };
  const known = [...snapshot.shadows.keys()];
  const others = known.length === 0 ? "no shadow is counted there" : `counted are ${known.join(", ")}`;
  throw new CommandError(`--shadow ${JSON.stringify(shadow)}: no such shadow at ${source.name}; ${others}`);
}

/** What to say where nothing of Serin's is counted. */
export function nothingCounted(source: Source): string {
  return source instanceof PrometheusSource
    ? `no rollout is counted at ${source.name}: does it scrape Envoy's /stats/prometheus, and has Envoy the stats_tags of envoy/stats-tags.yaml?`
    : `no rollout is counted at ${source.name}: has Envoy loaded the filter, and its policy a rollout?`;
}

/** Whether a policy, JSON, has something that `report` judges without knowing the policy. */
function hasShadows(json: string): boolean {
  try {
    const shadows = member(parseOrdered(json), "shadows");
    return shadows instanceof Map && shadows.size > 0;
  } catch {
    return false;
  }
}

async function readOutline(file: string): Promise<PolicyOutline> {
  const bytes = await readFileBounded(file);
  const { json } = readPolicySource(file, bytes);
  const text = json === null ? null : Buffer.from(json).toString("utf8");
  const outline = text === null ? NO_OUTLINE : outlineOf(text);
  if (outline.size === 0 && (text === null || !hasShadows(text)))
    throw new CommandError(`${file}: it has no rollout and no shadow; serin validate says what is wrong`, 1);
  return outline;
}
