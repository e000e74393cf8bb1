// The dashboard's server: one page, its few files, and one stream of events. For this machine alone.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { CommandError } from "../terminal/command-error.ts";
import type { Asset } from "./assets.ts";
import type { Watch } from "./watch.ts";

/** Bound to this unless told otherwise: whoever reaches the page sees what Envoy counts. */
export const HOST = "127.0.0.1";
export const EVENTS_PATH = "/events";

/** Tabs that look at once; the next is told to come back later. */
const MOST_VIEWERS = 16;
/** A viewer that takes this little of what is written to it (a tab asleep) is let go: it comes back by itself. */
const MOST_UNREAD_BYTES = 8 << 20;

/** Nothing but what this server serves is loaded, run, framed, or told where the page is. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

export interface DashboardServer {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Listens on a port of loopback, or of another address of this machine (a container's, whose port is published on
 * loopback); port 0 takes a free one. By which names it answers does not change.
 * @throws CommandError when it cannot
 */
export async function startServer(
  watch: Watch,
  assets: ReadonlyMap<string, Asset>,
  port: number,
  host: string = HOST,
): Promise<DashboardServer> {
  const viewers = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const refusal = refusalOf(request);
    if (refusal !== null) return answer(response, refusal.status, refusal.text, refusal.headers);
    const path = pathOf(request);
    if (path === EVENTS_PATH) return stream(watch, response, viewers);
    const asset = assets.get(path);
    if (asset === undefined) return answer(response, 404, "there is no such page\n");
    return answer(response, 200, asset.content, { "content-type": asset.type });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, port, host)));
    server.listen({ port, host, exclusive: true }, resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    port: taken,
    url: `http://${HOST}:${taken}/`,
    async close() {
      for (const viewer of viewers) viewer.end();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function refusalOf(request: IncomingMessage): Refusal | null {
  // A site may point its own name at 127.0.0.1 and have a visitor's browser ask here: by its name it is told.
  if (!isLoopback(request.headers.host)) {
    return { status: 403, text: "only by the name of this machine's loopback: 127.0.0.1 or localhost\n" };
  }
  if (request.method !== "GET") {
    return { status: 405, text: "only GET\n", headers: { allow: "GET" } };
  }
  return null;
}

function isLoopback(host: string | undefined): boolean {
  return /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i.test(host ?? "");
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split("?", 1)[0] ?? "/";
}

function answer(
  response: ServerResponse,
  status: number,
  content: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...HEADERS, "content-type": "text/plain; charset=utf-8", ...headers });
  response.end(content);
}

/** Server-sent events: `history` once, then a `state` each time there is one. */
function stream(watch: Watch, response: ServerResponse, viewers: Set<ServerResponse>): void {
  if (viewers.size >= MOST_VIEWERS) {
    return answer(response, 503, `${MOST_VIEWERS} tabs look already\n`, { "retry-after": "10" });
  }
  viewers.add(response);
  response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream; charset=utf-8" });
  const send = (event: string, message: unknown): void => {
    if (response.writableLength > MOST_UNREAD_BYTES) return void response.destroy();
    response.write(`event: ${event}\ndata: ${JSON.stringify(message)}\n\n`);
  };
  send("history", watch.history);
  if (watch.latest !== null) send("state", watch.latest);
  const stop = watch.listen((state) => send("state", state));
  response.on("error", () => response.destroy());
  response.on("close", () => {
    stop();
    viewers.delete(response);
  });
}

function listenError(error: NodeJS.ErrnoException, port: number, host: string): Error {
  if (error.code === "EADDRINUSE") {
    return new CommandError(
      `port ${port} on ${host} is taken by another program: --port names another, --port 0 takes a free one`,
    );
  }
  if (error.code === "EACCES") return new CommandError(`port ${port} on ${host}: permission denied`);
  if (error.code === "EADDRNOTAVAIL")
    return new CommandError(`--host ${host}: is no address of this machine`);
  return error;
}
