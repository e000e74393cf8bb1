// Recorded requests through both policies: who gets something else, with examples.

import { isIP } from "node:net";

import { readRequest, RequestFault, type ReadRequest } from "../decision/request.ts";
import type { Root, Vm } from "../emulator/index.ts";
import type { Line } from "../terminal/lines.ts";
import { member, parseOrdered, type OrderedJson } from "../terminal/ordered-json.ts";

/** A policy that was accepted, in the filter. */
export interface Loaded {
  readonly vm: Vm;
  readonly root: Root;
  /** By rollout, the default that is told nowhere: having it is the same as having no rollout. */
  readonly silent: ReadonlyMap<string, string>;
}

/** Requests of one change: what they got and get, null where the rollout or flag did not concern them. */
export interface RecordedChange {
  readonly from: string | null;
  readonly to: string | null;
  count: number;
  /** The first of them. */
  readonly examples: { readonly line: number; readonly identity: string | null; readonly request: string }[];
}

export interface RecordedDiff {
  readonly read: number;
  /** Lines that are neither a request nor an access log. */
  readonly unreadable: number;
  /** Requests without an identity: an access log in Envoy's default format has no cookies. */
  readonly anonymous: number;
  readonly rollouts: ReadonlyMap<string, readonly RecordedChange[]>;
  readonly flags: ReadonlyMap<string, readonly RecordedChange[]>;
}

const MOST_EXAMPLES = 3;

/** Envoy's default access log, HTTP: time, method, path, …, forwarded for, user agent, request id, authority, host. */
const ACCESS_LOG = /^\[([^\]]+)\] "(\S+) (\S+) [^"]*" \d+ .*"([^"]*)" "(?:.*)" "[^"]*" "([^"]*)" "[^"]*"$/;

/** A line as a request: JSON as `serin decide` takes it, or Envoy's access log. @throws RequestFault */
export function readRecorded(line: string): ReadRequest & { readonly text: string } {
  const log = ACCESS_LOG.exec(line.trim());
  if (log === null) {
    const value: unknown = JSON.parse(line);
    const { method = "GET", url = "" } = value as { method?: string; url?: string };
    return { ...readRequest(value), text: `${method} ${url}` };
  }
  const [, time = "", method = "", path = "", forwarded = "", authority = ""] = log;
  if (authority === "" || authority === "-") throw new RequestFault("", "no authority");
  const address = forwarded.split(",").at(-1)?.trim() ?? "";
  const url = `https://${authority}${path}`;
  const read = readRequest({ method, url, time, ...(isIP(address) === 0 ? {} : { sourceAddress: address }) });
  return { ...read, text: `${method} ${url}` };
}

/** Has both policies decide each line. */
export async function diffRecorded(
  lines: AsyncIterable<readonly Line[]>,
  before: Loaded,
  after: Loaded,
): Promise<RecordedDiff> {
  const counts = { read: 0, unreadable: 0, anonymous: 0 };
  const found = { rollouts: new Map<string, RecordedChange[]>(), flags: new Map<string, RecordedChange[]>() };
  let number = 0;
  const compare = (line: Line): void => {
    number++;
    const text = line === null ? null : line.toString("utf8");
    if (text?.trim() === "") return;
    let request: ReturnType<typeof readRecorded>;
    try {
      request = readRecorded(text ?? "");
    } catch {
      counts.unreadable++;
      return;
    }
    counts.read++;
    const [was, is] = [decided(before, request), decided(after, request)];
    const identity = member(is, "identity") ?? member(was, "identity") ?? null;
    if (identity === null) counts.anonymous++;
    const example = {
      line: number,
      identity: typeof identity === "string" ? identity : null,
      request: request.text,
    };
    for (const part of ["rollouts", "flags"] as const) {
      const [old, now] = [variantsIn(was, part), variantsIn(is, part)];
      if (part === "rollouts") forgetSilent(old, now, before, after);
      note(found[part], old, now, example);
    }
  };
  for await (const some of lines) some.forEach(compare);
  return { ...counts, ...found };
}

function decided({ vm, root }: Loaded, request: ReadRequest): OrderedJson {
  const { time } = request;
  const wallClock = vm.clock;
  if (time !== null) vm.clock = () => time;
  try {
    const stream = vm.request(root, request.stream);
    const { decision } = stream;
    stream.done();
    return decision === null ? null : parseOrdered(decision);
  } finally {
    vm.clock = wallClock;
  }
}

/** Takes out what gives a request its silent default where the other policy has nothing for it. */
function forgetSilent(
  old: Map<string, string | null>,
  now: Map<string, string | null>,
  before: Loaded,
  after: Loaded,
): void {
  for (const [name, variant] of old)
    if (!now.has(name) && before.silent.get(name) === variant) old.delete(name);
  for (const [name, variant] of now)
    if (!old.has(name) && after.silent.get(name) === variant) now.delete(name);
}

function variantsIn(decision: OrderedJson, part: "rollouts" | "flags"): Map<string, string | null> {
  const inner = member(decision, part);
  if (!(inner instanceof Map)) return new Map();
  return new Map(
    [...(inner as ReadonlyMap<string, OrderedJson>)].map(([name, answer]) => {
      const variant = member(answer, "variant");
      return [name, typeof variant === "string" ? variant : null];
    }),
  );
}

function note(
  found: Map<string, RecordedChange[]>,
  was: ReadonlyMap<string, string | null>,
  is: ReadonlyMap<string, string | null>,
  example: RecordedChange["examples"][number],
): void {
  for (const name of new Set([...was.keys(), ...is.keys()])) {
    const [from, to] = [was.get(name) ?? null, is.get(name) ?? null];
    if (from === to) continue;
    const changes = found.get(name) ?? [];
    found.set(name, changes);
    let change = changes.find((one) => one.from === from && one.to === to);
    if (change === undefined) changes.push((change = { from, to, count: 0, examples: [] }));
    change.count++;
    if (change.examples.length < MOST_EXAMPLES) change.examples.push(example);
  }
}
