import { BufferType, Status } from "./abi.ts";
import type { Context, HeaderChange } from "./context.ts";
import type { HeaderMap } from "./header-map.ts";
import type { LogLine } from "./log.ts";

/** A root context: one configuration of the filter. */
export class Root implements Context {
  readonly log: LogLine[] = [];
  /** Streams that began with this root and have not ended. */
  liveStreams = 0;
  /** No new stream begins here; it is done when its last stream is. */
  retired = false;
  /** `proxy_on_done` has been called. */
  finished = false;
  #configuration: Uint8Array | null;

  /** `id` is the context's id in its VM, `rootId` the name that the operator gave. */
  constructor(
    readonly id: number,
    readonly rootId: string,
    configuration: Uint8Array,
  ) {
    this.#configuration = configuration;
  }

  /** The configuration's bytes are readable while `proxy_on_configure` runs, and not kept after it. */
  endConfigure(): void {
    this.#configuration = null;
  }

  headers(): HeaderMap | null {
    return null;
  }

  buffer(bufferType: number): Uint8Array | null {
    if (bufferType === BufferType.PluginConfiguration) return this.#configuration;
    return bufferType === BufferType.VmConfiguration ? new Uint8Array(0) : null;
  }

  property(path: string): Uint8Array | null {
    return path === "plugin_root_id" ? Buffer.from(this.rootId, "utf8") : null;
  }

  setProperty(): Status {
    return Status.NotFound;
  }

  headersChanged(_change: HeaderChange): void {}

  clearRouteCache(): void {}
}
