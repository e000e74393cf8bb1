// Policies that change, and shadows that go, while copies are under way: nothing traps, no request fails, and every copy
// has one verdict, by the policy that sent it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { KeptConnections } from "../support/envoy/kept-connections.ts";
import {
  countsOf,
  mirrorRoute,
  planted,
  sendEach,
  settledCounts,
  startStage,
  sumOf,
  VERDICTS,
  type Policy,
  type Stage,
} from "./shadow-stage.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { request } from "../support/envoy/wire.ts";

const UPDATES = 200;
const SLOW_MS = 300;

const shadow = (name: string, more: object = {}): object => ({
  match: [{ path: { value: `/${name}` } }],
  percent: 100,
  cluster: "shadow",
  timeout: "5s",
  compare: { body: true, sample: "0/s" },
  budget: { perSecond: 100_000, inFlight: 1_000 },
  ...more,
});

/** Under load: bounded, since each of its copies waits for a slow answer. */
const loaded = (more: object = {}): object =>
  shadow("load", { budget: { perSecond: 400, inFlight: 150 }, ...more });
const CHANGES: readonly Policy[] = [
  { shadows: { load: loaded() } },
  { shadows: { load: loaded({ compare: { body: { json: true, ignore: ["/now"] }, sample: "1/s" } }) } },
  {},
  { shadows: { load: loaded({ noise: { cluster: "second" } }), other: shadow("other") } },
  { shadows: { load: loaded({ cluster: "no-such-cluster" }) } },
  { shadows: { load: loaded({ cluster: "refusing" }), "load-too": loaded({ timeout: "100ms" }) } },
  { shadows: { "load-too": loaded({ percent: 50, sample: "identity" }) } },
  { shadows: { "load-mirrored": loaded({ dispatch: "mirror", cluster: "watched" }), load: loaded() } },
];

for (const version of EVERY_ENVOY) {
  describe(`Envoy ${version}`, () => {
    let stage: Stage;
    before(async () => {
      const routes = [mirrorRoute("load-mirrored", "production", "/load")];
      stage = await startStage({ version, policy: {}, routes, concurrency: 2 });
      await stage.serve({});
    });
    // Fails when anything trapped.
    after(() => stage.stop());

    test(`${UPDATES} policies under load, copies slow by ${SLOW_MS} ms: no failed request, verdicts add up`, async (t) => {
      let isOver = false;
      let answered = 0;
      const failures: string[] = [];
      const path = planted("/load", { "shadow-latency": SLOW_MS, body: '{"now":{random},"total":1}' });
      const connections = new KeptConnections(stage.port, 4);
      const loading = (async () => {
        while (!isOver) {
          const requestOf = (n: number): string => request(path, [`cookie: uid=${n}`]);
          const result = await connections.load({ count: 200, requestOf });
          answered += result.times.length;
          failures.push(...result.failures);
        }
      })();
      try {
        for (let n = 0; n < UPDATES; n++) {
          const policy = {
            identity: [{ cookie: "uid" }],
            ...CHANGES[n % CHANGES.length],
            $schema: `./${n}.json`,
          };
          assert.equal(await stage.publish(policy), "accepted");
          await sleep(15);
        }
      } finally {
        isOver = true;
        await loading;
        connections.close();
      }
      assert.deepEqual(failures.slice(0, 3), [], `${failures.length} of ${answered} requests failed`);
      let copies = 0;
      for (const name of ["load", "load-too", "load-mirrored"]) {
        const counts = await settledCounts(stage.admin, name, 1);
        const sent = counts["sent"] ?? 0;
        assert.ok(sent > 0, `${name} was never sent`);
        assert.equal(sumOf(counts, VERDICTS), sent, `${name}: ${JSON.stringify(counts)}`);
        copies += sent;
        t.diagnostic(`${name}: ${JSON.stringify(counts)}`);
      }
      t.diagnostic(`${answered} requests, ${copies} copies, ${UPDATES} policies`);
    });

    const get = async (
      name: string,
      behaviours: Record<string, string | number>,
      times: number,
    ): Promise<void> => {
      const all = Array.from({ length: times }, () => ({ path: planted(`/${name}`, behaviours) }));
      for (const { status } of await sendEach(stage.port, all, times)) assert.equal(status, 200);
    };

    test("a shadow that is removed while its copies are under way loses none of them", async () => {
      await stage.serve({ shadows: { removed: shadow("removed", { timeout: "3s" }) } });
      const sending = [
        get("removed", { "shadow-latency": SLOW_MS, body: "x" }, 20),
        get("removed", { "shadow-latency": SLOW_MS, body: "x", "shadow-body": "y" }, 10),
        get("removed", { "shadow-hang": 1, body: "x" }, 10),
        get("removed", { "shadow-latency": SLOW_MS, "shadow-reset": 1, body: "x" }, 10),
        // Production itself is not over yet when its policy goes.
        get("removed", { "production-latency": 2 * SLOW_MS, body: "x" }, 10),
      ];
      await sleep(100);
      await stage.serve({});
      await Promise.all(sending);
      assert.deepEqual(await settledCounts(stage.admin, "removed", 60), {
        ...{ sent: 60, match: 30, mismatch_body: 10, timeout: 10, reset: 10 },
      });
      await get("removed", { body: "x" }, 5);
      assert.equal((await countsOf(stage.admin, "removed"))["sent"], 60);
    });

    test("copies are compared by the policy that sent them", async () => {
      const strict = { compare: { body: true, sample: "0/s" } };
      const lax = { compare: { status: true, sample: "0/s" } };
      await stage.serve({ shadows: { judged: shadow("judged", strict) } });
      const different = { "shadow-latency": SLOW_MS, body: "x", "shadow-body": "y" };
      const first = get("judged", different, 10);
      await sleep(100);
      await stage.serve({ shadows: { judged: shadow("judged", lax) } });
      await Promise.all([first, get("judged", different, 5)]);
      assert.deepEqual(await settledCounts(stage.admin, "judged", 15), {
        ...{ sent: 15, mismatch_body: 10, match: 5 },
      });
    });

    test("uploads that are being collected when the policy goes are copied by it", async () => {
      const kept = { methods: ["POST"] };
      await stage.serve({ shadows: { uploads: shadow("uploads", kept) } });
      const body = "x".repeat(20_000);
      const slow = Array.from({ length: 8 }, () => slowUpload(stage.port, "/uploads", body, 300));
      await sleep(150);
      await stage.serve({});
      for (const status of await Promise.all(slow)) assert.equal(status, 200);
      const counts = await settledCounts(stage.admin, "uploads", 8);
      // The echo names the receiver's own headers: what both answer differs.
      assert.deepEqual([counts["sent"], sumOf(counts, VERDICTS)], [8, 8], JSON.stringify(counts));
    });

    test("a refused policy leaves the shadows that serve", async () => {
      await stage.serve({ shadows: { kept: shadow("kept") } });
      assert.equal(await stage.publish({ shadows: { kept: shadow("kept", { percent: 140 }) } }), "rejected");
      await get("kept", { body: "x" }, 5);
      assert.deepEqual(await settledCounts(stage.admin, "kept", 5), { sent: 5, match: 5 });
    });
  });
}

/** An upload in two halves with a pause between them; resolves to the answer's status. */
async function slowUpload(port: number, path: string, body: string, pauseMs: number): Promise<number> {
  const half = body.length >> 1;
  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(Buffer.from(body.slice(0, half)));
      await sleep(pauseMs);
      controller.enqueue(Buffer.from(body.slice(half)));
      controller.close();
    },
  });
  const sent = { method: "POST", body: stream, duplex: "half" } as RequestInit;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, sent);
  await response.arrayBuffer();
  return response.status;
}
