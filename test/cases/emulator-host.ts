// Runs a case on the emulator.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { LogLevel, MetricType, Vm, type Stream, type StreamEnd } from "../../tools/emulator/index.ts";
import { headerBytes, splitUrl, type Case, type CaseRequest, type Ending } from "./case-file.ts";
import type { Outcome, RequestOutcome } from "./judge.ts";

const WASM = resolve(import.meta.dirname, "../../build/serin.wasm");
let compiled: WebAssembly.Module | null = null;

/** The filter as built. */
export function filterModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(process.env["SERIN_WASM"] ?? WASM));
  return compiled;
}

/** Envoy's response flags, as bits (facts/envoy.md 9 and 17). */
const FLAG_UPSTREAM_RESET = 1 << 6;
const FLAG_CLIENT_LEFT = 1 << 14;
const FLAG_PROTOCOL_ERROR = 1 << 23;

/** How a stream's end reads in its properties, where that is not what the response says. */
const STREAM_ENDS: Partial<Record<Ending, StreamEnd>> = {
  "no-answer": {
    flags: FLAG_UPSTREAM_RESET,
    codeDetails: "upstream_reset_before_response_started{connection_termination}",
  },
  cut: { flags: FLAG_PROTOCOL_ERROR, codeDetails: "upstream_reset_after_response_started{protocol_error}" },
  "client-leaves": { code: null, flags: FLAG_CLIENT_LEFT, codeDetails: "downstream_remote_disconnect" },
  "client-leaves-midway": { flags: FLAG_CLIENT_LEFT, codeDetails: "downstream_remote_disconnect" },
  upgrade: { flags: FLAG_CLIENT_LEFT, codeDetails: "downstream_remote_disconnect" },
  tunnel: { flags: FLAG_CLIENT_LEFT, codeDetails: "downstream_remote_disconnect" },
};

const BODY = Buffer.from("answer");
const NO_BYTES = Buffer.alloc(0);

/** Runs every request of the case, one after the other. A trap is thrown as it comes. */
export function runOnEmulator(run: Case): Outcome {
  let now = run.clock;
  const vm = Vm.load(filterModule(), {
    logLevel: LogLevel.Trace,
    clock: () => now,
    random: (size) => Buffer.alloc(size, run.random),
  });
  const { root, accepted, problems } = vm.configure(run.policy);
  const requests = !accepted
    ? []
    : run.requests.map((request) => {
        const stream = vm.request(root, {
          headers: headersOf(request),
          endOfStream: request.upstream.ending !== "early" && request.upstream.ending !== "tunnel",
          ...(request.sourceAddress === null ? {} : { sourceAddress: withPort(request.sourceAddress) }),
        });
        now += BigInt(request.upstream.takes) * 1_000_000n;
        end(stream, request);
        return outcomeOf(stream);
      });
  const stats = new Map<string, number>();
  const recorded = new Map<string, number[]>();
  for (const { type, name, value, recorded: values } of vm.metrics.all()) {
    if (type === MetricType.Histogram) recorded.set(name, values.map(Number));
    else stats.set(name, Number(BigInt.asIntN(64, value)));
  }
  return { accepted, problems, requests, stats, recorded };
}

/** As Envoy's codec hands them on: pseudo headers first, names in lower case, blanks around values gone. */
function headersOf({ method, url, headers }: CaseRequest): [string, string | Uint8Array][] {
  const { scheme, authority, path } = splitUrl(url);
  const pseudo: [string, string][] = [
    [":authority", authority],
    ...(method === "CONNECT" ? [] : [[":path", path] satisfies [string, string]]),
    [":method", method],
    [":scheme", scheme],
  ];
  return [
    ...pseudo,
    ...headers.map(([name, value]): [string, Uint8Array] => [
      name.toLowerCase(),
      trimmed(headerBytes(value)),
    ]),
  ];
}

function trimmed(bytes: Buffer): Buffer {
  let begin = 0;
  let { length } = bytes;
  while (begin < length && isBlank(bytes[begin])) begin++;
  while (length > begin && isBlank(bytes[length - 1])) length--;
  return bytes.subarray(begin, length);
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

function withPort(address: string): string {
  return address.includes(":") ? `[${address}]:0` : `${address}:0`;
}

function end(stream: Stream, { upstream }: CaseRequest): void {
  const { ending } = upstream;
  if (ending !== "client-leaves") {
    const status = ending === "no-answer" ? 503 : upstream.status;
    stream.onResponseHeaders([[":status", String(status)], ...upstream.headers], ending === "empty");
    if (ending === "whole" || ending === "early" || ending === "no-answer") {
      stream.onResponseBody(BODY, false).onResponseBody(NO_BYTES, true);
    } else if (ending === "trailers") stream.onResponseBody(BODY, false).onResponseTrailers(1);
    else if (ending !== "empty") stream.onResponseBody(BODY, false);
  }
  stream.done(STREAM_ENDS[ending]);
}

function outcomeOf(stream: Stream): RequestOutcome {
  return {
    decision: stream.decision,
    explanation: stream.explanation,
    gets: stream.requestHeaders.toPairs(),
    filterState: Object.fromEntries(stream.filterState),
    response: stream.responseHeaders?.toPairs() ?? null,
  };
}
