// What a VM does each half second: learns of periods, brings in what its requests noted, and judges if it is its turn.

import { nextOf } from "../../bytes/records";
import { beginScratch } from "../../bytes/scratch";
import { nowNs } from "../../host/clock";
import { holdLease, isJudging, isNewJudge, judge, sequence } from "./judge";
import { layOut, shareRoom } from "./layout";
import { beginBringing, bringIn } from "./notes";
import { tellGuards } from "./obey";
import { leavePeriod, learn } from "./period";
import { Evidence, firstEvidence } from "./record";
import { moveAll, obeyAll, takeChanged } from "./serving";

/** Every root of a VM ticks: less than this after one tick is the same. In nanoseconds. */
const LEAST_NS: u64 = 400000000;

let lastNs: u64 = 0;
let knownSequence: u32 = 0;
let isKnown: bool = false;

/** A root ticks. */
export function tick(): void {
  if (!firstEvidence()) return;
  const now = nowNs();
  if (now >= lastNs && now - lastNs < LEAST_NS) return;
  lastNs = now;
  beginScratch();
  moveAll(now);
  if (!holdLease(now)) return;
  const isChanged = takeChanged();
  if (isChanged) shareRoom();
  const readsAll = isChanged || !isKnown || sequence() != knownSequence;
  knownSequence = sequence();
  isKnown = true;
  beginBringing();
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    if (readsAll) learn(evidence);
    if (evidence.period != 0 && !bringIn(evidence)) leavePeriod(evidence);
  }
  if (readsAll) obeyAll();
  layOut();
  const hasActed = judge(now);
  if (hasActed) obeyAll();
  if (isJudging() && (readsAll || hasActed)) tellGuards(isNewJudge());
}

/** A root is going: what was noted is brought in, since no tick may follow. */
export function bringAllIn(): void {
  beginBringing();
  for (let evidence = firstEvidence(); evidence; evidence = nextOf(evidence)) {
    if (evidence.period != 0 && !bringIn(evidence)) leavePeriod(evidence);
  }
}
