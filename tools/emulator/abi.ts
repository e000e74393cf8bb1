// The numbers of the proxy-wasm ABI 0.2.1 that the emulator speaks.

/** What a host call answers. */
export const Status = {
  Ok: 0,
  NotFound: 1,
  BadArgument: 2,
  InvalidMemoryAccess: 6,
  CasMismatch: 8,
  InternalFailure: 10,
  Unimplemented: 12,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

/** Which header map a host call means. */
export const MapType = {
  RequestHeaders: 0,
  RequestTrailers: 1,
  ResponseHeaders: 2,
  ResponseTrailers: 3,
  HttpCallResponseHeaders: 6,
  HttpCallResponseTrailers: 7,
} as const;
/** The highest map type that Envoy knows (metadata of HTTP calls and gRPC); above it is BadArgument. */
export const MAP_TYPE_MAX = 7;

/** Which buffer a host call means. */
export const BufferType = {
  RequestBody: 0,
  ResponseBody: 1,
  HttpCallResponseBody: 4,
  VmConfiguration: 6,
  PluginConfiguration: 7,
} as const;
/** The highest buffer type that Envoy knows; above it is BadArgument. */
export const BUFFER_TYPE_MAX = 8;

/** Kinds of metric; they are also the two low bits of a metric's id. */
export const MetricType = { Counter: 0, Gauge: 1, Histogram: 2 } as const;
export type MetricType = (typeof MetricType)[keyof typeof MetricType];

/** Levels of proxy_log, in rising order. */
export const LogLevel = { Trace: 0, Debug: 1, Info: 2, Warn: 3, Error: 4, Critical: 5 } as const;
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];
