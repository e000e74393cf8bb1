// Figures as people read them. Null is a dash: there was nothing to tell it from.

const NONE = "–";

/** `12,345` */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** 0 to 1 as `5.2 %`. */
export function percent(part: number | null): string {
  if (part === null) return NONE;
  const value = part * 100;
  return `${value === 0 ? "0" : value.toFixed(Math.abs(value) < 10 ? (Math.abs(value) < 0.1 ? 2 : 1) : 1)} %`;
}

/** A share that somebody wrote: no more digits than it has. */
export function exactPercent(part: number | null): string {
  return part === null ? NONE : `${Number((part * 100).toFixed(3))} %`;
}

/** `0.4 – 1.1 %` */
export function between({ lower, upper }: { readonly lower: number; readonly upper: number }): string {
  return `${percent(lower).replace(" %", "")}–${percent(upper)}`;
}

/** `8.4 ms`, `310 ms`, `2.1 s` */
export function latency(ms: number | null): string {
  if (ms === null) return NONE;
  if (ms >= 1000) return `${Number((ms / 1000).toFixed(ms < 10_000 ? 2 : 1))} s`;
  return `${ms < 10 ? Number(ms.toFixed(1)) : count(ms)} ms`;
}

/** `9.8/s` */
export function rate(perSecond: number | null): string {
  if (perSecond === null) return NONE;
  return `${perSecond === 0 || perSecond >= 100 ? count(perSecond) : perSecond.toPrecision(2)}/s`;
}

/** `14:03:07` */
export function clock(at: number): string {
  return new Date(at).toLocaleTimeString("en-GB");
}

/** `40 s`, `14 min`, `3.5 h`, `2 days` */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Number((seconds / 3600).toFixed(1))} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
