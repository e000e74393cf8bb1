// What the filter does at the ends of a request and of a response: trailers, and answers whose end never passed.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Vm, type Stream } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

const POLICY = JSON.stringify({
  identity: [{ cookie: "uid" }],
  rollouts: { checkout: { default: "stable", variants: { stable: {}, canary: { percent: 50 } } } },
});

function begin(vm: Vm): Stream {
  const { root } = vm.configure(POLICY);
  return vm.request(root, {
    headers: [
      [":method", "GET"],
      [":scheme", "http"],
      [":authority", "shop.example.com"],
      [":path", "/"],
    ],
    endOfStream: false,
  });
}

/** How many of the stream's endings are counted under this leaf. */
function count(vm: Vm, leaf: string): number {
  return Number(vm.metrics.read(`serin.rollout.checkout.stable.${leaf}`));
}

/** An answer of these pieces whose end of stream never passes the filter. */
function answerWithoutEnd(length: string | null, pieces: number[]): Vm {
  const vm = Vm.load(filterModule());
  const stream = begin(vm);
  const headers: [string, string][] = [[":status", "200"]];
  if (length !== null) headers.push(["content-length", length]);
  stream.onResponseHeaders(headers);
  for (const size of pieces) stream.onResponseBody(Buffer.alloc(size), false);
  stream.done();
  return vm;
}

describe("the end of a request", () => {
  it("a client's own x-serin-* trailers are taken away, all others stay", () => {
    const vm = Vm.load(filterModule());
    const stream = begin(vm);
    stream.onRequestTrailers([
      ["x-serin-checkout", "canary"],
      ["x-checksum", "1"],
      ["x-serin-cluster", "other"],
      ["x-serin-checkout", "again"],
    ]);
    assert.equal(stream.requestTrailers?.get("x-serin-checkout") ?? null, null);
    assert.equal(stream.requestTrailers?.get("x-serin-cluster") ?? null, null);
    assert.equal(stream.requestTrailers?.get("x-checksum"), "1");
    stream.respond(200);
    assert.equal(vm.trap, null);
  });
});

describe("an answer whose end did not pass", () => {
  it("is whole when all that its content-length promises did", () => {
    for (const pieces of [[10], [4, 6], [10, 0]]) {
      const vm = answerWithoutEnd("10", pieces);
      assert.deepEqual([count(vm, "rq_2xx"), count(vm, "rq_reset"), count(vm, "rq_active")], [1, 0, 0]);
    }
    assert.equal(count(answerWithoutEnd("0", []), "rq_2xx"), 1);
  });

  it("is cut when less passed, or when nothing is promised", () => {
    for (const vm of [
      answerWithoutEnd("10", [9]),
      answerWithoutEnd("10", []),
      answerWithoutEnd(null, [10]),
      answerWithoutEnd("ten", [10]),
      answerWithoutEnd("", [0]),
      answerWithoutEnd("18446744073709551626", [10]),
    ]) {
      assert.deepEqual([count(vm, "rq_2xx"), count(vm, "rq_reset"), count(vm, "rq_active")], [0, 1, 0]);
    }
  });
});
