// A session: policies, requests and responses in an order, as data. `replay` runs one on the emulator and holds the
// filter to what is true of every input. Fuzzing makes sessions; each that once failed is a file of corpus/.

import assert from "node:assert/strict";

import * as headerNames from "../../assembly/vocabulary/headers.ts";
import * as statNames from "../../assembly/vocabulary/stats.ts";
import { LogLevel, Vm, type Root, type Stream, type StreamEnd } from "../../tools/emulator/index.ts";
import type { Policy, Source } from "../../build/types/policy.ts";
import { filterModule } from "../support/filter.ts";

/** Bytes, a character each, so that a corpus file can be read. */
export type Latin1 = string;
export type Headers = [name: Latin1, value: Latin1][];

/** `headersCome: false`: the codec refused it, the filter sees the stream's begin and end alone. */
export interface RequestStep {
  request: Headers;
  sourceAddress?: string;
  endOfStream?: boolean;
  headersCome?: boolean;
}

const TICK_MS = 500;

/** `stream`: which of those under way, counted round. */
export type StreamStep =
  | { stream: number; response: Headers; endOfStream?: boolean }
  | { stream: number; body: number; endOfStream: boolean }
  | { stream: number; requestBody: number; endOfStream: boolean }
  | { stream: number; requestTrailers: Headers }
  | { stream: number; trailers: number }
  | { stream: number; done: StreamEnd };

/** `call`: which of the HTTP calls under way, counted round; null: there will be no answer. */
export interface AnswerStep {
  call: number;
  answer: { headers: Headers; body: Latin1 } | null;
}

export type Step = { configure: Latin1 } | RequestStep | StreamStep | AnswerStep | { waitMs: number };

export interface Session {
  /** What it once showed, for people. */
  note?: string;
  steps: Step[];
}

/** A root with what its policy lets the filter do to a request. */
interface Serving {
  root: Root;
  variants: Map<string, Set<string>>;
  /** What the headers may read, by the rollout's name. */
  headerValues: Map<string, Set<string>>;
  clusters: Set<string>;
  mirrors: Map<string, string>;
  issuesCookie: boolean;
}

/**
 * Runs a session in one VM and throws when something happens that never may: a trap, a request that is not passed
 * on, a header of the client's that is lost or forged, a survived error, stats that do not add up.
 * @returns what the upstreams and clients saw, to compare two runs
 */
export function replay(session: Session, logLevel: LogLevel = LogLevel.Info): string[] {
  let now = 1_800_000_000_000_000_000n;
  let drawn = 0;
  const vm = Vm.load(filterModule(), {
    logLevel,
    clock: () => (now += 1000n),
    random: (size) => Buffer.alloc(size, (drawn += 1) % 251),
  });
  const seen: string[] = [];
  const everServed = new Map<string, Set<string>>();
  vm.clusters = (name) => (name === "gone" ? "unknown" : name === "empty" ? "no-host" : "up");
  const live: { stream: Stream; serving: Serving }[] = [];
  let serving = serve(vm, Buffer.from("{}"), undefined, seen);
  assert.ok(serving, "the empty policy is refused");
  for (const step of session.steps) {
    if ("configure" in step) {
      serving = serve(vm, Buffer.from(step.configure, "latin1"), serving, seen);
      for (const [name, variants] of serving.variants) {
        everServed.set(name, new Set([...(everServed.get(name) ?? []), ...variants]));
      }
    } else if ("request" in step) {
      live.push({ stream: begin(vm, serving, step, seen), serving });
    } else if ("waitMs" in step) {
      // After some ticks evidence periods begin, and users and goals are counted.
      for (let left = Math.max(0, Math.trunc(step.waitMs)); left > 0; left -= TICK_MS) {
        now += BigInt(Math.min(left, TICK_MS)) * 1_000_000n;
        vm.runTicks();
      }
    } else if ("call" in step) {
      const calls = vm.httpCalls;
      const call = calls[step.call % (calls.length || 1)];
      if (step.answer === null) call?.reset();
      else call?.respond(bytesOf(step.answer.headers), Buffer.from(step.answer.body, "latin1"));
    } else if (live.length > 0) {
      const at = step.stream % live.length;
      const { stream, serving: began } = live[at] as (typeof live)[number];
      go(stream, began, step, seen);
      if (stream.ended) live.splice(at, 1);
    }
  }
  for (const { stream } of live) stream.done();
  for (const call of vm.httpCalls) call.reset();
  vm.retire(serving.root);
  assert.equal(vm.liveStreams, 0);
  checkStats(vm, everServed);
  return seen;
}

function serve(vm: Vm, policy: Uint8Array, before: Serving | undefined, seen: string[]): Serving {
  const { root, accepted, problems } = vm.configure(policy);
  const errors = problems.filter((problem) => problem.severity === "error");
  assert.equal(errors.length === 0, accepted, "an answer without its reason");
  assert.ok(problems.length <= 20, "more than 20 problems");
  seen.push(
    accepted ? "accepted" : `refused: ${errors.map(({ pointer, code }) => `${pointer} ${code}`).join()}`,
  );
  if (!accepted) {
    assert.ok(before, "the first policy is refused");
    vm.retire(root);
    return before;
  }
  if (before) vm.retire(before.root);
  const text = Buffer.from(policy)
    .toString("utf8")
    .replace(/^\ufeff/, "");
  const document = (text === "" ? {} : JSON.parse(text)) as Policy;
  const rollouts = Object.entries(document.rollouts ?? {});
  const sources = [document.identity, ...rollouts.map(([, rollout]) => rollout.identity)].flat();
  return {
    root,
    variants: new Map(rollouts.map(([name, rollout]) => [name, new Set(Object.keys(rollout.variants))])),
    headerValues: new Map(
      rollouts.map(([name, { variants, headerSecret }]) => {
        const secret = document.steer === "filterState" ? undefined : headerSecret;
        const values = Object.keys(variants).map((one) => (secret === undefined ? one : `${one}.${secret}`));
        return [name, new Set(values)];
      }),
    ),
    clusters: new Set(
      rollouts.flatMap(([, { variants }]) => Object.values(variants).map((one) => one.cluster ?? "")),
    ),
    mirrors: new Map(
      Object.entries(document.shadows ?? {})
        .filter(([, { dispatch }]) => dispatch === "mirror")
        .map(([name, { cluster }]) => [`${headerNames.SHADOW_PREFIX}${name}`, cluster]),
    ),
    issuesCookie: sources.some((source?: Source) => source?.issueCookie !== undefined),
  };
}

function begin(vm: Vm, serving: Serving, step: RequestStep, seen: string[]): Stream {
  const stream = vm.open(serving.root, {
    headers: step.request.map(([name, value]) => [name, Buffer.from(value, "latin1")]),
    endOfStream: step.endOfStream ?? true,
    ...(step.sourceAddress === undefined ? {} : { sourceAddress: step.sourceAddress }),
  });
  if (step.headersCome === false) return stream;
  const before = stream.requestHeaders.toPairs();
  stream.onRequestHeaders();
  assert.equal(stream.action, 0, "the request is held up");
  assert.deepEqual(stream.errors, [], "an error was survived");
  const after = stream.requestHeaders.toPairs();
  const foreign = (pairs: [string, string][]): string[] =>
    pairs
      .filter(
        ([name]) => !name.startsWith(headerNames.PREFIX) && !(serving.issuesCookie && name === "cookie"),
      )
      .map((pair) => pair.join(": "));
  assert.deepEqual(foreign(after), foreign(before), "headers that are not ours were changed");
  if (serving.issuesCookie) checkCookies(cookiesIn(before), cookiesIn(after));
  const ours = after.filter(([name]) => name.startsWith(headerNames.PREFIX));
  assert.equal(new Set(ours.map(([name]) => name)).size, ours.length, "a header of ours twice");
  for (const [name, value] of ours) {
    if (serving.mirrors.get(name) === value) continue;
    const allowed =
      name === headerNames.CLUSTER
        ? serving.clusters
        : serving.headerValues.get(name.slice(headerNames.PREFIX.length));
    assert.ok(allowed?.has(value), `forged: ${name}: ${value}`);
  }
  assert.ok(stream.foreignClears <= 1, "the route cache is cleared more than once by call");
  assert.ok(!stream.routeIsStale, "the route is stale");
  seen.push(`request ${JSON.stringify(after)} ${JSON.stringify([...stream.filterState])}`);
  return stream;
}

/** What the client sent is all there, in order, and behind it at most what was issued. */
function checkCookies(before: string[], after: string[]): void {
  assert.deepEqual(after.slice(0, before.length), before, "cookies of the client's were lost");
  for (const cookie of after.slice(before.length)) assert.match(cookie, /^serin-id=[0-9a-zA-Z_-]+$/);
}

function cookiesIn(pairs: [string, string][]): string[] {
  return pairs
    .filter(([name]) => name === "cookie")
    .flatMap(([, value]) => value.split(";"))
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie !== "");
}

function bytesOf(headers: Headers): [string, Buffer][] {
  return headers.map(([name, value]) => [name, Buffer.from(value, "latin1")]);
}

function go(stream: Stream, serving: Serving, step: StreamStep, seen: string[]): void {
  if ("done" in step) {
    stream.done(step.done);
  } else if ("requestBody" in step) {
    const size = Math.max(0, Math.trunc(step.requestBody)) % 70_000;
    stream.onRequestBody(Buffer.alloc(size, "a"), step.endOfStream);
  } else if ("requestTrailers" in step) {
    stream.onRequestTrailers(bytesOf(step.requestTrailers));
  } else if ("response" in step) {
    const headers = bytesOf(step.response);
    stream.onResponseHeaders(headers, step.endOfStream ?? false);
    const pairs = stream.responseHeaders?.toPairs() ?? [];
    const added = pairs.length - headers.length;
    // Names with a slot of their own are joined, so there may be fewer than were given.
    assert.ok(added <= 0 || serving.issuesCookie, "a response header was added");
    seen.push(`response ${JSON.stringify(pairs)}`);
  } else if ("body" in step) {
    stream.onResponseBody(Buffer.alloc(Math.max(0, Math.trunc(step.body)) % 70_000), step.endOfStream);
  } else {
    const trailers = Array.from({ length: step.trailers }, (_, i): [string, string] => [
      i === 0 ? "grpc-status" : `x-${i}`,
      String(i * 5),
    ]);
    stream.onResponseTrailers(trailers);
  }
  assert.equal(stream.action, 0, "the request or the response is held up");
  assert.deepEqual(stream.errors, [], "an error was survived");
}

function checkStats(vm: Vm, served: ReadonlyMap<string, ReadonlySet<string>>): void {
  const endings = [
    statNames.RQ_1XX,
    statNames.RQ_2XX,
    statNames.RQ_3XX,
    statNames.RQ_4XX,
    statNames.RQ_5XX,
    statNames.RQ_RESET,
    statNames.RQ_LEFT,
  ];
  for (const [rollout, variants] of served) {
    for (const variant of variants) {
      const read = (leaf: string): bigint =>
        vm.metrics.read(`${statNames.ROLLOUT}${rollout}.${variant}.${leaf}`) ?? 0n;
      const ended = endings.reduce((sum, leaf) => sum + read(leaf), 0n);
      assert.equal(ended, read(statNames.RQ_TOTAL), `${rollout}.${variant}: endings and rq_total differ`);
      assert.equal(read(statNames.RQ_ACTIVE), 0n, `${rollout}.${variant}: rq_active`);
    }
  }
  checkShadows(vm);
  assert.equal(vm.metrics.read(statNames.ERROR) ?? 0n, 0n, "serin.error moved");
}

/** At most one verdict a copy; exactly one unless mirrors wait for an upstream filter, which a session does not have. */
function checkShadows(vm: Vm): void {
  const leaves = [
    statNames.MATCH,
    statNames.MISMATCH_STATUS,
    statNames.MISMATCH_BODY,
    statNames.TIMEOUT,
    statNames.RESET,
    statNames.NOISE,
    statNames.INCOMPARABLE,
  ];
  const names = vm.metrics
    .all()
    .map(({ name }) => name)
    .filter((name) => name.startsWith(statNames.SHADOW) && name.endsWith(`.${statNames.SENT}`));
  for (const name of names) {
    const shadow = name.slice(0, -statNames.SENT.length);
    const sent = vm.metrics.read(name) ?? 0n;
    const judged = leaves.reduce((sum, leaf) => sum + (vm.metrics.read(shadow + leaf) ?? 0n), 0n);
    assert.ok(judged <= sent, `${shadow} has ${judged} verdicts for ${sent} copies`);
  }
}
