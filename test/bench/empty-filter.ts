// The smallest filter that is called for a request: what loading any Wasm filter costs. Compiled by test/bench/ways.ts.

export function proxy_abi_version_0_2_1(): void {}

export function proxy_on_memory_allocate(bytes: usize): usize {
  return 0;
}

export function proxy_on_vm_start(root: u32, bytes: u32): u32 {
  return 1;
}

export function proxy_on_configure(root: u32, bytes: u32): u32 {
  return 1;
}

export function proxy_on_request_headers(id: u32, count: u32, isEnd: u32): u32 {
  return 0;
}
