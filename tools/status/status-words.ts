// What a fleet serves, as people read it and as JSON.

import { counted, duration, grouped } from "../terminal/numbers.ts";
import type { Printable } from "../terminal/ordered-json.ts";
import { clipMiddle, plainTable } from "../terminal/table.ts";
import type { Colors } from "../terminal/terminal.ts";
import { visible } from "../terminal/visible.ts";
import { guardsWords } from "../verdict/guard.ts";
import type { Fleet, Group, Refusal, RolloutStatus } from "./fleet.ts";
import type { EnvoyStatus } from "./read-status.ts";

const NOTHING = "–";
/** So many columns for an Envoy's address. */
const LONGEST_ADDRESS = 40;
const MOST_REASONS = 5;

/** `now`: milliseconds since 1970. */
export function statusInWords(fleet: Fleet, now: number, colors: Colors): string {
  const { envoys, unreachable, refusals, rollouts } = fleet;
  const lines = [...(envoys.length === 0 ? [] : tableLines(envoys, now, colors))];
  for (const { envoy, failure } of unreachable) {
    lines.push(`${addressOf(envoy)}  ${colors.red("unreachable")}: ${failure}`);
  }
  for (const refusal of refusals) lines.push("", ...refusalLines(refusal, now, colors));
  if (rollouts.size > 0)
    lines.push("", ...[...rollouts].map(([name, each]) => rolloutLine(name, each, now, colors)));
  lines.push("", ...conclusionLines(fleet, colors));
  return `${lines.join("\n").trim()}\n`;
}

function tableLines(envoys: readonly EnvoyStatus[], now: number, colors: Colors): string[] {
  const hasVersions = envoys.some(({ serves }) => isOwnVersion(serves.version, serves.digest));
  const heads = ["policy", "for", "module", "Envoy", "refused", ...(hasVersions ? ["version"] : [])];
  const table = plainTable(2, heads.length + 1, 2);
  table.push([colors.dim("admin"), ...heads.map((head) => colors.dim(head))]);
  for (const { envoy, serves, module, version, refusals } of envoys) {
    table.push([
      addressOf(envoy),
      serves.digest ?? NOTHING,
      serves.since === null ? NOTHING : duration((now - serves.since) / 1000),
      module ?? NOTHING,
      version === null ? NOTHING : visible(version),
      refusals > 0 ? colors.yellow(grouped(refusals)) : "0",
      ...(hasVersions ? [serves.version === null ? NOTHING : visible(serves.version)] : []),
    ]);
  }
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}

/** A version that somebody else than `serin publish` gave: that one is the digest. */
function isOwnVersion(version: string | null, digest: string | null): boolean {
  return version !== null && !(digest !== null && version.startsWith(`sha256-${digest}`));
}

function addressOf(url: string): string {
  return clipMiddle(url.replace(/^http:\/\//, ""), LONGEST_ADDRESS);
}

function refusalLines(
  { envoy, version, at, reasons, leavesDefault }: Refusal,
  now: number,
  colors: Colors,
): string[] {
  const when = at === null ? "" : ` ${duration((now - at) / 1000)} ago`;
  const shown = reasons.slice(0, MOST_REASONS).map((reason) => `  ${reason}`);
  if (reasons.length > MOST_REASONS) shown.push(`  and ${reasons.length - MOST_REASONS} more`);
  if (reasons.length === 0)
    shown.push("  the filter of this command takes that policy: Envoy's log says why it does not");
  const serves = leavesDefault ? "the default of its configuration" : "the one before";
  const title = `${addressOf(envoy)} refused version ${visible(version)}${when} and serves ${serves}:`;
  return [colors.yellow(title), ...shown];
}

function rolloutLine(
  name: string,
  { period, noEvidence, guards, fallbacks }: RolloutStatus,
  now: number,
  colors: Colors,
): string {
  const evidence =
    period === null
      ? `evidence: none (${noEvidence ?? "nothing is counted"})`
      : `evidence period ${period.number}` +
        (period.began > 0 ? `, for ${duration(now / 1000 - period.began)}` : "") +
        (period.envoys > 1 ? `, ${period.envoys} Envoys` : "");
  const guard = guardsWords(guards);
  const fell = [...fallbacks].map(([variant, count]) => `${variant} ${counted(count, "request")}`).join(", ");
  const words = [...guards.values()].map(({ word }) => word);
  const paint = words.includes("rolled back") ? colors.red : words.includes("alarm") ? colors.yellow : String;
  return [
    `${colors.bold(name)}: ${evidence}`,
    ...(guard === null ? [] : [paint(`guard: ${guard}`)]),
    ...(fell === "" ? [] : [colors.yellow(`fallback: ${fell}`)]),
  ].join("; ");
}

function conclusionLines({ envoys, unreachable, groups, expected }: Fleet, colors: Colors): string[] {
  const lines: string[] = [];
  const [first, ...others] = groups;
  if (first !== undefined && others.length === 0) {
    const all = envoys.length === 1 ? "The Envoy serves" : `All ${envoys.length} Envoys that answer serve`;
    const line = `${unreachable.length === 0 ? all.replace(" that answer", "") : all} ${groupWords(first)}.`;
    lines.push(first.digest === null ? colors.red(`${line} Is Serin loaded there?`) : line);
  } else if (first !== undefined) {
    lines.push(colors.red("Envoys differ:"), ...groups.map((group) => `  ${namedWords(group)}`));
  }
  const atDefault = envoys.filter(({ serves }) => serves.isDefault).map(({ envoy }) => addressOf(envoy));
  if (atDefault.length > 0) {
    const what = "No policy has been taken since its start, the default of Envoy's configuration serves";
    lines.push(colors.red(`${what}: ${atDefault.join(", ")}`));
  }
  if (expected !== null) {
    const behind = envoys
      .filter(({ serves }) => serves.digest !== expected)
      .map(({ envoy }) => addressOf(envoy));
    lines.push(
      behind.length === 0
        ? `That is the policy of --policy.`
        : colors.red(`Not the policy of --policy (${expected}): ${behind.join(", ")}`),
    );
  }
  if (unreachable.length > 0) {
    lines.push(colors.red(`Unreachable: ${unreachable.map(({ envoy }) => addressOf(envoy)).join(", ")}`));
  }
  return lines;
}

function groupWords({ digest, module }: Group): string {
  const policy = digest === null ? "a policy without a known digest" : `policy ${digest}`;
  return `${policy}, ${module === null ? "module of unknown version" : `module ${module}`}`;
}

function namedWords(group: Group): string {
  return `${groupWords(group)}: ${group.envoys.map(addressOf).join(", ")}`;
}

export function statusAsJson(fleet: Fleet, now: number): Printable {
  const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  const { envoys, unreachable, groups, refusals, expected, rollouts } = fleet;
  return {
    same: unreachable.length === 0 && groups.length <= 1,
    expected,
    envoys: [
      ...envoys.map(({ envoy, version, module, serves, refusals: count }) => {
        const refused = refusals.find((each) => each.envoy === envoy);
        return {
          ...{ admin: envoy, reachable: true, envoy: version, module },
          policy: {
            digest: serves.digest,
            version: serves.version,
            since: iso(serves.since),
            default: serves.isDefault,
          },
          refusals: count,
          refused:
            refused === undefined
              ? null
              : { version: refused.version, at: iso(refused.at), reasons: refused.reasons },
        };
      }),
      ...unreachable.map(({ envoy, failure }) => ({ admin: envoy, reachable: false, failure })),
    ],
    rollouts: new Map(
      [...rollouts].map(([name, { period, noEvidence, guards, fallbacks }]) => [
        name,
        {
          period: period === null ? null : { ...period },
          noEvidence,
          guard: new Map([...guards].map(([variant, state]) => [variant, { ...state }])),
          fallbacks,
        },
      ]),
    ),
    takenAt: new Date(now).toISOString(),
  };
}
