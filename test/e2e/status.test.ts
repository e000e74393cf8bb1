// `serin status` over five Envoys: all the same, one behind, one that refused, one that is gone. And `publish --wait`.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ENVOY_VERSION } from "../../tools/envoy/index.ts";
import { policyDigest } from "../../tools/policy/digest.ts";
import { runCli, temporaryFolder, type Outcome } from "../support/cli.ts";
import { startProxy, type Proxy } from "../support/envoy/proxy.ts";
import { STEERING_ROUTES } from "./steering-routes.ts";

const SECRET = "planted-4Zq8vK1x0sTn7LbE";

function policy(percent: number): string {
  return JSON.stringify({
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: {
        default: "stable",
        headerSecret: SECRET,
        variants: { stable: {}, canary: { percent } },
        guard: {},
      },
    },
  });
}

const digestOf = (text: string): string => policyDigest(text).toString(16).padStart(12, "0");
const [OLD, NEW] = [policy(5), policy(10)];

describe(`serin status, five of Envoy ${ENVOY_VERSION}`, () => {
  const folder = temporaryFolder();
  const proxies: Proxy[] = [];
  before(async () => {
    const start = (): Promise<Proxy> =>
      startProxy({
        version: ENVOY_VERSION,
        policy: OLD,
        routes: STEERING_ROUTES,
        concurrency: 1,
        logLevel: "error",
      });
    for (let i = 0; i < 5; i++) proxies.push(await start());
  });
  after(async () => {
    for (const proxy of proxies) await proxy.stop();
  });

  const admins = (): string[] => proxies.flatMap(({ admin }) => ["--admin", admin.url]);
  /** Runs it, and looks for the secret in all that it says. */
  const status = async (...more: string[]): Promise<Outcome> => {
    const done = await runCli(["status", ...admins(), ...more]);
    for (const text of [done.stdout, done.stderr]) assert.ok(!text.includes(SECRET), text);
    return done;
  };
  const at = (index: number): Proxy => proxies[index] ?? assert.fail();
  const address = (index: number): string => at(index).admin.address;

  test("all serve the same: 0, with the digest, the module, since when, and evidence", async () => {
    const { status: exit, stdout } = await status();
    assert.equal(exit, 0, stdout);
    assert.match(stdout, new RegExp(`^All 5 Envoys serve policy ${digestOf(OLD)}, module `, "m"));
    assert.match(
      stdout,
      new RegExp(`^${address(0)} +${digestOf(OLD)} +\\d+ s +\\S+ +${ENVOY_VERSION} +0$`, "m"),
    );
    assert.match(stdout, /^checkout: evidence.*; guard: /m);
    const json = JSON.parse((await status("--json")).stdout) as {
      same: boolean;
      envoys: { policy: { digest: string; version: string; since: string }; module: string | null }[];
    };
    assert.equal(json.same, true);
    for (const { policy: serves } of json.envoys) {
      assert.equal(serves.digest, digestOf(OLD));
      assert.ok(serves.version.startsWith(`sha256-${digestOf(OLD)}`));
      assert.ok(Date.now() - Date.parse(serves.since) < 120_000);
    }
  });

  test("one behind: 1, and its name; against --policy too", async () => {
    for (const proxy of proxies.slice(0, 4)) assert.equal(await proxy.publish(NEW), "accepted");
    const { status: exit, stdout } = await status();
    assert.equal(exit, 1, stdout);
    assert.match(stdout, /^Envoys differ:$/m);
    assert.match(stdout, new RegExp(`^ {2}policy ${digestOf(OLD)}, module \\S.*: ${address(4)}$`, "m"));
    const file = folder.write("new.json", NEW);
    const against = await status("--policy", file);
    assert.equal(against.status, 1);
    assert.match(
      against.stdout,
      new RegExp(`^Not the policy of --policy \\(${digestOf(NEW)}\\): ${address(4)}$`, "m"),
    );
  });

  test("one has refused what it was given: 1, why, and it serves the one before", async () => {
    assert.equal(await at(4).publish(NEW), "accepted");
    assert.equal((await status("--policy", folder.write("new.json", NEW))).status, 0);
    const bad = NEW.replace('"percent":10', '"percent":1000').replace(SECRET, `${SECRET} \\u0001`);
    assert.equal(await at(2).publish(bad), "rejected");
    const { status: exit, stdout } = await status();
    assert.equal(exit, 1, stdout);
    assert.match(
      stdout,
      new RegExp(`^${address(2)} refused version sha256-${digestOf(bad)}\\S* \\d+ s ago`, "m"),
    );
    assert.match(stdout, /^ {2}1:\d+ \/rollouts\/checkout\/variants\/canary\/percent: .*1000/m);
    assert.match(stdout, new RegExp(`^All 5 Envoys serve policy ${digestOf(NEW)}`, "m"));
    assert.equal((await status("--json")).status, 1);
    assert.equal(await at(2).publish(OLD), "accepted");
    assert.equal(await at(2).publish(NEW), "accepted");
    assert.equal((await status()).status, 0);
  });

  test("publish --wait: 0 once all serve it, 1 with those that do not and why", async () => {
    const to = join(at(0).envoy.folder, "watched/filter.yaml");
    const one = ["--admin", at(0).admin.url];
    const file = folder.write("other.json", policy(7));
    const done = await runCli(["publish", file, "--to", to, "--wait", "30s", ...one]);
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /^served by 1 of 1 Envoy$/m);
    assert.equal((await runCli(["status", ...one, "--policy", file])).status, 0);
    const again = await runCli([
      "publish",
      file,
      "--to",
      to,
      "--wait",
      "2s",
      ...one,
      "--admin",
      at(1).admin.url,
    ]);
    assert.equal(again.status, 1);
    assert.match(again.stdout, /up to date[^]*^served by 1 of 2 Envoys$/m);
    assert.equal(
      again.stderr,
      `${at(1).admin.url}: still serves policy ${digestOf(NEW)} after 2 s: does it watch this file?\n`,
    );
    const json = await runCli(["publish", file, "--to", to, "--wait", "1s", ...one, "--json"]);
    const report = JSON.parse(json.stdout) as { ok: boolean; envoys: { word: string }[] };
    assert.deepEqual([report.ok, report.envoys.map(({ word }) => word)], [true, ["serves"]]);
    const alone = await runCli(["publish", file, "--to", to, ...one]);
    assert.deepEqual([alone.status, alone.stderr], [2, "serin: --admin: only with --wait\n"]);
  });

  test("one that is gone: 2, and what the others serve", async () => {
    await at(3).stop();
    const gone = address(3);
    const { status: exit, stdout } = await status();
    assert.equal(exit, 2);
    assert.match(stdout, new RegExp(`^${gone} +unreachable: connection refused$`, "m"));
    assert.match(stdout, new RegExp(`^${address(0)} +${digestOf(policy(7))} `, "m"));
    const to = join(at(0).envoy.folder, "watched/filter.yaml");
    const file = folder.write("third.json", policy(8));
    const waited = await runCli(["publish", file, "--to", to, "--wait", "1s", "--admin", at(3).admin.url]);
    assert.equal(waited.status, 2);
    assert.match(waited.stderr, /connection refused/);
    proxies.splice(3, 1);
  });
});
