// Where a snapshot comes from.

import { CommandError } from "../terminal/command-error.ts";
import { readChunks, TooLarge } from "../terminal/read-bounded.ts";
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

/** Envoy's configuration is some forty levels deep. */
const DEPTH_MAX = 512;

/** It answers, and does not give that: it keeps it to itself, or does not know it. */
export class NotGiven extends CommandError {}

/**
 * The text of an answer. @throws CommandError with the URL, what was found and what to do (`advice`), for anything but a
 * status of 200, for what takes too long or is too large
 */
async function fetchText(url: string, advice: string): Promise<string> {
  let found: string;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: "follow" });
    const text =
      answer.body === null
        ? ""
        : (await readChunks(answer.body as unknown as AsyncIterable<Uint8Array>)).toString("utf8");
    if (answer.ok) return text;
    const why = JSON.stringify(text.trim().slice(0, 200));
    throw new NotGiven(`${url}: status ${answer.status}, ${why}; ${advice}`);
  } catch (error) {
    if (error instanceof NotGiven) throw error;
    found = error instanceof TooLarge ? `the answer has ${error.message}` : failureOf(error as Error);
  }
  throw new CommandError(`${url}: ${found}; ${advice}`);
}

/** The JSON of an answer, as text: it is whole, and not so deep that reading it could exhaust the stack. */
export async function fetchJsonText(url: string, advice: string): Promise<string> {
  return (await fetchChecked(url, advice)).text;
}

/** The JSON of an answer, likewise. */
export async function fetchJson(url: string, advice: string): Promise<unknown> {
  return (await fetchChecked(url, advice)).value;
}

async function fetchChecked(
  url: string,
  advice: string,
): Promise<{ readonly text: string; readonly value: unknown }> {
  const text = await fetchText(url, advice);
  if (isDeeper(text, DEPTH_MAX)) {
    throw new CommandError(`${url}: the answer is nested more than ${DEPTH_MAX} levels deep; ${advice}`);
  }
  try {
    return { text, value: JSON.parse(text) as unknown };
  } catch {
    throw new CommandError(
      `${url}: the answer is not JSON: it begins with ${JSON.stringify(text.slice(0, 60))}; ${advice}`,
    );
  }
}

/** Whether some value of the JSON text lies below so many others. */
function isDeeper(text: string, levels: number): boolean {
  let depth = 0;
  let isInString = false;
  // Not by an expression: a string of megabytes, as a policy in /config_dump is, exhausts what one backtracks with.
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isInString) {
      if (character === "\\") at++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === "[" || character === "{") {
      if (++depth > levels) return true;
    } else if (character === "]" || character === "}") depth--;
  }
  return false;
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
