// The command line of the instruction bench.

import { parseArgs } from "node:util";

import type { Build } from "./instruction-ways.ts";

export interface Options {
  readonly builds: readonly Build[];
  /** Names of ways, or `label/way`; empty for all. */
  readonly ways: readonly string[];
  readonly blocks: number;
  readonly requests: number;
  readonly bounds: readonly Bound[];
  /** A file (budget.ts) that the figures are held to; null for none. */
  readonly budget: string | null;
  /** A file whose figures they become; null for none. */
  readonly budgetToWrite: string | null;
  readonly isJson: boolean;
  readonly isHelp: boolean;
}

/** What a way may cost over no filter. */
export interface Bound {
  readonly text: string;
  /** A way (of every build), or `label/way`. */
  readonly name: string;
  /** What it is compared with: `lua` or another way, of the same build if it has no label. */
  readonly other: string;
  /** The limit is what the other adds, times this, … */
  readonly factor: number;
  /** … plus this many instructions. */
  readonly more: number;
}

export const USAGE = `What a request costs in a real Envoy, in instructions, counted by valgrind's callgrind. Differences
below the spread between blocks mean nothing. All ways are listeners of one Envoy, which needs some minutes to start.
  make bench-instructions ARGS="…"     (or: node --import tsx test/bench/instructions.ts …)

  --wasm [LABEL=]PATH     a build of the filter; repeat it to compare builds in one run (default: build/serin.wasm)
  --without LABEL=NAME,…  the callbacks of that build that Envoy does not make, as response_body: it then restricts what the
                          build's VM may do (capability_restriction_config)
  --ways NAME,…           ways, or LABEL/NAME; no-filter is always measured (default: all)
  --requests N            requests in a block (default: 300)
  --blocks N              counted blocks of each way, after one to warm up (default: 3)
  --at-most NAME=BOUND    exit with status 1 if a way adds more to no-filter than BOUND, which is one of
                            NUMBER         times what the Lua filter adds
                            OTHER*NUMBER   times what another way adds
                            OTHER+NUMBER   so many instructions more than another way adds
  --budget FILE           exit with status 1 if a way of Serin adds 3 % more to no-filter than FILE says, or is not in it
  --write-budget FILE     write what the ways of Serin add into FILE
  --json                  print the figures as JSON

Exit status: 0 success, 1 a bound or the budget is exceeded, 2 usage error, valgrind is missing or Envoy does not start.`;

/** @throws Error with a sentence for people */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      wasm: { type: "string", multiple: true, default: ["build/serin.wasm"] },
      without: { type: "string", multiple: true, default: [] },
      ways: { type: "string", multiple: true, default: [] },
      requests: { type: "string", default: "300" },
      blocks: { type: "string", default: "3" },
      "at-most": { type: "string", multiple: true, default: [] },
      budget: { type: "string" },
      "write-budget": { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const callbacks = callbacksOf(values.without);
  const builds = values.wasm.map((text) => buildOf(text, callbacks));
  const labels = builds.map(({ label }) => label);
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (twice !== undefined) throw new Error(`--wasm: two builds are called ${twice}: say LABEL=PATH`);
  const unknown = [...callbacks.keys()].find((label) => !labels.includes(label));
  if (unknown !== undefined) throw new Error(`--without: there is no build ${unknown}`);
  return {
    builds,
    ways: values.ways.flatMap((text) => text.split(",")).filter((name) => name !== ""),
    blocks: whole("--blocks", values.blocks),
    requests: whole("--requests", values.requests),
    bounds: values["at-most"].map((text) => boundOf(text)),
    budget: values.budget ?? null,
    budgetToWrite: values["write-budget"] ?? null,
    isJson: values.json,
    isHelp: values.help,
  };
}

/** Those that each build is not called for, by label. */
function callbacksOf(texts: readonly string[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    texts.map((text) => {
      const [, label = "", names = ""] = /^([\w.-]+)=([a-z_,]+)$/.exec(text) ?? [];
      if (label === "") throw new Error(`--without ${text}: say LABEL=NAME,…, as serin=response_body,log`);
      return [label, names.split(",").filter((name) => name !== "")];
    }),
  );
}

function buildOf(text: string, callbacks: ReadonlyMap<string, readonly string[]>): Build {
  const [, label = "serin", path = ""] = /^(?:([\w.-]+)=)?(.+)$/.exec(text) ?? [];
  if (path === "") throw new Error("--wasm takes a path, or LABEL=PATH");
  return { label, path, without: callbacks.get(label) ?? [] };
}

function boundOf(text: string): Bound {
  const [, name = "", other, sign = "*", number = ""] =
    /^([\w./-]+)=(?:([\w./-]*[A-Za-z][\w./-]*)([*+]))?(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (name === "")
    throw new Error(`--at-most ${text}: say NAME=NUMBER, NAME=OTHER*NUMBER or NAME=OTHER+NUMBER`);
  const isMore = sign === "+";
  return {
    text,
    name,
    other: other ?? "lua",
    factor: isMore ? 1 : Number(number),
    more: isMore ? Number(number) : 0,
  };
}

function whole(option: string, text: string): number {
  const number = Number(text);
  if (!(Number.isInteger(number) && number >= 1)) throw new Error(`${option} takes a whole number from 1`);
  return number;
}
