import { randomBytes } from "node:crypto";

import { LogLevel } from "./abi.ts";
import type { Context } from "./context.ts";
import { GuestMemory } from "./guest-memory.ts";
import { answering, hostCalls, type HostState } from "./host-calls.ts";
import { HttpCall, type ClusterState, type HttpCallAnswer, type HttpCallRequest } from "./http-call.ts";
import { moreProblemsIn, problemsIn, type LoggedProblem, type LogLine, type MoreProblems } from "./log.ts";
import { MetricIds, Metrics } from "./metrics.ts";
import { Root } from "./root.ts";
import { SharedData } from "./shared-data.ts";
import { Stream, type StreamRequest } from "./stream.ts";

/** The inputs of a VM that a test wants to hold in its hand. */
export interface VmOptions {
  /** Lines below it are dropped, and the guest can ask for it. Default info, as Envoy. */
  readonly logLevel?: LogLevel;
  /** Wall clock, nanoseconds since 1970. Default: the real one. */
  readonly clock?: () => bigint;
  /** So many bytes of randomness. Default: the operating system's. */
  readonly random?: (size: number) => Uint8Array;
  /** Told of every line, besides the context that keeps it. */
  readonly onLog?: (line: LogLine) => void;
  /** Stats shared with other VMs, as the workers of one Envoy do. Default: its own. */
  readonly metrics?: Metrics;
  /** Shared with other VMs, as by the workers of one Envoy, and by an old .wasm and the new one, under one `vm_id`. Default: its own. */
  readonly sharedData?: SharedData;
  /** What `proxy_http_call` finds of a cluster. Default: every one is "up". */
  readonly clusters?: (name: string) => ClusterState;
  /** The status that a host call answers in place of doing anything, by its name; null: it does what it is there for. */
  readonly answer?: (call: string) => number | null;
}

/** The filter's answer to a configuration. */
export interface Configured {
  /** The root context; streams may begin on it only if `accepted`. */
  readonly root: Root;
  readonly accepted: boolean;
  /** Problems and warnings, in the order logged. */
  readonly problems: LoggedProblem[];
  /** Problems beyond those. */
  readonly more: MoreProblems;
}

/** The inputs once the defaults are filled in. */
interface Inputs {
  readonly logLevel: LogLevel;
  readonly clock: () => bigint;
  readonly random: (size: number) => Uint8Array;
  readonly onLog: ((line: LogLine) => void) | undefined;
  readonly clusters: (name: string) => ClusterState;
  readonly answer: ((call: string) => number | null) | undefined;
}

type EvaluateFunction = (root: number, address: number, length: number, seconds: number) => bigint;

const CONTEXT_ID_MAX = 0xffffffff;

/**
 * One instance of the filter with a memory of its own: what one worker of Envoy runs. A trap of the guest is
 * thrown as it comes (a WebAssembly.RuntimeError) and kills the VM with all its streams, as in Envoy.
 */
export class Vm {
  /** Stats as Envoy's `/stats` would show them, without their `wasmcustom.`. */
  readonly metrics: Metrics;
  /** Set by the first trap; from then on every call throws. */
  trap: unknown = null;
  /** The clock of the next calls, nanoseconds since 1970; may be replaced at any time. */
  clock: () => bigint;
  /** What `proxy_http_call` finds of a cluster from now on; may be replaced at any time. */
  clusters: (name: string) => ClusterState;
  /** HTTP calls that were ever sent. */
  httpCallsSent = 0;

  readonly #exports: WebAssembly.Exports;
  readonly #metricIds: MetricIds;
  readonly #memory: GuestMemory;
  readonly #live = new Map<number, Context>();
  readonly #httpCalls = new Set<HttpCall>();
  #lastContextId = 0;
  #current: Context;
  /** Callbacks that are running, one inside of the other. */
  #depth = 0;
  /** What Envoy does only when the guest has returned. */
  #afterCallback: (() => void)[] = [];

  private constructor(
    module: WebAssembly.Module,
    inputs: Inputs,
    metrics: Metrics,
    readonly sharedData: SharedData,
  ) {
    this.metrics = metrics;
    this.clock = inputs.clock;
    this.clusters = inputs.clusters;
    this.#metricIds = new MetricIds(metrics);
    // Lines of `_initialize` belong to no configuration: this context is there to take them.
    this.#current = new Root(0, "", new Uint8Array(0));
    const state = (): HostState => hostState;
    const instance = new WebAssembly.Instance(module, answering(inputs.answer, hostCalls(state)));
    this.#exports = instance.exports;
    const allocate = this.#exports["proxy_on_memory_allocate"] as (size: number) => number;
    this.#memory = new GuestMemory(this.#exports["memory"] as WebAssembly.Memory, allocate);
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the state's getters read this VM
    const vm = this;
    const hostState: HostState = {
      get current() {
        return vm.#current;
      },
      get clock() {
        return vm.clock;
      },
      memory: this.#memory,
      metricIds: this.#metricIds,
      logLevel: inputs.logLevel,
      random: inputs.random,
      onLog: inputs.onLog,
      clusters: (name) => this.clusters(name),
      sendHttpCall: (request) => this.#send(request),
      sharedData,
      setTickPeriod: (milliseconds) => this.#setTickPeriod(this.#currentRoot(), milliseconds),
      finishRoot: () => this.#finishAsked(this.#currentRoot()),
    };
    this.call(this.#current, "_initialize");
  }

  /**
   * Instantiates the filter from its bytes, or from a module compiled before (cheaper for many VMs). Throws a
   * WebAssembly.CompileError or LinkError when the bytes are no module or import what Envoy does not have.
   */
  static load(wasm: BufferSource | WebAssembly.Module, options: VmOptions = {}): Vm {
    const module = wasm instanceof WebAssembly.Module ? wasm : new WebAssembly.Module(wasm);
    const inputs: Inputs = {
      logLevel: options.logLevel ?? LogLevel.Info,
      clock: options.clock ?? wallClock,
      random: options.random ?? randomBytes,
      onLog: options.onLog,
      clusters: options.clusters ?? (() => "up"),
      answer: options.answer,
    };
    return new Vm(module, inputs, options.metrics ?? new Metrics(), options.sharedData ?? new SharedData());
  }

  /** Bytes of the guest's memory: 65536 a page, and they never shrink. */
  get memorySize(): number {
    return this.#memory.size;
  }

  /** The guest's memory itself. */
  get memory(): WebAssembly.Memory {
    return this.#exports["memory"] as WebAssembly.Memory;
  }

  /** Streams that have begun and not ended. */
  get liveStreams(): number {
    let count = 0;
    for (const context of this.#live.values()) if (context instanceof Stream) count++;
    return count;
  }

  /** HTTP calls that have no answer yet, oldest first. */
  get httpCalls(): readonly HttpCall[] {
    return [...this.#httpCalls];
  }

  /** Metric ids that the guest was given: each definition is one more, also of a known name. */
  get metricDefinitions(): number {
    return this.#metricIds.count;
  }

  /**
   * A new root context with that configuration, as a start of Envoy or an update makes it in a VM that lives on.
   * Earlier roots are untouched: an accepted update is followed by `retire` of the old one.
   */
  configure(configuration: string | Uint8Array, rootId = "serin", pluginName = "serin"): Configured {
    const bytes = typeof configuration === "string" ? Buffer.from(configuration, "utf8") : configuration;
    const root = new Root(this.#nextContextId(), rootId, bytes, pluginName);
    this.#live.set(root.id, root);
    this.call(root, "proxy_on_context_create", 0);
    const started = this.call(root, "proxy_on_vm_start", 0);
    const accepted = started !== 0 && this.call(root, "proxy_on_configure", bytes.length) !== 0;
    root.endConfigure();
    return { root, accepted, problems: problemsIn(root.log), more: moreProblemsIn(root.log) };
  }

  /**
   * One evaluation of a flag over any JSON: `line` is `{ flagKey, context, type, default }`. Resolves to the answer as
   * JSON text; null when the line is no JSON object, or the root has no policy.
   */
  evaluate(root: Root, line: Uint8Array, seconds: number): string | null {
    if (this.trap !== null)
      throw new Error("the filter has trapped before: this VM is dead", { cause: this.trap });
    const address = this.#memory.place(line);
    if (address === null) return null;
    const exported = this.#exports["serin_evaluate"] as EvaluateFunction;
    try {
      const answer = exported(root.id, address, line.length, seconds);
      if (answer === 0n) return null;
      const bytes = this.#memory.read(
        Number(BigInt.asUintN(64, answer) >> 32n),
        Number(answer & 0xffffffffn),
      );
      return bytes === null ? null : Buffer.from(bytes).toString("utf8");
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) this.trap = error;
      throw error;
    }
  }

  /**
   * Runs the ticks that are due by the VM's clock: each root's own, at most once, since Envoy's timer begins anew after
   * each. Envoy's timers go by another clock than the wall's, so one that was put back does not keep them from ticking.
   */
  runTicks(): void {
    const now = this.clock();
    for (const context of [...this.#live.values()]) {
      if (!(context instanceof Root) || context.tickPeriodMs === 0) continue;
      const period = BigInt(context.tickPeriodMs) * 1_000_000n;
      const left = context.nextTickNs - now;
      if (left > 0n && left <= period) continue;
      context.nextTickNs = now + period;
      this.call(context, "proxy_on_tick");
    }
  }

  /**
   * Envoy has a newer configuration: this root is done as soon as its last stream is, or, when `proxy_on_done` returns 0
   * (it waits for answers), as soon as the guest calls `proxy_done`.
   */
  retire(root: Root): void {
    root.retired = true;
    this.#finishWhenIdle(root);
  }

  /** A stream whose request headers have not come yet (or never will). */
  open(root: Root, request: StreamRequest): Stream {
    if (root.retired) throw new Error(`root context ${root.id} is retired: no stream begins there`);
    const stream = new Stream(this, root, this.#nextContextId(), request);
    this.#live.set(stream.id, stream);
    root.liveStreams++;
    this.call(stream, "proxy_on_context_create", root.id);
    return stream;
  }

  /** A stream whose request headers have come: the filter has decided. */
  request(root: Root, request: StreamRequest): Stream {
    return this.open(root, request).onRequestHeaders();
  }

  /** Forgets an ended stream; called by `Stream.done`. */
  close(stream: Stream): void {
    this.#live.delete(stream.id);
    stream.root.liveStreams--;
    this.#finishWhenIdle(stream.root);
  }

  /** Runs one callback of the guest, if it exports it, with `context` as the current one. Returns its result or 0. */
  call(context: Context, callback: string, ...parameters: number[]): number {
    if (this.trap !== null)
      throw new Error("the filter has trapped before: this VM is dead", { cause: this.trap });
    const exported = this.#exports[callback] as ((...parameters: number[]) => number | undefined) | undefined;
    if (exported === undefined) return 0;
    const outer = this.#current;
    this.#current = context;
    this.#depth++;
    let result: number;
    try {
      result = (callback === "_initialize" ? exported() : exported(context.id, ...parameters)) ?? 0;
    } catch (error) {
      // A stack overflow of the guest is a RangeError in V8; both end the VM.
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) this.trap = error;
      throw error;
    } finally {
      this.#current = outer;
      this.#depth--;
    }
    while (this.#depth === 0 && this.#afterCallback.length > 0) this.#afterCallback.shift()?.();
    return result;
  }

  /**
   * Runs `proxy_on_http_call_response` of a call, with null as Envoy does when no answer will come.
   * From within a callback it waits for its end, as in Envoy. Nothing happens when the call's root is gone.
   */
  #answer(root: Root, call: HttpCall, answer: HttpCallAnswer | null): void {
    if (this.#depth > 0) return void this.#afterCallback.push(() => this.#answer(root, call, answer));
    if (root.finished) return;
    if (!this.#httpCalls.delete(call)) throw new Error(`HTTP call ${call.token} has been answered before`);
    const { token } = call;
    root.httpCalls.delete(token);
    root.answer = answer;
    try {
      this.call(
        root,
        "proxy_on_http_call_response",
        token,
        answer?.headers.size ?? 0,
        answer?.body.length ?? 0,
        answer?.trailers?.size ?? 0,
      );
    } finally {
      root.answer = null;
    }
  }

  /** Whose calls are those of the running callback. */
  #currentRoot(): Root {
    return this.#current instanceof Stream ? this.#current.root : (this.#current as Root);
  }

  #setTickPeriod(root: Root, milliseconds: number): void {
    root.tickPeriodMs = milliseconds;
    root.nextTickNs = this.clock() + BigInt(milliseconds) * 1_000_000n;
  }

  #send(request: HttpCallRequest): number {
    const root = this.#currentRoot();
    const call: HttpCall = new HttpCall(root, root.nextToken(), request, (answer) =>
      this.#answer(root, call, answer),
    );
    root.httpCalls.set(call.token, call);
    this.#httpCalls.add(call);
    this.httpCallsSent++;
    return call.token;
  }

  #finishWhenIdle(root: Root): void {
    if (!root.retired || root.asked || root.liveStreams > 0) return;
    root.asked = true;
    const isDone = this.#exports["proxy_on_done"] === undefined || this.call(root, "proxy_on_done") !== 0;
    if (isDone) this.#delete(root);
    else root.waits = true;
  }

  /** `proxy_done`: false unless the root waits for it. */
  #finishAsked(root: Root): boolean {
    if (!root.waits) return false;
    root.waits = false;
    this.#afterCallback.push(() => this.#delete(root));
    return true;
  }

  #delete(root: Root): void {
    this.call(root, "proxy_on_delete");
    root.finished = true;
    for (const call of root.httpCalls.values()) this.#httpCalls.delete(call);
    root.httpCalls.clear();
    this.#live.delete(root.id);
  }

  /** As Envoy: counts up, past 2^32 from 1 again, and never gives an id that is still in use. */
  #nextContextId(): number {
    do this.#lastContextId = this.#lastContextId >= CONTEXT_ID_MAX ? 1 : this.#lastContextId + 1;
    while (this.#live.has(this.#lastContextId));
    return this.#lastContextId;
  }
}

/** Node's wall clock has milliseconds; the monotonic clock fills in what is below. */
function wallClock(): bigint {
  return WALL_ORIGIN + process.hrtime.bigint();
}
const WALL_ORIGIN = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
