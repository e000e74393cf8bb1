// Evidence takes no more memory with time: requests of ever new users over periods that turn over, and policies that change.
//
// A small form; in full: ENDURANCE_REQUESTS=1000000 npx tsx --test test/memory/evidence.test.ts

import assert from "node:assert/strict";
import { test } from "node:test";

import { Workers, type Sent } from "../contract/workers.ts";

const REQUESTS = Number(process.env["ENDURANCE_REQUESTS"] ?? 120_000);
const UPDATES = 1_000;
const OTHERS = 200;
/** Of which a worker ticks once: half a second. */
const REQUESTS_A_TICK = 500;

/** Rollouts that count alike, by halves, by each request, and with other thresholds; `version` begins periods anew. */
function policy(version = 0): object {
  const of = (percent: number, more: object = {}): object => ({
    default: "stable",
    variants: { stable: {}, canary: { percent } },
    warmup: "0s",
    ...more,
  });
  // Without traffic, but with bitmaps: all of them are a quarter as large, so that periods turn over soon.
  const others = Array.from({ length: OTHERS }, (_, index): [string, object] => [
    `other-${index}`,
    of(10, { match: [{ hosts: [`other-${index}.example.com`] }] }),
  ]);
  return {
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: of(10, { epoch: version }),
      search: of(50 - (version % 7), { signals: "matched" }),
      drawn: of(20, { identity: [{ random: true }] }),
      // Periods end here because a third of the users have met an error, and bitmaps change with the thresholds.
      broken: of(30, { match: [{ path: { value: "/broken" } }], slow: [`${10 + (version % 3)}ms`] }),
      ...Object.fromEntries(others),
    },
  };
}

/** What the n-th request meets. */
function sentOf(n: number): Sent {
  const status = n % 50 === 0 ? 503 : n % 20 === 0 ? 404 : n % 9 === 0 ? 302 : 200;
  if (n % 10 !== 0) return { status };
  return { path: "/broken", status: n % 20 === 0 ? 500 : 200 };
}

function serve(workers: Workers, from: number, to: number): void {
  for (let n = from; n < to; n++) {
    workers.worker(n).send(`user-${n}`, sentOf(n));
    if (n % REQUESTS_A_TICK === 0) workers.run(500);
  }
}

interface Room {
  readonly pages: readonly number[];
  readonly definitions: readonly number[];
  readonly shared: number;
}

function roomOf({ all, sharedData }: Workers): Room {
  return {
    pages: all.map(({ vm }) => vm.memorySize),
    definitions: all.map(({ vm }) => vm.metricDefinitions),
    shared: sharedData.size,
  };
}

test(`${REQUESTS.toLocaleString("en")} requests of distinct users on two workers: memory is what it was early on`, (t) => {
  const workers = new Workers(2);
  workers.configure(policy());
  workers.settle();
  // Until each bitmap has been full, or else its pieces are still being written for the first time.
  const warm = Math.max(60_000, REQUESTS / 4);
  serve(workers, 0, warm);
  const early = roomOf(workers);
  serve(workers, warm, REQUESTS);
  assert.deepEqual(roomOf(workers), early);
  const periods = ["search", "broken"].map((name) => workers.gauge("evidence_period", name));
  t.diagnostic(`periods of search and broken: ${periods.join(", ")}; ${early.shared} bytes are shared`);
  for (const period of periods) assert.ok(period > 1, `no period turned over: ${periods.join(", ")}`);
  assert.ok(workers.gauge("canary.users", "drawn") > REQUESTS * 0.15);
  assert.equal(workers.gauge("canary.rq_active"), 0);
});

test(`${UPDATES} updates with requests and ticks in between: memory is what it was after fifty`, (t) => {
  const workers = new Workers(2);
  let early: Room | null = null;
  let served = 0;
  for (let version = 0; version < UPDATES; version++) {
    workers.configure(policy(version));
    // Some come within the second in which a period closes, some while one is open.
    if (version % 5 === 0) workers.settle();
    else workers.run(500);
    for (let i = 0; i < 10; i++, served++) workers.worker(served).send(`user-${served}`, sentOf(served));
    // Who came to a period that is open is in shared data before it closes.
    if (version % 5 === 0) workers.run(600);
    if (version === 50) early = roomOf(workers);
  }
  const late = roomOf(workers);
  assert.deepEqual([late.pages, late.definitions], [early?.pages, early?.definitions]);
  // A piece is written once its first user comes; all pieces of all bitmaps are no more than this.
  const pieces = 4 * 16_384 * 12;
  t.diagnostic(`${early?.shared} bytes shared after fifty, ${late.shared} at the end`);
  assert.ok(late.shared <= pieces, `${late.shared} bytes are shared`);
  assert.ok((early?.shared ?? 0) < late.shared, "no user was counted");
  assert.ok(workers.gauge("evidence_period") > UPDATES / 10);
});
