// Waiting until Envoys serve what was published, and which of them do not, and why.

import { setTimeout as sleep } from "node:timers/promises";

import { CommandError } from "../terminal/command-error.ts";
import { readStatus, type EnvoyStatus } from "./read-status.ts";

/** What became of a policy in one Envoy. */
export type Waited =
  | { readonly envoy: string; readonly word: "serves" }
  | { readonly envoy: string; readonly word: "refused"; readonly policy: string | null }
  | { readonly envoy: string; readonly word: "other"; readonly digest: string | null }
  | { readonly envoy: string; readonly word: "unreachable"; readonly failure: string };

export interface Published {
  readonly digest: string;
  readonly version: string;
}

const PAUSE_MS = 250;

/** Asks all of them until each serves it or has refused it, or the time is over. Resolves to what each does, in their order. */
export async function waitUntilServed(
  urls: readonly string[],
  published: Published,
  seconds: number,
): Promise<Waited[]> {
  const end = Date.now() + seconds * 1000;
  return Promise.all(urls.map((url) => waitFor(url, published, end)));
}

async function waitFor(url: string, published: Published, end: number): Promise<Waited> {
  let before: Waited["word"] | null = null;
  for (;;) {
    const now = await lookAt(url, published);
    // One look may meet the moment in which Envoy has the policy and its filter has not loaded it yet.
    const isRefused = now.word === "refused" && before === "refused";
    if (now.word === "serves" || isRefused || Date.now() + PAUSE_MS > end) return now;
    before = now.word;
    await sleep(PAUSE_MS);
  }
}

async function lookAt(url: string, { digest, version }: Published): Promise<Waited> {
  let status: EnvoyStatus;
  try {
    status = await readStatus(url);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { envoy: url, word: "unreachable", failure: error.message };
  }
  if (status.serves.digest === digest) return { envoy: url, word: "serves" };
  if (status.refused?.version === version) {
    return { envoy: url, word: "refused", policy: status.refused.policy };
  }
  return { envoy: url, word: "other", digest: status.serves.digest };
}
