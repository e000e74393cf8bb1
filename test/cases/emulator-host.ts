// Runs a case on the emulator.

import {
  LogLevel,
  MetricType,
  Vm,
  type ClusterState,
  type HttpCall,
  type Stream,
  type StreamEnd,
} from "../../tools/emulator/index.ts";
import {
  EMPTY_CLUSTER,
  headerBytes,
  isChunked,
  SHADOW_CLUSTERS,
  splitUrl,
  type Case,
  type CaseRequest,
  type Ending,
  type Upstream,
} from "./case-file.ts";
import { filterModule } from "../support/filter.ts";
import type { CopyOutcome, Outcome, RequestOutcome } from "./judge.ts";

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

const NO_BYTES = Buffer.alloc(0);

/** Runs every request of the case, one after the other. A trap is thrown as it comes. */
export function runOnEmulator(run: Case): Outcome {
  let now = run.clock;
  const vm = Vm.load(filterModule(), {
    logLevel: LogLevel.Trace,
    clock: () => now,
    random: (size) => Buffer.alloc(size, run.random),
    clusters: clusterState,
  });
  const { root, accepted, problems } = vm.configure(run.policy);
  const requests = !accepted
    ? []
    : run.requests.map((request) => {
        const began = now;
        const stream = vm.request(root, {
          headers: headersOf(request),
          endOfStream: request.body === undefined && !["early", "tunnel"].includes(request.upstream.ending),
          ...(request.sourceAddress === null ? {} : { sourceAddress: withPort(request.sourceAddress) }),
        });
        if (request.body !== undefined) {
          stream.onRequestBody(headerBytes(request.body), false).onRequestBody(NO_BYTES, true);
        }
        const { httpCalls } = vm;
        const waited = (call: HttpCall): number =>
          Math.min(request.shadowUpstream.takes, call.timeoutMs || Infinity);
        const reach = (milliseconds: number): void => {
          const at = began + BigInt(milliseconds) * 1_000_000n;
          if (at > now) now = at;
        };
        const answerWhere = (holds: (call: HttpCall) => boolean): void => {
          for (const call of httpCalls.filter(holds)) {
            reach(waited(call));
            answer(call, request.shadowUpstream);
          }
        };
        // At the same time production is first.
        answerWhere((call) => waited(call) < request.upstream.takes);
        reach(request.upstream.takes);
        end(stream, request);
        answerWhere((call) => waited(call) >= request.upstream.takes);
        return outcomeOf(stream, httpCalls);
      });
  const stats = new Map<string, number>();
  const recorded = new Map<string, number[]>();
  for (const { type, name, value, recorded: values } of vm.metrics.all()) {
    if (type === MetricType.Histogram) recorded.set(name, values.map(Number));
    else stats.set(name, Number(BigInt.asIntN(64, value)));
  }
  return { accepted, problems, requests, stats, recorded };
}

function clusterState(name: string): ClusterState {
  return SHADOW_CLUSTERS.includes(name) ? "up" : name === EMPTY_CLUSTER ? "no-host" : "unknown";
}

/** As Envoy answers for an upstream that does so. */
function answer(call: HttpCall, { status, headers, ending, takes, body }: Upstream): void {
  if (takes > call.timeoutMs && call.timeoutMs > 0) {
    call.respond([[":status", "504"]], "upstream request timeout");
  } else if (ending === "no-answer") call.respond([[":status", "503"]], "upstream connect error");
  else if (ending === "cut") call.reset();
  else call.respond([[":status", String(status)], ...headers], ending === "empty" ? "" : body);
}

function copiesOf(calls: readonly HttpCall[]): Record<string, CopyOutcome> {
  return Object.fromEntries(
    // The first of a name: the second goes to production's own second instance.
    [...calls]
      .reverse()
      .map((call) => [
        (call.header("x-serin-shadow") ?? "").split(".")[0] ?? "",
        { gets: call.headers, body: Buffer.from(call.body).toString("latin1") },
      ]),
  );
}

/**
 * As Envoy's connection manager hands them on: pseudo headers first, names in lower case, blanks around values gone, no
 * `transfer-encoding`.
 */
function headersOf(request: CaseRequest): [string, string | Uint8Array][] {
  const { method, url, headers, body } = request;
  const { scheme, authority, path } = splitUrl(url);
  const length = body === undefined || isChunked(request) ? null : headerBytes(body).length;
  const pseudo: [string, string][] = [
    [":authority", authority],
    ...(method === "CONNECT" ? [] : [[":path", path] satisfies [string, string]]),
    [":method", method],
    [":scheme", scheme],
  ];
  return [
    ...pseudo,
    ...headers
      .map(([name, value]): [string, Uint8Array] => [name.toLowerCase(), trimmed(headerBytes(value))])
      .filter(([name]) => name !== "transfer-encoding"),
    ...(length === null ? [] : [["content-length", String(length)] satisfies [string, string]]),
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
  const body = Buffer.from(upstream.body);
  if (ending !== "client-leaves") {
    const status = ending === "no-answer" ? 503 : upstream.status;
    stream.onResponseHeaders([[":status", String(status)], ...upstream.headers], ending === "empty");
    if (ending === "whole" || ending === "early" || ending === "no-answer") {
      stream.onResponseBody(body, false).onResponseBody(NO_BYTES, true);
    } else if (ending === "trailers")
      stream.onResponseBody(body, false).onResponseTrailers([["x-ended", "1"]]);
    else if (ending !== "empty") stream.onResponseBody(body, false);
  }
  stream.done(STREAM_ENDS[ending]);
}

function outcomeOf(stream: Stream, calls: readonly HttpCall[]): RequestOutcome {
  return {
    decision: stream.decision,
    explanation: stream.explanation,
    gets: stream.requestHeaders.toPairs(),
    copies: copiesOf(calls),
    filterState: Object.fromEntries(stream.filterState),
    response: stream.responseHeaders?.toPairs() ?? null,
  };
}
