// A case as it stands in test/cases/<area>/<name>/: policy.json, byte for byte what the filter is given, and case.yaml.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { parse } from "yaml";

/** A header's value: text, bytes that YAML cannot say, or `Bearer`, or another text, with a token of this payload. */
export type HeaderValue =
  | string
  | { hex: string }
  | { repeat: string; times: number }
  | { bearer: string }
  | { before: string; token: string };

/** How the exchange goes on after the request's headers; `whole` unless said. */
export const ENDINGS = [
  /** Headers, a body, its end. */
  "whole",
  /** Headers that end the response. */
  "empty",
  /** Headers, a body, trailers. */
  "trailers",
  /** The upstream closes before it answers: Envoy answers 503. */
  "no-answer",
  /** The response stops half-way. */
  "cut",
  /** The client leaves before any answer. */
  "client-leaves",
  /** The client leaves half-way through the response. */
  "client-leaves-midway",
  /** An answer to an upload that has not ended, and never does. */
  "early",
  /** The protocol is switched (101), and the connection closed later. */
  "upgrade",
  /** A tunnel is opened (2xx to a CONNECT), and closed later. */
  "tunnel",
] as const;
export type Ending = (typeof ENDINGS)[number];

/** What the upstream does with one request. */
export interface Upstream {
  readonly status: number;
  readonly headers: [name: string, value: string][];
  readonly ending: Ending;
  /** Milliseconds from the request's headers to the end. */
  readonly takes: number;
  /** Of an answer that has one. */
  readonly body: string;
}

/** What a shadow's cluster got. */
export interface ExpectedCopy {
  /** With the pseudo headers. */
  readonly gets?: ExpectedHeaders;
  readonly body?: string;
}

/** What a map of headers must hold: one value, all values in order, or none of that name. */
export type ExpectedHeaders = Record<string, string | string[] | null>;

/** One request of a case, and what must come of it. `{issued}` in an expectation is the id that was drawn. */
export interface CaseRequest {
  readonly title: string;
  readonly method: string;
  readonly url: string;
  readonly headers: [name: string, value: HeaderValue][];
  /** Null: Envoy does not know it. */
  readonly sourceAddress: string | null;
  /** The request's body. Its `content-length` is added, unless the headers say `transfer-encoding: chunked`. */
  readonly body?: HeaderValue;
  readonly upstream: Upstream;
  /** What the clusters of shadows do with the copies that the filter sends. */
  readonly shadowUpstream: Upstream;
  /** The decision line: members not named here do not matter; lists are whole. */
  readonly decision?: unknown;
  /** The decision line, letter by letter. */
  readonly line?: string;
  /** The decision line's `identity`. */
  readonly identity?: string | null;
  /** The rollouts that apply, all of them, in order. */
  readonly applies?: string[];
  /** The variant of each rollout that applies, all of them. */
  readonly gives?: Record<string, string>;
  /** The shadows that are drawn, all of them, in order. */
  readonly draws?: string[];
  /** By shadow, the copies that the filter sends itself (`dispatch: call`); null for none. */
  readonly copies?: Record<string, ExpectedCopy | null>;
  /** Parts of the explanation line. */
  readonly explains?: unknown;
  /** Request headers as the upstream gets them. */
  readonly gets?: ExpectedHeaders;
  /** All filter state, whole. */
  readonly filterState?: Record<string, string>;
  /** Response headers as the client gets them. */
  readonly response?: ExpectedHeaders;
}

/** A problem or a warning, whole. */
export interface ExpectedProblem {
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly pointer: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface Case {
  /** `area/name` */
  readonly name: string;
  readonly title: string;
  /** Of a case in test/field/: the public report that it is one of a kind with, `owner/repo#number`. */
  readonly source?: string;
  /** The one host that can express it, and why. */
  readonly only?: "emulator" | "envoy";
  readonly why?: string;
  readonly policy: Uint8Array;
  /** Wall clock at the first request, nanoseconds since 1970. */
  readonly clock: bigint;
  /** The random bytes that are drawn, again and again. A real Envoy draws its own. */
  readonly random: Uint8Array;
  /** All problems, in order; one of severity error means that the policy is refused. */
  readonly problems: ExpectedProblem[];
  readonly requests: CaseRequest[];
  /** By `rollout.variant`, all that are not 0 once all is over. The time is looked at on the emulator alone. */
  readonly stats?: Record<string, Record<string, number | number[]>>;
  /** Counters by shadow, all that are not 0 once all is over. */
  readonly shadows?: Record<string, Record<string, number>>;
  /** What `serin.error` counts. */
  readonly errors: number;
}

const CASE_KEYS = "title source only why clock random problems requests stats shadows errors";
const REQUEST_KEYS =
  "title method url headers sourceAddress body upstream shadowUpstream decision line identity applies gives draws copies explains gets filterState response";
const UPSTREAM_KEYS = "status headers ending takes body";

/** Clusters of shadows that are there, on both hosts; one of them has no host, and others are unknown. */
export const SHADOW_CLUSTERS = ["shadow", "noise"];
export const EMPTY_CLUSTER = "empty";

const CASES = import.meta.dirname;
/** Requests as they come from the field: a case for each report of a fault, in words and with inputs of its own. */
const FIELD = resolve(CASES, "../field/requests");

/** Every case: those of this folder, and those of the field as `field/<name>`. */
export function readAllCases(): Case[] {
  const field = readCases(FIELD).map((one) => ({ ...one, name: `field/${one.name}` }));
  return [...readCases(CASES), ...field];
}

/** Every case below `folder`, by name. */
function readCases(folder: string): Case[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("case.yaml"))
    .sort()
    .map((path) => readCase(folder, path.slice(0, -"/case.yaml".length)));
}

function readCase(folder: string, name: string): Case {
  const text = readFileSync(join(folder, name, "case.yaml"), "utf8");
  const raw = known(name, parse(text), CASE_KEYS);
  if (typeof raw["title"] !== "string") throw new Error(`${name}: has no title`);
  if ((raw["only"] === undefined) !== (raw["why"] === undefined))
    throw new Error(`${name}: only without why`);
  const problems = ((raw["problems"] ?? []) as ExpectedProblem[]).map((problem) => ({
    ...problem,
    severity: problem.severity ?? "error",
  }));
  const requests = ((raw["requests"] ?? []) as unknown[]).map((request, index) =>
    readRequest(`${name}: request ${index + 1}`, request),
  );
  return {
    ...raw,
    name,
    title: raw["title"],
    policy: readFileSync(join(folder, name, "policy.json")),
    clock: BigInt(Date.parse((raw["clock"] as string | undefined) ?? "2026-11-23T09:00:00Z")) * 1_000_000n,
    random: Buffer.from((raw["random"] as string | undefined) ?? "00112233445566778899aabbccddeeff", "hex"),
    problems,
    requests,
    errors: (raw["errors"] as number | undefined) ?? 0,
  };
}

function readRequest(where: string, value: unknown): CaseRequest {
  const raw = known(where, value, REQUEST_KEYS);
  return {
    method: "GET",
    url: "http://shop.example.com/checkout",
    headers: [],
    sourceAddress: "127.0.0.1",
    ...raw,
    title: (raw["title"] as string | undefined) ?? where,
    upstream: readUpstream(`${where}: upstream`, raw["upstream"]),
    shadowUpstream: readUpstream(`${where}: shadowUpstream`, raw["shadowUpstream"]),
  };
}

/** What an upstream does unless a case says otherwise. */
export const ANSWERING: Upstream = { status: 200, headers: [], ending: "whole", takes: 0, body: "answer" };

function readUpstream(where: string, value: unknown): Upstream {
  const upstream = { ...ANSWERING, ...known(where, value ?? {}, UPSTREAM_KEYS) };
  if (!ENDINGS.includes(upstream.ending)) throw new Error(`${where}: no such ending: ${upstream.ending}`);
  return upstream;
}

/** Whether the request's body comes in chunks, of a length that nobody said. */
export function isChunked({ headers }: CaseRequest): boolean {
  return headers.some(([name]) => name.toLowerCase() === "transfer-encoding");
}

function known(where: string, value: unknown, keys: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error(`${where}: is no object`);
  const strange = Object.keys(value).find((key) => !keys.split(" ").includes(key));
  if (strange !== undefined) throw new Error(`${where}: unknown key ${strange}`);
  return value as Record<string, unknown>;
}

/** The bytes of a header's value. */
export function headerBytes(value: HeaderValue): Buffer {
  if (typeof value === "string") return Buffer.from(value, "utf8");
  if ("hex" in value) return Buffer.from(value.hex, "hex");
  if ("repeat" in value) return Buffer.from(value.repeat.repeat(value.times), "utf8");
  const part = (json: string): string => Buffer.from(json, "utf8").toString("base64url");
  const [before, payload] = "bearer" in value ? ["Bearer ", value.bearer] : [value.before, value.token];
  return Buffer.from(`${before}${part('{"alg":"none"}')}.${part(payload)}.c2ln`);
}

/** A URL apart, byte for byte: no normalizing, unlike `URL`. */
export function splitUrl(url: string): { scheme: string; authority: string; path: string } {
  const parts = /^(https?):\/\/([^/?#]*)(.*)$/s.exec(url);
  if (parts === null) throw new Error(`no URL: ${url}`);
  const [, scheme = "", authority = "", rest = ""] = parts;
  return { scheme, authority, path: rest.startsWith("/") ? rest : `/${rest}` };
}
