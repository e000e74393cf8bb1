// What the scene shows of itself: its load, what a shadow finds, Prometheus' series.

import assert from "node:assert/strict";

import { waitUntil } from "../../tools/envoy/index.ts";
import { run } from "./command.ts";
import { underPolicy, type ScenePolicy } from "./policy-edit.ts";
import type { Scene, Service } from "./scene.ts";
import { ask, askAll, checkout, countsOf, echoOf, USERS } from "./shop.ts";

/** Each container stands as docker-compose.yml says that it may. */
export async function containersAreConfined({ engine }: Scene): Promise<void> {
  const ids = (await engine.docker("ps", "-q")).split("\n");
  const containers = JSON.parse(await engine.docker("inspect", ...ids)) as Inspected[];
  assert.ok(containers.length >= 6);
  for (const { Name, Config, HostConfig, NetworkSettings } of containers) {
    assert.match(Config.User, /^[1-9]\d*/, `${Name} runs as root`);
    assert.ok(HostConfig.ReadonlyRootfs, `${Name} may write to its file system`);
    assert.ok(HostConfig.Memory > 0, `${Name} may take all memory`);
    assert.deepEqual(HostConfig.CapDrop, ["ALL"], Name);
    for (const places of Object.values(NetworkSettings.Ports)) {
      for (const { HostIp } of places ?? [])
        assert.equal(HostIp, "127.0.0.1", `${Name} is open to the world`);
    }
  }
}

interface Inspected {
  readonly Name: string;
  readonly Config: { readonly User: string };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly Memory: number;
    readonly CapDrop: string[];
  };
  readonly NetworkSettings: { readonly Ports: Record<string, { HostIp: string }[] | null> };
}

const SERVED: readonly Service[] = [
  ...(["production", "canary", "shadow", "auth", "bank", "load", "hop", "ambassador"] as const),
];

/** Whoever gets or sends requests can reach Envoy, and its admin endpoint at none of its addresses. */
export async function adminIsForThoseWhoNeedIt(scene: Scene): Promise<void> {
  const { engine } = scene;
  const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
  const hosts: string[] = [];
  for (const service of ["envoy", "egress"] as const) {
    const container = await scene.container(service);
    const addresses = (await engine.docker("inspect", "--format", format, container)).split(" ");
    assert.equal(addresses.length, 2, "one in each network");
    hosts.push(service, `${service}-admin`, ...addresses);
  }
  /** Which of these a container of the service can connect to. */
  const opens = async (service: Service, places: readonly string[]): Promise<string> => {
    const script =
      'for at; do timeout 3 bash -c "exec 3<>/dev/tcp/$at" 2>/dev/null && echo "$at"; done; true';
    return engine.docker("exec", await scene.container(service), "bash", "-c", script, "bash", ...places);
  };
  const admins = hosts.map((host) => `${host}/9901`);
  for (const service of SERVED) {
    assert.equal(await opens(service, ["envoy/10000", ...admins]), "envoy/10000", service);
  }
  assert.equal(await opens("production", ["prometheus/9090"]), "", "production reaches Prometheus");
  const seen = await opens("prometheus", ["envoy/9901", "egress/9901"]);
  assert.equal(seen, "envoy/9901\negress/9901", "prometheus does not reach the admin endpoints");
  assert.match(await scene.admin.get("/ready"), /LIVE/, "this machine does not reach it");
}

/** Visitors of all kinds come by themselves: every rollout, the flag and the shadow move. */
export async function loadLooksReal(scene: Scene): Promise<void> {
  const wanted = [
    ...["stable", "canary"].map((variant) => `rollout.checkout.${variant}.rq_2xx`),
    "rollout.search.next.rq_2xx",
    ...["on", "off"].map((variant) => `flag.new-search.${variant}`),
    "shadow.next.match",
    "shadow.next.mismatch_body",
  ];
  let missing: string[] = wanted;
  await waitUntil("traffic of every kind", 90_000, async () => {
    const stats = await scene.admin.stats("^wasmcustom\\.serin\\.");
    missing = wanted.filter((name) => (stats.get(`wasmcustom.serin.${name}`) ?? 0) === 0);
    return missing.length === 0;
  }).catch((error: unknown) =>
    assert.fail(`${(error as Error).message}: ${missing.join(", ")} did not move`),
  );
  const load = await scene.container("load");
  assert.match(await scene.engine.docker("logs", load), /^\d+ visits, \d+ requests, \d+ failed$/m);
  // From here on, all that is counted is the tests' own.
  await scene.engine.docker("stop", "--time", "3", load);
}

const COPIES = 60;

/** Copies of real requests arrive at the shadow; what differs there is found, and no visitor sees it. */
export async function shadowIsCompared(scene: Scene): Promise<void> {
  const copyAll = ({ shadows: { next } }: ScenePolicy): void => {
    next.percent = 100;
    Object.assign(next.budget, { perSecond: 10_000, inFlight: 1000 });
  };
  await underPolicy(scene, copyAll, () => everyCopyIsCompared(scene));
}

async function everyCopyIsCompared(scene: Scene): Promise<void> {
  const verdicts = async (planted: string): Promise<Record<string, number>> => {
    const before = await countsOf(scene.admin, "shadow");
    const headers = { "x-up-planted": "0", "x-up-shadow-planted": planted };
    const visits = USERS.slice(0, COPIES).map((user) => {
      return { path: "/product/1", headers: { ...checkout(user).headers, ...headers } };
    });
    for (const answer of await askAll(scene.ports.shop, visits)) {
      assert.equal(answer.version, "production");
      assert.equal(echoOf(answer).planted, undefined, "a visitor sees what only the shadow says");
    }
    let now = before;
    const rise = (name: string): number => now(`next.${name}`) - before(`next.${name}`);
    await waitUntil("a verdict on each copy", 15_000, async () => {
      now = await countsOf(scene.admin, "shadow");
      return (
        ["match", "mismatch_body", "mismatch_status", "timeout", "reset", "incomparable"]
          .map(rise)
          .reduce((sum, count) => sum + count) === COPIES
      );
    });
    return { sent: rise("sent"), match: rise("match"), different: rise("mismatch_body") };
  };
  assert.deepEqual(await verdicts("0"), { sent: COPIES, match: COPIES, different: 0 });
  assert.deepEqual(await verdicts("1"), { sent: COPIES, match: 0, different: COPIES });
  await envoySays(scene, /"verdict":"mismatch_body","request":"GET \/product\/1",.*"pointer":"\/planted"/);
}

/** Envoy's log has such a line: the engine takes a moment to keep what a container writes. */
export async function envoySays(scene: Scene, line: RegExp): Promise<void> {
  const id = await scene.container("envoy");
  const { env } = scene.engine;
  await waitUntil(`a line ${line} in Envoy's log`, 20_000, async () =>
    line.test(await run("docker", ["logs", id], { env, withErrors: true })),
  );
}

/** Series, with the labels that must stand on each. */
const SERIES: readonly (readonly [query: string, labels: readonly string[]])[] = [
  [
    'serin_rollout_rq_total{serin_rollout="checkout",serin_variant="canary"}',
    ["serin_rollout", "serin_variant"],
  ],
  [
    'serin_rollout_rq_5xx{serin_rollout="checkout",serin_variant="canary"}',
    ["serin_rollout", "serin_variant"],
  ],
  [
    'serin_rollout_share{serin_rollout="checkout",serin_variant="stable"}',
    ["serin_rollout", "serin_variant"],
  ],
  [
    'serin_rollout_rq_time_bucket{serin_rollout="checkout",serin_variant="stable",le="+Inf"}',
    ["serin_variant", "le"],
  ],
  ['serin_shadow_sent{serin_shadow="next"}', ["serin_shadow"]],
  ['serin_flag{serin_flag="new-search",serin_variant="off"}', ["serin_flag", "serin_variant"]],
];

export async function prometheusHasTheSeries({ ports, admin }: Scene): Promise<void> {
  await ask(ports.shop, { path: "/search?q=socks", headers: { cookie: "uid=somebody" } });
  await askAll(ports.shop, USERS.slice(0, 40).map(checkout));
  for (const [query, labels] of SERIES) {
    let found: Record<string, string>[] = [];
    await waitUntil(`Prometheus to have ${query}`, 20_000, async () => {
      found = (await seriesOf(ports.prometheus, query)).map(({ metric }) => metric);
      return found.length === 1;
    });
    for (const label of [...labels, "instance", "job"])
      assert.ok(found[0]?.[label], `${query} lacks ${label}`);
  }
  const counts = await countsOf(admin, "rollout");
  const [query = ""] = SERIES[0] ?? [];
  await waitUntil("Prometheus to have Envoy's figure", 20_000, async () => {
    const [series] = await seriesOf(ports.prometheus, query);
    return Number(series?.value[1]) === counts("checkout.canary.rq_total");
  });
}

interface Series {
  readonly metric: Record<string, string>;
  readonly value: [time: number, value: string];
}

async function seriesOf(port: number, query: string): Promise<Series[]> {
  const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`;
  const answer = (await (await fetch(url)).json()) as { data: { result: Series[] } };
  return answer.data.result;
}
