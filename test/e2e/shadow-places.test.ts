// Twenty-four faults planted over twenty endpoints, each of which has a field of noise: each fault has a stat of its place
// that says how often it was seen, and no noise has one. On two workers, which agree on the places.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { parse } from "yaml";

import { sendEach, settledCounts, startStage, type Policy, type Sent, type Stage } from "./shadow-stage.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";

const tagsFile = join(import.meta.dirname, "../../envoy/stats-tags.yaml");
const statsTags = parse(readFileSync(tagsFile, "utf8")).stats_config.stats_tags as object[];

const ENDPOINTS = 20;
const REQUESTS = 100;

interface Fault {
  readonly endpoint: number;
  /** Where the body differs, as a stat names it. */
  readonly place: string;
  /** Of a hundred requests. */
  readonly rate: number;
  readonly isItem: boolean;
}

const FAULTS: readonly Fault[] = Array.from({ length: 24 }, (_, i) => {
  const isItem = i >= ENDPOINTS;
  const endpoint = i % ENDPOINTS;
  return {
    endpoint,
    place: isItem ? `/items/*/of${endpoint}` : `/data/f${endpoint}`,
    rate: 1 + ((i * 7) % 30),
    isItem,
  };
});

const POLICY: Policy = {
  identity: [{ cookie: "uid" }],
  shadows: {
    planted: {
      match: [{ path: { value: "/endpoint" } }],
      percent: 100,
      cluster: "shadow",
      timeout: "20s",
      noise: { cluster: "second" },
      compare: {
        body: { json: true, ignore: ["/ignored"], tolerance: 0.001, unordered: ["/tags"] },
        sample: "0/s",
      },
      budget: { perSecond: 100_000, inFlight: 1_000 },
    },
    silent: {
      match: [{ path: { value: "/whole" } }],
      percent: 100,
      cluster: "shadow",
      compare: { body: true, sample: "0/s" },
    },
  },
};

/** Two faults of an endpoint are planted side by side, and now and then in one answer. */
const isPlanted = ({ rate, isItem }: Fault, i: number): boolean => (isItem ? (i + 5) % REQUESTS : i) < rate;

function bodyOf(endpoint: number, planted: readonly Fault[], isShadow: boolean): string {
  const data = planted.some(({ isItem }) => !isItem) ? 2 : 1;
  const item = planted.some(({ isItem }) => isItem) ? '"other"' : '"same"';
  const tags = isShadow ? '["b",10.005,"a"]' : '["a","b",10.001]';
  return `{"data":{"f${endpoint}":${data}},"noise${endpoint}":"{random}","ignored":{random},"tags":${tags},"items":[{"of${endpoint}":"same"},{"of${endpoint}":${item}}]}`;
}

const SENT: readonly Sent[] = Array.from({ length: ENDPOINTS * REQUESTS }, (_, index) => {
  const endpoint = index % ENDPOINTS;
  const i = Math.floor(index / ENDPOINTS);
  const planted = FAULTS.filter((fault) => fault.endpoint === endpoint && isPlanted(fault, i));
  return {
    path: `/endpoint/${endpoint}`,
    headers: {
      "x-up-body": bodyOf(endpoint, [], false),
      "x-up-shadow-body": bodyOf(endpoint, planted, true),
    },
  };
});

for (const version of EVERY_ENVOY) {
  describe(`Envoy ${version}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await startStage({ version, policy: POLICY, concurrency: 2, statsTags });
      await stage.serve(POLICY);
      const answers = await sendEach(stage.port, SENT);
      assert.ok(answers.every(({ status }) => status === 200));
    });
    after(() => stage.stop());

    const placesOf = async (shadow: string): Promise<Record<string, number>> => {
      const prefix = `wasmcustom.serin.shadow.${shadow}.at.`;
      const stats = await stage.admin.stats(prefix.replaceAll(".", "\\."));
      // With a filter in a cluster, Envoy 1.36 puts that cluster in front of the names.
      return Object.fromEntries(
        [...stats].map(([name, count]) => [name.slice(name.indexOf(prefix) + prefix.length), count]),
      );
    };

    test("every fault is named at its place with its rate, and no noise is", async () => {
      const differing = Array.from({ length: ENDPOINTS * REQUESTS }, (_, index) => index).filter((index) =>
        FAULTS.some(
          (fault) => fault.endpoint === index % ENDPOINTS && isPlanted(fault, Math.floor(index / ENDPOINTS)),
        ),
      ).length;
      assert.deepEqual(await settledCounts(stage.admin, "planted", SENT.length), {
        ...{ sent: SENT.length, mismatch_body: differing, noise: SENT.length - differing },
      });
      assert.deepEqual(
        await placesOf("planted"),
        Object.fromEntries(FAULTS.map(({ place, rate }) => [place, rate])),
      );
    });

    test("a body that is compared as bytes differs as a whole", async () => {
      const headers = { "x-up-body": "a", "x-up-shadow-body": "b" };
      await sendEach(
        stage.port,
        [1, 2, 3].map(() => ({ path: "/whole", headers })),
        1,
      );
      await settledCounts(stage.admin, "silent", 3);
      assert.deepEqual(await placesOf("silent"), { "/": 3 });
    });

    test("Prometheus sees the place as a label", async () => {
      const lines = (await stage.admin.prometheus()).split("\n");
      const isOfCluster = lines.some((line) => line.startsWith("envoy_cluster_wasmcustom_serin_shadow_"));
      for (const { place, rate } of FAULTS) {
        // No label where the cluster stands in front of the name: the place is a part of the name then.
        const name = isOfCluster
          ? `envoy_cluster_wasmcustom_serin_shadow_planted_at_${place.replace(/[^A-Za-z0-9_]/g, "_")}{`
          : "serin_shadow_at{";
        const line = lines.find(
          (one) => one.startsWith(name) && (isOfCluster || one.includes(`serin_pointer="${place}"`)),
        );
        assert.ok(line?.endsWith(` ${rate}`), `${place}: ${line}`);
        assert.ok(isOfCluster || line?.includes('serin_shadow="planted"'), line);
      }
    });
  });
}
