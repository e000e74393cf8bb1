// The host calls one by one, called as a guest would, against what was measured on Envoy 1.40.0.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { GuestMemory } from "../../tools/emulator/guest-memory.ts";
import { hostCalls } from "../../tools/emulator/host-calls.ts";
import {
  HeaderMap,
  LogLevel,
  MetricType,
  Metrics,
  Status,
  hostCallNames,
  type ClusterState,
  type HeaderPairs,
} from "../../tools/emulator/index.ts";
import type { HttpCallRequest } from "../../tools/emulator/http-call.ts";
import { MetricIds } from "../../tools/emulator/metrics.ts";
import { Root } from "../../tools/emulator/root.ts";
import type { Context } from "../../tools/emulator/context.ts";
import { SharedData } from "../../tools/emulator/shared-data.ts";
import { ALLOWED_IMPORTS } from "../../tools/project/gate/contract.ts";
import { probedHostCalls } from "./probe-guest.ts";

const OUTSIDE = 0x7fff_fff0;

/** A memory with a bump allocator, and the host calls upon it. */
function bench(current: Context = new Root(1, "serin", new Uint8Array(0))) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  let top = 32768;
  const guest = new GuestMemory(memory, (size) => {
    if (size > 16384) return 0;
    top += size;
    return top - size;
  });
  const metrics = new Metrics();
  const state = {
    current,
    memory: guest,
    metricIds: new MetricIds(metrics),
    logLevel: LogLevel.Info as LogLevel,
    clock: () => 1_700_000_000_123_456_789n,
    random: (size: number) => new Uint8Array(size).fill(7),
    onLog: undefined,
    clusters: (name: string): ClusterState =>
      name === "shadow" ? "up" : name === "empty" ? "no-host" : "unknown",
    sent: [] as HttpCallRequest[],
    sendHttpCall: (request: HttpCallRequest): number => state.sent.push(request),
    sharedData: new SharedData(),
    setTickPeriod: (milliseconds: number): void => void (state.tickPeriodMs = milliseconds),
    tickPeriodMs: 0,
    finishRoot: () => state.waits,
    waits: false,
  };
  const imports = hostCalls(() => state);
  const call = (name: string, ...parameters: (number | bigint)[]): number =>
    (imports["env"]?.[name] as (...p: (number | bigint)[]) => number)(...parameters);
  const put = (address: number, text: string): [number, number] => {
    const bytes = Buffer.from(text);
    guest.write(address, bytes);
    return [address, bytes.length];
  };
  const word = (address: number) => Buffer.from(memory.buffer).readUInt32LE(address);
  const given = (pointer: number, size: number) =>
    Buffer.from(memory.buffer)
      .subarray(word(pointer), word(pointer) + word(size))
      .toString();
  return { call, put, word, given, memory, guest, metrics, state, imports };
}

describe("host calls", () => {
  it("are the ones that the binary gate allows, and the probe knows them all", () => {
    assert.deepEqual([...probedHostCalls].sort(), hostCallNames().sort());
    assert.deepEqual(hostCallNames().sort(), [...ALLOWED_IMPORTS].sort());
  });

  it("answer InvalidMemoryAccess to every pointer outside the memory, and never throw", () => {
    const { call, put, imports } = bench();
    const [name, size] = put(100, "serin.error");
    const calls: [string, ...(number | bigint)[]][] = [
      ["proxy_log", 4, OUTSIDE, 4],
      ["proxy_log", 4, 65530, 100],
      ["proxy_log", 4, -1, -1],
      ["proxy_get_log_level", 65534],
      ["proxy_get_current_time_nanoseconds", 65530],
      ["proxy_get_property", OUTSIDE, 4, 0, 4],
      ["proxy_set_property", OUTSIDE, 4, 0, 4],
      ["proxy_set_property", 0, 4, 0, -1],
      ["proxy_add_header_map_value", 0, OUTSIDE, 4, 0, 4],
      ["proxy_replace_header_map_value", 0, 0, 4, OUTSIDE, 4],
      ["proxy_remove_header_map_value", 0, OUTSIDE, 4],
      ["proxy_call_foreign_function", OUTSIDE, 4, 0, 0, 0, 0],
      ["proxy_define_metric", 0, OUTSIDE, 4, 0],
      ["proxy_define_metric", 0, name, size, OUTSIDE],
      ["proxy_get_metric", 5, OUTSIDE],
      ["proxy_get_shared_data", OUTSIDE, 4, 200, 204, 208],
      ["proxy_get_shared_data", name, size, OUTSIDE, 204, 208],
      ["proxy_get_shared_data", name, size, 200, OUTSIDE, 208],
      ["proxy_get_shared_data", name, size, 200, 204, OUTSIDE],
      ["proxy_set_shared_data", OUTSIDE, 4, 0, 4, 0],
      ["proxy_set_shared_data", 0, 4, OUTSIDE, 4, 0],
      ["proxy_http_call", OUTSIDE, 6, 0, 4, 0, 0, 0, 0, 1000, 200],
      ["proxy_http_call", 0, 6, OUTSIDE, 4, 0, 0, 0, 0, 1000, 200],
      ["proxy_http_call", 0, 6, 0, 4, OUTSIDE, 4, 0, 0, 1000, 200],
      ["proxy_http_call", 0, 6, 0, 4, 0, 0, OUTSIDE, 4, 1000, 200],
      ["proxy_http_call", 0, 6, 0, 4, 0, 0, 0, 0, 1000, OUTSIDE],
    ];
    call("proxy_define_metric", MetricType.Gauge, name, size, 200);
    call("proxy_set_shared_data", name, size, name, size, 0);
    for (const parameters of calls) {
      assert.equal(call(...parameters), Status.InvalidMemoryAccess, parameters.join(" "));
    }
    const random = imports["wasi_snapshot_preview1"]?.["random_get"] as (
      pointer: number,
      size: number,
    ) => number;
    assert.notEqual(random(OUTSIDE, 8), 0);
    assert.equal(random(0, 8), 0);
  });

  it("survive any arguments at all", () => {
    const { imports } = bench();
    const interesting = [0, 1, 2, 7, 65535, 65536, 0x7fffffff, -1, -2147483648];
    for (const [name, call] of Object.entries({ ...imports["env"], ...imports["wasi_snapshot_preview1"] })) {
      for (let i = 0; i < 200; i++) {
        const pick = (n: number) => interesting[(i * 7 + n * 5 + (i >> n)) % interesting.length] ?? 0;
        const wide = name === "proxy_increment_metric" || name === "proxy_record_metric";
        const parameters = wide ? [pick(0), BigInt(pick(1))] : [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(pick);
        // A random_get of 2 GiB into a valid range cannot happen: the memory has a maximum.
        const status = (call as (...p: (number | bigint)[]) => number)(...parameters);
        assert.equal(typeof status, "number", name);
      }
    }
  });

  it("shared data: a write names the value it follows, or none; a key that is not there is made", () => {
    const { call, put, word, given } = bench();
    const key = put(0, "serin/checkout");
    const write = (text: string, cas: number): number =>
      call("proxy_set_shared_data", ...key, ...put(50, text), cas);
    const read = (): number => call("proxy_get_shared_data", ...key, 200, 204, 208);
    assert.equal(read(), Status.NotFound);
    assert.equal(write("first", 0xffffffff), Status.Ok);
    assert.equal(write("late", 0xffffffff), Status.CasMismatch);
    assert.equal(read(), Status.Ok);
    const cas = word(208);
    assert.equal(given(200, 204), "first");
    assert.equal(write("second", cas), Status.Ok);
    assert.equal(write("late", cas), Status.CasMismatch);
    assert.equal(write("whatever stands there", 0), Status.Ok);
    assert.equal(read(), Status.Ok);
    assert.equal(given(200, 204), "whatever stands there");
    assert.notEqual(word(208), cas);
  });

  it("proxy_get_metric reads counters and gauges, and proxy_set_tick_period_milliseconds is the root's", () => {
    const { call, put, memory, word, state } = bench();
    assert.equal(call("proxy_define_metric", MetricType.Gauge, ...put(0, "users"), 100), Status.Ok);
    const gauge = word(100);
    call("proxy_record_metric", gauge, 41n);
    assert.equal(call("proxy_get_metric", gauge, 200), Status.Ok);
    assert.equal(Buffer.from(memory.buffer).readBigUInt64LE(200), 41n);
    assert.equal(call("proxy_define_metric", MetricType.Histogram, ...put(0, "time"), 100), Status.Ok);
    assert.equal(call("proxy_get_metric", word(100), 200), Status.BadArgument);
    assert.equal(call("proxy_get_metric", 4001, 200), Status.NotFound);
    assert.equal(call("proxy_set_tick_period_milliseconds", 500), Status.Ok);
    assert.equal(state.tickPeriodMs, 500);
  });

  it("proxy_log keeps lines from the level on, and refuses a level that is none", () => {
    const { call, put, state } = bench();
    const text = put(0, "hello");
    assert.equal(call("proxy_log", LogLevel.Debug, ...text), Status.Ok);
    assert.equal(call("proxy_log", LogLevel.Warn, ...text), Status.Ok);
    assert.equal(call("proxy_log", 6, ...text), Status.BadArgument);
    assert.deepEqual(state.current.log, [{ level: LogLevel.Warn, text: "hello" }]);
    assert.equal(call("proxy_get_log_level", 200), Status.Ok);
    assert.deepEqual([...(state.memory.read(200, 4) ?? [])], [2, 0, 0, 0]);
  });

  it("proxy_get_buffer_bytes clamps, gives nothing as address 0, and knows its buffers", () => {
    const { call, given, word } = bench(new Root(1, "serin", Buffer.from("0123456789")));
    const read = (start: number, length: number) => call("proxy_get_buffer_bytes", 7, start, length, 0, 4);
    assert.equal(read(0, 10), Status.Ok);
    assert.equal(given(0, 4), "0123456789");
    assert.equal(read(8, 100), Status.Ok);
    assert.equal(given(0, 4), "89");
    assert.equal(read(11, 5), Status.Ok);
    assert.deepEqual([word(0), word(4)], [0, 0]);
    assert.equal(read(2, -1), Status.BadArgument);
    assert.equal(call("proxy_get_buffer_bytes", 0, 0, 1, 0, 4), Status.NotFound);
    assert.equal(call("proxy_get_buffer_bytes", 9, 0, 1, 0, 4), Status.BadArgument);
  });

  it("a guest without room gets InvalidMemoryAccess instead of bytes", () => {
    const { call } = bench(new Root(1, "serin", Buffer.alloc(20000)));
    assert.equal(call("proxy_get_buffer_bytes", 7, 0, 20000, 0, 4), Status.InvalidMemoryAccess);
  });

  it("a root context has no headers, no filter state, no stream properties", () => {
    const { call, put } = bench();
    const path = put(0, "serin.checkout");
    assert.equal(call("proxy_get_header_map_pairs", 0, 0, 4), Status.BadArgument);
    assert.equal(call("proxy_get_header_map_pairs", 8, 0, 4), Status.BadArgument);
    assert.equal(call("proxy_add_header_map_value", 0, ...path, ...path), Status.BadArgument);
    assert.equal(call("proxy_set_property", ...path, ...path), Status.NotFound);
    assert.equal(call("proxy_get_property", ...put(0, "source\0address"), 100, 104), Status.NotFound);
  });

  it("an unknown foreign function is NotFound", () => {
    const { call, put } = bench();
    assert.equal(call("proxy_call_foreign_function", ...put(0, "clear_route_cache"), 0, 0, 0, 0), Status.Ok);
    assert.equal(call("proxy_call_foreign_function", ...put(0, "compress"), 0, 0, 0, 0), Status.NotFound);
  });

  it("metrics: another id for each definition, one counter behind them; counters only rise", () => {
    const { call, put, word, metrics } = bench();
    const name = put(0, "serin.error");
    const define = (type: number) => {
      assert.equal(call("proxy_define_metric", type, ...name, 100), Status.Ok);
      return word(100);
    };
    assert.deepEqual([define(0), define(0), define(1), define(2)], [4, 8, 5, 6]);
    assert.equal(call("proxy_define_metric", 3, ...name, 100), Status.BadArgument);
    assert.equal(call("proxy_increment_metric", 4, 2n), Status.Ok);
    assert.equal(call("proxy_increment_metric", 8, 3n), Status.Ok);
    assert.equal(metrics.read("serin.error"), 5n);
    assert.equal(call("proxy_increment_metric", 4, 0n), Status.BadArgument);
    assert.equal(call("proxy_increment_metric", 4, -1n), Status.BadArgument);
    assert.equal(call("proxy_increment_metric", 400, 1n), Status.NotFound);
    assert.equal(call("proxy_increment_metric", 6, 1n), Status.BadArgument);
    assert.equal(metrics.read("serin.error"), 5n);
  });

  it("metrics: gauges rise, fall and are set; histograms are given values", () => {
    const { call, put, metrics } = bench();
    call("proxy_define_metric", 1, ...put(0, "active"), 100);
    call("proxy_define_metric", 2, ...put(0, "time"), 100);
    assert.equal(call("proxy_increment_metric", 5, 3n), Status.Ok);
    assert.equal(call("proxy_increment_metric", 5, -1n), Status.Ok);
    assert.equal(metrics.read("active"), 2n);
    assert.equal(call("proxy_record_metric", 5, 41n), Status.Ok);
    assert.equal(metrics.read("active"), 41n);
    assert.equal(call("proxy_record_metric", 6, 12n), Status.Ok);
    assert.equal(call("proxy_record_metric", 10, 12n), Status.NotFound);
    assert.deepEqual(metrics.recorded("time"), [12n]);
    assert.equal(metrics.recorded("never"), null);
    assert.equal(metrics.read("never"), null);
  });

  it("proxy_http_call checks memory, timeout, cluster and headers in Envoy's order, and gives rising tokens", () => {
    const { call, put, word, guest, state } = bench();
    const block = (address: number, pairs: HeaderPairs): [number, number] => {
      const bytes = new HeaderMap("request", pairs).serialize();
      guest.write(address, bytes);
      return [address, bytes.length];
    };
    const pseudo: [string, string][] = [
      [":authority", "shop.test"],
      [":path", "/a?b=1"],
      [":method", "POST"],
    ];
    const headers = block(1000, [...pseudo, ["content-length", "999"], ["x-a", "1"], ["x-a", "2"]]);
    const trailers = block(2000, [["x-sum", "9"]]);
    const body = put(3000, "a\0b");
    const shadow = put(100, "shadow");
    const token = 200;
    const none: [number, number] = [0, 0];
    const http = (
      cluster: [number, number],
      timeout: number,
      fields: [number, number] = headers,
      bytes: [number, number] = body,
    ) => call("proxy_http_call", ...cluster, ...fields, ...bytes, ...trailers, timeout, token);

    assert.equal(http(shadow, 1000), Status.Ok);
    assert.equal(word(token), 1);
    assert.equal(http(shadow, 0, block(1500, pseudo), none), Status.Ok);
    assert.equal(word(token), 2);
    const [first, second] = state.sent;
    assert.deepEqual(first?.headers.toPairs(), [
      ...pseudo,
      ["x-a", "1"],
      ["x-a", "2"],
      ["content-length", "3"],
    ]);
    assert.deepEqual(first?.trailers.toPairs(), [["x-sum", "9"]]);
    assert.deepEqual([...(first?.body ?? [])], [...Buffer.from("a\0b")]);
    assert.deepEqual([first?.cluster, first?.timeoutMs], ["shadow", 1000]);
    assert.deepEqual([second?.headers.toPairs(), second?.timeoutMs], [pseudo, 0]);

    const refused = (status: number, answer: number) => {
      assert.equal(answer, status);
      assert.equal(word(token), 0, "the token is cleared");
      assert.equal(state.sent.length, 2);
    };
    refused(Status.BadArgument, http(shadow, -1));
    refused(Status.BadArgument, http(put(300, "gone"), 1000));
    refused(Status.InternalFailure, http(put(300, "empty"), 1000));
    refused(Status.BadArgument, http(put(300, "empty"), 1000, none));
    for (const [missing] of pseudo) {
      const rest = pseudo.filter(([name]) => name !== missing);
      refused(Status.BadArgument, http(shadow, 1000, block(1500, rest)));
    }
    const cut: [number, number] = [headers[0], headers[1] - 1];
    refused(Status.BadArgument, http(shadow, 1000, cut));
    guest.writeU32(1000, 0xffffffff);
    refused(Status.BadArgument, http(shadow, 1000));
  });

  it("what answers an HTTP call is read-only, and not there otherwise", () => {
    const root = new Root(1, "serin", new Uint8Array(0));
    const { call, put, given, word } = bench(root);
    const key = put(500, "x-a");
    const pairs = (type: number) => call("proxy_get_header_map_pairs", type, 0, 4);
    const bytes = (start: number, length: number) => call("proxy_get_buffer_bytes", 4, start, length, 0, 4);
    assert.deepEqual(
      [pairs(6), pairs(7), bytes(0, 9)],
      [Status.BadArgument, Status.BadArgument, Status.NotFound],
    );
    root.answer = {
      headers: new HeaderMap("response", [[":status", "200"]]),
      body: Buffer.from("0123456789"),
      trailers: null,
    };
    assert.deepEqual([pairs(6), pairs(7)], [Status.Ok, Status.BadArgument]);
    assert.equal(call("proxy_add_header_map_value", 6, ...key, ...key), Status.BadArgument);
    assert.equal(bytes(2, 3), Status.Ok);
    assert.equal(given(0, 4), "234");
    assert.equal(bytes(8, 1000), Status.Ok);
    assert.equal(given(0, 4), "89");
    for (const start of [10, 11, 4096]) {
      assert.equal(bytes(start, 5), Status.Ok);
      assert.deepEqual([word(0), word(4)], [0, 0]);
    }
  });

  it("proxy_done is NotFound for a root that nobody waits for", () => {
    const { call, state } = bench();
    assert.equal(call("proxy_done"), Status.NotFound);
    state.waits = true;
    assert.equal(call("proxy_done"), Status.Ok);
  });

  it("memory that has grown in between is still read and written", () => {
    const { call, put, guest, memory, given } = bench(new Root(1, "serin", Buffer.from("abc")));
    memory.grow(1);
    put(65600, "late");
    assert.equal(guest.readLatin1(65600, 4), "late");
    assert.equal(call("proxy_get_buffer_bytes", 7, 0, 3, 0, 4), Status.Ok);
    assert.equal(given(0, 4), "abc");
  });
});
