// Every host call that the filter may import, with Envoy's answers for good and for bad arguments.

import { BUFFER_TYPE_MAX, LogLevel, MAP_TYPE_MAX, MapType, Status } from "./abi.ts";
import type { Context, HeaderChange } from "./context.ts";
import type { GuestMemory } from "./guest-memory.ts";
import { HeaderMap, readPairs } from "./header-map.ts";
import type { ClusterState, HttpCallRequest } from "./http-call.ts";
import type { LogLine } from "./log.ts";
import type { MetricIds } from "./metrics.ts";
import type { SharedData } from "./shared-data.ts";

/** What the calls need of the VM they belong to. */
export interface HostState {
  /** The context whose callback is running. */
  readonly current: Context;
  readonly memory: GuestMemory;
  readonly metricIds: MetricIds;
  readonly logLevel: LogLevel;
  /** Wall clock, nanoseconds since 1970. */
  readonly clock: () => bigint;
  /** So many bytes of randomness. */
  readonly random: (size: number) => Uint8Array;
  /** Told of every line at or above the level. */
  readonly onLog: ((line: LogLine) => void) | undefined;
  /** What Envoy's cluster manager would say of a cluster. */
  readonly clusters: (name: string) => ClusterState;
  /** Sends a call of the running context's root; returns its token. */
  readonly sendHttpCall: (request: HttpCallRequest) => number;
  /** What all VMs of one `vm_id` share. */
  readonly sharedData: SharedData;
  /** Ticks of the running context's root: milliseconds between two of them, 0 for none. */
  readonly setTickPeriod: (milliseconds: number) => void;
  /** The running context's root, which `proxy_on_done` kept, is done. False when it waits for no such word. */
  readonly finishRoot: () => boolean;
}

type HostCall = (...parameters: never[]) => number;

/**
 * The import object of a guest. `state` is asked at each call, because the memory exists only once the module
 * that imports these functions has been instantiated.
 */
export function hostCalls(state: () => HostState): Record<string, Record<string, HostCall>> {
  return {
    env: {
      ...logCalls(state),
      ...propertyCalls(state),
      ...headerCalls(state),
      ...metricCalls(state),
      ...rootCalls(state),
      ...sharedDataCalls(state),
    },
    wasi_snapshot_preview1: {
      random_get: (pointer: number, size: number) => randomGet(state(), pointer, size),
    },
  };
}

/** The same calls, asked first what they answer in place of what they do. */
export function answering(
  answer: ((call: string) => number | null) | undefined,
  calls: Record<string, Record<string, HostCall>>,
): Record<string, Record<string, HostCall>> {
  if (answer === undefined) return calls;
  const wrap = ([name, call]: [string, HostCall]): [string, HostCall] => [
    name,
    (...parameters) => answer(name) ?? call(...parameters),
  ];
  return Object.fromEntries(
    Object.entries(calls).map(([module, named]) => [
      module,
      Object.fromEntries(Object.entries(named).map(wrap)),
    ]),
  );
}

/** The names of all host calls that the emulator serves, as `module.name`. */
export function hostCallNames(): string[] {
  const calls = hostCalls(() => {
    throw new Error("no guest");
  });
  return Object.entries(calls).flatMap(([module, names]) =>
    Object.keys(names).map((name) => `${module}.${name}`),
  );
}

function logCalls(state: () => HostState): Record<string, HostCall> {
  return {
    proxy_log(level: number, pointer: number, size: number): number {
      const { current, memory, logLevel, onLog } = state();
      if (level >>> 0 > LogLevel.Critical) return Status.BadArgument;
      const bytes = memory.read(pointer, size);
      if (bytes === null) return Status.InvalidMemoryAccess;
      if (level < logLevel) return Status.Ok;
      const line = { level: level as LogLevel, text: asBuffer(bytes).toString("utf8") };
      current.log.push(line);
      onLog?.(line);
      return Status.Ok;
    },
    proxy_get_log_level(pointer: number): number {
      const { memory, logLevel } = state();
      return memory.writeU32(pointer, logLevel) ? Status.Ok : Status.InvalidMemoryAccess;
    },
    proxy_get_current_time_nanoseconds(pointer: number): number {
      const { memory, clock } = state();
      return memory.writeU64(pointer, clock()) ? Status.Ok : Status.InvalidMemoryAccess;
    },
    proxy_get_buffer_bytes(
      type: number,
      start: number,
      length: number,
      pointerPointer: number,
      sizePointer: number,
    ): number {
      const { current, memory } = state();
      if (type >>> 0 > BUFFER_TYPE_MAX) return Status.BadArgument;
      const buffer = current.buffer(type);
      if (buffer === null) return Status.NotFound;
      const begin = start >>> 0;
      const end = begin + (length >>> 0);
      if (end > 0xffffffff) return Status.BadArgument;
      return memory.give(buffer.subarray(begin, end), pointerPointer, sizePointer);
    },
    proxy_call_foreign_function(
      name: number,
      nameSize: number,
      argument: number,
      argumentSize: number,
      resultPointer: number,
      resultSizePointer: number,
    ): number {
      const { current, memory } = state();
      const text = memory.readLatin1(name, nameSize);
      if (text === null || memory.read(argument, argumentSize) === null) return Status.InvalidMemoryAccess;
      if (text !== "clear_route_cache") return Status.NotFound;
      current.clearRouteCache();
      if (resultPointer !== 0 && !memory.writeU32(resultPointer, 0)) return Status.InvalidMemoryAccess;
      if (resultSizePointer !== 0 && !memory.writeU32(resultSizePointer, 0))
        return Status.InvalidMemoryAccess;
      return Status.Ok;
    },
  };
}

function propertyCalls(state: () => HostState): Record<string, HostCall> {
  return {
    proxy_get_property(path: number, pathSize: number, pointerPointer: number, sizePointer: number): number {
      const { current, memory } = state();
      const text = memory.readLatin1(path, pathSize);
      if (text === null) return Status.InvalidMemoryAccess;
      const value = current.property(text);
      return value === null ? Status.NotFound : memory.give(value, pointerPointer, sizePointer);
    },
    proxy_set_property(path: number, pathSize: number, value: number, valueSize: number): number {
      const { current, memory } = state();
      const text = memory.readLatin1(path, pathSize);
      const bytes = memory.read(value, valueSize);
      if (text === null || bytes === null) return Status.InvalidMemoryAccess;
      return current.setProperty(text, bytes);
    },
  };
}

function headerCalls(state: () => HostState): Record<string, HostCall> {
  function write(
    operation: HeaderChange["operation"],
    mapType: number,
    [key, keySize, value, valueSize]: [key: number, keySize: number, value: number, valueSize: number],
  ): number {
    const { current, memory } = state();
    if (mapType >>> 0 > MAP_TYPE_MAX) return Status.BadArgument;
    const name = memory.readLatin1(key, keySize);
    const bytes = memory.read(value, valueSize);
    if (name === null || bytes === null) return Status.InvalidMemoryAccess;
    const map = mapType > MapType.ResponseTrailers ? null : current.headers(mapType);
    if (map === null) return Status.BadArgument;
    if (operation === "remove") map.remove(name);
    else map[operation](name, bytes);
    current.headersChanged({ mapType, operation, name, value: asBuffer(bytes).toString("utf8") });
    return Status.Ok;
  }
  return {
    proxy_get_header_map_pairs(mapType: number, pointerPointer: number, sizePointer: number): number {
      const { current, memory } = state();
      if (mapType >>> 0 > MAP_TYPE_MAX) return Status.BadArgument;
      const map = current.headers(mapType);
      return map === null ? Status.BadArgument : memory.give(map.serialize(), pointerPointer, sizePointer);
    },
    proxy_add_header_map_value(type: number, key: number, keySize: number, value: number, valueSize: number) {
      return write("add", type, [key, keySize, value, valueSize]);
    },
    proxy_replace_header_map_value(
      type: number,
      key: number,
      keySize: number,
      value: number,
      valueSize: number,
    ) {
      return write("replace", type, [key, keySize, value, valueSize]);
    },
    proxy_remove_header_map_value(type: number, key: number, keySize: number): number {
      return write("remove", type, [key, keySize, 0, 0]);
    },
  };
}

function metricCalls(state: () => HostState): Record<string, HostCall> {
  return {
    proxy_define_metric(type: number, name: number, nameSize: number, idPointer: number): number {
      const { memory, metricIds } = state();
      const text = memory.readLatin1(name, nameSize);
      if (text === null) return Status.InvalidMemoryAccess;
      const id = metricIds.define(type, text);
      if (id === null) return Status.BadArgument;
      return memory.writeU32(idPointer, id) ? Status.Ok : Status.InvalidMemoryAccess;
    },
    proxy_increment_metric(id: number, offset: bigint): number {
      return state().metricIds.increment(id >>> 0, offset);
    },
    proxy_record_metric(id: number, value: bigint): number {
      return state().metricIds.record(id >>> 0, value);
    },
    proxy_get_metric(id: number, pointer: number): number {
      const { memory, metricIds } = state();
      const value = metricIds.get(id >>> 0);
      if (typeof value !== "bigint") return value;
      return memory.writeU64(pointer, value) ? Status.Ok : Status.InvalidMemoryAccess;
    },
  };
}

function sharedDataCalls(state: () => HostState): Record<string, HostCall> {
  return {
    proxy_get_shared_data(
      key: number,
      keySize: number,
      pointerPointer: number,
      sizePointer: number,
      casPointer: number,
    ): number {
      const { memory, sharedData } = state();
      const name = memory.readLatin1(key, keySize);
      if (name === null) return Status.InvalidMemoryAccess;
      const value = sharedData.get(name);
      if (value === null) return Status.NotFound;
      const given = memory.give(value.bytes, pointerPointer, sizePointer);
      if (given !== Status.Ok) return given;
      return memory.writeU32(casPointer, value.cas) ? Status.Ok : Status.InvalidMemoryAccess;
    },
    proxy_set_shared_data(key: number, keySize: number, value: number, valueSize: number, cas: number) {
      const { memory, sharedData } = state();
      const name = memory.readLatin1(key, keySize);
      const bytes = memory.read(value, valueSize);
      if (name === null || bytes === null) return Status.InvalidMemoryAccess;
      return sharedData.set(name, bytes, cas >>> 0);
    },
  };
}

/** Calls that concern the root of the running context, whichever stream is running. */
function rootCalls(state: () => HostState): Record<string, HostCall> {
  return {
    proxy_http_call(...parameters: number[]): number {
      const { memory, clusters, sendHttpCall } = state();
      const [timeoutMs = 0, tokenPointer = 0] = parameters.slice(8);
      const [name, headerBlock, body, trailerBlock] = [0, 2, 4, 6].map((at) =>
        memory.read(parameters[at] ?? 0, parameters[at + 1] ?? 0),
      );
      if (!name || !headerBlock || !body || !trailerBlock) return Status.InvalidMemoryAccess;
      if (!memory.writeU32(tokenPointer, 0)) return Status.InvalidMemoryAccess;
      // In Envoy's order (Context::httpCall).
      if (timeoutMs < 0) return Status.BadArgument;
      const cluster = asBuffer(name).toString("utf8");
      const clusterState = clusters(cluster);
      if (clusterState === "unknown") return Status.BadArgument;
      const headers = headerMap(headerBlock);
      if ([":path", ":method", ":authority"].some((wanted) => headers.getBytes(wanted) === null)) {
        return Status.BadArgument;
      }
      if (body.length > 0) headers.replace("content-length", Buffer.from(String(body.length)));
      if (clusterState === "no-host") return Status.InternalFailure;
      const request = {
        cluster,
        headers,
        body: Buffer.from(body),
        trailers: headerMap(trailerBlock),
        timeoutMs,
      };
      memory.writeU32(tokenPointer, sendHttpCall(request));
      return Status.Ok;
    },
    proxy_send_local_response(...parameters: number[]): number {
      const { current, memory } = state();
      const [status = 0, grpcStatus = -1] = [parameters[0], parameters[7]];
      const [details, body, headerBlock] = [1, 3, 5].map((at) =>
        memory.read(parameters[at] ?? 0, parameters[at + 1] ?? 0),
      );
      if (!details || !body || !headerBlock) return Status.InvalidMemoryAccess;
      if (status < 200 || status > 999 || grpcStatus !== -1) return Status.BadArgument;
      const headers = readPairs(headerBlock).map(([name, value]): [string, string] => [
        name,
        asBuffer(value).toString("utf8"),
      ]);
      return current.answerRequest({
        status,
        details: asBuffer(details).toString("utf8"),
        headers,
        body: asBuffer(body).toString("utf8"),
      });
    },
    proxy_set_tick_period_milliseconds(milliseconds: number): number {
      state().setTickPeriod(milliseconds >>> 0);
      return Status.Ok;
    },
    proxy_done(): number {
      return state().finishRoot() ? Status.Ok : Status.NotFound;
    },
  };
}

function headerMap(block: Uint8Array): HeaderMap {
  const map = new HeaderMap("request");
  for (const [name, value] of readPairs(block)) map.add(name, value);
  return map;
}

function randomGet({ memory, random }: HostState, pointer: number, size: number): number {
  const WASI_SUCCESS = 0;
  const WASI_FAULT = 21;
  if (memory.read(pointer, size) === null) return WASI_FAULT;
  return memory.write(pointer, random(size >>> 0)) ? WASI_SUCCESS : WASI_FAULT;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
