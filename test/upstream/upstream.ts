// An upstream that behaves as it is told: HTTP/1.1 and HTTP/2 with prior knowledge.

import { createServer, type IncomingMessage } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";

import { answer, type Request, type Response } from "./answer.ts";
import { behaviourOf, type Behaviour } from "./behaviour.ts";
import { acceptTunnel, acceptWebsocket } from "./tunnel.ts";

export interface UpstreamOptions {
  /** Named in the header `x-version` of each answer. */
  readonly version: string;
  /** Ports; 0 takes a free one. */
  readonly port?: number;
  readonly http2Port?: number;
  readonly host?: string;
  /** For all requests; a request's own headers and query stand above it. */
  readonly behaviour?: Behaviour;
  /** Told of each request, before it is answered; upgrades and tunnels have no response. */
  readonly onRequest?: (request: Request, response: Response | null) => void;
}

export interface Upstream {
  readonly version: string;
  readonly port: number;
  readonly http2Port: number;
  /** Requests so far, upgrades and tunnels among them. */
  readonly count: number;
  stop(): Promise<void>;
}

export async function startUpstream(options: UpstreamOptions): Promise<Upstream> {
  const { version, host = "127.0.0.1", behaviour = {} } = options;
  let count = 0;
  const handle = (request: Request, response: Response): void => {
    count++;
    options.onRequest?.(request, response);
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const wanted = behaviourOf(behaviour, request.headers, request.url ?? "", version);
    answer(version, wanted, request, response).catch(() => undefined);
  };
  // As large as Envoy itself allows, and more: what it lets through has to arrive.
  const http1 = createServer({ maxHeaderSize: 1 << 20, requestTimeout: 0, keepAliveTimeout: 0 }, handle);
  http1.maxHeadersCount = 0;
  http1.on("upgrade", (request: IncomingMessage, socket, head: Buffer) => {
    count++;
    options.onRequest?.(request, null);
    socket.unshift(head);
    acceptWebsocket(version, request, socket);
  });
  http1.on("connect", (request: IncomingMessage, socket, head: Buffer) => {
    count++;
    options.onRequest?.(request, null);
    acceptTunnel(version, socket, head);
  });
  const http2 = createHttp2Server(
    {
      maxHeaderListPairs: 10_000,
      maxSendHeaderBlockLength: 1 << 20,
      settings: { maxHeaderListSize: 1 << 20 },
    },
    handle,
  );
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => undefined);
    session.on("close", () => sessions.delete(session));
  });
  const sockets = new Set<Socket>();
  http1.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const port = await listen(http1, options.port ?? 0, host);
  const http2Port = await listen(http2, options.http2Port ?? 0, host);
  return {
    version,
    port,
    http2Port,
    get count() {
      return count;
    },
    async stop() {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await Promise.all([close(http1), close(http2)]);
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}
