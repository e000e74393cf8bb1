// The words of an explanation: what people read, checked against what was decided.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import pc from "picocolors";

import { explainInWords } from "../../tools/decision/explain-text.ts";
import { parseOrdered } from "../../tools/terminal/ordered-json.ts";
import { POLICY, runCli, temporaryFolder } from "./run-cli.ts";

const WIDE = `identity:
  - header: x-user-id
  - issueCookie: { name: serin-id }
rollouts:
  "10":
    match:
      - hosts: ["*.example.org"]
      - path: { type: Exact, value: /cart }
        method: POST
        headers: [{ name: x-beta, type: Present }]
    default: off
    variants: { off: {}, on: { percent: 100 } }
  "2":
    identity: [{ query: account }]
    default: stable
    variants: { stable: {}, left: { percent: 10 }, right: { percent: 90 } }
  paused: { state: DISABLED, default: a, variants: { a: {}, b: { percent: 100 } } }
`;

const FLAGS = `flags:
  plan:
    state: ENABLED
    variants: { "on": true, "off": false }
    defaultVariant: "off"
    targeting: { if: [{ and: [{ ">": [{ var: query.n }, 5] }, { "==": [{ var: headers.x-plan }, pro] }] }, "on"] }
  plain: { state: ENABLED, variants: { a: { b: [1] } }, defaultVariant: a }
  off: { state: DISABLED, variants: { a: 1 }, defaultVariant: a }
  none: { state: ENABLED, variants: { a: 1 }, targeting: { var: nothing } }
  lost: { state: ENABLED, variants: { a: 1 }, targeting: { cat: [gone] } }
rollouts:
  flagged: { match: [{ flag: { plan: true } }], default: d, variants: { d: {} } }
  ruled: { match: [{ path: { value: / } }], when: { "!": [{ var: query.n }] }, default: d, variants: { d: {} } }
  only-ruled: { when: { "!": [{ var: query.n }] }, default: d, variants: { d: {} } }
`;

describe("explain", () => {
  const folder = temporaryFolder();
  const policy = folder.write("policy.yaml", POLICY);
  const wide = folder.write("wide.yaml", WIDE);
  const explain = async (file: string, ...parameters: string[]) => {
    const { status, stdout, stderr } = await runCli(["explain", "--policy", file, ...parameters]);
    assert.deepEqual([status, stderr], [0, ""]);
    return stdout;
  };

  it("a bucketed request: identity, entry, position against the slots, headers", async () => {
    const text = await explain(policy, "-H", "cookie: uid=42", "https://shop.example.com/checkout/pay");
    assert.match(text, /^GET https:\/\/shop\.example\.com\/checkout\/pay$/m);
    assert.match(text, /^identity +42 \(cookie uid\)$/m);
    assert.match(
      text,
      /^ {2}applies +match entry 1 of 1 holds: host shop\.example\.com, path under \/checkout$/m,
    );
    assert.match(text, /^ {2}why +position 39\.764 % of the space is in the slot of canary \[SPLIT\]$/m);
    assert.match(text, /^ {2}slots +canary holds 0 % to 50 % {2}<- here$/m);
    assert.match(text, /^ {2}cluster +checkout-v2$/m);
    assert.match(text, /^ {2}\+ x-serin-checkout: canary$/m);
    assert.match(text, /^ {2}\+ x-serin-cluster: checkout-v2$/m);
  });

  it("a forced variant names the header, and forged headers are told", async () => {
    const headers = ["-H", "x-canary: canary", "-H", "X-Serin-Cluster: evil"];
    const text = await explain(policy, ...headers, "https://shop.example.com/checkout");
    assert.match(text, /^ {2}why +forced by the request's header x-canary: canary \[TARGETING_MATCH\]$/m);
    assert.match(text, /^ {2}- x-serin-cluster .*forged/m);
  });

  it("an anonymous request gets the default", async () => {
    const text = await explain(policy, "https://shop.example.com/checkout");
    assert.match(text, /^identity +none: the request is anonymous$/m);
    assert.match(text, /^rollout checkout -> stable \(the default\)$/m);
    assert.match(text, /anonymous: no source gives it an identity \[DEFAULT\]/);
    assert.match(text, /^request\n {2}left as it is\nresponse\n {2}left as it is\n$/m);
  });

  it("what failed in each entry, in words; applying rollouts first, else in the policy's order", async () => {
    const text = await explain(
      wide,
      "-X",
      "POST",
      "-H",
      "x-user-id: u1",
      "https://a.example.com/cart?account=7",
    );
    const order = [...text.matchAll(/^rollout (\S+)/gm)].map((match) => match[1]);
    assert.deepEqual(order, ["2", "paused", "10"]);
    assert.match(text, /^rollout 10 does not apply$/m);
    assert.match(text, /^ {2}entry 1 +fails on hosts; it wants host \*\.example\.org$/m);
    assert.match(
      text,
      /^ {2}entry 2 +fails on headers; it wants path \/cart, method POST, header x-beta present$/m,
    );
    assert.match(text, /^ {2}identity +7 \(query account\)$/m);
    assert.match(text, /switched off \(state: DISABLED\) \[DISABLED\]$/m);
    assert.match(text, /^ {2}applies +to every request: it has no match$/m);
    assert.match(text, /left holds 0 % to 10 %/);
    assert.match(text, /right holds 10 % to 100 %/);
  });

  it("a cookie that is issued is told as identity and as the response's header", async () => {
    const issuing = folder.write(
      "issuing.yaml",
      POLICY.replace("cookie: uid", "issueCookie: { name: serin-id }"),
    );
    const text = await explain(issuing, "https://shop.example.com/checkout");
    const [, id] = /^identity +(\S+) \(issued now in cookie serin-id\)$/m.exec(text) ?? [];
    assert.ok(id, text);
    assert.match(text, new RegExp(`^ {2}\\+ set-cookie: serin-id=${id}`, "m"));
  });

  it("--json gives the filter's own decision and explanation", async () => {
    const text = await explain(policy, "--json", "-H", "cookie: uid=42", "https://shop.example.com/checkout");
    const { decision, explanation } = JSON.parse(text);
    assert.equal(decision.rollouts.checkout.variant, "canary");
    assert.equal(explanation.rollouts.checkout.salt, "checkout");
    assert.deepEqual(explanation.identity, { value: "42", source: "cookie", name: "uid" });
    assert.deepEqual(explanation.rollouts.checkout.slots, [{ variant: "canary", begin: 0, end: 2147483648 }]);
  });

  it("flags: value, variant, why, what the targeting saw; rollouts that a flag or a rule decides", async () => {
    const file = folder.write("flags.yaml", FLAGS);
    const explained = async (...parameters: string[]) =>
      (await runCli(["explain", "--policy", file, ...parameters])).stdout;
    const section = (text: string, heading: string) =>
      text
        .split("\n\n")
        .find((part) => part.startsWith(heading))
        ?.split("\n")
        .slice(1)
        .map((line) => line.trim().replace(/ {2,}/g, " "));

    const no = await explained("http://a/?n=7");
    assert.match(no, /^flag plan -> off$/m);
    assert.deepEqual(section(no, "flag plan"), [
      "value false",
      "why its targeting gives nothing: the default variant [DEFAULT]",
      'saw query.n is "7"',
      "headers.x-plan is null",
      "/flags/plan/targeting/if/0 does not hold",
    ]);
    assert.deepEqual(section(no, "rollout flagged does not apply"), [
      "entry 1 fails on flag; it wants flag plan = true",
    ]);
    assert.deepEqual(section(no, "rollout ruled does not apply"), [
      "entry 1 holds; it wants path under /",
      "when does not hold",
    ]);
    assert.deepEqual(section(no, "rollout only-ruled does not apply"), ["when does not hold"]);
    assert.deepEqual(section(no, "flag plain -> a"), [
      'value {"b":[1]}',
      "why it has no targeting: the default variant [STATIC]",
    ]);
    assert.match(section(no, "flag off -> no variant")?.join() ?? "", /switched off.* \[DISABLED\]/);
    assert.match(section(no, "flag none -> no variant")?.join() ?? "", /no default variant.* \[DEFAULT\]/);
    assert.match(
      section(no, "flag lost -> no variant")?.join() ?? "",
      /cannot be evaluated \(GENERAL\).* \[ERROR\]/,
    );

    const yes = await explained("-H", "x-plan: pro", "http://a/?n=7");
    assert.match(yes, /^rollout flagged -> d/m);
    assert.match(yes, /match entry 1 of 1 holds: flag plan = true$/m);
    assert.equal(section(yes, "flag plan -> on")?.at(-1), "/flags/plan/targeting/if/0 holds");
    assert.match(await explained("http://a/"), /^rollout only-ruled -> d/m);
  });

  it("a refused policy: 1 and its problems, as text or as JSON", async () => {
    const refused = folder.write("refused.yaml", POLICY.replace("50", "500"));
    const text = await runCli(["explain", "--policy", refused, "http://a"]);
    assert.deepEqual([text.status, text.stdout], [1, ""]);
    assert.match(text.stderr, /percent: /);
    const json = await runCli(["explain", "--policy", refused, "--json", "http://a"]);
    assert.equal(json.status, 1);
    assert.equal(JSON.parse(json.stdout).problems.length, 1);
  });
});

describe("explain: shadows", () => {
  const shadows = {
    chance: { match: [{ path: { value: "/a" } }], percent: 12.5, cluster: "v3" },
    certain: { percent: 100, cluster: "v3", dispatch: "mirror" },
    visitors: { percent: 20, sample: "identity", cluster: "v3" },
    own: { identity: [{ header: "x-a" }], percent: 50, sample: "identity", cluster: "v3" },
    large: { percent: 100, cluster: "v3", dispatch: "mirror" },
    small: { percent: 100, cluster: "v3" },
    posts: { methods: ["POST", "PUT"], percent: 1, cluster: "v3" },
    plain: { match: [{ path: { value: "/a" } }, { hosts: ["b"] }], percent: 1, cluster: "v3" },
  };

  function words(explanation: object, method = "GET"): string[] {
    const text = explainInWords(
      {
        method,
        url: "https://a/",
        decision: parseOrdered("{}"),
        explanation: parseOrdered(JSON.stringify({ identity: null, rollouts: {}, shadows: explanation })),
        policy: parseOrdered(JSON.stringify({ shadows })),
      },
      pc.createColors(false),
    );
    return text.split("\n\n").filter((part) => part.startsWith("shadow "));
  }

  const copied = { applies: true, drawn: true, cluster: "v3" };

  it("drawn by chance, or for certain", () => {
    assert.deepEqual(
      words({
        chance: { ...copied, entry: 0, sample: "request", dispatch: "call" },
        certain: { ...copied, sample: "request", dispatch: "mirror" },
      }),
      [
        `shadow chance -> copied
  applies  match entry 1 of 1 holds: path under /a
  why      the request is drawn: by chance, 12.5 % of the requests; another time it may be otherwise
  copy to  v3 (call: sent by the filter if the budget allows, the answers compared)`,
        `shadow certain -> copied
  applies  to every request of its methods: it has no match
  why      the request is drawn: 100 % of the requests
  copy to  v3 (mirror: sent by Envoy, if the route has the mirror policy)`,
      ],
    );
    assert.deepEqual(words({ chance: { applies: true, drawn: false, sample: "request" } }), [
      `shadow chance -> not copied
  applies  to every request of its methods: it has no match
  why      the request is not drawn: by chance, 12.5 % of the requests; another time it may be otherwise`,
    ]);
  });

  it("visitors by their place, or by none", () => {
    const drawn = { ...copied, sample: "identity", dispatch: "call", below: 858993459 };
    assert.deepEqual(
      words({
        visitors: { ...drawn, identity: { value: "50", source: "cookie", name: "uid" }, hash: 725634236 },
        own: {
          ...drawn,
          drawn: false,
          identity: { value: "7", source: "header", name: "x-a" },
          hash: 2813410465,
        },
      }),
      [
        `shadow visitors -> copied
  applies  to every request of its methods: it has no match
  why      the visitor is drawn: 16.895 % is below 20 %
           position = murmur3("shadow/visitors/<identity>")
  copy to  v3 (call: sent by the filter if the budget allows, the answers compared)`,
        `shadow own -> not copied
  applies  to every request of its methods: it has no match
  identity 7 (header x-a)
  why      the visitor is not drawn: 65.505 % is not below 50 %
           position = murmur3("shadow/own/<identity>")`,
      ],
    );
    assert.deepEqual(
      words({ visitors: { applies: true, drawn: false, sample: "identity", identity: null } }),
      [
        `shadow visitors -> not copied
  applies  to every request of its methods: it has no match
  why      visitors are drawn, and the request is anonymous: no source gives it an identity`,
      ],
    );
  });

  it("bodies that are too large", () => {
    const large = { ...copied, sample: "request", tooLarge: true };
    assert.deepEqual(
      words({
        large: { ...large, maxBodyBytes: 65536, dispatch: "mirror" },
        small: { ...large, maxBodyBytes: 8, dispatch: "call" },
      }).map((part) => part.split("\n").at(-1)),
      [
        "  body     over 65536 bytes, or of unknown length: counted as too_large",
        "  body     over 8 bytes: counted as too_large",
      ],
    );
  });

  it("why a request is none of its own; those that apply first", () => {
    assert.deepEqual(
      words(
        {
          plain: { applies: false, entries: ["path", null], when: false },
          posts: { applies: false, entries: [], method: false },
          certain: { applies: false, entries: [], method: false, upgrade: true },
          large: { ...copied, sample: "request", dispatch: "mirror" },
        },
        "CONNECT",
      ).slice(1),
      [
        `shadow plain does not apply
  entry 1  fails on path; it wants path under /a
  entry 2  holds; it wants host b
  when     does not hold`,
        `shadow posts does not apply
  method   CONNECT is none of POST, PUT`,
        `shadow certain does not apply
  upgrade  upgrades and CONNECT are never copied
  method   CONNECT is none of GET, HEAD, OPTIONS (no methods are named)`,
      ],
    );
  });
});

describe("ordered JSON", () => {
  it("keeps the order of members and agrees with JSON.parse on everything else", () => {
    const text = '{"10":[1,-2.5e3,true,null,"a\\"\\u00e9,:{}[]"],"2":{},"b":{"c":[[],{}]}}';
    const toPlain = (value: unknown): unknown =>
      value instanceof Map
        ? Object.fromEntries([...value].map(([name, inner]) => [name, toPlain(inner)]))
        : Array.isArray(value)
          ? value.map(toPlain)
          : value;
    const parsed = parseOrdered(text);
    assert.deepEqual(toPlain(parsed), JSON.parse(text));
    assert.deepEqual([...(parsed as ReadonlyMap<string, unknown>).keys()], ["10", "2", "b"]);
    assert.throws(() => parseOrdered('{"a":['), /ends too early/);
  });
});
