// The dashboard's server: one page, its few files, and one stream of events. For this machine alone.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { CommandError } from "../terminal/command-error.ts";
import type { Asset } from "./assets.ts";
import type { Watch } from "./watch.ts";

/** Bound to this unless told otherwise: whoever reaches the page sees what Envoy counts. */
export const HOST = "127.0.0.1";
export const EVENTS_PATH = "/events";

/** Event streams at once. Only the dashboard's own page can get a place when all are taken: see `stream`. */
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
  const viewers: Viewers = new Map();
  const server = createServer((request, response) => {
    const refusal = refusalOf(request);
    if (refusal !== null) return answer(response, refusal.status, refusal.text, refusal.headers);
    const path = pathOf(request);
    if (path === EVENTS_PATH) return stream(watch, senderOf(request), response, viewers);
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
      for (const viewer of viewers.keys()) viewer.end();
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

/** Who sends a request: the dashboard's own page, a page of another origin, or a client that does not say. */
type Sender = "own page" | "other origin" | "unknown";

/**
 * As the browser says, since a page cannot set these headers. `Origin` is missing from a same-origin GET, and from images,
 * frames and requests without CORS; `Sec-Fetch-Site` is missing in browsers from before 2023. An origin is host and port:
 * another port of this machine is another program's page.
 */
function senderOf({ headers }: IncomingMessage): Sender {
  const { origin, host, "sec-fetch-site": site } = headers;
  const ofOrigin = origin === undefined || isOrigin(origin, host ?? "");
  if (!ofOrigin || !(site === undefined || site === "same-origin" || site === "none")) return "other origin";
  return origin !== undefined || site === "same-origin" ? "own page" : "unknown";
}

function isOrigin(origin: string, host: string): boolean {
  return origin.toLowerCase().replace(/^https?:\/\//, "") === host.toLowerCase();
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

/** Open event streams, the oldest first. */
type Viewers = Map<ServerResponse, Sender>;

/**
 * Server-sent events: `history` once, then a `state` each time there is one. Pages of other origins get none: a browser
 * lets any site open streams here, and though it could not read them, it would keep the owner out. When all places are
 * taken, the own page gets that of the oldest client that does not say who it is.
 */
function stream(watch: Watch, sender: Sender, response: ServerResponse, viewers: Viewers): void {
  if (sender === "other origin") return answer(response, 403, "only for the dashboard's own page\n");
  if (viewers.size >= MOST_VIEWERS && !(sender === "own page" && dropUnknown(viewers))) {
    return answer(response, 503, `all ${MOST_VIEWERS} event streams are in use\n`, { "retry-after": "10" });
  }
  viewers.set(response, sender);
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

/** Whether a place is free now. */
function dropUnknown(viewers: Viewers): boolean {
  for (const [viewer, sender] of viewers) {
    if (sender !== "unknown") continue;
    viewers.delete(viewer);
    viewer.destroy();
    return true;
  }
  return false;
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
