// What Serin writes to Envoy's log, read as it comes: where a shadow's answers differ, and what a guard has rolled back.

import { open } from "node:fs/promises";

import { visible } from "../terminal/visible.ts";

/** What a line says of the first difference: a JSON Pointer, or words where there is none. */
export interface Mismatch {
  readonly shadow: string;
  readonly place: string;
}

/** A variant that its guard has rolled back. */
export interface Rollback {
  readonly rollout: string;
  readonly variant: string;
  /** When Envoy wrote the line, in milliseconds since 1970. */
  readonly at: number;
}

/** What has come since the last look. */
export interface LogNews {
  readonly mismatches: readonly Mismatch[];
  readonly rollbacks: readonly Rollback[];
}

interface ShadowLine {
  readonly shadow: {
    readonly name: string;
    readonly verdict: string;
    readonly production: number;
    readonly answer: number;
    readonly pointer?: string;
  };
}

interface GuardLine {
  readonly rollout: string;
  readonly variant: string;
  readonly guard: string;
}

const GUARD_LINE =
  /^\[(?<day>\d{4}-\d\d-\d\d) (?<time>[\d:.]+)\].*(?<json>\{"rollout":"[^"]*","variant":"[^"]*","guard":.*\})/;
const LINE_START = '{"shadow":{"name":';

/** The places of each shadow, as they were seen first. */
export class MismatchPlaces {
  readonly #places = new Map<string, Set<string>>();

  of(shadow: string): readonly string[] {
    return [...(this.#places.get(shadow) ?? [])];
  }

  add({ shadow, place }: Mismatch): void {
    const places = this.#places.get(shadow) ?? new Set();
    this.#places.set(shadow, places.add(place));
  }
}

/** Reads a log that grows: each call gives what has come since the last one. */
export class EnvoyLog {
  #offset = 0;
  #rest = Buffer.alloc(0);

  constructor(private readonly logFile: string) {}

  async next(): Promise<LogNews> {
    const file = await open(this.logFile);
    try {
      const { size } = await file.stat();
      const added = Buffer.alloc(Math.max(0, size - this.#offset));
      const { bytesRead } = await file.read(added, 0, added.length, this.#offset);
      this.#offset += bytesRead;
      const text = Buffer.concat([this.#rest, added.subarray(0, bytesRead)]);
      // The last line may be half written.
      const end = text.lastIndexOf(0x0a) + 1;
      this.#rest = text.subarray(end);
      const lines = text.subarray(0, end).toString().split("\n");
      return { mismatches: lines.flatMap(mismatchIn), rollbacks: lines.flatMap(rollbackIn) };
    } finally {
      await file.close();
    }
  }
}

/** The mismatch that a line of Envoy's log tells, if it does. */
export function mismatchIn(line: string): Mismatch[] {
  const start = line.indexOf(LINE_START);
  if (start < 0) return [];
  const { shadow } = JSON.parse(line.slice(start)) as ShadowLine;
  // A warning about a shadow begins alike.
  if (!shadow.verdict?.startsWith("mismatch")) return [];
  return [{ shadow: shadow.name, place: placeOf(shadow) }];
}

/** The rollback that a line of Envoy's log tells, if it does. Envoy writes the time of its time zone, which is ours. */
export function rollbackIn(line: string): Rollback[] {
  const { day = "", time = "", json = "" } = GUARD_LINE.exec(line)?.groups ?? {};
  if (json === "") return [];
  const { rollout, variant, guard } = JSON.parse(json) as GuardLine;
  return guard === "rolled back" ? [{ rollout, variant, at: new Date(`${day}T${time}`).getTime() }] : [];
}

function placeOf({ verdict, production, answer, pointer }: ShadowLine["shadow"]): string {
  if (verdict === "mismatch_status") return `status ${answer} instead of ${production}`;
  if (pointer === undefined) return "the bytes of the body";
  return pointer === "" ? "the whole answer" : visible(pointer);
}
