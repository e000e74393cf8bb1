// A difference of policies for people: lines for a terminal, Markdown for a pull request, JSON for scripts.

import { counted, grouped, exactPercent } from "../terminal/numbers.ts";
import type { Printable } from "../terminal/ordered-json.ts";
import type { Colors } from "../terminal/terminal.ts";
import { visible } from "../terminal/visible.ts";
import type { FlagDiff } from "./diff-flags.ts";
import { mostMoved, type PartDiff, type PolicyDiff } from "./diff.ts";
import type { Change } from "./moves.ts";
import type { RecordedChange, RecordedDiff } from "./recorded.ts";

type AnyDiff = PartDiff | FlagDiff;

/** One line a person can act on. */
export function summaryOf(diff: PolicyDiff): string {
  const most = mostMoved(diff);
  if (most === null) return "Everybody may move: who moves cannot be known from the policies alone.";
  if (most > 0) return `At most ${exactPercent(most)} of users move.`;
  const parts = [...diff.rollouts.values(), ...diff.flags.values(), ...diff.shadows.values()];
  return parts.some(isChanged) ? "No user moves." : "No user moves: nothing has changed for users.";
}

/** Whether a part has anything to tell. */
function isChanged(part: AnyDiff): boolean {
  return part.moved !== 0 || part.scope !== undefined || (part.notes ?? []).length > 0 || isRenamed(part);
}

function isRenamed(part: AnyDiff): boolean {
  return "renamedFrom" in part && part.renamedFrom !== undefined;
}

/** The difference as lines: what did not change is only counted. */
export function diffInWords(diff: PolicyDiff, colors: Colors): string {
  const blocks = [
    ...blocksOf("rollout", diff.rollouts, "users", colors),
    ...blocksOf("flag", diff.flags, "users", colors),
    ...blocksOf("shadow", diff.shadows, "requests", colors),
  ];
  const all = diff.rollouts.size + diff.flags.size + diff.shadows.size;
  const rest = all - blocks.length;
  const unchanged = rest === 0 ? "" : `${grouped(rest)} unchanged\n`;
  return `${blocks.join("")}${unchanged}${colors.bold(summaryOf(diff))}\n`;
}

function blocksOf(
  kind: string,
  parts: ReadonlyMap<string, AnyDiff>,
  unit: "users" | "requests",
  colors: Colors,
): string[] {
  return [...parts]
    .filter(([, part]) => isChanged(part))
    .map(([name, part]) => {
      const head = `${colors.bold(`${kind} ${visible(name)}`)}: ${headOf(part, unit)}\n`;
      return (
        head +
        detailsOf(part)
          .map((line) => `  ${line}\n`)
          .join("")
      );
    });
}

function headOf(part: AnyDiff, unit: "users" | "requests"): string {
  if (part.moved === null) return "who moves cannot be known: everybody may move";
  if (part.moved === 0) return unit === "users" ? "no user moves" : "no change in copies";
  if (unit === "requests") return `${exactPercent(part.moved)} of requests change`;
  const of = part.scope === "some" ? "of the users whom its rules lead there" : "of users";
  return `${exactPercent(part.moved)} ${of} move`;
}

function detailsOf(part: AnyDiff): string[] {
  const lines = part.changes.map((change) => lineOf(change));
  if (part.unknown !== undefined) lines.unshift(`because ${part.unknown}`);
  if (part.scope === "changed") {
    lines.push("match or when has changed: who is concerned depends on the requests");
    if ("entering" in part)
      lines.push(...(part.entering ?? []).map((one) => `newly concerned  ${lineOf(one)}`));
    if ("leaving" in part)
      lines.push(...(part.leaving ?? []).map((one) => `no longer concerned  ${lineOf(one)}`));
  }
  if ("renamedFrom" in part && part.renamedFrom !== undefined)
    lines.push(`renamed from ${part.renamedFrom}, with the same salt`);
  return [...lines, ...(part.notes ?? [])];
}

function lineOf({ from, to, share }: Change): string {
  return `${answer(from)} -> ${answer(to)}  ${exactPercent(share)}`;
}

function answer(gets: string | null): string {
  return gets === null ? "(none)" : visible(gets);
}

/** Recorded requests, as lines. */
export function recordedInWords(recorded: RecordedDiff): string {
  const { read, unreadable, anonymous, rollouts, flags } = recorded;
  const lines = [
    `\n${counted(read, "recorded request")}` +
      (anonymous > 0 ? `, ${grouped(anonymous)} without an identity` : "") +
      (unreadable > 0 ? `, and ${counted(unreadable, "line")} that could not be read` : ""),
  ];
  const tell = (kind: string, parts: ReadonlyMap<string, readonly RecordedChange[]>): void => {
    for (const [name, changes] of parts) {
      for (const { from, to, count, examples } of changes) {
        lines.push(
          `${kind} ${visible(name)}: ${answer(from)} -> ${answer(to)}  ${counted(count, "request")}`,
        );
        for (const { line, identity, request } of examples) {
          const who = identity === null ? "" : ` (${visible(identity)})`;
          lines.push(`  line ${line}: ${visible(request)}${who}`);
        }
      }
    }
  };
  tell("rollout", rollouts);
  tell("flag", flags);
  if (rollouts.size + flags.size === 0) lines.push("no request gets anything else");
  return `${lines.join("\n")}\n`;
}

/** The difference as Markdown, for a comment on a pull request. */
export function diffInMarkdown(diff: PolicyDiff, recorded: RecordedDiff | null): string {
  const rows: string[] = [];
  const add = (kind: string, parts: ReadonlyMap<string, AnyDiff>): void => {
    for (const [name, part] of parts) {
      if (!isChanged(part)) continue;
      const moved = part.moved === null ? "cannot be known" : exactPercent(part.moved);
      const details = detailsOf(part).map(escaped).join("<br>");
      rows.push(`| ${kind} \`${code(name)}\` | ${moved} | ${details} |`);
    }
  };
  add("rollout", diff.rollouts);
  add("flag", diff.flags);
  add("shadow", diff.shadows);
  const table = rows.length === 0 ? "" : `| | moved | |\n| --- | --- | --- |\n${rows.join("\n")}\n\n`;
  const requests = recorded === null ? "" : `\n<pre>${escaped(recordedInWords(recorded).trim())}</pre>\n`;
  return `${table}**${summaryOf(diff)}**\n${requests}`;
}

/** Names and rules are the policy's author's, who may be anybody who opens a pull request. */
function escaped(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/[\\`*_{}[\]()#+!|~@]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function code(name: string): string {
  return visible(name).replace(/[`|\\<>&@]/g, "?");
}

/** The difference as scripts read it. */
export function diffAsJson(diff: PolicyDiff, recorded: RecordedDiff | null): Printable {
  return {
    moved: diff.moved,
    rollouts: new Map([...diff.rollouts].map(([name, part]) => [name, partAsJson(part)])),
    flags: new Map([...diff.flags].map(([name, part]) => [name, partAsJson(part)])),
    shadows: new Map([...diff.shadows].map(([name, part]) => [name, partAsJson(part)])),
    ...(recorded === null
      ? {}
      : {
          requests: {
            read: recorded.read,
            unreadable: recorded.unreadable,
            anonymous: recorded.anonymous,
            rollouts: recordedAsJson(recorded.rollouts),
            flags: recordedAsJson(recorded.flags),
          },
        }),
  };
}

function partAsJson(part: AnyDiff): Printable {
  const list = (changes: readonly Change[]): Printable => changes.map((change) => ({ ...change }));
  return {
    moved: part.moved,
    changes: list(part.changes),
    ...(part.scope === undefined ? {} : { scope: part.scope }),
    ...("entering" in part ? { entering: list(part.entering ?? []) } : {}),
    ...("leaving" in part ? { leaving: list(part.leaving ?? []) } : {}),
    ...("renamedFrom" in part ? { renamedFrom: part.renamedFrom ?? null } : {}),
    ...(part.unknown === undefined ? {} : { unknown: part.unknown }),
    ...(part.notes === undefined ? {} : { notes: [...part.notes] }),
  };
}

function recordedAsJson(parts: ReadonlyMap<string, readonly RecordedChange[]>): Printable {
  return new Map(
    [...parts].map(([name, changes]) => [
      name,
      changes.map(({ from, to, count, examples }) => ({
        from,
        to,
        count,
        examples: examples.map((example) => ({ ...example })),
      })),
    ]),
  );
}
