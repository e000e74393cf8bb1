import { BufferType, MapType, Status } from "./abi.ts";
import type { Context, HeaderChange } from "./context.ts";
import type { HeaderMap } from "./header-map.ts";
import type { HttpCall, HttpCallAnswer } from "./http-call.ts";
import type { LogLine } from "./log.ts";

const TOKEN_MAX = 0xffffffff;

/** A root context: one configuration of the filter. */
export class Root implements Context {
  readonly log: LogLine[] = [];
  /** Streams that began with this root and have not ended. */
  liveStreams = 0;
  /** No new stream begins here; it is done when its last stream is. */
  retired = false;
  /** `proxy_on_done` has been called. */
  asked = false;
  /** It returned 0: the root stays, and gets the answers of its HTTP calls, until the guest calls `proxy_done`. */
  waits = false;
  /** Milliseconds between two ticks; 0 for none. */
  tickPeriodMs = 0;
  /** When its next tick is due, by the VM's clock. */
  nextTickNs = 0n;
  /** Deleted: no callback comes any more, and its HTTP calls are cancelled. */
  finished = false;
  /** Its HTTP calls that have no answer yet, by token. */
  readonly httpCalls = new Map<number, HttpCall>();
  /** What its maps and buffers of HTTP calls hold, while `proxy_on_http_call_response` runs. */
  answer: HttpCallAnswer | null = null;
  #lastToken = 0;
  #configuration: Uint8Array | null;

  /** `id` is the context's id in its VM, `rootId` the name that the operator gave. */
  constructor(
    readonly id: number,
    readonly rootId: string,
    configuration: Uint8Array,
    /** The plugin's `name` in Envoy's configuration. */
    readonly pluginName = "serin",
  ) {
    this.#configuration = configuration;
  }

  /** The configuration's bytes are readable while `proxy_on_configure` runs, and not kept after it. */
  endConfigure(): void {
    this.#configuration = null;
  }

  /** As Envoy: counts up, past 2^32 from 1 again, and never gives a token that is still in use. */
  nextToken(): number {
    do this.#lastToken = this.#lastToken >= TOKEN_MAX ? 1 : this.#lastToken + 1;
    while (this.httpCalls.has(this.#lastToken));
    return this.#lastToken;
  }

  headers(mapType: number): HeaderMap | null {
    if (mapType === MapType.HttpCallResponseHeaders) return this.answer?.headers ?? null;
    return mapType === MapType.HttpCallResponseTrailers ? (this.answer?.trailers ?? null) : null;
  }

  buffer(bufferType: number): Uint8Array | null {
    if (bufferType === BufferType.HttpCallResponseBody) return this.answer?.body ?? null;
    if (bufferType === BufferType.PluginConfiguration) return this.#configuration;
    return bufferType === BufferType.VmConfiguration ? new Uint8Array(0) : null;
  }

  property(path: string): Uint8Array | null {
    if (path === "plugin_name") return Buffer.from(this.pluginName, "utf8");
    return path === "plugin_root_id" ? Buffer.from(this.rootId, "utf8") : null;
  }

  setProperty(): Status {
    return Status.NotFound;
  }

  headersChanged(_change: HeaderChange): void {}

  clearRouteCache(): void {}

  answerRequest(): Status {
    return Status.Ok;
  }
}
