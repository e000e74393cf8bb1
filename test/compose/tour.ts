// The tour of docs/compose.md: its commands are run as they stand there, with the ports and the folder of this scene.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { blocksOf } from "../support/page.ts";
import { waitUntil } from "../../tools/envoy/index.ts";
import { run } from "./command.ts";
import type { Scene, Service } from "./scene.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const MARK = "by=test/compose/scene.test.ts";
/** What starts a scene or runs these very tests. */
const STARTS = /^(make compose( PROFILES=\S+)?|npm run compose|npm test -- build envoy compose)$/;

/** What the tour kills, pauses and restarts. */
const STEERED: readonly Service[] = ["canary", "shadow", "envoy"];

/** What has to stand in the output of a command with this part. */
const ANSWERS: readonly (readonly [part: string, pattern: RegExp])[] = [
  ["-i -H 'cookie: uid=alice' localhost", /^x-version: (production|canary)$/m],
  ["POST", /"method":"POST"/],
  ["x-canary", /^x-version: canary$/m],
  ["staff", /^x-version: canary$/m],
  ["/stats", /^wasmcustom\.serin\./m],
  ["api/v1/query", /"serin_variant":"canary"/],
  ["serin publish", /published|serves/],
];

const commands = ["README.md", "docs/compose.md"].flatMap((page) =>
  blocksOf(readFileSync(join(ROOT, page), "utf8"))
    .filter(({ marks }) => marks.includes(MARK))
    .flatMap(({ text }) => text.trim().split("\n")),
);

export async function tourHolds(scene: Scene): Promise<string> {
  const tour = commands.filter((command) => !STARTS.test(command));
  assert.ok(tour.length >= 10, `only ${tour.length} commands`);
  for (const command of tour) {
    const compose = /^docker compose (.*)$/.exec(command)?.[1];
    if (compose !== undefined) {
      // A container that was unpaused is unhealthy until it is probed again, and Compose starts nothing above it.
      if (/ up\b/.test(compose)) for (const service of STEERED) await scene.waitHealthy(service);
      await scene.compose(...compose.split(" "));
      continue;
    }
    // What was just started again takes a moment to serve, and Prometheus another to see it.
    await waitUntil(command, 30_000, async () => {
      const output = await run("bash", ["-e", "-c", inScene(command, scene)], {
        cwd: ROOT,
        deadlineMs: 20_000,
      });
      for (const [part, pattern] of ANSWERS) if (command.includes(part)) assert.match(output, pattern);
      return true;
    });
  }
  await scene.waitHealthy("envoy");
  return `${tour.length} commands`;
}

function inScene(command: string, { ports, admin, egressAdmin, policyFolder }: Scene): string {
  return command
    .replaceAll("localhost:8080", `localhost:${ports.shop}`)
    .replaceAll("localhost:8081", `localhost:${ports.hop}`)
    .replaceAll("localhost:9090", `localhost:${ports.prometheus}`)
    .replaceAll("localhost:9901", admin.address)
    .replaceAll("localhost:9902", egressAdmin.address)
    .replaceAll("envoy/compose/policy/filter.yaml", join(policyFolder, "filter.yaml"))
    .replaceAll("npx serin", `${process.execPath} build/cli/cli.js`);
}
