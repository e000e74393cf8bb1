// The index over hosts and paths finds the rollouts that a matcher without any finds: policy.md's section Matching, read
// once more, entry by entry.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import fc from "fast-check";

import { RecordingHost } from "./recording-host.ts";

interface Condition {
  name: string;
  value?: string;
  type?: "Exact" | "Present";
  ignoreCase?: boolean;
}

interface Entry {
  hosts?: string[];
  path?: { type?: "Exact" | "PathPrefix"; value: string; ignoreCase?: boolean };
  method?: string;
  headers?: Condition[];
  queryParams?: Condition[];
}

interface Request {
  host: string;
  path: string;
  query: [name: string, value: string][];
  method: string;
  headers: [name: string, value: string][];
}

/** The first occurrence that is not empty; empty when all are; undefined without any. */
function first(pairs: [string, string][], name: string): string | undefined {
  const values = pairs.filter(([other]) => other === name).map(([, value]) => value);
  return values.find((value) => value !== "") ?? values[0];
}

function holds(entry: Entry, request: Request): boolean {
  const host = request.host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
  const path = entry.path;
  const conditions = [
    ...(entry.headers ?? []).map((one) => [one, request.headers] as const),
    ...(entry.queryParams ?? []).map((one) => [one, request.query] as const),
  ];
  return (
    (entry.hosts === undefined ||
      entry.hosts.some((pattern) => hostHolds(pattern.toLowerCase().replace(/\.$/, ""), host))) &&
    (path === undefined || pathHolds(path, request.path)) &&
    (entry.method === undefined || entry.method === request.method) &&
    conditions.every(([{ name, value, ignoreCase = false }, pairs]) => {
      const found = first(pairs, name);
      return found !== undefined && (value === undefined || isSame(found, value, ignoreCase));
    })
  );
}

function isSame(text: string, other: string, ignoreCase: boolean): boolean {
  return ignoreCase ? text.toLowerCase() === other.toLowerCase() : text === other;
}

function hostHolds(pattern: string, host: string): boolean {
  if (!pattern.startsWith("*")) return pattern === host;
  return host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1;
}

function pathHolds({ type, value, ignoreCase = false }: NonNullable<Entry["path"]>, path: string): boolean {
  if (type === "Exact") return isSame(path, value, ignoreCase);
  const elements = (text: string): string[] => text.split("/").slice(1);
  let wanted = elements(value);
  while (wanted.at(-1) === "") wanted = wanted.slice(0, -1);
  const there = elements(path);
  return wanted.every((element, index) => there[index] === element);
}

// Few words, so that they meet often.
const label = fc.constantFrom("a", "b", "aa", "x-1");
const hostName = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const mixedCase = hostName.map((name) => name.replace("a", "A"));
const pattern = fc.oneof(
  hostName,
  mixedCase,
  hostName.map((name) => `*.${name}`),
  hostName.map((name) => `${name}.`),
  fc.constantFrom("[2001:db8::1]", "203.0.113.7"),
);
const element = fc.constantFrom("a", "b", "A", "ab", "aB", "", "a%2Fb");
const path = fc.array(element, { minLength: 1, maxLength: 5 }).map((elements) => `/${elements.join("/")}`);
const method = fc.constantFrom("GET", "POST");
const name = fc.constantFrom("x-a", "x-b");
const value = fc.constantFrom("", "1", "2", "a", "A");
const condition = fc.oneof(
  fc.record({ name, value }),
  fc.record({ name, value, ignoreCase: fc.constant(true) }),
  fc.record({ name, type: fc.constant("Present" as const) }),
);
const entry: fc.Arbitrary<Entry> = fc.record(
  {
    hosts: fc.array(pattern, { minLength: 1, maxLength: 3 }),
    path: fc.oneof(
      fc.record({ type: fc.constantFrom("Exact", "PathPrefix"), value: path }, { requiredKeys: ["value"] }),
      fc.record({ type: fc.constant("Exact" as const), value: path, ignoreCase: fc.boolean() }),
    ),
    method,
    headers: fc.array(condition, { maxLength: 2 }),
    queryParams: fc.array(condition, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const match = fc.option(fc.array(entry, { minLength: 1, maxLength: 4 }), { nil: undefined, freq: 20 });
const request: fc.Arbitrary<Request> = fc.record({
  host: fc
    .tuple(
      fc.oneof(hostName, mixedCase, fc.constantFrom("[2001:DB8::1]", "203.0.113.7")),
      fc.constantFrom("", ":80", ":", ".", ".:80"),
    )
    .map((parts) => parts.join("")),
  path,
  query: fc.array(fc.tuple(name, value), { maxLength: 3 }),
  method,
  headers: fc.array(fc.tuple(name, value), { maxLength: 3 }),
});

/** Names of the rollouts that apply, by the headers that they announce; the request is then over. */
function found(host: RecordingHost, root: number, id: number, made: Request): string[] {
  const query = made.query.map(([key, text]) => `${key}=${text}`).join("&");
  host.begin(id, root, [
    [":authority", made.host],
    [":path", query === "" ? made.path : `${made.path}?${query}`],
    [":method", made.method],
    [":scheme", "http"],
    ...made.headers,
  ]);
  const names = (host.context(id).request?.toPairs() ?? [])
    .filter(([header]) => header.startsWith("x-serin-"))
    .map(([header]) => header.slice("x-serin-".length));
  host.done(id);
  return names;
}

function policyOf(matches: (Entry[] | undefined)[]): object {
  return {
    identity: [],
    rollouts: Object.fromEntries(
      matches.map((entries, index) => [
        `r${index}`,
        {
          ...(entries === undefined ? {} : { match: entries }),
          announce: "all",
          default: "stable",
          variants: { stable: {} },
        },
      ]),
    ),
  };
}

function naive(matches: (Entry[] | undefined)[], made: Request): string[] {
  return matches.flatMap((entries, index) =>
    entries === undefined || entries.some((one) => holds(one, made)) ? [`r${index}`] : [],
  );
}

describe("the rollouts that apply are those that a naive matcher finds", () => {
  test("in any small policy", () => {
    const host = new RecordingHost();
    host.isRecording = false;
    let root = 1;
    let applied = 0;
    const policies = fc.array(match, { minLength: 1, maxLength: 30 });
    const requests = fc.array(request, { minLength: 10, maxLength: 30 });
    fc.assert(
      fc.property(policies, requests, (matches, made) => {
        root += 1;
        assert.ok(host.configure(root, policyOf(matches)), host.lines.at(-1)?.text);
        for (const [index, one] of made.entries()) {
          const wanted = naive(matches, one);
          applied += wanted.length;
          assert.deepEqual(found(host, root, 1_000_000 + index, one), wanted);
        }
        host.done(root);
      }),
      { seed: 20261123, numRuns: 400 },
    );
    assert.ok(applied > 1_000, `${applied} rollouts applied`);
    assert.equal(host.stat("serin.error"), 0);
  });

  test("in policies of a thousand rollouts", () => {
    const host = new RecordingHost();
    host.isRecording = false;
    const seeds = [1, 2, 3];
    for (const seed of seeds) {
      const matches = fc.sample(match, { seed, numRuns: 1000 });
      assert.ok(host.configure(seed, policyOf(matches)), host.lines.at(-1)?.text);
      for (const [index, one] of fc.sample(request, { seed: seed + 100, numRuns: 200 }).entries()) {
        assert.deepEqual(found(host, seed, 1_000_000 + index, one), naive(matches, one), JSON.stringify(one));
      }
      host.done(seed);
    }
  });
});
