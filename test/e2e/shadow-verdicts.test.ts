// Every way in which a copy can end, and every bound past which there is none.

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";

import { waitUntil } from "../../tools/envoy/index.ts";
import { directRoute } from "../support/envoy/bootstrap.ts";
import { http2Request } from "./http2-wire.ts";
import {
  planted,
  sendEach,
  settledCounts,
  startStage,
  type Counts,
  type Policy,
  type Sent,
  type Stage,
} from "./shadow-stage.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { exchange, request } from "../support/envoy/wire.ts";

const MIB = 1024 * 1024;
const BUDGET = { perSecond: 10_000, inFlight: 1_000 };

const shadow = (name: string, more: object = {}): object => ({
  match: [{ path: { value: `/${name}` } }],
  percent: 100,
  methods: ["GET", "HEAD", "POST"],
  cluster: "shadow",
  timeout: "10s",
  compare: { body: true, sample: "0/s" },
  budget: BUDGET,
  ...more,
});

const AS_JSON = { compare: { body: { json: true }, sample: "0/s" } };
const POLICY: Policy = {
  identity: [{ cookie: "uid" }],
  shadows: {
    late: shadow("late", { timeout: "500ms" }),
    broken: shadow("broken"),
    refused: shadow("refused", { cluster: "refusing" }),
    "broken-h2": shadow("broken-h2", { cluster: "shadow-h2" }),
    absent: shadow("absent", { cluster: "no-such-cluster" }),
    nobody: shadow("nobody", { cluster: "empty" }),
    tight: shadow("tight", { cluster: "tight" }),
    rate: shadow("rate", { budget: { perSecond: 5, inFlight: 1_000 } }),
    few: shadow("few", { budget: { perSecond: 10_000, inFlight: 3 } }),
    none: shadow("none", { budget: { perSecond: 0 } }),
    heavy: shadow("heavy", { budget: undefined }),
    hoard: shadow("hoard", { budget: { ...BUDGET, maxBodyBytes: MIB } }),
    orders: shadow("orders", { timeout: "1s" }),
    gone: shadow("gone"),
    streams: shadow("streams"),
    "streams-json": shadow("streams-json", AS_JSON),
    shapes: shadow("shapes"),
    grpc: shadow("grpc", { cluster: "shadow-h2" }),
    direct: shadow("direct"),
    "status-alone": shadow("status-alone", { compare: undefined }),
    "body-alone": shadow("body-alone", { compare: { status: false, body: true, sample: "0/s" } }),
    large: shadow("large", { ...AS_JSON, budget: { ...BUDGET, maxBodyBytes: 1_000 } }),
    odd: shadow("odd", AS_JSON),
  },
};
const ROUTES = [
  directRoute("/direct", {}),
  { match: { prefix: "/grpc" }, route: { cluster: "production-h2" } },
  { match: { prefix: "/shapes/nowhere" }, route: { cluster: "empty" } },
];

const PIECES = ["[1,", "2,", "3]"];

/** Sends a body in pieces, each once the one before it has come back, and resolves at the answer's end. */
function converse(port: number, path: string, pieces: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const left = [...pieces];
    const say = (): void => {
      const piece = left.shift();
      if (piece === undefined) sent.end();
      else sent.write(piece);
    };
    const sent = httpRequest({ port, path, method: "POST", timeout: 10_000, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (more: string) => {
        text += more;
        if (text === pieces.slice(0, pieces.length - left.length).join("")) say();
      });
      response.on("error", reject);
      response.on("end", () =>
        text === pieces.join("") ? resolve() : reject(new Error(`came back: ${text}`)),
      );
    });
    sent.on("timeout", () => sent.destroy(new Error("no answer while the request goes on")));
    sent.on("error", reject);
    say();
  });
}

for (const version of EVERY_ENVOY) {
  describe(`Envoy ${version}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await startStage({ version, policy: POLICY, routes: ROUTES });
      await stage.serve(POLICY);
    });
    after(() => stage.stop());

    /** The same request so many times; production answers all of them. */
    const get = async (
      name: string,
      behaviours: Record<string, string | number>,
      times = 1,
      more: Partial<Sent> = {},
    ): Promise<void> => {
      const wanted = behaviours["production-status"] ?? behaviours["status"] ?? 200;
      const all = Array.from({ length: times }, () => ({ path: planted(`/${name}`, behaviours), ...more }));
      for (const { status } of await sendEach(stage.port, all, 8)) assert.equal(status, wanted);
    };
    const counted = async (name: string, decided: number, expected: Counts): Promise<void> =>
      assert.deepEqual(await settledCounts(stage.admin, name, decided), expected);

    describe("no answer", () => {
      test("slow and hanging shadows are timeouts", async () => {
        await get("late", { "shadow-latency": 2_000, body: "x" }, 10);
        await get("late", { "shadow-hang": 1, body: "x" }, 5);
        await get("late", { body: "x" }, 2);
        await counted("late", 17, { sent: 17, timeout: 15, match: 2 });
      });

      test("an answer that has begun and does not end in time is a timeout", async () => {
        await get("late/begun", { "shadow-pace": 100, size: 300_000 }, 3);
        await counted("late", 20, { sent: 20, timeout: 18, match: 2 });
      });

      test("resets, cut answers and refused connections are resets", async () => {
        await get("broken", { "shadow-reset": 1, body: "x" }, 5);
        await get("broken", { "shadow-cut": "length", size: 50_000 }, 5);
        await get("broken", { "shadow-cut": "chunked", size: 50_000 }, 5);
        await counted("broken", 15, { sent: 15, reset: 15 });
        await get("refused", { body: "x" }, 5);
        await counted("refused", 5, { sent: 5, reset: 5 });
        await get("broken-h2", { "shadow-reset": 1, body: "x" }, 5);
        await get("broken-h2", { "shadow-cut": "chunked", size: 50_000 }, 5);
        await get("broken-h2", { body: "x" }, 5);
        await counted("broken-h2", 15, { sent: 15, reset: 10, match: 5 });
      });

      test("an answer of 10 MiB that Envoy is told to drop is a reset, and production's arrives", async () => {
        const limit = (bytes: string): Promise<string> =>
          stage.admin.post(`/runtime_modify?http.async_response_buffer_limit=${bytes}`);
        await limit("131072");
        const [got] = await sendEach(stage.port, [{ path: planted("/broken", { size: 10 * MIB }) }]);
        await counted("broken", 16, { sent: 16, reset: 16 });
        await limit("");
        assert.deepEqual([got?.status, got?.body.length], [200, 10 * MIB]);
      });

      test("a cluster that is not there, or has no host, is unavailable and said once", async () => {
        await get("absent", { body: "x" }, 50);
        await counted("absent", 50, { unavailable: 50 });
        await get("nobody", { body: "x" }, 50);
        await counted("nobody", 50, { unavailable: 50 });
        const warnings = stage.envoy
          .log()
          .split("\n")
          .filter((line) => line.includes("[warning][wasm]"));
        for (const name of ["absent", "nobody"]) {
          assert.equal(warnings.filter((line) => line.includes(name)).length, 1, warnings.join("\n"));
        }
      });
    });

    describe("bounds", () => {
      test("the cluster's circuit breakers: past them a copy is unavailable, and is not said each time", async () => {
        await get("tight", { body: "x", "shadow-latency": 400 }, 8);
        const { sent = 0, ...first } = await settledCounts(stage.admin, "tight", 8);
        // One on the connection, perhaps one that waits for it.
        assert.ok(sent === 1 || sent === 2, `${sent} were sent`);
        assert.deepEqual(first, { match: sent, unavailable: 8 - sent });
        await get("tight", { body: "x", "shadow-latency": 5 }, 200);
        const { unavailable = 0 } = await settledCounts(stage.admin, "tight", 208);
        assert.ok(unavailable > 20, `only ${unavailable} were refused`);
        const said = stage.envoy
          .log()
          .split("\n")
          .filter((line) => /"name":"tight","unavailable"/.test(line));
        assert.equal(said.length, 1, `${said.length} lines for ${unavailable} copies`);
      });

      test("perSecond: a second's worth at once, then no more than that a second", async () => {
        const begin = performance.now();
        await get("rate", { body: "x" }, 300);
        const seconds = (performance.now() - begin) / 1000;
        const { sent = 0, over_budget: over = 0, match } = await settledCounts(stage.admin, "rate", 300);
        assert.equal(sent + over, 300);
        assert.equal(match, sent);
        assert.ok(sent >= 5 && sent <= 5 + Math.ceil(5 * seconds), `${sent} copies in ${seconds} s`);
        await get("none", { body: "x" }, 10);
        await counted("none", 10, { over_budget: 10 });
      });

      test("inFlight: never more at once, and free again after the verdict", async () => {
        const before = stage.busiest.shadow;
        await get("few", { body: "x", "shadow-latency": 1_500 }, 50);
        await counted("few", 50, { sent: 3, over_budget: 47, match: 3 });
        await get("few", { body: "x", "shadow-reset": 1 }, 1);
        await get("few", { body: "x" }, 1);
        await get("few", { body: "x" }, 1);
        await counted("few", 53, { sent: 6, over_budget: 47, match: 5, reset: 1 });
        assert.ok(before > 3 || stage.busiest.shadow <= 3);
      });

      test("large answers overdraw an allowance, and are sent for no more", async () => {
        // 51 parts of 64 KiB over the first; 512 are saved, and 50 come in a second.
        const larger = { "shadow-size": 3.25 * MIB, "production-body": "x" };
        for (let i = 1; i <= 30; i++) {
          await get("heavy", larger);
          const { sent = 0, ...rest } = await settledCounts(stage.admin, "heavy", i);
          if (i <= 11) assert.deepEqual([sent, rest], [i, { mismatch_body: i }]);
        }
        const { sent = 0, over_budget: over = 0 } = await settledCounts(stage.admin, "heavy", 30);
        assert.ok(sent <= 20 && over === 30 - sent, `${sent} sent, ${over} over budget`);
      });

      test("what all shadows of a worker keep is bounded: 40 uploads of 1 MiB at once", async () => {
        const head = `POST /hoard HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${MIB}\r\n\r\n`;
        const uploads = await Promise.all(
          Array.from({ length: 40 }, () => beginUpload(stage.port, head, MIB)),
        );
        // All are kept, or given up, before the first is over.
        await waitUntil("the uploads to be in Envoy", 10_000, async () => {
          const stat = "http.serin.downstream_cx_rx_bytes_total";
          return ((await stage.admin.stats(`^${stat}$`)).get(stat) ?? 0) >= 40 * (MIB - 1);
        });
        const answers = await Promise.all(uploads.map((finish) => finish()));
        for (const text of answers) assert.match(text, /^HTTP\/1.1 200/);
        const counts = await settledCounts(stage.admin, "hoard", 40);
        const { sent = 0, over_budget: over = 0 } = counts;
        assert.equal(sent + over, 40, JSON.stringify(counts));
        assert.ok(sent >= 16 && sent <= 32, `${sent} bodies of 1 MiB were kept at once`);
        // All of it was given back.
        await get("hoard", { body: "x" }, 1, { method: "POST", body: Buffer.alloc(MIB) });
        assert.equal((await settledCounts(stage.admin, "hoard", 41))["sent"], sent + 1);
      });
    });

    describe("in every order", () => {
      test("whichever answers first", async () => {
        const slowShadow = { body: "x", "shadow-latency": 100 };
        const slowProduction = { body: "x", "production-latency": 100 };
        for (const slow of [slowShadow, slowProduction]) {
          await get("orders", slow, 5);
          await get("orders", { ...slow, "shadow-body": "y" }, 5);
          await get("orders", { ...slow, "shadow-status": 500 }, 5);
        }
        await counted("orders", 30, { sent: 30, match: 10, mismatch_body: 10, mismatch_status: 10 });
      });

      test("production may take longer than the shadow's timeout", async () => {
        await get("orders", { body: "x", "production-latency": 1_500 }, 3);
        await get("orders", { size: 200_000, "production-pace": 120 }, 3);
        await counted("orders", 36, { sent: 36, match: 16, mismatch_body: 10, mismatch_status: 10 });
      });

      test("production's client gone, or its answer cut, is a reset", async () => {
        const leave = { leaveAfterMs: 100 };
        for (const how of ["close", "reset"] as const) {
          await exchange(stage.port, request(planted("/gone", { "production-latency": 800 })), {
            ...leave,
            how,
          });
          const both = { "production-latency": 800, "shadow-latency": 1_000 };
          await exchange(stage.port, request(planted("/gone", both)), { ...leave, how });
          const midway = request(planted("/gone", { size: 3_000_000, "production-pace": 20 }));
          await exchange(stage.port, midway, { until: /\r\n\r\n\.{5000}/, how });
        }
        await counted("gone", 6, { sent: 6, reset: 6 });
        const cut = request(planted("/gone", { size: 100_000, "production-cut": "length" }));
        await exchange(stage.port, cut);
        await counted("gone", 7, { sent: 7, reset: 7 });
      });
    });

    describe("what is compared", () => {
      test("all of an answer that begins before its request ends", async () => {
        for (const name of ["streams", "streams-json"]) {
          for (let i = 0; i < 10; i++) await converse(stage.port, planted(`/${name}`, { stream: 1 }), PIECES);
          await counted(name, 10, { sent: 10, match: 10 });
          const others = ["[1,2,4]", "3]"].map((body) => ({ "production-stream": 1, "shadow-body": body }));
          for (const other of others) await converse(stage.port, planted(`/${name}`, other), PIECES);
          await counted(name, 12, { sent: 12, match: 10, mismatch_body: 2 });
        }
      });

      test("answers of every shape", async () => {
        await get("shapes/head", { body: "x" }, 2, { method: "HEAD" });
        // Nothing of a HEAD's body comes, whatever its length says.
        await get("shapes/head", { body: "x", "shadow-body": "longer" }, 2, { method: "HEAD" });
        await get("shapes/204", { status: 204 }, 2);
        await get("shapes/304", { status: 304 }, 2);
        await get("shapes/empty", { size: 0 }, 2);
        await get("shapes/gzip", { body: "some text", encoding: "gzip" }, 2);
        await get("shapes/post", { body: "x" }, 2, { method: "POST", body: "something" });
        await get("shapes/large", { size: 3_000_000 }, 2);
        // Production's answer is Envoy's own.
        await get("shapes/nowhere", { "shadow-status": 503, body: "no healthy upstream", status: 503 }, 2);
        await counted("shapes", 18, { sent: 18, match: 18 });
        await get("shapes/204", { status: 204, "shadow-status": 200, body: "" }, 1);
        await get("shapes/empty", { size: 0, "shadow-size": 1 }, 1);
        await get("shapes/empty", { size: 1, "shadow-size": 0 }, 1);
        await get("shapes/gzip", { body: "some text", "shadow-body": "some texT", encoding: "gzip" }, 1);
        await get("shapes/large", { size: 3_000_000, "shadow-size": 2_999_999 }, 1);
        await counted("shapes", 23, { sent: 23, match: 18, mismatch_status: 1, mismatch_body: 4 });
      });

      test("a direct response of Envoy is production's answer", async () => {
        await get("direct", { size: 0 }, 2);
        await get("direct", { "shadow-body": "x" }, 2);
        await counted("direct", 4, { sent: 4, match: 2, mismatch_body: 2 });
      });

      test("gRPC: an answer that ends with trailers", async () => {
        const ask = async (behaviours: Record<string, string | number>): Promise<void> => {
          const headers = {
            ...{ ":method": "POST", ":path": planted("/grpc", behaviours), ":authority": "a" },
            ...{ "content-type": "application/grpc", te: "trailers" },
          };
          assert.equal((await http2Request(stage.port, headers, { body: "\0\0\0\0\0" })).status, 200);
        };
        await ask({ grpc: "0" });
        await ask({ grpc: "only,5" });
        await ask({ grpc: "0", "shadow-grpc": "only,5" });
        await counted("grpc", 3, { sent: 3, match: 2, mismatch_status: 1 });
      });

      test("the status alone unless said, or the body alone", async () => {
        await get("status-alone", { body: "x", "shadow-body": "y" }, 2);
        await get("status-alone", { body: "x", "shadow-status": 404 }, 2);
        await counted("status-alone", 4, { sent: 4, match: 2, mismatch_status: 2 });
        await get("body-alone", { body: "x", "shadow-status": 404 }, 2);
        await get("body-alone", { body: "x", "shadow-body": "y" }, 2);
        await counted("body-alone", 4, { sent: 4, match: 2, mismatch_body: 2 });
      });

      test("JSON over maxBodyBytes is compared by its bytes", async () => {
        const list = (last: string, space = ""): string => `[${"1,".repeat(2_000)}${space}${last}]`;
        await get("large", { body: list("1") }, 2);
        await get("large", { body: list("1"), "shadow-body": list("2") }, 2);
        await get("large", { body: list("1"), "shadow-body": list("1", " ") }, 2);
        await get("large", { body: "[1,2]", "shadow-body": "[1, 2]" }, 2);
        await get("large", { body: "[1,2]", "shadow-body": `[1,${" ".repeat(1_500)}2]` }, 2);
        await get("large", { size: 500_000 }, 2);
        await counted("large", 12, { sent: 12, match: 6, mismatch_body: 6 });
      });

      test("what is no JSON, or nests too deeply, is compared by its bytes", async () => {
        const nested = (depth: number, space = ""): string =>
          `${"[".repeat(depth)}${space}${"]".repeat(depth)}`;
        await get("odd", { body: "no JSON" }, 2);
        await get("odd", { body: "no JSON", "shadow-body": "no  JSON" }, 1);
        await get("odd", { body: "[1]", "shadow-body": "[1" }, 1);
        await get("odd", { body: nested(64), "shadow-body": nested(64, " ") }, 2);
        await get("odd", { body: nested(65) }, 2);
        await get("odd", { body: nested(65), "shadow-body": nested(65, " ") }, 1);
        await get("odd", { body: "", "shadow-body": "" }, 2);
        await get("odd", { body: "1e2", "shadow-body": "100.0" }, 2);
        await counted("odd", 13, { sent: 13, match: 10, mismatch_body: 3 });
      });
    });
  });
}

/** Sends all of an upload but its last byte; what it resolves to sends that one and resolves to the answer. */
function beginUpload(port: number, head: string, size: number): Promise<() => Promise<string>> {
  return new Promise((begun, failed) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (piece: Buffer) => (text += piece.toString("latin1")));
    socket.on("error", failed);
    const ended = new Promise<string>((resolve) => socket.on("close", () => resolve(text)));
    socket.write(head);
    socket.write(Buffer.alloc(size - 1, "."), () =>
      begun(() => {
        socket.write(".");
        return ended;
      }),
    );
  });
}
