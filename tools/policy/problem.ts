import { visible } from "../terminal/visible.ts";
import type { Position } from "./line-index.ts";

/** One fault in a policy, in the file that the person wrote. The shape of `serin validate --json`. */
export interface Problem extends Position {
  /** The file's name as the person gave it, `-` for standard input. */
  readonly file: string;
  /** JSON Pointer of the place. */
  readonly pointer: string;
  /** One of assembly/vocabulary/problems.ts. */
  readonly code: string;
  readonly message: string;
  readonly severity: "error" | "warning";
}

/** A problem that has no file's name yet. */
export type PlacedProblem = Omit<Problem, "file">;

/** One step of a JSON Pointer, with what it has to escape. */
export function pointerStep(name: string | number): string {
  return `/${String(name).replace(/~/g, "~0").replace(/\//g, "~1")}`;
}

/** The name that a step of a JSON Pointer stands for. */
export function stepName(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** The problem as one line: `policy.json:14:21 /rollouts/checkout: message`. */
export function describeProblem(problem: Problem): string {
  const warning = problem.severity === "warning" ? "warning: " : "";
  const pointer = problem.pointer === "" ? "" : ` ${visible(problem.pointer)}`;
  return `${visible(problem.file)}:${problem.line}:${problem.column}${pointer}: ${warning}${visible(problem.message)}`;
}
