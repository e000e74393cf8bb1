// The filter's JsonLogic alone, without flags and requests: a rule and any data in, the result out.

import { loadGuest } from "../support/guest.ts";

const ROOM = 1 << 18;

const ENTRY = `
  import { closeArena, openArena } from "./assembly/bytes/arena";
  import { beginScratch } from "./assembly/bytes/scratch";
  import { addressOf, lengthOf, sliceOf } from "./assembly/bytes/slice";
  import { beginText, textOf, Writer } from "./assembly/bytes/writer";
  import { runRule } from "./assembly/core/logic/evaluate";
  import { setFractional } from "./assembly/core/logic/machine";
  import { putValue } from "./assembly/core/logic/value-text";
  import { seeJson } from "./assembly/core/logic/variables";
  import { beginWork } from "./assembly/core/logic/work";
  import { beginDecision, decision } from "./assembly/core/decision";
  import { compilePlan, endReading, Reading } from "./assembly/policy/read-policy";
  import { readValue } from "./assembly/policy/read-value";
  const writer: Writer = changetype<Writer>(memory.data(offsetof<Writer>(), 8));
  export const policy: usize = memory.data(${ROOM}, 8);
  export const data: usize = memory.data(${ROOM}, 8);
  export let output: usize = 0;
  /** 1 refused, 2 the rule failed, 3 the data is no JSON; else 4 + the length of the result at output. */
  export function evaluate(policyLength: u32, dataLength: u32, times: u32): u32 {
    beginScratch();
    const plan = compilePlan(sliceOf(policy, policyLength), changetype<Reading>(memory.data(offsetof<Reading>(), 8)));
    endReading();
    if (!plan) return 1;
    const arena = openArena();
    if (!arena) return 3;
    const context = readValue(arena, sliceOf(data, dataLength));
    let answer: u32 = 3;
    const flag = plan.flag(0);
    const rule = flag.targeting;
    beginDecision(decision, plan, 0);
    if (context) {
      seeJson(plan, context, 0);
      setFractional(flag.key, plan.generation, plan.targetingKey);
      answer = 2;
      for (let i: u32 = 1; i < times && rule; i++) {
        beginScratch();
        beginWork(plan.work);
        runRule(decision, rule);
      }
      beginWork(plan.work);
      if (rule && runRule(decision, rule) == 0) {
        beginText(writer);
        putValue(writer, decision.stack.at(0));
        output = addressOf(textOf(writer));
        answer = 4 + lengthOf(textOf(writer));
      }
    }
    closeArena(arena);
    closeArena(plan.arena);
    return answer;
  }
`;

interface Module {
  memory: WebAssembly.Memory;
  policy: WebAssembly.Global<"i32">;
  data: WebAssembly.Global<"i32">;
  output: WebAssembly.Global<"i32">;
  evaluate(policyLength: number, dataLength: number, times: number): number;
}

/** What a rule gave; an error is why it gave nothing. */
export type Outcome = { readonly value: unknown } | { readonly error: "refused" | "failed" | "no data" };

/** Compiles the layer. The result evaluates a rule over data, so many times (to be measured: once unless said). */
export async function expressionLayer(): Promise<(rule: unknown, data: unknown, times?: number) => Outcome> {
  const module = await loadGuest<Module>("layer.ts", { source: ENTRY });
  const give = (room: WebAssembly.Global<"i32">, value: unknown): number => {
    const bytes = new Uint8Array(module.memory.buffer, room.value, ROOM);
    return new TextEncoder().encodeInto(JSON.stringify(value), bytes).written;
  };
  return (rule, data, times = 1) => {
    const flag = { state: "ENABLED", variants: { a: 1 }, targeting: rule };
    const policyLength = give(module.policy, { flags: { f: flag } });
    const answer = module.evaluate(policyLength, give(module.data, data), times);
    if (answer < 4) return { error: (["refused", "failed", "no data"] as const)[answer - 1] ?? "failed" };
    const text = Buffer.from(module.memory.buffer, module.output.value, answer - 4).toString("utf8");
    return { value: JSON.parse(text) as unknown };
  };
}
