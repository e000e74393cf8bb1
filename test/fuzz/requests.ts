// Requests for fuzzing: what clients send, what attackers send, and what no codec should let through.

import fc from "fast-check";

import type { Headers, Step } from "./session.ts";
import { HOSTS, METHODS, NAMES, PATHS, toLatin1 } from "./policies.ts";

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array).toString("latin1"));
const large = fc
  .tuple(fc.constantFrom("x", "a=", "; ", "é", "\u00ff", "&", "."), fc.integer({ min: 1000, max: 60_000 }))
  .map(([piece, length]) => piece.repeat(Math.ceil(length / piece.length)));

/** Texts glued from pieces of a grammar, where parsers go wrong. */
function glued(...pieces: string[]): fc.Arbitrary<string> {
  return fc
    .array(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...pieces) }, { weight: 1, arbitrary: bytes }), {
      maxLength: 12,
    })
    .map((parts) => parts.join(""));
}

const cookie = fc.oneof(
  {
    weight: 6,
    arbitrary: glued(...NAMES, "=", "=", ";", "; ", " ", '"', "42", "canary", ",", "\t", "uid=42", "; uid="),
  },
  { weight: 1, arbitrary: large },
);
const path = fc.oneof(
  {
    weight: 6,
    arbitrary: glued(
      ...PATHS,
      "?",
      "&",
      "=",
      "%",
      "%4",
      "%41",
      "%zz",
      "+",
      "#",
      "uid=42",
      "/",
      "..",
      ";",
      ...NAMES,
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom(...PATHS, "*", "", "http://a/b", "/checkout?uid=7&uid=8") },
  { weight: 1, arbitrary: large },
);
const authority = fc.oneof(
  fc.constantFrom(...HOSTS, "SHOP.EXAMPLE.COM:443", "shop.example.com.", ""),
  glued(...HOSTS, ":", ".", "80", "[", "]", "*"),
);

const payload = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc.constantFrom(
    '{"sub":"42"}',
    '{"a":{"b":7}}',
    '{"a":["x"]}',
    '{"sub":1.5e3}',
    '{"sub":null}',
    '{"sub":',
    '{"sub":"\\ud83d"}',
    '{"a":{"":{"b":"x"}}}',
  ),
  fc.constant(`${'{"a":'.repeat(90)}1${"}".repeat(90)}`),
);
const token = fc.oneof(
  payload.map((json) => `${base64url("{}")}.${base64url(json)}.sig`),
  fc
    .tuple(payload, glued("=", ".", "-", "_", "+", "/", " "))
    .map(([json, rest]) => `.${base64url(json)}${rest}.`),
  glued(".", "..", "eyJ", "e30", "=", "A"),
);
const authorization = fc
  .tuple(fc.constantFrom("Bearer ", "bearer ", "Bearer  ", "Bearer", "Basic ", ""), token)
  .map((parts) => parts.join(""));

const header: fc.Arbitrary<[string, string]> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant("cookie"), cookie) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("authorization"), authorization) },
  {
    weight: 3,
    arbitrary: fc.tuple(
      fc.constantFrom(...NAMES, "A", "X-User-Id"),
      fc.oneof(glued("1", "b", " ", "canary", ","), bytes),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constantFrom("x-serin-checkout", "X-Serin-Cluster", "x-serin-", "x-serin-shadow-a", "x-serin"),
      glued("canary", "v2", ","),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.stringMatching(/^[a-z0-9_-]{1,20}$/), bytes) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("x-forwarded-proto", "user-agent", "x-large"), large) },
);

const headers: fc.Arbitrary<Headers> = fc
  .tuple(
    fc.record(
      {
        ":method": fc.constantFrom(...METHODS, "get", ""),
        ":path": path,
        ":authority": authority,
        ":scheme": fc.constantFrom("http", "https", ""),
      },
      // Envoy never calls with no header at all; without a method it does not.
      { requiredKeys: [":method"] },
    ),
    fc.array(header, { maxLength: 10 }),
  )
  .map(([pseudo, rest]) => [...Object.entries(pseudo), ...rest]);

const sourceAddress = fc.option(
  fc.constantFrom("203.0.113.7:4321", "[2001:db8::1]:80", "1.2.3.4", "", ":", "[", "x".repeat(300)),
  { nil: undefined },
);

const response: fc.Arbitrary<Headers> = fc
  .tuple(
    fc.constantFrom("200", "101", "103", "302", "404", "503", "099", "2000", "0"),
    fc.array(header, { maxLength: 3 }),
  )
  .map(([status, rest]) => [[":status", status], ...rest]);

const stream = fc.nat(7);

/** What a service under test may say: JSON, nearly JSON, anything. */
const answerBody = fc.oneof(
  fc.constantFrom("", "{}", '{"t":1}', '{"items":[{"id":1}]}', "upstream connect error", "[".repeat(70)),
  fc.json({ maxDepth: 4 }).map(toLatin1),
  bytes,
);

/** One thing that happens to the streams of a worker. */
export const event: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record(
      {
        request: headers,
        sourceAddress,
        endOfStream: fc.boolean(),
        headersCome: fc.constantFrom(true, true, true, false),
      },
      { requiredKeys: ["request"] },
    ),
  },
  { weight: 3, arbitrary: fc.record({ stream, response, endOfStream: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ stream, body: fc.nat(70_000), endOfStream: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ stream, requestBody: fc.nat(70_000), endOfStream: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ stream, requestTrailers: fc.array(header, { maxLength: 3 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      call: stream,
      answer: fc.option(
        fc.record({
          headers: response,
          body: fc.oneof(
            answerBody,
            fc.nat(70_000).map((size) => "x".repeat(size)),
          ),
        }),
        { nil: null },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ stream, trailers: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      stream,
      done: fc.record(
        {
          code: fc.constantFrom(null, 0, 100, 200, 404, 503, 700, -1),
          flags: fc.constantFrom(0, 4, 64, 16384, 262144, 2 ** 23),
          codeDetails: fc.constantFrom(
            "via_upstream",
            "downstream_remote_disconnect",
            "upstream_reset_after_response_started{x}",
            "",
          ),
        },
        { requiredKeys: [] },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ waitMs: fc.constantFrom(0, 1, 999, 5000) }) },
);

function base64url(text: string): string {
  return Buffer.from(toLatin1(text), "latin1").toString("base64url");
}
