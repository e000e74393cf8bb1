import type { Snapshot } from "../metrics/snapshot.ts";
import type { Limits } from "../verdict/limits.ts";
import type { Verdict } from "../verdict/verdict.ts";

/** A verdict that is ready to be written, as text, Markdown or JSON. */
export interface Report {
  readonly verdict: Verdict;
  readonly snapshot: Snapshot;
  readonly limits: Limits;
  /** Where the figures are from, in words. */
  readonly origin: string;
  /** Why there is no rollout, when there is none. */
  readonly nothing: string | null;
}
