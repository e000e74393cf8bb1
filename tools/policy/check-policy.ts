import * as limits from "../../assembly/vocabulary/limits.ts";
import * as codes from "../../assembly/vocabulary/problems.ts";
import { Vm, type MoreProblems, type Root, type VmOptions } from "../emulator/index.ts";
import { readPolicySource, type PolicySource } from "./policy-source.ts";
import type { Problem } from "./problem.ts";
import { readFileBounded, readInput } from "../terminal/read-bounded.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** A policy and the filter's judgement of it. */
export interface CheckedPolicy {
  readonly source: PolicySource;
  /** Errors, then warnings, each at its place in the file and in its order; as many as the filter names. */
  readonly problems: readonly Problem[];
  /** How many there are beyond those. */
  readonly more: MoreProblems;
  /** The filter with the policy in it; null when the policy is refused. */
  readonly filter: { readonly vm: Vm; readonly root: Root } | null;
}

/** Warnings that are mere hints. All others are faults of flags: flagd loads such a file, and the flag answers ERROR. */
export const HINTS: ReadonlySet<string> = new Set([
  codes.NO_IDENTITY,
  codes.LOGIN_MOVES_USERS,
  codes.CLIENT_ADDRESS,
  codes.NO_EFFECT,
  codes.UNKNOWN_NAME,
  codes.PORTABILITY,
]);

/**
 * The judgement of those who ask before they publish: what flagd accepts but cannot evaluate is refused, its problems
 * are errors, unless that was asked for.
 */
export function refuseFaults(given: CheckedPolicy, allowWarnings: boolean): CheckedPolicy {
  const checked = refuseNothing(given);
  if (allowWarnings) return checked;
  const problems = checked.problems.map((problem) =>
    HINTS.has(problem.code) ? problem : { ...problem, severity: "error" as const },
  );
  const refused = problems.some(({ severity }) => severity === "error");
  return { ...checked, problems: errorsFirst(problems), filter: refused ? null : checked.filter };
}

/** A file without a document is a file that was cut, or not written yet: Envoy takes it for a policy that does nothing. */
function refuseNothing(checked: CheckedPolicy): CheckedPolicy {
  const { source, filter, more } = checked;
  if (filter === null || source.json === null) return checked;
  // trim() takes a byte order mark for a blank too.
  const text = Buffer.from(source.json).toString("utf8").trim();
  if (text !== "" && text !== "null") return checked;
  const problem: Problem = {
    file: source.file,
    line: 1,
    column: 1,
    pointer: "",
    code: codes.TYPE,
    message: "the document is empty: {} is a policy that does nothing",
    severity: "error",
  };
  return { source, problems: errorsFirst([...checked.problems, problem]), more, filter: null };
}

/** Reads a policy file, `-` for standard input, and has the filter judge it. */
export async function checkPolicyFile(
  file: string,
  module: WebAssembly.Module,
  terminal: Terminal,
  options: VmOptions = {},
): Promise<CheckedPolicy> {
  const bytes = file === "-" ? await readInput(terminal.stdin) : await readFileBounded(file);
  return checkPolicy(readPolicySource(file, bytes), module, options);
}

/** A policy for Ambassador names services, and Envoy clusters. */
const IS_SERVICE = /^\/(rollouts\/[^/]+\/variants\/[^/]+|shadows\/[^/]+(\/noise)?)\/service$/;
const SERVICE_ADVICE =
  "; for Ambassador, serin ambassador --write-policy writes this policy with the cluster of each service";

/** Has the filter judge a policy that has been read. A filter that traps on it throws. */
export function checkPolicy(
  source: PolicySource,
  module: WebAssembly.Module,
  options: VmOptions = {},
): CheckedPolicy {
  const { file } = source;
  const early = source.problems.map((problem) => ({ file, ...problem }));
  if (source.json === null) {
    return { source, problems: early, more: { errors: source.more, warnings: 0 }, filter: null };
  }
  const vm = Vm.load(module, options);
  const { root, accepted, problems: logged, more } = vm.configure(source.json);
  const problems = logged.map(({ severity, code, pointer, offset, line, column, message }) => {
    const place = source.locate?.(offset) ?? { line, column };
    const advice = code === codes.UNKNOWN_KEY && IS_SERVICE.test(pointer) ? SERVICE_ADVICE : "";
    const said = `${message}${advice}`;
    return { file, line: place.line, column: place.column, pointer, code, message: said, severity };
  });
  if (!accepted && !problems.some((problem) => problem.severity === "error")) {
    // A refusal without a word would be a fault of the filter; the person must see that it is one.
    const message = "the filter refused the policy and did not say why";
    problems.push({ file, line: 1, column: 1, pointer: "", code: "internal", message, severity: "error" });
  }
  // What the reader of YAML hints at comes on top of what the filter names: the least severe are left out.
  const all = errorsFirst([...early, ...problems]);
  const left = all.slice(limits.PROBLEMS);
  const leftErrors = left.filter(({ severity }) => severity === "error").length;
  return {
    source,
    problems: all.slice(0, limits.PROBLEMS),
    more: { errors: more.errors + leftErrors, warnings: more.warnings + left.length - leftErrors },
    filter: accepted ? { vm, root } : null,
  };
}

/** Errors, then warnings that are faults of flags, then hints; each in its order. */
function errorsFirst(problems: readonly Problem[]): Problem[] {
  const rank = ({ severity, code }: Problem): number => (severity === "error" ? 0 : HINTS.has(code) ? 2 : 1);
  return [...problems].sort((a, b) => rank(a) - rank(b));
}
