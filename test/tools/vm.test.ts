// The life of roots and streams in one VM, with guests of a few instructions.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { LogLevel, Metrics, Vm } from "../../tools/emulator/index.ts";
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
    stream.done({ code: null, flags: 16384, codeDetails: "downstream_remote_disconnect" });
    assert.equal(stream.property("response\0code"), null);
    assert.equal(Buffer.from(stream.property("response\0flags") ?? []).readBigInt64LE(), 16384n);
    assert.equal(vm.open(root, GET).property("source\0address"), null);
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
