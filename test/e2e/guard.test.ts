// The guard on a real Envoy with two workers: a canary that fails 20 % beside a stable that fails 1 %, 200 requests a
// second of sticky users, 5 %. How soon after its tenth error nobody is sent there any more, and that no request fails
// because of that. Three runs; GUARD_RUNS=20 for as many as the bound is of (each takes about half a minute).

import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { after, before, describe, test } from "node:test";

import { ENVOY_VERSION, waitUntil } from "../../tools/envoy/index.ts";
import { seeded } from "../support/random.ts";
import { startProxy, type Proxy } from "../support/envoy/proxy.ts";
import { STEERING_ROUTES } from "./steering-routes.ts";

const RUNS = Number(process.env["GUARD_RUNS"] ?? 3);
const RATE = 200;
const USERS = 10_000;
/** Of the upstreams' own faults; Envoy's own answers have other codes. */
const PLANTED = 500;
/** Seconds in which the guard has to act. */
const MOST = 60;

interface Answer {
  /** Milliseconds from the run's begin until the request was sent. */
  readonly at: number;
  readonly version: string | undefined;
  /** 0 where there was no whole answer. */
  readonly status: number;
}

function policy(epoch: number, rest: object = {}): object {
  return {
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: {
        default: "stable",
        variants: { stable: {}, canary: { percent: 5 } },
        force: { header: "x-canary" },
        warmup: "0s",
        guard: { action: "rollback", falseAlarm: 0.001 },
        epoch,
      },
    },
    ...rest,
  };
}

describe(`a guard, Envoy ${ENVOY_VERSION}, two workers`, () => {
  let proxy: Proxy;
  let agent: Agent;
  let epoch = 0;
  const random = seeded(16);

  const gauge = async (leaf: string): Promise<number> => {
    const all = await proxy.admin.stats("^wasmcustom\\.serin\\.rollout\\.checkout\\.");
    return all.get(`wasmcustom.serin.rollout.checkout.${leaf}`) ?? 0;
  };

  function send(user: string, headers: Record<string, string> = {}): Promise<Omit<Answer, "at">> {
    const path = `/?up-error-status=${PLANTED}&up-canary-error-rate=0.2&up-stable-error-rate=0.01`;
    return new Promise((resolve) => {
      const broken = { version: undefined, status: 0 };
      request({ port: proxy.port, path, agent, headers: { cookie: `uid=${user}`, ...headers } }, (answer) => {
        const version = answer.headers["x-version"];
        answer.on("error", () => resolve(broken));
        answer.on("end", () =>
          resolve({
            version: typeof version === "string" ? version : undefined,
            status: answer.statusCode ?? 0,
          }),
        );
        answer.resume();
      })
        .on("error", () => resolve(broken))
        .end();
    });
  }

  /** Sends at the rate until two seconds after the guard has acted, or for a minute. */
  async function traffic(): Promise<{ answers: Answer[]; actedAt: number | null }> {
    const answers: Answer[] = [];
    const open: Promise<void>[] = [];
    const began = performance.now();
    let sent = 0;
    let actedAt: number | null = null;
    let asked = 0;
    for (;;) {
      const now = performance.now() - began;
      if (now > MOST * 1_000 || (actedAt !== null && now > actedAt + 2_000)) break;
      for (; sent < (now * RATE) / 1_000; sent++) {
        const at = performance.now() - began;
        open.push(send(`user-${random.below(USERS)}`).then((answer) => void answers.push({ at, ...answer })));
      }
      if (actedAt === null && now - asked >= 100) {
        asked = now;
        if ((await gauge("canary.guard")) === 2) actedAt = performance.now() - began;
      }
      await pause(5);
    }
    await Promise.all(open);
    answers.sort((a, b) => a.at - b.at);
    return { answers, actedAt };
  }

  before(async () => {
    proxy = await startProxy({
      ...{ version: ENVOY_VERSION, policy: policy(0), concurrency: 2, logLevel: "error" },
      routes: STEERING_ROUTES,
    });
    agent = new Agent({ keepAlive: true, maxSockets: 32 });
    await waitUntil("the first period", 20_000, async () => (await gauge("evidence_period")) === 1);
    await pause(1_500);
  });
  after(async () => {
    agent?.destroy();
    await proxy?.stop();
  });

  const delays: number[] = [];

  async function run(): Promise<void> {
    const { answers, actedAt } = await traffic();
    assert.ok(actedAt !== null, `not within ${MOST} s`);
    const strange = answers.filter(
      ({ status, version }) => version === undefined || ![200, PLANTED].includes(status),
    );
    assert.deepEqual(strange, [], "a request failed that no upstream has failed");
    const ofCanary = answers.filter(({ version }) => version === "canary");
    const tenth = ofCanary.filter(({ status }) => status === PLANTED)[9];
    const last = ofCanary.at(-1) as Answer;
    assert.ok(last.at <= actedAt + 2_000);
    // Of those that were faster than ten errors, the delay is 0.
    delays.push(tenth === undefined ? 0 : Math.max(0, last.at - tenth.at));
  }

  for (let i = 1; i <= RUNS; i++) {
    test(`run ${i} of ${RUNS}: rolled back, and no request fails because of it`, async () => {
      if (i > 1) {
        assert.equal(await proxy.publish(policy(++epoch)), "accepted");
        await waitUntil("another period", 20_000, async () => (await gauge("evidence_period")) === epoch + 1);
        assert.equal(await gauge("canary.guard"), 0);
        await pause(1_500);
      }
      await run();
    });
  }

  test("nobody was sent to the canary later than 5 s after its tenth error in the median, 12 s in all", (t) => {
    const sorted = [...delays].sort((a, b) => a - b);
    t.diagnostic(`ms: ${sorted.map(Math.round).join(" ")}`);
    assert.equal(sorted.length, RUNS);
    assert.ok((sorted[Math.floor(sorted.length / 2)] as number) <= 5_000);
    assert.ok((sorted.at(-1) as number) <= 12_000);
  });

  test("100 policy updates do not bring it back; testers get it; the log and the numbers say why", async () => {
    const users = Array.from({ length: 400 }, (_, n) => `user-${n}`);
    for (let i = 0; i < 100; i++) {
      assert.equal(await proxy.publish(policy(epoch, { metadata: { update: i } })), "accepted");
      const answers = await Promise.all(
        users.slice((i % 10) * 40, (i % 10) * 40 + 40).map((user) => send(user)),
      );
      assert.deepEqual([...new Set(answers.map(({ version }) => version))], ["stable"], `update ${i}`);
    }
    assert.equal((await send("user-1", { "x-canary": "canary" })).version, "canary");
    assert.equal(await gauge("canary.guard"), 2);
    assert.ok((await gauge("canary.users_error")) >= 3);
    const line = proxy.envoy
      .log()
      .split("\n")
      .findLast((each) => each.includes('"guard":"rolled back"'));
    assert.match(line ?? "", /\[error\]\[wasm\].*"rollout":"checkout","variant":"canary"/);
  });

  test("a raised epoch does", async () => {
    assert.equal(await proxy.publish(policy(++epoch)), "accepted");
    const answers = await Promise.all(Array.from({ length: 400 }, (_, n) => send(`user-${n}`)));
    assert.ok(answers.some(({ version }) => version === "canary"));
  });
});
