// Answers every request with 10 MiB, as cheaply as can be: a program of its own, so that what is measured beside it is
// the proxy's work and not the answers'. Prints its port.

import { createServer } from "node:net";

const BYTES = 10 * 1024 * 1024;
const PIECE = Buffer.alloc(65_536, "x");
const HEAD = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${BYTES}\r\n\r\n`;

const server = createServer({ noDelay: true }, (socket) => {
  let left = 0;
  const go = (): void => {
    while (left > 0 && !socket.destroyed) {
      left -= PIECE.length;
      if (!socket.write(PIECE)) return;
    }
  };
  socket.on("drain", go);
  socket.on("error", () => undefined);
  // One request at a time, without a body: so Envoy asks.
  socket.on("data", () => {
    socket.write(HEAD);
    left = BYTES;
    go();
  });
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => console.log(server.address()));
