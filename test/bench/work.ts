// What the costliest rules take of a worker: each is run until the work of a request (`limits.work`) is spent, and time is
// said for each step. V8 compiles as Envoy has it do, once and with all optimisations.
//   node --no-liftoff --no-wasm-lazy-compilation --import tsx test/bench/work.ts [--work N] [--only TEXT] [--explore SECONDS --seed N]

import Table from "cli-table3";
import { parseArgs } from "node:util";

import { stepTime, worstRules, type WorstRule } from "./worst-rules.ts";
import { RuleExplorer } from "./rule-explorer.ts";

const { values } = parseArgs({
  options: {
    work: { type: "string", default: "200000" },
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "5" },
    explore: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const work = Number(values.work);
const rounds = Number(values.rounds);

const table = new Table({ head: ["rule", "ms a request", "ns a step"], style: { head: [], border: [] } });
function show(rows: readonly { readonly what: string; readonly ms: number }[]): void {
  for (const { what, ms } of [...rows].sort((a, b) => b.ms - a.ms)) {
    table.push([what, ms.toFixed(2), ((ms * 1e6) / work).toFixed(1)]);
  }
  console.log(table.toString());
}

const measured = (rule: WorstRule): { what: string; ms: number } => ({
  what: rule.what,
  ms: stepTime(rule, work, rounds).ms,
});
if (values.explore === undefined) {
  show(worstRules.filter(({ what }) => what.includes(values.only)).map(measured));
} else {
  const explorer = new RuleExplorer(Number(values.seed));
  const until = Date.now() + Number(values.explore) * 1000;
  while (Date.now() < until) {
    const rule = explorer.next();
    let { ms } = stepTime(rule, work, 2);
    // Again, before chance makes it one of the worst.
    if (explorer.isWorse(ms)) ms = Math.min(ms, stepTime(rule, work, 5).ms);
    explorer.note(rule, ms);
  }
  console.log(`${explorer.count} rules`);
  show(explorer.worst.map(({ rule, ms }) => ({ what: JSON.stringify(rule.unit).slice(0, 120), ms })));
}
