// Answers every request with 10 MiB at the pace of a fast network, about 1 GBit a second for each: what loopback would
// push at once is this machine's work, and not the proxy's. Writes a line when it listens on the port it is told.

import { createServer } from "node:net";

const BYTES = 10 * 1024 * 1024;
const PIECE = Buffer.alloc(131_072, "x");
const HEAD = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${BYTES}\r\n\r\n`;

const server = createServer({ noDelay: true }, (socket) => {
  let left = 0;
  let timer: NodeJS.Timeout | null = null;
  const go = (): void => {
    timer = null;
    if (left <= 0 || socket.destroyed) return;
    left -= PIECE.length;
    if (socket.write(PIECE)) timer = setTimeout(go, 1);
  };
  socket.on("drain", () => (timer ??= setTimeout(go, 1)));
  socket.on("error", () => undefined);
  // One request at a time, without a body: so Envoy asks.
  socket.on("data", () => {
    socket.write(HEAD);
    left = BYTES;
    go();
  });
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => console.log("listens"));
