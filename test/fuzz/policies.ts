// Policies for fuzzing: sound ones, and texts that are nearly, or not at all, one.

import fc from "fast-check";

import type { Goal, MatchEntry, Policy, Rollout, Shadow, Source, Variant } from "../../build/types/policy.ts";

export const NAMES = ["uid", "x-user-id", "serin-id", "a", "b"];
export const HOSTS = ["shop.example.com", "a.example.com", "example.com", "[::1]"];
export const PATHS = ["/", "/checkout", "/checkout/cart", "/check", "/a/b/c/d"];
export const METHODS = ["GET", "POST", "CONNECT"];

const label = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("checkout", "search", "v1", "v2", "2", "10", "stable", "canary") },
  { weight: 1, arbitrary: fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/) },
);
const rolloutName = label.filter((name) => !/^(cluster|flags|shadow|shadow-.*)$/.test(name));
const name = fc.constantFrom(...NAMES);

const lasting: fc.Arbitrary<Source> = fc.oneof(
  fc.record({ cookie: name, decode: fc.boolean() }),
  fc.record({ jwt: fc.record({ claim: fc.constantFrom("sub", "a.b"), from: fc.record({ cookie: name }) }) }),
  fc.record({ cookie: name }),
  fc.record({ header: name }),
  fc.record({ query: name }),
  fc.record({ jwt: fc.constantFrom("sub", "a.b", "a.0", "a..b", ".") }),
  fc.constant({ sourceAddress: true as const }),
);
// All alike: the issued cookies of one name have one set of attributes.
const closing: fc.Arbitrary<Source> = fc.oneof(
  fc.constant({ issueCookie: { name: "serin-id", maxAge: "30d" } }),
  fc.constant({ random: true as const }),
);
const identity = fc
  .tuple(fc.array(lasting, { maxLength: 4 }), fc.option(closing, { nil: undefined }))
  .map(([sources, last]) => (last ? [...sources, last] : sources));

const value = fc.constantFrom("", "1", "b", "é", "a b");
const expression = fc.constantFrom("", ".*", "(a+)+$", "(?i)[k-s]{0,3}", "é|b*", "\\w\\b|^", "(a|aa){1,20}");
const condition = fc.oneof(
  fc.record({ name, value: expression, type: fc.constant("RegularExpression" as const) }),
  fc.record({ name, value, ignoreCase: fc.constant(true) }),
  fc.record({ name, value }),
  fc.record({ name, type: fc.constant("Present" as const) }),
);
const entry: fc.Arbitrary<MatchEntry> = fc.record(
  {
    hosts: fc.array(fc.constantFrom(...HOSTS, "*.example.com", "*.com", "SHOP.example.com"), {
      minLength: 1,
      maxLength: 3,
    }),
    path: fc.oneof(
      fc.record(
        {
          type: fc.constantFrom("Exact" as const, "PathPrefix" as const),
          value: fc.constantFrom(...PATHS, "/checkout/", "//"),
        },
        { requiredKeys: ["value"] },
      ),
      fc.record({ type: fc.constant("RegularExpression" as const), value: expression }),
    ),
    sourceAddress: fc.array(fc.constantFrom("10.0.0.0/8", "2001:db8::/32", "127.0.0.1"), { minLength: 1 }),
    method: fc.constantFrom(...METHODS),
    headers: fc.array(condition, { maxLength: 2 }),
    queryParams: fc.array(condition, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);

/** Thousandths of a percent as the number that stands in a policy. */
export function percent(thousandths: number): number {
  return thousandths / 1000;
}

/** Shares of `count` variants that fit together: with ceilings, or within what each may have without. */
function shares(count: number): fc.Arbitrary<Variant[]> {
  const draws = fc.array(fc.tuple(fc.nat(100_000), fc.nat(100_000)), { minLength: count, maxLength: count });
  return fc.tuple(fc.boolean(), draws).map(([ceilings, drawn]) => {
    let left = 100_000;
    return drawn.map(([first, second]) => {
      const most = ceilings || count === 2 ? left : count === 1 ? 100_000 : Math.floor(100_000 / count);
      const max = first % (most + 1);
      if (ceilings) {
        left -= max;
        return { percent: percent(second % (max + 1)), max: percent(max) };
      }
      left -= max;
      return { percent: percent(max) };
    });
  });
}

const variants = fc
  .uniqueArray(
    label.filter((one) => one !== "control"),
    { minLength: 1, maxLength: 6 },
  )
  .chain((names) =>
    fc.tuple(
      fc.constant(names),
      fc.nat(names.length - 1),
      shares(names.length - 1),
      fc.array(fc.boolean(), { minLength: names.length, maxLength: names.length }),
    ),
  );

const rollout: fc.Arbitrary<Rollout> = fc
  .tuple(
    variants,
    fc.record(
      {
        match: fc.array(entry, { minLength: 1, maxLength: 3 }),
        state: fc.constantFrom("ENABLED" as const, "DISABLED" as const),
        identity,
        salt: fc.constantFrom("s", "é", "x".repeat(100)),
        force: fc.constantFrom({ header: "a" }, { cookie: "b" }, { header: "x-user-id", cookie: "uid" }),
        announce: fc.constant("all" as const),
        headerSecret: fc.constantFrom("s", "~".repeat(128)),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([[names, fallback, widths, clusters], rest]) => {
    const others = names.filter((_, index) => index !== fallback);
    const entries = names.map((one, index): [string, Variant] => {
      const width = index === fallback ? {} : (widths[others.indexOf(one)] as Variant);
      return [one, clusters[index] ? { ...width, cluster: `${one}-cluster` } : width];
    });
    return { ...rest, default: names[fallback] as string, variants: Object.fromEntries(entries) };
  });

const pointer = fc.constantFrom("/t", "/items/*/id", "", "/a~1b/~0", "/0");
const compare = fc.record(
  {
    status: fc.boolean(),
    headers: fc.array(fc.constantFrom("location", "Content-Type", "grpc-status"), { maxLength: 3 }),
    body: fc.oneof(
      fc.boolean(),
      fc.record(
        {
          json: fc.constant(true),
          ignore: fc.array(pointer, { maxLength: 3 }),
          tolerance: fc.constantFrom(0, 0.001, 0.5),
          unordered: fc.array(pointer, { maxLength: 3 }),
        },
        { requiredKeys: [] },
      ),
    ),
    sample: fc.constantFrom("0/s", "1/s", "1000/s"),
  },
  { requiredKeys: [] },
);
const shadow: fc.Arbitrary<Shadow> = fc
  .record(
    {
      cluster: fc.constantFrom("up", "gone", "empty"),
      percent: fc.constantFrom(0, 0.001, 50, 100, 100),
      sample: fc.constantFrom("request" as const, "identity" as const),
      dispatch: fc.constantFrom("call" as const, "mirror" as const),
      match: fc.array(entry, { minLength: 1, maxLength: 3 }),
      methods: fc.constantFrom<string[]>(["GET"], ["POST", "GET"]),
      identity,
      compare,
      timeout: fc.constantFrom("50ms", "1s", "60s"),
      noise: fc.constantFrom({ cluster: "up" }, { cluster: "gone" }),
      headers: fc.record({
        set: fc.constantFrom<Record<string, string>>({}, { host: "b", "x-large": "1" }),
        remove: fc.constantFrom<string[]>([], ["Cookie", "a"]),
      }),
      budget: fc.record(
        {
          perSecond: fc.constantFrom(0, 1, 100_000),
          inFlight: fc.constantFrom(0, 1, 1000),
          maxBodyBytes: fc.constantFrom(0, 1, 4096, 1_048_576),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ["cluster"] },
  )
  .map(({ noise, ...one }) => (noise === undefined || one.dispatch === "mirror" ? one : { ...one, noise }));

/** A goal; of its rollouts it has numbers, before there are names. */
const goal = fc.tuple(
  fc.record(
    {
      match: fc.array(entry, { minLength: 1, maxLength: 3 }),
      status: fc.constantFrom<(string | number)[]>(["2xx"], ["2xx", 303], ["1xx", "5xx", 404], [599]),
      value: fc.record({
        header: fc.constantFrom("content-length", "X-Total"),
        max: fc.constantFrom(1, 100_000_000),
      }),
    },
    { requiredKeys: ["match"] },
  ),
  fc.option(fc.array(fc.nat(4), { minLength: 1, maxLength: 3 }), { nil: undefined }),
);

/** Policies that the filter takes. */
export const soundPolicy: fc.Arbitrary<Policy> = fc
  .tuple(
    fc.record(
      {
        identity,
        steer: fc.constantFrom("header" as const, "filterState" as const),
        rollouts: fc.dictionary(rolloutName, rollout, { maxKeys: 5 }),
        shadows: fc.dictionary(label, shadow, { maxKeys: 3 }),
      },
      { requiredKeys: [] },
    ),
    fc.option(fc.dictionary(label, goal, { maxKeys: 3 }), { nil: undefined }),
  )
  .map(([policy, goals]) => {
    if (goals === undefined) return policy;
    const countable = Object.entries(policy.rollouts ?? {})
      .filter(([, one]) => hasUsers(one.identity ?? policy.identity))
      .map(([name]) => name);
    const named = Object.entries(goals).map(([name, [own, numbers]]): [string, Goal] => {
      const rollouts = [...new Set(numbers?.map((number) => countable[number % countable.length]))];
      return [
        name,
        countable.length === 0 || rollouts.length === 0 ? own : { ...own, rollouts: rollouts as string[] },
      ];
    });
    return { ...policy, goals: Object.fromEntries(named) };
  });

/** Whether a rollout with this identity has users that come back. */
function hasUsers(sources: Source[] | undefined): boolean {
  return sources !== undefined && !(sources.length === 1 && "random" in (sources[0] as Source));
}

const WORDS =
  `identity steer rollouts goals orders value 2xx shadows flagd flags $evaluators metadata $schema cookie header query jwt sourceAddress issueCookie
  random name maxAge path domain secure sameSite match when state default variants force salt announce headerSecret percent max cluster
  hosts type value method headers RegularExpression ignoreCase claim from decode keep httpOnly partitioned always retries (a*)* [a queryParams flag ENABLED DISABLED Exact PathPrefix Present all None Lax 30d filterState
  percent sample cluster dispatch call mirror methods compare noise budget timeout perSecond inFlight maxBodyBytes set remove
  status body json ignore unlimited identity request 1s 1/s /t stable canary checkout /checkout *.example.com __proto__`.split(
    /\s+/,
  );

const scalar = fc.oneof(
  fc.constantFrom<unknown>(...WORDS, true, false, null, "", 0, -0, 5, 100, 1e300, 0.001, -1, 1e-7),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: "binary", maxLength: 20 }),
);

/** Any JSON whose keys are the format's own words: it gets far into the reader. */
const likePolicy = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 7, depthSize: "medium", withCrossShrink: true },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...WORDS), tie("value"), { maxKeys: 5 }),
  ),
})).value;

const fragments = fc.constantFrom(
  ...'{ } [ ] , : " \\ \\u \\u0000 \\ud83d \\udc00 true null 1e999 -0 -1 0.0005 1e-400 00 \u00ff \u00c0\u0080 \u00ed\u00a0\u0080 \u00ef\u00bb\u00bf \u0000 // \t'.split(
    " ",
  ),
  " ",
  "[".repeat(70),
  '{"a":'.repeat(70),
  '"rollouts":',
  '"percent":',
  "9".repeat(400),
);

/** Places, cuts and pieces to spoil a text with. */
const spoiling = fc.array(fc.tuple(fc.nat(100_000), fc.nat(12), fragments), { minLength: 1, maxLength: 6 });

/** A sound policy with a few of its values replaced by other values of its kind of language, or by nothing. */
const changedPolicy = fc
  .tuple(
    soundPolicy,
    fc.array(fc.tuple(fc.nat(10_000), fc.oneof(scalar, likePolicy)), { minLength: 1, maxLength: 3 }),
  )
  .map(([policy, changes]) => {
    const document: unknown = structuredClone(policy);
    for (const [index, replacement] of changes) {
      const places = placesIn(document);
      const place = places[index % (places.length || 1)];
      if (place) place.holder[place.key] = replacement;
    }
    return document;
  });

function placesIn(value: unknown): { holder: Record<string, unknown>; key: string }[] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesIn(holder[key])]);
}

/** Texts as bytes, a character each: arbitrary, nearly JSON, JSON, nearly a policy, a policy. */
export const policyText: fc.Arbitrary<string> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  fc.array(fragments, { maxLength: 20 }).map((parts) => parts.join("")),
  fc.json({ maxDepth: 6 }).map(toLatin1),
  likePolicy.map((document) => toLatin1(JSON.stringify(document))),
  soundPolicy.map((policy) => toLatin1(JSON.stringify(policy, null, 1))),
  changedPolicy.map((document) => toLatin1(JSON.stringify(document))),
  changedPolicy.map((document) => toLatin1(JSON.stringify(document, null, 1))),
  fc.tuple(fc.oneof(soundPolicy, likePolicy), spoiling).map(([document, cuts]) => {
    let text = toLatin1(JSON.stringify(document));
    for (const [at, length, piece] of cuts) {
      const from = at % (text.length + 1);
      text = text.slice(0, from) + piece + text.slice(from + length);
    }
    return text;
  }),
);

/** UTF-8 bytes, a character each. */
export function toLatin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
