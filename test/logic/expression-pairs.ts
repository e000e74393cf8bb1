// Pairs of an expression and a text, through the filter and through JavaScript's own engine.

import { RecordingHost } from "../contract/recording-host.ts";
import { Random } from "../support/random.ts";
import { ExpressionGenerator, type Written } from "./expression-generator.ts";

const EXPRESSIONS = 64;
const TEXTS = 128;
const ROOT = 1;

export interface PairCounts {
  readonly pairs: number;
  readonly matched: number;
  readonly expressions: number;
  /** What the two say differently, a sentence each. */
  readonly faults: string[];
}

/** A policy with a rollout for each expression over the query parameter `v`. */
export function policyOf(expressions: readonly string[], more: object = {}): object {
  return {
    ...more,
    identity: [],
    rollouts: Object.fromEntries(
      expressions.map((value, index) => [
        `r${index}`,
        {
          match: [{ queryParams: [{ name: "v", type: "RegularExpression", value }] }],
          announce: "all",
          default: "stable",
          variants: { stable: {} },
        },
      ]),
    ),
  };
}

/** The filter with a policy of expressions. */
export class Expressions {
  readonly #host = new RecordingHost();
  #root = 0;
  #stream = 1_000_000;

  constructor() {
    this.#host.isRecording = false;
  }

  /** @returns what the filter says about the policy; null when it takes it */
  load(policy: object): string | null {
    if (this.#root !== 0) this.#host.done(this.#root);
    this.#root += ROOT;
    return this.#host.configure(this.#root, policy) ? null : (this.#host.lines.at(-1)?.text ?? "");
  }

  /** Numbers of the expressions that match a text. */
  matching(text: string): Set<number> {
    this.#stream += 1;
    this.#host.begin(this.#stream, this.#root, [
      [":authority", "shop.example.com"],
      [":path", `/?v=${encodeURIComponent(text)}`],
      [":method", "GET"],
      [":scheme", "http"],
    ]);
    const names = (this.#host.context(this.#stream).request?.toPairs() ?? [])
      .filter(([name]) => name.startsWith("x-serin-r"))
      .map(([name]) => Number(name.slice("x-serin-r".length)));
    this.#host.done(this.#stream);
    return new Set(names);
  }

  get errors(): number {
    return this.#host.stat("serin.error");
  }
}

/** Blanks around a value are no part of it. */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}

/** At least so many pairs. */
export function comparePairs(count: number, seed: number): PairCounts {
  const generator = new ExpressionGenerator(new Random(seed));
  const filter = new Expressions();
  const faults: string[] = [];
  let pairs = 0;
  let matched = 0;
  let expressions = 0;
  while (pairs < count && faults.length < 10) {
    const written = Array.from({ length: EXPRESSIONS }, () => generator.next());
    const refusal = filter.load(
      policyOf(
        written.map(({ re2 }) => re2),
        { limits: { work: 1_000_000 } },
      ),
    );
    if (refusal !== null) {
      faults.push(`refused: ${refusal}`);
      break;
    }
    const engines = written.map(({ js, flags }) => new RegExp(`^(?:${js})$`, flags));
    expressions += written.length;
    for (let i = 0; i < TEXTS; i++) {
      const text = textFor(generator, written[i % EXPRESSIONS] as Written, i);
      const found = filter.matching(text);
      for (const [index, engine] of engines.entries()) {
        const wanted = engine.test(text);
        pairs++;
        if (wanted) matched++;
        if (found.has(index) === wanted) continue;
        const { re2, js } = written[index] as Written;
        faults.push(
          `${JSON.stringify(re2)} on ${JSON.stringify(text)}: ${!wanted}, JavaScript (${js}) ${wanted}`,
        );
      }
    }
  }
  if (filter.errors !== 0) faults.push(`serin.error counts ${filter.errors}`);
  return { pairs, matched, expressions, faults };
}

function textFor(generator: ExpressionGenerator, written: Written, index: number): string {
  if (index % 8 === 7) return trimmed(generator.text());
  const sample = written.sample();
  // What JavaScript's engine, which goes back, can still decide.
  const text = [...sample].slice(0, 14).join("");
  return trimmed(index % 3 === 0 ? generator.changed(text) : text);
}
