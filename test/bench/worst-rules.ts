// The rules that cost the most for what they are charged, and how one is run again and again until the work of a request
// is spent.

import { Vm } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

/** A rule as the policy has it. */
export type Rule = unknown;

/** A kind of work: what is repeated, and what the request brings for it. */
export interface WorstRule {
  readonly what: string;
  /** Has to be falsy: the repetitions are joined by `or`. */
  readonly unit: Rule;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly flagd?: object;
  readonly identity?: unknown;
}

const variable = (path: string): Rule => ({ var: path });
const h = variable("headers.h");
const LONG = 60_000;
/** Envoy takes 60 KiB of headers unless it is told to take more. */
export const long = (text: string, bytes = LONG): string =>
  text.repeat(Math.ceil(bytes / text.length)).slice(0, bytes);
const falsy = (rule: Rule): Rule => ({ and: [rule, false] });

const bearer = (payload: string): string => `Bearer e30.${Buffer.from(payload).toString("base64url")}.e30`;
const token = (bytes: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: bytes / 12 }, (_, i) => [`k${i}`, i])));

export const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

export const worstRules: readonly WorstRule[] = [
  { what: "constants and jumps", unit: { and: [1, 0] } },
  { what: "a header", unit: variable("headers.gone") },
  { what: "a path made by the rule", unit: { var: { cat: ["headers.", "gone"] } } },
  { what: "a path in a header of 60 KB", unit: { var: h }, headers: { h: long("a.") } },
  {
    what: "a number from a header of 60 KB",
    unit: falsy(variable("headers.n")),
    headers: { n: long("1") },
    flagd: { types: { "headers.n": "number" } },
  },
  {
    what: "a number from a header of 800 digits",
    unit: falsy(variable("headers.n")),
    headers: { n: "7".repeat(790) + "e-700" },
    flagd: { types: { "headers.n": "number" } },
  },
  {
    what: "a short number with an exponent, by type",
    unit: falsy(variable("headers.n")),
    headers: { n: "9e-300" },
    flagd: { types: { "headers.n": "number" } },
  },
  { what: "== of a short number with an exponent", unit: { "==": [h, 5] }, headers: { h: "9e-300" } },
  { what: "== of 15 characters with an exponent", unit: { "==": [h, 5] }, headers: { h: "123456789e-306" } },
  { what: "== of 17 digits", unit: { "==": [h, 5] }, headers: { h: "1234567890123456e-300" } },
  { what: "== of 768 digits", unit: { "==": [h, 5] }, headers: { h: "7".repeat(768) + "e-1000" } },
  { what: "== of 60 KB of digits", unit: { "==": [h, 5] }, headers: { h: long("7") } },
  { what: "in, a short needle, of 60 KB", unit: { in: ["zz", h] }, headers: { h: long("a") } },
  {
    what: "in, a short needle that nearly fits",
    unit: { in: ["aaaaaaaaaaaaaaab", h] },
    headers: { h: long("a") },
  },
  {
    what: "in, a short needle that nearly fits, of 100 bytes",
    unit: { in: ["aaaaaaaaaaaaaaab", h] },
    headers: { h: "a".repeat(100) },
  },
  {
    what: "in, a needle of 2 bytes that nearly fits, of 63",
    unit: { in: ["ab", h] },
    headers: { h: "a".repeat(63) },
  },
  { what: "in, a long needle", unit: { in: ["aaaaaaaaaaaaaaaaaaaaaaab", h] }, headers: { h: long("a") } },
  {
    what: "in, a long needle in a short text",
    unit: { in: [`${"a".repeat(60)}b`, h] },
    headers: { h: "a".repeat(63) },
  },
  {
    what: "in, a needle of 30 KB",
    unit: { in: [variable("headers.m"), h] },
    headers: { h: long("ab", 30_000), m: long("ab", 29_000) + "b" },
  },
  { what: "in, a list of numbers", unit: { in: [variable("headers.gone"), many(15, (i) => i)] } },
  {
    what: "in, a list of 15 texts",
    unit: { in: [h, [...many(15, (i) => "abcdefgh".repeat(7) + String(i).padStart(4)), 1]] },
    headers: { h: "abcdefgh".repeat(7) + "zzzz" },
  },
  {
    what: "in, a list of 10,000 texts and numbers",
    unit: { in: [h, [...many(10_000, (i) => String(i).padStart(12)), 1]] },
    headers: { h: "zzzzzzzzzzzz" },
  },
  {
    what: "in, a set of long texts",
    unit: { in: [h, many(20, (i) => "a".repeat(59_990 + i))] },
    headers: { h: "b".repeat(59_995) },
  },
  {
    what: "in, a set of texts of 62 bytes",
    unit: { in: [h, many(20, (i) => "a".repeat(60) + String(10 + i))] },
    headers: { h: "b".repeat(62) },
  },
  {
    what: "=== of 60 KB",
    unit: falsy({ "===": [h, variable("headers.g")] }),
    headers: { h: long("ab", 30_000), g: long("ab", 29_999) + "z" },
  },
  {
    what: "< of 30 KB",
    unit: falsy({ "<": [h, variable("headers.g")] }),
    headers: { h: long("ab", 30_000), g: long("ab", 29_999) + "z" },
  },
  {
    what: "< of 60 bytes",
    unit: falsy({ "<": [h, variable("headers.g")] }),
    headers: { h: "a".repeat(60), g: "a".repeat(59) + "z" },
  },
  {
    what: "starts_with of 30 KB",
    unit: falsy({ starts_with: [h, variable("headers.g")] }),
    headers: { h: long("ab", 30_000), g: long("ab", 29_999) + "z" },
  },
  { what: "substr of 60 KB", unit: falsy({ substr: [h, -1] }), headers: { h: long("a") } },
  { what: "substr of 63 bytes", unit: falsy({ substr: [h, 60, 2] }), headers: { h: "a".repeat(63) } },
  { what: "cat of 60 KB", unit: falsy({ cat: [h, "x"] }), headers: { h: long("a") } },
  { what: "cat of 30 bytes", unit: falsy({ cat: [h, "x", h, "y"] }), headers: { h: "a".repeat(14) } },
  { what: "cat of a number of 17 digits", unit: falsy({ cat: [{ "+": [h, 0] }] }), headers: { h: "5e-324" } },
  {
    what: "cat of a large number",
    unit: falsy({ cat: [{ "+": [h, 0] }] }),
    headers: { h: "1.7976931348623157e308" },
  },
  {
    what: "cat of a small number",
    unit: falsy({ cat: [{ "*": [variable("headers.n"), 1] }] }),
    headers: { n: "2.2250738585072014e-308" },
  },
  { what: "cat of 0.1", unit: falsy({ cat: [{ "+": [h, 0] }] }), headers: { h: "0.1" } },
  {
    what: "%, far apart",
    unit: falsy({ "%": [h, variable("headers.g")] }),
    headers: { h: "1e300", g: "3e-300" },
  },
  {
    what: "%, far apart, of numbers",
    unit: falsy({ "%": [variable("headers.n"), variable("headers.m")] }),
    headers: { n: "1e300", m: "3e-300" },
    flagd: { types: { "headers.n": "number", "headers.m": "number" } },
  },
  {
    what: "%, far apart, in a list",
    unit: falsy({ map: [variable("o"), { "%": [variable(""), 3e-308] }] }),
    flagd: { context: { o: many(100, () => 1e308) } },
  },
  {
    what: "sem_ver, long",
    unit: falsy({ sem_ver: [h, "<", "2.0.0-a"] }),
    headers: { h: `2.0.0-${long("a.", 59_000)}a` },
  },
  {
    what: "sem_ver, long, both",
    unit: falsy({ sem_ver: [h, "<", variable("headers.g")] }),
    headers: { h: `2.0.0-${long("a.", 29_000)}a`, g: `2.0.0-${long("a.", 29_000)}b` },
  },
  { what: "sem_ver, short", unit: falsy({ sem_ver: [h, "<", "2.0.0"] }), headers: { h: "2.0.1-a.b" } },
  {
    what: "sem_ver of a number",
    unit: falsy({ sem_ver: [{ "+": [h, 0] }, "<", "2.0.0"] }),
    headers: { h: "5e-324" },
  },
  {
    what: "fractional, text of 60 KB",
    unit: falsy({ fractional: [h, ["a", 1]] }),
    headers: { h: long("a") },
  },
  {
    what: "fractional, short text",
    unit: falsy({ fractional: [h, ["a", 1], ["b", 1]] }),
    headers: { h: "user-4711" },
  },
  {
    what: "fractional, targeting key of 60 KB",
    unit: falsy({ fractional: [["a", 1]] }),
    headers: { u: long("a") },
    identity: [{ header: "u" }],
  },
  {
    what: "fractional, 1,000 buckets",
    unit: falsy({ fractional: [h, ...many(1000, (i) => [`v${i}`, i + 1])] }),
    headers: { h: "user-4711" },
  },
  {
    what: "fractional v1, 1,000 buckets",
    unit: falsy({ fractional: [h, ...many(1000, (i) => [`v${i}`, i + 1])] }),
    headers: { h: "user-4711" },
    flagd: { fractional: "v1" },
  },
  {
    what: "fractional v3, text of 60 KB",
    unit: falsy({ fractional: [h, ["a", 1]] }),
    headers: { h: long("a") },
    flagd: { fractional: "v3" },
  },
  {
    what: "fractional v3, an object of 1,000 members",
    unit: falsy({ fractional: [variable("o"), ["a", 1]] }),
    flagd: {
      fractional: "v3",
      context: { o: Object.fromEntries(many(1000, (i) => [`k${(i * 7919) % 1000}`, i])) },
    },
  },
  {
    what: "fractional v3, an object of 16 members",
    unit: falsy({ fractional: [variable("o"), ["a", 1]] }),
    flagd: {
      fractional: "v3",
      context: { o: Object.fromEntries(many(16, (i) => [`${"k".repeat(50)}${((i * 7) % 16) + 10}`, i])) },
    },
  },
  {
    what: "fractional v3, a list of 15",
    unit: falsy({ fractional: [variable("o"), ["a", 1]] }),
    flagd: { fractional: "v3", context: { o: [many(15, (i) => i)] } },
  },
  {
    what: "merge of two lists of 1,000",
    unit: falsy({ merge: [variable("o"), variable("o")] }),
    flagd: { context: { o: many(1000, (i) => i) } },
  },
  {
    what: "merge of lists of 7",
    unit: falsy({ merge: [variable("o"), variable("o")] }),
    flagd: { context: { o: many(7, (i) => i) } },
  },
  { what: "missing of 3", unit: falsy({ missing: ["headers.a", "headers.b", "headers.c"] }) },
  { what: "missing of 100", unit: falsy({ missing: many(100, (i) => `headers.a${i}`) }) },
  {
    what: "missing_some of 100",
    unit: falsy({ missing_some: [1, many(100, (i) => `headers.${"a".repeat(50)}${i}`)] }),
  },
  {
    what: "missing of long paths",
    unit: falsy({ missing: many(20, (i) => `headers.${"a".repeat(2000)}${i}`) }),
  },
  { what: "max of 15", unit: falsy({ max: many(15, () => ({ "+": [variable("headers.gone"), 1] })) }) },
  {
    what: "max of a list of 1,000",
    unit: falsy({ max: variable("o") }),
    flagd: { context: { o: many(1000, (i) => i) } },
  },
  {
    what: "max of a list of 15",
    unit: falsy({ max: variable("o") }),
    flagd: { context: { o: many(15, (i) => i) } },
  },
  {
    what: "+ of a list of 1,000",
    unit: falsy({ "+": variable("o") }),
    flagd: { context: { o: many(1000, (i) => i) } },
  },
  {
    what: "+ of a list of 15 short texts",
    unit: falsy({ "+": variable("o") }),
    flagd: { context: { o: many(15, () => "123456789012.34") } },
  },
  {
    what: "map over 1,000",
    unit: falsy({ map: [variable("o"), 1] }),
    flagd: { context: { o: many(1000, (i) => i) } },
  },
  {
    what: "filter over 1,000 items",
    unit: falsy({ filter: [variable("o"), variable("")] }),
    flagd: { context: { o: many(1000, (i) => i) } },
  },
  { what: "map over one item", unit: falsy({ map: [variable("o"), 1] }), flagd: { context: { o: [1] } } },
  {
    what: "a member among 1,000",
    unit: falsy({ some: [variable("o"), variable("gone")] }),
    flagd: { context: { o: many(3, () => Object.fromEntries(many(1000, (i) => [`k${i}`.padStart(4), i]))) } },
  },
  {
    what: "a member among 15",
    unit: falsy({ some: [variable("o"), variable("gone")] }),
    flagd: { context: { o: many(30, () => Object.fromEntries(many(15, (i) => [`k${i}`.padEnd(4), i]))) } },
  },
  {
    what: "a member of a long name",
    unit: falsy({ some: [variable("o"), variable("x".repeat(3000))] }),
    flagd: { context: { o: many(30, () => ({ a: 1 })) } },
  },
  {
    what: "a path of 60 levels",
    unit: falsy({ some: [variable("o"), variable("a.".repeat(40) + "a")] }),
    flagd: {
      context: { o: many(30, () => many(41, () => 0).reduce<object>((inner) => ({ a: inner }), {})) },
    },
  },
  {
    what: "reduce with a long path",
    unit: falsy({ reduce: [variable("o"), variable("accumulator.x"), 1] }),
    flagd: { context: { o: many(100, () => 1) } },
  },
  {
    what: "claims of a token of 40 KB",
    unit: { or: many(1500, (i) => variable(`jwt.x${i}`)) },
    headers: { authorization: bearer(token(30_000)) },
  },
  {
    what: "claims of a token of 60 KB of the smallest members",
    unit: { or: many(1500, (i) => variable(`jwt.x${i}`)) },
    headers: { authorization: bearer(`{${many(8_990, () => '"":0').join(",")}}`) },
  },
  {
    what: "claims of a token of 60 KB whose names have escapes",
    unit: { or: many(1500, (i) => variable(`jwt.x${i}`)) },
    headers: { authorization: bearer(`{${many(3_700, () => '"\\u0061":0').join(",")}}`) },
  },
  {
    what: "claims that are in one of a token of 60 KB",
    unit: { or: many(1500, (i) => variable(`jwt.x.x${i}`)) },
    headers: { authorization: bearer(`{"x":${token(40_000)}}`) },
  },
  {
    what: "the first claim of a token of 60 KB",
    unit: variable("jwt.x"),
    headers: { authorization: bearer(`{${many(8_990, () => '"":0').join(",")}}`) },
  },
  { what: "a cookie of 60 KB", unit: variable("cookies.gone"), headers: { cookie: long("a=b; ") } },
  { what: "a query of 60 KB", unit: variable("query.gone"), path: `/?${long("a=%41&")}` },
];

/** A policy that runs the rule until the work is spent, and the request that goes with it. */
function worstCase(rule: WorstRule, work: number): { policy: object; headers: [string, string][] } {
  const size = JSON.stringify(rule.unit).length;
  const operators = JSON.stringify(rule.unit).match(/"[^"]*":/g)?.length ?? 1;
  const repeats = Math.max(1, Math.min(Math.floor(3500 / operators), Math.floor(100_000 / size)));
  const shared = { or: many(repeats, () => rule.unit) };
  const calls = many(1000, () => ({ $ref: "shared" }));
  const flags = Object.fromEntries(
    many(8, (i) => [
      `f${i}`,
      {
        state: "ENABLED",
        variants: { on: 1, off: 2 },
        defaultVariant: "off",
        targeting: { if: [{ or: calls }, "on", "off"] },
        metadata: { "serin.expose": true },
      },
    ]),
  );
  const policy = {
    limits: { work },
    identity: rule.identity ?? [{ header: "x-user" }],
    ...(rule.flagd === undefined ? {} : { flagd: rule.flagd }),
    $evaluators: { shared },
    flags,
  };
  const headers: [string, string][] = [
    [":method", "GET"],
    [":authority", "shop.example"],
    [":path", rule.path ?? "/"],
    ["x-user", "user-4711"],
    ...Object.entries(rule.headers ?? {}),
  ];
  return { policy, headers };
}

/** Milliseconds of a worker that one request takes whose rules spend all of its work; the best of so many rounds. */
export function stepTime(rule: WorstRule, work: number, rounds: number): { ms: number; isSpent: boolean } {
  const { policy, headers } = worstCase(rule, work);
  const vm = Vm.load(filterModule());
  const { root, accepted, problems } = vm.configure(JSON.stringify(policy));
  if (!accepted) throw new Error(`${rule.what}: ${JSON.stringify(problems).slice(0, 500)}`);
  let ms = Infinity;
  for (let round = 0; round < rounds; round++) {
    const stream = vm.open(root, { headers });
    const used = process.cpuUsage();
    const begin = process.hrtime.bigint();
    stream.onRequestHeaders();
    const wall = Number(process.hrtime.bigint() - begin) / 1e6;
    const { user, system } = process.cpuUsage(used);
    // Whichever the machine's other work has moved less.
    ms = Math.min(ms, wall, (user + system) / 1000);
    stream.respond(200);
  }
  return { ms, isSpent: vm.metrics.read("serin.error") === BigInt(rounds) };
}
