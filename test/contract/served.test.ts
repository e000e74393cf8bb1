// What the gauges say of who serves: the module's version and the policy's digest.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { MODULE_VERSION as VERSION } from "../../assembly/vocabulary/version.ts";
import { MODULE_VERSION, POLICY_DIGEST } from "../../assembly/vocabulary/stats.ts";
import { policyDigest } from "../../tools/policy/digest.ts";
import { RecordingHost } from "./recording-host.ts";
import { DEFAULT, policy, serving } from "./serving.ts";
import { finish, Workers } from "./workers.ts";

const OTHER = policy({}, { salt: "other" });

function digestOf(document: object): number {
  return policyDigest(JSON.stringify(document));
}

describe("the module's version", () => {
  test("is the package's, as a number", () => {
    const path = join(import.meta.dirname, "../../package.json");
    const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
    const [major, minor, patch] = version.split(".").map(Number) as [number, number, number];
    assert.equal(VERSION, major * 1_000_000 + minor * 1000 + patch);
  });

  test("is told with the first policy that is accepted, not before", () => {
    const host = new RecordingHost();
    assert.equal(host.configure(1, { rollouts: 1 }), false);
    assert.equal(host.metrics.read(MODULE_VERSION), null, "a VM that serves nothing tells nothing");
    assert.ok(host.configure(1, policy()));
    assert.equal(host.stat(MODULE_VERSION), VERSION);
  });
});

describe("the policy's digest", () => {
  test("is that of the configuration's text, and follows an update", () => {
    const host = serving();
    assert.equal(host.stat(POLICY_DIGEST), digestOf(policy()));
    assert.ok(host.configure(2, OTHER));
    assert.equal(host.stat(POLICY_DIGEST), digestOf(OTHER));
  });

  test("stays at the last good policy when one is refused", () => {
    const host = serving();
    assert.equal(host.configure(2, policy({}, { default: "nobody" })), false);
    host.done(2);
    assert.equal(host.stat(POLICY_DIGEST), digestOf(policy()));
  });

  test("is not taken back by a root that lives on for its streams, nor when it goes", () => {
    const host = serving();
    host.begin(20, 1, DEFAULT);
    assert.ok(host.configure(2, OTHER));
    host.call("proxy_on_tick", 1);
    host.respond(20, 200);
    host.done(20);
    assert.equal(host.done(1), 1);
    host.call("proxy_on_tick", 2);
    assert.equal(host.stat(POLICY_DIGEST), digestOf(OTHER));
  });

  test("is 0 while plugins of one VM serve different policies", () => {
    const host = new RecordingHost();
    configureAs(host, 1, policy(), "one");
    configureAs(host, 2, OTHER, "two");
    assert.equal(host.stat(POLICY_DIGEST), 0);
    configureAs(host, 3, policy(), "two");
    assert.equal(host.stat(POLICY_DIGEST), digestOf(policy()), "they agree again");
  });

  test("is not moved by an upstream filter", () => {
    const host = serving();
    configureAs(host, 2, OTHER, "shadow", "serin.upstream");
    assert.equal(host.stat(POLICY_DIGEST), digestOf(policy()));
  });

  test("belongs to the module that came last, whatever the old one's workers still do", () => {
    const old = new Workers(2);
    old.configure(policy());
    const stream = old.worker(0).open("42");
    const successors = new Workers(2, old.sharedData, old.metrics);
    successors.configure(OTHER);
    const digest = (): number => Number(old.metrics.read(POLICY_DIGEST));
    assert.equal(digest(), digestOf(OTHER));
    for (const { vm, root } of old.all) if (root !== null) vm.retire(root);
    old.run(2_000);
    finish(stream);
    old.run(2_000);
    assert.equal(digest(), digestOf(OTHER));
  });
});

/** As a plugin of this name, as Envoy tells it. */
function configureAs(host: RecordingHost, id: number, document: object, name: string, root = name): void {
  host.context(id).properties.set("plugin_name", Buffer.from(name));
  host.context(id).properties.set("plugin_root_id", Buffer.from(root));
  assert.ok(host.configure(id, document));
}
