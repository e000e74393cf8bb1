// The scene's policy, edited as a person does it: on the host, in the folder that is mounted into Envoy.

import assert from "node:assert/strict";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { parse, stringify } from "yaml";

import { run } from "./command.ts";
import type { Scene } from "./scene.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const CLI = join(ROOT, "build/cli/cli.js");

/** As much of the scene's policy as is edited. */
export interface ScenePolicy {
  rollouts: { checkout: { variants: { canary: { percent: number } } } };
  shadows: { next: { percent: number; timeout: string; budget: { perSecond: number; inFlight: number } } };
}

/** Edits a copy of envoy/compose/policy/policy.yaml and publishes it with `serin publish`; waits for Envoy's word. */
export async function publishEdited(
  scene: Scene,
  edit: (policy: ScenePolicy) => void,
): Promise<"accepted" | "rejected"> {
  const policy = parse(await readFile(join(ROOT, "envoy/compose/policy/policy.yaml"), "utf8")) as ScenePolicy;
  edit(policy);
  const file = join(scene.policyFolder, "policy.yaml");
  await writeFile(file, stringify(policy));
  const before = await scene.admin.filterUpdates("serin");
  await run(process.execPath, [CLI, "publish", file, "--to", join(scene.policyFolder, "filter.yaml")]);
  return scene.admin.waitForUpdate("serin", before);
}

/** Checks something under an edited policy, and puts back the scene's own, also after a failure. */
export async function underPolicy<T>(
  scene: Scene,
  edit: (policy: ScenePolicy) => void,
  check: () => Promise<T>,
): Promise<T> {
  assert.equal(await publishEdited(scene, edit), "accepted");
  try {
    return await check();
  } finally {
    assert.equal(await publishEdited(scene, () => undefined), "accepted");
  }
}

/** Changes the watched file behind the back of `serin publish`, which would refuse to. */
export async function forceEdit(
  scene: Scene,
  edit: (text: string) => string,
): Promise<"accepted" | "rejected"> {
  const file = join(scene.policyFolder, "filter.yaml");
  const before = await scene.admin.filterUpdates("serin");
  await writeFile(`${file}.new`, edit(await readFile(file, "utf8")));
  await rename(`${file}.new`, file);
  return scene.admin.waitForUpdate("serin", before);
}
