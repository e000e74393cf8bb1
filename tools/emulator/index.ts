// A proxy-wasm host for Node that behaves as Envoy does for the calls that the filter makes.

export { BufferType, LogLevel, MapType, MetricType, Status } from "./abi.ts";
export type { HeaderChange } from "./context.ts";
export { HeaderMap, type HeaderPairs } from "./header-map.ts";
export type { ClusterState, HttpCall } from "./http-call.ts";
export { hostCallNames } from "./host-calls.ts";
export type { LoggedError, LoggedProblem, LogLine, MoreProblems } from "./log.ts";
export { Metrics, type Metric } from "./metrics.ts";
export { SharedData, type SharedValue } from "./shared-data.ts";
export type { Root } from "./root.ts";
export type { Stream, StreamEnd, StreamRequest } from "./stream.ts";
export { Vm, type Configured, type VmOptions } from "./vm.ts";
