// Sessions made from others: what is known to be worth a try, changed by structure and by bytes. Far quicker than to make
// each from nothing, and what reaches new code is changed further.

import fc from "fast-check";

import { headerBytes, readAllCases, splitUrl, type CaseRequest } from "../cases/case-file.ts";
import type { Random } from "../support/random.ts";
import { readCorpus } from "./explore.ts";
import { policyText, soundPolicy, toLatin1 } from "./policies.ts";
import { event } from "./requests.ts";
import { rule } from "./rules.ts";
import type { Headers, Latin1, RequestStep, Session, Step } from "./session.ts";
import { hostCallNames } from "../../tools/emulator/index.ts";

const STEPS_AT_MOST = 60;
const TEXT_AT_MOST = 100_000;
const CALLS = hostCallNames().map((name) => name.slice(name.indexOf(".") + 1));

/** What mutation begins with and takes pieces from. */
export interface Pool {
  readonly sessions: Session[];
  readonly policies: Latin1[];
  readonly events: Step[];
  /** Strings of policies and requests, to put elsewhere. */
  readonly words: Latin1[];
}

const pools = new Map<number, Pool>();

/** Every case and every file of the corpus as a session, and made-up policies and events; made once a process and seed. */
export function poolOf(seed: number): Pool {
  const pool = pools.get(seed) ?? makePool(seed);
  pools.set(seed, pool);
  return pool;
}

function makePool(seed: number): Pool {
  const cases = readAllCases().filter(({ only }) => only !== "envoy");
  const sessions = [
    ...readCorpus().values(),
    ...cases.map(({ policy, requests }) => ({
      steps: [{ configure: Buffer.from(policy).toString("latin1") }, ...requests.flatMap(stepsOf)],
    })),
  ];
  const flags = fc.record({ targeting: rule, shared: rule }).map(({ targeting, shared }) =>
    toLatin1(
      JSON.stringify({
        $evaluators: { shared },
        flags: { f: { state: "ENABLED", variants: { a: 1, b: 2 }, defaultVariant: "a", targeting } },
        rollouts: { r: { default: "s", variants: { s: {} }, match: [{ flag: { f: "a" } }] } },
      }),
    ),
  );
  const contexts = fc.jsonValue({ maxDepth: 4 }).map((context) => ({
    evaluate: toLatin1(JSON.stringify({ flagKey: "f", context })),
  }));
  const policies = [
    ...sessions.flatMap(({ steps }) =>
      steps.flatMap((step) => ("configure" in step ? [step.configure] : [])),
    ),
    ...fc.sample(soundPolicy, { numRuns: 150, seed }).map((policy) => toLatin1(JSON.stringify(policy))),
    ...fc.sample(policyText, { numRuns: 150, seed }),
    ...fc.sample(flags, { numRuns: 150, seed }),
  ];
  const events: Step[] = [
    ...fc.sample(event, { numRuns: 1500, seed }),
    ...fc.sample(contexts, { numRuns: 150, seed }),
    ...sessions.flatMap(({ steps }): Step[] => steps),
  ];
  const words = new Set<string>([
    "",
    "0",
    "-1",
    "1e999",
    "true",
    "null",
    "{}",
    "[]",
    '"',
    "\\",
    "\0",
    "\u00ff",
    "99999999999",
  ]);
  for (const text of policies)
    for (const [word] of text.matchAll(/"[^"]{0,40}"|-?\d+(?:\.\d+)?/g)) words.add(word);
  for (const step of events)
    if ("request" in step) for (const [name, value] of step.request) words.add(name).add(value.slice(0, 100));
  return { sessions, policies, events, words: [...words] };
}

/** A request of a case with its answer and those of its copies. */
function stepsOf(one: CaseRequest): Step[] {
  const { scheme, authority, path } = splitUrl(one.url);
  const headers: Headers = [
    [":method", one.method],
    [":scheme", scheme],
    [":authority", authority],
    [":path", path],
    ...one.headers.map(([name, value]): [string, string] => [name, headerBytes(value).toString("latin1")]),
  ].map(([name = "", value = ""]): [string, string] => [name, toLatin1(value)]);
  const answer = {
    headers: [[":status", String(one.shadowUpstream.status)]] as Headers,
    body: one.shadowUpstream.body,
  };
  return [
    {
      request: headers,
      sourceAddress: `${one.sourceAddress ?? "127.0.0.1"}:1`,
      endOfStream: one.body === undefined,
    },
    ...(one.body === undefined
      ? []
      : [{ stream: 0, requestBody: headerBytes(one.body).toString("latin1"), endOfStream: true }]),
    {
      stream: 0,
      response: [[":status", String(one.upstream.status)], ...one.upstream.headers] as Headers,
      endOfStream: false,
    },
    { call: 0, answer },
    { stream: 0, body: one.upstream.body, endOfStream: true },
    { stream: 0, done: {} },
  ];
}

/** Another session, by some changes of one of the pool. The pool's own are left alone. */
export function mutated(pool: Pool, random: Random): Session {
  const steps = [...random.pick(pool.sessions).steps];
  if (random.below(8) === 0) steps.push(...random.pick(pool.sessions).steps);
  if (random.below(6) === 0) steps.unshift({ configure: random.pick(pool.policies) });
  // A few hosts fail; most do not, since then sums are held too.
  if (random.below(10) === 0) {
    for (let left = 1 + random.below(3); left > 0; left--) {
      const fail = { fail: random.pick(CALLS), status: random.pick(STATUSES), every: 1 + random.below(5) };
      steps.splice(random.below(steps.length + 1), 0, fail);
    }
  }
  for (let left = 1 + random.below(6); left > 0; left--) change(steps, pool, random);
  return { steps: steps.slice(0, STEPS_AT_MOST) };
}

/** proxy_result_t of the ABI, and some that nobody knows. */
const STATUSES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99, -1];

function change(steps: Step[], pool: Pool, random: Random): void {
  const at = random.below(steps.length || 1);
  switch (random.below(9)) {
    case 0:
      steps.splice(at, 1);
      break;
    case 1:
      steps.splice(at, 0, steps[random.below(steps.length || 1)] ?? random.pick(pool.events));
      break;
    case 2: {
      const other = random.below(steps.length || 1);
      const [one, two] = [steps[at], steps[other]];
      if (one && two) [steps[at], steps[other]] = [two, one];
      break;
    }
    case 3:
    case 4:
      steps.splice(random.below(steps.length + 1), 0, random.pick(pool.events));
      break;
    case 5:
      steps.splice(at, 0, { waitMs: random.pick([1, 500, 1000, 5000, 30_000]) });
      break;
    default: {
      const step = steps[at];
      if (step) steps[at] = changedStep(step, pool, random);
    }
  }
}

function changedStep(step: Step, pool: Pool, random: Random): Step {
  if ("configure" in step) return { configure: changedPolicy(step.configure, pool, random) };
  if ("evaluate" in step) return { evaluate: changedText(step.evaluate, pool, random) };
  if ("request" in step) return changedRequest(step, pool, random);
  if ("response" in step) return { ...step, response: changedHeaders(step.response, pool, random) };
  if ("call" in step) {
    if (step.answer === null || random.below(8) === 0) return { call: random.below(8), answer: null };
    const { headers, body } = step.answer;
    const answer =
      random.below(2) === 0
        ? { headers: changedHeaders(headers, pool, random), body }
        : { headers, body: changedText(body, pool, random) };
    return { call: step.call, answer };
  }
  if ("body" in step)
    return { ...step, body: changedBody(step.body, pool, random), endOfStream: random.below(2) === 0 };
  if ("requestBody" in step)
    return {
      ...step,
      requestBody: changedBody(step.requestBody, pool, random),
      endOfStream: random.below(2) === 0,
    };
  return "stream" in step ? { ...step, stream: random.below(8) } : step;
}

function changedBody(body: number | Latin1, pool: Pool, random: Random): number | Latin1 {
  return typeof body === "string" ? changedText(body, pool, random) : random.below(70_000);
}

function changedRequest(step: RequestStep, pool: Pool, random: Random): RequestStep {
  if (random.below(10) === 0) return { ...step, endOfStream: random.below(2) === 0 };
  return { ...step, request: changedHeaders(step.request, pool, random) };
}

/** Envoy never calls without a header, nor with a name that is none: lower case, at least one byte. */
function changedHeaders(headers: Headers, pool: Pool, random: Random): Headers {
  const changed = headers.map(([name, value]): [string, string] => [name, value]);
  const at = random.below(changed.length || 1);
  const pair = changed[at];
  switch (random.below(5)) {
    case 0:
      if (pair && !pair[0].startsWith(":")) changed.splice(at, 1);
      break;
    case 1:
      if (pair && !pair[0].startsWith(":")) changed.push([pair[0], changedText(pair[1], pool, random)]);
      break;
    case 2: {
      const other = random.pick(pool.events);
      const from = "request" in other ? other.request : "response" in other ? other.response : [];
      changed.push(...from.filter(([name]) => !name.startsWith(":")));
      break;
    }
    default:
      if (pair && pair[0] !== ":status") pair[1] = headerText(changedText(pair[1], pool, random));
  }
  return changed;
}

/** Without what no codec lets through in a value. */
function headerText(text: Latin1): Latin1 {
  return text.replace(/[\0\r\n]/g, " ").slice(0, 60_000);
}

function changedPolicy(text: Latin1, pool: Pool, random: Random): Latin1 {
  if (random.below(3) === 0) return changedText(text, pool, random);
  try {
    const document = JSON.parse(text) as unknown;
    const other = JSON.parse(random.pick(pool.policies)) as unknown;
    const [places, others] = [placesIn(document), placesIn(other)];
    for (let left = 1 + random.below(3); left > 0; left--) {
      const place = places[random.below(places.length || 1)];
      const same = others.filter(({ key }) => key === place?.key);
      const from =
        same.length > 0 && random.below(3) > 0 ? random.pick(same) : others[random.below(others.length || 1)];
      if (place === undefined || from === undefined) continue;
      const value = from.holder[from.key];
      switch (random.below(4)) {
        case 0:
          if (Array.isArray(place.holder)) place.holder.splice(Number(place.key), 1);
          else Reflect.deleteProperty(place.holder, place.key);
          break;
        case 1:
          if (Array.isArray(place.holder)) place.holder.push(value);
          else
            Object.defineProperty(place.holder, from.key, {
              value,
              enumerable: true,
              configurable: true,
              writable: true,
            });
          break;
        default:
          place.holder[place.key] = value;
      }
    }
    return JSON.stringify(document).slice(0, TEXT_AT_MOST);
  } catch {
    return changedText(text, pool, random);
  }
}

function placesIn(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== "object" || value === null) return found;
  const holder = value as Record<string, unknown>;
  for (const key of Object.keys(holder)) {
    found.push({ holder, key });
    placesIn(holder[key], found);
  }
  return found;
}

interface Place {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

function changedText(text: Latin1, pool: Pool, random: Random): Latin1 {
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(text.length + 1);
    const until = Math.min(text.length, at + 1 + random.below(random.pick([1, 4, 20, 200])));
    const [before, behind] = [text.slice(0, at), text.slice(until)];
    switch (random.below(7)) {
      case 0:
        text = before + behind;
        break;
      case 1:
        text =
          before +
          String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << random.below(8))) +
          text.slice(at + 1);
        break;
      case 2:
        text = before + String.fromCharCode(random.below(256)) + text.slice(at);
        break;
      case 3:
        text = before + random.pick(pool.words) + behind;
        break;
      case 4:
        text = before + random.pick(pool.words) + text.slice(at);
        break;
      case 5: {
        const piece = text.slice(at, until);
        const times = random.pick([2, 3, 10, 300]);
        if (piece.length * times < 20_000) text = before + piece.repeat(times) + behind;
        break;
      }
      default:
        text = before + text.slice(random.below(text.length + 1));
    }
  }
  return text.slice(0, TEXT_AT_MOST);
}
