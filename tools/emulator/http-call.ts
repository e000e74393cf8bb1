import type { Context } from "./context.ts";
import { HeaderMap, type HeaderPairs } from "./header-map.ts";

/** What a cluster can be: there, there without a healthy host, not there. */
export type ClusterState = "up" | "no-host" | "unknown";

/** What the guest asks to be sent, as Envoy sends it. */
export interface HttpCallRequest {
  readonly cluster: string;
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  readonly trailers: HeaderMap;
  readonly timeoutMs: number;
}

/** What answers a call, while `proxy_on_http_call_response` runs. */
export interface HttpCallAnswer {
  readonly headers: HeaderMap;
  readonly body: Uint8Array;
  /** Null when the answer has none. */
  readonly trailers: HeaderMap | null;
}

/** A call of `proxy_http_call` that was sent. Whoever holds the VM plays the upstream: nothing answers by itself. */
export class HttpCall {
  readonly cluster: string;
  /** As the upstream gets them, pseudo headers first. */
  readonly headers: readonly [name: string, value: string][];
  readonly body: Uint8Array;
  readonly trailers: readonly [name: string, value: string][];
  /** 0 is no timeout. Nothing waits for it: a test answers 504 where Envoy would. */
  readonly timeoutMs: number;

  /**
   * Made by the VM alone. `token` is unique among the open calls of `root`, not among those of other roots; `answered`
   * takes the answer to the guest, null when none will come.
   */
  constructor(
    readonly root: Context,
    readonly token: number,
    request: HttpCallRequest,
    private readonly answered: (answer: HttpCallAnswer | null) => void,
  ) {
    this.cluster = request.cluster;
    this.headers = request.headers.toPairs();
    this.body = request.body;
    this.trailers = request.trailers.toPairs();
    this.timeoutMs = request.timeoutMs;
  }

  /** The first header of that name, or null. */
  header(name: string): string | null {
    return this.headers.find(([other]) => other === name)?.[1] ?? null;
  }

  /** The answer has come. Envoy's own for a timeout is `:status` 504, for a refused connection or a reset 503. */
  respond(headers: HeaderPairs, body: Uint8Array | string = "", trailers?: HeaderPairs): void {
    this.answered({
      headers: new HeaderMap("response", headers),
      body: Buffer.from(body),
      trailers: trailers === undefined ? null : new HeaderMap("response", trailers),
    });
  }

  /** No answer will come, and none is made up (an answer that Envoy finds too large to buffer): zeros and no maps. */
  reset(): void {
    this.answered(null);
  }
}
