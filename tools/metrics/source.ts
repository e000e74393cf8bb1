// Where a snapshot comes from.

import { CommandError } from "../terminal/command-error.ts";
import type { Snapshot } from "./snapshot.ts";

export interface Source {
  /** For people: `http://127.0.0.1:9901`. */
  readonly name: string;
  /** Everything since the counters began. @throws CommandError when it does not answer */
  read(): Promise<Snapshot>;
  /** Whether readSpan waits for as long as the span is. */
  readonly waits: boolean;
  /** What was counted within a span of so many seconds that ends now, or begins now where it waits. */
  readSpan(seconds: number): Promise<Snapshot>;
}

const ANSWER_MS = 10_000;

/**
 * The text of an answer. @throws CommandError with the URL, what was found and what to do (`advice`), for anything but a
 * status of 200
 */
export async function fetchText(url: string, advice: string): Promise<string> {
  let found: string;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: "follow" });
    const text = await answer.text();
    if (answer.ok) return text;
    found = `status ${answer.status}, ${JSON.stringify(text.trim().slice(0, 200))}`;
  } catch (error) {
    found = failureOf(error as Error);
  }
  throw new CommandError(`${url}: ${found}; ${advice}`);
}

/** The JSON of an answer. */
export async function fetchJson(url: string, advice: string): Promise<unknown> {
  const text = await fetchText(url, advice);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new CommandError(
      `${url}: the answer is not JSON: it begins with ${JSON.stringify(text.slice(0, 60))}; ${advice}`,
    );
  }
}

/** `http://HOST:PORT/PATH` without a slash at its end; `HOST:PORT` alone is taken too. @throws CommandError */
export function endpointUrl(given: string, option: string): string {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `http://${given}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw new CommandError(`${option} ${JSON.stringify(given)}: must be like http://127.0.0.1:9901`);
  }
  return url.href.replace(/\/+$/, "");
}

function failureOf(error: Error): string {
  if (error.name === "TimeoutError") return `no answer within ${ANSWER_MS / 1000} s`;
  // fetch says "fetch failed", and why in its cause.
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  if (cause?.code === "ECONNREFUSED") return "connection refused";
  return cause?.message || cause?.code || error.message;
}
