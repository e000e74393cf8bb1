// The sections of a WebAssembly binary: each is an id, a length and its bytes; id 0 is custom (names, source map).

const HEADER_BYTES = 8;
const CUSTOM = 0;

/** The same module without names, source map link and other custom sections; its code is untouched. */
export function withoutCustomSections(wasm: Uint8Array): Uint8Array {
  const kept = [wasm.subarray(0, HEADER_BYTES)];
  let at = HEADER_BYTES;
  while (at < wasm.length) {
    const begin = at;
    const id = wasm[at++];
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      if (byte === undefined) throw new Error("the module ends inside a section's length");
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    at += length;
    if (id !== CUSTOM) kept.push(wasm.subarray(begin, at));
  }
  return Buffer.concat(kept);
}
