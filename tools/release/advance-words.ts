// What a look comes to, for people and as JSON.

import type { Printable } from "../terminal/ordered-json.ts";
import { exactPercent } from "../terminal/numbers.ts";
import type { Colors, Terminal } from "../terminal/terminal.ts";
import { visible } from "../terminal/visible.ts";
import type { Look } from "./advance.ts";
import type { NextAction } from "./next-action.ts";

type Done = Look["actions"][number];

/** One line for each variant and for what was done beside; what is wrong goes to standard error. */
export function lookInWords(
  { silent, actions, notes }: Look,
  isDryRun: boolean,
  { colors, errorColors }: Pick<Terminal, "colors" | "errorColors">,
): { readonly toStdout: readonly string[]; readonly toStderr: readonly string[] } {
  const faults = notes.filter(({ isFault }) => isFault).map(({ text }) => errorColors.red(text));
  return {
    toStdout: [
      ...actions.map((action) => actionLine(action, isDryRun, colors)),
      ...notes.filter(({ isFault }) => !isFault).map(({ text }) => text),
    ],
    toStderr: [
      ...silent.map(({ name, why }) => errorColors.yellow(`${visible(name)}: unreachable: ${visible(why)}`)),
      ...faults,
    ],
  };
}

/** What has to change for a line to be told again while it goes on watching: figures alone do not. */
export function lookKey(look: Look): string {
  const plain = (text: string): string => text.replace(/[\d.,]+/g, "#");
  return JSON.stringify([
    look.silent.map(({ name }) => name),
    look.actions.map(({ rollout, variant, from, action, reason }) => [
      rollout,
      variant,
      from,
      action,
      plain(reason),
    ]),
    look.notes.map(({ text }) => text),
  ]);
}

function actionLine(
  { rollout, variant, from, action, reason, details, done }: Done,
  isDryRun: boolean,
  colors: Colors,
): string {
  const name = `${visible(rollout)}/${visible(variant)}`;
  const more = details.length === 0 ? "" : `\n${details.map((text) => `  ${text}`).join("\n")}`;
  const would = isDryRun ? "would go " : done ? "" : "not changed: ";
  if ("to" in action) {
    const move = `${would}${from === null ? "not begun" : exactPercent(from / 100)} -> ${exactPercent(action.to / 100)}`;
    return `${name}: ${action.kind === "rollback" ? colors.red(move) : colors.green(move)}: ${reason}${more}`;
  }
  if (action.kind === "disable") return `${name}: ${colors.red(`${would}state: DISABLED`)}: ${reason}${more}`;
  if (action.kind === "wait") return `${name}: ${standing(from)}: ${reason}${more}`;
  return `${name}: ${action.kind === "stopped" ? colors.yellow(reason) : colors.green(reason)}`;
}

function standing(from: NextAction["from"]): string {
  return from === null ? "waits" : `stays at ${exactPercent(from / 100)}`;
}

/** `{ "at", "status", "variants": [ … ], "unreachable": [ … ], "notes": [ … ] }` */
export function lookAsJson(look: Look, isDryRun: boolean): Printable {
  return {
    at: look.at.toISOString(),
    status: look.status,
    ...(isDryRun ? { dryRun: true } : {}),
    variants: look.actions.map(({ rollout, variant, from, action, reason, details, done }) => ({
      rollout,
      variant,
      action: action.kind,
      from,
      ...("to" in action ? { to: action.to } : {}),
      changed: done,
      reason,
      details,
    })),
    unreachable: look.silent.map(({ name, why }) => ({ name, why })),
    notes: look.notes.map(({ text, isFault }) => ({ text, fault: isFault })),
  };
}
