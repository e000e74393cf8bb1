// What a process uses, as the system says it (Linux).

import { readdirSync, readFileSync } from "node:fs";

/** Nanoseconds that all threads of a process have run. */
export function ranNs(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return sum;
}

/** Resident memory. */
export function residentKb(pid: number): number {
  return statusKb(pid, "VmRSS");
}

/** Resident memory that is of no file: without the program's own code and constants, which are paged in as they are used. */
export function anonymousKb(pid: number): number {
  return statusKb(pid, "RssAnon");
}

function statusKb(pid: number, field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1] ?? NaN);
}

/**
 * The linear memories of all Wasm VMs of a process together. V8 reserves gigabytes for each and opens them page by page:
 * what can be written is followed by a forbidden range that large.
 */
export function guestKb(pid: number): number {
  const ranges = readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .flatMap((line) => {
      const found = /^([0-9a-f]+)-([0-9a-f]+) (\S{4})/.exec(line);
      if (found === null) return [];
      const [, from = "", to = "", mode = ""] = found;
      return [{ from: parseInt(from, 16), to: parseInt(to, 16), mode }];
    });
  let bytes = 0;
  ranges.forEach(({ from, to, mode }, i) => {
    const before = ranges[i - 1];
    const isReserve = mode.startsWith("---") && to - from > 2 ** 31;
    if (isReserve && before?.to === from && before.mode.startsWith("rw")) bytes += before.to - before.from;
  });
  return bytes / 1024;
}
