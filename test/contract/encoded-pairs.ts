// Pairs of answers, production's and a shadow's, encoded as services encode them, with differences planted in some: what
// the filter says of each, and what is so.

import { brotliCompressSync, gzipSync } from "node:zlib";

import type { Vm } from "../../tools/emulator/index.ts";
import type { Random } from "../support/random.ts";
import { soundBody } from "../fuzz/inflate.ts";
import { begin, callTo, setUp, SECOND, VERDICTS, type Setup } from "./copies.ts";

export const MAX_BODY_BYTES = 16_384;

export interface Encoded {
  readonly status: number;
  /** `content-encoding`, or none. */
  readonly coding: string | null;
  readonly body: Uint8Array;
}

export interface Verdict {
  readonly verdict: string;
  /** Of the line in the log. */
  readonly pointer?: string;
  readonly reason?: string;
}

/** Two filters of one shadow each: one compares JSON, one bytes. */
export class PairJudge {
  readonly #setups: Record<"json" | "bytes", Setup>;

  constructor() {
    const shadow = (body: object | true): object => ({
      compare: { body, sample: "1000/s" },
      budget: { perSecond: 100_000, inFlight: 10, maxBodyBytes: MAX_BODY_BYTES },
    });
    this.#setups = { json: setUp(shadow({ json: true })), bytes: setUp(shadow(true)) };
  }

  /** Sends a request, and both answers to it. @param cut how many bytes come at once of production's body */
  judge(
    by: "json" | "bytes",
    ours: Encoded,
    theirs: Encoded,
    cut: () => number,
    oursFirst: boolean,
  ): Verdict {
    const setup = this.#setups[by];
    const before = this.#counts(setup);
    setup.now += SECOND / 100n;
    setup.root.log.length = 0;
    const stream = begin(setup, [["accept-encoding", "gzip, deflate, br"]]);
    const call = callTo(setup.vm, "api-v3");
    const answerCopy = (): void =>
      call.respond([[":status", String(theirs.status)], ...headersOf(theirs)], theirs.body);
    if (!oursFirst) answerCopy();
    stream.onResponseHeaders([[":status", String(ours.status)], ...headersOf(ours)], ours.body.length === 0);
    for (let at = 0; at < ours.body.length;) {
      const end = Math.min(ours.body.length, at + cut());
      stream.onResponseBody(ours.body.subarray(at, end), end === ours.body.length);
      at = end;
    }
    stream.done();
    if (oursFirst) answerCopy();
    const after = this.#counts(setup);
    const moved = VERDICTS.filter((leaf) => after.get(leaf) !== before.get(leaf));
    // A copy may be judged while one of the streams or of the roots runs.
    const lines = [...setup.root.log, ...stream.log].filter(({ text }) => text.startsWith('{"shadow"'));
    const { shadow } = JSON.parse(lines.at(-1)?.text ?? "{}") as {
      shadow?: { pointer?: string; reason?: string };
    };
    return {
      verdict: moved.join(" and "),
      ...(shadow?.pointer === undefined ? {} : { pointer: shadow.pointer }),
      ...(shadow?.reason === undefined ? {} : { reason: shadow.reason }),
    };
  }

  get vms(): readonly Vm[] {
    return [this.#setups.json.vm, this.#setups.bytes.vm];
  }

  /** What the filter survived that should not have happened. */
  get errors(): number {
    const read = ({ vm }: Setup): number => Number(vm.metrics.read("serin.error") ?? 0n);
    return read(this.#setups.json) + read(this.#setups.bytes);
  }

  #counts(setup: Setup): Map<string, number> {
    return new Map(VERDICTS.map((leaf) => [leaf, setup.read(leaf)]));
  }
}

function headersOf({ coding, body }: Encoded): [string, string][] {
  return [
    ["date", "today"],
    ["content-type", "application/json"],
    ["content-length", String(body.length)],
    ...(coding === null ? [] : [["content-encoding", coding] as [string, string]]),
  ];
}

/** A pair, and what is to be said of it. */
export interface Pair {
  readonly by: "json" | "bytes";
  readonly ours: Encoded;
  readonly theirs: Encoded;
  readonly expected: Verdict;
  /** For whoever reads a failure. */
  readonly what: string;
}

type Coder = (random: Random, text: Buffer) => { readonly coding: string | null; readonly body: Uint8Array };
const plain: Coder = (random, text) => ({ coding: random.below(4) === 0 ? "identity" : null, body: text });
const gzip: Coder = (random, text) => ({
  coding: random.pick(["gzip", "gzip", "x-gzip", "GZIP", "identity, gzip"]),
  body: soundBody(random, "gzip", text),
});
const deflate: Coder = (random, text) => ({ coding: "deflate", body: soundBody(random, "deflate", text) });
const twice: Coder = (random, text) => {
  const [inner, outer] = [random.pick([gzip, deflate]), random.pick([gzip, deflate])].map((code) =>
    code(random, text),
  );
  const first = inner as { coding: string; body: Uint8Array };
  const again = outer?.coding === "deflate" ? deflate : gzip;
  const second = again(random, Buffer.from(first.body));
  return { coding: `${first.coding}, ${second.coding}`, body: second.body };
};
const brotli: Coder = (_, text) => ({ coding: "br", body: brotliCompressSync(text, { params: { 1: 1 } }) });
const zstd: Coder = (random, text) => ({
  coding: random.pick(["zstd", "compress", "aes128gcm", "gzip, gzip, gzip", "br, gzip"]),
  body: gzipSync(text),
});
const READ: readonly Coder[] = [plain, gzip, gzip, gzip, deflate, twice];

/** Makes up a pair. */
export function madeUpPair(random: Random): Pair {
  const by = random.pick(["json", "bytes"] as const);
  const ours = documentOf(random);
  const text = Buffer.from(JSON.stringify(ours));
  const answer = (code: Coder, body: Buffer, status = 200): Encoded => ({ status, ...code(random, body) });
  const [mine, other] = [random.pick(READ), random.pick(READ)];
  switch (random.below(12)) {
    case 0: {
      // One side is encoded as nobody here reads.
      const strange = random.pick([brotli, zstd]);
      const sides = [answer(mine, text), answer(strange, text)];
      if (random.below(2) === 0) sides.reverse();
      return { by, what: "strange coding", ...pairOf(sides), expected: { verdict: "incomparable" } };
    }
    case 1: {
      const sides = [answer(mine, text), answer(plain, Buffer.alloc(0), 304)];
      if (random.below(2) === 0) sides.reverse();
      return { by, what: "304", ...pairOf(sides), expected: { verdict: "incomparable" } };
    }
    case 2: {
      // HTTP has it whole, its own end is missing.
      const code = random.pick([gzip, deflate, twice]);
      const whole = answer(code, text);
      const cut = { ...whole, body: whole.body.subarray(0, 1 + random.below(lastCut(whole))) };
      const sides = [cut, answer(mine, text)];
      if (random.below(2) === 0) sides.reverse();
      return { by, what: "cut", ...pairOf(sides), expected: { verdict: "mismatch_body" } };
    }
    case 3: {
      const large = Buffer.alloc(MAX_BODY_BYTES + 1 + random.below(200_000), random.pick(["0", " "]));
      const sides = [answer(random.pick([gzip, deflate]), large), answer(mine, text)];
      if (random.below(2) === 0) sides.reverse();
      const verdict = by === "bytes" ? "mismatch_body" : "incomparable";
      return { by, what: "too large", ...pairOf(sides), expected: { verdict } };
    }
    case 4:
    case 5:
    case 6:
    case 7: {
      const { changed, pointer } = plant(random, ours);
      const theirs = answer(other, Buffer.from(JSON.stringify(changed)));
      const expected = { verdict: "mismatch_body", ...(by === "json" ? { pointer } : {}) };
      return { by, what: "planted", ours: answer(mine, text), theirs, expected };
    }
    default: {
      const same = by === "json" ? Buffer.from(JSON.stringify(ours, null, random.below(3))) : text;
      return {
        by,
        what: "same",
        ours: answer(mine, text),
        theirs: answer(other, same),
        expected: { verdict: "match" },
      };
    }
  }
}

function pairOf(sides: readonly Encoded[]): { ours: Encoded; theirs: Encoded } {
  return { ours: sides[0] as Encoded, theirs: sides[1] as Encoded };
}

/** Bytes that may be missing at most, so that the rest is no body by itself: not all members of gzip, nor its padding. */
function lastCut({ coding, body }: Encoded): number {
  if (coding === "deflate") return body.length - 1;
  return Math.min(10, body.length - 1);
}

type Document = Record<string, unknown> & { items: { id: number; name: string; price: number }[] };

function documentOf(random: Random): Document {
  const items = Array.from({ length: 1 + random.below(random.pick([3, 30])) }, (_, i) => ({
    id: random.below(1_000_000),
    name: `item ${i} ${random.below(50)}`,
    price: random.below(10_000) / 100,
  }));
  return { total: random.below(100_000), currency: random.pick(["EUR", "USD"]), items };
}

/** Changes one value. */
function plant(random: Random, document: Document): { changed: Document; pointer: string } {
  const changed = structuredClone(document);
  const at = random.below(changed.items.length + 1);
  const item = changed.items[at];
  if (item === undefined) {
    changed["total"] = Number(changed["total"]) + 1;
    return { changed, pointer: "/total" };
  }
  item.price += 0.5;
  return { changed, pointer: `/items/${at}/price` };
}

/** Judges so many pairs. @returns how many of each kind there were, and what was said wrongly */
export function judgePairs(
  random: Random,
  count: number,
  judge = new PairJudge(),
): { kinds: Record<string, number>; faults: string[] } {
  const kinds: Record<string, number> = {};
  const faults: string[] = [];
  for (let i = 0; i < count; i++) {
    const pair = madeUpPair(random);
    const size = random.pick([1, 7, 1000, 100_000]);
    const cut = (): number => (size === 1000 ? 1 + random.below(size) : size);
    const said = judge.judge(pair.by, pair.ours, pair.theirs, cut, random.below(2) === 0);
    kinds[`${pair.what}: ${pair.expected.verdict}`] =
      (kinds[`${pair.what}: ${pair.expected.verdict}`] ?? 0) + 1;
    const { verdict, pointer } = pair.expected;
    if (said.verdict !== verdict || (pointer !== undefined && said.pointer !== pointer)) {
      const of = ({ coding, status, body }: Encoded): string => `${status} ${coding} ${body.length} bytes`;
      faults.push(
        `${i}, ${pair.what} by ${pair.by}: ${JSON.stringify(said)}, not ${JSON.stringify(pair.expected)}; ${of(pair.ours)} and ${of(pair.theirs)}`,
      );
    }
  }
  if (judge.errors > 0) faults.push(`serin.error is ${judge.errors}`);
  return { kinds, faults };
}
