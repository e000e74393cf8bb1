// What is no request any more: websockets (small frames are sent back) and CONNECT tunnels (bytes are sent back).

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const CLOSE = 8;

export function acceptWebsocket(version: string, request: IncomingMessage, socket: Duplex): void {
  const key = request.headers["sec-websocket-key"] ?? "";
  const accept = createHash("sha1")
    .update(key + WEBSOCKET_GUID)
    .digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nx-version: ${version}\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  );
  let rest = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("end", () => socket.end());
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let frame = readFrame(rest); frame !== null; frame = readFrame(rest)) {
      rest = rest.subarray(frame.size);
      socket.write(Buffer.concat([Buffer.from([0x80 | frame.opcode, frame.payload.length]), frame.payload]));
      if (frame.opcode === CLOSE) socket.end();
    }
  });
}

export function acceptTunnel(version: string, socket: Duplex, head: Buffer): void {
  socket.write(`HTTP/1.1 200 Connected\r\nx-version: ${version}\r\n\r\n`);
  socket.write(head);
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
}

/** A client's frame (masked, under 126 bytes) at the beginning of `bytes`; null while it is not whole. */
function readFrame(bytes: Buffer): { opcode: number; payload: Buffer; size: number } | null {
  if (bytes.length < 6) return null;
  const length = bytes.readUInt8(1) & 0x7f;
  const size = 6 + length;
  if (bytes.length < size) return null;
  const mask = bytes.subarray(2, 6);
  const payload = Buffer.from(bytes.subarray(6, size).map((byte, i) => byte ^ mask.readUInt8(i & 3)));
  return { opcode: bytes.readUInt8(0) & 0x0f, payload, size };
}
