// All that stands in the terminal while the demo runs. Pure: a view in, lines out, none wider than the terminal.

import { stripVTControlCharacters } from "node:util";

import { grouped } from "../terminal/numbers.ts";
import { clip } from "../terminal/table.ts";
import type { Colors } from "../terminal/terminal.ts";
import { userName } from "./crowd.ts";
import type { AcceptedPolicy } from "./policy-file.ts";
import { unexplained } from "./agreement.ts";
import { shadowLines } from "./shadow-table.ts";
import { storyLines, type Story } from "./story.ts";
import type { Tally } from "./tally.ts";
import { tableLines, type Figures } from "./table.ts";

/** One moment of the demo. */
export interface View extends Figures {
  readonly envoyVersion: string;
  readonly port: number;
  readonly adminPort: number;
  readonly policyPath: string;
  /** Whether the policy has changed since the start. */
  readonly edited: boolean;
  readonly sinceMs: number;
  readonly notice: Notice | null;
  readonly examples: Examples;
  readonly story: Story;
}

/** What is to be said about the last edit. */
export interface Notice {
  /** `refused` and `absent` (no policy stands in the file): the last good policy keeps serving. */
  readonly kind: "refused" | "absent" | "warnings";
  readonly lines: readonly string[];
}

/** Whom the commands to try name. */
export interface Examples {
  /** A user who gets the default variants, if anybody does. */
  readonly stable: string;
  /** One who gets another variant; null when nobody does. */
  readonly canary: string | null;
  /** Whether there is a rollout to choose a variant of. */
  readonly choice: boolean;
}

const PROBLEMS_SHOWN = 3;
/** Lines of one problem. */
const PROBLEM_LINES = 3;

/** The whole picture; where the terminal is low, what can be missed goes. */
export function liveFrame(view: View, width: number, height: number, colors: Colors): string {
  const { dim, bold } = colors;
  const title = ` ${bold("Serin")} in Envoy ${view.envoyVersion}   ${bold(`http://localhost:${view.port}`)}   ${dim(`admin http://localhost:${view.adminPort}`)}`;
  const policy = ` ${dim("policy")}   ${bold(view.policyPath)}   ${dim("edit and save to apply it at once")}`;
  const sections: Section[] = [
    { needed: 9, lines: [title] },
    { needed: 9, lines: tableLines(view, width, colors) },
    { needed: 6, lines: shadowLines(view, width, colors) },
    { needed: 7, lines: storyLines(view.story, view, width, colors) },
    { needed: 5, lines: summaryLines(view, colors), joins: true },
    { needed: 2, lines: detailLines(view, colors), shrinks: true, follows: true },
    { needed: 8, lines: [policy], joins: true },
    { needed: 7, lines: noticeLines(view.notice, width, colors) },
    { needed: 3, lines: exampleLines(view, colors), shrinks: true, joins: view.notice === null },
    {
      needed: 4,
      lines: [dim(" share of users: the client's count; others: Envoy's counters. Ctrl-C to stop.")],
      joins: true,
    },
  ];
  return arrange(sections, height)
    .map((line) => fit(line, width))
    .join("\n");
}

/** Lines that belong together; those that are needed least go first. */
interface Section {
  readonly needed: number;
  readonly lines: readonly string[];
  /** Goes line by line, from its end. */
  readonly shrinks?: boolean;
  /** Does without the blank line before it where the terminal is low. */
  readonly joins?: boolean;
  /** Has never one. */
  readonly follows?: boolean;
}

/** The sections with a blank line between them, as many as there is room for. */
function arrange(sections: readonly Section[], height: number, isTight = false): string[] {
  const filled = sections.filter(({ lines }) => lines.length > 0);
  const lines = filled.flatMap((section, index) => {
    const isApart = index > 0 && section.follows !== true && !(isTight && section.joins === true);
    return isApart ? ["", ...section.lines] : section.lines;
  });
  if (lines.length <= height) return lines;
  if (!isTight) return arrange(filled, height, true);
  const least = Math.min(...filled.map(({ needed }) => needed));
  if (filled.every(({ needed }) => needed === least))
    return [...lines.slice(0, Math.max(0, height - 1)), " …"];
  const fewer = filled.map((section) =>
    section.needed > least
      ? section
      : { ...section, lines: section.shrinks === true ? section.lines.slice(0, -1) : [] },
  );
  return arrange(fewer, height, true);
}

/** What happened since the policy last changed. */
export function summaryLines(
  view: Pick<View, "tally" | "edited" | "sinceMs" | "rollbacks">,
  colors: Colors,
): string[] {
  const { tally } = view;
  const since = view.edited ? "since the policy changed" : "since the start";
  const seconds = Math.floor(view.sinceMs / 1000);
  const failed = `${grouped(tally.failed)} failed`;
  return [
    ` ${since}, ${seconds} s ago: ${grouped(tally.visits)} requests of ${grouped(tally.users)} users, ${tally.failed > 0 ? colors.red(failed) : failed}`,
    ` ${agreementLine(view, colors)}`,
  ];
}

/** What else there is to say of it. */
export function detailLines({ tally, edited }: Pick<View, "tally" | "edited">, colors: Colors): string[] {
  const forged = ` ${grouped(tally.forged)} of the requests forged Serin's headers, without effect`;
  return [
    ...(edited ? [` ${movesLine(tally)}`] : []),
    ...(tally.differing === 0 ? [colors.dim(forged)] : []),
  ];
}

/** `moved by the change: checkout 150 users stable → canary` */
function movesLine(tally: Tally): string {
  const moves = tally.moves();
  if (moves.length === 0) return "users moved by the change: none so far";
  const told = moves.map(({ rollout, from, to, users }, index) => {
    const whose = moves[index - 1]?.rollout === rollout ? "" : `${rollout} `;
    return `${whose}${grouped(users)} ${from} → ${to}`;
  });
  return `users moved by the change: ${told.join(", ")}`;
}

function agreementLine({ tally, rollbacks }: Pick<View, "tally" | "rollbacks">, colors: Colors): string {
  if (tally.differing > 0) {
    return colors.red(
      `${grouped(tally.differing)} answers differ from serin decide: ${tally.firstDifference ?? ""}`,
    );
  }
  const [stray] = unexplained(tally, rollbacks);
  if (stray !== undefined) {
    return colors.red(
      `${grouped(stray.requests)} requests of ${stray.rollout} got the default, but no guard has rolled back`,
    );
  }
  if (tally.inconstant > 0) return colors.red(`${grouped(tally.inconstant)} times a user's version changed`);
  return "each user keeps one version, the one that `serin decide` gives";
}

function noticeLines(notice: Notice | null, width: number, colors: Colors): string[] {
  if (notice === null || notice.lines.length === 0) return [];
  if (notice.kind === "absent") {
    const text = `${notice.lines.join(", ")}; the last good policy keeps serving`;
    return wrap(text, width - 1, PROBLEM_LINES).map((line) => ` ${colors.yellow(line)}`);
  }
  const shown = notice.lines.slice(0, PROBLEMS_SHOWN).flatMap((line) => wrap(line, width - 3, PROBLEM_LINES));
  const paint = notice.kind === "refused" ? colors.red : colors.yellow;
  const more = notice.lines.length - PROBLEMS_SHOWN;
  return [
    ...(notice.kind === "refused"
      ? [` ${colors.bold(paint("refused"))}; the last good policy keeps serving`]
      : []),
    ...shown.map((line) => `  ${paint(line)}`),
    ...(more > 0 ? [colors.dim(`  and ${more} more: serin validate shows them`)] : []),
  ];
}

function exampleLines({ port, examples }: View, { dim }: Colors): string[] {
  const url = `localhost:${port}${EXAMPLE_PATH}`;
  const { stable, canary, choice } = examples;
  return [
    ` ${dim("user  ")}   curl -b uid=${stable} ${url}`,
    ...(canary === null ? [] : [` ${dim("canary")}   curl -b uid=${canary} ${url}`]),
    ...(choice ? [` ${dim("tester")}   curl -b uid=${stable} -H 'x-canary: canary' ${url}`] : []),
    ` ${dim("forger")}   curl -b uid=${stable} -H 'x-serin-checkout: canary' ${url}`,
  ];
}

/** Users to try by hand, found in what the policy says. */
export function findExamples({ plan, oracle }: Pick<AcceptedPolicy, "plan" | "oracle">): Examples {
  const defaults = new Map(plan.map((rollout) => [rollout.name, rollout.default]));
  const isDefault = (user: string): boolean =>
    [...oracle.expect(user, EXAMPLE_PATH).variants].every(
      ([rollout, variant]) => variant === defaults.get(rollout),
    );
  const users = Array.from({ length: LOOKED_AT }, (_, index) => userName(index + 1));
  const [anybody = ""] = users;
  return {
    stable: users.find(isDefault) ?? anybody,
    canary: users.find((user) => !isDefault(user)) ?? null,
    choice: oracle.expect(anybody, EXAMPLE_PATH).variants.size > 0,
  };
}

const EXAMPLE_PATH = "/checkout";
/** Users among whom an example is sought. */
const LOOKED_AT = 1000;

/** Breaks a line at blanks (or where it must), continued ones indented; what is over `most` lines is cut. */
export function wrap(text: string, width: number, most: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest !== "") {
    const room = width - (lines.length === 0 ? 0 : CONTINUED.length);
    const indent = lines.length === 0 ? "" : CONTINUED;
    if (rest.length <= room || lines.length === most - 1) {
      lines.push(indent + clip(rest, room));
      break;
    }
    const blank = rest.lastIndexOf(" ", room);
    const end = blank > room / 3 ? blank : room;
    lines.push(indent + rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

const CONTINUED = "  ";

/** A line that is too long loses its colours and its end, rather than breaking the picture. */
function fit(line: string, width: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= width ? line : clip(plain, width);
}
