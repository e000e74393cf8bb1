// The upstream of the cases: it does with the next request what the case says, to the header.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { ANSWERING, type Upstream } from "./case-file.ts";
import type { CopyOutcome } from "./judge.ts";

export interface ScriptedUpstream {
  readonly port: number;
  /** What becomes of the next request. */
  next: Upstream;
  /** Headers of the latest request, names in lower case; null when none came since it was last set so. */
  seen: [name: string, value: string][] | null;
  /** Requests whose end has come, oldest first, pseudo headers too; kept only by an upstream that is told so. */
  readonly copies: CopyOutcome[];
  stop(): Promise<void>;
}

export async function startScriptedUpstream({ keepsCopies = false } = {}): Promise<ScriptedUpstream> {
  const server = createServer({ maxHeaderSize: 1 << 20, requestTimeout: 0 });
  const upstream = {
    port: 0,
    next: ANSWERING,
    seen: null as ScriptedUpstream["seen"],
    copies: [] as CopyOutcome[],
    async stop(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on("request", (request, response) => {
    upstream.seen = headersOf(request);
    if (keepsCopies) void keep(request, upstream.copies);
    void answer(upstream.next, request, response);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Socket) => {
    upstream.seen = headersOf(request);
    socket.on("error", () => undefined);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
    setTimeout(() => socket.destroy(), 50);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  upstream.port = (server.address() as AddressInfo).port;
  return upstream;
}

function headersOf(request: IncomingMessage): [string, string][] {
  const raw = request.rawHeaders;
  return Array.from({ length: raw.length / 2 }, (_, index) => [
    (raw[2 * index] as string).toLowerCase(),
    Buffer.from(raw[2 * index + 1] as string, "latin1").toString("utf8"),
  ]);
}

async function keep(request: IncomingMessage, copies: CopyOutcome[]): Promise<void> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) pieces.push(piece as Buffer);
  } catch {
    return;
  }
  const { method = "", url = "" } = request;
  const headers = headersOf(request);
  const host = headers.filter(([name]) => name === "host").map(([, value]) => [":authority", value] as const);
  const gets = [[":method", method] as const, [":path", url] as const, ...host, ...headers];
  copies.push({ gets, body: Buffer.concat(pieces).toString("latin1") });
}

async function answer(wanted: Upstream, request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.on("error", () => undefined);
  response.on("error", () => undefined);
  const { ending } = wanted;
  if (wanted.takes > 0) await sleep(wanted.takes);
  if (ending === "client-leaves") return;
  if (ending === "no-answer") return void request.socket.destroy();
  const length = ending === "trailers" || ending === "empty" ? [] : ["content-length", lengthFor(wanted)];
  const trailer = ending === "trailers" ? ["trailer", "x-trailer"] : [];
  response.writeHead(wanted.status, [...wanted.headers.flat(), ...length, ...trailer]);
  if (ending === "empty") return void response.end();
  response.write(wanted.body);
  if (ending === "trailers") response.addTrailers({ "x-trailer": "1" });
  if (ending === "cut") setTimeout(() => request.socket.destroy(), 50);
  else if (ending !== "client-leaves-midway") response.end();
}

/** A response that will not come whole promises more than it brings. */
function lengthFor({ ending, body }: Upstream): string {
  const length = Buffer.byteLength(body);
  return String(ending === "cut" || ending === "client-leaves-midway" ? length + 100 : length);
}
