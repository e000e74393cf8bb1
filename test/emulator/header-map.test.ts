import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { HeaderMap } from "../../tools/emulator/index.ts";

const pairs = (map: HeaderMap) => map.toPairs().map(([name, value]) => `${name}=${value}`);

describe("header map", () => {
  it("lower-cases names, keeps order and repetition, and puts pseudo headers first", () => {
    const map = new HeaderMap("request", [
      ["X-B", "1"],
      [":path", "/"],
      ["x-a", "2"],
      [":method", "GET"],
      ["X-b", "3"],
    ]);
    assert.deepEqual(pairs(map), [":path=/", ":method=GET", "x-b=1", "x-a=2", "x-b=3"]);
    assert.deepEqual(map.getAll("X-B"), ["1", "3"]);
    assert.equal(map.get("x-b"), "1");
    assert.equal(map.get("x-c"), null);
  });

  it("treats host as :authority", () => {
    const map = new HeaderMap("request", [["Host", "a.example"]]);
    assert.deepEqual(pairs(map), [":authority=a.example"]);
    map.remove("host");
    assert.equal(map.size, 0);
  });

  it("joins the request headers that Envoy 1.40.0 was measured to join, and those alone", () => {
    const joined = `accept accept-encoding authorization cache-control cdn-loop content-encoding content-type
      grpc-accept-encoding if-match if-none-match if-range origin pragma referer user-agent via x-envoy-original-path
      x-forwarded-for x-forwarded-host x-forwarded-port x-request-id`;
    const apart = `accept-language cookie date dnt etag forwarded grpc-encoding grpc-status location priority range
      sec-fetch-site server set-cookie traceparent vary x-b x-real-ip`;
    const of = (name: string) =>
      new HeaderMap("request", [
        [name, "a"],
        [name, "b"],
      ]).getAll(name);
    for (const name of joined.split(/\s+/)) assert.deepEqual(of(name), ["a,b"], name);
    for (const name of apart.split(/\s+/)) assert.deepEqual(of(name), ["a", "b"], name);
  });

  it("joins what Envoy keeps in one slot, and keeps cookies apart", () => {
    const map = new HeaderMap("request", [
      ["x-forwarded-for", "1.1.1.1"],
      ["cookie", "a=1"],
      ["x-forwarded-for", "2.2.2.2"],
      ["cookie", "b=2"],
    ]);
    assert.deepEqual(pairs(map), ["x-forwarded-for=1.1.1.1,2.2.2.2", "cookie=a=1", "cookie=b=2"]);
  });

  it("replaces all of a name by one at the end, and removes all of a name", () => {
    const map = new HeaderMap("request", [
      [":path", "/"],
      ["x-a", "1"],
      ["x-b", "2"],
      ["x-a", "3"],
    ]);
    map.replace("X-A", Buffer.from("4"));
    assert.deepEqual(pairs(map), [":path=/", "x-b=2", "x-a=4"]);
    map.remove("X-A");
    map.remove("x-absent");
    assert.deepEqual(pairs(map), [":path=/", "x-b=2"]);
    map.remove(":path");
    map.add(":path", Buffer.from("/new"));
    map.add("x-c", Buffer.from(""));
    map.add("set-cookie", Buffer.from("a"));
    map.add("set-cookie", Buffer.from("b"));
    assert.deepEqual(pairs(map), [":path=/new", "x-b=2", "x-c=", "set-cookie=a", "set-cookie=b"]);
  });

  it("keeps bytes that are no UTF-8", () => {
    const map = new HeaderMap("request", [["x", new Uint8Array([0xff, 0x00, 0xfe])]]);
    assert.deepEqual([...(map.getBytes("x") ?? [])], [0xff, 0x00, 0xfe]);
  });

  it("serializes as Envoy hands pairs to a guest", () => {
    const map = new HeaderMap("request", [
      [":path", "/ü"],
      ["x-a", ""],
    ]);
    const block = Buffer.from(map.serialize());
    const words = [0, 4, 8, 12, 16].map((at) => block.readUInt32LE(at));
    assert.deepEqual(words, [2, 5, 3, 3, 0]);
    assert.equal(block.subarray(20).toString(), ":path\0/ü\0x-a\0\0");
    assert.equal(new HeaderMap("response").serialize().length, 0);
  });
});
