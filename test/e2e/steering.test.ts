// What was decided is where the request goes, by each way of routing; and nothing that a client sends under x-serin-
// changes that or reaches an upstream.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import type { Echo } from "../upstream/answer.ts";
import { variantOf } from "../support/assignment.ts";
import { position } from "../support/assignment.ts";
import { settledStats, startProxy, type Proxy } from "../support/envoy/proxy.ts";
import { announced, STEERING_ROUTES, steeringPolicy, WAYS, type Way } from "./steering-routes.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { exchange, lastRequest, parseResponse } from "../support/envoy/wire.ts";

const PARTS = [{ variant: "canary", begin: 0, end: position(40) }];
const USERS = Array.from({ length: 60 }, (_, i) => `u${i}`);
const isCanary = (user: string): boolean => variantOf("checkout", user, PARTS) === "canary";

/** What arrived, and where. */
async function arrivedOf(port: number, path: string, headers: readonly string[]): Promise<Echo> {
  const { status, body } = parseResponse(await exchange(port, lastRequest(path, headers)));
  assert.equal(status, 200, body);
  return JSON.parse(body) as Echo;
}

/** What some upstream reads as a header under x-serin-: CGI, WSGI and PHP spell hyphens otherwise. */
const OWN = /^x[^a-z0-9]serin[^a-z0-9]/;

function serinHeaders(echo: Echo): [string, string][] {
  return echo.headers
    .map(([name, value]): [string, string] => [name.toLowerCase(), value])
    .filter(([name]) => OWN.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Headers by which a client might hope to get the canary, or to tell the upstream something. */
const FORGERIES: readonly (readonly string[])[] = [
  ["x-serin-checkout: canary"],
  ["X-SERIN-CHECKOUT: canary", "x-Serin-checkout: canary", "x-serin-checkout: stable"],
  ["x-serin-cluster: canary"],
  ["X-Serin-Cluster: canary", "x-serin-cluster: canary", "x-serin-checkout: canary"],
  ["x-serin-cluster: no-such-cluster"],
  ["x-serin-flags: a=1", "x-serin-shadow-a: canary", "x-serin-: 1", "X-SERIN-UNKNOWN: 1"],
  [
    "x_serin_checkout: canary",
    "X_Serin-Checkout: canary",
    "x-serin_cluster: canary",
    "x.serin.checkout: canary",
  ],
  ["x-serin-checkout:", "x-serin-cluster:"],
  ["connection: x-serin-checkout", "x-serin-checkout: canary"],
  ["x-envoy-ip-tags: a", "x-serin-checkout: canary"],
];

for (const version of EVERY_ENVOY) {
  for (const way of WAYS) {
    describe(`by ${way}, Envoy ${version}`, () => {
      let proxy: Proxy;
      before(async () => {
        proxy = await startProxy({ version, policy: steeringPolicy(way, 40), routes: STEERING_ROUTES });
      });
      after(() => proxy.stop());

      test("each user reaches the version that was decided", async () => {
        for (const user of USERS) {
          const echo = await arrivedOf(proxy.port, "/checkout/cart", [`cookie: uid=${user}`]);
          assert.equal(echo.version, isCanary(user) ? "canary" : "stable", user);
          assert.deepEqual(serinHeaders(echo), isCanary(user) ? announced(way) : [], user);
        }
      });

      test("a tester's force, and a path that the rollout does not concern", async () => {
        const stable = USERS.find((user) => !isCanary(user)) ?? "";
        const canary = USERS.find(isCanary) ?? "";
        const forced = await arrivedOf(proxy.port, "/checkout", [
          `cookie: uid=${stable}`,
          "x-canary: canary",
        ]);
        assert.equal(forced.version, "canary");
        const back = await arrivedOf(proxy.port, "/checkout", [`cookie: uid=${canary}`, "x-canary: stable"]);
        assert.equal(back.version, "stable");
        const elsewhere = await arrivedOf(proxy.port, "/checkouts", [`cookie: uid=${canary}`]);
        assert.deepEqual([elsewhere.version, serinHeaders(elsewhere)], ["stable", []]);
      });

      test("a request with x-envoy-ip-tags is routed anew as well, and keeps it", async () => {
        const canary = USERS.find(isCanary) ?? "";
        const echo = await arrivedOf(proxy.port, "/checkout", [
          `cookie: uid=${canary}`,
          "x-envoy-ip-tags: a",
        ]);
        assert.equal(echo.version, "canary");
      });

      for (const forgery of FORGERIES) {
        test(`a client that sends ${forgery.join(", ")} gains nothing`, async () => {
          await forge(proxy, way, forgery);
        });
      }

      test("all of it was counted", async () => {
        const stats = await settledStats(proxy.admin, "checkout");
        assert.equal(stats.sum("checkout", "rq_total"), stats.sum("checkout", "rq_2xx"));
      });
    });
  }
}

async function forge(proxy: Proxy, way: Way, forgery: readonly string[]): Promise<void> {
  const stable = USERS.find((user) => !isCanary(user)) ?? "";
  const canary = USERS.find(isCanary) ?? "";
  for (const path of ["/checkout", "/elsewhere"]) {
    for (const cookie of [`cookie: uid=${stable}`, "cookie: other=1"]) {
      // Without the filter the forged headers would arrive.
      const echo = await arrivedOf(proxy.port, path, [cookie, ...forgery]);
      assert.deepEqual([echo.version, serinHeaders(echo)], ["stable", []], `${path}, ${cookie}`);
    }
  }
  const echo = await arrivedOf(proxy.port, "/checkout", [`cookie: uid=${canary}`, ...forgery]);
  assert.deepEqual([echo.version, serinHeaders(echo)], ["canary", announced(way)]);
}
