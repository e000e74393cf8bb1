import type { Snapshot } from "../metrics/snapshot.ts";
import type { Decision } from "../verdict/decision.ts";
import type { Limits, ShadowLimits } from "../verdict/limits.ts";
import type { ShadowVerdict } from "../verdict/shadow.ts";
import type { Verdict } from "../verdict/verdict.ts";

/** A verdict that is ready to be written, as text, Markdown or JSON. */
export interface Report {
  /** Of rollouts and shadows together. */
  readonly decision: Decision;
  readonly verdict: Verdict;
  readonly shadows: ReadonlyMap<string, ShadowVerdict>;
  readonly snapshot: Snapshot;
  readonly limits: Limits & ShadowLimits;
  /** Where the figures are from, in words. */
  readonly origin: string;
  /** Why there is neither a rollout nor a shadow, when there is none. */
  readonly nothing: string | null;
}
