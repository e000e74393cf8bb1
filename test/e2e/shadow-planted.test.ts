// Ten thousand requests, of which some are planted to differ at the shadow: they are found, and nothing else. What the
// log says of them, and what production's second instance excuses.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import {
  countsOf,
  histogramOf,
  loggedOf,
  planted,
  sendEach,
  settledCounts,
  startStage,
  sumOf,
  type Got,
  type Policy,
  type Sent,
  type Stage,
} from "./shadow-stage.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";

const REQUESTS = 10_000;
/** Far above any pause that a busy machine makes by itself. */
const SLOW_MS = 2_000;

const shadow = (name: string, compare: object, more: object = {}): object => ({
  match: [{ path: { value: `/${name}` } }],
  percent: 100,
  cluster: "shadow",
  timeout: "20s",
  compare,
  budget: { perSecond: 100_000, inFlight: 1_000 },
  ...more,
});
const NOISE = { noise: { cluster: "second" }, timeout: "2s" };

const POLICY: Policy = {
  identity: [{ cookie: "uid" }],
  shadows: {
    planted: shadow("planted", { body: { json: true, ignore: ["/now", "/items/*/id"] }, sample: "1/s" }),
    lines: shadow("lines", { body: { json: true }, sample: "1000/s" }),
    queries: shadow("queries", { sample: "1000/s", logQuery: true }),
    silent: shadow("silent", { body: true, sample: "0/s" }),
    noisy: shadow("noisy", { body: { json: true }, sample: "1000/s" }, NOISE),
    "noisy-bytes": shadow("noisy-bytes", { body: true }, NOISE),
  },
};

type Kind = "same" | "status" | "total" | "slow" | "spelling" | "status and total" | "item";
const KINDS: Readonly<Record<number, Kind>> = {
  7: "status",
  13: "total",
  29: "slow",
  31: "spelling",
  41: "status and total",
  53: "item",
};
const kindOf = (i: number): Kind => KINDS[i % 100] ?? "same";

/** The answer of both: what is ignored differs each time. */
const answerOf = (total: string, item: string): string =>
  `{"total":${total},"now":{random},"items":[{"id":{random},"name":"a"},{"id":{random},"name":"${item}"}]}`;
/** The same value in other words. */
const otherwise = (total: number, item: string): string =>
  ` { "items" : [ {"name":"\\u0061", "id":"x"}, {"id":null,"name":"${item}"} ], "now": "then", "total": ${total}.0e0 } `;

/** By headers, so that nothing of the answers stands in the path, which may be logged. */
function sentOf(i: number): Sent {
  const kind = kindOf(i);
  const item = `unsaid-${i}`;
  const headers: Record<string, string> = {
    authorization: "Bearer unsaid-token",
    cookie: "session=unsaid-cookie",
    "x-up-body": answerOf(String(i), item),
  };
  if (kind === "status" || kind === "status and total") headers["x-up-shadow-status"] = "500";
  if (kind === "total" || kind === "status and total") headers["x-up-shadow-body"] = answerOf(`${i}.5`, item);
  if (kind === "item") headers["x-up-shadow-body"] = answerOf(String(i), `${item}-other`);
  if (kind === "spelling") headers["x-up-shadow-body"] = otherwise(i, item);
  if (kind === "slow") headers["x-up-shadow-latency"] = String(SLOW_MS);
  return { path: `/planted/${i}`, headers };
}

const isAsAsked = ({ status, body }: Got, i: number): boolean => {
  if (status !== 200) return false;
  const { total, items } = JSON.parse(body) as { total: number; items: { name: string }[] };
  return total === i && items[1]?.name === `unsaid-${i}`;
};

for (const version of EVERY_ENVOY) {
  describe(`Envoy ${version}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await startStage({ version, policy: POLICY });
      await stage.serve(POLICY);
    });
    after(() => stage.stop());

    describe(`${REQUESTS} requests with planted differences`, () => {
      let seconds = 0;
      before(async () => {
        const begin = performance.now();
        const answers = await sendEach(
          stage.port,
          Array.from({ length: REQUESTS }, (_, i) => sentOf(i)),
        );
        const wrong = answers.filter((got, i) => !isAsAsked(got, i));
        assert.deepEqual(wrong.slice(0, 3), [], `${wrong.length} of production's answers are others`);
        await settledCounts(stage.admin, "planted", REQUESTS);
        seconds = (performance.now() - begin) / 1000;
      });

      test("each is counted as it was planted, and none elsewhere", async () => {
        const many = REQUESTS / 100;
        assert.deepEqual(await settledCounts(stage.admin, "planted", REQUESTS), {
          sent: REQUESTS,
          match: REQUESTS - 4 * many,
          mismatch_status: 2 * many,
          mismatch_body: 2 * many,
        });
      });

      test("the slow ones are in the shadow's histogram, and not in production's", async () => {
        const shadow = await histogramOf(stage.admin, "planted", "rq_time", REQUESTS);
        const production = await histogramOf(stage.admin, "planted", "production_rq_time", REQUESTS);
        assert.deepEqual([shadow.total, production.total], [REQUESTS, REQUESTS]);
        assert.equal(shadow.from(SLOW_MS - 100), REQUESTS / 100);
        assert.equal(production.from(SLOW_MS - 100), 0);
      });

      test("the log has a sample of the mismatches: the request, and where it differs", () => {
        const lines = loggedOf(stage.envoy.log(), "planted");
        assert.ok(lines.length >= 1 && lines.length <= seconds + 2, `${lines.length} lines in ${seconds} s`);
        for (const line of lines) {
          const index = Number(/^GET \/planted\/(\d+)$/.exec(line.request)?.[1]);
          const kind = kindOf(index);
          const isStatus = kind === "status" || kind === "status and total";
          assert.equal(line.verdict, isStatus ? "mismatch_status" : "mismatch_body", line.request);
          assert.deepEqual([line.production, line.answer], [200, isStatus ? 500 : 200]);
          if (!isStatus) assert.equal(line.pointer, kind === "total" ? "/total" : "/items/1/name");
        }
      });

      test("nothing of headers and bodies is in the log", () => {
        const lines = stage.envoy.log().split("\n");
        assert.deepEqual(
          lines.filter((line) => line.includes("unsaid-")),
          [],
        );
      });
    });

    const get = async (
      name: string,
      behaviours: Record<string, string | number>,
      times = 1,
    ): Promise<void> => {
      const all = Array.from({ length: times }, () => ({ path: planted(`/${name}`, behaviours) }));
      for (const { status } of await sendEach(stage.port, all, 8)) assert.equal(status, 200);
    };

    describe("the log", () => {
      test("pointers are RFC 6901's, of the first difference in production's order", async () => {
        const cases: [string, string, string][] = [
          ['{"a":{"b/c~d":[0,1]}}', '{"a":{"b/c~d":[0,2]}}', "/a/b~1c~0d/1"],
          ['{"a":1}', '{"a":1,"b":2}', "/b"],
          ['{"a":1,"b":2}', '{"a":1}', "/b"],
          ["[1,2,3]", "[1,2]", "/2"],
          ["1", "2", ""],
          ['{"a":1,"b":1}', '{"b":2,"a":2}', "/a"],
          ['{"é\\"":1}', '{"é\\"":"1"}', '/é"'],
        ];
        for (const [body, other] of cases) await get("lines", { body, "shadow-body": other });
        await settledCounts(stage.admin, "lines", cases.length);
        const lines = loggedOf(stage.envoy.log(), "lines");
        assert.deepEqual(
          lines.map(({ pointer }) => pointer),
          cases.map(([, , pointer]) => pointer),
        );
      });

      test("the path alone, unless the policy wants the query; cut after 512 bytes, and strange ones are JSON still", async () => {
        const headers = { "x-up-shadow-status": "500" };
        const query = `?token=secret&${"x".repeat(2_000)}`;
        const strange = `?%22\\"'{}<>`;
        for (const [name, queries] of [
          ["lines", ["", ""]],
          ["queries", [query, strange]],
        ] as const) {
          const before = loggedOf(stage.envoy.log(), name).length;
          const decided = sumOf(await countsOf(stage.admin, name), ["sent"]) + 2;
          const sent = [query, strange].map((one) => ({ path: `/${name}${one}`, headers }));
          await sendEach(stage.port, sent, 1);
          await settledCounts(stage.admin, name, decided);
          assert.deepEqual(
            loggedOf(stage.envoy.log(), name)
              .slice(before)
              .map(({ request, verdict }) => [request, verdict]),
            queries.map((logged) => [`GET /${name}${logged}`.slice(0, 512), "mismatch_status"]),
          );
        }
      });

      test("`sample: 0/s` writes none", async () => {
        await get("silent", { body: "a", "shadow-body": "b" }, 5);
        assert.deepEqual(await settledCounts(stage.admin, "silent", 5), { sent: 5, mismatch_body: 5 });
        assert.deepEqual(loggedOf(stage.envoy.log(), "silent"), []);
      });
    });

    describe("noise: production's second instance", () => {
      test("excuses what it shows too, at the same place, and nothing else", async () => {
        const random = '{"total":1,"r":{random}}';
        const before = stage.upstreams.second.count;
        await get("noisy", { body: random }, 100);
        await get("noisy", { body: random, "shadow-body": '{"total":2,"r":{random}}' }, 20);
        await get("noisy", { body: '{"total":1}' }, 20);
        await get("noisy", { body: "[1]", "shadow-status": 500, "second-status": 503 }, 5);
        await get("noisy", { body: "[1]", "shadow-status": 500 }, 6);
        await get("noisy", { body: "[1]", "second-status": 500 }, 7);
        assert.deepEqual(await settledCounts(stage.admin, "noisy", 158), {
          ...{ sent: 158, match: 27, mismatch_status: 6, mismatch_body: 20, noise: 105 },
          ...{ noise_whole: 5, noise_only: 7 },
        });
        assert.equal(stage.upstreams.second.count - before, 158);
        const lines = loggedOf(stage.envoy.log(), "noisy").filter(
          ({ verdict }) => verdict === "mismatch_body",
        );
        assert.deepEqual(new Set(lines.map(({ pointer }) => pointer)), new Set(["/total"]));
      });

      test("excuses nothing when it gives no answer", async () => {
        await get("noisy", { body: "[1]", "shadow-body": "[2]", "second-reset": 1 }, 4);
        await get("noisy", { body: "[1]", "shadow-body": "[2]", "second-hang": 1 }, 4);
        await get("noisy", { body: "[1]", "second-hang": 1 }, 4);
        assert.deepEqual(await settledCounts(stage.admin, "noisy", 170), {
          ...{ sent: 170, match: 31, mismatch_status: 6, mismatch_body: 28, noise: 105 },
          ...{ noise_whole: 5, noise_only: 7, noise_missing: 8 },
        });
      });

      test("as bytes", async () => {
        await get("noisy-bytes", { body: "a {random}" }, 10);
        await get("noisy-bytes", { body: "a", "shadow-body": "b" }, 11);
        await get("noisy-bytes", { body: "a", "second-body": "b" }, 12);
        assert.deepEqual(await settledCounts(stage.admin, "noisy-bytes", 33), {
          ...{ sent: 33, match: 12, mismatch_body: 11, noise: 10 },
          ...{ noise_whole: 10, noise_only: 12 },
        });
      });
    });
  });
}
