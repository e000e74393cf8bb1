// How much is counted: gRPC and overflow beside the class of an answer, and what becomes of a control group when policies
// change. Every kind of ending on a real Envoy: test/e2e/signals.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Vm, type HeaderPairs, type Root, type Stream, type StreamEnd } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

const NO_HOST = 2;
const OVERFLOW = 128;

/** Everybody with an identity is of the control group: the other variant is larger than the default. */
function policy(signals: string): string {
  const variants = { stable: {}, canary: { percent: 50 } };
  return JSON.stringify({
    identity: [{ header: "x-user" }],
    rollouts: { checkout: { default: "stable", variants, signals, force: { header: "x-force" } } },
  });
}

function open(vm: Vm, root: Root, ...more: [string, string][]): Stream {
  const headers: [string, string][] = [
    [":method", "POST"],
    [":scheme", "http"],
    [":authority", "shop.example.com"],
    [":path", "/"],
    ...more,
  ];
  return vm.request(root, { headers });
}

/** Counters of a variant that are not 0. */
function counts(vm: Vm, variant: string): Record<string, number> {
  const leaves = [
    "rq_total",
    "rq_2xx",
    "rq_5xx",
    "rq_reset",
    "rq_overflow",
    "grpc_ok",
    "grpc_error",
    "rq_active",
  ];
  const values = leaves.map((leaf) => [leaf, read(vm, variant, leaf)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== 0));
}

function read(vm: Vm, variant: string, leaf: string): number {
  return Number(vm.metrics.read(`serin.rollout.checkout.${variant}.${leaf}`) ?? 0);
}

/** One request of this content-type, answered so. */
function countsOf(type: string, response: HeaderPairs, end: StreamEnd): Record<string, number> {
  const vm = Vm.load(filterModule());
  const { root } = vm.configure(policy("full"));
  open(vm, root, ["content-type", type]).onResponseHeaders(response, true).done(end);
  return counts(vm, "stable");
}

describe("gRPC", () => {
  const OK: HeaderPairs = [[":status", "200"]];
  const one = { rq_total: 1, rq_2xx: 1 };

  it("is ok by the status of trailers or headers, in error by any other; where HTTP has no 2xx, its class says so alone", () => {
    for (const type of ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"]) {
      assert.deepEqual(countsOf(type, OK, { grpcStatus: 0 }), { ...one, grpc_ok: 1 });
      assert.deepEqual(countsOf(type, OK, { grpcStatus: 5 }), { ...one, grpc_error: 1 });
      assert.deepEqual(countsOf(type, [...OK, ["grpc-status", "0"]], {}), { ...one, grpc_ok: 1 });
      assert.deepEqual(countsOf(type, [...OK, ["grpc-status", "14"]], {}), { ...one, grpc_error: 1 });
      assert.deepEqual(countsOf(type, OK, {}), { ...one, grpc_error: 1 });
      const failed = { rq_total: 1, rq_5xx: 1 };
      assert.deepEqual(countsOf(type, [[":status", "503"]], {}), failed);
    }
  });

  it("of gRPC-Web is told where an answer without a body has the status in its headers", () => {
    for (const type of ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text"]) {
      assert.deepEqual(countsOf(type, [...OK, ["grpc-status", "0"]], {}), { ...one, grpc_ok: 1 });
      assert.deepEqual(countsOf(type, [...OK, ["grpc-status", "13"]], {}), { ...one, grpc_error: 1 });
      assert.deepEqual(countsOf(type, [...OK, ["grpc-status", "?"]], {}), one);
    }
  });

  it("is not what only looks like it", () => {
    for (const type of ["application/grpc-web", "application/grpcx", "application/json", ""]) {
      assert.deepEqual(countsOf(type, OK, { grpcStatus: 5 }), one, type);
    }
  });
});

describe("rq_overflow", () => {
  it("is Envoy's own 503, without a host or without room", () => {
    const failed = { rq_total: 1, rq_5xx: 1 };
    for (const flags of [NO_HOST, OVERFLOW]) {
      assert.deepEqual(countsOf("", [[":status", "503"]], { flags }), { ...failed, rq_overflow: 1 });
    }
    assert.deepEqual(countsOf("", [[":status", "503"]], { flags: 64 }), failed);
    assert.deepEqual(countsOf("", [[":status", "503"]], {}), failed);
  });

  it("is also the 200 that Envoy makes of it for gRPC", () => {
    const unavailable: HeaderPairs = [
      [":status", "200"],
      ["grpc-status", "14"],
    ];
    const failed = { rq_total: 1, rq_2xx: 1, grpc_error: 1 };
    for (const flags of [NO_HOST, OVERFLOW]) {
      assert.deepEqual(countsOf("application/grpc", unavailable, { flags }), { ...failed, rq_overflow: 1 });
    }
    assert.deepEqual(countsOf("application/grpc", unavailable, {}), failed);
  });
});

describe("a control group", () => {
  const user: [string, string] = ["x-user", "nobody in particular"];

  it("goes with the policy that wants it, and its requests are counted to their end", () => {
    const vm = Vm.load(filterModule());
    const matched = vm.configure(policy("matched"));
    const salts = ["a", "b", "c", "d", "e", "f"].map((name) => open(vm, matched.root, ["x-user", name]));
    assert.equal(read(vm, "control", "share"), 50_000);
    const under = read(vm, "control", "rq_active");
    assert.ok(under > 0 && under < salts.length);
    assert.equal(under + read(vm, "canary", "rq_active"), salts.length);
    const counting = vm.configure(policy("count"));
    assert.equal(counting.accepted, true);
    vm.retire(matched.root);
    for (const stream of salts) stream.respond(200);
    assert.equal(read(vm, "control", "share"), 50_000);
    assert.deepEqual(counts(vm, "control"), { rq_total: under, rq_2xx: under });
    const before = counts(vm, "canary");
    for (const name of ["a", "b", "c"]) open(vm, counting.root, ["x-user", name]).respond(200);
    assert.deepEqual(counts(vm, "control"), { rq_total: under, rq_2xx: under });
    assert.equal(counts(vm, "canary")["rq_2xx"], before["rq_2xx"]);
    assert.equal(read(vm, "canary", "rq_total") + read(vm, "stable", "rq_total"), salts.length + 3);
    assert.equal(vm.trap, null);
  });

  it("has neither testers nor visitors without an identity", () => {
    const vm = Vm.load(filterModule());
    const { root } = vm.configure(policy("matched"));
    open(vm, root, user, ["x-force", "stable"]).respond(200);
    open(vm, root).respond(200);
    assert.deepEqual(counts(vm, "control"), {});
    assert.deepEqual(counts(vm, "stable"), { rq_total: 2 });
  });
});
