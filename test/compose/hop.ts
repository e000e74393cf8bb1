// The profile `emissary-hop`: Serin on a plain Envoy, in front of one that plays Ambassador.

import assert from "node:assert/strict";

import { PERCENT, versionOf } from "./assignment.ts";
import type { Scene } from "./scene.ts";
import { ask, askAll, checkout, echoOf, serviceOf, USERS, usersOf } from "./shop.ts";

export async function hopSteersAmbassador({ ports }: Scene): Promise<void> {
  const users = USERS.slice(0, 100);
  const answers = await askAll(ports.hop, users.map(checkout));
  assert.deepEqual(
    answers.map(versionOf),
    users.map((user) => serviceOf(user, PERCENT)),
    "the same users have the canary as at the other Envoy",
  );
  const [stable = ""] = usersOf("production", PERCENT);
  const cookie = `uid=${stable}`;
  const chosen = await ask(ports.hop, { path: "/checkout", headers: { cookie, "x-canary": "canary" } });
  assert.equal(chosen.version, "canary");
  assert.equal(echoOf(chosen).header("x-serin-checkout"), "canary");
  // Ambassador would believe the header; the hop takes it away from whoever did not get it from Serin.
  const forged = await ask(ports.hop, {
    path: "/checkout",
    headers: { cookie, "X-Serin-Checkout": "canary" },
  });
  assert.equal(forged.version, "production");
  const member = await ask(ports.hop, { path: "/", headers: { cookie: "sid=member-1.a1" } });
  assert.equal(echoOf(member).header("x-user-id"), "member-1");
}
