// What an upstream does with a request: planted by flags for all of them, by headers or query for one.

import type { IncomingHttpHeaders } from "node:http";

/**
 * Names as on the command line (`--error-rate 0.1`), in a header (`x-up-error-rate`) and in a query (`up-error-rate`).
 * `x-up-v2-error-rate` and `up-v2-error-rate` are for the upstream of version v2 alone: a request that goes to several
 * of them can plant a difference.
 */
export const BEHAVIOURS = {
  status: "the answer's status; 200 unless said",
  latency: "MS before the answer, or MEDIAN,P99 of a distribution with a long tail",
  "error-rate": "share of requests, 0 to 1, that are answered with error-status",
  "error-status": "503 unless said",
  hang: "1: never answers",
  reset: "1: resets the connection (HTTP/2: the stream) instead of an answer; body: when the upload begins",
  cut: "length | chunked: half of the answer, then the connection ends",
  size: "bytes of the answer's body, instead of the echo",
  body: "TEXT of the answer's body, instead of the echo; {random} in it is another number each time",
  encoding:
    "gzip | gzip-1 | gzip-9 | gzip-named | gzip-members | gzip-twice | gzip-cut | gzip-bomb | deflate | deflate-raw | br: the answer's body is encoded; another word is only said",
  drip: "1: the answer's body comes in chunks of one byte",
  pace: "MS between the 16 KiB pieces of such a body",
  early: "1: answers without waiting for the upload's end",
  stream: "1: answers with the upload itself, each piece as it comes",
  planted: "share of requests, 0 to 1, whose echo says so, in a member that no other version's echo has",
  "user-cookie":
    "NAME of a cookie: the answer's x-user-id is its value up to the last dot, as of a signed session",
  bank: "URL: a POST to a path that ends in /pay asks it for the account and charges, before the answer",
  charges: "how often such a POST charges; 1 unless said",
  amount: "what each charge asks for; 20 unless said",
  ledger: "1: writes each POST to the standard output, as one line of JSON",
  grpc: "STATUS: a gRPC answer with a message and trailers; only,STATUS: trailers only",
} as const;

export type Behaviour = Partial<Record<keyof typeof BEHAVIOURS, string>>;

/** Flags, overlaid by the request's headers, overlaid by its query; what names the version above what does not. */
export function behaviourOf(
  flags: Behaviour,
  headers: IncomingHttpHeaders,
  url: string,
  version: string,
): Behaviour {
  const query = new URLSearchParams(url.includes("?") ? url.slice(url.indexOf("?")) : "");
  const found: Behaviour = { ...flags };
  for (const prefix of ["up", `up-${version}`]) {
    for (const name of Object.keys(BEHAVIOURS) as (keyof Behaviour)[]) {
      const header = headers[`x-${prefix}-${name}`];
      if (typeof header === "string") found[name] = header;
      const parameter = query.get(`${prefix}-${name}`);
      if (parameter !== null) found[name] = parameter;
    }
  }
  return found;
}

/** Milliseconds to wait: a constant, or drawn so that half are under the median and one in a hundred over the p99. */
export function drawLatency(latency: string | undefined): number {
  if (latency === undefined) return 0;
  const [median = 0, p99 = median] = latency.split(",").map(Number);
  if (p99 <= median || median <= 0) return median;
  const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return median * Math.exp((normal * Math.log(p99 / median)) / 2.326);
}
