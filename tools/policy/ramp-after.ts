// `ramp.after`: what a ramp waits for before its first step.

import { member, type OrderedJson } from "../terminal/ordered-json.ts";

/** The shadow whose verdict has to be `pass`; null where the ramp names none. */
export function shadowBefore(ramp: OrderedJson | undefined): string | null {
  const shadow = member(member(ramp, "after"), "shadow");
  return typeof shadow === "string" ? shadow : null;
}
