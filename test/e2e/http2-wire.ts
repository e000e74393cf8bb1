// Clients that speak HTTP/2 to Envoy, well and badly.

import { connect, constants, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { connect as connectSocket } from "node:net";

export interface Http2Options {
  /** Sent as the body; `unfinished` leaves the request open after it. */
  readonly body?: string | Buffer;
  readonly unfinished?: boolean;
  /** Sent after the body. */
  readonly trailers?: OutgoingHttpHeaders;
  /** The client resets the stream after so long, if it is not over by then. */
  readonly leaveAfterMs?: number;
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
  /** `end`, or the name of the error by which the stream ended. */
  readonly ending: string;
}

/** One request on a connection of its own. */
export function http2Request(
  port: number,
  headers: OutgoingHttpHeaders,
  options: Http2Options = {},
): Promise<Http2Answer> {
  return new Promise((resolve) => {
    const session = connect(`http://127.0.0.1:${port}`);
    const { trailers: sentTrailers } = options;
    const stream = session.request(headers, {
      endStream: options.body === undefined && !options.unfinished,
      waitForTrailers: sentTrailers !== undefined,
    });
    stream.on("wantTrailers", () => stream.sendTrailers(sentTrailers ?? {}));
    let answered: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    let body = "";
    let ending = "";
    const late = setTimeout(() => {
      ending = "late";
      stream.close(constants.NGHTTP2_CANCEL);
    }, 30_000);
    const leaving =
      options.leaveAfterMs === undefined
        ? null
        : setTimeout(() => {
            ending = "left";
            stream.close(constants.NGHTTP2_CANCEL);
          }, options.leaveAfterMs);
    stream.on("response", (given: IncomingHttpHeaders) => (answered = given));
    stream.on("trailers", (given: IncomingHttpHeaders) => (trailers = given));
    stream.on("data", (chunk: Buffer) => (body += chunk.toString("latin1")));
    stream.on("end", () => {
      // An early answer is whole, but node keeps the stream until the request is.
      if (options.unfinished === true) stream.close();
    });
    stream.on("error", () => undefined);
    session.on("error", () => undefined);
    stream.on("close", () => {
      clearTimeout(late);
      if (leaving !== null) clearTimeout(leaving);
      session.destroy();
      resolve({
        status: Number(answered[":status"] ?? 0),
        headers: answered,
        trailers,
        body,
        ending: ending !== "" ? ending : stream.rstCode === 0 ? "end" : `reset ${stream.rstCode}`,
      });
    });
    if (options.body !== undefined) {
      if (options.unfinished === true) stream.write(options.body);
      else stream.end(options.body);
    }
  });
}

/**
 * Begins an upload and resets its stream: frames by hand, since node ends the upload in good order before it resets.
 * Resolves to `answered` when an answer came all the same.
 */
export function resetInMidBody(port: number, path: string): Promise<string> {
  const frame = (kind: number, flags: number, stream: number, payload: Buffer): Buffer => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(kind, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  };
  // HPACK: a literal without indexing, name and value as plain text.
  const field = (name: string, value: string): Buffer =>
    Buffer.concat([
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]);
  const headers = Buffer.concat([
    field(":method", "POST"),
    field(":scheme", "http"),
    field(":authority", "a"),
    field(":path", path),
  ]);
  return new Promise((resolve) => {
    let answered = false;
    const socket = connectSocket(port, "127.0.0.1", () => {
      socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      socket.write(frame(4, 0, 0, Buffer.alloc(0)));
      socket.write(frame(1, 4, 1, headers));
      socket.write(frame(0, 0, 1, Buffer.from("half")));
      setTimeout(() => socket.write(frame(3, 0, 1, Buffer.from([0, 0, 0, 8]))), 80);
      setTimeout(() => socket.destroy(), 200);
    });
    socket.on("data", (chunk) => (answered ||= chunk.includes(":status") || chunk.includes("x-version")));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answered ? "answered" : "nothing"));
  });
}

/** What a test compares: status, gRPC status, how much came, how it ended. */
export function summary({ status, headers, trailers, body, ending }: Http2Answer): string {
  const grpc = trailers["grpc-status"] ?? headers["grpc-status"];
  const said = typeof grpc === "string" ? ` grpc ${grpc}` : "";
  return `${status}${said}${body === "" ? "" : " body"} ${ending}`;
}
