// Effects take no more memory with time, neither in a worker nor in shared data: calls of which a tenth never find their
// other half, held ones that never come to their end, and bodies of every size. SERIN_EFFECT_CALLS=200000 is the whole of it:
//   SERIN_EFFECT_CALLS=200000 npx tsx --test test/memory/effects.test.ts

import assert from "node:assert/strict";
import { test } from "node:test";

import { Workers, type Worker } from "../contract/workers.ts";
import { flatFromNow } from "../support/flat-memory.ts";

const CALLS = Number(process.env["SERIN_EFFECT_CALLS"] ?? 20_000);
/** Bytes of a body: those that wait together have room in a slot of 64 KiB. A full one leaves calls unpaired. */
const LONGEST = 4_000;
const SECRET = "4Zq8vK1x0sTn7LbE";
const POLICY = {
  shadowSecret: SECRET,
  effects: {
    charge: {
      match: [{ method: "POST", path: { type: "Exact", value: "/charges" } }],
      answer: { status: 201, body: '{"id":"none"}' },
      compare: { json: true, ignore: ["/requestedAt"] },
    },
  },
};

function send(worker: Worker, id: string, isShadow: boolean, body: string, isWhole = true): void {
  assert.ok(worker.root);
  const mark: [string, string][] = isShadow ? [["baggage", `a=1,serin-shadow=v3.${SECRET}`]] : [];
  const stream = worker.vm
    .open(worker.root, {
      headers: [
        [":method", "POST"],
        [":path", "/charges"],
        [":authority", "charges"],
        ["x-request-id", id],
        ...mark,
      ],
      endOfStream: false,
    })
    .onRequestHeaders()
    .onRequestBody(Buffer.from(body), isWhole);
  if (isWhole) stream.onResponseHeaders([[":status", "201"]], true);
  stream.done();
}

test(`effects: flat over ${CALLS} calls, a tenth of which never pair`, () => {
  const workers = new Workers(2);
  workers.configure(POLICY);
  let largest = 0;
  let pairs = 0;
  let alone = 0;
  const serve = (from: number, to: number): void => {
    for (let i = from; i < to; i += 2) {
      const id = `id-${i}`;
      const body = `{"amount":${i},"requestedAt":${i % 7}${i % 50 === 0 ? `,"note":"${"x".repeat((i * 7_919) % LONGEST)}"` : ""}}`;
      // Of ten ids one has nothing of production's: its two calls find nobody.
      const isAlone = (i / 2) % 10 === 0;
      send(workers.worker(i / 2), id, isAlone, body);
      send(workers.worker(i / 2 + 1), id, true, body.replace(/"requestedAt":\d/, '"requestedAt":9'));
      if (isAlone) alone += 2;
      else pairs++;
      if (i % 500 === 0) send(workers.worker(i / 2), id, true, '{"am', false);
      // 200 calls a second.
      if (i % 100 === 0) workers.run(500);
      if (i % 1_000 === 0) largest = Math.max(largest, workers.sharedData.size);
    }
  };
  const warm = Math.min(20_000, CALLS / 2);
  serve(0, warm);
  const flat = workers.all.map(({ vm }) => flatFromNow(vm));
  const before = largest;
  serve(warm, CALLS);
  flat.forEach((assertFlat) => assertFlat(CALLS - warm, "calls"));
  assert.ok(largest < before * 1.2 + 65_536, `${largest} bytes of shared data, before ${before}`);
  workers.run(60_000);
  const count = (leaf: string): number => Number(workers.metrics.read(`serin.effect.charge.${leaf}`) ?? 0n);
  assert.deepEqual(
    {
      total: count("total"),
      match: count("match"),
      unpaired: count("unpaired"),
      mismatch: count("mismatch"),
    },
    { total: pairs + alone, match: pairs, unpaired: alone, mismatch: 0 },
  );
  // Nothing waits: a slot of the table is a few bytes.
  assert.ok(workers.sharedData.size < 64 * 1024, `${workers.sharedData.size} bytes at the end`);
  console.log(
    `memory ${workers.all.map(({ vm }) => vm.memorySize).join(", ")}, shared data at most ${largest} bytes`,
  );
});
