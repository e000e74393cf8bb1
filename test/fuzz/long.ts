// Fuzzing by chunks: each is of one kind and goes by its number and the seed, so that a run can be stopped and taken up again.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { LogLevel } from "../../tools/emulator/index.ts";
import { judgePairs } from "../contract/encoded-pairs.ts";
import { filterModule } from "../support/filter.ts";
import { seeded } from "../support/random.ts";
import { Coverage, type Instrumented } from "./coverage.ts";
import { keep } from "./explore.ts";
import { compareWithNode, Decoder } from "./inflate.ts";
import { mutated, poolOf, type Pool } from "./mutate.ts";
import { replay, type Session } from "./session.ts";

/** What a chunk did. */
export interface ChunkResult {
  readonly chunk: number;
  readonly kind: Kind;
  /** Policies, requests, answers, pieces of bodies, trailers and questions about flags; bodies; pairs of answers. */
  readonly inputs: number;
  readonly seconds: number;
  /** Branches of the filter that all chunks until now have taken; 0 without an instrumented filter. */
  readonly reached: number;
  /** Sessions that were kept since they took a new branch. */
  readonly kept: number;
  /** Milliseconds of the slowest session. */
  readonly slowest: number;
  /** What was found, a line each. */
  readonly findings: readonly string[];
}

/** Sessions that run in one VM, one behind the other. */
const PARTS = 6;

type Kind = "sessions" | "bodies" | "pairs";

export interface LongOptions {
  readonly seed: number;
  /** Inputs of a chunk, about. */
  readonly size: number;
  /** To be guided by what is reached; without it sessions are only made from cases, corpus and generators. */
  readonly instrumented?: Instrumented;
  /** The filter that is tried where it is not instrumented; default: the one that ships. */
  readonly module?: WebAssembly.Module;
  /** Where sessions that reach something new are kept from chunk to chunk, and read back when a run is taken up. */
  readonly folder?: string;
  /** What fails goes there, made smaller; default: the corpus. */
  readonly keepFinding?: (session: Session) => string;
}

/** Of twenty chunks one is of bodies, one of pairs. */
const kindOf = (chunk: number): Kind =>
  chunk % 20 === 7 ? "bodies" : chunk % 20 === 17 ? "pairs" : "sessions";

export class LongFuzz {
  readonly #options: LongOptions;
  readonly #coverage: Coverage | null;
  readonly #kept: Session[] = [];
  readonly #found = new Set<string>();
  readonly #pool: Pool;

  constructor(options: LongOptions) {
    this.#options = options;
    const { instrumented, folder } = options;
    this.#pool = poolOf(options.seed);
    this.#coverage = instrumented === undefined ? null : new Coverage(instrumented.branches);
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder).sort()) {
      const session = JSON.parse(readFileSync(join(folder, name), "utf8")) as Session;
      this.#kept.push(session);
      this.#coverage?.add(this.#replay(session));
    }
  }

  get reached(): number {
    return this.#coverage?.reached ?? 0;
  }

  async run(chunk: number): Promise<ChunkResult> {
    const kind = kindOf(chunk);
    const begin = performance.now();
    const seed = (Math.imul(this.#options.seed, 1_000_003) + chunk) & 0x7fffffff;
    const part = kind === "sessions" ? this.#runSessions(seed) : await this.#runPlain(kind, seed);
    const seconds = Math.round((performance.now() - begin) / 100) / 10;
    return { chunk, kind, kept: 0, slowest: 0, ...part, seconds, reached: this.reached };
  }

  async #runPlain(kind: Kind, seed: number): Promise<{ inputs: number; findings: readonly string[] }> {
    // A pair costs as much as dozens of steps of a session.
    const inputs = kind === "pairs" ? Math.ceil(this.#options.size / 20) : this.#options.size;
    const { faults } =
      kind === "pairs"
        ? judgePairs(seeded(seed), inputs)
        : await compareWithNode(await Decoder.load(), seeded(seed), inputs);
    return { inputs, findings: faults };
  }

  #runSessions(seed: number): Pick<ChunkResult, "inputs" | "kept" | "slowest" | "findings"> {
    const random = seeded(seed);
    const pool: Pool = { ...this.#pool, sessions: [...this.#pool.sessions, ...this.#kept] };
    const findings: string[] = [];
    let [inputs, kept, slowest] = [0, 0, 0];
    while (inputs < this.#options.size) {
      // Several in one VM: to make one takes as long as a dozen steps.
      const parts = Array.from({ length: PARTS }, () => mutated(pool, random));
      const session = { steps: parts.flatMap(({ steps }) => steps) };
      inputs += session.steps.filter((step) => !("waitMs" in step || "fail" in step)).length;
      const begin = performance.now();
      try {
        for (const part of this.#news(
          session,
          parts,
          random.below(16) === 0 ? LogLevel.Trace : LogLevel.Info,
        )) {
          kept++;
          pool.sessions.push(part);
          this.#keep(part);
        }
      } catch (error) {
        findings.push(...this.#note(session, error as Error));
      }
      slowest = Math.max(slowest, performance.now() - begin);
    }
    return { inputs, kept, slowest: Math.round(slowest), findings };
  }

  /** Runs a session. @returns those of its parts that take a branch which none did before, or itself where it takes both */
  #news(session: Session, parts: readonly Session[], level: LogLevel): readonly Session[] {
    const memory = this.#replay(session, level);
    if (this.#coverage?.wouldAdd(memory) !== true) return [];
    const news = parts.filter((part) => this.#coverage?.add(this.#replay(part, level)));
    return this.#coverage.add(memory) === 0 ? news : [...news, session];
  }

  #replay(session: Session, level: LogLevel = LogLevel.Info): WebAssembly.Memory {
    let memory: WebAssembly.Memory | undefined;
    const { instrumented, module } = this.#options;
    replay(session, level, instrumented?.module ?? module, (vm) => (memory = vm.memory));
    if (memory === undefined) throw new Error("there was no VM");
    return memory;
  }

  #keep(session: Session): void {
    this.#kept.push(session);
    const { folder } = this.#options;
    if (folder === undefined) return;
    const name = String(this.#kept.length).padStart(6, "0");
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(session));
  }

  /** The first of each sort is made smaller and kept. */
  #note(session: Session, error: Error): string[] {
    const sort = sortOf(error);
    if (this.#found.has(sort)) return [];
    this.#found.add(sort);
    const small = smaller(session, sort, this.#options.module);
    const keepFinding = this.#options.keepFinding ?? keep;
    return [`${sort}: test/fuzz/corpus/${keepFinding({ note: sort, steps: small.steps })}`];
  }
}

/** What an error is about, without the names of what was made up. */
function sortOf(error: Error): string {
  return (error.message.split("\n")[0] ?? "")
    .replace(/^\S+\.\S+: /, "")
    .replace(/: \S.*$/, "")
    .slice(0, 200);
}

/** Fewer steps that fail alike in the filter that ships; all of them where they do not fail there. */
function smaller(session: Session, sort: string, module = filterModule()): Session {
  const fails = (steps: Session["steps"]): boolean => {
    try {
      replay({ steps }, LogLevel.Info, module);
      return false;
    } catch (error) {
      return sortOf(error as Error) === sort;
    }
  };
  let steps = session.steps;
  for (let size = steps.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < steps.length;) {
      const without = [...steps.slice(0, at), ...steps.slice(at + size)];
      if (fails(without)) steps = without;
      else at += size;
    }
  }
  return { steps };
}
