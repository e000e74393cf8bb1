// Users of shadows on a real Envoy, three workers: every gauge is the number of users who had a copy compared, or met a
// mismatch, computed from what the client sent alone; and what production's second instance says of them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { parse } from "yaml";

import { waitUntil } from "../../tools/envoy/index.ts";
import { murmur3, position } from "../support/assignment.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { seeded } from "../support/random.ts";
import { bitOf } from "../support/users.ts";
import {
  countsOf,
  sendEach,
  settledCounts,
  startStage,
  type Policy,
  type Sent,
  type Stage,
} from "./shadow-stage.ts";
import { comesTo, everyWorkerCounts, pause, zipf } from "./sticky-client.ts";

const TAGS_FILE = join(import.meta.dirname, "../../envoy/stats-tags.yaml");
const STATS_TAGS = (parse(readFileSync(TAGS_FILE, "utf8")) as { stats_config: { stats_tags: object[] } })
  .stats_config.stats_tags;

const USERS = 2_000;
const REQUESTS = 3_000;
const PERCENT = 60;

const shadow = (name: string, more: object = {}): object => ({
  match: [{ path: { value: `/${name}` } }],
  percent: 100,
  sample: "identity",
  cluster: "shadow",
  timeout: "20s",
  compare: { body: { json: true }, sample: "0/s" },
  budget: { perSecond: 100_000, inFlight: 1_000 },
  ...more,
});

function policy(people: object = {}): Policy {
  return {
    identity: [{ cookie: "uid" }],
    shadows: {
      people: shadow("people", { percent: PERCENT, ...people }),
      noisy: shadow("noisy", { noise: { cluster: "second" } }),
      hidden: shadow("hidden", { noise: { cluster: "second" }, compare: { body: true, sample: "0/s" } }),
      // Draws requests, whose users nobody counts.
      requests: shadow("requests", { sample: "request" }),
    },
  };
}

/** Users with a bit of their own in each shadow that counts users. */
const users: readonly string[] = (() => {
  const taken = new Set<string>();
  const chosen: string[] = [];
  for (let i = 0; chosen.length < USERS; i++) {
    const bits = ["people", "noisy", "hidden"].map(
      (name) => `${name} ${bitOf(`shadow/${name}`, `user-${i}`)}`,
    );
    if (bits.some((bit) => taken.has(bit))) continue;
    for (const bit of bits) taken.add(bit);
    chosen.push(`user-${i}`);
  }
  return chosen;
})();

/** What a request plants, and what it makes of its user: whether a copy was compared, differed, and only the second did. */
interface Kind {
  readonly plants: Readonly<Record<string, string>>;
  readonly compared: boolean;
  readonly mismatch?: boolean;
  readonly noiseOnly?: boolean;
}
const body = (a: number, b: number): string => JSON.stringify({ a, b });
const up = (behaviours: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(behaviours).map(([name, value]) => [`x-up-${name}`, value]));
const kind = (
  behaviours: Readonly<Record<string, string>>,
  met: Omit<Kind, "plants"> = { compared: true },
): Kind => ({ plants: up({ body: body(1, 1), ...behaviours }), ...met });
const MISMATCH = { compared: true, mismatch: true };

const SAME = kind({});
const OF_STATUS = kind({ "shadow-status": "500" }, MISMATCH);
const OF_BODY = kind({ "shadow-body": body(2, 1) }, MISMATCH);
const PEOPLE: readonly Kind[] = [
  ...[SAME, SAME, SAME, SAME, OF_STATUS, OF_BODY],
  kind({ "shadow-status": "304" }, { compared: false }),
  kind({ "shadow-reset": "1" }, { compared: false }),
];
/** The last six: what of the counters they move beside the verdicts. */
const NOISY: readonly Kind[] = [
  ...[SAME, SAME, OF_STATUS, OF_BODY],
  // Both differ from production, at one place, and each at its own.
  kind({ "shadow-body": body(2, 1), "second-body": body(3, 1) }),
  kind({ "shadow-body": body(2, 1), "second-body": body(1, 2) }, { ...MISMATCH, noiseOnly: true }),
  kind({ "second-body": body(1, 2) }, { compared: true, noiseOnly: true }),
  // Encoded alike, and production's second instance in its own way.
  kind({ encoding: "gzip", "second-body": body(1, 2) }, { compared: true, noiseOnly: true }),
  kind({ encoding: "gzip", "second-encoding": "deflate" }),
  kind({ "second-status": "500" }, { compared: true, noiseOnly: true }),
  kind({ "shadow-status": "500", "second-status": "500" }, { compared: false }),
];
const MISSING = kind({ "shadow-status": "500", "second-reset": "1" }, MISMATCH);
/** As bytes, what both differ in hides all else. */
const HIDDEN: readonly Kind[] = [
  ...[SAME, OF_BODY],
  kind({ "shadow-body": body(2, 1), "second-body": body(3, 1) }, { compared: false }),
  kind({ "second-body": body(3, 1) }, { compared: true, noiseOnly: true }),
];

interface Asked {
  readonly shadow: string;
  /** Null: no cookie. */
  readonly user: string | null;
  readonly kind: Kind;
}

function sentOf({ shadow, user, kind }: Asked): Sent {
  return {
    path: `/${shadow}`,
    headers: { ...kind.plants, ...(user === null ? {} : { cookie: `uid=${user}` }) },
  };
}

/** Whether the shadow copies what this user asks for. */
const isDrawn = (shadow: string, user: string): boolean =>
  shadow !== "people" || murmur3(`shadow/${shadow}/${user}`) < position(PERCENT);

/** The gauges that these requests lead to, without those that are 0. */
function expected(all: readonly Asked[]): Record<string, number> {
  const met = new Set<string>();
  for (const { shadow, user, kind } of all) {
    if (user === null || shadow === "requests" || !isDrawn(shadow, user) || !kind.compared) continue;
    met.add(`${shadow}.users ${user}`);
    if (kind.mismatch === true) met.add(`${shadow}.users_mismatch ${user}`);
    if (kind.noiseOnly === true) met.add(`${shadow}.users_noise_only ${user}`);
  }
  const counts: Record<string, number> = {};
  for (const one of met) {
    const [name = ""] = one.split(" ");
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return sorted(Object.entries(counts));
}

function sorted(entries: [string, number][]): Record<string, number> {
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function traffic(shadow: string, kinds: readonly Kind[], count: number, seed: number): Asked[] {
  const random = seeded(seed);
  return Array.from({ length: count }, () => ({
    shadow,
    user: random.below(20) === 0 ? null : (users[zipf(random, users.length)] as string),
    kind: random.pick(kinds),
  }));
}

for (const version of EVERY_ENVOY) {
  describe(`users of shadows, Envoy ${version}`, () => {
    let stage: Stage;
    const sent: Asked[] = [];

    const gauges = async (filter: string): Promise<[string, number][]> => {
      // Until 1.39 or so a cluster's name stands in front of them (shadow-stage.ts).
      const prefix = "wasmcustom.serin.shadow.";
      const all = await stage.admin.stats(`wasmcustom\\.serin\\.shadow\\..*${filter}`);
      return [...all].map(([name, value]): [string, number] => [
        name.slice(name.indexOf(prefix) + prefix.length),
        value,
      ]);
    };
    const counted = async (): Promise<Record<string, number>> =>
      sorted((await gauges("\\.users[a-z_]*$")).filter(([, value]) => value !== 0));
    const period = (shadow: string, number: number): Promise<void> =>
      waitUntil(`period ${number} of ${shadow}`, 60_000, async () =>
        (await gauges("evidence_period$")).some(
          ([name, value]) => name === `${shadow}.evidence_period` && value === number,
        ),
      );
    const send = async (all: readonly Asked[]): Promise<void> => {
      sent.push(...all);
      await sendEach(stage.port, all.map(sentOf));
      for (const name of new Set(all.map(({ shadow }) => shadow))) {
        const drawn = sent.filter(
          ({ shadow, user }) =>
            shadow === name && (name === "requests" || (user !== null && isDrawn(name, user))),
        );
        await settledCounts(stage.admin, name, drawn.length, 60_000);
      }
    };
    const agree = (wanted: Record<string, number>): Promise<void> => comesTo(counted, wanted);

    before(async () => {
      stage = await startStage({
        ...{ version, policy: policy(), concurrency: 3, logLevel: "error", statsTags: STATS_TAGS },
      });
      for (const name of ["people", "noisy", "hidden"]) await period(name, 1);
      await everyWorkerCounts(stage);
    });
    after(() => stage?.stop());

    test("every gauge is the number of users whose copies were compared, and of those with a mismatch", async () => {
      await send([
        ...traffic("people", PEOPLE, REQUESTS, 7),
        ...traffic("requests", [SAME, OF_BODY], 100, 8),
      ]);
      const wanted = expected(sent);
      assert.ok((wanted["people.users_mismatch"] ?? 0) > 100, JSON.stringify(wanted));
      await agree(wanted);
      assert.equal((await gauges("\\.requests\\.users")).length, 0);
    });

    test("who met the second instance's noise alone is counted for it, and noise that hides all else is not compared", async () => {
      await send([
        ...traffic("noisy", NOISY, REQUESTS / 2, 9),
        ...Array.from({ length: 7 }, (_, i) => ({
          shadow: "noisy",
          user: users[i] as string,
          kind: MISSING,
        })),
        ...traffic("hidden", HIDDEN, REQUESTS / 4, 10),
      ]);
      for (const name of ["noisy", "hidden"]) {
        const own = sent.filter(({ shadow, user }) => shadow === name && user !== null);
        const number = (is: (kind: Kind) => boolean): number => own.filter(({ kind }) => is(kind)).length;
        const counts = await countsOf(stage.admin, name);
        assert.deepEqual(
          {
            only: counts["noise_only"] ?? 0,
            whole: counts["noise_whole"] ?? 0,
            missing: counts["noise_missing"] ?? 0,
          },
          {
            only: number(({ noiseOnly }) => noiseOnly === true),
            whole: number(({ compared }) => !compared),
            missing: number((kind) => kind === MISSING),
          },
          `${name}: ${JSON.stringify(counts)}`,
        );
      }
      await agree(expected(sent));
      // Where there is no second instance nothing is said of it.
      assert.deepEqual(await gauges("\\.people\\..*noise_"), []);
    });

    test("Prometheus sees them with the shadow as a label", async () => {
      const text = await stage.admin.prometheus();
      const label = /^serin_shadow_(users\w*)\{[^}]*\bserin_shadow="([^"]*)"[^}]*\} (\d+)$/gm;
      // No label where the cluster stands in front of the name: the shadow is a part of the name then.
      const name =
        /^envoy_cluster_wasmcustom_serin_shadow_(people|noisy|hidden)_(users\w*)\{[^}]*\} (\d+)$/gm;
      const series = [
        ...[...text.matchAll(label)].map(([, leaf = "", shadow = "", value]) => ({ shadow, leaf, value })),
        ...[...text.matchAll(name)].map(([, shadow = "", leaf = "", value]) => ({ shadow, leaf, value })),
      ]
        .filter(({ value }) => value !== "0")
        .map(({ shadow, leaf, value }): [string, number] => [`${shadow}.${leaf}`, Number(value)]);
      assert.deepEqual(sorted(series), expected(sent));
    });

    test("another budget goes on counting, another comparison begins a period, and what was under way counts in none", async () => {
      await stage.serve(policy({ budget: { perSecond: 50_000, inFlight: 1_000 } }));
      await send(traffic("people", PEOPLE, 300, 11));
      await agree(expected(sent));
      const slow: Asked = { shadow: "people", user: drawnUser(), kind: kind({ "shadow-latency": "6000" }) };
      const open = sendEach(stage.port, [sentOf(slow)]);
      await pause(500);
      await stage.serve(policy({ compare: { status: true, sample: "0/s" } }));
      await period("people", 2);
      await everyWorkerCounts(stage);
      await open;
      const others = sent.filter(({ shadow }) => shadow !== "people");
      await agree(expected(others));
    });
  });
}

const drawnUser = (): string => users.find((user) => isDrawn("people", user)) as string;
