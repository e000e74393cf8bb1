// What policies of the largest size cost a worker: to load, a request, its end, a tick. V8 compiles as Envoy has it do.
//   node --no-liftoff --no-wasm-lazy-compilation --import tsx test/bench/capacity.ts [--only TEXT]

import { parseArgs } from "node:util";

import Table from "cli-table3";

import { Vm, type Root } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";
import { byName } from "./many-rollouts.ts";

const SECOND = 1_000_000_000n;

interface Shape {
  readonly what: string;
  readonly rollouts: number;
  readonly variants: number;
  readonly rest: (index: number) => object;
  /** Bytes of the request's identity; a few unless said. */
  readonly identityBytes?: number;
}

const path = (value: string): object => ({ match: [{ path: { value } }] });
const host = (rest: object = {}): object => ({ match: [{ hosts: ["h"], ...rest }] });
const SHAPES: readonly Shape[] = [
  { what: "no match", rollouts: 256, variants: 2, rest: () => ({}) },
  {
    what: "no match, an identity of 60 KB",
    rollouts: 256,
    variants: 2,
    rest: () => ({}),
    // Envoy takes 60 KiB of headers unless it is told to take more.
    identityBytes: 60_000,
  },
  { what: "a path each", rollouts: 16_384, variants: 2, rest: (i) => path(`/p${i}`) },
  { what: "a path each", rollouts: 9000, variants: 16, rest: (i) => path(`/p${i}`) },
  {
    what: "a path each, a guard",
    rollouts: 16_384,
    variants: 2,
    rest: (i) => ({ ...path(`/p${i}`), guard: {} }),
  },
  { what: "one host", rollouts: 16_384, variants: 2, rest: () => host() },
  { what: "one host, another method", rollouts: 16_384, variants: 2, rest: () => host({ method: "POST" }) },
  {
    what: "one host, a header each",
    rollouts: 16_384,
    variants: 2,
    rest: (i) => host({ headers: [{ name: "x-a", value: String(i) }] }),
  },
];

function policyOf({ rollouts, variants, rest }: Shape): string {
  const shares = byName(variants, "v", (i) => (i === 0 ? {} : { percent: 1 }));
  const all = byName(rollouts, "r", (i) => ({ ...rest(i), default: "v0", variants: shares }));
  return JSON.stringify({ identity: [{ cookie: "uid" }], rollouts: all });
}

/** Milliseconds of processor time, which other work of the machine does not lengthen. */
function time(act: () => void): number {
  const begin = process.cpuUsage();
  act();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

const best = (times: readonly number[]): string => Math.min(...times).toFixed(2);

const table = new Table({
  head: ["rollouts", "load, ms", "first request", "request", "its end", "tick but two", "MiB"],
  style: { head: [], border: [] },
});
const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
for (const shape of SHAPES.filter(({ what }) => what.includes(values.only))) {
  const vm = Vm.load(filterModule());
  const text = policyOf(shape);
  let root = undefined as Root | undefined;
  const loads = [0, 1, 2].map(() =>
    time(() => {
      const { root: next, accepted, problems } = vm.configure(text);
      if (!accepted) throw new Error(JSON.stringify(problems[0]));
      if (root !== undefined) vm.retire(root);
      root = next;
    }),
  );
  const requests: number[] = [];
  const ends: number[] = [];
  for (let i = 0; i < 6; i++) {
    const headers: [string, string][] = [
      [":method", "GET"],
      [":authority", "h"],
      [":path", "/"],
      ["cookie", `uid=u${i}${"x".repeat(shape.identityBytes ?? 0)}`],
    ];
    const stream = vm.open(root as Root, { headers });
    requests.push(time(() => void stream.onRequestHeaders()));
    ends.push(time(() => void stream.respond(200)));
  }
  const begun = vm.clock();
  const ticks = Array.from({ length: 40 }, (_, i) => {
    vm.clock = () => begun + BigInt(i + 1) * SECOND;
    return time(() => vm.runTicks());
  });
  table.push([
    `${shape.rollouts} of ${shape.variants} variants, ${shape.what}`,
    Math.min(...loads).toFixed(0),
    requests[0]?.toFixed(2),
    best(requests),
    best(ends),
    [...ticks].sort((a, b) => b - a)[2]?.toFixed(0),
    (vm.memorySize / 2 ** 20).toFixed(0),
  ]);
}
console.log(table.toString());
