// Which part of all users a rollout gives to each variant, by the filter's own arithmetic: a policy with the same
// rollouts, that apply to every request and split by one header, is loaded into it and explains itself.

import { LogLevel } from "../emulator/index.ts";
import { checkPolicy } from "../policy/check-policy.ts";
import { readPolicySource } from "../policy/policy-source.ts";
import {
  itemsOf,
  member,
  parseOrdered,
  printOrdered,
  type OrderedJson,
  type Printable,
} from "../terminal/ordered-json.ts";
import { wordOf } from "./meaning.ts";

/** Users are hashed to 0 … SPACE - 1. */
export const SPACE = 2 ** 32;

/** A run of hashes, `end` not in it, and what those users get; null for nothing. */
export interface Segment {
  readonly begin: number;
  readonly end: number;
  readonly gets: string | null;
}

/** The segments of each rollout, in order and without gaps: who is in no slot gets the default. */
export type Slots = ReadonlyMap<string, readonly Segment[]>;

/** A header that no request but ours has. */
const HEADER = "x-anybody";
const HOST = "anywhere";
/** In a match: only so many rollouts may be without one. */
const EVERYBODY: Printable = [{ hosts: [HOST] }];

/**
 * The slots of all rollouts of an accepted policy, as they are at a time (nanoseconds since 1970). `state`, `match`,
 * `when` and identity are left aside.
 * @throws Error when the filter does not explain them, which would be its own fault
 */
export function slotsOf(policy: OrderedJson, module: WebAssembly.Module, at?: bigint): Slots {
  const rollouts = member(policy, "rollouts");
  if (!(rollouts instanceof Map) || rollouts.size === 0) return new Map();
  const bare = new Map<string, Printable>();
  for (const [name, rollout] of rollouts as ReadonlyMap<string, OrderedJson>) {
    bare.set(name, only(rollout, ["default", "variants", "salt"]).set("match", EVERYBODY));
  }
  const text = printOrdered({ identity: [{ header: HEADER }], rollouts: bare });
  const clock = at === undefined ? {} : { clock: () => at };
  const source = readPolicySource("slots.json", Buffer.from(text));
  const { filter } = checkPolicy(source, module, { logLevel: LogLevel.Trace, ...clock });
  if (filter === null) throw new Error("the filter refuses what it accepted");
  const stream = filter.vm.request(filter.root, {
    headers: [
      [":authority", HOST],
      [":path", "/"],
      [":method", "GET"],
      [":scheme", "https"],
      [HEADER, "anybody"],
    ],
    endOfStream: true,
  });
  const { explanation } = stream;
  stream.done();
  if (explanation === null) throw new Error("the filter did not explain its slots");
  const explained = member(parseOrdered(explanation), "rollouts");
  return new Map(
    [...(rollouts as ReadonlyMap<string, OrderedJson>)].map(([name, rollout]) => [
      name,
      segmentsOf(member(member(explained, name), "slots"), wordOf(member(rollout, "default"))),
    ]),
  );
}

function only(value: OrderedJson, names: readonly string[]): Map<string, Printable> {
  const kept = new Map<string, Printable>();
  for (const name of names) {
    const inner = member(value, name);
    if (inner !== undefined) kept.set(name, inner);
  }
  return kept;
}

function segmentsOf(slots: OrderedJson | undefined, fallback: string): Segment[] {
  const taken = itemsOf(slots)
    .map((slot) => ({
      begin: Number(member(slot, "begin")),
      end: Number(member(slot, "end")),
      gets: wordOf(member(slot, "variant")),
    }))
    .filter(({ begin, end }) => begin < end)
    .sort((a, b) => a.begin - b.begin);
  const segments: Segment[] = [];
  let from = 0;
  for (const slot of taken) {
    if (from < slot.begin) segments.push({ begin: from, end: slot.begin, gets: fallback });
    segments.push(slot);
    from = slot.end;
  }
  if (from < SPACE) segments.push({ begin: from, end: SPACE, gets: fallback });
  return segments;
}
