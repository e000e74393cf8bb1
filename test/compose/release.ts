// `serin advance --watch` as a service of the scene.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { waitUntil } from "../../tools/envoy/index.ts";
import { PERCENT } from "./assignment.ts";
import { publishEdited } from "./policy-edit.ts";
import type { Scene } from "./scene.ts";
import { askAll, checkout, usersOf } from "./shop.ts";

export async function releaseTakesItselfBack(scene: Scene): Promise<string> {
  // It was paused a moment ago, and Compose starts nothing above what is not healthy.
  await scene.waitHealthy("shadow");
  await scene.compose("--profile", "release", "up", "-d", "advance");
  await scene.waitHealthy("advance");
  const advance = await scene.container("advance");
  const visitors = [
    ...usersOf("canary", PERCENT).slice(0, 30),
    ...usersOf("production", PERCENT).slice(0, 120),
  ];
  const says = (what: RegExp, seconds: number): Promise<void> =>
    waitUntil(`advance to say ${String(what)}`, seconds * 1000, async () => {
      // The scene's own load has ended by now.
      await askAll(scene.ports.shop, visitors.map(checkout));
      return what.test(await scene.engine.docker("logs", advance));
    });
  await says(/checkout\/canary: stays at 20%: [^\n]* of 10 min on this step/, 30);
  const canary = await scene.container("canary");
  await scene.engine.docker("kill", canary);
  const killed = performance.now();
  let isBack = false;
  try {
    await says(/checkout\/canary: 20% -> 0%: /, 60);
    isBack = true;
    const seconds = ((performance.now() - killed) / 1000).toFixed(0);
    const policy = await readFile(join(scene.policyFolder, "policy.yaml"), "utf8");
    assert.match(policy, /percent: 0$/m);
    let statuses: string[] = [];
    await waitUntil("its users to get production", 10_000, async () => {
      const answers = await askAll(scene.ports.shop, usersOf("canary", PERCENT).slice(0, 30).map(checkout));
      statuses = [...new Set(answers.map(({ status, version }) => `${status} ${version}`))];
      return statuses.length === 1 && statuses[0] === "200 production";
    });
    return `back ${seconds} s after the canary was killed`;
  } finally {
    await scene.engine.docker("rm", "-f", advance);
    await scene.engine.docker("start", canary);
    await scene.waitHealthy("canary");
    // Envoy has no news of a policy that it has.
    if (isBack) await publishEdited(scene, () => undefined);
  }
}
