import * as headerNames from "../../assembly/vocabulary/headers.ts";
import { BufferType, MapType, Status } from "./abi.ts";
import type { Context, HeaderChange, LocalReply } from "./context.ts";
import { HeaderMap, type HeaderPairs } from "./header-map.ts";
import { decisionIn, errorsIn, explanationIn, type LoggedError, type LogLine } from "./log.ts";
import type { Root } from "./root.ts";

/** What a request brings. */
export interface StreamRequest {
  /** With the pseudo headers `:authority`, `:path`, `:method`, `:scheme`. */
  readonly headers: HeaderPairs;
  /** No body follows. Default true. */
  readonly endOfStream?: boolean;
  /** The property `source.address`: `ip:port`, IPv6 in brackets. Without it the property is absent. */
  readonly sourceAddress?: string;
}

/** How a stream ended, where that is not what its response headers say. */
export interface StreamEnd {
  /** The property `response.code`; null for none. Default: the `:status` of the response. */
  readonly code?: number | null;
  /** The property `response.flags` (Envoy's bit set). Default 0. */
  readonly flags?: number;
  /** The property `response.code_details`. Default `via_upstream` for a stream with a response. */
  readonly codeDetails?: string;
  /** The property `upstream.address`, `ip:port`; null for none. Default: `192.0.2.1:80` for a stream with a response. */
  readonly upstreamAddress?: string | null;
  /** The property `upstream.request_attempt_count`. Default: 1 for a stream with a response, else 0. */
  readonly attempts?: number;
  /** `grpc-status` of the response's trailers; null: Envoy has no status at all. */
  readonly grpcStatus?: number | null;
}

/** Before the name of a response's header, as a property. */
const RESPONSE_HEADER = "response\0headers\0";

/** What gRPC makes of an HTTP status (grpc/grpc, doc/http-grpc-status-mapping.md). */
const GRPC_OF_HTTP: Readonly<Record<number, number>> = {
  ...{ 400: 13, 401: 16, 403: 7, 404: 12 },
  ...{ 429: 14, 502: 14, 503: 14, 504: 14 },
};
const GRPC_UNKNOWN = 2;

/** Whom Envoy sent a request to where a test does not say (RFC 5737). */
const UPSTREAM = "192.0.2.1:80";

/** Envoy's prefix of every filter state that a Wasm filter writes. */
const STATE_NAMESPACE = "wasm.";

/** What a stream asks of the VM that it runs in. */
export interface StreamHost {
  /** Runs an exported callback of the guest. @returns what it returned; 0 when the guest has none of that name */
  call(context: Context, callback: string, ...parameters: number[]): number;
  /** The stream is over. */
  close(stream: Stream): void;
}

/** One request and its response, as the filter chain of one Envoy worker sees them. */
export class Stream implements Context {
  readonly log: LogLine[] = [];
  /** Writes to header maps, oldest first. */
  readonly changes: HeaderChange[] = [];
  /** The request's headers as they are now: what the route and the upstream see. */
  readonly requestHeaders: HeaderMap;
  /** The response's headers as they are now: what the client sees; null before they came. */
  responseHeaders: HeaderMap | null = null;
  /** Filter state by full name (`wasm.serin.checkout`), UTF-8 text. */
  readonly filterState = new Map<string, string>();
  /** Calls of the foreign function `clear_route_cache`. */
  foreignClears = 0;
  /** Times that Envoy dropped its cached route: each foreign call and each write to the request's headers. */
  routeCacheClears = 0;
  /** The cached route was made before the latest filter state: Envoy would still use the old one. */
  routeIsStale = false;
  /** What the filter answered itself, in place of the upstream; null when it did not. */
  localReply: LocalReply | null = null;
  /** What the latest callback returned: 0 is Continue. */
  action = 0;
  ended = false;

  /** The request's trailers as they are now; null when it has none. */
  requestTrailers: HeaderMap | null = null;
  /** The response's trailers; null when it has none. */
  responseTrailers: HeaderMap | null = null;

  #phase:
    | "idle"
    | "request"
    | "request-body"
    | "trailers"
    | "response"
    | "response-body"
    | "response-trailers"
    | "log" = "idle";
  #body: Uint8Array | null = null;
  #end: StreamEnd = {};

  /** Made by `Vm.open` alone. */
  constructor(
    private readonly vm: StreamHost,
    readonly root: Root,
    readonly id: number,
    private readonly request: StreamRequest,
  ) {
    this.requestHeaders = new HeaderMap("request", request.headers);
  }

  /** The decision line as the filter wrote it (it does so at debug level), or null. */
  get decision(): string | null {
    return decisionIn(this.log);
  }

  /** The text of the explanation object (written at trace level), or null. */
  get explanation(): string | null {
    return explanationIn(this.log);
  }

  /** What the filter survived in this stream. */
  get errors(): LoggedError[] {
    return errorsIn(this.log);
  }

  /** `proxy_on_request_headers`; a stream that the codec refused never has it. */
  onRequestHeaders(): this {
    this.#phase = "request";
    const endOfStream = this.request.endOfStream ?? true;
    this.#call("proxy_on_request_headers", this.requestHeaders.size, endOfStream ? 1 : 0);
    return this;
  }

  /** `proxy_on_request_body`, when the filter wants it. */
  onRequestBody(body: Uint8Array, endOfStream: boolean): this {
    this.#body = body;
    this.#phase = "request-body";
    this.#call("proxy_on_request_body", body.length, endOfStream ? 1 : 0);
    this.#body = null;
    return this;
  }

  /** `proxy_on_request_trailers`. */
  onRequestTrailers(trailers: HeaderPairs): this {
    this.requestTrailers = new HeaderMap("request", trailers);
    this.#phase = "trailers";
    this.#call("proxy_on_request_trailers", this.requestTrailers.size);
    return this;
  }

  /** `proxy_on_response_headers`. `endOfStream` (no body follows) defaults to false. */
  onResponseHeaders(headers: HeaderPairs, endOfStream = false): this {
    this.responseHeaders = new HeaderMap("response", headers);
    this.#phase = "response";
    this.#call("proxy_on_response_headers", this.responseHeaders.size, endOfStream ? 1 : 0);
    return this;
  }

  /** `proxy_on_response_body`. */
  onResponseBody(body: Uint8Array, endOfStream: boolean): this {
    this.#body = body;
    this.#phase = "response-body";
    this.#call("proxy_on_response_body", body.length, endOfStream ? 1 : 0);
    this.#body = null;
    return this;
  }

  /** `proxy_on_response_trailers`. */
  onResponseTrailers(trailers: HeaderPairs = []): this {
    this.responseTrailers = new HeaderMap("response", trailers);
    this.#phase = "response-trailers";
    this.#call("proxy_on_response_trailers", this.responseTrailers.size);
    return this;
  }

  /** Ends the stream: log, done, delete, as far as the filter exports them. */
  done(end: StreamEnd = {}): this {
    if (this.ended) return this;
    this.ended = true;
    this.#end = end;
    this.#phase = "log";
    this.#call("proxy_on_log");
    this.#call("proxy_on_done");
    this.#call("proxy_on_delete");
    this.vm.close(this);
    return this;
  }

  /** A whole exchange that goes well: response headers of that status, an empty body, the end. */
  respond(status: number): this {
    return this.onResponseHeaders([[":status", String(status)]], true).done();
  }

  headers(mapType: number): HeaderMap | null {
    if (mapType === MapType.RequestHeaders && this.#phase === "request") return this.requestHeaders;
    if (mapType === MapType.RequestTrailers && this.#phase === "trailers") return this.requestTrailers;
    if (mapType === MapType.ResponseTrailers && this.#phase === "response-trailers")
      return this.responseTrailers;
    if (mapType === MapType.ResponseHeaders && this.#phase.startsWith("response"))
      return this.responseHeaders;
    return this.root.headers(mapType);
  }

  buffer(bufferType: number): Uint8Array | null {
    if (bufferType === BufferType.RequestBody) return this.#phase === "request-body" ? this.#body : null;
    if (bufferType === BufferType.ResponseBody) return this.#phase === "response-body" ? this.#body : null;
    return bufferType === BufferType.HttpCallResponseBody ? this.root.buffer(bufferType) : null;
  }

  property(path: string): Uint8Array | null {
    switch (path) {
      case "source\0address":
        return this.request.sourceAddress === undefined ? null : Buffer.from(this.request.sourceAddress);
      case "response\0code":
        return this.#responseCode();
      case "response\0flags":
        return int64(this.#end.flags ?? 0);
      case "response\0grpc_status":
        return this.#end.grpcStatus === null ? null : int64(this.#grpcStatus());
      case "response\0code_details": {
        const details = this.#end.codeDetails ?? (this.responseHeaders === null ? undefined : "via_upstream");
        return details === undefined ? null : Buffer.from(details);
      }
      case "upstream\0address": {
        const { upstreamAddress = this.responseHeaders === null ? null : UPSTREAM } = this.#end;
        return upstreamAddress === null ? null : Buffer.from(upstreamAddress);
      }
      case "upstream\0request_attempt_count":
        return int64(this.#end.attempts ?? (this.responseHeaders === null ? 0 : 1));
      case "plugin_root_id":
        return this.root.property(path);
      default:
        return path.startsWith(RESPONSE_HEADER)
          ? this.#responseHeader(path.slice(RESPONSE_HEADER.length))
          : this.#state(path);
    }
  }

  /** Readable in `proxy_on_log`, not in `proxy_on_done` (measured on 1.40.0). */
  #responseHeader(name: string): Uint8Array | null {
    const value = this.#phase === "log" ? this.responseHeaders?.get(name) : undefined;
    return value === undefined || value === null ? null : Buffer.from(value);
  }

  setProperty(path: string, value: Uint8Array): Status {
    const name = Buffer.from(STATE_NAMESPACE + path, "latin1").toString("utf8");
    this.filterState.set(name, Buffer.from(value).toString("utf8"));
    // What routes may match; the line for access logs is none of it.
    if (path.startsWith(headerNames.STATE_PREFIX)) this.routeIsStale = true;
    return Status.Ok;
  }

  headersChanged(change: HeaderChange): void {
    this.changes.push(change);
    if (change.mapType === MapType.RequestHeaders) this.#dropRoute();
  }

  answerRequest(reply: LocalReply): Status {
    this.localReply ??= reply;
    return Status.Ok;
  }

  clearRouteCache(): void {
    this.foreignClears++;
    this.#dropRoute();
  }

  #dropRoute(): void {
    this.routeCacheClears++;
    this.routeIsStale = false;
  }

  #responseCode(): Uint8Array | null {
    const status = this.#end.code === undefined ? this.responseHeaders?.get(":status") : this.#end.code;
    return status === undefined || status === null ? null : int64(Number(status));
  }

  /** Envoy has one for every answer: of the trailers, else of the headers, else made from the status. */
  #grpcStatus(): number {
    const said =
      this.responseTrailers?.get("grpc-status") ?? this.responseHeaders?.get("grpc-status") ?? null;
    if (this.#end.grpcStatus !== undefined || said !== null) return this.#end.grpcStatus ?? Number(said);
    const status = this.#responseCode();
    return GRPC_OF_HTTP[status === null ? 0 : Number(Buffer.from(status).readBigInt64LE())] ?? GRPC_UNKNOWN;
  }

  #state(path: string): Uint8Array | null {
    const name = path.startsWith("filter_state\0")
      ? path.slice("filter_state\0".length)
      : STATE_NAMESPACE + path;
    const value = this.filterState.get(Buffer.from(name, "latin1").toString("utf8"));
    return value === undefined ? null : Buffer.from(value, "utf8");
  }

  #call(callback: string, ...parameters: number[]): void {
    this.action = this.vm.call(this, callback, ...parameters);
    this.#phase = "idle";
  }
}

function int64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}
