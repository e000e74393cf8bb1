// A user keeps the variant: on every worker, over HTTP/1.1 and HTTP/2, after a restart, and while policies change.

import assert from "node:assert/strict";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { after, before, describe, test } from "node:test";

import { directRoute } from "../support/envoy/bootstrap.ts";
import { fromBothEnds, variantOf } from "../support/assignment.ts";
import { startProxy, type Proxy } from "../support/envoy/proxy.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { headerIn, request, sendAll } from "../support/envoy/wire.ts";

const USERS = Array.from({ length: 2_000 }, (_, i) => `visitor-${i}`);
const ROUTES = [directRoute("/", { variant: "%REQ(x-serin-checkout)%" })];

const policy = (canary: number, more: object = {}): object => ({
  identity: [{ cookie: "uid" }],
  rollouts: {
    checkout: {
      default: "stable",
      variants: { stable: {}, canary: { percent: canary }, blue: { percent: 30 } },
      ...more,
    },
  },
});
const expected = (canary: number): (string | null)[] =>
  USERS.map((user) => variantOf("checkout", user, fromBothEnds(["canary", canary], ["blue", 30])));

async function overHttp1(proxy: Proxy): Promise<(string | null)[]> {
  const requests = USERS.map((user) => request("/", [`cookie: uid=${user}`]));
  return (await sendAll(proxy.port, requests, 32)).map((head) => headerIn(head, "variant"));
}

async function overHttp2(port: number): Promise<(string | null)[]> {
  const sessions = Array.from({ length: 16 }, () => connect(`http://127.0.0.1:${port}`));
  const given: (string | null)[] = [];
  for (let at = 0; at < USERS.length; at += 80) {
    const some = USERS.slice(at, at + 80).map(
      (user, i) =>
        new Promise<string | null>((resolve, reject) => {
          const session = sessions[i % sessions.length];
          const stream = session?.request({ ":path": "/", ":authority": "a", cookie: `uid=${user}` });
          stream?.on("response", (headers: IncomingHttpHeaders) => {
            const variant = headers["variant"];
            resolve(typeof variant === "string" ? variant : null);
          });
          stream?.on("error", reject);
          stream?.resume();
        }),
    );
    given.push(...(await Promise.all(some)));
  }
  for (const session of sessions) session.destroy();
  return given;
}

for (const version of EVERY_ENVOY) {
  describe(`Envoy ${version}, two workers`, () => {
    let proxy: Proxy;
    const start = (): Promise<Proxy> =>
      startProxy({ version, policy: policy(20), routes: ROUTES, concurrency: 2 });
    before(async () => {
      proxy = await start();
    });
    after(() => proxy.stop());

    test("on both workers", async () => {
      for (let round = 0; round < 3; round++) assert.deepEqual(await overHttp1(proxy), expected(20));
      const served = await proxy.admin.stats(`worker_[01]\\.downstream_cx_total`);
      const workers = [...served].filter(([name, count]) => name.startsWith("listener.127") && count > 0);
      assert.ok(workers.length >= 2, `connections by worker: ${JSON.stringify([...served])}`);
    });

    test("over HTTP/2", async () => assert.deepEqual(await overHttp2(proxy.port), expected(20)));

    test("after other policies, when the percent is the same again", async () => {
      assert.equal(await proxy.publish(policy(70)), "accepted");
      assert.deepEqual(await overHttp1(proxy), expected(70));
      assert.equal(await proxy.publish(policy(20, { match: [{ path: { value: "/" } }] })), "accepted");
      assert.deepEqual(await overHttp1(proxy), expected(20));
    });

    test("nobody leaves a variant while percents rise", async () => {
      let last = expected(20);
      for (const percent of [20.001, 33, 50, 70]) {
        assert.equal(await proxy.publish(policy(percent)), "accepted");
        const now = await overHttp1(proxy);
        assert.deepEqual(
          USERS.filter((_, i) => last[i] !== null && last[i] !== now[i]),
          [],
        );
        last = now;
      }
    });

    test("after a restart", async () => {
      await proxy.stop();
      proxy = await start();
      assert.deepEqual(await overHttp1(proxy), expected(20));
    });
  });
}
