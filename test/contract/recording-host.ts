// A host that writes down every call of the filter, may answer any of them with an error, and calls the filter in any
// order: what the emulator, which behaves, cannot. The calls themselves are the emulator's.

import { Status, type LogLevel } from "../../tools/emulator/abi.ts";
import type { Context, LocalReply } from "../../tools/emulator/context.ts";
import { GuestMemory } from "../../tools/emulator/guest-memory.ts";
import { HeaderMap, type HeaderPairs } from "../../tools/emulator/header-map.ts";
import { hostCalls } from "../../tools/emulator/host-calls.ts";
import type { ClusterState, HttpCallAnswer, HttpCallRequest } from "../../tools/emulator/http-call.ts";
import { MetricIds, Metrics } from "../../tools/emulator/metrics.ts";
import { SharedData } from "../../tools/emulator/shared-data.ts";
import type { LogLine } from "../../tools/emulator/log.ts";
import { filterModule } from "../support/filter.ts";

type Call = (...parameters: (number | bigint)[]) => number;

/** Everything that a context can be asked for, in one bag: it is a root and a stream at once. */
export class Recorded implements Context {
  readonly log: LogLine[] = [];
  request: HeaderMap | null = null;
  requestTrailers: HeaderMap | null = null;
  response: HeaderMap | null = null;
  configuration: Uint8Array = new Uint8Array(0);
  requestBody: Uint8Array | null = null;
  responseBody: Uint8Array | null = null;
  answer: HttpCallAnswer | null = null;
  readonly properties = new Map<string, Uint8Array>();

  constructor(readonly id: number) {}

  headers(mapType: number): HeaderMap | null {
    if (mapType === 1) return this.requestTrailers;
    if (mapType === 6) return this.answer?.headers ?? null;
    if (mapType === 7) return this.answer?.trailers ?? null;
    return mapType === 0 ? this.request : mapType === 2 ? this.response : null;
  }

  buffer(bufferType: number): Uint8Array | null {
    if (bufferType === 0) return this.requestBody;
    if (bufferType === 1) return this.responseBody;
    if (bufferType === 4) return this.answer?.body ?? null;
    return bufferType === 7 ? this.configuration : null;
  }

  property(path: string): Uint8Array | null {
    return this.properties.get(path) ?? null;
  }

  setProperty(path: string, value: Uint8Array): Status {
    this.properties.set(`wasm.${path}`, Buffer.from(value));
    return Status.Ok;
  }

  headersChanged(): void {}
  clearRouteCache(): void {}

  /** What the filter answered itself. */
  reply: LocalReply | null = null;

  answerRequest(reply: LocalReply): Status {
    this.reply ??= reply;
    return Status.Ok;
  }
}

export interface HostOptions {
  readonly logLevel?: LogLevel;
  /** Wall clock, nanoseconds. */
  readonly clock?: () => bigint;
  /** Another build of the filter than the one that ships. */
  readonly module?: WebAssembly.Module;
}

/** One VM of the filter under a host that does as it is told. */
export class RecordingHost {
  /** Calls since `forget`, as `name argument argument`; entries of the filter's allocator are `allocate`. */
  calls: string[] = [];
  readonly lines: LogLine[] = [];
  readonly metrics = new Metrics();
  readonly metricIds = new MetricIds(this.metrics);
  readonly sharedData = new SharedData();
  /** Off for a million requests. */
  isRecording = true;
  /** HTTP calls that were sent; the token of each is its place, from 1. */
  readonly httpCalls: HttpCallRequest[] = [];
  clusters: (name: string) => ClusterState = () => "up";
  /** A status makes the host answer so without doing anything; null lets the call through. */
  answer: (name: string) => number | null = () => null;
  now: bigint;

  readonly #exports: WebAssembly.Exports;
  readonly #memory: GuestMemory;
  readonly #contexts = new Map<number, Recorded>();
  readonly #metricNames = new Map<number, string>();
  readonly #roots = new Set<number>();
  #current = new Recorded(0);

  constructor(options: HostOptions = {}) {
    this.now = 1_795_000_000_000_000_000n;
    const imports = hostCalls(() => state) as Record<string, Record<string, Call>>;
    const recorded = Object.entries(imports).map(([module, calls]): [string, Record<string, Call>] => [
      module,
      Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, this.#record(name, call)])),
    ]);
    this.#exports = new WebAssembly.Instance(
      options.module ?? filterModule(),
      Object.fromEntries(recorded),
    ).exports;
    const allocate = this.#exports["proxy_on_memory_allocate"] as (size: number) => number;
    this.#memory = new GuestMemory(this.#exports["memory"] as WebAssembly.Memory, (size) => {
      if (this.isRecording) this.calls.push("allocate");
      return allocate(size);
    });
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the state's getters read this host
    const host = this;
    const state = {
      get current(): Recorded {
        return host.#current;
      },
      clock: options.clock ?? ((): bigint => host.now),
      memory: this.#memory,
      metricIds: this.metricIds,
      logLevel: options.logLevel ?? 2,
      random: (size: number): Uint8Array =>
        Buffer.alloc(size, Buffer.from("00112233445566778899aabbccddeeff", "hex")),
      onLog: (line: LogLine): void => void this.lines.push(line),
      clusters: (name: string): ClusterState => host.clusters(name),
      sendHttpCall: (request: HttpCallRequest): number => host.httpCalls.push(request),
      sharedData: this.sharedData,
      setTickPeriod: (): void => {},
      finishRoot: (): boolean => true,
    };
    (this.#exports["_initialize"] as () => void)();
  }

  /** Bytes of the guest's memory. */
  get memorySize(): number {
    return this.#memory.size;
  }

  /** The context of an id, made when it is new. */
  context(id: number): Recorded {
    let context = this.#contexts.get(id);
    if (context === undefined) {
      context = new Recorded(id);
      this.#contexts.set(id, context);
    }
    return context;
  }

  forget(id?: number): void {
    this.calls = [];
    if (id !== undefined) this.#contexts.delete(id);
  }

  /** Runs a callback as the context `id`; 0 when it returns nothing, or is not exported. */
  call(callback: string, id: number, ...parameters: number[]): number {
    const exported = this.#exports[callback] as ((...parameters: number[]) => number | undefined) | undefined;
    this.#current = this.context(id);
    return exported?.(id, ...parameters) ?? 0;
  }

  /** Creates a root and configures it. @returns whether the policy was accepted */
  configure(id: number, policy: object | string): boolean {
    const context = this.context(id);
    this.#roots.add(id);
    context.configuration = Buffer.from(typeof policy === "string" ? policy : JSON.stringify(policy), "utf8");
    this.call("proxy_on_context_create", id, 0);
    this.call("proxy_on_vm_start", id, 0);
    const accepted = this.call("proxy_on_configure", id, context.configuration.length) !== 0;
    context.configuration = new Uint8Array(0);
    return accepted;
  }

  /** Creates a stream and hands it its request headers. @returns what the filter answered */
  begin(id: number, root: number, headers: HeaderPairs): number {
    this.call("proxy_on_context_create", id, root);
    return this.request(id, headers);
  }

  request(id: number, headers: HeaderPairs): number {
    const context = this.context(id);
    context.request = new HeaderMap("request", headers);
    const action = this.call("proxy_on_request_headers", id, context.request.size, 1);
    return action;
  }

  /** Response headers that end the response. */
  respond(id: number, status: number): number {
    const context = this.context(id);
    context.response = new HeaderMap("response", [[":status", String(status)]]);
    const code = Buffer.alloc(8);
    code.writeBigInt64LE(BigInt(status));
    context.properties.set("response\0code", code);
    return this.call("proxy_on_response_headers", id, 1, 1);
  }

  /** Ends a request with trailers. @returns what is left of them */
  trailers(id: number, trailers: HeaderPairs): [string, string][] {
    const context = this.context(id);
    context.requestTrailers = new HeaderMap("request", trailers);
    this.call("proxy_on_request_trailers", id, context.requestTrailers.size);
    return context.requestTrailers.toPairs();
  }

  /** The end of a stream or a root: a stream is logged first, as Envoy does. */
  done(id: number): number {
    if (!this.#roots.delete(id)) this.call("proxy_on_log", id);
    const answer = this.call("proxy_on_done", id);
    this.#contexts.delete(id);
    return answer;
  }

  /** A counter or gauge. */
  stat(name: string): number {
    return Number(BigInt.asIntN(64, this.metrics.read(name) ?? 0n));
  }

  #record(name: string, call: Call): Call {
    return (...parameters) => {
      const forced = this.answer(name);
      if (this.isRecording) this.calls.push(this.#describe(name, parameters));
      if (forced !== null) return forced;
      const status = call(...parameters);
      if (this.isRecording && name === "proxy_define_metric" && status === Status.Ok) {
        const [, key, size, id] = parameters as [number, number, number, number];
        const at = this.#memory.read(id, 4) ?? new Uint8Array(4);
        this.#metricNames.set(Buffer.from(at).readUInt32LE(0), this.#text(key, size));
      }
      return status;
    };
  }

  #text(pointer: number | bigint | undefined, size: number | bigint | undefined): string {
    return this.#memory.readLatin1(Number(pointer), Number(size))?.replaceAll("\0", ".") ?? "?";
  }

  /** `replace x-serin-checkout canary`: the name less its prefix, then what a person wants to see of the arguments. */
  #describe(name: string, p: (number | bigint)[]): string {
    switch (name) {
      case "proxy_get_header_map_pairs":
        return `pairs ${["request", "request trailers", "response"][Number(p[0])] ?? p[0]}`;
      case "proxy_add_header_map_value":
        return `add ${this.#text(p[1], p[2])}: ${this.#text(p[3], p[4])}`;
      case "proxy_replace_header_map_value":
        return `replace ${this.#text(p[1], p[2])}: ${this.#text(p[3], p[4])}`;
      case "proxy_remove_header_map_value":
        return `remove ${p[0] === 1 ? "trailer " : ""}${this.#text(p[1], p[2])}`;
      case "proxy_get_property":
        return `property ${this.#text(p[0], p[1])}`;
      case "proxy_set_property":
        return `state ${this.#text(p[0], p[1])}: ${this.#text(p[2], p[3])}`;
      case "proxy_call_foreign_function":
        return `foreign ${this.#text(p[0], p[1])}`;
      case "proxy_http_call":
        return `call ${this.#text(p[0], p[1])}`;
      case "proxy_define_metric":
        return `define ${this.#text(p[1], p[2])}`;
      case "proxy_increment_metric":
        return `increment ${this.#metricNames.get(Number(p[0])) ?? "?"} ${p[1]}`;
      case "proxy_record_metric":
        return `record ${this.#metricNames.get(Number(p[0])) ?? "?"} ${p[1]}`;
      case "proxy_get_current_time_nanoseconds":
        return "time";
      case "proxy_get_log_level":
        return "level";
      case "proxy_log":
        return `log ${p[0]}`;
      case "random_get":
        return `random ${p[1]}`;
      default:
        return name.replace(/^proxy_/, "");
    }
  }
}
