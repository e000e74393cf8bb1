// What passes between Envoy and the filter, call by call: the one place that pins host calls. All other tests look at
// decisions, effects and stats.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";
import { RecordingHost } from "./recording-host.ts";
import { callsOf, CANARY, DEFAULT, headers, policy, ROOT, serving } from "./serving.ts";

const SECOND = 1_000_000_000n;

function given(variant: string): string[] {
  return [`increment ${variant}.rq_total 1`, `increment ${variant}.rq_active 1`];
}

function ended(variant: string, leaf = "rq_2xx"): string[] {
  return [
    "property response.code",
    "allocate",
    "time",
    `increment ${variant}.${leaf} 1`,
    `increment ${variant}.rq_active -1`,
    `record ${variant}.rq_time 0`,
  ];
}

describe("the module", () => {
  test("exports what Envoy calls and nothing else", () => {
    assert.deepEqual(
      WebAssembly.Module.exports(filterModule())
        .map(({ name }) => name)
        .sort(),
      [
        "_initialize",
        "memory",
        "proxy_abi_version_0_2_1",
        "proxy_on_configure",
        "proxy_on_context_create",
        "proxy_on_done",
        "proxy_on_http_call_response",
        "proxy_on_log",
        "proxy_on_memory_allocate",
        "proxy_on_request_body",
        "proxy_on_request_headers",
        "proxy_on_request_trailers",
        "proxy_on_response_body",
        "proxy_on_response_headers",
        "proxy_on_response_trailers",
        "proxy_on_tick",
        "proxy_on_vm_start",
        "serin_evaluate",
      ],
    );
  });

  test("imports what it calls and nothing else", () => {
    const imports = WebAssembly.Module.imports(filterModule());
    assert.deepEqual(imports.map(({ module, name }) => `${module}.${name}`).sort(), [
      "env.proxy_add_header_map_value",
      "env.proxy_call_foreign_function",
      "env.proxy_define_metric",
      "env.proxy_done",
      "env.proxy_get_buffer_bytes",
      "env.proxy_get_current_time_nanoseconds",
      "env.proxy_get_header_map_pairs",
      "env.proxy_get_log_level",
      "env.proxy_get_metric",
      "env.proxy_get_property",
      "env.proxy_get_shared_data",
      "env.proxy_http_call",
      "env.proxy_increment_metric",
      "env.proxy_log",
      "env.proxy_record_metric",
      "env.proxy_remove_header_map_value",
      "env.proxy_replace_header_map_value",
      "env.proxy_send_local_response",
      "env.proxy_set_property",
      "env.proxy_set_shared_data",
      "env.proxy_set_tick_period_milliseconds",
      "wasi_snapshot_preview1.random_get",
    ]);
  });
});

describe("the host calls of one request", () => {
  test("the default variant: one call that returns bytes before the end, nothing written", () => {
    const calls = callsOf(serving(), DEFAULT);
    assert.deepEqual(calls, ["time", "pairs request", "allocate", ...given("stable"), ...ended("stable")]);
    const end = calls.indexOf("property response.code");
    assert.equal(calls.slice(0, end).filter((call) => call === "allocate").length, 1);
  });

  test("a variant by header: one write for it, one for its cluster, no clearing", () => {
    assert.deepEqual(callsOf(serving(), CANARY), [
      "time",
      "pairs request",
      "allocate",
      "replace x-serin-checkout: canary",
      "replace x-serin-cluster: v2",
      ...given("canary"),
      ...ended("canary"),
    ]);
  });

  test("a variant by filter state: two writes, then the cheapest call that clears the route cache", () => {
    assert.deepEqual(callsOf(serving({ steer: "filterState" }), CANARY), [
      "time",
      "pairs request",
      "allocate",
      "state serin.checkout: canary",
      "state serin.cluster: v2",
      "remove x-envoy-ip-tags",
      ...given("canary"),
      ...ended("canary"),
    ]);
  });

  test("that call would take a client's x-envoy-ip-tags away: with one the foreign function is called", () => {
    assert.deepEqual(callsOf(serving({ steer: "filterState" }), [...CANARY, ["x-envoy-ip-tags", "a"]]), [
      "time",
      "pairs request",
      "allocate",
      "state serin.checkout: canary",
      "state serin.cluster: v2",
      "foreign clear_route_cache",
      ...given("canary"),
      ...ended("canary"),
    ]);
  });

  test("a default by filter state: nothing is written, nothing is cleared", () => {
    assert.deepEqual(callsOf(serving({ steer: "filterState" }), DEFAULT), [
      "time",
      "pairs request",
      "allocate",
      ...given("stable"),
      ...ended("stable"),
    ]);
  });

  test("an issued cookie: random bytes for many visitors ahead of them, one write each way", () => {
    const host = new RecordingHost();
    assert.ok(
      host.configure(ROOT, policy({ identity: [{ issueCookie: { name: "sid" } }], steer: "filterState" })),
    );
    host.now = 1n;
    host.forget();
    // Before anything is decided, whoever comes first; room for what one request may draw, and 64 draws beyond it.
    assert.deepEqual(callsOf(host, headers(["cookie", "sid=1"]), 2).slice(0, 4), [
      "time",
      "pairs request",
      "allocate",
      "random 1072",
    ]);
    const visitor = headers(["cookie", "a=1"]);
    // 00112233445566778899aabbccddeeff lies at 31.72 %, so it is given the canary.
    const id = "00112233445566778899aabbccddeeff";
    const begun = [
      "state serin.checkout: canary",
      "state serin.cluster: v2",
      `replace cookie: a=1; sid=${id}`,
      ...given("canary"),
      // What the response says of caches.
      "pairs response",
      "allocate",
      `add set-cookie: sid=${id}; Path=/; HttpOnly; SameSite=Lax`,
      ...ended("canary"),
    ];
    for (let id = 3; id < 68; id++) {
      assert.deepEqual(callsOf(host, visitor, id), ["time", "pairs request", "allocate", ...begun]);
    }
    assert.deepEqual(callsOf(host, visitor, 68), [
      "time",
      "pairs request",
      "allocate",
      "random 1040",
      ...begun,
    ]);
  });

  test("forged headers: one removal each, before anything is written", () => {
    const forged: [string, string][] = [
      ["X-Serin-B", "1"],
      ["x-serin-checkout", "2"],
      ["x-serin-b", "3"],
      ["X_Serin_Checkout", "4"],
      ["x-serinette", "5"],
    ];
    assert.deepEqual(callsOf(serving(), [...CANARY, ...forged]), [
      "time",
      "pairs request",
      "allocate",
      "remove x-serin-b",
      "remove x-serin-checkout",
      "remove x_serin_checkout",
      "replace x-serin-checkout: canary",
      "replace x-serin-cluster: v2",
      ...given("canary"),
      ...ended("canary"),
    ]);
  });

  test("a disabled rollout: as the default variant", () => {
    assert.deepEqual(callsOf(serving({}, { state: "DISABLED" }), CANARY), [
      "time",
      "pairs request",
      "allocate",
      ...given("stable"),
      ...ended("stable"),
    ]);
  });

  test("a rollout that does not apply: the headers are read, and that is all", () => {
    const elsewhere = serving({}, { match: [{ path: { value: "/other" } }] });
    assert.deepEqual(callsOf(elsewhere, CANARY), ["time", "pairs request", "allocate"]);
  });

  test("the client's address is asked for only when it decides", () => {
    const host = serving({ identity: [{ cookie: "uid" }, { sourceAddress: true }] });
    assert.ok(!callsOf(host, CANARY).includes("property source.address"));
    assert.equal(callsOf(host, headers()).filter((call) => call === "property source.address").length, 1);
  });

  test("the log level is asked for by the first request after a policy, then at most once a second", () => {
    const host = serving();
    const asked = (): number => callsOf(host, DEFAULT).filter((call) => call === "level").length;
    assert.equal(asked(), 0);
    host.now += SECOND - 1n;
    assert.equal(asked(), 0);
    host.now += 1n;
    assert.equal(asked(), 1);
    assert.equal(asked(), 0);
    assert.ok(host.configure(ROOT + 100, policy({ metadata: { version: "2" } })));
    host.forget();
    assert.equal(asked(), 1);
    assert.equal(asked(), 0);
  });

  test("lines are written at debug level alone, reasons at trace level", () => {
    for (const [logLevel, lines] of [
      [2, []],
      [1, ["log 1"]],
      [0, ["log 1", "log 0"]],
    ] as const) {
      const host = new RecordingHost({ logLevel });
      assert.ok(host.configure(ROOT, policy()));
      host.forget();
      assert.deepEqual(
        callsOf(host, DEFAULT).filter((call) => call.startsWith("log")),
        lines,
      );
    }
  });
});

test("a copy and an issued cookie: the response's headers are read once for both", () => {
  const reads: string[] = [];
  const answer = (call: string): null => {
    if (call === "proxy_get_header_map_pairs") reads.push(call);
    return null;
  };
  const vm = Vm.load(filterModule(), { answer });
  const shadow = { percent: 100, cluster: "up", compare: { body: { json: true } } };
  const policy = {
    identity: [{ issueCookie: { name: "sid" } }],
    rollouts: { checkout: { default: "a", variants: { a: {}, b: { percent: 50 } } } },
    shadows: { s: shadow },
  };
  const { root, accepted } = vm.configure(JSON.stringify(policy));
  assert.ok(accepted);
  const headers: [string, string][] = [
    [":method", "GET"],
    [":path", "/"],
    [":authority", "shop.example.com"],
    [":scheme", "http"],
  ];
  const stream = vm.request(root, { headers });
  const before = reads.length;
  stream.onResponseHeaders([[":status", "200"]], false);
  assert.equal(reads.length - before, 1);
  assert.match(stream.responseHeaders?.get("set-cookie") ?? "", /^sid=/);
  stream.onResponseBody(Buffer.from("{}"), true);
  vm.httpCalls[0]?.respond([[":status", "200"]], "{}");
  stream.done();
  assert.equal(vm.metrics.read("serin.shadow.s.match"), 1n);
});
