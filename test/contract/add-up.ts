// What all counters together have to say once no stream is alive.

import assert from "node:assert/strict";

import { MetricType } from "../../tools/emulator/index.ts";
import type { RecordingHost } from "./recording-host.ts";

/** All counters whose name ends so. */
export function sum(host: RecordingHost, leaf: string): number {
  return host.metrics
    .all()
    .filter(({ type, name }) => type !== MetricType.Histogram && name.endsWith(`.${leaf}`))
    .reduce((total, { value }) => total + Number(BigInt.asIntN(64, value)), 0);
}

const ENDINGS = ["rq_1xx", "rq_2xx", "rq_3xx", "rq_4xx", "rq_5xx", "rq_reset", "rq_left"];

/** Every stream has one ending, and nothing went wrong. */
export function addUp(host: RecordingHost): void {
  assert.equal(
    ENDINGS.reduce((total, leaf) => total + sum(host, leaf), 0),
    sum(host, "rq_total"),
  );
  assert.equal(sum(host, "rq_active"), 0);
  assert.equal(host.stat("serin.error"), 0);
}
