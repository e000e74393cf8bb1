// Memory is flat: a million requests, a thousand updates with old streams alive across them, many roots in one VM.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { HeaderMap, MetricType } from "../../tools/emulator/index.ts";
import { RecordingHost } from "./recording-host.ts";
import { CANARY, DEFAULT, headers, policy, ROOT } from "./serving.ts";

/** Written once: the host's own work would be most of a million requests. */
class SameHeaders extends HeaderMap {
  readonly #block: Uint8Array;
  constructor(pairs: [string, string][]) {
    super("request");
    this.#block = new HeaderMap("request", pairs).serialize();
  }
  override serialize(): Uint8Array {
    return this.#block;
  }
  override add(): void {}
  override replace(): void {}
  override remove(): void {}
}

const token = Buffer.from('{"sub":"42","more":[1,{"a":"\\u0041"}]}').toString("base64url");
const REQUESTS: [string, string][][] = [
  DEFAULT,
  CANARY,
  headers(),
  headers(["x-serin-checkout", "canary"], ["x-serin-cluster", "v1"], ["x-serin-checkout", "other"]),
  headers(["authorization", `Bearer e30.${token}.c2ln`]),
  headers(["cookie", "a=1"], ["cookie", "b=2"], ["x-envoy-ip-tags", "a"]),
  [
    [":authority", "Shop.example.com:8080"],
    [":path", "/search?q=%61+b&uid="],
    [":method", "GET"],
    [":scheme", "https"],
  ],
  headers(["x-large", "a".repeat(4096)], ["x-canary", "canary"]),
];

const MIXED = {
  steer: "filterState",
  identity: [{ cookie: "uid" }, { jwt: "sub" }, { query: "uid" }, { issueCookie: { name: "sid" } }],
  rollouts: {
    checkout: {
      default: "stable",
      variants: { stable: {}, canary: { percent: 40, cluster: "v2" } },
      force: { header: "x-canary" },
    },
    search: {
      match: [
        { hosts: ["*.example.com"], path: { value: "/search" }, queryParams: [{ name: "q", value: "a b" }] },
      ],
      default: "stable",
      variants: { stable: {}, canary: { percent: 100 } },
    },
  },
};

/** All counters whose name ends so. */
function sum(host: RecordingHost, leaf: string): number {
  return host.metrics
    .all()
    .filter(({ type, name }) => type !== MetricType.Histogram && name.endsWith(`.${leaf}`))
    .reduce((total, { value }) => total + Number(BigInt.asIntN(64, value)), 0);
}

const ENDINGS = ["rq_1xx", "rq_2xx", "rq_3xx", "rq_4xx", "rq_5xx", "rq_reset", "rq_left"];

function addUp(host: RecordingHost): void {
  assert.equal(
    ENDINGS.reduce((total, leaf) => total + sum(host, leaf), 0),
    sum(host, "rq_total"),
  );
  assert.equal(sum(host, "rq_active"), 0);
  assert.equal(host.stat("serin.error"), 0);
}

describe("memory is flat", () => {
  test("a million requests in one VM, a thousand of them alive at any time", () => {
    const LIVE = 1000;
    const host = new RecordingHost();
    host.isRecording = false;
    assert.ok(host.configure(ROOT, MIXED));
    const maps = REQUESTS.map((pairs) => new SameHeaders(pairs));
    const response = new SameHeaders([[":status", "200"]]);
    const first = 1000;
    const begin = (id: number): void => {
      host.now += 1000n;
      host.context(id).request = maps[id % maps.length] as HeaderMap;
      host.call("proxy_on_context_create", id, ROOT);
      host.call("proxy_on_request_headers", id, 5, 1);
    };
    const end = (id: number): void => {
      // Some are cut, some never answered, the rest end well.
      if (id % 5 === 0) host.respond(id, 503);
      else if (id % 7 !== 0) {
        host.context(id).response = response;
        host.call("proxy_on_response_headers", id, 3, 0);
        if (id % 3 !== 0) host.call("proxy_on_response_body", id, 0, 1);
      }
      host.done(id);
    };
    const run = (from: number, to: number): void => {
      for (let id = from; id < to; id++) {
        begin(id);
        if (id >= first + LIVE) end(id - LIVE);
      }
    };
    run(first, first + 10_000);
    const { pages } = host;
    run(first + 10_000, first + 1_000_000);
    assert.equal(host.pages, pages);
    for (let id = first + 1_000_000 - LIVE; id < first + 1_000_000; id++) end(id);
    assert.ok(sum(host, "rq_total") > 1_000_000, `${sum(host, "rq_total")} variants given`);
    addUp(host);
  });

  test("a thousand updates with streams that outlive them: pages, metric ids and policies stay", () => {
    const host = new RecordingHost();
    host.isRecording = false;
    let root = 1;
    let id = 1_000_000;
    let pages = 0;
    let ids = 0;
    const alive: { id: number; cluster: string }[] = [];
    const update = (version: number): void => {
      const next = root + 1;
      const variants = { stable: {}, canary: { percent: 40, cluster: `v${version}` } };
      assert.ok(
        host.configure(next, policy({ metadata: { text: "x".repeat(version % 997) } }, { variants })),
      );
      host.done(root);
      root = next;
    };
    for (let version = 0; version < 1000; version++) {
      update(version);
      // Refused updates in between leave nothing behind either.
      if (version % 10 === 0) {
        assert.equal(host.configure(500_000 + version, { rolouts: {}, identity: "none" }), false);
        host.done(500_000 + version);
      }
      // A stream that has been created keeps the policy it began with, also when its headers come much later.
      id++;
      host.call("proxy_on_context_create", id, root);
      alive.push({ id, cluster: `v${version}` });
      if (alive.length > 50) {
        const oldest = alive.shift();
        assert.ok(oldest);
        host.request(oldest.id, CANARY);
        assert.equal(host.context(oldest.id).request?.get("x-serin-cluster"), oldest.cluster);
        host.respond(oldest.id, 200);
        host.done(oldest.id);
      }
      if (version === 100) {
        pages = host.pages;
        ids = host.metricIds.count;
      }
    }
    assert.equal(host.pages, pages);
    assert.equal(host.metricIds.count, ids);
    for (const stream of alive) {
      host.request(stream.id, CANARY);
      assert.equal(host.context(stream.id).request?.get("x-serin-cluster"), stream.cluster);
      host.respond(stream.id, 200);
      host.done(stream.id);
    }
    assert.equal(host.stat("serin.rollout.checkout.canary.rq_2xx"), 1000);
    assert.equal(host.stat("serin.policy.loaded"), 1000);
    assert.equal(host.stat("serin.policy.rejected"), 100);
    addUp(host);
  });

  test("large policies come and go in the room of two", () => {
    const large = (salt: string): object => ({
      identity: [{ cookie: "uid" }],
      rollouts: Object.fromEntries(
        Array.from({ length: 2000 }, (_, n) => [
          `r${n}`,
          {
            match: [{ hosts: [`h${n}.example.com`], path: { value: `/p${n}` } }],
            salt,
            default: "stable",
            variants: { stable: {}, canary: { percent: 5 } },
          },
        ]),
      ),
    });
    const host = new RecordingHost();
    host.isRecording = false;
    let pages = 0;
    for (let version = 0; version < 30; version++) {
      assert.ok(host.configure(version + 1, large(`salt-${version % 9}`)));
      if (version > 0) host.done(version);
      if (version === 5) ({ pages } = host);
    }
    assert.equal(host.pages, pages);
    assert.ok(pages < 400, `${pages} pages`);
  });

  test("roots with different policies serve side by side", () => {
    const host = new RecordingHost();
    const announcing = policy({}, { announce: "all", salt: "search" });
    assert.ok(host.configure(1, policy()));
    assert.ok(host.configure(2, announcing));
    assert.ok(host.configure(3, {}));
    const seen = [1, 2, 3, 1, 2].map((root, index) => {
      const id = 10 + index;
      host.begin(id, root, DEFAULT);
      return [id, host.context(id).request?.get("x-serin-checkout") ?? null] as const;
    });
    // search/83 lies at 49.71 % of the space.
    assert.deepEqual(
      seen.map(([, variant]) => variant),
      [null, "stable", null, null, "stable"],
    );
    assert.equal(host.done(1), 1);
    host.begin(20, 2, CANARY);
    for (const [id] of [...seen, [20]] as const) {
      host.respond(id, 200);
      host.done(id);
    }
    addUp(host);
  });

  test("the share that is asked for is the latest policy's, and 0 once no policy has the variant", () => {
    const host = new RecordingHost();
    const share = (variant: string): number => host.stat(`serin.rollout.checkout.${variant}.share`);
    assert.ok(host.configure(1, policy()));
    assert.deepEqual([share("stable"), share("canary")], [60_000, 40_000]);
    assert.ok(host.configure(2, policy({}, { variants: { stable: {}, other: { percent: 12.5 } } })));
    assert.equal(host.done(1), 1);
    assert.deepEqual([share("stable"), share("canary"), share("other")], [87_500, 0, 12_500]);
    assert.ok(host.configure(3, {}));
    assert.equal(host.done(2), 1);
    assert.deepEqual([share("stable"), share("canary"), share("other")], [0, 0, 0]);
  });
});
