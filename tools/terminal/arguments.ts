// What commands take: readers of options, which commander calls and whose faults it prints with the option's name.

import { InvalidArgumentError } from "@commander-js/extra-typings";

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** `90s`, `10m`, `1h30m` in seconds. @throws InvalidArgumentError */
export function readDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (SECONDS[unit ?? ""] ?? 0), 0);
  if (parts.map(([part]) => part).join("") !== text || !(seconds > 0)) {
    throw new InvalidArgumentError("Must be like 90s, 10m or 1h30m.");
  }
  return seconds;
}

/** A reader of numbers from `least` to `most`. The reader throws InvalidArgumentError. */
export function numberWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? NaN : Number(text);
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Must be a number from ${least} to ${most}.`);
  };
}

/** A TCP port; 0 takes a free one. @throws InvalidArgumentError */
export function port(text: string): number {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError("Must be a port, 0 to 65535.");
}

/** An option that may be repeated: all its values, in order. */
export function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value];
}

/** The examples at the end of a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}\n`).join("")}`;
}
