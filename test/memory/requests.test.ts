// A million requests in one VM, a thousand of them alive at any time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { HeaderMap } from "../../tools/emulator/index.ts";
import { addUp, sum } from "../contract/add-up.ts";
import { RecordingHost } from "../contract/recording-host.ts";
import { CANARY, DEFAULT, headers, ROOT } from "../contract/serving.ts";
import { flatFromNow } from "../support/flat-memory.ts";

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

/** A hundred rollouts, each with a host and a path of its own; a tenth of the requests gets an identity issued. */
const HUNDRED = {
  identity: [{ cookie: "uid" }, { issueCookie: { name: "serin-id", maxAge: "30d" } }],
  rollouts: Object.fromEntries(
    Array.from({ length: 100 }, (_, n) => [
      `rollout-${n}`,
      {
        match: [{ hosts: [`shop-${n}.example.com`], path: { type: "PathPrefix", value: `/checkout-${n}` } }],
        default: "stable",
        variants: { stable: {}, canary: { percent: 50, cluster: "checkout-v2" } },
        force: { header: "x-canary" },
      },
    ]),
  ),
};
const TO_EACH = Array.from({ length: 1_000 }, (_, n): [string, string][] => [
  [":method", "GET"],
  [":path", `/checkout-${n % 100}/cart?a=1`],
  [":authority", `shop-${n % 100}.example.com`],
  [":scheme", "https"],
  ...(n % 10 === 0 ? [] : [["cookie", `theme=dark; uid=user-${n}`] as [string, string]]),
]);

const LIVE = 1000;

for (const [name, policy, requests, least] of [
  // Some of these are in both rollouts.
  ["every kind of identity", MIXED, REQUESTS, 1_000_001],
  ["a hundred rollouts", HUNDRED, TO_EACH, 1_000_000],
] as const) {
  test(`a million requests: ${name}`, () => {
    const host = new RecordingHost();
    host.isRecording = false;
    assert.ok(host.configure(ROOT, policy));
    const maps = requests.map((pairs) => new SameHeaders(pairs));
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
    const assertFlat = flatFromNow(host);
    run(first + 10_000, first + 1_000_000);
    assertFlat(990_000, "requests");
    for (let id = first + 1_000_000 - LIVE; id < first + 1_000_000; id++) end(id);
    assert.ok(sum(host, "rq_total") >= least, `${sum(host, "rq_total")} variants given`);
    addUp(host);
  });
}
