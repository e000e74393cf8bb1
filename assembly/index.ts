// The ABI's surface (proxy-wasm 0.2.1): what Envoy calls, each handed on in one line. Every export that is called for a
// stream costs each request, so only those that are needed are exported (docs/decisions/stream-callbacks.md).

import { rootOf, streamOf } from "./filter/contexts";
import { evaluate } from "./filter/evaluate";
import { allocate, configure } from "./filter/load";
import { createRoot, endRoot } from "./filter/root";
import { tick } from "./filter/evidence/tick";
import { takeAction } from "./filter/side-effects/calls";
import { tickEffects } from "./filter/side-effects/tick";
import {
  beginRequest,
  beginResponse,
  createStream,
  endRequest,
  endCall,
  endResponse,
  endStream,
  logStream,
  passRequest,
  passResponse,
} from "./filter/stream";

const CONTINUE: u32 = 0;

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(bytes: usize): usize {
  return allocate(bytes);
}

export function proxy_on_vm_start(root: u32, bytes: u32): u32 {
  return 1;
}

export function proxy_on_configure(root: u32, bytes: u32): u32 {
  return configure(root, bytes) ? 1 : 0;
}

export function proxy_on_context_create(id: u32, parent: u32): void {
  if (parent == 0) createRoot(id);
  else createStream(id, parent);
}

export function proxy_on_request_headers(id: u32, count: u32, isEnd: u32): u32 {
  beginRequest(id, isEnd != 0);
  return takeAction();
}

export function proxy_on_request_body(id: u32, bytes: u32, isEnd: u32): u32 {
  passRequest(id, bytes, isEnd != 0);
  return takeAction();
}

export function proxy_on_request_trailers(id: u32, count: u32): u32 {
  endRequest(id, count);
  return takeAction();
}

export function proxy_on_response_headers(id: u32, count: u32, isEnd: u32): u32 {
  beginResponse(id, isEnd != 0);
  return CONTINUE;
}

export function proxy_on_response_body(id: u32, bytes: u32, isEnd: u32): u32 {
  passResponse(id, bytes, isEnd != 0);
  return CONTINUE;
}

export function proxy_on_response_trailers(id: u32, count: u32): u32 {
  endResponse(id, count);
  return CONTINUE;
}

export function proxy_on_tick(root: u32): void {
  tick();
  tickEffects();
}

export function proxy_on_log(id: u32): void {
  logStream(id);
}

export function proxy_on_http_call_response(
  id: u32,
  token: u32,
  headers: u32,
  bytes: u32,
  trailers: u32,
): void {
  endCall(id, token, headers, bytes, trailers);
}

/** For `serin evaluate`; Envoy knows nothing of it. See filter/evaluate.ts. */
export function serin_evaluate(root: u32, address: usize, length: u32, seconds: f64): u64 {
  return evaluate(root, address, length, seconds);
}

export function proxy_on_done(id: u32): u32 {
  const stream = streamOf(id);
  if (stream != null) {
    endStream(id, stream);
    return 1;
  }
  const root = rootOf(id);
  return root == null || endRoot(root) ? 1 : 0;
}
