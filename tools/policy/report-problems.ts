import type { MoreProblems } from "../emulator/index.ts";
import { counted } from "../terminal/numbers.ts";
import { visible } from "../terminal/visible.ts";
import { describeProblem, type Problem } from "./problem.ts";
import type { Colors, Terminal } from "../terminal/terminal.ts";

/**
 * Writes problems to stderr, one line each: `policy.json:14:21 /pointer: message`. `more`: those that are not among
 * them, which are counted.
 */
export function reportProblems(problems: readonly Problem[], terminal: Terminal, more?: MoreProblems): void {
  const lines = problems.map((problem) => coloured(problem, terminal.errorColors));
  const others = [
    ...(more === undefined || more.errors === 0 ? [] : [counted(more.errors, "more error")]),
    ...(more === undefined || more.warnings === 0 ? [] : [counted(more.warnings, "more warning")]),
  ];
  if (others.length > 0) lines.push(`${visible(problems[0]?.file ?? "")}: ${others.join(", ")}`);
  terminal.stderr.write(lines.map((line) => `${line}\n`).join(""));
}

function coloured(problem: Problem, colors: Colors): string {
  const line = describeProblem(problem);
  const place = `${visible(problem.file)}:${problem.line}:${problem.column}`;
  const paint = problem.severity === "error" ? colors.red : colors.yellow;
  const message = line.slice(line.length - visible(problem.message).length);
  return colors.bold(place) + line.slice(place.length, line.length - message.length) + paint(message);
}
