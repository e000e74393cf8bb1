// The scripted client: kinds of requests, each with what the client has to see and what has to be counted of it.

import { request as httpRequest, type Agent } from "node:http";
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";

import { http2Request, summary } from "./http2-wire.ts";
import type { Ending, Visitor } from "./signals-oracle.ts";
import { exchange, post, request } from "../support/envoy/wire.ts";

/** Where the client is: the port, and a word from the upstream when it has the request of this number. */
export interface Surroundings {
  readonly port: number;
  readonly agent: Agent;
  readonly seen: (id: number) => Promise<void>;
}

type Send = (at: Surroundings, id: number, visitor: Visitor) => Promise<string>;

export interface Kind extends Ending {
  readonly name: string;
  readonly count: number;
  /** What `send` resolves to. */
  readonly sees: string;
  readonly isGrpc?: boolean;
  readonly send: Send;
}

/** `/app?up-status=503` -> `/app?up-status=503&id=7` */
function numbered(path: string, id: number): string {
  return `${path}${path.includes("?") ? "&" : "?"}id=${id}`;
}

function headersOf({ user, force }: Visitor): Record<string, string> {
  return {
    ...(user === null ? {} : { cookie: `uid=${user}` }),
    ...(force === null ? {} : { "x-force": force }),
  };
}

const linesOf = (visitor: Visitor): string[] =>
  Object.entries(headersOf(visitor)).map(([name, value]) => `${name}: ${value}`);

/** A whole request on a connection that is kept; resolves to the status. */
function whole(path: string, body = ""): Send {
  return ({ port, agent }, id, visitor) =>
    new Promise((resolve) => {
      const sent = httpRequest(
        {
          ...{ port, agent, host: "127.0.0.1", path: numbered(path, id) },
          method: body === "" ? "GET" : "POST",
          headers: headersOf(visitor),
        },
        (answer) => {
          answer.on("error", () => resolve("cut"));
          answer.on("end", () => resolve(String(answer.statusCode)));
          answer.resume();
        },
      );
      sent.on("error", (error) => resolve(error.message));
      sent.end(body);
    });
}

/** An answer that is cut: the client sees its head and some of its body, then the connection's end. */
function cut(path: string): Send {
  return async ({ port }, id, visitor) => {
    const { text } = await exchange(port, request(numbered(path, id), linesOf(visitor)));
    return text.endsWith("0\r\n\r\n") ? "whole" : `${text.slice(9, 12)} cut`;
  };
}

/** Leaves as soon as the upstream has the request, its body never whole where `head` promises one. */
function leave(path: string, how: "close" | "reset", upload = false): Send {
  return async ({ port, seen }, id, visitor) => {
    const lines = upload ? ["content-length: 1000", ...linesOf(visitor)] : linesOf(visitor);
    const bytes = request(numbered(path, id), lines, upload ? "POST" : "GET") + (upload ? "half" : "");
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    let text = "";
    socket.on("data", (piece) => (text += piece.toString("latin1")));
    socket.on("error", () => undefined);
    await seen(id);
    const gone = new Promise((resolve) => socket.on("close", resolve));
    if (how === "reset") socket.resetAndDestroy();
    else socket.destroy();
    await gone;
    return text === "" ? "left" : text;
  };
}

const GRPC = { "content-type": "application/grpc", te: "trailers" };
const MESSAGE = Buffer.from([0, 0, 0, 0, 0]);

function grpcHead(path: string, id: number, visitor: Visitor): Record<string, string> {
  return {
    ...{ ":method": "POST", ":path": numbered(path, id), ":authority": "shop.example.com" },
    ...GRPC,
    ...headersOf(visitor),
  };
}

/** A call of gRPC over HTTP/2; resolves to `200 grpc 0 body end`. */
function grpc(path: string): Send {
  return async ({ port }, id, visitor) =>
    summary(await http2Request(port, grpcHead(path, id, visitor), { body: MESSAGE }));
}

/** A call whose answer is cut. Envoy 1.36 resets such a stream with NO_ERROR, which node takes for an end. */
function cutCall(path: string): Send {
  return async (at, id, visitor) =>
    (await grpc(path)(at, id, visitor)).replace(/^200 body (?:end|reset 2)$/, "200 body, cut");
}

/** A call of gRPC that the client cancels once the upstream has it. */
function cancelled(path: string): Send {
  return async ({ port, seen }, id, visitor) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on("error", () => undefined);
    const stream = session.request(grpcHead(path, id, visitor));
    let answered = false;
    stream.on("response", () => (answered = true));
    stream.on("error", () => undefined);
    const gone = new Promise((resolve) => stream.on("close", resolve));
    stream.end(MESSAGE);
    await seen(id);
    stream.close(constants.NGHTTP2_CANCEL);
    await gone;
    session.destroy();
    return answered ? "answered" : "left";
  };
}

const UPGRADE = [
  ...["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"],
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

const websocket: Send = async ({ port }, id, visitor) => {
  const frame = "\x81\x82\x01\x02\x03\x04ik";
  const bytes = request(numbered("/app", id), [...UPGRADE, ...linesOf(visitor)]) + frame;
  const { text } = await exchange(port, bytes, { until: /\x81\x02hi$/ });
  return text.slice(9, 12);
};

const early: Send = async ({ port }, id, visitor) => {
  const path = numbered("/app?up-early=1&up-status=413", id);
  const lines = ["content-length: 99", ...linesOf(visitor)];
  const { text } = await exchange(port, `${request(path, lines, "POST")}half`, { until: /\}\n/ });
  return text.slice(9, 12);
};

const chunked: Send = async ({ port }, id, visitor) => {
  const bytes = post(numbered("/app", id), Buffer.alloc(30_000, "x"), true, linesOf(visitor));
  return (await exchange(port, bytes)).text.slice(9, 12);
};

/** HTTP: the ending, how many, what the client sees. */
const HTTP: readonly Kind[] = [
  { name: "POST in chunks", count: 200, ending: "rq_2xx", sees: "200", send: chunked },
  { name: "POST", count: 800, ending: "rq_2xx", sees: "200", send: whole("/app", "a body") },
  { name: "304", count: 200, ending: "rq_3xx", sees: "304", send: whole("/app?up-status=304") },
  { name: "404", count: 300, ending: "rq_4xx", sees: "404", send: whole("/app?up-status=404") },
  {
    name: "503 of the upstream",
    count: 400,
    ending: "rq_5xx",
    sees: "503",
    send: whole("/app?up-status=503"),
  },
  { name: "500 over HTTP/2", count: 100, ending: "rq_5xx", sees: "500", send: whole("/h2?up-status=500") },
  { name: "no route", count: 50, ending: "rq_4xx", sees: "404", send: whole("/none") },
  { name: "redirect", count: 50, ending: "rq_3xx", sees: "301", send: whole("/redirect") },
  { name: "upstream reset", count: 200, ending: "rq_5xx", sees: "503", send: whole("/app?up-reset=1") },
  { name: "HTTP/2 stream reset", count: 50, ending: "rq_5xx", sees: "503", send: whole("/h2?up-reset=1") },
  { name: "refused", count: 100, ending: "rq_5xx", sees: "503", send: whole("/refusing") },
  { name: "timeout", count: 300, ending: "rq_5xx", sees: "504", send: whole("/timeout?up-hang=1") },
  { name: "no host", count: 150, ending: "rq_5xx", overflow: true, sees: "503", send: whole("/empty") },
  { name: "overflow", count: 200, ending: "rq_5xx", overflow: true, sees: "503", send: whole("/narrow") },
  {
    ...{ name: "cut by length", count: 150, ending: "rq_reset", sees: "200 cut" },
    send: cut("/app?up-cut=length&up-size=50000"),
  },
  {
    ...{ name: "503 cut in chunks", count: 100, ending: "rq_reset", sees: "503 cut" },
    send: cut("/app?up-cut=chunked&up-size=50000&up-status=503"),
  },
  {
    ...{ name: "cut over HTTP/2", count: 50, ending: "rq_reset", sees: "200 cut" },
    send: cut("/h2?up-cut=chunked&up-size=50000"),
  },
  { name: "upload reset", count: 150, ending: "rq_left", sees: "left", send: leave("/app", "reset", true) },
  { name: "upload closed", count: 100, ending: "rq_left", sees: "left", send: leave("/app", "close", true) },
  {
    name: "gone while waiting",
    count: 150,
    ending: "rq_left",
    sees: "left",
    send: leave("/app?up-hang=1", "close"),
  },
  { name: "early answer", count: 100, ending: "rq_4xx", sees: "413", send: early },
  { name: "websocket", count: 40, ending: "rq_1xx", sees: "101", send: websocket },
];

/** gRPC; a local answer of Envoy is a 200 with grpc-status 14 (UNAVAILABLE). */
const CALLS: readonly Kind[] = [
  kindOfCall("ok", 300, "grpc_ok", "200 grpc 0 body end", "/h2?up-grpc=0"),
  kindOfCall("ok, trailers only", 200, "grpc_ok", "200 grpc 0 end", "/h2?up-grpc=only,0"),
  kindOfCall("error", 200, "grpc_error", "200 grpc 5 body end", "/h2?up-grpc=5"),
  kindOfCall("error, trailers only", 200, "grpc_error", "200 grpc 13 end", "/h2?up-grpc=only,13"),
  kindOfCall("upstream reset", 50, "grpc_error", "200 grpc 14 end", "/h2?up-reset=1"),
  kindOfCall("timeout", 50, "grpc_error", "200 grpc 14 end", "/h2-timeout?up-hang=1"),
  kindOfCall("no status", 30, "grpc_error", "200 body end", "/h2"),
  { ...kindOfCall("no host", 60, "grpc_error", "200 grpc 14 end", "/empty"), overflow: true },
  { ...kindOfCall("overflow", 60, "grpc_error", "200 grpc 14 end", "/narrow"), overflow: true },
  {
    ...kindOfCall("503 without status", 50, undefined, "503 body end", "/h2?up-status=503"),
    ending: "rq_5xx",
  },
  {
    ...{ name: "gRPC cancelled", count: 60, ending: "rq_left", isGrpc: true, sees: "left" },
    send: cancelled("/h2?up-hang=1"),
  },
  {
    ...{ name: "gRPC cut", count: 50, ending: "rq_reset", isGrpc: true, sees: "200 body, cut" },
    send: cutCall("/h2?up-cut=chunked&up-size=50000"),
  },
];

function kindOfCall(name: string, count: number, status: Ending["grpc"], sees: string, path: string): Kind {
  return {
    name: `gRPC ${name}`,
    count,
    ending: "rq_2xx",
    grpc: status,
    isGrpc: true,
    sees,
    send: grpc(path),
  };
}

const PLANTED: readonly Kind[] = [...HTTP, ...CALLS];
export const REQUESTS = 10_000;

export const KINDS: readonly Kind[] = [
  {
    ...{ name: "GET", ending: "rq_2xx", sees: "200", send: whole("/app") },
    count: REQUESTS - PLANTED.reduce((sum, { count }) => sum + count, 0),
  },
  ...PLANTED,
];

/** Takes the one place of the narrow cluster until the promise that it resolves to is called. */
export async function occupy(at: Surroundings, id: number, visitor: Visitor): Promise<() => Promise<void>> {
  let go = (): void => undefined;
  const wanted = new Promise<void>((resolve) => (go = resolve));
  let arrived = (): void => undefined;
  const there = new Promise<void>((resolve) => (arrived = resolve));
  const seen = async (number: number): Promise<void> => {
    await at.seen(number);
    arrived();
    await wanted;
  };
  const left = leave("/narrow?up-hang=1", "close")({ ...at, seen }, id, visitor);
  await there;
  return async () => {
    go();
    await left;
  };
}
