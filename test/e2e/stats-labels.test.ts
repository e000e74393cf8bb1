// What envoy/stats-tags.yaml makes of Serin's stats on a real Envoy: labels, for rollouts with a control group, flags and
// shadows.

import assert from "node:assert/strict";
import { test } from "node:test";

import { waitUntil } from "../../tools/envoy/index.ts";
import { startStage } from "./known-traffic.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";

for (const version of EVERY_ENVOY) {
  test(`every series of Serin's has its labels and no part of a name left over, Envoy ${version}`, async () => {
    const proxy = await startStage(version);
    try {
      let text = "";
      await waitUntil("the histograms", 20_000, async () => {
        text = await proxy.admin.prometheus();
        return ["rollout_rq_time_count", "shadow_rq_time_count"].every((name) =>
          text.includes(`serin_${name}{`),
        );
      });
      const labels = new Map<string, Set<string>>();
      for (const [, name = "", list = ""] of text.matchAll(/^(serin_\w+)\{([^}]*)\}/gm)) {
        const pairs = [...list.matchAll(/(\w+)="([^"]*)"/g)]
          .filter(([, key]) => key !== "le")
          .map(([, key, value]) => `${key}=${value}`);
        const own = labels.get(name) ?? new Set();
        labels.set(name, own.add(pairs.sort().join(" ")));
      }
      const of = (name: string): string[] => [...(labels.get(name) ?? [])].sort();
      const variants = (...named: string[]): string[] =>
        named.map((one) => `serin_rollout=${one.split(" ")[0]} serin_variant=${one.split(" ")[1]}`).sort();
      const full = variants(
        "checkout stable",
        "checkout canary",
        "checkout blue",
        "ranking learned",
        "ranking control",
      );
      assert.deepEqual(of("serin_rollout_rq_total"), [...full, ...variants("ranking stable")].sort());
      for (const name of ["rq_5xx", "rq_reset", "rq_overflow", "grpc_ok", "grpc_error", "rq_active"]) {
        assert.deepEqual(of(`serin_rollout_${name}`), full, name);
      }
      for (const name of ["bucket", "sum", "count"])
        assert.deepEqual(of(`serin_rollout_rq_time_${name}`), full);
      assert.deepEqual(of("serin_flag"), [
        "serin_flag=new_look serin_variant=off",
        "serin_flag=new_look serin_variant=on",
      ]);
      for (const name of [
        "sent",
        "match",
        "mismatch_status",
        "noise",
        "rq_time_count",
        "production_rq_time_count",
      ]) {
        assert.deepEqual(of(`serin_shadow_${name}`), ["serin_shadow=next"], name);
      }
      for (const name of ["policy_loaded", "policy_rejected", "policy_digest", "module_version", "error"])
        assert.deepEqual(of(`serin_${name}`), [""]);
      const known =
        /^serin_(rollout_(rq_\w+|grpc_\w+|share)|flag|shadow_[a-z_]+|policy_\w+|module_version|error)$/;
      assert.deepEqual(
        [...labels.keys()].filter((name) => !known.test(name)),
        [],
      );
    } finally {
      await proxy.stop();
    }
  });
}
