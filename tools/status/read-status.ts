// What one Envoy serves, from its admin endpoint: the policy by its digest, the module, what was refused, and what it
// counts. Envoy's dump shows what it was given last, be it refused; what it serves is in its stats.

import * as statNames from "../../assembly/vocabulary/stats.ts";
import { readServerInfo, readStats, type RawStats } from "../metrics/admin-answers.ts";
import { snapshotOf } from "../metrics/envoy-source.ts";
import { NO_OUTLINE, outlineOf, type PolicyOutline } from "../metrics/policy-outline.ts";
import type { Snapshot } from "../metrics/snapshot.ts";
import { fetchJson, NotGiven } from "../metrics/source.ts";
import { policyDigest } from "../policy/digest.ts";

export interface EnvoyStatus {
  /** Its admin endpoint. */
  readonly envoy: string;
  /** Envoy's own version, `1.40.0`; null where it does not say. */
  readonly version: string | null;
  /** Of the filter's module, `0.1.0`; null where it does not say: it is older, or not loaded. */
  readonly module: string | null;
  readonly serves: Served;
  /** Policies that were refused since the process began. */
  readonly refusals: number;
  /** The policy that Envoy was given last, where that is not what it serves. */
  readonly refused: Given | null;
  /** What it counts of its rollouts. */
  readonly snapshot: Snapshot;
}

export interface Served {
  /** Twelve hexadecimal digits: the first 48 bits of the SHA-256 of the policy's text; null where nothing says. */
  readonly digest: string | null;
  /** As the resource has it that it came in; null where it did not come by ECDS. */
  readonly version: string | null;
  /** Milliseconds since 1970. */
  readonly since: number | null;
  /** Whether that is the default of its configuration, since no policy has been taken by ECDS yet. */
  readonly isDefault: boolean;
}

/** A policy in Envoy's dump. */
export interface Given {
  readonly filter: string;
  readonly version: string;
  readonly at: number | null;
  /** Its text: never shown, it may hold secrets. */
  readonly policy: string | null;
}

const ADVICE = "--admin has to name the admin endpoint of an Envoy that runs";
const STATS = "^(wasmcustom\\.serin\\.|extension_config_discovery\\.)";
/** The filter's name in the files of envoy/. */
const ECDS_NAME = "serin";
const ECDS = "extension_config_discovery.http_filter.";
const WASM_TYPE = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const STRING_TYPE = "type.googleapis.com/google.protobuf.StringValue";

type Values = ReadonlyMap<string, number | string>;

/** Envoy loads a policy between two answers at most so often before the next reading has to do. */
const MOST_TURNS = 3;

/** @throws CommandError when it does not answer */
export async function readStatus(url: string): Promise<EnvoyStatus> {
  const first = await readValues(url);
  const { version, uptime } = await readServerInfo(url, ADVICE);
  const { values, takenAt, dump, given } = await readBoth(url, first);
  const serves = servedOf(values, given, dump.inline);
  const refused = given !== null && given.version !== serves.version ? given : null;
  const policy = refused === null ? (given?.policy ?? dump.inline) : null;
  return {
    envoy: url,
    version,
    module: moduleVersion(numberAt(values, statNames.NAMESPACE + statNames.MODULE_VERSION)),
    serves,
    refusals: refusalsOf(values, given),
    refused,
    snapshot: snapshotOf(numbersOf(values), outline(policy), takenAt, uptime, url),
  };
}

interface Reading {
  readonly values: Values;
  /** Milliseconds since 1970. */
  readonly takenAt: number;
}

async function readValues(url: string): Promise<Reading> {
  const { stats } = await readStats(url, `filter=${encodeURIComponent(STATS)}`, ADVICE);
  const values = new Map<string, number | string>(
    stats.flatMap(({ name, value }) =>
      name === undefined || value === undefined ? [] : [[name, value] as const],
    ),
  );
  return { values, takenAt: Date.now() };
}

/**
 * The dump, and stats that are not older than it: a policy that Envoy loads between the two answers would be given, by the
 * dump, and not served, by the stats, as one that was refused is.
 */
async function readBoth(
  url: string,
  first: Reading,
): Promise<Reading & { readonly dump: Dump; readonly given: Given | null }> {
  let reading = first;
  let dump = await readDump(url);
  for (let turn = 1; ; turn++) {
    const given = chosen(dump.ecds, reading.values);
    const before = versionIn(reading.values, given);
    if (given === null || before === given.version || turn > MOST_TURNS) return { ...reading, dump, given };
    reading = await readValues(url);
    const now = versionIn(reading.values, given);
    // The same before and after the dump, so also while it was taken.
    if (now === before) return { ...reading, dump, given };
    if (now !== given.version) dump = await readDump(url);
  }
}

function versionIn(values: Values, given: Given | null): string | null {
  return given === null ? null : textAt(values, `${ECDS}${given.filter}.version_text`);
}

function outline(policy: string | null): PolicyOutline {
  return policy === null ? NO_OUTLINE : outlineOf(policy);
}

function numbersOf(values: Values): RawStats {
  return {
    stats: [...values].flatMap(([name, value]) => (typeof value === "number" ? [{ name, value }] : [])),
  };
}

function numberAt(values: Values, name: string): number | null {
  const value = values.get(name);
  return typeof value === "number" ? value : null;
}

/** What Envoy serves, by the filter's own gauge; where its module is too old for that, by the text in the dump. */
function servedOf(values: Values, given: Given | null, inline: string | null): Served {
  const gauge = numberAt(values, statNames.NAMESPACE + statNames.POLICY_DIGEST);
  const version = versionIn(values, given);
  const since = given === null ? null : numberAt(values, `${ECDS}${given.filter}.update_time`);
  const known = given !== null && version === given.version ? given.policy : given === null ? inline : null;
  const digest = gauge !== null && gauge > 0 ? gauge : known === null ? null : policyDigest(known);
  return {
    digest: digest === null ? null : digestText(digest),
    version: version === "" ? null : version,
    since: since === null || since === 0 ? null : since,
    // Measured: 0 exactly while the default serves, also after a policy that was refused at the start.
    isDefault: numberAt(values, `${ECDS}${given?.filter ?? ECDS_NAME}.version`) === 0,
  };
}

function textAt(values: Values, name: string): string | null {
  const value = values.get(name);
  return typeof value === "string" ? value : null;
}

/** A digest as people read it. */
export function digestText(digest: number): string {
  return digest.toString(16).padStart(12, "0");
}

/** The filter's counter moves for each worker, Envoy's for each policy. */
function refusalsOf(values: Values, given: Given | null): number {
  const own = numberAt(values, statNames.NAMESPACE + statNames.POLICY_REJECTED) ?? 0;
  return given === null ? own : (numberAt(values, `${ECDS}${given.filter}.config_fail`) ?? own);
}

/** `0.1.0` of 1000: vocabulary/version.ts. */
function moduleVersion(value: number | null): string | null {
  if (value === null || value <= 0) return null;
  return [Math.floor(value / 1_000_000), Math.floor(value / 1000) % 1000, value % 1000].join(".");
}

interface Dump {
  readonly ecds: readonly Given[];
  /** A policy that stands in a listener. */
  readonly inline: string | null;
}

/** The dump, of which nothing but the policies is kept. An admin that keeps it to itself is no fault. */
async function readDump(url: string): Promise<Dump> {
  const ecds = itemsOf(await jsonOrNull(`${url}/config_dump?resource=ecds_filters`)).flatMap(givenOf);
  if (ecds.length > 0) return { ecds, inline: null };
  const whole = await jsonOrNull(`${url}/config_dump`);
  return { ecds, inline: configurationsIn(whole).find((text) => outlineOf(text).size > 0) ?? null };
}

async function jsonOrNull(url: string): Promise<unknown> {
  try {
    return await fetchJson(url, ADVICE);
  } catch (error) {
    if (error instanceof NotGiven) return null;
    throw error;
  }
}

function itemsOf(dump: unknown): unknown[] {
  const configs = at(dump, "configs");
  return Array.isArray(configs) ? configs : [];
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return found;
}

function givenOf(item: unknown): Given[] {
  const filter = at(item, "ecds_filter");
  if (at(filter, "typed_config", "@type") !== WASM_TYPE) return [];
  const [name, version] = [at(filter, "name"), at(item, "version_info")];
  const configuration = at(filter, "typed_config", "config", "configuration");
  const [type, text] = [at(configuration, "@type"), at(configuration, "value")];
  const updated = at(item, "last_updated");
  const time = typeof updated === "string" ? Date.parse(updated) : NaN;
  return [
    {
      filter: typeof name === "string" ? name : "",
      version: typeof version === "string" ? version : "",
      at: Number.isFinite(time) ? time : null,
      policy: type === STRING_TYPE && typeof text === "string" ? text : null,
    },
  ];
}

/** Serin's among the Wasm filters that come by ECDS: the one of that name, else one with a policy, else the first. */
function chosen(all: readonly Given[], values: Values): Given | null {
  const named = all.filter(({ filter }) => values.has(`${ECDS}${filter}.version_text`));
  return (
    named.find(({ filter }) => filter === "serin") ??
    named.find(({ policy }) => policy !== null && outlineOf(policy).size > 0) ??
    named[0] ??
    null
  );
}

function configurationsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(configurationsIn);
  if (typeof value !== "object" || value === null) return [];
  const text = at(value, "value");
  if (at(value, "@type") === STRING_TYPE && typeof text === "string") return [text];
  return Object.values(value).flatMap(configurationsIn);
}
