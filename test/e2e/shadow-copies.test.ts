// What a shadow gets is what production got, to the byte, less what the policy takes away; production itself gets what
// it would have got without a shadow.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";

import type { Echo } from "../upstream/answer.ts";
import { http2Request } from "./http2-wire.ts";
import {
  countsOf,
  settledCounts,
  startStage,
  valuesOf,
  type Policy,
  type Seen,
  type Stage,
} from "./shadow-stage.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { exchange, lastRequest, parseResponse, post, request } from "../support/envoy/wire.ts";

const KIB = 1024;
const LIMIT = 64 * KIB;
const MIB_10 = 10 * KIB * KIB;

const shadow = (prefix: string, more: object = {}): object => ({
  match: [{ path: { value: prefix } }],
  percent: 100,
  methods: ["GET", "POST", "HEAD"],
  cluster: "shadow",
  timeout: "5s",
  budget: { perSecond: 1000, inFlight: 100, maxBodyBytes: LIMIT },
  ...more,
});
const mirror = (prefix: string, more: object = {}): object => {
  const {
    timeout: _,
    budget: __,
    ...plain
  } = shadow(prefix, { dispatch: "mirror" }) as Record<string, unknown>;
  return { ...plain, ...more };
};

const POLICY: Policy = {
  identity: [{ cookie: "uid" }],
  flags: {
    "new-checkout": {
      state: "ENABLED",
      variants: { on: true, off: false },
      defaultVariant: "on",
      metadata: { "serin.expose": true },
    },
  },
  rollouts: {
    checkout: {
      match: [{ path: { value: "/seen-by-production" } }],
      default: "stable",
      variants: { stable: {}, canary: { percent: 100, cluster: "production" } },
    },
    visitors: {
      identity: [{ issueCookie: { name: "visitor", maxAge: "30d" } }],
      match: [{ path: { value: "/seen-by-production" } }],
      default: "a",
      variants: { a: {}, b: { percent: 50 } },
      announce: "all",
    },
  },
  shadows: {
    bodies: shadow("/bodies"),
    "over-h2": shadow("/over-h2", { cluster: "shadow-h2" }),
    production: shadow("/seen-by-production"),
    changed: shadow("/changed", {
      headers: {
        remove: ["authorization", "x-twice", "cookie"],
        set: { "x-new": "of the shadow", "x-there": "other", host: "shadow.example.com" },
      },
    }),
    // Drawn for the same requests; its header reaches production, and no copy.
    beside: mirror("/changed"),
    kept: shadow("/kept"),
    deaf: shadow("/deaf", { cluster: "deaf", timeout: "500ms" }),
    small: shadow("/small", { budget: { perSecond: 1000, inFlight: 100, maxBodyBytes: 100 } }),
    unnamed: shadow("/unnamed", { methods: undefined }),
    gated: shadow("/gated", { when: { "==": [{ var: "headers.x-gate" }, "open"] } }),
    tunnels: shadow("/", { match: [{ hosts: ["tunnel.example.com"] }], methods: ["GET"] }),
    "tunnels-mirrored": mirror("/", {
      match: [{ hosts: ["tunnel.example.com"] }],
      methods: ["GET"],
    }),
  },
};

const ROUTES = [
  { match: { connect_matcher: {} }, route: { cluster: "production" } },
  { match: { prefix: "/over-h2" }, route: { cluster: "production-h2" } },
];

const hashOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** Headers that both have to have got alike, by name. */
function shared(seen: Seen): [string, string][] {
  const own = /^(x-envoy-|x-serin-shadow|x-forwarded-for$|content-length$|transfer-encoding$)/;
  return seen.headers
    .map(([name, value]): [string, string] => [name.toLowerCase(), value])
    .filter(([name]) => !own.test(name))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

for (const version of EVERY_ENVOY) {
  describe(`Envoy ${version}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await startStage({ version, policy: POLICY, routes: ROUTES, record: true });
      await stage.serve(POLICY);
    });
    after(() => stage.stop());

    const both = (path: string): Promise<{ production: Seen; copy: Seen }> => stage.arrived(path);
    const counts = (name: string): Promise<Readonly<Partial<Record<string, number>>>> =>
      countsOf(stage.admin, name);

    describe("call: bodies, byte for byte", () => {
      for (const size of [0, 1, 60 * KIB, LIMIT]) {
        for (const how of ["length", "chunked", "h2"] as const) {
          test(`${size} bytes, ${how}`, async () => {
            const body = randomBytes(size);
            const path = `/bodies/${how}/${size}?a=%20b&c=d+e&a=2`;
            if (how === "h2") {
              const headers = { ":method": "POST", ":path": path, ":authority": "shop.example.com" };
              assert.equal((await http2Request(stage.port, headers, { body })).status, 200);
            } else {
              const answer = parseResponse(await exchange(stage.port, post(path, body, how === "chunked")));
              assert.equal(answer.status, 200);
              assert.equal((JSON.parse(answer.body) as Echo).bodySha256, hashOf(body));
            }
            const { production, copy } = await both(path);
            assert.deepEqual([copy.method, copy.url, copy.httpVersion], ["POST", path, "1.1"]);
            assert.equal(production.url, path);
            assert.ok(copy.body.equals(body), `${copy.body.length} of ${size} bytes arrived, or others`);
            assert.deepEqual(shared(copy), shared(production));
            // A length, and never chunks: the whole body is there when the copy is sent.
            assert.deepEqual(valuesOf(copy, "transfer-encoding"), []);
            assert.ok(["", "0", String(size)].includes(valuesOf(copy, "content-length").join()));
          });
        }
      }

      test("a request with trailers is copied to its end; the trailers stay behind, Envoy's calls have none", async () => {
        // AsyncRequestImpl::initialize of Envoy sends headers and body. A mirror has them: shadow-mirror.test.ts.
        for (const body of [randomBytes(1000), Buffer.alloc(0)]) {
          const path = `/over-h2/trailers/${body.length}`;
          const headers = { ":method": "POST", ":path": path, ":authority": "a", te: "trailers" };
          const trailers = { "x-checksum": "abc", "x-serin-checkout": "forged", x_serin_checkout: "forged" };
          assert.equal((await http2Request(stage.port, headers, { body, trailers })).status, 200);
          const { production, copy } = await both(path);
          assert.deepEqual(production.trailers, { "x-checksum": "abc" });
          assert.equal(copy.httpVersion, "2.0");
          assert.ok(copy.body.equals(body));
          assert.deepEqual(copy.trailers, {});
        }
      });

      test("GET and HEAD without a body", async () => {
        for (const method of ["GET", "HEAD"]) {
          await exchange(stage.port, request(`/bodies/${method}`, ["connection: close"], method));
          const { copy } = await both(`/bodies/${method}`);
          assert.deepEqual([copy.method, copy.body.length], [method, 0]);
          assert.deepEqual(valuesOf(copy, "content-length"), []);
        }
      });
    });

    describe("call: headers", () => {
      test("what the policy says changes the copy alone", async () => {
        const client = [
          ...["authorization: Bearer secret", "cookie: uid=7", "cookie: theme=dark"],
          ...["x-twice: 1", "X-Twice: 2", "x-there: production's", "x-bytes: \xff\xfe"],
        ];
        await exchange(stage.port, lastRequest("/changed/all", client));
        const { production, copy } = await both("/changed/all");
        assert.deepEqual(valuesOf(production, "authorization"), ["Bearer secret"]);
        assert.match(valuesOf(production, "cookie").join("; "), /^uid=7; theme=dark$/);
        assert.match(valuesOf(production, "x-twice").join(), /^1, ?2$/);
        assert.deepEqual(valuesOf(production, "x-there"), ["production's"]);
        assert.deepEqual(valuesOf(production, "x-new"), []);
        assert.deepEqual(valuesOf(production, "host"), ["shop.example.com"]);
        for (const gone of ["authorization", "cookie", "x-twice"])
          assert.deepEqual(valuesOf(copy, gone), [], gone);
        assert.deepEqual(valuesOf(copy, "x-there"), ["other"]);
        assert.deepEqual(valuesOf(copy, "x-new"), ["of the shadow"]);
        assert.deepEqual(valuesOf(copy, "host"), ["shadow.example.com"]);
        assert.deepEqual(valuesOf(copy, "x-bytes"), ["\xff\xfe"]);
      });

      test("authorization and cookie are kept unless removed", async () => {
        const client = ["authorization: Bearer secret", "cookie: uid=7", "x-twice: 1", "x-twice: 2"];
        await exchange(stage.port, lastRequest("/kept/all", client));
        const { production, copy } = await both("/kept/all");
        assert.deepEqual(valuesOf(copy, "authorization"), ["Bearer secret"]);
        assert.deepEqual(valuesOf(copy, "cookie"), ["uid=7"]);
        assert.deepEqual(shared(copy), shared(production));
      });

      test("the copy names its shadow, and nothing of another one", async () => {
        const forged = ["x-serin-shadow: forged", "x-serin-shadow-kept: forged"];
        for (const path of ["/kept/name", "/changed/name"]) {
          await exchange(stage.port, lastRequest(path, forged));
          const { production, copy } = await both(path);
          assert.deepEqual(valuesOf(copy, "x-serin-shadow"), [path.split("/")[1]]);
          assert.deepEqual(
            copy.headers.filter(([name]) => /^x-serin-shadow-/i.test(name)),
            [],
          );
          assert.deepEqual(valuesOf(production, "x-serin-shadow"), []);
        }
        // The mirror's header is there for the route, and production sees it: docs/shadows.md.
        const [seen] = stage.seen("production", "/changed/name");
        assert.deepEqual(valuesOf(seen as Seen, "x-serin-shadow-beside"), ["shadow"]);
      });

      test("what belongs to one connection, and Envoy's own headers, stay behind", async () => {
        const client = [
          ...["connection: close", "keep-alive: timeout=5", "proxy-connection: keep-alive"],
          ...["x-envoy-peer-metadata: planted", "x-envoy-of-the-client: planted"],
        ];
        await exchange(stage.port, request("/kept/hops", client));
        const { copy } = await both("/kept/hops");
        for (const name of ["connection", "keep-alive", "proxy-connection", "upgrade", "expect"]) {
          assert.deepEqual(valuesOf(copy, name), [], name);
        }
        assert.deepEqual(
          copy.headers.filter(([, value]) => value === "planted"),
          [],
        );
        // Envoy adds these two to every call that a filter makes.
        const added = copy.headers
          .map(([name]) => name.toLowerCase())
          .filter((name) => /^x-envoy-/.test(name));
        assert.deepEqual(
          added.filter((name) => !/^x-envoy-(internal|expected-rq-timeout-ms)$/.test(name)),
          [],
        );
      });

      test("rollouts, flags and an issued cookie are there as production got them", async () => {
        await exchange(stage.port, lastRequest("/seen-by-production/it", ["cookie: uid=1"]));
        const { production, copy } = await both("/seen-by-production/it");
        for (const name of [
          "x-serin-checkout",
          "x-serin-cluster",
          "x-serin-flags",
          "x-serin-visitors",
          "cookie",
        ]) {
          assert.equal(valuesOf(production, name).length, 1, name);
          assert.deepEqual(valuesOf(copy, name), valuesOf(production, name), name);
        }
        assert.deepEqual(valuesOf(copy, "x-serin-checkout"), ["canary"]);
        assert.match(valuesOf(copy, "x-serin-flags").join(), /new-checkout/);
        assert.match(valuesOf(copy, "cookie").join(), /visitor=\w{20,}/);
        assert.deepEqual(shared(copy), shared(production));
      });
    });

    describe("call: which requests", () => {
      test("a body of exactly the limit is copied, one byte more is not and is counted", async () => {
        for (const isChunked of [false, true]) {
          for (const size of [100, 101]) {
            const path = `/small/${isChunked ? "chunked" : "length"}/${size}`;
            const answer = parseResponse(
              await exchange(stage.port, post(path, randomBytes(size), isChunked)),
            );
            assert.equal(answer.status, 200, path);
          }
        }
        const { sent, too_large: tooLarge } = await settledCounts(stage.admin, "small", 4);
        assert.deepEqual([sent, tooLarge], [2, 2]);
        assert.deepEqual(
          stage.seen("shadow", "/small").map(({ url, body }) => [url, body.length]),
          [
            ["/small/length/100", 100],
            ["/small/chunked/100", 100],
          ],
        );
      });

      test("methods that the policy does not name, and a rule that does not hold, are no copy", async () => {
        await exchange(stage.port, post("/unnamed", Buffer.from("x"), false));
        await exchange(stage.port, lastRequest("/gated", ["x-gate: shut"]));
        await exchange(stage.port, lastRequest("/unnamed"));
        await exchange(stage.port, lastRequest("/gated", ["x-gate: open"]));
        assert.equal((await settledCounts(stage.admin, "unnamed", 1))["sent"], 1);
        assert.equal((await settledCounts(stage.admin, "gated", 1))["sent"], 1);
        assert.deepEqual(
          [stage.seen("shadow", "/unnamed").length, stage.seen("shadow", "/gated").length],
          [1, 1],
        );
      });

      test("upgrades and CONNECT are no copies, neither way", async () => {
        const upgrade = [
          ...["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"],
          "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        ].join("\r\n");
        const websocket = `GET /tunnel HTTP/1.1\r\nhost: tunnel.example.com\r\n${upgrade}\r\n\r\n`;
        const frame = "\x81\x82\x01\x02\x03\x04ik";
        assert.match((await exchange(stage.port, websocket + frame, { until: /\x81\x02hi$/ })).text, / 101 /);
        const connect =
          "CONNECT tunnel.example.com:443 HTTP/1.1\r\nhost: tunnel.example.com:443\r\n\r\nbytes";
        assert.match((await exchange(stage.port, connect, { until: /bytes$/ })).text, /^HTTP\/1.1 200/);
        // A plain request of the same host is one, so the policy does concern them.
        const plain = "GET /tunnel/plain HTTP/1.1\r\nhost: tunnel.example.com\r\nconnection: close\r\n\r\n";
        await exchange(stage.port, plain);
        assert.equal((await settledCounts(stage.admin, "tunnels", 1))["sent"], 1);
        assert.equal((await counts("tunnels-mirrored"))["sent"], 1);
        assert.deepEqual(
          stage.seen("shadow", "/tunnel").map(({ url }) => url),
          ["/tunnel/plain"],
        );
        const [seen] = stage.seen("production", "/tunnel");
        assert.deepEqual(valuesOf(seen as Seen, "x-serin-shadow-tunnels-mirrored"), []);
      });

      test("a request that never comes to its end is no copy, and is not counted", async () => {
        const before = await counts("bodies");
        const half = "POST /bodies/left HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\nhalf";
        await exchange(stage.port, half, { leaveAfterMs: 100 });
        await exchange(stage.port, half, { leaveAfterMs: 100, how: "reset" });
        const early = half.replace("/left", "/early?up-early=1&up-status=413");
        assert.match((await exchange(stage.port, early, { until: /\}\n/ })).text, /^HTTP\/1.1 413/);
        await exchange(stage.port, lastRequest("/bodies/after"));
        await both("/bodies/after");
        const after = await settledCounts(stage.admin, "bodies", (before["sent"] ?? 0) + 1);
        assert.equal(after["sent"], (before["sent"] ?? 0) + 1);
        assert.deepEqual(stage.seen("shadow", "/bodies/left"), []);
        assert.deepEqual(stage.seen("shadow", "/bodies/early"), []);
      });
    });

    test("10 MiB go up to production beside a shadow that reads nothing", async () => {
      const body = randomBytes(MIB_10);
      for (const isChunked of [false, true]) {
        const answer = parseResponse(await exchange(stage.port, post("/deaf", body, isChunked)));
        assert.equal(answer.status, 200, `chunked: ${isChunked}`);
        assert.equal((JSON.parse(answer.body) as Echo).bodySha256, hashOf(body));
      }
      // What is within the limit is copied, and waits there alone.
      const small = parseResponse(await exchange(stage.port, post("/deaf", randomBytes(LIMIT), true)));
      assert.equal(small.status, 200);
      assert.deepEqual(await settledCounts(stage.admin, "deaf", 3), { too_large: 2, sent: 1, timeout: 1 });
    });
  });
}
