import type { Status } from "./abi.ts";
import type { HeaderMap } from "./header-map.ts";
import type { LogLine } from "./log.ts";

/** What a host call acts on: the root context or the stream whose callback is running. */
export interface Context {
  readonly id: number;
  /** Lines logged in this context's callbacks, oldest first. */
  readonly log: LogLine[];
  /** The map of that type when the running callback may use it, else null. */
  headers(mapType: number): HeaderMap | null;
  /** The buffer of that type when the running callback may use it, else null. */
  buffer(bufferType: number): Uint8Array | null;
  /** The property's bytes, or null. The path is one character a byte, its parts separated by NUL. */
  property(path: string): Uint8Array | null;
  setProperty(path: string, value: Uint8Array): Status;
  /** Called after each write to a header map. */
  headersChanged(change: HeaderChange): void;
  clearRouteCache(): void;
  /** The guest answers the request itself. */
  answerRequest(reply: LocalReply): Status;
}

/** An answer of the guest's own, in place of the upstream's. */
export interface LocalReply {
  readonly status: number;
  /** What access logs call it. */
  readonly details: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** One write of the guest to a header map, as it was asked for. */
export interface HeaderChange {
  readonly mapType: number;
  readonly operation: "add" | "replace" | "remove";
  readonly name: string;
  /** UTF-8 text; empty for a removal. */
  readonly value: string;
}
