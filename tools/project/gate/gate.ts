// The binary gate: reads a built module back and says whether it may ship.

import { statSync } from "node:fs";

import { checkSurface, readSurface, type Surface } from "./surface.ts";
import { disassemble, parseText } from "./text.ts";
import { findTraps, TRAP_KINDS, type Trap } from "./traps.ts";

/** What the gate found out about one module. */
export interface Verdict {
  bytes: number;
  surface: Surface;
  /** What the contract forbids, a sentence each. */
  faults: string[];
  /** Places that could trap. */
  traps: Trap[];
}

/**
 * Judges a built module.
 * @param shipped the module that ships: its size counts
 * @param named the same code with function names, for messages; `map` its source map
 */
export function judge(shipped: string, named = shipped, map?: string): Verdict {
  const module = parseText(disassemble(named, map));
  const surface = readSurface(module);
  const bytes = statSync(shipped).size;
  return { bytes, surface, faults: checkSurface(surface, bytes), traps: findTraps(module) };
}

/** One line a fault, one line a trap, grouped by kind. */
export function describeFaults(verdict: Verdict): string[] {
  const lines = [...verdict.faults];
  for (const kind of TRAP_KINDS) {
    const found = verdict.traps.filter((trap) => trap.kind === kind);
    if (found.length === 0) continue;
    lines.push(`${kind}: ${found.length}, must be 0`);
    for (const trap of found) {
      lines.push(`  ${trap.source ?? "(no source line)"}  in ${trap.inFunction}: ${trap.detail}`);
    }
  }
  return lines;
}
