// Runs a property for a bounded time. FUZZ_SECONDS (8) bounds each property, FUZZ_SEED (fixed; `random` for another
// each time) says where it begins. What fails is made small and kept as a file of corpus/, which is replayed first.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";

import type { Session } from "./session.ts";

const CORPUS = join(import.meta.dirname, "corpus");
const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 8);
const SEED =
  process.env["FUZZ_SEED"] === "random"
    ? Date.now() & 0x7fffffff
    : Number(process.env["FUZZ_SEED"] ?? 20261123);

/** Tries values until the time is over. Throws what the smallest failing one shows, once it is kept. */
export function explore<T>(
  name: string,
  values: fc.Arbitrary<T>,
  check: (value: T) => void,
  toSession?: (value: T) => Session,
): void {
  let runs = 0;
  const begin = performance.now();
  const details = fc.check(
    fc.property(values, (value) => {
      runs += 1;
      check(value);
    }),
    {
      seed: SEED,
      numRuns: 2 ** 31 - 1,
      interruptAfterTimeLimit: SECONDS * 1000,
      markInterruptAsFailure: false,
    },
  );
  console.log(`${name}: ${runs} runs in ${((performance.now() - begin) / 1000).toFixed(1)} s, seed ${SEED}`);
  if (!details.failed) {
    if (runs === 0) throw new Error(`${name}: nothing was tried`);
    return;
  }
  const error =
    details.errorInstance instanceof Error ? details.errorInstance : new Error(String(details.errorInstance));
  const value = details.counterexample?.[0];
  if (value === undefined) throw error;
  if (toSession) {
    const kept = keep({ note: `${name}: ${firstLine(error)}`, ...toSession(value) });
    error.message += `\nkept as test/fuzz/corpus/${kept}; FUZZ_SEED=${details.seed} finds it again`;
  } else {
    error.message += `\nby ${fc.stringify(value)}; FUZZ_SEED=${details.seed} finds it again`;
  }
  throw error;
}

/** Every session of the corpus, by file name. */
export function readCorpus(): Map<string, Session> {
  const names = readdirSync(CORPUS).filter((name) => name.endsWith(".json"));
  return new Map(
    names.sort().map((name) => [name, JSON.parse(readFileSync(join(CORPUS, name), "utf8")) as Session]),
  );
}

/** Writes a session into the corpus. @returns the file's name */
export function keep(session: Session): string {
  const text = `${JSON.stringify(session, null, 1)}\n`;
  const name = `${createHash("sha256").update(JSON.stringify(session.steps)).digest("hex").slice(0, 12)}.json`;
  writeFileSync(join(CORPUS, name), text);
  return name;
}

function firstLine(error: Error): string {
  return error.message.split("\n")[0] as string;
}
