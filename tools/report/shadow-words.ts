// A shadow's verdict beside its figures, as text.

import { grouped } from "../terminal/numbers.ts";
import type { ShadowVerdict } from "../verdict/shadow.ts";
import { periodWords } from "./period-words.ts";

/** Places that are printed; the rest is counted. */
const MOST_PLACES = 10;

/** `judged by users (sample: identity): 3,210 with copies compared, evidence period 1 since …`, or `judged by copies: …`. */
export function judgedByWords({ by, copies, period, mismatch }: ShadowVerdict): string {
  if (by === "copies")
    return `judged by copies: ${grouped(copies.compared)} compared of ${grouped(copies.sent)} sent`;
  return `judged by users (sample: identity): ${grouped(mismatch.of)} with copies compared${periodWords(period)}`;
}

/** `differences by place: /total 31, /id 7`; null without any. */
export function placesWords({ places }: ShadowVerdict): string | null {
  if (places.length === 0) return null;
  const rest = places.length - MOST_PLACES;
  const listed = places.slice(0, MOST_PLACES).map(({ pointer, count }) => `${pointer} ${grouped(count)}`);
  return `differences by place: ${listed.join(", ")}${rest > 0 ? `, and ${rest} more` : ""}`;
}
