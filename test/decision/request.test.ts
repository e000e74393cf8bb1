import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { readRequest, RequestFault } from "../../tools/decision/request.ts";

const pairs = (value: object) =>
  [...readRequest(value).stream.headers].map(([name, text]) => `${name}=${String(text)}`);
const fault = (value: unknown): string => {
  try {
    readRequest(value);
  } catch (error) {
    assert.ok(error instanceof RequestFault);
    return `${error.pointer}: ${error.message}`;
  }
  return "no fault";
};

describe("request", () => {
  it("becomes what Envoy hands to the filter, the path byte for byte", () => {
    assert.deepEqual(pairs({ url: "HTTPS://Shop.example.com:8443/a/../b//%7e?x=%20+&y=é#frag" }), [
      ":authority=Shop.example.com:8443",
      ":path=/a/../b//%7e?x=%20+&y=é",
      ":method=GET",
      ":scheme=https",
    ]);
    assert.equal(pairs({ url: "http://a" })[1], ":path=/");
    assert.equal(pairs({ url: "http://a?q" })[1], ":path=/?q");
  });

  it("lower-cases header names, keeps repetitions, trims blanks, and lets Host name the authority", () => {
    const headers = { "X-B": ["1", " 2\t"], host: "other.example", cookie: "uid=42" };
    assert.deepEqual(pairs({ url: "http://a/", method: "POST", headers }), [
      ":authority=other.example",
      ":path=/",
      ":method=POST",
      ":scheme=http",
      "x-b=1",
      "x-b=2",
      "cookie=uid=42",
    ]);
  });

  it("has a body where its headers announce one", () => {
    const ends = (headers: object) => readRequest({ url: "http://a", headers }).stream.endOfStream;
    assert.equal(ends({}), true);
    assert.equal(ends({ "Content-Length": "0" }), true);
    assert.equal(ends({ "Content-Length": "70000" }), false);
    assert.equal(ends({ "transfer-encoding": "chunked" }), false);
    assert.equal(pairs({ url: "http://a", headers: { "Transfer-Encoding": "chunked" } }).length, 4);
  });

  it("gives addresses a port and IPv6 brackets", () => {
    const address = (sourceAddress: string) =>
      readRequest({ url: "http://a", sourceAddress }).stream.sourceAddress;
    assert.equal(address("203.0.113.7"), "203.0.113.7:0");
    assert.equal(address("2001:db8::1"), "[2001:db8::1]:0");
    assert.equal(readRequest({ url: "http://a" }).stream.sourceAddress, undefined);
  });

  it("reads RFC 3339 to the nanosecond", () => {
    const time = (text: string) => readRequest({ url: "http://a", time: text }).time;
    assert.equal(time("1970-01-01T00:00:00Z"), 0n);
    assert.equal(time("2026-11-23T09:00:00.000000001Z"), 1795424400000000001n);
    assert.equal(time("2026-11-23T10:30:00+01:30"), 1795424400000000000n);
    assert.equal(readRequest({ url: "http://a" }).time, null);
  });

  it("says what is wrong, and where", () => {
    const cases: [unknown, RegExp][] = [
      [null, /^: a request must be an object, got null/],
      [[], /^: .*got a list/],
      [{}, /^: url is missing/],
      [{ url: "http://a", "b/c": 1 }, /^\/b~1c: unknown key; known: /],
      [{ url: 5 }, /^\/url: must be a string, got a number/],
      [{ url: "only/path" }, /^\/url: must be like https:\/\/host\/path or \/path/],
      [{ url: "/a b" }, /^\/url: must not contain spaces/],
      [{ url: "ftp://a/" }, /^\/url: must be http or https/],
      [{ url: "http:///x" }, /^\/url: must name a host/],
      [{ url: "http://a:70000/" }, /^\/url: must name a host/],
      [{ url: "http://u:p@a/" }, /^\/url: must not contain user information/],
      [{ url: "http://a/b c" }, /^\/url: must not contain spaces/],
      [{ url: "http://a/\n" }, /^\/url: must not contain spaces/],
      [{ url: "http://a", method: "GE T" }, /^\/method: must be an HTTP method/],
      [{ url: "http://a", method: null }, /^\/method: must be a string, got null/],
      [{ url: "http://a", headers: [] }, /^\/headers: must be an object/],
      [{ url: "http://a", headers: { "x y": "" } }, /^\/headers\/x y: must be a valid header name/],
      [{ url: "http://a", headers: { ":path": "/" } }, /^\/headers\/:path: must not be a pseudo-header/],
      [{ url: "http://a", headers: { x: [1] } }, /^\/headers\/x: must be a string or a list of strings/],
      [{ url: "http://a", headers: { x: "a\r\nb" } }, /^\/headers\/x: must not contain a line break/],
      [{ url: "http://a", sourceAddress: "1.2.3" }, /^\/sourceAddress: must be an IP/],
      [{ url: "http://a", sourceAddress: "1.2.3.4:80" }, /^\/sourceAddress: must be an IP/],
      [{ url: "http://a", time: "yesterday" }, /^\/time: must be like/],
      [{ url: "http://a", time: "2026-02-29T00:00:00Z" }, /^\/time: must be like/],
      [{ url: "http://a", time: "1969-12-31T23:59:59Z" }, /^\/time: must not be before 1970/],
      [{ url: "http://a", time: 1795424400 }, /^\/time: must be a string/],
    ];
    for (const [value, expected] of cases) assert.match(fault(value), expected);
  });
});
