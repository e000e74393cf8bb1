import { isUtf8 } from "node:buffer";
import type { Writable } from "node:stream";

import { LogLevel, type Root, type Vm } from "../emulator/index.ts";
import { checkPolicyFile } from "./check-policy.ts";
import { CommandError } from "./command-error.ts";
import { loadFilter } from "./filter-module.ts";
import { linesOf, type Line } from "./lines.ts";
import { reportProblems } from "./report-problems.ts";
import { readRequest, RequestFault } from "./request.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Requests as JSON lines from stdin, decisions as JSON lines to stdout, in order. Resolves to 0, or 1 when the
 * policy is refused or a line was no request.
 */
export async function decide(options: { readonly policy: string }, terminal: Terminal): Promise<number> {
  if (options.policy === "-") throw new CommandError("--policy -: standard input holds the requests here");
  const checked = await checkPolicyFile(options.policy, loadFilter(), terminal, { logLevel: LogLevel.Debug });
  reportProblems(checked.problems, terminal);
  if (checked.filter === null) return 1;
  const decider = new Decider(checked.filter.vm, checked.filter.root);
  for await (const lines of linesOf(terminal.stdin)) {
    const decisions = lines.map((line) => decider.decide(line)).join("");
    if (!(await write(terminal.stdout, decisions))) break;
  }
  if (decider.faults === 0) return 0;
  terminal.stderr.write(`${decider.faults} of ${decider.lines} lines gave no decision\n`);
  return 1;
}

/** Decides line by line, and counts what went wrong. */
class Decider {
  lines = 0;
  faults = 0;
  readonly #wallClock: () => bigint;

  constructor(
    private readonly vm: Vm,
    private readonly root: Root,
  ) {
    this.#wallClock = vm.clock;
  }

  /** The decision of one line, or an error in its place; with a line break. */
  decide(line: Line): string {
    this.lines++;
    try {
      return `${this.#decision(line)}\n`;
    } catch (error) {
      this.faults++;
      const pointer = error instanceof RequestFault ? error.pointer : "";
      return `${JSON.stringify({ error: { line: this.lines, pointer, message: (error as Error).message } })}\n`;
    }
  }

  #decision(line: Line): string {
    if (line === null) throw new RequestFault("", "longer than 16 MiB");
    const { stream: request, time } = readRequest(parse(line));
    this.vm.clock = time === null ? this.#wallClock : () => time;
    const stream = this.vm.request(this.root, request);
    const { decision, errors } = stream;
    stream.done();
    if (decision !== null) return decision;
    throw new Error(errors[0]?.message ?? "the filter made no decision");
  }
}

function parse(line: Buffer): unknown {
  if (!isUtf8(line)) throw new RequestFault("", "not UTF-8");
  const text = line.toString("utf8");
  if (text.trim() === "") throw new RequestFault("", "an empty line");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RequestFault("", `not JSON: ${(error as Error).message}`);
  }
}

/** Waits for a slow reader. False when nobody reads any more. */
async function write(output: Writable, text: string): Promise<boolean> {
  if (output.destroyed || output.errored) return false;
  if (output.write(text)) return true;
  await new Promise<void>((resolve) => {
    const proceed = (): void => {
      output.off("drain", proceed).off("close", proceed);
      resolve();
    };
    output.on("drain", proceed).on("close", proceed);
  });
  return !output.destroyed;
}
