// One request answered as its behaviour says; the same code for HTTP/1.1 and HTTP/2.

import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";

import { drawLatency, type Behaviour } from "./behaviour.ts";
import { charge, writeLedger } from "./charge.ts";
import { encodeBody } from "./encode.ts";

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

/** What an upstream saw of a request: the body of its answer. */
export interface Echo {
  readonly version: string;
  readonly httpVersion: string;
  readonly method: string;
  readonly path: string;
  /** As they came, in their order; bytes as Latin-1. */
  readonly headers: readonly (readonly [string, string])[];
  readonly bodyBytes: number;
  readonly bodySha256: string;
  /** What only an upstream that was told to adds. */
  readonly planted?: true;
}

const PIECE = 16_384;

export async function answer(
  version: string,
  behaviour: Behaviour,
  request: Request,
  response: Response,
): Promise<void> {
  if (behaviour.reset === "1") return reset(response);
  if (behaviour.reset === "body") {
    request.once("data", () => reset(response));
    return;
  }
  if (behaviour.stream === "1") {
    request.on("data", (chunk: Buffer) => write(response, chunk));
    request.once("end", () => response.end());
    return;
  }
  const hash = createHash("sha256");
  let bodyBytes = 0;
  const pieces: Buffer[] = [];
  request.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    bodyBytes += chunk.length;
    if (behaviour.ledger === "1") pieces.push(chunk);
  });
  if (behaviour.early !== "1" && !(await isWhole(request))) return;
  if (behaviour.hang === "1") return;
  const wait = drawLatency(behaviour.latency);
  if (wait > 0) await sleep(wait);
  if (behaviour.ledger === "1") writeLedger(request, Buffer.concat(pieces));
  const isPaid = await charge(behaviour, request);
  const fails = !isPaid || Math.random() < Number(behaviour["error-rate"] ?? 0);
  response.statusCode = Number(fails ? (behaviour["error-status"] ?? 503) : (behaviour.status ?? 200));
  response.setHeader("x-version", version);
  const user = userOf(behaviour["user-cookie"], request.headers.cookie ?? "");
  if (user !== null) response.setHeader("x-user-id", user);
  if (behaviour.grpc !== undefined) return answerGrpc(behaviour.grpc, response);
  const echo: Echo = {
    version,
    httpVersion: request.httpVersion,
    method: request.method ?? "",
    path: request.url ?? "",
    headers: pairs(request.rawHeaders),
    bodyBytes,
    bodySha256: hash.copy().digest("hex"),
    ...(Math.random() < Number(behaviour.planted ?? 0) ? { planted: true } : {}),
  };
  const plain = behaviour.size === undefined ? bodyOf(behaviour, echo) : null;
  const encoded =
    behaviour.encoding === undefined ? null : encodeBody(behaviour.encoding, plain ?? Buffer.alloc(0));
  const body = plain === null ? null : (encoded?.body ?? plain);
  response.setHeader("content-type", body === null ? "application/octet-stream" : "application/json");
  if (encoded !== null) response.setHeader("content-encoding", encoded.coding);
  const size = body?.length ?? Number(behaviour.size);
  if (behaviour.cut !== undefined) return cut(behaviour.cut, size, response);
  if (response.statusCode < 200 || response.statusCode === 204 || response.statusCode === 304) {
    response.end();
    return;
  }
  if (behaviour.drip === "1" && body !== null) return drip(body, response);
  if (behaviour.early !== "1" || body !== null) response.setHeader("content-length", String(size));
  if (body !== null) {
    response.end(body);
    return;
  }
  await stream(size, Number(behaviour.pace ?? 0), response);
}

function bodyOf(behaviour: Behaviour, echo: Echo): Buffer {
  const text = behaviour.body?.replaceAll("{random}", () => String(Math.floor(Math.random() * 1e15)));
  return Buffer.from(text ?? `${JSON.stringify(echo)}\n`);
}

/** Each byte in a chunk of its own. */
function drip(body: Buffer, response: Response): void {
  for (const byte of body) write(response, Buffer.from([byte]));
  response.end();
}

/** Whom a session cookie belongs to; null without one. A login service would check what stands after the dot. */
function userOf(name: string | undefined, cookies: string): string | null {
  if (name === undefined) return null;
  const pair = cookies.split(/; */).find((one) => one.startsWith(`${name}=`));
  const session = pair?.slice(name.length + 1) ?? "";
  return session.includes(".") ? session.slice(0, session.lastIndexOf(".")) : null;
}

/** Resolves when the upload is there: false when the client left before its end. */
function isWhole(request: Request): Promise<boolean> {
  return new Promise((resolve) => {
    request.once("end", () => resolve(true));
    request.once("error", () => resolve(false));
    request.once("close", () => resolve(false));
  });
}

async function stream(size: number, pace: number, response: Response): Promise<void> {
  for (let left = size; left > 0 && !response.destroyed; left -= PIECE) {
    const room = write(response, Buffer.alloc(Math.min(left, PIECE), "."));
    if (pace > 0) await sleep(pace);
    else if (!room) await drained(response);
  }
  response.end();
}

/** Resolves when more may be written, or never will be. */
function drained(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

function cut(how: string, size: number, response: Response): void {
  if (how === "length") response.setHeader("content-length", String(size));
  write(response, Buffer.alloc(Math.max(1, size >> 1), "."));
  // A moment, so that the half is on its way before the end.
  setTimeout(() => reset(response), 30);
}

function answerGrpc(how: string, response: Response): void {
  response.setHeader("content-type", "application/grpc");
  const [first = "0", status = "0"] = how.split(",");
  if (first === "only") {
    response.setHeader("grpc-status", status);
    response.end();
    return;
  }
  write(response, Buffer.from([0, 0, 0, 0, 2, 0x08, 0x01]));
  response.addTrailers({ "grpc-status": first });
  response.end();
}

function reset(response: Response): void {
  if ("stream" in response) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.socket?.resetAndDestroy();
}

function write(response: Response, bytes: Buffer): boolean {
  // The two types overload `write` differently; the call is the same.
  return (response as ServerResponse).write(bytes);
}

function pairs(raw: readonly string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) found.push([raw[i] as string, raw[i + 1] as string]);
  return found;
}
