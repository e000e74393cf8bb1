// The life of a copy, in every order in which answers may come: what is sent, what the verdict is, and that all of it is
// given back.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { HttpCall, Stream } from "../../tools/emulator/index.ts";
import { begin, callTo, finish, ok, policyOf, REQUEST, SECOND, setUp, type Setup } from "./copies.ts";

type Answer = "ours" | "theirs" | "other";

describe("one verdict a copy", () => {
  const cases: [name: string, ours: [number, string], theirs: [number, string], verdict: string][] = [
    ["the same bytes", [200, '{"a":1}'], [200, '{"a":1}'], "match"],
    ["the same JSON", [200, '{"a":1,"t":1}'], [200, '{ "t":2, "a":1.0 }'], "match"],
    ["another status", [200, "{}"], [500, "{}"], "mismatch_status"],
    ["another field", [200, '{"a":1}'], [200, '{"a":2}'], "mismatch_body"],
    ["both no JSON", [200, "abcd"], [200, "abce"], "mismatch_body"],
    ["both empty", [204, ""], [204, ""], "match"],
    ["one empty", [200, "{}"], [200, ""], "mismatch_body"],
    ["both 503 by the services themselves", [503, "down"], [503, "down"], "match"],
  ];
  for (const [name, ours, theirs, verdict] of cases) {
    for (const first of ["ours", "theirs"] as const) {
      test(`${name}, ${first === "ours" ? "production" : "the shadow"} first: ${verdict}`, () => {
        const setup = setUp();
        const stream = begin(setup);
        const call = callTo(setup.vm, "api-v3");
        if (first === "ours") finish(stream, ...ours);
        ok(call, theirs[1], theirs[0]);
        if (first === "theirs") finish(stream, ...ours);
        assert.deepEqual(setup.verdicts(), { [verdict]: 1 });
        assert.equal(setup.read("sent"), 1);
      });
    }
  }

  test("production answers before its request has ended: all that it says is compared", () => {
    const bodies: [compare: object, ours: string[], theirs: string, verdict: string][] = [
      [{ body: true }, ["one ", "two ", "three"], "one two three", "match"],
      [{ body: true }, ["one ", "two ", "three"], "three", "mismatch_body"],
      [{ body: true }, ["one ", "two ", ""], "one two ", "match"],
      [{ body: { json: true } }, ['{"a":', "1", "}"], '{ "a": 1.0 }', "match"],
      [{ body: { json: true } }, ['{"a":', "1", "}"], '{"a":2}', "mismatch_body"],
      [{}, ["one ", "two ", "three"], "other", "match"],
    ];
    for (const [compare, [first = "", second = "", last = ""], theirs, verdict] of bodies) {
      for (const whole of [false, true]) {
        const setup = setUp({ methods: ["POST"], compare });
        const stream = setup.vm.request(setup.root, {
          headers: [...REQUEST.slice(1), [":method", "POST"]],
          endOfStream: false,
        });
        stream.onRequestBody(Buffer.from("a"), false);
        stream.onResponseHeaders([[":status", "200"]], false);
        stream.onResponseBody(Buffer.from(first), false);
        stream.onRequestBody(Buffer.from("b"), false);
        stream.onResponseBody(Buffer.from(second), false);
        // The answer's end before the request's, or after it.
        if (whole) stream.onResponseBody(Buffer.from(last), true);
        setup.now += SECOND / 10n;
        stream.onRequestBody(Buffer.from("c"), true);
        if (!whole) stream.onResponseBody(Buffer.from(last), true);
        stream.done();
        ok(callTo(setup.vm, "api-v3"), theirs);
        assert.deepEqual(setup.verdicts(), { [verdict]: 1 }, `${JSON.stringify(compare)} ${theirs} ${whole}`);
      }
    }
  });

  test("with a second instance: what production shows against itself is noise, in every order of three answers", () => {
    const bodies: [ours: string, theirs: string, other: string, verdict: string][] = [
      ['{"a":1,"n":1}', '{"a":1,"n":2}', '{"a":1,"n":3}', "noise"],
      ['{"a":1,"n":1}', '{"a":2,"n":2}', '{"a":1,"n":3}', "mismatch_body"],
      ['{"a":1}', '{"a":2}', '{"a":1}', "mismatch_body"],
      ['{"a":1}', '{"a":1}', '{"a":2}', "match"],
      ["text 1", "text 2", "text 3", "noise"],
      ["text 1", "text 2", "text 1", "mismatch_body"],
    ];
    const orders: Answer[][] = [
      ["ours", "theirs", "other"],
      ["ours", "other", "theirs"],
      ["theirs", "ours", "other"],
      ["theirs", "other", "ours"],
      ["other", "ours", "theirs"],
      ["other", "theirs", "ours"],
    ];
    for (const [ours, theirs, other, verdict] of bodies) {
      for (const order of orders) {
        const setup = setUp({ noise: { cluster: "api-v1" } });
        const stream = begin(setup);
        const [copy, second] = [callTo(setup.vm, "api-v3"), callTo(setup.vm, "api-v1")];
        for (const one of order) {
          if (one === "ours") finish(stream, 200, ours);
          else if (one === "theirs") ok(copy, theirs);
          else ok(second, other);
        }
        assert.deepEqual(setup.verdicts(), { [verdict]: 1 }, `${ours} ${theirs} ${other} ${order.join()}`);
      }
    }
  });

  test("a status that the second instance shows too is noise; one that gives no answer excuses nothing", () => {
    for (const [other, verdict] of [
      [500, "noise"],
      [200, "mismatch_status"],
      [null, "mismatch_status"],
    ] as const) {
      const setup = setUp({ noise: { cluster: "api-v1" } });
      finish(begin(setup), 200, "{}");
      ok(callTo(setup.vm, "api-v3"), "{}", 404);
      if (other === null) callTo(setup.vm, "api-v1").reset();
      else ok(callTo(setup.vm, "api-v1"), "{}", other);
      assert.deepEqual(setup.verdicts(), { [verdict]: 1 });
    }
  });

  test("no answer: late after the timeout, reset when refused or cut, or when production's own has no end", () => {
    const envoys = (call: HttpCall, status: string, text: string): void =>
      call.respond(
        [
          [":status", status],
          ["content-length", "9"],
          ["content-type", "text/plain"],
        ],
        text,
      );
    const refused =
      "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure";
    const ways: [string, (setup: Setup, call: HttpCall) => void, string][] = [
      [
        "late",
        (setup, call) => ((setup.now += SECOND), envoys(call, "504", "upstream request timeout")),
        "timeout",
      ],
      ["late, having begun", (setup, call) => ((setup.now += SECOND), call.reset()), "timeout"],
      ["cut, having begun", (setup, call) => ((setup.now += SECOND / 2n), call.reset()), "reset"],
      [
        // Envoy's timer runs by the time that its loop noted before the call.
        "late, a little before the timeout by our clock",
        (setup, call) => (
          (setup.now += SECOND - 3_000_000n),
          envoys(call, "504", "upstream request timeout")
        ),
        "timeout",
      ],
      ["its own 504", (_, call) => ok(call, "", 504), "mismatch_status"],
      ["refused", (_, call) => envoys(call, "503", refused), "reset"],
      ["cut", (_, call) => call.reset(), "reset"],
    ];
    for (const [name, answer, verdict] of ways) {
      for (const first of [true, false]) {
        const setup = setUp();
        const stream = begin(setup);
        const call = callTo(setup.vm, "api-v3");
        if (first) finish(stream, 200, "{}");
        answer(setup, call);
        if (!first) finish(stream, 200, "{}");
        assert.deepEqual(setup.verdicts(), { [verdict]: 1 }, name);
      }
    }
    const setup = setUp();
    const stream = begin(setup);
    stream.onResponseHeaders([[":status", "200"]], false).done();
    ok(callTo(setup.vm, "api-v3"));
    assert.deepEqual(setup.verdicts(), { reset: 1 });
  });

  test("a mismatch is written once a second: where it is, and neither headers nor bodies", () => {
    const setup = setUp();
    const lines: string[] = [];
    for (let i = 0; i < 10; i++) {
      if (i === 5) setup.now += SECOND;
      finish(begin(setup, [["authorization", "secret"]]), 200, '{"a":[1,{"b":"private"}]}');
      const call = callTo(setup.vm, "api-v3");
      ok(call, '{"a":[1,{"b":"other"}]}');
      lines.push(...setup.root.log.splice(0).map(({ text }) => text));
    }
    const line =
      '{"shadow":{"name":"api","verdict":"mismatch_body","request":"GET /cart","production":200,"answer":200,"pointer":"/a/1/b"}}';
    assert.deepEqual(lines, [line, line]);
  });

  test("a mismatch is written with the path alone, unless the policy wants the query too", () => {
    const written = (path: string, compare: object): unknown => {
      const setup = setUp({ compare });
      const headers = REQUEST.map(([name, value]): [string, string] => [
        name,
        name === ":path" ? path : value,
      ]);
      finish(setup.vm.request(setup.root, { headers }), 200);
      ok(callTo(setup.vm, "api-v3"), "", 500);
      const [line] = setup.root.log.map(({ text }) => text);
      return (JSON.parse(line ?? "{}") as { shadow?: { request: string } }).shadow?.request;
    };
    for (const [path, alone] of [
      ["/cart", "/cart"],
      ["/cart?token=secret", "/cart"],
      ["/cart?", "/cart"],
      ["/cart#token=secret", "/cart"],
      ["/cart#a?token=secret", "/cart"],
      ["/cart?a=1#token=secret", "/cart"],
      ["?token=secret", ""],
      [`/${"a".repeat(600)}?token=secret`, `/${"a".repeat(507)}`],
    ] as const) {
      assert.equal(written(path, {}), `GET ${alone}`);
      assert.equal(written(path, { logQuery: false }), `GET ${alone}`);
      assert.equal(written(path, { logQuery: true }), `GET ${path}`.slice(0, 512));
    }
  });
});

describe("what is copied", () => {
  test("a request without a body goes at once, with its headers less those of the hop", () => {
    const setup = setUp({
      headers: { remove: ["Cookie"], set: { host: "shadow.example.com", "x-env": "test" } },
    });
    const more: [string, string][] = [
      ["cookie", "uid=1"],
      ["authorization", "Bearer x"],
      ["x-serin-shadow", "forged"],
      ["x-envoy-internal", "true"],
      ["connection", "close"],
      ["te", "trailers"],
      ["x-env", "production"],
    ];
    begin(setup, more);
    const { headers, body, timeoutMs } = callTo(setup.vm, "api-v3");
    assert.deepEqual(
      new Map(headers),
      new Map([
        [":method", "GET"],
        [":path", "/cart?a=1"],
        [":authority", "shadow.example.com"],
        [":scheme", "http"],
        ["authorization", "Bearer x"],
        ["te", "trailers"],
        ["x-env", "test"],
        ["x-serin-shadow", "api"],
      ]),
    );
    assert.equal(body.length, 0);
    assert.equal(timeoutMs, 1000);
  });

  test("a body is collected while it passes, and goes with the request's last byte or its trailers", () => {
    const body = Buffer.from(Array.from({ length: 50_000 }, (_, i) => i % 256));
    for (const trailers of [false, true]) {
      const setup = setUp({ methods: ["POST"] });
      const stream = setup.vm.request(setup.root, {
        headers: [...REQUEST.slice(1), [":method", "POST"], ["content-length", "50000"]],
        endOfStream: false,
      });
      for (let at = 0; at < body.length; at += 12_345) {
        const piece = body.subarray(at, at + 12_345);
        stream.onRequestBody(piece, !trailers && at + 12_345 >= body.length);
        assert.equal(stream.action, 0);
      }
      if (trailers) {
        assert.equal(setup.vm.httpCalls.length, 0);
        stream.onRequestTrailers([
          ["x-checksum", "1"],
          ["x-serin-checkout", "forged"],
        ]);
      }
      const call = callTo(setup.vm, "api-v3");
      assert.ok(body.equals(call.body));
      assert.deepEqual(call.trailers, trailers ? [["x-checksum", "1"]] : []);
      assert.equal(call.header("content-length"), "50000");
    }
  });

  test("a body over the bound is no copy, told by its length or by what came", () => {
    const setup = setUp({ methods: ["POST"], budget: { maxBodyBytes: 1000 } });
    const open = (...more: [string, string][]): Stream =>
      setup.vm.request(setup.root, {
        headers: [...REQUEST.slice(1), [":method", "POST"], ...more],
        endOfStream: false,
      });
    open(["content-length", "1001"]).onRequestBody(Buffer.alloc(1001), true);
    const chunked = open();
    chunked.onRequestBody(Buffer.alloc(600), false);
    chunked.onRequestBody(Buffer.alloc(600), false);
    chunked.onRequestBody(Buffer.alloc(600), true);
    assert.equal(setup.read("too_large"), 2);
    open(["content-length", "1000"]).onRequestBody(Buffer.alloc(1000), true);
    assert.equal(setup.read("sent"), 1);
    // One whose client leaves midway is neither.
    open().onRequestBody(Buffer.alloc(10), false).done();
    assert.deepEqual([setup.read("too_large"), setup.read("sent"), setup.vm.httpCallsSent], [2, 1, 1]);
  });

  test("past the budget nothing is sent: in flight, and a second", () => {
    const setup = setUp({ budget: { inFlight: 2, perSecond: 3 } });
    const streams = [begin(setup), begin(setup), begin(setup)];
    assert.deepEqual([setup.read("sent"), setup.read("over_budget")], [2, 1]);
    for (const stream of streams) finish(stream);
    for (const call of setup.vm.httpCalls) ok(call);
    finish(begin(setup));
    finish(begin(setup));
    assert.deepEqual([setup.read("sent"), setup.read("over_budget")], [3, 2]);
    setup.now += SECOND / 3n + 1n;
    for (const call of setup.vm.httpCalls) ok(call);
    finish(begin(setup));
    finish(begin(setup));
    assert.deepEqual([setup.read("sent"), setup.read("over_budget")], [4, 3]);
  });

  describe("answers over 64 KiB are paid for", () => {
    /** So many requests, a fiftieth of a second apart, each copy answered as told. @returns copies sent, and not */
    const copies = (setup: Setup, count: number, answer: (call: HttpCall) => void): [number, number] => {
      const [sent, over] = [setup.read("sent"), setup.read("over_budget")];
      for (let i = 0; i < count; i++) {
        setup.now += SECOND / 50n;
        finish(begin(setup));
        for (const call of setup.vm.httpCalls) answer(call);
      }
      return [setup.read("sent") - sent, setup.read("over_budget") - over];
    };
    const mib = (count: number) => (call: HttpCall) => ok(call, "x".repeat(count * 1024 * 1024));

    test("from what is saved at once, then one at a time", () => {
      const setup = setUp();
      // 512 parts of 64 KiB are saved. 1 MiB is 15 parts over the first, and each step brings one.
      assert.deepEqual(copies(setup, 37, mib(1)), [37, 0]);
      assert.deepEqual(copies(setup, 22, mib(1)), [2, 20]);
      // What is overdrawn is forgotten after ten seconds.
      setup.now += 10n * SECOND;
      assert.deepEqual(copies(setup, 1, mib(1)), [1, 0]);
    });

    test("those under way are taken for as large as the last, and given back when they are not", () => {
      const setup = setUp();
      copies(setup, 1, mib(4));
      // 63 parts each, of 449 and one with each step.
      assert.deepEqual(
        copies(setup, 20, () => undefined),
        [8, 12],
      );
      const small = (call: HttpCall): void => ok(call, "x");
      for (const call of setup.vm.httpCalls) small(call);
      assert.deepEqual(copies(setup, 20, small), [20, 0]);
    });

    test("one that breaks off counts as 4 MiB", () => {
      const setup = setUp();
      assert.deepEqual(
        copies(setup, 12, (call) => call.reset()),
        [9, 3],
      );
    });

    test("up to maxBodyBytes they are free", () => {
      const setup = setUp({ budget: { maxBodyBytes: 1024 * 1024 } });
      assert.deepEqual(copies(setup, 100, mib(1)), [100, 0]);
    });
  });

  test("a cluster that is not there is counted each time and said once, until it is there again, once a minute", () => {
    const setup = setUp();
    setup.vm.clusters = () => "unknown";
    const streams = [begin(setup), begin(setup), begin(setup)];
    assert.equal(setup.read("unavailable"), 3);
    assert.equal(setup.read("sent"), 0);
    const warnings = (): number =>
      streams.flatMap(({ log }) => log).filter(({ text }) => text.includes('"unavailable":"api-v3"')).length;
    assert.equal(warnings(), 1);
    setup.vm.clusters = () => "up";
    streams.push(begin(setup));
    setup.vm.clusters = () => "no-host";
    // Circuit breakers open and close many times a second.
    streams.push(begin(setup), begin(setup));
    assert.equal(warnings(), 1);
    setup.now += 60n * SECOND;
    streams.push(begin(setup), begin(setup));
    assert.equal(warnings(), 2);
    assert.deepEqual([setup.read("unavailable"), setup.read("sent")], [7, 1]);
  });
});

describe("policies change while copies are under way", () => {
  test("the old root stays until the last answer, and compares by its own policy", () => {
    const setup = setUp();
    finish(begin(setup), 200, '{"a":1,"t":1}');
    const call = callTo(setup.vm, "api-v3");
    const old = setup.root;
    setup.root = setup.vm.configure(policyOf({ compare: { status: false } })).root;
    setup.vm.retire(old);
    assert.equal(old.finished, false);
    ok(call, '{"a":1,"t":2}');
    assert.equal(old.finished, true);
    assert.deepEqual(setup.verdicts(), { match: 1 });
  });

  test("a shadow that is gone is still given its verdicts", () => {
    const setup = setUp();
    const stream = begin(setup);
    const next = setup.vm.configure("{}").root;
    setup.vm.retire(setup.root);
    ok(callTo(setup.vm, "api-v3"), "x");
    finish(stream, 200, "y");
    assert.deepEqual(setup.verdicts(), { mismatch_body: 1 });
    assert.equal(setup.root.finished, true);
    setup.vm.retire(next);
  });

  test("a root that goes without a word leaves its copies to the next policy's sweep", () => {
    const setup = setUp({ budget: { inFlight: 1 } });
    finish(begin(setup), 200, "{}");
    // As when Envoy puts another root with the same configuration in its place.
    const lost = callTo(setup.vm, "api-v3");
    assert.equal(begin(setup).ended, false);
    assert.equal(setup.read("over_budget"), 1);
    setup.now += 4n * SECOND;
    begin(setup);
    assert.equal(setup.read("sent"), 2);
    assert.deepEqual(setup.verdicts(), { reset: 1 });
    ok(lost, "late");
    assert.deepEqual(setup.verdicts(), { reset: 1 });
  });
});
