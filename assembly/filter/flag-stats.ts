// Counters of flags: `serin.flag.<key>.<variant>`, for the flags that something uses.

import * as ascii from "../bytes/ascii";
import { keep } from "../bytes/arena";
import { fixed } from "../bytes/records";
import { NONE } from "../bytes/slice";
import { ABSENT, find, insert, Table } from "../bytes/table";
import { put, putByte, restartText, textOf, Writer } from "../bytes/writer";
import { Decision } from "../core/decision";
import { Flag } from "../core/flag-plan";
import { putFolded } from "../core/stat-name";
import { NO_SLOT, Plan } from "../core/plan";
import { addToMetric, defineMetric, MetricKind } from "../host/metrics";
import * as statNames from "../vocabulary/stats";
import { vmArena } from "./vm";

const name: Writer = fixed<Writer>();
/** Stat name -> id on this worker. */
const ids: Table = fixed<Table>();

/** Gives the variants of every flag that something uses their counters. */
export function adoptFlagStats(plan: Plan): void {
  for (let i: u32 = 0; i < plan.flagCount; i++) {
    const flag = plan.flag(i);
    if (!flag.isUsed) continue;
    for (let v: u32 = 0; v < flag.variantCount; v++) flag.variant(v).metric = idOf(flag, v);
  }
}

function idOf(flag: Flag, variant: u32): u32 {
  restartText(name);
  put(name, statNames.FLAG);
  putFolded(name, flag.key);
  putByte(name, ascii.DOT);
  putFolded(name, flag.variant(variant).name);
  const stat = textOf(name);
  const found = find(ids, stat);
  if (found != ABSENT) return found;
  const id = defineMetric(MetricKind.Counter, stat);
  const own = keep(vmArena(), stat);
  if (own != NONE) insert(vmArena(), ids, own, id);
  return id;
}

/** Counts what the request's flags gave. */
export function countFlags(decision: Decision): void {
  let flag = decision.plan.used;
  while (flag) {
    const answer = decision.answerOf(flag);
    if (answer && answer.given != NO_SLOT) addToMetric(flag.variant(answer.given).metric, 1);
    flag = flag.nextUsed;
  }
}
