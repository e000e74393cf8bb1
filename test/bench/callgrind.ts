// Counts the instructions of a process under valgrind's callgrind: the command to start it, dumps while it runs, and what
// a dump says.

import { execFile, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Where instructions are spent; `guest`: the module's code, compiled by V8. */
export const FAMILIES = ["envoy", "malloc", "libc", "guest"] as const;
export type Family = (typeof FAMILIES)[number];

/** Instructions of all threads. */
export interface Cost {
  readonly total: number;
  readonly families: Readonly<Record<Family, number>>;
}

/** @throws Error that says what to install if valgrind, or the program that asks it for dumps, is missing */
export function requireCallgrind(programs: readonly string[] = ["valgrind", "vgdb"]): void {
  for (const program of programs) {
    const { error } = spawnSync(program, ["--help"], { stdio: "ignore" });
    if (error !== undefined)
      throw new Error(
        `there is no ${program} here: this bench counts instructions with valgrind's callgrind (on Debian and Ubuntu: apt-get install valgrind)`,
      );
  }
}

/** Callgrind for one process. Its files are in `folder`. */
export class Callgrind {
  constructor(private readonly folder: string) {}

  /** The same, with a line for each instruction: see `addressesIn`. */
  get commandByAddress(): readonly string[] {
    return [...this.command, "--dump-instr=yes", "--compress-pos=no"];
  }

  /** The begin of the command line, before the program. */
  get command(): readonly string[] {
    return [
      "valgrind",
      "--tool=callgrind",
      // V8 writes code while it runs.
      "--smc-check=all-non-file",
      // The start is many times faster when it is not counted.
      "--instr-atstart=no",
      `--callgrind-out-file=${join(this.folder, "callgrind.out")}`,
      `--vgdb-prefix=${join(this.folder, "vgdb")}`,
    ];
  }

  /** Begins to count. */
  async begin(pid: number): Promise<void> {
    await this.#ask(pid, "instrumentation", "on");
  }

  /** Sets all counts to 0. */
  async zero(pid: number): Promise<void> {
    await this.#ask(pid, "zero");
  }

  /** The counts since the last `zero` or `dump`. */
  async dump(pid: number): Promise<Cost> {
    return parseDump(await this.dumpText(pid));
  }

  /** As `dump`, as callgrind writes it. */
  async dumpText(pid: number): Promise<string> {
    const before = new Set(this.#dumps());
    await this.#ask(pid, "dump");
    const [name, ...others] = this.#dumps().filter((file) => !before.has(file));
    if (name === undefined || others.length > 0) throw new Error("callgrind did not write one dump");
    const file = join(this.folder, name);
    const text = readFileSync(file, "utf8");
    rmSync(file);
    return text;
  }

  #dumps(): string[] {
    return readdirSync(this.folder).filter((name) => /^callgrind\.out\.\d+$/.test(name));
  }

  async #ask(pid: number, ...command: string[]): Promise<void> {
    await run("vgdb", [`--vgdb-prefix=${join(this.folder, "vgdb")}`, `--pid=${pid}`, ...command]);
  }
}

/** What a function costs by itself. */
export interface FunctionCost {
  /** A file, `???` for code that belongs to none. */
  readonly object: string;
  /** Its address, for code without names. */
  readonly name: string;
  readonly cost: number;
}

/**
 * Reads a dump (valgrind's manual, "Callgrind Format Specification") and adds up the self cost of each function.
 * @throws Error if it is not a complete dump of instructions
 */
export function parseDump(text: string): Cost {
  const families: Record<Family, number> = { envoy: 0, malloc: 0, libc: 0, guest: 0 };
  for (const { object, name, cost } of functionsIn(text)) families[familyOf(object, name)] += cost;
  return { total: FAMILIES.reduce((sum, family) => sum + families[family], 0), families };
}

/** The functions of a dump, each once. @throws Error if it is not a complete dump of instructions */
export function functionsIn(text: string): FunctionCost[] {
  const names = new Map<string, string>();
  const functions = new Map<string, { object: string; name: string; cost: number }>();
  let event = -1;
  let positions = 1;
  let totals: number | null = null;
  let total = 0;
  let object = "";
  let name = "";
  let isCall = false;
  for (const line of text.split("\n")) {
    if (/^[\d+*-]/.test(line)) {
      // The line after `calls=` is the inclusive cost of that call: the called functions have their own lines.
      if (!isCall) {
        const cost = Number(line.split(" ")[positions + event] ?? 0);
        const key = `${object} ${name}`;
        const known = functions.get(key);
        if (known === undefined) functions.set(key, { object, name, cost });
        else known.cost += cost;
        total += cost;
      }
      isCall = false;
      continue;
    }
    const [, key, value = ""] = /^(\w+)(?:=|: *)(.*)$/.exec(line) ?? [];
    if (key === "events") event = value.split(" ").indexOf("Ir");
    else if (key === "positions") positions = value.split(" ").length;
    else if (key === "totals") totals = Number(value.split(" ")[event]);
    else if (key === "calls") isCall = true;
    else if (key === "ob") object = nameOf(names, "ob", value);
    else if (key === "fn") name = nameOf(names, "fn", value);
    // A name may be defined where it is called first.
    else if (key === "cob") nameOf(names, "ob", value);
    else if (key === "cfn") nameOf(names, "fn", value);
  }
  if (event < 0) throw new Error("the dump does not count instructions (Ir)");
  if (totals === null || Number.isNaN(totals)) throw new Error("the dump is not complete: it has no totals");
  if (totals !== total)
    throw new Error(`the dump's functions add up to ${total} instructions, not to ${totals}`);
  return [...functions.values()];
}

/** What the instructions at each address cost, from a dump of `commandByAddress`. */
export function addressesIn(text: string): [address: number, cost: number][] {
  if (!/^positions: instr line$/m.test(text)) throw new Error("the dump has no addresses");
  const costs: [number, number][] = [];
  let isCall = false;
  for (const line of text.split("\n")) {
    const [, address, cost] = /^(0x[0-9a-f]+) \d+ (\d+)$/.exec(line) ?? [];
    if (address !== undefined && !isCall) costs.push([Number(address), Number(cost)]);
    isCall = line.startsWith("calls=");
  }
  return costs;
}

/** `(7) name` defines 7, `(7)` refers to it. */
function nameOf(names: Map<string, string>, kind: "ob" | "fn", value: string): string {
  const [, id, name = ""] = /^\((\d+)\) ?(.*)$/.exec(value) ?? [];
  if (id === undefined) return value;
  const key = `${kind}${id}`;
  if (name !== "") names.set(key, name);
  return names.get(key) ?? "";
}

/**
 * Valgrind knows no object for Envoy's allocator, which has a section of its own, nor for the code that V8 generates. The
 * allocator is loaded with the program, below 4 GiB; V8's code is far above.
 */
function familyOf(object: string, name: string): Family {
  if (object === "???" || object === "") return Number(name) < 2 ** 32 ? "malloc" : "guest";
  return /\/(ld-linux|lib(c|m|pthread|rt|dl)\b)[^/]*$/.test(object) ? "libc" : "envoy";
}
