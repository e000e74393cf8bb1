// Numbers as people read them.

/** 12345.6 as 12,346, whatever the machine's language. */
export function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A count with its noun: `1 request`, `1,200 requests`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * A part of 1 as percent: `1.25%`. Small ones keep two digits that are not 0; in a column `decimals` says how many
 * digits are behind the point.
 */
export function percent(part: number, decimals?: number): string {
  const value = part * 100;
  return `${decimals === undefined ? digits(value) : value.toFixed(decimals)}%`;
}

/** A part of 1 with the three decimals that a policy may have: `5%`, `0.125%`. */
export function exactPercent(part: number): string {
  return `${Number((part * 100).toFixed(3))}%`;
}

/** How many times as many: `1.29×`. */
export function multiple(ratio: number): string {
  if (ratio === Infinity) return "any number of ×";
  return `${ratio >= 100 ? grouped(ratio) : digits(ratio)}×`;
}

/** Milliseconds: `0.4 ms`, `310 ms`. */
export function milliseconds(value: number): string {
  return `${value === Infinity ? "any number of" : value < 10 ? digits(value) : grouped(value)} ms`;
}

/** Seconds as what a person waits: `40 s`, `14 min`, `3.5 h`, `2 days`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${digits(seconds / 3600)} h`;
  return `${grouped(seconds / 86_400)} days`;
}

/** Two digits that are not 0, and at most two behind the point for anything from 0.1 on. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 0.1) return String(Number(value.toFixed(size >= 10 ? 1 : 2)));
  return size < 1e-7 ? "0" : String(Number(value.toPrecision(2)));
}
