import { visible } from "../terminal/visible.ts";
import { describeProblem, type Problem } from "./problem.ts";
import type { Colors, Terminal } from "../terminal/terminal.ts";

/** Writes problems to stderr, one line each: `policy.json:14:21 /pointer: message`. */
export function reportProblems(problems: readonly Problem[], terminal: Terminal): void {
  const text = problems.map((problem) => `${coloured(problem, terminal.errorColors)}\n`).join("");
  terminal.stderr.write(text);
}

function coloured(problem: Problem, colors: Colors): string {
  const line = describeProblem(problem);
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const paint = problem.severity === "error" ? colors.red : colors.yellow;
  const message = line.slice(line.length - visible(problem.message).length);
  return colors.bold(place) + line.slice(place.length, line.length - message.length) + paint(message);
}
