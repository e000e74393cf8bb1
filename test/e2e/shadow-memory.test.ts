// 200,000 shadowed requests, a tenth of whose copies time out: what Envoy and the filter hold does not grow, and every
// copy has its verdict.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { median } from "simple-statistics";

import { startAnsweringEnvoy, type AnsweringEnvoy } from "../support/envoy/answering-envoy.ts";
import { cluster } from "../support/envoy/bootstrap.ts";
import { KeptConnections } from "../support/envoy/kept-connections.ts";
import { guestKb, residentKb } from "../support/envoy/process-use.ts";
import { startProxyOver, type BareProxy } from "../support/envoy/proxy.ts";
import { settledCounts, sumOf, VERDICTS } from "./shadow-stage.ts";
import { EVERY_ENVOY, envoyBinary } from "../support/envoy/versions.ts";
import { request } from "../support/envoy/wire.ts";

const REQUESTS = 200_000;
const BATCH = 2_000;
/** One in ten each; the rest are plain. */
const HANGS = 0;
const OTHERS = 1;
const SPELT = 2;
const UPLOADS = 3;

const IN_FLIGHT = { plain: 400, noisy: 100, first: 500 };
const budgetOf = (inFlight: number): object => ({ perSecond: 100_000, inFlight });
const shadow = (paths: readonly string[], more: object = {}): object => ({
  match: paths.map((value) => ({ path: { value } })),
  percent: 100,
  methods: ["GET", "POST"],
  cluster: "shadow",
  timeout: "250ms",
  compare: { body: { json: true, ignore: ["/items/*/id"] }, sample: "1/s" },
  budget: budgetOf(IN_FLIGHT.plain),
  ...more,
});
const NOISE = { noise: { cluster: "shadow" } };
const POLICY = {
  shadows: {
    plain: shadow(["/plain", "/hang/plain", "/spelt", "/upload"]),
    noisy: shadow(["/other"], { ...NOISE, budget: budgetOf(IN_FLIGHT.noisy) }),
    // As many at once as the two others may have together: what is kept of each is used again.
    first: shadow(["/hang/first"], { ...NOISE, timeout: "3s", budget: budgetOf(IN_FLIGHT.first) }),
  },
};

const UPLOAD = "u".repeat(3_000);
function requestOf(n: number): string {
  switch (n % 10) {
    case HANGS:
      return request(`/hang/plain?${n}`);
    case OTHERS:
      return request(`/other?${n}`);
    case SPELT:
      return request(`/spelt?${n}`);
    case UPLOADS:
      return request(`/upload?${n}`, [`content-length: ${UPLOAD.length}`], "POST") + UPLOAD;
    default:
      return request(`/plain?${n}`, ["cookie: uid=1; theme=dark"]);
  }
}

const version = EVERY_ENVOY[0] as string;

describe(`${REQUESTS} shadowed requests, Envoy ${version}`, () => {
  let answers: AnsweringEnvoy;
  let proxy: BareProxy;
  before(async () => {
    answers = await startAnsweringEnvoy(await envoyBinary(version));
    proxy = await startProxyOver([], {
      version,
      policy: POLICY,
      routes: [{ match: { prefix: "/" }, route: { cluster: "production" } }],
      clusters: [cluster("production", answers.port), cluster("shadow", answers.port)],
    });
  });
  after(async () => {
    await proxy.stop();
    await answers.stop();
  });

  test("memory is flat, and the verdicts add up", async (t) => {
    const { pid } = proxy.envoy;
    const resident: number[] = [];
    const guest: number[] = [];
    const failures: string[] = [];
    const connections = new KeptConnections(proxy.port, 16);
    const { first } = IN_FLIGHT;
    await connections.load({ count: first, requestOf: () => request("/hang/first") });
    assert.deepEqual(await settledCounts(proxy.admin, "first", first), { sent: first, timeout: first });
    for (let sent = 0; sent < REQUESTS; sent += BATCH) {
      const result = await connections.load({ count: BATCH, requestOf: (n) => requestOf(sent + n) });
      failures.push(...result.failures);
      resident.push(residentKb(pid));
      guest.push(guestKb(pid));
    }
    connections.close();
    assert.deepEqual(failures.slice(0, 3), [], `${failures.length} requests failed`);

    const tenth = REQUESTS / 10;
    const plain = await settledCounts(proxy.admin, "plain", 9 * tenth);
    const noisy = await settledCounts(proxy.admin, "noisy", tenth);
    t.diagnostic(`plain: ${JSON.stringify(plain)}, noisy: ${JSON.stringify(noisy)}`);
    const sent = plain["sent"] ?? 0;
    assert.deepEqual([sumOf(plain, VERDICTS), sumOf(noisy, VERDICTS)], [sent, noisy["sent"]]);
    assert.ok((noisy["noise"] ?? 0) > 0.98 * tenth, JSON.stringify(noisy));
    // A pause of a busy machine makes some more time out, and may spend the budget.
    assert.equal(sent + (plain["over_budget"] ?? 0), 9 * tenth);
    assert.ok(sent > 8.9 * tenth, `${sent} were sent`);
    const late = plain["timeout"] ?? 0;
    assert.ok(late > 0.98 * tenth && late < 1.05 * tenth, `${late} timeouts`);
    assert.equal(plain["match"], sent - late);

    const quarter = resident.length >> 2;
    const half = resident.length >> 1;
    const early = median(resident.slice(quarter, half));
    const end = median(resident.slice(-quarter));
    t.diagnostic(`resident KB: ${resident[0]} at first, ${early} in the second quarter, ${end} in the last`);
    t.diagnostic(
      `guest KB: ${guest[0]} at first, ${guest[quarter]} after a quarter, ${guest.at(-1)} at the end`,
    );
    // Pages of 64 KiB, never given back: one byte a copy kept by mistake would be two of them.
    const grown = (guest.at(-1) ?? NaN) - (guest[quarter] ?? NaN);
    assert.ok(grown <= 64, `guest KB: ${guest.join(" ")}`);
    // A hundred bytes a copy kept by mistake would be 10 MB between the two.
    assert.ok(end - early < 3_000, `resident KB: ${resident.join(" ")}`);
  });
});
