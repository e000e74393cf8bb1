// Envoy calls in one order nearly always; the filter lives with any.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { RecordingHost } from "./recording-host.ts";
import { callsOf, CANARY, DEFAULT, policy, ROOT, serving } from "./serving.ts";

describe("callbacks in any order", () => {
  const TOTAL = "serin.rollout.checkout.stable.rq_total";
  const ACTIVE = "serin.rollout.checkout.stable.rq_active";

  function settled(host: RecordingHost, total: number): void {
    assert.equal(host.stat(TOTAL), total);
    assert.equal(host.stat(ACTIVE), 0);
    callsOf(host, DEFAULT, 1000);
    assert.equal(host.stat(TOTAL), total + 1, "the next request is served");
    assert.equal(host.stat(ACTIVE), 0);
  }

  test("a stream that ends without request headers", () => {
    const host = serving();
    host.call("proxy_on_context_create", 10, ROOT);
    assert.equal(host.done(10), 1);
    assert.deepEqual(host.calls, []);
    settled(host, 1);
  });

  test("a response before the request, or without one", () => {
    const host = serving();
    host.call("proxy_on_context_create", 10, ROOT);
    assert.equal(host.respond(10, 400), 0);
    assert.equal(host.request(10, DEFAULT), 0);
    host.done(10);
    host.call("proxy_on_context_create", 11, ROOT);
    assert.equal(host.respond(11, 503), 0);
    host.done(11);
    settled(host, 2);
  });

  test("the same stream created twice, ended twice", () => {
    const host = serving();
    host.begin(10, ROOT, DEFAULT);
    host.call("proxy_on_context_create", 10, ROOT);
    host.respond(10, 200);
    assert.equal(host.done(10), 1);
    assert.equal(host.done(10), 1);
    assert.equal(host.done(10), 1);
    settled(host, 2);
  });

  test("a stream that is logged twice, or done without being logged", () => {
    const host = serving();
    host.begin(10, ROOT, DEFAULT);
    host.respond(10, 200);
    host.call("proxy_on_log", 10);
    host.call("proxy_on_log", 10);
    host.done(10);
    host.begin(11, ROOT, DEFAULT);
    host.respond(11, 200);
    assert.equal(host.call("proxy_on_done", 11), 1);
    host.call("proxy_on_log", 11);
    settled(host, 3);
    assert.equal(host.stat("serin.rollout.checkout.stable.rq_2xx"), 4);
  });

  test("request headers twice are counted twice, and end twice", () => {
    const host = serving();
    host.begin(10, ROOT, DEFAULT);
    host.request(10, DEFAULT);
    host.respond(10, 200);
    host.done(10);
    settled(host, 3);
  });

  test("ids that were never created, or are over", () => {
    const host = serving();
    for (const id of [0, 77, 0x7fffffff, -1]) {
      assert.equal(host.respond(id, 200), 0);
      assert.equal(host.call("proxy_on_response_body", id, 10, 1), 0);
      assert.equal(host.call("proxy_on_response_trailers", id, 0), 0);
      assert.equal(host.call("proxy_on_request_trailers", id, 0), 0);
      host.call("proxy_on_log", id);
      assert.equal(host.done(id), 1);
    }
    assert.equal(host.stat("serin.error"), 0);
    assert.equal(host.request(77, DEFAULT), 0);
    assert.equal(host.stat("serin.error"), 1);
    assert.deepEqual(host.context(77).request?.toPairs(), DEFAULT);
    // Whoever it is of, what the client forged goes.
    host.request(77, [...DEFAULT, ["x-serin-checkout", "canary"]]);
    assert.deepEqual(host.context(77).request?.toPairs(), DEFAULT);
    assert.deepEqual(host.trailers(77, [["x_serin_checkout", "canary"]]), []);
    settled(host, 1);
  });

  test("a stream of a root that is not there, or of another stream", () => {
    const host = serving();
    host.call("proxy_on_context_create", 10, 999);
    assert.equal(host.request(10, CANARY), 0);
    host.begin(11, ROOT, DEFAULT);
    host.call("proxy_on_context_create", 12, 11);
    assert.equal(host.request(12, CANARY), 0);
    assert.equal(host.stat("serin.error"), 2);
    for (const id of [10, 12]) {
      assert.deepEqual(host.context(id).request?.toPairs(), CANARY);
      assert.equal(host.done(id), 1);
    }
    host.respond(11, 200);
    host.done(11);
    settled(host, 2);
  });

  test("a stream's callbacks on a root's id", () => {
    const host = serving();
    assert.equal(host.request(ROOT, CANARY), 0);
    assert.equal(host.respond(ROOT, 200), 0);
    assert.equal(host.call("proxy_on_response_trailers", ROOT, 0), 0);
    settled(host, 1);
  });

  test("a root configured twice serves the newer policy; one configured without being created serves too", () => {
    const host = serving();
    assert.ok(host.configure(ROOT, policy({}, { announce: "all" })));
    host.begin(10, ROOT, DEFAULT);
    assert.equal(host.context(10).request?.get("x-serin-checkout"), "stable");
    host.respond(10, 200);
    host.done(10);
    const text = JSON.stringify(policy());
    host.context(500).configuration = Buffer.from(text);
    assert.equal(host.call("proxy_on_configure", 500, text.length), 1);
    host.begin(11, 500, CANARY);
    assert.equal(host.context(11).request?.get("x-serin-checkout"), "canary");
    host.respond(11, 200);
    host.done(11);
    settled(host, 2);
  });

  test("a root that ends before its streams: they keep its policy", () => {
    const host = serving();
    host.begin(10, ROOT, CANARY);
    host.call("proxy_on_context_create", 11, ROOT);
    assert.equal(host.done(ROOT), 1);
    assert.ok(host.configure(200, policy({}, { default: "canary", variants: { stable: {}, canary: {} } })));
    host.request(11, CANARY);
    assert.equal(host.context(11).request?.get("x-serin-cluster"), "v2");
    for (const id of [10, 11]) {
      host.respond(id, 200);
      host.done(id);
    }
    assert.equal(host.stat("serin.rollout.checkout.canary.rq_active"), 0);
    assert.equal(host.stat("serin.rollout.checkout.canary.rq_2xx"), 2);
    assert.equal(host.stat("serin.error"), 0);
  });
});
