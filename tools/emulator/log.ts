import type { LogLevel } from "./abi.ts";

/** One line that the guest logged. */
export interface LogLine {
  readonly level: LogLevel;
  readonly text: string;
}

/** One fault in a policy, as the filter logs it. Lines and columns are 1-based, of the JSON text. */
export interface LoggedProblem {
  readonly severity: "error" | "warning";
  readonly code: string;
  /** JSON Pointer of the place. */
  readonly pointer: string;
  /** Byte offset in the JSON text. */
  readonly offset: number;
  readonly line: number;
  /** Counted in code points. */
  readonly column: number;
  readonly message: string;
}

/** Problems beyond those that are logged one by one. */
export interface MoreProblems {
  readonly errors: number;
  readonly warnings: number;
}

/** Something that the filter survived and that should not happen. */
export interface LoggedError {
  readonly code: string;
  readonly message: string;
}

const EXPLAIN_PREFIX = '{"explain":';

/** The problem lines among those logged, in order. */
export function problemsIn(lines: readonly LogLine[]): LoggedProblem[] {
  return lines
    .filter((line) => line.text.startsWith('{"severity":'))
    .map((line) => JSON.parse(line.text) as LoggedProblem);
}

/** How many more problems there are than those logged. */
export function moreProblemsIn(lines: readonly LogLine[]): MoreProblems {
  const line = lines.find(({ text }) => text.startsWith('{"more":'));
  if (line === undefined) return { errors: 0, warnings: 0 };
  return (JSON.parse(line.text) as { more: MoreProblems }).more;
}

/** The decision line as the filter wrote it, or null when there is none. */
export function decisionIn(lines: readonly LogLine[]): string | null {
  return lines.find((line) => line.text.startsWith('{"identity":'))?.text ?? null;
}

/** The text of the explanation object, or null when there is none. */
export function explanationIn(lines: readonly LogLine[]): string | null {
  const line = lines.find((candidate) => candidate.text.startsWith(EXPLAIN_PREFIX));
  return line === undefined ? null : line.text.slice(EXPLAIN_PREFIX.length, -1);
}

/** The survived errors among the lines logged. */
export function errorsIn(lines: readonly LogLine[]): LoggedError[] {
  return lines
    .filter((line) => line.text.startsWith('{"error":'))
    .map((line) => (JSON.parse(line.text) as { error: LoggedError }).error);
}
