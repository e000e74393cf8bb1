// Answers that come encoded: compared by what they hold. test/contract/run-encoded-pairs.ts judges as many pairs as
// wanted.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";

import { seeded } from "../support/random.ts";
import { begin, callTo, finish, ok, setUp } from "./copies.ts";
import { judgePairs, MAX_BODY_BYTES, PairJudge, type Encoded } from "./encoded-pairs.ts";

const JSON_TEXT = Buffer.from('{"a":1,"b":[1,2,3]}');
const OTHER_TEXT = Buffer.from('{"a":1,"b":[1,2,4]}');
const encoded = (coding: string | null, body: Uint8Array, status = 200): Encoded => ({
  status,
  coding,
  body,
});
const plain = (text: Buffer, status = 200): Encoded => encoded(null, text, status);
const gzip = (text: Buffer, level = 6): Encoded => encoded("gzip", gzipSync(text, { level }));
const whole = (): number => 1_000_000;

describe("encoded answers", () => {
  test("500 made-up pairs are judged rightly, and every planted difference is found at its place", () => {
    const { kinds, faults } = judgePairs(seeded(20261128), 500);
    assert.deepEqual(faults, []);
    for (const kind of [
      "same: match",
      "planted: mismatch_body",
      "strange coding: incomparable",
      "304: incomparable",
    ])
      assert.ok((kinds[kind] ?? 0) > 20, JSON.stringify(kinds));
  });

  test("each kind on either side gets its verdict, and the log says why", () => {
    const judge = new PairJudge();
    const cut = encoded("gzip", gzipSync(JSON_TEXT).subarray(0, 30));
    const other = encoded("deflate", deflateSync(JSON_TEXT).subarray(0, 8));
    const bomb = gzip(Buffer.alloc(10_000_000, " "));
    const br = encoded("br", brotliCompressSync(JSON_TEXT));
    const none = plain(Buffer.alloc(0), 304);
    const tables = encoded("deflate", Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from(TABLE))));
    const cases: [ours: Encoded, theirs: Encoded, verdict: string, reason?: string][] = [
      [gzip(JSON_TEXT), gzip(JSON_TEXT, 1), "match"],
      [gzip(JSON_TEXT), plain(JSON_TEXT), "match"],
      [encoded("deflate", deflateSync(JSON_TEXT)), encoded("deflate", deflateRawSync(JSON_TEXT)), "match"],
      [encoded("gzip, gzip", gzipSync(gzipSync(JSON_TEXT))), gzip(JSON_TEXT), "match"],
      [br, br, "match"],
      [encoded("br", Buffer.alloc(0)), plain(Buffer.alloc(0)), "match"],
      [gzip(JSON_TEXT), plain(OTHER_TEXT), "mismatch_body"],
      [encoded("gzip", JSON_TEXT), plain(JSON_TEXT), "mismatch_body", "production's body is corrupt"],
      [gzip(JSON_TEXT), cut, "mismatch_body", "the shadow's body is corrupt"],
      [cut, other, "incomparable", "both bodies are corrupt"],
      [br, gzip(JSON_TEXT), "incomparable", "production's body is encoded with br"],
      [gzip(JSON_TEXT), { ...br, coding: "zstd" }, "incomparable", "the shadow's body is encoded with zstd"],
      [
        { ...br, coding: "x" },
        plain(JSON_TEXT),
        "incomparable",
        "production's body is encoded with a coding that is not decoded",
      ],
      [
        encoded("gzip, gzip, gzip", gzipSync(JSON_TEXT)),
        gzip(JSON_TEXT),
        "incomparable",
        "production's body is encoded more than twice",
      ],
      [gzip(JSON_TEXT), bomb, "incomparable", "the shadow's decoded body is larger than maxBodyBytes"],
      [bomb, gzip(JSON_TEXT), "incomparable", "production's decoded body is larger than maxBodyBytes"],
      [tables, gzip(JSON_TEXT), "incomparable", "production's body takes too much work to decode"],
      [none, gzip(JSON_TEXT), "incomparable", "production's answer alone is 304"],
      [gzip(JSON_TEXT), none, "incomparable", "the shadow's answer alone is 304"],
      [plain(JSON_TEXT, 206), gzip(JSON_TEXT), "incomparable", "production's answer alone is 206, a part"],
      [none, plain(Buffer.alloc(0), 404), "mismatch_status"],
      [br, plain(JSON_TEXT, 500), "mismatch_status"],
    ];
    for (const [ours, theirs, verdict, reason] of cases) {
      for (const oursFirst of [true, false]) {
        const { verdict: given, reason: why } = judge.judge("json", ours, theirs, whole, oursFirst);
        assert.deepEqual([given, why], [verdict, reason], `${ours.coding} and ${theirs.coding}`);
      }
    }
    assert.equal(judge.errors, 0);
  });

  test("a body that fits exactly is compared, one byte more is not", () => {
    const judge = new PairJudge();
    for (const [bytes, verdict] of [
      [MAX_BODY_BYTES, "match"],
      [MAX_BODY_BYTES + 1, "incomparable"],
    ] as const) {
      const text = Buffer.from(JSON.stringify("x".repeat(bytes - 2)));
      assert.equal(judge.judge("json", gzip(text), gzip(text, 1), whole, true).verdict, verdict);
      // What cannot be made smaller is a little larger.
      const noise = Buffer.from(Array.from({ length: bytes }, (_, i) => Math.imul(i + 1, 2654435761) >>> 13));
      assert.equal(judge.judge("bytes", gzip(noise, 0), gzip(noise, 9), whole, true).verdict, verdict);
    }
  });

  test("the coding is that of the response as it passes, not what another filter makes of it later", () => {
    const setup = setUp();
    const stream = begin(setup);
    stream.onResponseHeaders([[":status", "200"]], false);
    stream.onResponseBody(JSON_TEXT, true);
    // A compressor between the filter and the client.
    stream.responseHeaders?.add("content-encoding", Buffer.from("gzip"));
    stream.done();
    ok(callTo(setup.vm, "api-v3"), JSON_TEXT.toString());
    assert.deepEqual(setup.verdicts(), { match: 1 });
  });

  test("the second instance's answer is decoded too; one that cannot be compared excuses nothing", () => {
    const answers: [other: [string, Uint8Array, number], verdict: string][] = [
      [["gzip", gzipSync('{"a":1,"n":3}'), 200], "noise"],
      [["deflate", deflateSync('{"a":1,"n":1}'), 200], "mismatch_body"],
      [["br", brotliCompressSync('{"a":1,"n":3}'), 200], "mismatch_body"],
      [["gzip", Buffer.alloc(0), 304], "mismatch_body"],
    ];
    for (const [[coding, body, status], verdict] of answers) {
      const setup = setUp({ noise: { cluster: "api-v1" } });
      finish(begin(setup), 200, '{"a":1,"n":1}');
      const respond = (cluster: string, by: string, bytes: Uint8Array, code = 200): void =>
        callTo(setup.vm, cluster).respond(
          [
            [":status", String(code)],
            ["content-encoding", by],
          ],
          bytes,
        );
      respond("api-v3", "gzip", gzipSync('{"a":1,"n":2}'));
      respond("api-v1", coding, body, status);
      assert.deepEqual(setup.verdicts(), { [verdict]: 1 }, coding);
    }
  });

  test("lines about what cannot be compared take no mismatch's place in the log", () => {
    const setup = setUp();
    const lines: string[] = [];
    for (const status of [304, 304, 404, 404]) {
      finish(begin(setup), 200, "{}");
      ok(callTo(setup.vm, "api-v3"), "", status);
      lines.push(...setup.root.log.splice(0).map(({ text }) => text));
    }
    const verdicts = lines.map(
      (line) => (JSON.parse(line) as { shadow: { verdict: string } }).shadow.verdict,
    );
    assert.deepEqual(verdicts, ["incomparable", "mismatch_status"]);
  });
});

/** A block with tables for nothing but its end, in whole bytes: what is over is an empty block that is stored. */
const TABLE = [4, 192, 129, 8, 0, 0, 0, 0, 32, 127, 235, 3, 0, 0, 255, 255];

describe("what is accepted", () => {
  const accepted = (
    compare: object,
    value: string | null,
  ): [copy: string | null, production: string | null] => {
    const setup = setUp({ compare });
    const stream = begin(setup, value === null ? [] : [["accept-encoding", value]]);
    const copy = callTo(setup.vm, "api-v3").header("accept-encoding");
    return [copy, stream.requestHeaders.get("accept-encoding")];
  };
  const cases: [client: string | null, copy: string | null, production: string | null][] = [
    ["gzip, deflate, br, zstd", "gzip, deflate", "gzip"],
    ["br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip;q=0.8", "gzip;q=0.8"],
    ["br, *;q=0.5", "gzip;q=0.5", "gzip;q=0.5"],
    ["*", "gzip", "gzip"],
    ["GZIP , Deflate;q=0.1", "GZIP, Deflate;q=0.1", "GZIP"],
    ["identity", "identity", "identity"],
    // Nothing that the client does not accept, and nothing less than it accepts where that is not gzip.
    ["br", "identity", "br"],
    ["br, deflate", "deflate", "br, deflate"],
    ["br, gzip;q=0", "gzip;q=0", "br, gzip;q=0"],
    ["br, *;q=0", "gzip;q=0", "br, *;q=0"],
    [null, null, null],
  ];
  test("by a copy: what can be decoded, where bodies are compared", () => {
    for (const [client, copy] of cases) {
      assert.deepEqual(accepted({ body: true }, client), [copy, client], String(client));
      assert.deepEqual(accepted({ status: true }, client), [client, client], String(client));
    }
    const setup = setUp({ headers: { set: { "accept-encoding": "br" } } });
    begin(setup, [["accept-encoding", "gzip, br"]]);
    assert.equal(callTo(setup.vm, "api-v3").header("accept-encoding"), "br");
  });

  test("by production's client, where the policy asks for it: gzip, if it accepts that", () => {
    const compare = { body: true, acceptEncoding: "gzip" };
    for (const [client, copy, production] of cases) {
      assert.deepEqual(accepted(compare, client), [copy, production], String(client));
    }
  });

  test("nothing is narrowed for a request that is not copied", () => {
    const compare = { body: true, acceptEncoding: "gzip" };
    for (const more of [{ percent: 0 }, { budget: { perSecond: 0 } }, { methods: ["POST"] }]) {
      const setup = setUp({ compare, ...more });
      const stream = begin(setup, [["accept-encoding", "gzip, br"]]);
      assert.equal(stream.requestHeaders.get("accept-encoding"), "gzip, br");
      assert.deepEqual(stream.changes, []);
    }
  });
});
