// Envoy's counters, gauges and histograms.

import { addressOf, lengthOf, Slice } from "../bytes/slice";
import {
  proxy_define_metric,
  proxy_get_metric,
  proxy_increment_metric,
  proxy_record_metric,
  RETURNED,
  STATUS_OK,
} from "./abi";

export const enum MetricKind {
  Counter,
  Gauge,
  Histogram,
}

/** No metric: Envoy's ids begin above it, and every call below passes over it. */
export const NO_METRIC: u32 = 0;

/** Defines a metric, or finds it when another worker did. @returns its id on this worker, NO_METRIC when refused */
export function defineMetric(kind: MetricKind, name: Slice): u32 {
  store<u32>(RETURNED, 0);
  if (proxy_define_metric(kind, addressOf(name), lengthOf(name), RETURNED) != STATUS_OK) return NO_METRIC;
  return load<u32>(RETURNED);
}

/** Adds to a counter (above 0 only) or a gauge. @returns whether the host did it */
export function addToMetric(id: u32, amount: i64): bool {
  return id == NO_METRIC || proxy_increment_metric(id, amount) == STATUS_OK;
}

/** Sets a gauge, or records a value of a histogram. @returns whether the host did it */
export function recordMetric(id: u32, value: u64): bool {
  return id == NO_METRIC || proxy_record_metric(id, value) == STATUS_OK;
}

/** What a counter or a gauge has in the whole process; 0 without one. */
export function readMetric(id: u32): u64 {
  store<u64>(RETURNED, 0);
  return id != NO_METRIC && proxy_get_metric(id, RETURNED) == STATUS_OK ? load<u64>(RETURNED) : 0;
}
