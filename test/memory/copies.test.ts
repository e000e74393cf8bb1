// Copies to a shadow, with every kind of ending.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Stream } from "../../tools/emulator/index.ts";
import { finish, ok, REQUEST, SECOND, setUp, VERDICTS } from "../contract/copies.ts";
import { flatFromNow } from "../support/flat-memory.ts";

test("300,000 copies with every kind of ending take no more memory than the first thousand", () => {
  const setup = setUp({
    noise: { cluster: "api-v1" },
    methods: ["GET", "POST"],
    budget: { perSecond: 100_000, inFlight: 100 },
  });
  const bodies = ["", '{"a":1}', `{"a":"${"x".repeat(5_000)}"}`, "no json"];
  let streams: Stream[] = [];
  const round = (i: number): void => {
    setup.now += SECOND / 1000n;
    const withBody = i % 3 === 0;
    const stream = setup.vm.request(setup.root, {
      headers: withBody ? [...REQUEST.slice(1), [":method", "POST"]] : REQUEST,
      endOfStream: !withBody,
    });
    if (withBody) stream.onRequestBody(Buffer.from(bodies[i % 4] as string), i % 7 !== 0);
    streams.push(stream);
    if (streams.length === 50) {
      streams.forEach((one, j) => (j % 5 === 0 ? one.done() : finish(one, 200, bodies[j % 4])));
      streams = [];
      setup.vm.httpCalls.forEach((call, j) => {
        if (j % 10 === 0) call.reset();
        else ok(call, bodies[j % 4], j % 11 === 0 ? 500 : 200);
      });
    }
  };
  for (let i = 0; i < 1_000; i++) round(i);
  const assertFlat = flatFromNow(setup.vm);
  for (let i = 0; i < 300_000; i++) round(i);
  assertFlat(300_000, "copies");
  assert.equal(setup.vm.metrics.read("serin.error"), 0n);
  const sum = VERDICTS.reduce((total, leaf) => total + setup.read(leaf), 0);
  assert.equal(sum, setup.read("sent"));
  assert.ok(sum > 200_000, `${sum}`);
});
