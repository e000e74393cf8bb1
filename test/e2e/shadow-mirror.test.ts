// Mirrors: what Envoy copies at the filter's word, what the filter keeps it from copying, and what the filter in the
// shadow's cluster compares.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { freePort } from "../../tools/envoy/index.ts";
import type { Echo } from "../upstream/answer.ts";
import { cluster } from "../support/envoy/bootstrap.ts";
import { http2Request } from "./http2-wire.ts";
import {
  countsOf,
  loggedOf,
  mirrorRoute,
  planted,
  sendEach,
  settledCounts,
  startStage,
  upstreamFilter,
  valuesOf,
  type Counts,
  type Policy,
  type Seen,
  type Stage,
} from "./shadow-stage.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { exchange, lastRequest, parseResponse, post } from "../support/envoy/wire.ts";

const KIB = 1024;
const LIMIT = 64 * KIB;
const MIB_10 = 10 * KIB * KIB;

const mirror = (name: string, more: object = {}): object => ({
  match: [{ path: { value: `/${name}` } }],
  percent: 100,
  methods: ["GET", "POST"],
  cluster: "shadow",
  dispatch: "mirror",
  ...more,
});
const compared = (name: string, more: object = {}): object =>
  mirror(name, {
    cluster: "watched",
    compare: { status: true, body: true, sample: "1000/s" },
    timeout: "5s",
    budget: { inFlight: 500 },
    ...more,
  });

const SHADOWS: Readonly<Record<string, object>> = {
  mirrored: mirror("mirrored"),
  unbounded: mirror("unbounded", { budget: { maxBodyBytes: "unlimited" } }),
  "over-h2": mirror("over-h2", { cluster: "shadow-h2" }),
  deaf: mirror("deaf", { cluster: "deaf" }),
  named: mirror("named", { cluster: "no-such-cluster" }),
  compared: compared("compared"),
  changed: compared("changed", {
    headers: { remove: ["authorization"], set: { "x-new": "of the shadow" } },
  }),
  json: compared("json", {
    compare: { body: { json: true, ignore: ["/now"] }, sample: "1000/s" },
  }),
  late: compared("late", { timeout: "500ms" }),
  broken: compared("broken"),
  refused: compared("refused", { cluster: "watched-refusing" }),
  orders: compared("orders", { timeout: "10s" }),
  few: compared("few", { timeout: "10s", budget: { inFlight: 3 } }),
};
const POLICY: Policy = { identity: [{ cookie: "uid" }], shadows: SHADOWS };
const ROUTES = Object.keys(SHADOWS).map((name) =>
  mirrorRoute(name, name === "over-h2" ? "production-h2" : "production"),
);

for (const version of EVERY_ENVOY) {
  describe(`Envoy ${version}`, () => {
    let stage: Stage;
    before(async () => {
      const clusters = [cluster("watched-refusing", await freePort(), { filters: [upstreamFilter()] })];
      stage = await startStage({ version, policy: POLICY, routes: ROUTES, clusters, record: true });
      await stage.serve(POLICY);
    });
    after(() => stage.stop());

    const both = (path: string): Promise<{ production: Seen; copy: Seen }> => stage.arrived(path);
    const counts = (name: string): Promise<Counts> => countsOf(stage.admin, name);
    const get = async (
      name: string,
      behaviours: Record<string, string | number>,
      times = 1,
    ): Promise<void> => {
      const requests = Array.from({ length: times }, () => ({ path: planted(`/${name}`, behaviours) }));
      const wanted = behaviours["status"] ?? behaviours["production-status"] ?? 200;
      for (const { status } of await sendEach(stage.port, requests, 8)) assert.equal(status, wanted);
    };

    describe("mirror", () => {
      test("copies arrive by cluster_header, byte for byte", async () => {
        for (const size of [0, 1, 60 * KIB, LIMIT]) {
          const body = randomBytes(size);
          const path = `/mirrored/${size}?a=%20b`;
          const answer = parseResponse(await exchange(stage.port, post(path, body, false)));
          assert.equal(answer.status, 200);
          const { production, copy } = await both(path);
          assert.ok(copy.body.equals(body) && production.body.equals(body), `${size} bytes`);
          assert.deepEqual([copy.method, copy.url], ["POST", path]);
          assert.deepEqual(valuesOf(production, "x-serin-shadow-mirrored"), ["shadow"]);
        }
        await exchange(stage.port, lastRequest("/mirrored/get"));
        assert.equal((await both("/mirrored/get")).copy.method, "GET");
        // Nothing is compared: no verdicts.
        assert.deepEqual(await counts("mirrored"), { sent: 5 });
      });

      test("over HTTP/2, with and without an end in the headers", async () => {
        const body = randomBytes(60 * KIB);
        const headers = {
          ":method": "POST",
          ":path": "/mirrored/h2",
          ":authority": "a",
          "content-length": body.length,
        };
        assert.equal((await http2Request(stage.port, headers, { body })).status, 200);
        assert.ok((await both("/mirrored/h2")).copy.body.equals(body));
        const get = { ":path": "/mirrored/h2-get", ":authority": "a" };
        assert.equal((await http2Request(stage.port, get)).status, 200);
        await both("/mirrored/h2-get");
      });

      test("request trailers over HTTP/2 arrive over HTTP/2", async () => {
        const body = randomBytes(1000);
        const headers = {
          ...{ ":method": "POST", ":path": "/over-h2/trailers", ":authority": "a", te: "trailers" },
          "content-length": body.length,
        };
        const trailers = { "x-checksum": "abc", "grpc-timeout": "1S", "x-serin-checkout": "forged" };
        assert.equal((await http2Request(stage.port, headers, { body, trailers })).status, 200);
        const { production, copy } = await both("/over-h2/trailers");
        assert.ok(copy.body.equals(body));
        assert.equal(copy.httpVersion, "2.0");
        assert.deepEqual(copy.trailers, { "x-checksum": "abc", "grpc-timeout": "1S" });
        assert.deepEqual(production.trailers, { ...copy.trailers });
      });

      test("over the limit, or of unknown length: not mirrored, and counted", async () => {
        const before = await counts("mirrored");
        const over = randomBytes(LIMIT + 1);
        for (const sent of [
          post("/mirrored/over", over, false),
          post("/mirrored/over-chunked", over, true),
          post("/mirrored/unknown", Buffer.from("x"), true),
        ]) {
          assert.equal(parseResponse(await exchange(stage.port, sent)).status, 200);
        }
        const headers = { ":method": "POST", ":path": "/mirrored/unknown-h2", ":authority": "a" };
        assert.equal((await http2Request(stage.port, headers, { body: "x" })).status, 200);
        assert.deepEqual(await counts("mirrored"), { ...before, too_large: 4 });
        for (const path of ["/mirrored/over", "/mirrored/unknown"]) {
          assert.deepEqual(stage.seen("shadow", path), []);
          for (const seen of stage.seen("production", path)) {
            assert.deepEqual(valuesOf(seen, "x-serin-shadow-mirrored"), []);
          }
        }
      });

      test("`unlimited` lets both through", async () => {
        const body = randomBytes(KIB * KIB);
        for (const isChunked of [false, true]) {
          const path = `/unbounded/${isChunked ? "chunked" : "length"}`;
          assert.equal(parseResponse(await exchange(stage.port, post(path, body, isChunked))).status, 200);
          assert.ok((await both(path)).copy.body.equals(body), path);
        }
        assert.deepEqual(await counts("unbounded"), { sent: 2 });
      });

      test("a cluster that is not there costs nobody anything", async () => {
        const answer = parseResponse(await exchange(stage.port, lastRequest("/named")));
        assert.equal(answer.status, 200);
        // Envoy does not tell a filter whether the mirror's cluster exists: `.sent` counts decisions.
        assert.deepEqual(await counts("named"), { sent: 1 });
      });
    });

    test("10 MiB go up to production beside a shadow that reads nothing", async () => {
      const body = randomBytes(MIB_10);
      for (const isChunked of [false, true]) {
        const answer = parseResponse(await exchange(stage.port, post("/deaf", body, isChunked)));
        assert.equal(answer.status, 200, `chunked: ${isChunked}`);
        const { bodySha256 } = JSON.parse(answer.body) as Echo;
        assert.equal(bodySha256, createHash("sha256").update(body).digest("hex"));
      }
      assert.deepEqual(await counts("deaf"), { too_large: 2 });
      // What is within the limit is mirrored, and waits there alone.
      const small = parseResponse(await exchange(stage.port, post("/deaf", randomBytes(LIMIT), false)));
      assert.equal(small.status, 200);
      assert.deepEqual(await counts("deaf"), { too_large: 2, sent: 1 });
    });

    describe("compared by the filter in the shadow's cluster", () => {
      test("the copy has its shadow's name and the policy's changes, production has neither", async () => {
        await exchange(stage.port, lastRequest("/changed/it", ["authorization: Bearer secret"]));
        const { production, copy } = await both("/changed/it");
        assert.deepEqual(valuesOf(copy, "x-serin-shadow"), ["changed"]);
        assert.deepEqual(valuesOf(copy, "authorization"), []);
        assert.deepEqual(valuesOf(copy, "x-new"), ["of the shadow"]);
        assert.deepEqual(valuesOf(production, "x-serin-shadow"), []);
        assert.deepEqual(valuesOf(production, "authorization"), ["Bearer secret"]);
        assert.deepEqual(valuesOf(production, "x-new"), []);
      });

      test("status and bytes: exactly what was planted", async () => {
        const same = { body: "the same" };
        await get("compared", same, 200);
        await get("compared", { ...same, "shadow-status": 500 }, 20);
        await get("compared", { ...same, "production-status": 404 }, 5);
        await get("compared", { ...same, "shadow-body": "the samf" }, 30);
        await get("compared", { ...same, "shadow-body": "other", "shadow-status": 418 }, 3);
        await get("compared", { size: 300_000 }, 4);
        assert.deepEqual(await settledCounts(stage.admin, "compared", 262), {
          ...{ sent: 262, match: 204, mismatch_status: 28, mismatch_body: 30 },
        });
        const lines = loggedOf(stage.envoy.log(), "compared");
        const status = lines.filter(({ verdict }) => verdict === "mismatch_status");
        assert.ok(status.some(({ production, answer }) => production === 200 && answer === 500));
        assert.ok(status.some(({ production, answer }) => production === 404 && answer === 200));
      });

      test("JSON: the field that differs is named, what is ignored is not", async () => {
        await get("json", { body: '{"total":1,"now":{random},"b":[1,2]}' }, 50);
        await get("json", { body: '{"a":1,"b":2}', "shadow-body": ' { "b" : 2.0, "a" : 1 }' }, 10);
        await get("json", { body: '{"b":[1,2]}', "shadow-body": '{"b":[1,3]}' }, 7);
        assert.deepEqual(await settledCounts(stage.admin, "json", 67), {
          sent: 67,
          match: 60,
          mismatch_body: 7,
        });
        const pointers = loggedOf(stage.envoy.log(), "json").map(({ pointer }) => pointer);
        assert.deepEqual(new Set(pointers), new Set(["/b/1"]));
      });

      test("whichever answers first", async () => {
        const slow = { "shadow-latency": 150, body: "x" };
        const fast = { "production-latency": 150, body: "x" };
        await get("orders", slow, 5);
        await get("orders", fast, 5);
        await get("orders", { ...slow, "shadow-body": "y" }, 5);
        await get("orders", { ...fast, "shadow-status": 500 }, 5);
        assert.deepEqual(await settledCounts(stage.admin, "orders", 20), {
          ...{ sent: 20, match: 10, mismatch_body: 5, mismatch_status: 5 },
        });
      });

      test("a copy without an answer counts as a timeout, at the latest with the next copy", async () => {
        await get("late", { body: "x", "shadow-hang": 1 }, 3);
        await sleep(700);
        await get("late", { body: "x" });
        assert.deepEqual(await settledCounts(stage.admin, "late", 4), { sent: 4, match: 1, timeout: 3 });
      });

      test("cut and refused answers are resets", async () => {
        await get("broken", { body: "x", "shadow-reset": 1 }, 3);
        await get("broken", { size: 1000, "shadow-cut": "length" }, 3);
        assert.deepEqual(await settledCounts(stage.admin, "broken", 6), { sent: 6, reset: 6 });
        await get("refused", { body: "x" }, 3);
        assert.deepEqual(await settledCounts(stage.admin, "refused", 3), { sent: 3, reset: 3 });
      });

      test("copies in flight have their bound", async () => {
        await get("few", { body: "x", "shadow-latency": 2000 }, 10);
        assert.deepEqual(await settledCounts(stage.admin, "few", 10), { sent: 3, over_budget: 7, match: 3 });
      });
    });
  });
}
