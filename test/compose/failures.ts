// What breaks in the scene, and whom it concerns: a version's containers, Envoy's own, the network between them.

import assert from "node:assert/strict";
import { Agent } from "node:http";

import { median } from "simple-statistics";

import { waitUntil } from "../../tools/envoy/index.ts";
import { PERCENT, versionOf } from "./assignment.ts";
import { underPolicy, type ScenePolicy } from "./policy-edit.ts";
import type { Scene } from "./scene.ts";
import { ask, askAll, checkout, countsOf, USERS, usersOf } from "./shop.ts";

export async function canaryIsKilledAndComesBack(scene: Scene): Promise<void> {
  const id = await scene.container("canary");
  await scene.engine.docker("kill", id);
  await onlyCanaryFails(scene);
  await scene.engine.docker("start", id);
  await scene.waitHealthy("canary");
  await canaryServesAgain(scene);
}

export async function networkOfCanaryIsCut(scene: Scene): Promise<void> {
  const id = await scene.container("canary");
  await scene.engine.docker("network", "disconnect", scene.network, id);
  await onlyCanaryFails(scene);
  await scene.engine.docker("network", "connect", "--alias", "canary", scene.network, id);
  await canaryServesAgain(scene);
}

/** Its users get errors, each of them counted against it; nobody else notices anything. */
async function onlyCanaryFails({ ports, admin }: Scene): Promise<void> {
  const before = await countsOf(admin, "rollout");
  const canary = usersOf("canary", PERCENT).slice(0, 30);
  const stable = usersOf("production", PERCENT).slice(0, 120);
  const [failed, served] = await Promise.all([
    askAll(ports.shop, canary.map(checkout)),
    askAll(ports.shop, stable.map(checkout)),
  ]);
  assert.deepEqual(
    [...new Set(failed.map(({ status }) => status))].filter((status) => (status ?? 0) < 500),
    [],
  );
  assert.deepEqual(
    [...new Set(served.map(({ status, version }) => `${status} ${version}`))],
    ["200 production"],
  );
  const rises = async (name: string): Promise<number> =>
    (await countsOf(admin, "rollout"))(name) - before(name);
  await waitUntil("all of it to be counted", 10_000, async () => {
    return (await rises("checkout.canary.rq_total")) === (await rises("checkout.canary.rq_5xx"));
  });
  assert.equal(await rises("checkout.canary.rq_5xx"), canary.length);
  assert.equal(await rises("checkout.canary.rq_2xx"), 0);
  assert.equal(await rises("checkout.stable.rq_2xx"), stable.length);
  assert.equal(await rises("checkout.stable.rq_5xx"), 0);
}

async function canaryServesAgain({ ports }: Scene): Promise<void> {
  const canary = usersOf("canary", PERCENT);
  await waitUntil("the canary to serve again", 30_000, async () => {
    const { status } = await ask(ports.shop, checkout(canary[0] as string));
    return status === 200;
  });
  const answers = await askAll(ports.shop, canary.map(checkout));
  assert.deepEqual(
    [...new Set(answers.map(({ status, version }) => `${status} ${version}`))],
    ["200 canary"],
  );
}

export async function envoyIsRestarted(scene: Scene): Promise<void> {
  const before = await askAll(scene.ports.shop, USERS.map(checkout));
  await scene.engine.docker("restart", "--time", "3", await scene.container("envoy"));
  await scene.waitHealthy("envoy");
  await waitUntil("Envoy to serve", 30_000, async () => {
    return (await ask(scene.ports.shop, { path: "/" })).status === 200;
  });
  const after = await askAll(scene.ports.shop, USERS.map(checkout));
  assert.deepEqual(after.map(versionOf), before.map(versionOf));
  assert.ok(after.every(({ status }) => status === 200));
}

const ROUNDS = 5;
const VISITS = 150;
/**
 * A shadow that held production back would do so for its whole timeout, 25 times production's own latency. Between a
 * round and the next, a machine that is busy with other things makes as much as half of a difference.
 */
const MOST_SLOWER = 3;
const LATENCY_MS = 20;
const SHADOW_TIMEOUT_MS = 500;

export async function pausedShadowSlowsNobody(scene: Scene): Promise<string> {
  const copyAll = ({ shadows: { next } }: ScenePolicy): void => {
    Object.assign(next, { percent: 100, timeout: `${SHADOW_TIMEOUT_MS}ms` });
    Object.assign(next.budget, { perSecond: 10_000, inFlight: 1000 });
  };
  return underPolicy(scene, copyAll, () => comparePaused(scene));
}

async function comparePaused(scene: Scene): Promise<string> {
  const before = await countsOf(scene.admin, "shadow");
  const id = await scene.container("shadow");
  const agent = new Agent({ keepAlive: true });
  const quantiles = { running: [] as number[], paused: [] as number[] };
  try {
    await roundOf(scene, agent);
    // In turn, so that whatever else the machine does concerns both.
    for (let round = 0; round < ROUNDS; round++) {
      quantiles.running.push(await roundOf(scene, agent));
      await scene.engine.docker("pause", id);
      try {
        quantiles.paused.push(await roundOf(scene, agent));
      } finally {
        await scene.engine.docker("unpause", id);
      }
    }
  } finally {
    agent.destroy();
  }
  const now = await countsOf(scene.admin, "shadow");
  assert.ok(
    now("next.timeout") - before("next.timeout") >= VISITS,
    "the paused shadow was asked, and did not answer",
  );
  const ratio = median(quantiles.paused) / median(quantiles.running);
  const said = `p99 with the shadow paused: ${ratio.toFixed(2)} of what it is with the shadow running`;
  assert.ok(ratio < MOST_SLOWER, `${said}; ${JSON.stringify(quantiles)}`);
  return said;
}

/** The p99 of one round of visits, in milliseconds. */
async function roundOf({ ports }: Scene, agent: Agent): Promise<number> {
  const headers = { "x-up-latency": String(LATENCY_MS), "x-canary": "stable" };
  const visits = Array.from({ length: VISITS }, () => ({ path: "/checkout", headers, agent }));
  const answers = await askAll(ports.shop, visits, 4);
  assert.ok(answers.every(({ status }) => status === 200));
  const times = answers.map(({ ms }) => ms).sort((one, other) => one - other);
  return times[Math.ceil(0.99 * times.length) - 1] as number;
}
