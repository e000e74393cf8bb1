// A body as services encode it, well and badly.

import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";

/** What an answer's `encoding` may be, and how its body is then made. */
const ENCODINGS: Readonly<Record<string, { readonly coding: string; encode(body: Buffer): Buffer }>> = {
  gzip: { coding: "gzip", encode: (body) => gzipSync(body) },
  "gzip-1": { coding: "x-gzip", encode: (body) => gzipSync(body, { level: 1 }) },
  "gzip-9": { coding: "GZIP", encode: (body) => gzipSync(body, { level: 9 }) },
  // With a time stamp, an extra field, a name and a comment (RFC 1952, 2.3).
  "gzip-named": { coding: "gzip", encode: (body) => named(gzipSync(body)) },
  "gzip-members": {
    coding: "gzip",
    encode: (body) => Buffer.concat([gzipSync(body.subarray(0, 9)), gzipSync(body.subarray(9))]),
  },
  "gzip-twice": { coding: "gzip, gzip", encode: (body) => gzipSync(gzipSync(body)) },
  "gzip-cut": { coding: "gzip", encode: (body) => gzipSync(body).subarray(0, -12) },
  "gzip-bomb": {
    coding: "gzip",
    encode: (body) => gzipSync(Buffer.concat([body, Buffer.alloc(10_000_000, " ")])),
  },
  deflate: { coding: "deflate", encode: (body) => deflateSync(body) },
  "deflate-raw": { coding: "deflate", encode: (body) => deflateRawSync(body) },
  br: { coding: "br", encode: (body) => brotliCompressSync(body) },
};

/** Encodes a body, as `content-encoding` then says. An encoding that is not known is said and not done. */
export function encodeBody(
  encoding: string,
  body: Buffer,
): { readonly coding: string; readonly body: Buffer } {
  const known = ENCODINGS[encoding];
  return known === undefined
    ? { coding: encoding, body }
    : { coding: known.coding, body: known.encode(body) };
}

function named(whole: Buffer): Buffer {
  const head = Buffer.from(whole.subarray(0, 10));
  head[3] = 4 | 8 | 16;
  head.writeUInt32LE(1_700_000_000 + Math.floor(Math.random() * 1e7), 4);
  const fields = Buffer.from("\x05\0extraitems.json\0a comment\0", "latin1");
  return Buffer.concat([head, fields, whole.subarray(10)]);
}
