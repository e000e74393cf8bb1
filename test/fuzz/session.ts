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
  | { stream: number; body: number | Latin1; endOfStream: boolean }
  | { stream: number; requestBody: number | Latin1; endOfStream: boolean }
  | { stream: number; requestTrailers: Headers }
  | { stream: number; trailers: number }
  | { stream: number; done: StreamEnd };

/** `call`: which of the HTTP calls under way, counted round; null: there will be no answer. */
export interface AnswerStep {
  call: number;
  answer: { headers: Headers; body: Latin1 } | null;
}

/** From now on a host call answers with a status, each so-manieth time; null: the host is well again. */
export interface FailStep {
  fail: string | null;
  status: number;
  every: number;
}

export type Step =
  | { configure: Latin1 }
  | RequestStep
  | StreamStep
  | AnswerStep
  | FailStep
  /** A flag asked for over any context, as `serin decide --eval` does. */
  | { evaluate: Latin1 }
  | { waitMs: number };

export interface Session {
  /** What it once showed, for people. */
  note?: string;
  steps: Step[];
}

/** Names under which the filter alone writes, in every spelling that services read as such. */
const OWN_SPELLINGS = /^x[-_]serin[-_]/i;

/** A root with what its policy lets the filter do to a request. */
interface Serving {
  root: Root;
  variants: Map<string, Set<string>>;
  /** What the headers may read, by the rollout's name. */
  headerValues: Map<string, Set<string>>;
  clusters: Set<string>;
  mirrors: Map<string, string>;
  /** Names of the cookies that it may issue. */
  issued: Set<string>;
  /** Where an answer is compared with a copy's, codings that the filter does not read are not asked for. */
  narrowsEncodings: boolean;
  shadowSecret: string | undefined;
  hasFlags: boolean;
  /** Rollouts of which requests alone are counted. */
  endingsUncounted: Set<string>;
}

/**
 * Runs a session in one VM and throws when something happens that never may: a trap, a request that is not passed
 * on, a header of the client's that is lost or forged, a survived error, stats that do not add up.
 * @returns what the upstreams and clients saw, to compare two runs
 */
export function replay(
  session: Session,
  logLevel: LogLevel = LogLevel.Info,
  module: WebAssembly.Module = filterModule(),
  /** Given the VM once it is there. */
  onVm?: (vm: Vm) => void,
): string[] {
  let now = 1_800_000_000_000_000_000n;
  let drawn = 0;
  let failing: FailStep = WELL;
  let called = 0;
  // A host that fails may leave what it was asked to remove, and count what it likes: what is held then is that nothing
  // traps, that requests go on, and that all is well again once the host is.
  const fails = session.steps.some((step) => "fail" in step);
  const vm = Vm.load(module, {
    logLevel,
    ...(fails && {
      answer: (call: string) =>
        call === failing.fail && (called += 1) % Math.max(1, Math.trunc(failing.every)) === 0
          ? failing.status
          : null,
    }),
    clock: () => (now += 1000n),
    random: (size) => Buffer.alloc(size, (drawn += 1) % 251),
  });
  onVm?.(vm);
  const seen: string[] = [];
  const everServed = new Map<string, Set<string>>();
  const uncounted = new Set<string>();
  vm.clusters = (name) => (name === "gone" ? "unknown" : name === "empty" ? "no-host" : "up");
  const live: { stream: Stream; serving: Serving }[] = [];
  let serving = serve(vm, Buffer.from("{}"), undefined, seen, false);
  for (const step of session.steps) {
    if ("configure" in step) {
      serving = serve(vm, Buffer.from(step.configure, "latin1"), serving, seen, fails);
      for (const name of serving.endingsUncounted) uncounted.add(name);
      for (const [name, variants] of serving.variants) {
        everServed.set(name, new Set([...(everServed.get(name) ?? []), ...variants]));
      }
    } else if ("request" in step) {
      live.push({ stream: begin(vm, serving, step, seen, fails), serving });
    } else if ("fail" in step) {
      failing = step;
    } else if ("evaluate" in step) {
      const answer = vm.evaluate(serving.root, Buffer.from(step.evaluate, "latin1"), 1_800_000_000);
      if (answer !== null) assert.equal(typeof JSON.parse(answer), "object");
      seen.push(`flag ${answer}`);
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
      go(stream, began, step, seen, fails);
      if (stream.ended) live.splice(at, 1);
    }
  }
  failing = WELL;
  for (const { stream } of live) stream.done();
  for (const call of vm.httpCalls) call.reset();
  if (fails) checkRecovered(vm);
  vm.retire(serving.root);
  assert.equal(vm.liveStreams, 0);
  for (const name of uncounted) everServed.delete(name);
  if (!fails) checkStats(vm, everServed, session);
  return seen;
}

const WELL: FailStep = { fail: null, status: 0, every: 1 };

/** After whatever a host did, the next policy is served. */
function checkRecovered(vm: Vm): void {
  const rollout = { default: "stable", variants: { stable: {}, canary: { percent: 100 } } };
  const policy = JSON.stringify({ identity: [{ cookie: "uid" }], rollouts: { recovered: rollout } });
  const { root, accepted } = vm.configure(policy);
  assert.ok(accepted, "no policy is served once the host is well again");
  const headers: Headers = [
    ...([":method", ":path", ":authority"] as const).map((name): [string, string] => [name, "/"]),
    ["cookie", "uid=42"],
  ];
  const stream = vm.request(root, { headers });
  assert.equal(stream.requestHeaders.get("x-serin-recovered"), "canary");
  stream.respond(200);
  vm.retire(root);
}

function serve(
  vm: Vm,
  policy: Uint8Array,
  before: Serving | undefined,
  seen: string[],
  fails: boolean,
): Serving {
  const { root, accepted, problems } = vm.configure(policy);
  const errors = problems.filter((problem) => problem.severity === "error");
  if (!fails) assert.equal(errors.length === 0, accepted, "an answer without its reason");
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
  // With a host that fails nothing of it is held to its headers.
  const document = (text === "" || fails ? {} : JSON.parse(text)) as Policy;
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
    issued: new Set(
      sources.flatMap((source?: Source) =>
        source?.issueCookie === undefined ? [] : [(source.issueCookie as { name: string }).name],
      ),
    ),
    narrowsEncodings: document.shadows !== undefined,
    shadowSecret: document.shadowSecret,
    hasFlags: document.flags !== undefined,
    endingsUncounted: new Set(rollouts.flatMap(([name, { signals }]) => (signals === "count" ? [name] : []))),
  };
}

function begin(vm: Vm, serving: Serving, step: RequestStep, seen: string[], fails: boolean): Stream {
  const stream = vm.open(serving.root, {
    headers: step.request.map(([name, value]) => [name, Buffer.from(value, "latin1")]),
    endOfStream: step.endOfStream ?? true,
    ...(step.sourceAddress === undefined ? {} : { sourceAddress: step.sourceAddress }),
  });
  if (step.headersCome === false) return stream;
  const before = stream.requestHeaders.toPairs();
  stream.onRequestHeaders();
  if (stream.localReply === null) assert.equal(stream.action, 0, "the request is held up");
  if (fails) return stream;
  assert.deepEqual(unexpected(stream), [], "an error was survived");
  const after = stream.requestHeaders.toPairs();
  const foreign = (pairs: [string, string][]): string[] =>
    pairs
      .filter(
        ([name]) =>
          !OWN_SPELLINGS.test(name) &&
          // The mark of a shadow's own request is taken out of it.
          name !== "baggage" &&
          !(serving.issued.size > 0 && name === "cookie") &&
          !(serving.narrowsEncodings && name === "accept-encoding"),
      )
      .map((pair) => pair.join(": "));
  assert.deepEqual(foreign(after), foreign(before), "headers that are not ours were changed");
  if (serving.issued.size > 0) checkCookies(cookiesIn(before), cookiesIn(after), serving.issued);
  const ours = after.filter(([name]) => name.startsWith(headerNames.PREFIX));
  assert.equal(new Set(ours.map(([name]) => name)).size, ours.length, "a header of ours twice");
  for (const [name, value] of ours) {
    if (serving.mirrors.get(name) === value) continue;
    // A request of a shadow's own: it brings its mark, which says that it is one only with the secret.
    if (
      name === headerNames.SHADOW &&
      serving.shadowSecret !== undefined &&
      value.endsWith(`.${serving.shadowSecret}`)
    )
      continue;
    if (name === headerNames.FLAGS && serving.hasFlags) continue;
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
function checkCookies(before: string[], after: string[], issued: ReadonlySet<string>): void {
  assert.deepEqual(after.slice(0, before.length), before, "cookies of the client's were lost");
  for (const cookie of after.slice(before.length)) {
    const [name = "", value = ""] = cookie.split("=");
    assert.ok(issued.has(name), `${cookie} was issued`);
    assert.match(value, /^[0-9a-zA-Z_-]+$/);
  }
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

/** A body of its own, or so many bytes that are all alike. */
function bodyOf(body: number | Latin1, fill: string): Buffer {
  if (typeof body === "string") return Buffer.from(body, "latin1");
  return Buffer.alloc(Math.max(0, Math.trunc(body)) % 70_000, fill);
}

function go(stream: Stream, serving: Serving, step: StreamStep, seen: string[], fails: boolean): void {
  if ("done" in step) {
    stream.done(step.done);
  } else if ("requestBody" in step) {
    stream.onRequestBody(bodyOf(step.requestBody, "a"), step.endOfStream);
  } else if ("requestTrailers" in step) {
    stream.onRequestTrailers(bytesOf(step.requestTrailers));
  } else if ("response" in step) {
    const headers = bytesOf(step.response);
    stream.onResponseHeaders(headers, step.endOfStream ?? false);
    const pairs = stream.responseHeaders?.toPairs() ?? [];
    const added = pairs.length - headers.length;
    // Names with a slot of their own are joined, so there may be fewer than were given.
    assert.ok(added <= 0 || serving.issued.size > 0 || fails, "a response header was added");
    seen.push(`response ${JSON.stringify(pairs)}`);
  } else if ("body" in step) {
    stream.onResponseBody(bodyOf(step.body, "\0"), step.endOfStream);
  } else {
    const trailers = Array.from({ length: step.trailers }, (_, i): [string, string] => [
      i === 0 ? "grpc-status" : `x-${i}`,
      String(i * 5),
    ]);
    stream.onResponseTrailers(trailers);
  }
  if (stream.localReply === null) assert.equal(stream.action, 0, "the request or the response is held up");
  if (!fails) assert.deepEqual(unexpected(stream), [], "an error was survived");
}

/** A client may make a rule or an expression fail, by its length say; nothing else. */
function unexpected(stream: Stream): object[] {
  return stream.errors.filter(({ code }) => code !== "rule" && code !== "work");
}

function checkStats(vm: Vm, served: ReadonlyMap<string, ReadonlySet<string>>, { steps }: Session): void {
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
  // Of the log a second has one line, so that a rule failed may stand there for all.
  const hasRules = steps.some((step) => "configure" in step && RULES.test(step.configure));
  if (!hasRules) assert.equal(vm.metrics.read(statNames.ERROR) ?? 0n, 0n, "serin.error moved");
}

const RULES = /"(?:when|targeting|RegularExpression|flags)"/;

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
