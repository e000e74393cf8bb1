// The client's own member `serin-shadow` of W3C baggage: gone in every spelling that some parser takes for it, with all
// else left byte for byte. A shadow's own, by the policy's secret, stays.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import fc from "fast-check";

import { starvedModule } from "../support/filter.ts";
import { RecordingHost } from "./recording-host.ts";
import { policy, ROOT } from "./serving.ts";

type Pairs = [name: string, value: string][];

const SECRET = "4Zq8vK1x0sTn7LbE";
const MARK = `checkout-v3.${SECRET}`;
const WITH_SECRET = policy({ shadowSecret: SECRET });
const REQUEST: Pairs = [
  [":authority", "shop.example.com"],
  [":path", "/pay"],
  [":method", "GET"],
  [":scheme", "http"],
];

/** Spellings that one parser or another reads as the member. */
const FORGED = [
  "serin-shadow=x",
  " serin-shadow = x ",
  "\tserin-shadow\t=\tx",
  "serin-shadow=x;property;other=1",
  "serin-shadow;property=1",
  "SERIN-Shadow=x",
  "%73erin-shadow=x",
  "serin%2Dshadow=x",
  "%73%65%72%69%6E%2d%73%68%61%64%6f%77=x",
  "%20serin-shadow%20=x",
  "+serin-shadow+=x",
  "%C2%A0serin-shadow=x",
  "serin-shadow%3Dx",
  "a%2Cserin-shadow=x",
  "serin_shadow=x",
  "serin-shadow=",
  "serin-shadow",
  `serin-shadow=checkout-v3.${SECRET}`,
];

/** Members that only look like it. */
const OTHERS = [
  "userId=alice",
  "serverNode=DF%2028",
  "isProduction=false;ttl=30",
  "a=serin-shadow",
  "a=serin-shadow%3Dx",
  "serin-shadows=x",
  "my-serin-shadow=x",
  "serin=shadow",
  "k=v;serin-shadow=x",
  "note=one%2C%20serin%20shadow",
  "%",
  "%zz=1",
  "",
  " spaced = out ;  p = 1 ",
];

function baggageOf(host: RecordingHost, id: number, values: readonly string[]): string[] {
  const headers: Pairs = [...REQUEST, ...values.map((value): [string, string] => ["Baggage", value])];
  assert.equal(host.begin(id, ROOT, headers), 0);
  return valuesOf(host.context(id).request?.toPairs() ?? []);
}

function valuesOf(pairs: readonly (readonly [string, string])[]): string[] {
  return pairs.filter(([name]) => name.toLowerCase() === "baggage").map(([, value]) => value);
}

const trim = (text: string): string => text.replace(/^[ \t]+|[ \t]+$/g, "");
const isNothing = (text: string): boolean => /^[ \t,]*$/.test(text);

function serving(served: object | null = policy(), module?: WebAssembly.Module): RecordingHost {
  const host = new RecordingHost(module === undefined ? {} : { module });
  if (served !== null) assert.ok(host.configure(ROOT, served));
  else host.call("proxy_on_context_create", ROOT, 0);
  return host;
}

describe("a client's own member", () => {
  const policies = { "a policy": policy(), "the empty policy": {}, "no policy at all": null };
  for (const [name, served] of Object.entries(policies)) {
    test(`is gone in every spelling, alone and among others, under ${name}`, () => {
      const host = serving(served);
      let id = 10;
      for (const forged of FORGED) {
        assert.deepEqual(baggageOf(host, id++, [forged]), [], forged);
        assert.deepEqual(baggageOf(host, id++, [`a=1,${forged}, b=2`]), ["a=1, b=2"], forged);
        assert.deepEqual(baggageOf(host, id++, [forged, "c=3", `${forged},${forged}`]), ["c=3"], forged);
      }
    });
  }

  test("is gone from any mixture of baggage headers, and all else stays byte for byte", () => {
    const host = serving();
    let id = 10;
    const member = fc.oneof(fc.constantFrom(...FORGED), fc.constantFrom(...OTHERS));
    fc.assert(
      fc.property(fc.array(fc.array(member, { minLength: 1, maxLength: 6 }), { maxLength: 4 }), (headers) => {
        const own = new Set(FORGED);
        const hasForged = headers.flat().some((one) => own.has(one));
        const sent = headers.map((members) => members.join(","));
        const wanted = hasForged
          ? headers
              .map((members) => trim(members.filter((one) => !own.has(one)).join(",")))
              .filter((value) => !isNothing(value))
          : sent;
        assert.deepEqual(baggageOf(host, id++, sent), wanted);
      }),
      { numRuns: 500 },
    );
  });

  test("is gone from trailers too", () => {
    const host = serving();
    host.begin(10, ROOT, REQUEST);
    const left = host.trailers(10, [
      ["baggage", "a=1,serin-shadow=x"],
      ["x-checksum", "1"],
    ]);
    assert.deepEqual(valuesOf(left), ["a=1"]);
    assert.equal(left.length, 2);
  });

  test("is gone when no memory is left, and where headers cannot even be read all baggage is", () => {
    for (let pages = 0; pages < 24; pages += 3) {
      const host = serving(WITH_SECRET, starvedModule(pages));
      for (let id = 10; id < 400; id++) {
        assert.deepEqual(baggageOf(host, id, ["a=1,serin-shadow=x,b=2"]), ["a=1,b=2"], `${pages}: ${id}`);
      }
      host.isRecording = false;
      const large = host.begin(1_000_000, ROOT, [
        ...REQUEST,
        ["x-large", "a".repeat(300_000)],
        ["baggage", "a=1,serin-shadow=x"],
      ]);
      assert.equal(large, 0);
      const left = valuesOf(host.context(1_000_000).request?.toPairs() ?? []);
      assert.ok(left.length === 0 || left[0] === "a=1", String(left));
    }
  });

  test("costs a look at each byte: a megabyte of members takes no longer than one of plain text", () => {
    const host = serving();
    host.isRecording = false;
    const timed = (value: string): number => {
      const begun = process.hrtime.bigint();
      baggageOf(host, 10, [value]);
      host.done(10);
      return Number(process.hrtime.bigint() - begun);
    };
    const least = (value: string): number => Math.min(...Array.from({ length: 5 }, () => timed(value)));
    const plain = least("a".repeat(1 << 20));
    const forged = least("serin-shadow=x,".repeat((1 << 20) / 15));
    const mixed = least("a=1,serin-shadow=x,".repeat((1 << 20) / 19));
    assert.ok(Math.max(forged, mixed) < 20 * plain, `${plain} ${forged} ${mixed}`);
  });
});

describe("a request without baggage, or with that of others", () => {
  test("makes no host call more", () => {
    const host = serving();
    host.begin(10, ROOT, REQUEST);
    host.done(10);
    const calls = (headers: Pairs): string[] => {
      host.forget();
      host.begin(11, ROOT, headers);
      const { calls } = host;
      host.done(11);
      return calls;
    };
    const without = calls(REQUEST);
    assert.deepEqual(calls([...REQUEST, ["baggage", "a=1,b=2"]]), without);
  });
});

describe("a shadow's own member, under the policy's secret", () => {
  test("stays, beside the client's others", () => {
    const host = serving(WITH_SECRET);
    const sent = [`a=1, serin-shadow=${MARK};p=1`, "b=2"];
    assert.deepEqual(baggageOf(host, 10, sent), sent);
  });

  test("stays when a forged one beside it goes", () => {
    const host = serving(WITH_SECRET);
    assert.deepEqual(baggageOf(host, 10, [`a=1,serin-shadow=x,serin-shadow=${MARK}`, "b=2"]), [
      `serin-shadow=${MARK}`,
      "a=1",
      "b=2",
    ]);
  });

  test("is one only by exactly the secret", () => {
    const host = serving(WITH_SECRET);
    let id = 10;
    const wrong = [
      `checkout-v3.${SECRET}x`,
      `checkout-v3.${SECRET.slice(0, -1)}`,
      `checkout-v3.${SECRET.toLowerCase()}`,
      `checkout-v3${SECRET}`,
      `.${SECRET}`,
      SECRET,
      `Checkout.${SECRET}`,
      `-a.${SECRET}`,
      `${"a".repeat(64)}.${SECRET}`,
      `a.b.${SECRET}`,
      `%63heckout-v3.${SECRET}`,
      "",
    ];
    for (const mark of wrong) {
      assert.deepEqual(baggageOf(host, id++, [`a=1,serin-shadow=${mark}`]), ["a=1"], mark);
      host.begin(id, ROOT, [...REQUEST, ["x-serin-shadow", mark]]);
      const left = host.context(id++).request?.toPairs() ?? [];
      assert.deepEqual(left.length, REQUEST.length, mark);
    }
  });

  test("and its header stay, for the services behind", () => {
    const host = serving(WITH_SECRET);
    host.begin(10, ROOT, [...REQUEST, ["x-serin-shadow", MARK], ["x-serin-other", "1"]]);
    assert.deepEqual(host.context(10).request?.toPairs().slice(REQUEST.length), [["x-serin-shadow", MARK]]);
  });
});
