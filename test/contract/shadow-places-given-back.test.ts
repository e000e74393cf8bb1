// A copy's place is free as soon as its verdict is known, though production's answer goes on for hours; and what status,
// headers and gRPC say.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import type { HttpCall, Stream } from "../../tools/emulator/index.ts";
import { begin, callTo, ok, SECOND, setUp, type Setup } from "./copies.ts";

const PLACES = 20;
const BUDGET = { perSecond: 1000, inFlight: PLACES };
const STREAM: [string, string][] = [
  [":status", "200"],
  ["content-type", "text/event-stream"],
];

/** So many requests whose answers have begun and go on. */
function openStreams(setup: Setup, count: number): { streams: Stream[]; calls: HttpCall[] } {
  const streams: Stream[] = [];
  const calls: HttpCall[] = [];
  for (let i = 0; i < count; i++) {
    streams.push(begin(setup));
    const call = setup.vm.httpCalls.at(-1);
    assert.ok(call);
    calls.push(call);
    streams.at(-1)?.onResponseHeaders(STREAM).onResponseBody(Buffer.from("data: 1\n\n"), false);
  }
  return { streams, calls };
}

function ordinary(setup: Setup, count: number): void {
  for (let i = 0; i < count; i++) begin(setup).respond(200);
}

describe(`${PLACES} open event streams of production keep no ordinary request from being copied`, () => {
  const ways: [
    name: string,
    compare: object,
    answer: (call: HttpCall, setup: Setup) => void,
    verdict: string,
  ][] = [
    ["whose shadow gave no answer in time", { body: true }, (call) => call.reset(), "timeout"],
    [
      "whose shadow answered with another status",
      { body: true },
      (call) => ok(call, "", 404),
      "mismatch_status",
    ],
    [
      "whose shadow answered with another header",
      { headers: ["content-type"], body: { json: true } },
      (call) => ok(call, "{}"),
      "mismatch_headers",
    ],
    [
      "which are longer than the shadow's whole answer",
      { body: true },
      (call) => ok(call, "x"),
      "mismatch_body",
    ],
  ];
  for (const [name, compare, answer, verdict] of ways) {
    test(name, () => {
      const setup = setUp({ compare, budget: BUDGET });
      const { streams, calls } = openStreams(setup, PLACES);
      ordinary(setup, 3);
      assert.equal(setup.read("over_budget"), 3, "all places are taken");
      setup.now += SECOND;
      for (const call of calls) answer(call, setup);
      assert.deepEqual(setup.verdicts(), { [verdict]: PLACES });
      ordinary(setup, PLACES);
      assert.deepEqual([setup.read("sent"), setup.read("over_budget")], [2 * PLACES, 3]);
      // Both histograms are of the same requests: they have the time of production when it is known.
      assert.equal(timesOf(setup), 0);
      setup.now += SECOND;
      for (const stream of streams) stream.onResponseBody(Buffer.alloc(0), true).done();
      assert.equal(timesOf(setup), PLACES);
      assert.deepEqual(setup.verdicts(), { [verdict]: PLACES });
    });
  }

  test("of which the status alone is compared: the verdict comes with production's end", () => {
    const setup = setUp({ compare: {}, budget: BUDGET });
    const { streams, calls } = openStreams(setup, PLACES);
    for (const call of calls) ok(call, "x");
    ordinary(setup, PLACES);
    assert.deepEqual([setup.read("sent"), setup.read("over_budget")], [2 * PLACES, 0]);
    assert.deepEqual(setup.verdicts(), {});
    streams.forEach((stream, i) => {
      if (i % 2 === 0) stream.onResponseBody(Buffer.alloc(0), true);
      stream.done();
    });
    assert.deepEqual(setup.verdicts(), { match: PLACES / 2, reset: PLACES / 2 });
  });

  test("whose answers may still be the same: a place that waited for its timeout is given to who wants it", () => {
    const setup = setUp({ budget: BUDGET });
    const { streams, calls } = openStreams(setup, PLACES);
    for (const call of calls) ok(call, "data: 1\n\ndata: 2\n\n");
    ordinary(setup, 5);
    assert.equal(setup.read("over_budget"), 5, "they may be the same");
    setup.now += 2n * SECOND;
    ordinary(setup, PLACES);
    assert.deepEqual([setup.read("sent"), setup.read("over_budget")], [2 * PLACES, 5]);
    assert.deepEqual(setup.verdicts(), { incomparable: PLACES });
    for (const stream of streams) stream.onResponseBody(Buffer.alloc(0), true).done();
    assert.deepEqual(setup.verdicts(), { incomparable: PLACES });
  });
});

test("nobody wants the place: a slow answer of production is waited for", () => {
  const setup = setUp({ budget: BUDGET });
  const { streams, calls } = openStreams(setup, 3);
  for (const call of calls) ok(call, "data: 1\n\ndata: 2\n\n");
  setup.now += 100n * SECOND;
  ordinary(setup, PLACES - 3);
  for (const stream of streams) stream.onResponseBody(Buffer.from("data: 2\n\n"), true).done();
  assert.deepEqual(setup.verdicts(), { match: 3 });
});

/** Values in both histograms; they have to have as many. */
function timesOf({ vm }: Setup): number {
  const [shadow = 0, production = 0] = ["rq_time", "production_rq_time"].map(
    (leaf) => vm.metrics.recorded(`serin.shadow.api.${leaf}`)?.length ?? 0,
  );
  assert.equal(shadow, production);
  return shadow;
}

describe("gRPC: what it says at the end is part of the status", () => {
  const HEADERS: [string, string][] = [
    [":status", "200"],
    ["content-type", "application/grpc+proto"],
  ];
  const MESSAGE = Buffer.from([0, 0, 0, 0, 1, 7]);
  type Says = { only: number } | { trailers: number } | { none: true };

  const only = (status: number): [string, string][] => [...HEADERS, ["grpc-status", String(status)]];
  const production = (stream: Stream, says: Says): void => {
    if ("only" in says) stream.onResponseHeaders(only(says.only), true);
    else {
      stream.onResponseHeaders(HEADERS).onResponseBody(MESSAGE, "none" in says);
      if ("trailers" in says) stream.onResponseTrailers([["grpc-status", String(says.trailers)]]);
    }
    stream.done();
  };
  const service: [string, string][] = [["x-envoy-upstream-service-time", "3"]];
  const shadow = (call: HttpCall, says: Says): void => {
    if ("only" in says) call.respond([...only(says.only), ["grpc-message", "sorry"], ...service]);
    else
      call.respond(
        [...HEADERS, ...service],
        MESSAGE,
        "trailers" in says ? [["grpc-status", String(says.trailers)]] : undefined,
      );
  };
  const cases: [ours: Says, theirs: Says, verdict: string][] = [
    [{ trailers: 0 }, { trailers: 0 }, "match"],
    [{ trailers: 0 }, { trailers: 13 }, "mismatch_status"],
    [{ trailers: 0 }, { only: 14 }, "mismatch_status"],
    [{ only: 5 }, { only: 5 }, "match"],
    [{ only: 5 }, { trailers: 5 }, "match"],
    [{ only: 5 }, { only: 0 }, "mismatch_status"],
    [{ trailers: 0 }, { none: true }, "mismatch_status"],
    [{ none: true }, { none: true }, "match"],
  ];
  for (const [ours, theirs, verdict] of cases) {
    for (const first of ["production", "shadow"]) {
      test(`${JSON.stringify(ours)} and ${JSON.stringify(theirs)}, ${first} first: ${verdict}`, () => {
        const setup = setUp({ compare: { status: true } });
        const stream = begin(setup, [["content-type", "application/grpc"]]);
        const call = callTo(setup.vm, "api-v3");
        if (first === "production") production(stream, ours);
        shadow(call, theirs);
        if (first === "shadow") production(stream, ours);
        assert.deepEqual(setup.verdicts(), { [verdict]: 1 });
      });
    }
  }

  test("Envoy's own answer for a broken upstream is a reset, for a slow one a timeout; a service's own is compared", () => {
    const envoys = (message: string): [string, string][] => [...only(14), ["grpc-message", message]];
    const refused =
      "upstream connect error or disconnect/reset before headers. reset reason: connection failure";
    const cases: [headers: [string, string][], after: bigint, verdict: string][] = [
      [envoys(refused), 0n, "reset"],
      [envoys("no healthy upstream"), 0n, "reset"],
      [envoys("upstream request timeout"), SECOND, "timeout"],
      [envoys("sorry"), 0n, "mismatch_status"],
      // A service behind another proxy hands that one's words on.
      [[...envoys(refused), ...service], 0n, "mismatch_status"],
    ];
    for (const [headers, after, verdict] of cases) {
      const setup = setUp({ compare: {} });
      const stream = begin(setup, [["content-type", "application/grpc"]]);
      const call = callTo(setup.vm, "api-v3");
      setup.now += after;
      call.respond(headers);
      production(stream, { trailers: 0 });
      assert.deepEqual(setup.verdicts(), { [verdict]: 1 }, JSON.stringify(headers));
    }
  });

  test("the line of a mismatch names what both said", () => {
    const setup = setUp({ compare: {} });
    const stream = begin(setup, [["content-type", "application/grpc"]]);
    production(stream, { trailers: 0 });
    shadow(callTo(setup.vm, "api-v3"), { only: 5 });
    assert.deepEqual(
      setup.root.log.map(({ text }) => text),
      [
        '{"shadow":{"name":"api","verdict":"mismatch_status","request":"GET /cart","production":200,"answer":200,"productionGrpc":0,"answerGrpc":5}}',
      ],
    );
  });
});

test("headers: the line of a mismatch names the header, and not its value", () => {
  const setup = setUp({ compare: { headers: ["x-a", "Location"] } });
  const stream = begin(setup);
  stream
    .onResponseHeaders(
      [
        [":status", "302"],
        ["location", "/private"],
      ],
      true,
    )
    .done();
  callTo(setup.vm, "api-v3").respond([
    [":status", "302"],
    ["location", "/other"],
  ]);
  assert.deepEqual(
    setup.root.log.map(({ text }) => text),
    [
      '{"shadow":{"name":"api","verdict":"mismatch_headers","request":"GET /cart","production":302,"answer":302,"header":"location"}}',
    ],
  );
});
