// The words of an explanation: what people read, checked against what was decided.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import pc from "picocolors";

import { explainInWords } from "../../tools/decision/explain-text.ts";
import { parseOrdered } from "../../tools/terminal/ordered-json.ts";
import { POLICY, runCli, temporaryFolder } from "../support/cli.ts";

const WIDE = `identity:
  - header: x-user-id
  - issueCookie: { name: serin-id, keep: true }
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

const GOALS = `identity: [{ cookie: uid }]
goals:
  orders: { match: [{ method: POST, path: { type: Exact, value: /orders } }], status: [2xx, 301, 303] }
  sign-ups: { match: [{ path: { value: /sign-up } }], rollouts: [checkout] }
rollouts:
  checkout:
    match: [{ path: { value: /checkout } }]
    default: stable
    variants: { stable: {}, canary: { percent: 40 } }
    force: { header: x-canary }
  search: { identity: [{ header: x-user }], match: [{ path: { value: /search } }], default: old, variants: { old: {}, new: { percent: 20 } } }
  paused: { state: DISABLED, match: [{ path: { value: /paused } }], default: a, variants: { a: {}, b: { percent: 5 } } }
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

  it("a goal: for which variants of which rollouts it counts, and why not", async () => {
    const goals = folder.write("goals.yaml", GOALS);
    const order = async (...parameters: string[]): Promise<string> =>
      explain(goals, "-X", "POST", ...parameters, "https://pay.example.com/orders");
    const own = await order("-H", "cookie: uid=42", "-H", "x-user: 9");
    assert.match(own, /^goal orders -> counted if the whole answer has 2xx, 301 or 303$/m);
    assert.match(own, /^ {2}match +entry 1 of 1: path \/orders, method POST$/m);
    assert.match(own, /^ {2}for +canary of checkout: bucket 39\.764%$/m);
    assert.match(own, /^ +the control group of old of search: bucket [\d.]+%$/m);
    assert.match(own, /^ {2}not for +paused: the rollout is disabled, or none of its variants has a share$/m);
    assert.match(own, /^goal sign-ups does not apply: no match on path$/m);
    const some = await order("-H", "cookie: uid=83");
    assert.match(some, /^ {2}for +the control group of stable of checkout: bucket 40\.9\d+%$/m);
    assert.match(some, /^ {2}not for +search: the request is anonymous \(no identity found\)$/m);
    const forced = await order("-H", "cookie: uid=42", "-H", "x-canary: stable");
    assert.match(forced, /^goal orders -> not counted$/m);
    assert.match(forced, /^ {2}why +the request forces a variant: requests of testers reach no goal$/m);
    assert.match(await order("-H", "x-serin-shadow: next"), /^ {2}why +a shadow's copy /m);
    const preflight = await explain(
      ...([goals, "-X", "OPTIONS", "-H", "access-control-request-method: POST"] as const),
      "https://pay.example.com/sign-up",
    );
    assert.match(preflight, /^ {2}why +a CORS preflight reaches no goal$/m);
    const all = await explain(goals, "--all", "https://pay.example.com/");
    assert.match(
      all,
      /^goal sign-ups does not apply\n {2}entry 1 +no match on path: expected path under \/sign-up$/m,
    );
  });

  it("a bucketed request: identity, entry, bucket against the slots, headers", async () => {
    const text = await explain(policy, "-H", "cookie: uid=42", "https://shop.example.com/checkout/pay");
    assert.match(text, /^GET https:\/\/shop\.example\.com\/checkout\/pay$/m);
    assert.match(text, /^identity +42 \(cookie uid\)$/m);
    assert.match(text, /^ {2}match +entry 1 of 1: host shop\.example\.com, path under \/checkout$/m);
    assert.match(text, /^ {2}why +bucket 39\.764% is in the slot of canary \[SPLIT\]$/m);
    assert.match(text, /^ {2}slots +canary: 0% to 50% {2}<- this user$/m);
    assert.match(text, /^ {2}cluster +checkout-v2$/m);
    assert.match(text, /^ {2}\+ x-serin-checkout: canary$/m);
    assert.match(text, /^ {2}\+ x-serin-cluster: checkout-v2$/m);
  });

  it("a forced variant names the header, and forged headers are told", async () => {
    const headers = ["-H", "x-canary: canary", "-H", "X-Serin-Cluster: evil"];
    const text = await explain(policy, ...headers, "https://shop.example.com/checkout");
    assert.match(text, /^ {2}why +forced by header x-canary: canary \[TARGETING_MATCH\]$/m);
    assert.match(text, /^ {2}- x-serin-cluster .*forged/m);
  });

  it("an anonymous request gets the default", async () => {
    const text = await explain(policy, "https://shop.example.com/checkout");
    assert.match(text, /^identity +none \(anonymous request\): no cookie uid$/m);
    assert.match(text, /^rollout checkout -> stable \(default\)$/m);
    assert.match(text, /the request is anonymous \(no identity found\) \[DEFAULT\]/);
    assert.match(text, /^request\n {2}unchanged\nresponse\n {2}unchanged\n$/m);
  });

  it("what failed in each entry, in words; applying rollouts first, else in the policy's order", async () => {
    const text = await explain(
      wide,
      "-X",
      "POST",
      "-H",
      "x-user-id: u1",
      "--all",
      "https://a.example.com/cart?account=7",
    );
    const order = [...text.matchAll(/^rollout (\S+)/gm)].map((match) => match[1]);
    assert.deepEqual(order, ["2", "paused", "10"]);
    assert.match(text, /^rollout 10 does not apply$/m);
    assert.match(text, /^ {2}entry 1 +no match on hosts: expected host \*\.example\.org$/m);
    assert.match(
      text,
      /^ {2}entry 2 +no match on headers: expected path \/cart, method POST, header x-beta present$/m,
    );
    assert.match(text, /^ {2}identity +7 \(query account\)$/m);
    assert.match(text, /is disabled \(state: DISABLED\) \[DISABLED\]$/m);
    assert.match(text, /^ {2}match +every request \(no match in the policy\)$/m);
    assert.match(text, /left: 0% to 10%/);
    assert.match(text, /right: 10% to 100%/);
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
      (await runCli(["explain", "--all", "--policy", file, ...parameters])).stdout;
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
      "why targeting chose no variant: the default variant [DEFAULT]",
      'steps query.n = "7"',
      "headers.x-plan = null",
      "/flags/plan/targeting/if/0 is false",
    ]);
    assert.deepEqual(section(no, "rollout flagged does not apply"), [
      "entry 1 no match on flag: expected flag plan = true",
    ]);
    assert.deepEqual(section(no, "rollout ruled does not apply"), [
      "entry 1 matches: path under /",
      'when false: {"!":[{"var":"query.n"}]}',
      'query.n = "7"',
    ]);
    assert.deepEqual(section(no, "rollout only-ruled does not apply"), [
      'when false: {"!":[{"var":"query.n"}]}',
      'query.n = "7"',
    ]);
    assert.deepEqual(section(no, "flag plain -> a"), [
      'value {"b":[1]}',
      "why no targeting: the default variant [STATIC]",
    ]);
    assert.match(section(no, "flag off -> no variant")?.join() ?? "", /is disabled.* \[DISABLED\]/);
    assert.match(section(no, "flag none -> no variant")?.join() ?? "", /no default variant.* \[DEFAULT\]/);
    assert.match(
      section(no, "flag lost -> no variant")?.join() ?? "",
      /evaluation failed \(GENERAL\).* \[ERROR\]/,
    );

    const yes = await explained("-H", "x-plan: pro", "http://a/?n=7");
    assert.match(yes, /^rollout flagged -> d/m);
    assert.match(yes, /match +entry 1 of 1: flag plan = true$/m);
    assert.equal(section(yes, "flag plan -> on")?.at(-1), "/flags/plan/targeting/if/0 is true");
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

describe("explain: why not", () => {
  const WHY = `identity: [{ cookie: uid }, { header: x-user-id }]
rollouts:
  checkout:
    match: [{ hosts: [shop.example.com], path: { value: /checkout } }]
    when: { "!=": [{ var: headers.x-region }, eu] }
    default: stable
    variants: { stable: {}, canary: { percent: 50, cluster: v2 } }
    force: { header: x-canary, cookie: canary, when: { "==": [{ var: headers.x-staff }, "yes"] } }
  other:
    match: [{ hosts: [other.example.com] }, { path: { value: /nope } }, { hosts: [third.example.com] }]
    default: a
    variants: { a: {}, b: {} }
  failing:
    when: { ">": [{ "/": [{ var: query.n }, { var: query.m }] }, 1] }
    default: a
    variants: { a: {}, b: {} }
  listing:
    when: { some: [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], { "==": [{ var: "" }, 12] }] }
    default: a
    variants: { a: {}, b: {} }
shadows:
  copy: { percent: 100, cluster: v3, when: { "==": [{ var: query.n }, "8"] } }
  posts: { percent: 100, cluster: v3, methods: [POST] }
`;
  const folder = temporaryFolder();
  const file = folder.write("why.yaml", WHY);
  const explain = async (...parameters: string[]) =>
    (await runCli(["explain", "--policy", file, ...parameters])).stdout;
  const url = "https://shop.example.com/checkout?n=7";
  /** The lines of one part, without its heading. */
  const part = (text: string, heading: string): string[] =>
    text
      .split("\n\n")
      .find((lines) => lines.startsWith(heading))
      ?.split("\n")
      .slice(1) ?? [];

  it("a rule's outcome and the values that it saw, apart from match", async () => {
    const lines = part(await explain("-H", "x-region: us", url), "rollout checkout -> stable");
    assert.deepEqual(lines.slice(0, 3), [
      "  match    entry 1 of 1: host shop.example.com, path under /checkout",
      '  when     true: {"!=":[{"var":"headers.x-region"},"eu"]}',
      '           headers.x-region = "us"',
    ]);
    const text = await explain(url);
    assert.doesNotMatch(text, /every request/);
    assert.deepEqual(part(text, "rollout listing").slice(0, 2), [
      "  match    no match in the policy: when alone decides",
      '  when     true: {"some":[[1,2,3,4,5,6,7,8,9,10,11,12],{"==":[{"var":""},12]}]}',
    ]);
    assert.match(text, /^ +and 2 more \(--json has all\)$/m);
  });

  it("a forced value that names no variant, or is not allowed, or is not looked at", async () => {
    const forced = async (...headers: string[]) =>
      part(await explain(...headers.flatMap((header) => ["-H", header]), url), "rollout checkout")
        .slice(3)
        .filter((line) => !/^ {2}(cluster|slots)/.test(line));
    const anonymous = "  why      the request is anonymous (no identity found) [DEFAULT]";
    assert.deepEqual(await forced("x-canary: Canary"), [
      '  force    header x-canary: "Canary" is not a variant, so it is ignored (variants: stable, canary)',
      anonymous,
    ]);
    assert.deepEqual(await forced("x-canary: canry", "cookie: canary=canary"), [
      '  force    header x-canary: "canry" is not a variant, so it is ignored (variants: stable, canary)',
      '           cookie canary: "canary" is not allowed: force.when does not hold',
      '           force.when is false: {"==":[{"var":"headers.x-staff"},"yes"]}',
      "           headers.x-staff = null",
      anonymous,
    ]);
    assert.deepEqual(await forced("x-canary: canary", "cookie: canary=stable", "x-staff: yes"), [
      '  force    cookie canary: "stable" is not looked at: the header counts first',
      '           force.when is true: {"==":[{"var":"headers.x-staff"},"yes"]}',
      '           headers.x-staff = "yes"',
      "  why      forced by header x-canary: canary [TARGETING_MATCH]",
    ]);
    assert.deepEqual(await forced(), [anonymous]);
  });

  it("what does not apply is one line with its reason; --all tells it in full", async () => {
    const text = await explain("-H", "x-region: eu", url);
    assert.deepEqual(
      text.split("\n").filter((line) => line.includes("does not apply")),
      [
        'rollout checkout does not apply: when is false (headers.x-region = "eu")',
        "rollout other does not apply: no match on hosts or path",
        "rollout failing does not apply: when failed while it ran",
        'shadow copy does not apply: when is false (query.n = "7")',
        "shadow posts does not apply: GET is not one of POST",
      ],
    );
    const full = await explain("--all", "-H", "x-region: eu", url);
    assert.match(full, /^ {2}entry 3 {2}no match on hosts: expected host third\.example\.com$/m);
    assert.match(
      full,
      /^ {2}when {5}failed while it ran, so it does not hold \(counted in serin\.error\): \{">"/m,
    );
  });

  it("beyond twenty, what does not apply is counted", async () => {
    const many = Array.from({ length: 25 }, (_, i) => [
      `r${i}`,
      { match: [{ hosts: ["a.example"] }], default: "s", variants: { s: {} } },
    ]);
    const policy = folder.write("many.json", JSON.stringify({ rollouts: Object.fromEntries(many) }));
    const { stdout } = await runCli(["explain", "--policy", policy, url]);
    assert.equal(stdout.match(/does not apply: no match on hosts$/gm)?.length, 20);
    assert.match(stdout, /^and 5 more that do not apply \(--all shows them\)$/m);
  });

  it("a path alone takes its host from the header, or has none", async () => {
    assert.match(await explain("-H", "host: shop.example.com", "/checkout"), /^rollout checkout -> /m);
    assert.match(await explain("/checkout"), /^rollout checkout does not apply: no match on hosts$/m);
    assert.match(await explain("/checkout"), /^GET \/checkout$/m);
  });
});

describe("explain: shadows", () => {
  const shadows = {
    chance: { match: [{ path: { value: "/a" } }], percent: 12.5, cluster: "v3" },
    certain: { percent: 100, cluster: "v3", dispatch: "mirror" },
    users: { percent: 20, sample: "identity", cluster: "v3" },
    own: { identity: [{ header: "x-a" }], percent: 50, sample: "identity", cluster: "v3" },
    large: { percent: 100, cluster: "v3", dispatch: "mirror" },
    small: { percent: 100, cluster: "v3" },
    posts: { methods: ["POST", "PUT"], percent: 1, cluster: "v3" },
    plain: {
      match: [{ path: { value: "/a" } }, { hosts: ["b"] }],
      when: { "!": [1] },
      percent: 1,
      cluster: "v3",
    },
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
      true,
    );
    return text.split("\n\n").filter((part) => part.startsWith("shadow "));
  }

  const copied = { applies: true, drawn: true, cluster: "v3" };

  it("sampled at random, or for certain", () => {
    assert.deepEqual(
      words({
        chance: { ...copied, entry: 0, sample: "request", dispatch: "call" },
        certain: { ...copied, sample: "request", dispatch: "mirror" },
      }),
      [
        `shadow chance -> copied
  match    entry 1 of 1: path under /a
  why      request sampled: 12.5% of requests at random; the next one like it may differ
  copy to  v3 (call: sent by the filter if the budget allows; answers are compared)`,
        `shadow certain -> copied
  match    every request with its methods (no match in the policy)
  why      request sampled: 100% of requests
  copy to  v3 (mirror: sent by Envoy if the route has a mirror policy)`,
      ],
    );
    assert.deepEqual(words({ chance: { applies: true, drawn: false, sample: "request" } }), [
      `shadow chance -> not copied
  match    every request with its methods (no match in the policy)
  why      request not sampled: 12.5% of requests at random; the next one like it may differ`,
    ]);
  });

  it("users by their bucket, or by none", () => {
    const drawn = { ...copied, sample: "identity", dispatch: "call", below: 858993459 };
    assert.deepEqual(
      words({
        users: { ...drawn, identity: { value: "50", source: "cookie", name: "uid" }, hash: 725634236 },
        own: {
          ...drawn,
          drawn: false,
          identity: { value: "7", source: "header", name: "x-a" },
          hash: 2813410465,
        },
      }),
      [
        `shadow users -> copied
  match    every request with its methods (no match in the policy)
  why      user sampled: bucket 16.895% is below 20%
           bucket = murmur3("shadow/users/<identity>")
  copy to  v3 (call: sent by the filter if the budget allows; answers are compared)`,
        `shadow own -> not copied
  match    every request with its methods (no match in the policy)
  identity 7 (header x-a)
  why      user not sampled: bucket 65.505% is not below 50%
           bucket = murmur3("shadow/own/<identity>")`,
      ],
    );
    assert.deepEqual(words({ users: { applies: true, drawn: false, sample: "identity", identity: null } }), [
      `shadow users -> not copied
  match    every request with its methods (no match in the policy)
  why      users are sampled, and the request is anonymous (no identity found)`,
    ]);
  });

  it("bodies that are too large", () => {
    const large = { ...copied, sample: "request", tooLarge: true };
    assert.deepEqual(
      words({
        large: { ...large, maxBodyBytes: 65536, dispatch: "mirror" },
        small: { ...large, maxBodyBytes: 8, dispatch: "call" },
      }).map((part) => part.split("\n").at(-1)),
      [
        "  body     larger than 65536 bytes or of unknown length: counted as too_large",
        "  body     larger than 8 bytes: counted as too_large",
      ],
    );
  });

  it("why a request is not copied; those that apply first", () => {
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
  entry 1  no match on path: expected path under /a
  entry 2  matches: host b
  when     false: {"!":[1]}`,
        `shadow posts does not apply
  method   CONNECT is not one of POST, PUT`,
        `shadow certain does not apply
  upgrade  upgrades and CONNECT are never copied
  method   CONNECT is not one of GET, HEAD, OPTIONS (the default)`,
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
