// The life of roots and streams in one VM, with guests of a few instructions.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { HeaderMap, LogLevel, Metrics, Vm } from "../../tools/emulator/index.ts";
import { guestModule } from "./probe-guest.ts";

const GET = {
  headers: [
    [":authority", "a.example"],
    [":path", "/"],
    [":method", "GET"],
    [":scheme", "https"],
  ] as [string, string][],
};
const CONTINUE = "(i32.const 0)";

/** Logs the text at `address` (of 1 byte) at critical level, so that callbacks can be seen in their order. */
const say = (letter: string) =>
  `(drop (call $proxy_log (i32.const 5) (i32.const ${letter.charCodeAt(0)}) (i32.const 1)))`;
const LETTERS = Object.fromEntries([..."CVFRPD"].map((letter) => [letter.charCodeAt(0), letter]));

/**
 * A VM whose guest calls the cluster `shadow` at each request, and logs what `proxy_on_http_call_response` is told;
 * then it runs the instructions `after`.
 */
function calling({ after = "", ...bodies }: Record<string, string>) {
  const headers = new HeaderMap("request", [
    [":authority", "a.test"],
    [":path", "/copy"],
    [":method", "GET"],
  ]).serialize();
  const block = Buffer.from(headers).toString("latin1");
  const template = "token 0 headers 0 body 0 trailers 0";
  // Parameters are single digits: each is written into its place of the template.
  const digits = ["b", "c", "d", "e"].map((name, index) => {
    const place = 600 + Number([6, 16, 23, 34][index]);
    return `(i32.store8 (i32.const ${place}) (i32.add (i32.const 48) (local.get $${name})))`;
  });
  const module = guestModule(
    {
      proxy_on_request_headers: `(drop (call $proxy_http_call (i32.const 500) (i32.const 6) (i32.const 800) (i32.const ${headers.length})
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 300) (i32.const 204))) ${CONTINUE}`,
      proxy_on_http_call_response: `${digits.join(" ")}
        (drop (call $proxy_log (i32.const 5) (i32.const 600) (i32.const ${template.length}))) ${after}`,
      ...bodies,
    },
    { 500: "shadow", 600: template, 800: block, ...LETTERS },
  );
  const lines: string[] = [];
  return { vm: Vm.load(module, { onLog: (line) => lines.push(line.text) }), lines };
}

describe("vm", () => {
  it("calls the guest in Envoy's order, on the context that it concerns", () => {
    const seen: string[] = [];
    const module = guestModule(
      {
        proxy_on_context_create: say("C"),
        proxy_on_vm_start: `${say("V")} (i32.const 1)`,
        proxy_on_configure: `${say("F")} (i32.const 1)`,
        proxy_on_request_headers: `${say("R")} ${CONTINUE}`,
        proxy_on_response_headers: `${say("P")} ${CONTINUE}`,
        proxy_on_done: `${say("D")} (i32.const 1)`,
      },
      LETTERS,
    );
    const vm = Vm.load(module, { logLevel: LogLevel.Critical, onLog: (line) => seen.push(line.text) });
    const first = vm.configure("{}");
    const stream = vm.request(first.root, GET);
    const second = vm.configure("{}");
    vm.retire(first.root);
    assert.equal(first.root.finished, false, "the old root waits for its last stream");
    assert.equal(vm.liveStreams, 1);
    stream.respond(200);
    assert.equal(first.root.finished, true);
    assert.equal(vm.liveStreams, 0);
    vm.retire(second.root);
    assert.equal(second.root.finished, true, "an idle root is done at once");
    assert.equal(seen.join(""), "CVFCRCVFPDDD");
    assert.deepEqual(first.root.log.map((line) => line.text).join(""), "CVFD");
    assert.deepEqual(stream.log.map((line) => line.text).join(""), "CRPD");
    assert.equal(new Set([first.root.id, second.root.id, stream.id]).size, 3);
    assert.throws(() => vm.open(first.root, GET), /retired/);
  });

  it("a refused configuration leaves the earlier root as it is", () => {
    const module = guestModule({ proxy_on_configure: "(i32.lt_u (local.get $b) (i32.const 3))" });
    const vm = Vm.load(module);
    const good = vm.configure("{}");
    assert.equal(good.accepted, true);
    assert.equal(vm.configure("too long").accepted, false);
    assert.equal(vm.request(good.root, GET).respond(200).ended, true);
  });

  it("a trap is thrown, and the VM is dead from then on", () => {
    const vm = Vm.load(guestModule({ proxy_on_request_headers: "unreachable" }));
    const { root } = vm.configure("{}");
    assert.throws(() => vm.request(root, GET), WebAssembly.RuntimeError);
    assert.ok(vm.trap instanceof WebAssembly.RuntimeError);
    assert.throws(() => vm.configure("{}"), /this VM is dead/);
  });

  it("endless recursion of the guest is a trap as well", () => {
    const vm = Vm.load(
      guestModule({
        proxy_on_request_headers:
          "(call $proxy_on_request_headers (local.get $a) (local.get $b) (local.get $c))",
      }),
    );
    const { root } = vm.configure("{}");
    assert.throws(() => vm.request(root, GET));
    assert.notEqual(vm.trap, null);
  });

  it("header writes and filter state follow Envoy's route cache", () => {
    const data = { 0: "x-serin-a", 16: "on", 32: "serin.a", 48: "clear_route_cache" };
    const setState =
      "(drop (call $proxy_set_property (i32.const 32) (i32.const 7) (i32.const 16) (i32.const 2)))";
    const addHeader =
      "(drop (call $proxy_add_header_map_value (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 16) (i32.const 2)))";
    const removeAbsent =
      "(drop (call $proxy_remove_header_map_value (i32.const 0) (i32.const 32) (i32.const 7)))";
    const foreign =
      "(drop (call $proxy_call_foreign_function (i32.const 48) (i32.const 17) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))";
    const run = (...instructions: string[]) => {
      const vm = Vm.load(
        guestModule({ proxy_on_request_headers: `${instructions.join(" ")} ${CONTINUE}` }, data),
      );
      return vm.request(vm.configure("{}").root, GET);
    };

    const header = run(addHeader);
    assert.equal(header.requestHeaders.get("x-serin-a"), "on");
    assert.deepEqual(header.changes, [{ mapType: 0, operation: "add", name: "x-serin-a", value: "on" }]);
    assert.equal(header.routeCacheClears, 1);

    const state = run(setState);
    assert.equal(state.filterState.get("wasm.serin.a"), "on");
    assert.equal(state.routeIsStale, true);

    assert.equal(run(setState, foreign).routeIsStale, false);
    assert.equal(run(setState, foreign).foreignClears, 1);
    assert.equal(run(setState, removeAbsent).routeIsStale, false, "removing an absent header clears as well");
    assert.equal(run(foreign, setState).routeIsStale, true);
  });

  it("request headers cannot be written from the response's callbacks", () => {
    const write =
      "(call $proxy_add_header_map_value (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1))";
    const vm = Vm.load(guestModule({ proxy_on_response_headers: write }, { 0: "x" }));
    const stream = vm.request(vm.configure("{}").root, GET).onResponseHeaders([[":status", "200"]]);
    assert.equal(stream.action, 2, "BadArgument");
    assert.equal(stream.requestHeaders.get("x"), null);
  });

  it("properties: what was asked for is answered, absent ones are NotFound", () => {
    const vm = Vm.load(guestModule());
    const { root } = vm.configure("{}", "canary");
    const stream = vm.open(root, { ...GET, sourceAddress: "[2001:db8::1]:443" });
    const text = (path: string) => {
      const value = stream.property(path);
      return value === null ? null : Buffer.from(value).toString();
    };
    assert.equal(text("source\0address"), "[2001:db8::1]:443");
    assert.equal(text("plugin_root_id"), "canary");
    assert.equal(stream.property("response\0code"), null);
    assert.equal(text("response\0code_details"), null);
    stream.onResponseHeaders([[":status", "503"]]);
    assert.equal(Buffer.from(stream.property("response\0code") ?? []).readBigInt64LE(), 503n);
    assert.equal(text("response\0code_details"), "via_upstream");
    assert.equal(text("upstream\0address"), "192.0.2.1:80");
    const codeDetails = "downstream_remote_disconnect";
    stream.done({ code: null, flags: 16384, codeDetails, upstreamAddress: null });
    assert.equal(text("upstream\0address"), null);
    assert.equal(stream.property("response\0code"), null);
    assert.equal(Buffer.from(stream.property("response\0flags") ?? []).readBigInt64LE(), 16384n);
    assert.equal(vm.open(root, GET).property("source\0address"), null);
  });

  it("an HTTP call belongs to the root, and is answered there, also after its stream", () => {
    const { vm, lines } = calling({});
    const { root } = vm.configure("{}");
    const stream = vm.request(root, GET);
    stream.respond(200);
    assert.equal(vm.liveStreams, 0);
    const [call] = vm.httpCalls;
    assert.ok(call);
    assert.deepEqual([call.token, call.root, call.cluster, call.timeoutMs], [1, root, "shadow", 300]);
    assert.equal(call.header(":path"), "/copy");
    assert.equal(Buffer.from(call.body).toString(), "");
    lines.length = 0;
    call.respond(
      [
        [":status", "200"],
        ["x-a", "b"],
      ],
      "hello",
      [["x-t", "1"]],
    );
    assert.deepEqual(lines, ["token 1 headers 2 body 5 trailers 1"]);
    assert.equal(vm.httpCalls.length, 0);
    assert.equal(vm.httpCallsSent, 1);
    assert.throws(() => call.respond([[":status", "200"]]), /answered before/);

    vm.request(root, GET).done();
    lines.length = 0;
    vm.httpCalls[0]?.reset();
    assert.deepEqual(lines, ["token 2 headers 0 body 0 trailers 0"]);
  });

  it("tokens are each root's own; no host or no cluster makes no call", () => {
    const { vm } = calling({});
    const [a, b] = [vm.configure("{}").root, vm.configure("{}").root];
    for (const root of [a, b]) vm.request(root, GET).done();
    assert.deepEqual(
      vm.httpCalls.map(({ root, token }) => [root === a, token]),
      [
        [true, 1],
        [false, 1],
      ],
    );
    for (const state of ["unknown", "no-host"] as const) {
      vm.clusters = (name) => (name === "shadow" ? state : "up");
      vm.request(a, GET).done();
    }
    assert.equal(vm.httpCallsSent, 2);
  });

  it("a root that is not done yet stays for its answers, until proxy_done", () => {
    const { vm, lines } = calling({
      proxy_on_done: "(i32.const 0)",
      proxy_on_delete: say("D"),
      after: "(drop (call $proxy_done))",
    });
    const { root } = vm.configure("{}");
    for (let i = 0; i < 2; i++) vm.request(root, GET).done();
    vm.retire(root);
    assert.deepEqual([root.asked, root.finished], [true, false]);
    lines.length = 0;
    const [first, second] = vm.httpCalls;
    first?.respond([[":status", "200"]]);
    assert.deepEqual(lines, ["token 1 headers 1 body 0 trailers 0", "D"], "deleted after the callback");
    assert.equal(root.finished, true);
    assert.equal(vm.httpCalls.length, 0, "the other call is cancelled");
    second?.respond([[":status", "200"]]);
    assert.equal(lines.length, 2);
  });

  it("a root that is done at once takes its calls with it; proxy_done before is NotFound", () => {
    const { vm, lines } = calling({ proxy_on_done: "(i32.const 1)", after: "(drop (call $proxy_done))" });
    const { root } = vm.configure("{}");
    for (let i = 0; i < 2; i++) vm.request(root, GET).done();
    vm.httpCalls[0]?.respond([[":status", "200"]]);
    assert.equal(root.finished, false, "it was not asked to be done");
    vm.retire(root);
    assert.equal(root.finished, true);
    lines.length = 0;
    assert.equal(vm.httpCalls.length, 0);
    assert.deepEqual(lines, []);
  });

  it("bodies are read in their own callback, piece by piece", () => {
    const read = (type: number, start: number, length: number) =>
      `(drop (call $proxy_get_buffer_bytes (i32.const ${type}) (i32.const ${start}) (i32.const ${length}) (i32.const 200) (i32.const 204)))
       (drop (call $proxy_log (i32.const 5) (i32.load (i32.const 200)) (i32.load (i32.const 204))))`;
    const absent = (type: number) =>
      `(if (i32.ne (i32.const 1) (call $proxy_get_buffer_bytes (i32.const ${type}) (i32.const 0) (i32.const 9) (i32.const 200) (i32.const 204))) (then (unreachable)))`;
    const module = guestModule({
      proxy_on_request_headers: `${absent(0)} ${absent(1)} ${CONTINUE}`,
      proxy_on_request_body: `${read(0, 1, 3)} ${absent(1)} ${absent(4)} (i32.eq (local.get $b) (i32.const 5))`,
      proxy_on_request_trailers: `${absent(0)} (local.get $b)`,
      proxy_on_response_body: `${read(1, 4, 100)} ${absent(0)} (local.get $c)`,
    });
    const lines: string[] = [];
    const vm = Vm.load(module, { onLog: (line) => lines.push(line.text) });
    const stream = vm.request(vm.configure("{}").root, { ...GET, endOfStream: false });
    assert.equal(stream.onRequestBody(Buffer.from("01234"), false).action, 1);
    assert.equal(stream.onRequestBody(Buffer.from(""), true).action, 0);
    assert.equal(stream.onRequestTrailers([["x-a", "b"]]).action, 1);
    assert.equal(stream.onResponseBody(Buffer.from("abcdef"), true).action, 1);
    assert.deepEqual(lines, ["123", "", "ef"]);
  });

  it("several VMs may share their stats, as workers do", () => {
    const count = `(drop (call $proxy_define_metric (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 200)))
      (drop (call $proxy_increment_metric (i32.load (i32.const 200)) (i64.const 1))) (i32.const 1)`;
    const module = guestModule({ proxy_on_configure: count }, { 0: "n" });
    const metrics = new Metrics();
    for (const vm of [Vm.load(module, { metrics }), Vm.load(module, { metrics })]) vm.configure("{}");
    assert.equal(metrics.read("n"), 2n);
  });

  it("clock, randomness and memory are in the test's hand", () => {
    const module = guestModule({
      proxy_on_configure:
        "(call $proxy_get_current_time_nanoseconds (i32.const 8)) (drop) (i64.eq (i64.load (i32.const 8)) (i64.const 42))",
      proxy_on_request_headers:
        "(drop (call $random_get (i32.const 16) (i32.const 4))) (i32.load (i32.const 16))",
    });
    const vm = Vm.load(module, { clock: () => 42n, random: (size) => new Uint8Array(size).fill(1) });
    const { accepted, root } = vm.configure("{}");
    assert.equal(accepted, true);
    assert.equal(vm.memorySize, 2 * 65536);
    assert.equal(vm.request(root, GET).action, 0x01010101);
    vm.clock = () => 43n;
    assert.equal(vm.configure("{}").accepted, false);
  });
});
