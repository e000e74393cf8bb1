// Figures as people read them. Null is a dash: there was nothing to tell it from.

import * as numbers from "../../terminal/numbers.ts";

export { duration, grouped as count } from "../../terminal/numbers.ts";

const NONE = "–";

/** 0 to 1 as `5.2%`. One decimal is what a column of a phone has room for. */
export function percent(part: number | null): string {
  if (part === null) return NONE;
  return part === 0 ? "0%" : numbers.percent(part, Math.abs(part) < 0.001 ? 2 : 1);
}

/** A share as the policy has it. */
export function exactPercent(part: number | null): string {
  return part === null ? NONE : numbers.exactPercent(part);
}

/** `0.4–1.1%` */
export function between({ lower, upper }: { readonly lower: number; readonly upper: number }): string {
  return `${percent(lower).replace("%", "")}–${percent(upper)}`;
}

/** `0.79× (0.61–1.02×)` */
export function timesText(ratio: {
  readonly value: number | null;
  readonly lower: number;
  readonly upper: number | null;
}): string {
  const { value, lower, upper } = ratio;
  const least = numbers.multiple(lower);
  const range = upper === null ? `${least} or more` : `${least.replace("×", "")}–${numbers.multiple(upper)}`;
  return value === null ? range : `${numbers.multiple(value)} (${range})`;
}

/** `8.4 ms`, `310 ms`, `2.1 s` */
export function latency(ms: number | null): string {
  if (ms === null) return NONE;
  if (ms >= 1000) return `${Number((ms / 1000).toFixed(ms < 10_000 ? 2 : 1))} s`;
  return `${ms < 10 ? Number(ms.toFixed(1)) : numbers.grouped(ms)} ms`;
}

/** `9.8/s` */
export function rate(perSecond: number | null): string {
  if (perSecond === null) return NONE;
  return `${perSecond === 0 || perSecond >= 100 ? numbers.grouped(perSecond) : perSecond.toPrecision(2)}/s`;
}

/** `14:03:07` */
export function clock(at: number): string {
  return new Date(at).toLocaleTimeString("en-GB");
}

/** `2.3 of 200`: an e-value, and at which it is decided. Above a million, and below a tenth, how much does not matter. */
export function sureText({ eValue, limit }: { readonly eValue: number; readonly limit: number }): string {
  const value =
    eValue >= 1e6
      ? ">1e6"
      : eValue < 0.1
        ? "<0.1"
        : eValue < 10
          ? eValue.toFixed(1)
          : numbers.grouped(eValue);
  return `${value} of ${numbers.grouped(limit)}`;
}
