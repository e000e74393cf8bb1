// Clients at the level of bytes: what no HTTP library would send, and many requests at once.

import { connect } from "node:net";

/** What a client saw. */
export interface Exchange {
  /** Everything received, bytes as Latin-1. */
  readonly text: string;
  /** `end`: the other side closed. `reset`: it reset. `quit`: the client left. `late`: nobody did, in time. */
  readonly ending: "end" | "reset" | "quit" | "late";
}

export interface ExchangeOptions {
  /** The client leaves when this has come. */
  readonly until?: RegExp;
  /** The client leaves after so long: `how` says in which way. */
  readonly leaveAfterMs?: number;
  readonly how?: "close" | "reset";
}

/** Sends bytes on a connection of its own and waits for what becomes of it. */
export function exchange(port: number, bytes: string, options: ExchangeOptions = {}): Promise<Exchange> {
  return new Promise((resolve) => {
    let text = "";
    let ending: Exchange["ending"] = "end";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    const leave = (why: Exchange["ending"]): void => {
      ending = why;
      if (options.how === "reset") socket.resetAndDestroy();
      else socket.destroy();
    };
    const late = setTimeout(() => leave("late"), 30_000);
    const gone =
      options.leaveAfterMs === undefined ? null : setTimeout(() => leave("quit"), options.leaveAfterMs);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (options.until?.test(text)) leave("quit");
    });
    socket.on("end", () => socket.end());
    socket.on("error", () => (ending = "reset"));
    socket.on("close", () => {
      clearTimeout(late);
      if (gone !== null) clearTimeout(gone);
      resolve({ text, ending });
    });
  });
}

/** The bytes of a request without a body. */
export function request(path: string, headers: readonly string[] = [], method = "GET"): string {
  return `${[`${method} ${path} HTTP/1.1`, "host: shop.example.com", ...headers].join("\r\n")}\r\n\r\n`;
}

/** A request after which the connection ends. */
export function lastRequest(path: string, headers: readonly string[] = []): string {
  return request(path, ["connection: close", ...headers]);
}

/** A request with a body, told by its length or in chunks, after which the connection ends. */
export function post(
  path: string,
  body: Buffer,
  isChunked: boolean,
  headers: readonly string[] = [],
): string {
  if (!isChunked) {
    const lines = ["connection: close", `content-length: ${body.length}`, ...headers];
    return request(path, lines, "POST") + body.toString("latin1");
  }
  const pieces: string[] = [];
  for (let at = 0; at < body.length; at += 10_007) {
    const piece = body.subarray(at, at + 10_007);
    pieces.push(`${piece.length.toString(16)}\r\n${piece.toString("latin1")}\r\n`);
  }
  const lines = ["connection: close", "transfer-encoding: chunked", ...headers];
  return `${request(path, lines, "POST")}${pieces.join("")}0\r\n\r\n`;
}

/** Status and body of a response read to its end. */
export function parseResponse({ text }: Exchange): {
  status: number;
  headers: Map<string, string>;
  body: string;
} {
  const split = text.indexOf("\r\n\r\n");
  const [line = "", ...fields] = text.slice(0, split).split("\r\n");
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(":");
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
    }),
  );
  const raw = text.slice(split + 4);
  const body = headers.get("transfer-encoding") === "chunked" ? unchunk(raw) : raw;
  return { status: Number(line.split(" ")[1] ?? 0), headers, body };
}

function unchunk(text: string): string {
  let body = "";
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, end), 16);
    if (!(size > 0)) break;
    body += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
  return body;
}

/**
 * Sends many requests over some connections that are kept; the answers have no bodies. One request at a time on each:
 * Envoy itself stands still when more are pipelined to a direct response (measured without the filter). Resolves to the
 * head of each answer, in the order of the requests.
 */
export async function sendAll(
  port: number,
  requests: readonly string[],
  connections = 64,
): Promise<string[]> {
  const answers = new Array<string>(requests.length);
  let next = 0;
  const take = (): number | null => (next < requests.length ? next++ : null);
  await Promise.all(Array.from({ length: connections }, () => sendSome(port, requests, answers, take)));
  return answers;
}

function sendSome(
  port: number,
  requests: readonly string[],
  answers: string[],
  take: () => number | null,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let rest = "";
    let current: number | null = null;
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const send = (): void => {
      current = take();
      if (current === null) socket.end();
      else socket.write(requests[current] ?? "", "latin1");
    };
    socket.on("connect", send);
    socket.on("data", (chunk) => {
      rest += chunk.toString("latin1");
      if (!rest.endsWith("\r\n\r\n") || current === null) return;
      answers[current] = rest;
      rest = "";
      send();
    });
    socket.on("error", reject);
    socket.on("close", () =>
      current === null ? resolve() : reject(new Error("a connection ended with a request unanswered")),
    );
  });
}

/** The value of a header in the head of an answer; null when it is not there. */
export function headerIn(head: string, name: string): string | null {
  const found = new RegExp(`\\r\\n${name}: *([^\\r]*)`, "i").exec(head);
  return found?.[1] ?? null;
}
