// What came out against what must come out: one list of differences, whichever host ran the case.

import type { LoggedProblem } from "../../tools/emulator/index.ts";
import type { Case, CaseRequest, ExpectedHeaders } from "./case-file.ts";

/** What a shadow's cluster got, pseudo headers too. */
export interface CopyOutcome {
  readonly gets: readonly (readonly [name: string, value: string])[];
  /** One character a byte. */
  readonly body: string;
}

/** What a host saw of one request. */
export interface RequestOutcome {
  /** The line as it was logged; null when there was none. */
  readonly decision: string | null;
  /** The explanation's text; undefined where the host does not log it. */
  readonly explanation?: string | null;
  /** Null when no upstream got the request. */
  readonly gets: readonly (readonly [name: string, value: string])[] | null;
  /** By shadow, what the filter sent itself. */
  readonly copies: Readonly<Record<string, CopyOutcome>>;
  readonly filterState: Readonly<Record<string, string>>;
  /** Null when the client got no headers. */
  readonly response: readonly (readonly [name: string, value: string])[] | null;
}

/** What a host saw of a whole case. */
export interface Outcome {
  readonly accepted: boolean;
  readonly problems: readonly LoggedProblem[];
  readonly requests: readonly RequestOutcome[];
  /** Counters and gauges by name, as this case moved them (gauges: as they stand); 0 may be left out. */
  readonly stats: ReadonlyMap<string, number>;
  /** Values given to histograms, by name; undefined where the host cannot tell. */
  readonly recorded?: ReadonlyMap<string, readonly number[]>;
}

const ENDED = ["rq_1xx", "rq_2xx", "rq_3xx", "rq_4xx", "rq_5xx", "rq_reset", "rq_left"];
const ROLLOUT = "serin.rollout.";
/**
 * Gauges of distinct users move on a tick, half a second or more after the request, and belong to whichever case serves
 * by then: test/contract/evidence.test.ts and test/e2e/evidence.test.ts hold them.
 */
const EVIDENCE = /\.(?:users(?:_\w+)?(?:\.\d+)?|evidence_\w+|shares_began)$/;

/** The differences, one sentence each; none means that the case holds. */
export function judge(expected: Case, outcome: Outcome): string[] {
  const faults = judgeProblems(expected, outcome);
  for (const [index, request] of expected.requests.entries()) {
    const seen = outcome.requests[index];
    const own = seen === undefined ? ["was not made"] : judgeRequest(request, seen);
    faults.push(...own.map((fault) => `${request.title}: ${fault}`));
  }
  faults.push(...judgeStats(expected, outcome));
  return faults;
}

function judgeProblems(expected: Case, outcome: Outcome): string[] {
  const faults: string[] = [];
  const accepted = !expected.problems.some((problem) => problem.severity === "error");
  if (outcome.accepted !== accepted) faults.push(outcome.accepted ? "was accepted" : "was refused");
  const wanted = expected.problems.map((problem) => ({
    ...problem,
    offset: offsetOf(expected.policy, problem),
  }));
  differ("problems", wanted, outcome.problems, faults, true);
  return faults;
}

/** The byte of a line and a column, both from 1, the column in code points. */
function offsetOf(bytes: Uint8Array, place: { line: number; column: number }): number {
  let line = 1;
  let column = 1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    const continues = (byte & 0xc0) === 0x80;
    if (!continues && line === place.line && column === place.column) return at;
    if (byte === 0x0a) {
      line++;
      column = 1;
    } else if (!continues) column++;
  }
  return bytes.length;
}

function judgeRequest(request: CaseRequest, seen: RequestOutcome): string[] {
  const faults: string[] = [];
  const { decision } = seen;
  if (decision === null) faults.push("no decision line");
  const decided = JSON.parse(decision ?? "{}") as {
    identity?: unknown;
    rollouts?: Record<string, { variant: string }>;
    shadows?: { name: string }[];
  };
  const issued = typeof decided.identity === "string" ? decided.identity : "";
  const fill = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll("{issued}", issued)) as T;
  if (JSON.stringify(request).includes("{issued}") && !/^[0-9a-f]{32}$/.test(issued)) {
    faults.push(`no id was drawn: ${JSON.stringify(issued)}`);
  }
  if (request.line !== undefined) differ("line", fill(request.line), decision, faults, true);
  if (request.decision !== undefined) differ("decision", fill(request.decision), decided, faults, false);
  if (request.identity !== undefined)
    differ("identity", fill(request.identity), decided.identity, faults, true);
  const rollouts = Object.entries(decided.rollouts ?? {});
  if (request.applies !== undefined) differ("applies", request.applies, namesIn(decision), faults, true);
  if (request.gives !== undefined) {
    const given = Object.fromEntries(rollouts.map(([name, { variant }]) => [name, variant]));
    differ("gives", request.gives, given, faults, true);
  }
  if (request.draws !== undefined) {
    const drawn = (decided.shadows ?? []).map(({ name }) => name);
    differ("draws", request.draws, drawn, faults, true);
  }
  for (const [name, copy] of Object.entries(request.copies ?? {})) {
    const sent = seen.copies[name] ?? null;
    if (copy === null || sent === null) {
      if (copy !== sent) faults.push(`copy ${name}: ${sent === null ? "was not sent" : "was sent"}`);
      continue;
    }
    if (copy.gets !== undefined) differHeaders(`copy ${name}`, fill(copy.gets), sent.gets, faults);
    if (copy.body !== undefined) {
      differ(`copy ${name}: body`, Buffer.from(copy.body).toString("latin1"), sent.body, faults, true);
    }
  }
  if (request.explains !== undefined && seen.explanation !== undefined) {
    differ("explains", fill(request.explains), JSON.parse(seen.explanation ?? "null"), faults, false);
  }
  if (request.gets !== undefined) differHeaders("gets", fill(request.gets), seen.gets, faults);
  if (request.response !== undefined)
    differHeaders("response", fill(request.response), seen.response, faults);
  if (request.filterState !== undefined) {
    differ("filterState", request.filterState, seen.filterState, faults, true);
  }
  return faults;
}

/** Names of the rollouts in a decision line, in the order of its text: an object of JavaScript puts `2` before `a`. */
function namesIn(decision: string | null): string[] {
  const begin = '"rollouts":{';
  const text = decision ?? "";
  const inside = text.slice(text.indexOf(begin) + begin.length, text.indexOf('},"flags"'));
  return [...inside.matchAll(/"([^"]+)":\{"variant"/g)].map((found) => found[1] as string);
}

function differHeaders(
  what: string,
  expected: ExpectedHeaders,
  seen: RequestOutcome["gets"],
  faults: string[],
): void {
  if (seen === null) return void faults.push(`${what}: nothing came`);
  for (const [name, value] of Object.entries(expected)) {
    const values = seen.filter(([other]) => other.toLowerCase() === name).map(([, text]) => text);
    const wanted = value === null ? [] : typeof value === "string" ? [value] : value;
    differ(`${what} ${name}`, wanted, values, faults, true);
  }
}

function judgeStats(expected: Case, outcome: Outcome): string[] {
  const faults: string[] = [];
  const stat = (name: string): number => outcome.stats.get(name) ?? 0;
  differ("serin.error", expected.errors, stat("serin.error"), faults, true);
  const totals = [...outcome.stats.keys()].filter((name) => name.endsWith(".rq_total"));
  for (const total of totals) {
    const variant = total.slice(0, -"rq_total".length);
    const ended = ENDED.reduce((sum, leaf) => sum + stat(variant + leaf), 0);
    differ(`${variant}rq_total and all endings`, stat(total), ended, faults, true);
    differ(`${variant}rq_active`, 0, stat(`${variant}rq_active`), faults, true);
  }
  faults.push(...judgeShadows(expected, outcome));
  if (expected.stats === undefined) return faults;
  for (const [variant, leaves] of Object.entries(expected.stats)) {
    for (const [leaf, value] of Object.entries(leaves)) {
      const name = `${ROLLOUT}${variant}.${leaf}`;
      if (!Array.isArray(value)) differ(name, value, stat(name), faults, true);
      else if (outcome.recorded) differ(name, value, outcome.recorded.get(name) ?? [], faults, true);
    }
  }
  for (const name of outcome.stats.keys()) {
    if (!name.startsWith(ROLLOUT) || name.endsWith(".share") || name.endsWith(".rq_time")) continue;
    if (EVIDENCE.test(name)) continue;
    const leaf = name.slice(name.lastIndexOf(".") + 1);
    const variant = name.slice(ROLLOUT.length, -leaf.length - 1);
    if (expected.stats[variant]?.[leaf] === undefined) differ(name, 0, stat(name), faults, true);
  }
  return faults;
}

function judgeShadows(expected: Case, outcome: Outcome): string[] {
  if (expected.shadows === undefined) return [];
  const faults: string[] = [];
  differ("shadows", expected.shadows, shadowCounters(outcome.stats), faults, true);
  return faults;
}

/** Counters by shadow, those that are not 0. Gauges of users move on a tick, like those of rollouts. */
export function shadowCounters(stats: Outcome["stats"]): Record<string, Record<string, number>> {
  const counters: Record<string, Record<string, number>> = {};
  for (const [stat, value] of stats) {
    const [, shadow, leaf] = /^serin\.shadow\.([^.]+)\.([^.]+)$/.exec(stat) ?? [];
    if (shadow === undefined || leaf === undefined || value === 0 || leaf.endsWith("rq_time")) continue;
    if (EVIDENCE.test(stat)) continue;
    counters[shadow] = { ...counters[shadow], [leaf]: value };
  }
  return counters;
}

/** Notes where two values differ. Unless `whole`, an object may have more members than expected. */
function differ(where: string, expected: unknown, seen: unknown, faults: string[], whole: boolean): void {
  if (isObject(expected) && isObject(seen)) {
    for (const [key, value] of Object.entries(expected))
      differ(`${where}.${key}`, value, seen[key], faults, whole);
    for (const key of Object.keys(seen)) {
      if (whole && !(key in expected)) faults.push(`${where}.${key}: ${show(seen[key])}, expected none`);
    }
    return;
  }
  if (Array.isArray(expected) && Array.isArray(seen) && expected.length === seen.length) {
    for (const [index, value] of expected.entries())
      differ(`${where}[${index}]`, value, seen[index], faults, whole);
    return;
  }
  if (expected !== seen) faults.push(`${where}: ${show(seen)}, expected ${show(expected)}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 600 ? `${text.slice(0, 600)}...` : text;
}
