// Who gets what in the scene: shares, stickiness, testers, flags, and whom the auth service says a visitor is.

import assert from "node:assert/strict";

import { envoySays } from "./observation.ts";
import { forceEdit, publishEdited } from "./policy-edit.ts";
import type { Scene } from "./scene.ts";
import { ask, askAll, checkout, echoOf, serviceOf, USERS, usersOf, type Answer } from "./shop.ts";

/** What envoy/compose/policy/policy.yaml says. */
export const PERCENT = 20;

export async function sharesAreAsked({ ports }: Scene): Promise<void> {
  const first = await askAll(ports.shop, USERS.map(checkout));
  const second = await askAll(ports.shop, USERS.map(checkout).reverse());
  const expected = USERS.map((user) => serviceOf(user, PERCENT));
  assert.deepEqual(first.map(versionOf), expected, "each user has what the published hash gives");
  assert.deepEqual(second.reverse().map(versionOf), expected, "and has it again");
  const share = expected.filter((service) => service === "canary").length / USERS.length;
  assert.ok(share > 0.14 && share < 0.26, `a share of ${share} of the users is not ${PERCENT} %`);
}

export async function testersChoose({ ports }: Scene): Promise<void> {
  const [stable = ""] = usersOf("production", PERCENT);
  const [canary = ""] = usersOf("canary", PERCENT);
  const as = (user: string, headers: Record<string, string>): Promise<Answer> =>
    ask(ports.shop, { path: "/checkout", headers: { cookie: `uid=${user}`, ...headers } });
  assert.equal((await as(stable, { "x-canary": "canary" })).version, "canary");
  assert.equal((await as(canary, { "x-canary": "stable" })).version, "production");
  assert.equal((await as(stable, { cookie: `uid=${stable}; canary=canary` })).version, "canary");
  assert.equal((await as(stable, { "x-canary": "nothing-known" })).version, "production");
  // Serin's own headers are no way to choose.
  const forged = await as(stable, { "x-serin-checkout": "canary", "x-serin-cluster": "canary" });
  assert.equal(forged.version, "production");
  assert.equal(echoOf(forged).header("x-serin-checkout"), null);
}

export async function flagOpensTheGate({ ports }: Scene): Promise<void> {
  const search = (session: string): Promise<Answer> =>
    ask(ports.shop, { path: "/search?q=lamp", headers: { cookie: `sid=${session}` } });
  const staff = await search("staff-7.c0ffee");
  assert.equal(staff.version, "canary", "the new search is where the canary is");
  assert.equal(echoOf(staff).header("x-serin-flags"), "new-search");
  const member = await search("member-7.c0ffee");
  assert.equal(member.version, "production");
  assert.equal(echoOf(member).header("x-serin-flags"), "new-search=?0");
}

export async function identityComesFromAuth({ ports }: Scene): Promise<void> {
  const members = Array.from({ length: 60 }, (_, index) => `member-${index}`);
  // Two sessions of each, and a cookie in which somebody else stands: the auth service's word goes first.
  const visits = members.flatMap((user) =>
    ["a1", "b2"].map((end) => `sid=${user}.${end}; uid=${USERS[0] ?? ""}`),
  );
  const answers = await askAll(
    ports.shop,
    visits.map((cookie) => ({ path: "/checkout", headers: { cookie } })),
  );
  const expected = members.flatMap((user) => [user, user]).map((user) => serviceOf(user, PERCENT));
  assert.deepEqual(answers.map(versionOf), expected);
  assert.ok(new Set(expected).size === 2, "both versions are among them");
  assert.equal(echoOf(answers[0] as Answer).header("x-user-id"), "member-0", "upstreams are told, too");
  // What a client says about itself counts for nothing.
  const [canary = ""] = usersOf("canary", PERCENT);
  const [stable = ""] = usersOf("production", PERCENT);
  const headers = { "x-user-id": canary, cookie: `uid=${stable}` };
  const liar = await ask(ports.shop, { path: "/checkout", headers });
  assert.equal(liar.version, "production");
  assert.equal(echoOf(liar).header("x-user-id"), null);
}

export async function strangersGetACookie({ ports }: Scene): Promise<void> {
  const strangers = await askAll(
    ports.shop,
    Array.from({ length: 30 }, () => ({ path: "/checkout" })),
  );
  const cookies = strangers.map(({ headers }) => headers["set-cookie"]?.[0]?.split(";", 1)[0] ?? "");
  for (const cookie of cookies) assert.match(cookie, /^serin-id=\S+$/);
  const again = await askAll(
    ports.shop,
    cookies.map((cookie) => ({ path: "/checkout", headers: { cookie } })),
  );
  assert.deepEqual(again.map(versionOf), strangers.map(versionOf));
  assert.ok(again.every(({ headers }) => headers["set-cookie"] === undefined));
}

export async function policyEditsGoLive(scene: Scene): Promise<void> {
  const before = usersOf("canary", PERCENT);
  const raised = await publishEdited(scene, (policy) => {
    policy.rollouts.checkout.variants.canary.percent = 50;
  });
  assert.equal(raised, "accepted");
  const expected = USERS.map((user) => serviceOf(user, 50));
  const answers = await askAll(scene.ports.shop, USERS.map(checkout));
  assert.deepEqual(answers.map(versionOf), expected);
  assert.ok(
    before.every((user) => expected[USERS.indexOf(user)] === "canary"),
    "nobody has left the canary",
  );
  // A mistake that got past `serin publish`: Envoy keeps what it has, and says so.
  assert.equal(await forceEdit(scene, (text) => text.replace('"percent": 50', '"percent": 140')), "rejected");
  assert.deepEqual((await askAll(scene.ports.shop, USERS.map(checkout))).map(versionOf), expected);
  await envoySays(scene, /must be 0 to 100, got 140/);
  // `serin publish` would not have let it through, and leaves the file as it is.
  await assert.rejects(
    publishEdited(scene, (policy) => {
      policy.rollouts.checkout.variants.canary.percent = 140;
    }),
    /not changed: the policy is invalid/,
  );
  assert.equal(await publishEdited(scene, () => undefined), "accepted");
  const back = await askAll(scene.ports.shop, USERS.map(checkout));
  assert.deepEqual(
    back.map(versionOf),
    USERS.map((user) => serviceOf(user, PERCENT)),
  );
}

export function versionOf(answer: Answer): string {
  return answer.version;
}
