// Requests that go wrong, or are wrong, each with what has to be counted for it.

import { http2Request, resetInMidBody, summary } from "./http2-wire.ts";
import { exchange, request, type Exchange, type ExchangeOptions } from "../support/envoy/wire.ts";

export interface HardRequest {
  readonly name: string;
  /** The leaf that counts it; null when it never reaches the filter. */
  readonly counted: `rq_${"1xx" | "2xx" | "3xx" | "4xx" | "5xx" | "reset" | "left"}` | null;
  /** Resolves to what the client saw, in words that two runs have in common. */
  readonly send: (port: number) => Promise<string>;
}

const CLOSE = "connection: close";

/** One exchange of bytes, in words. */
function http1(
  name: string,
  counted: HardRequest["counted"],
  bytes: string,
  options: ExchangeOptions = {},
): HardRequest {
  return { name, counted, send: async (port) => words(await exchange(port, bytes, options)) };
}

function words({ text, ending }: Exchange): string {
  const status = /^HTTP\/1\.\d (\d+)/.exec(text)?.[1] ?? "nothing";
  const split = text.indexOf("\r\n\r\n");
  const body = split < 0 || split + 4 === text.length ? "" : " body";
  const whole = /transfer-encoding: chunked/.test(text) && !text.endsWith("\r\n0\r\n\r\n") ? " cut" : "";
  return `${status}${body}${whole} ${ending}`;
}

function http2(
  name: string,
  counted: HardRequest["counted"],
  path: string,
  more: Parameters<typeof http2Request>[2] = {},
  headers: Record<string, string> = {},
): HardRequest {
  const method = more.body === undefined && more.unfinished !== true ? "GET" : "POST";
  const given = { ":path": path, ":method": method, ":authority": "shop.example.com", ...headers };
  return { name, counted, send: async (port) => summary(await http2Request(port, given, more)) };
}

const post = (path: string, length: number, sent: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n${sent}`;

/** Headers and cookies that no browser would send. */
const STRANGE_HEADERS: readonly HardRequest[] = [
  http1("a cookie without =", "rq_2xx", request("/app", [CLOSE, "cookie: uid"])),
  http1(
    "cookies of separators",
    "rq_2xx",
    request("/app", [CLOSE, "cookie: ;;; = ;=x; uid=; uid= ;,uid=3;uid=4"]),
  ),
  http1(
    "cookies twice",
    "rq_2xx",
    request("/app", [CLOSE, "cookie: uid=1; uid=2", "Cookie: uid=3", "cookie:"]),
  ),
  http1("an empty cookie", "rq_2xx", request("/app", [CLOSE, "cookie:", "cookie: uid="])),
  http1("60 KiB in one cookie", "rq_2xx", request("/app", [CLOSE, `cookie: uid=${"x".repeat(60_000)}`])),
  http1("60 KiB of cookies", "rq_2xx", request("/app", [CLOSE, `cookie: ${"a=b; ".repeat(12_000)}`])),
  http1("more than 60 KiB", null, request("/app", [CLOSE, `cookie: uid=${"x".repeat(70_000)}`])),
  http1(
    "95 headers",
    "rq_2xx",
    request("/app", [CLOSE, ...Array.from({ length: 93 }, (_, i) => `h-${i}: ${i}`)]),
  ),
  http1(
    "too many headers",
    null,
    request("/app", [CLOSE, ...Array.from({ length: 200 }, (_, i) => `h-${i}: ${i}`)]),
  ),
  http1("no UTF-8 in a cookie", "rq_2xx", request("/app", [CLOSE, "cookie: uid=\xff\xfe\xc3(\x80"])),
  http1(
    "no UTF-8 in headers",
    "rq_2xx",
    request("/app", [CLOSE, "x-user-id: \xf0\x28\x8c\x28", "x-a: \xff"]),
  ),
  http1("no UTF-8 in the host", null, `GET /app HTTP/1.1\r\nhost: \xff\xfe\r\n${CLOSE}\r\n\r\n`),
  http1("no UTF-8 in the path", null, request("/app?\xff=1", [CLOSE])),
  http1("broken escapes in the path", "rq_2xx", request("/app/%zz?user=%f%&user=%ff%00", [CLOSE])),
  http1("a broken JWT", "rq_2xx", request("/app", [CLOSE, "authorization: Bearer a.!!!.c"])),
  http1(
    "a JWT of other JSON",
    "rq_2xx",
    request("/app", [CLOSE, "authorization: Bearer e30.W3sic3ViIjpbXX1d.x"]),
  ),
  http1("a JWT cut in a rune", "rq_2xx", request("/app", [CLOSE, "authorization: Bearer e30.eyJzdWIiOiLD"])),
  http1(
    "Bearer alone",
    "rq_2xx",
    request("/app", [CLOSE, "authorization: Bearer", "authorization: Bearer ."]),
  ),
  http1(
    "forged headers",
    "rq_2xx",
    request("/app", [CLOSE, "X-Serin-All: b", "x-serin-cluster: b", "x-serin-:"]),
  ),
  http1("a NUL in a header", null, request("/app", [CLOSE, "x-a: \x00"])),
  http1("a header without a name", null, request("/app", [CLOSE, ": x"])),
];

/** Requests without what requests have. */
const STRANGE_REQUESTS: readonly HardRequest[] = [
  http1("HTTP/1.0 without a host", null, "GET /app HTTP/1.0\r\n\r\n"),
  http1("HTTP/1.1 without a host", null, `GET /app HTTP/1.1\r\n${CLOSE}\r\n\r\n`),
  http1("HTTP/1.1 with an empty host", "rq_2xx", `GET /app HTTP/1.1\r\nhost:\r\n${CLOSE}\r\n\r\n`),
  http1("an absolute URL", "rq_2xx", `GET http://b.example/app HTTP/1.1\r\nhost: a\r\n${CLOSE}\r\n\r\n`),
  http1("no HTTP at all", null, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"),
  http1("OPTIONS *", null, `OPTIONS * HTTP/1.1\r\nhost: a\r\n${CLOSE}\r\n\r\n`),
  http1("a method that is none", null, request("/app", [CLOSE], "BREW")),
  http1("a method seldom seen", "rq_4xx", request("/none", [CLOSE], "PROPFIND")),
  http1("a path of 8 KiB", "rq_2xx", request(`/app/${"a/".repeat(4096)}?${"b&".repeat(2000)}`, [CLOSE])),
  http2("HTTP/2 with strange cookies", "rq_2xx", "/app", {}, { cookie: "uid; =; uid=;;a" }),
];

/** Answers that Envoy gives by itself. */
const LOCAL_ANSWERS: readonly HardRequest[] = [
  http1("no route", "rq_4xx", request("/none", [CLOSE])),
  http1("a direct response", "rq_2xx", request("/direct", [CLOSE])),
  http1("a redirect", "rq_3xx", request("/redirect", [CLOSE])),
  http1("no healthy host", "rq_5xx", request("/empty", [CLOSE])),
  http1("an upstream that refuses", "rq_5xx", request("/refusing", [CLOSE])),
  http1("a cluster that is not there", "rq_5xx", request("/unknown", [CLOSE])),
  http1("a timeout", "rq_5xx", request("/timeout?up-hang=1", [CLOSE])),
  http2("no route, HTTP/2", "rq_4xx", "/none"),
  http2("no healthy host, HTTP/2", "rq_5xx", "/empty"),
];

/** Upstreams that do not do what they should. */
const UPSTREAM_FAULTS: readonly HardRequest[] = [
  http1("a reset instead of an answer", "rq_5xx", request("/app?up-reset=1", [CLOSE])),
  http1("a reset during the upload", "rq_5xx", post("/app?up-reset=body", 4, "abcd"), { until: /\r\n\r\n/ }),
  http1(
    "an answer cut half-way, by length",
    "rq_reset",
    request("/app?up-cut=length&up-size=100000", [CLOSE]),
  ),
  http1(
    "an answer cut half-way, chunked",
    "rq_reset",
    request("/app?up-cut=chunked&up-size=100000", [CLOSE]),
  ),
  http1(
    "a 503 cut half-way",
    "rq_reset",
    request("/app?up-cut=length&up-size=100000&up-status=503", [CLOSE]),
  ),
  http1("a 503 of the upstream", "rq_5xx", request("/app?up-status=503", [CLOSE])),
  http1("a 404 of the upstream", "rq_4xx", request("/app?up-status=404", [CLOSE])),
  http1("a 304", "rq_3xx", request("/app?up-status=304", [CLOSE])),
  http1("a 204", "rq_2xx", request("/app?up-status=204", [CLOSE])),
  http1("HEAD", "rq_2xx", request("/app", [CLOSE], "HEAD")),
  http1("a large answer", "rq_2xx", request("/app?up-size=3000000", [CLOSE])),
  http1("a slow answer", "rq_2xx", request("/app?up-size=100000&up-pace=10", [CLOSE])),
  http1(
    "an early answer to an unfinished upload",
    "rq_4xx",
    post("/app?up-early=1&up-status=413", 99, "half"),
    {
      until: /\}\n/,
    },
  ),
  http2("a reset stream of HTTP/2", "rq_5xx", "/h2?up-reset=1"),
  http2("an HTTP/2 answer cut half-way", "rq_reset", "/h2?up-cut=chunked&up-size=100000"),
  http2("an early answer, HTTP/2 on both sides", "rq_4xx", "/h2?up-early=1&up-status=413", {
    body: "half",
    unfinished: true,
  }),
];

/** Clients that leave. */
const GONE_CLIENTS: readonly HardRequest[] = [
  http1("reset in mid-body", "rq_left", post("/app", 1000, "half"), { leaveAfterMs: 80, how: "reset" }),
  http1("closed in mid-body", "rq_left", post("/app", 1000, "half"), { leaveAfterMs: 80 }),
  http1(
    "reset in mid-chunk",
    "rq_left",
    `${request("/app", ["transfer-encoding: chunked"], "POST")}5\r\nab`,
    {
      leaveAfterMs: 80,
      how: "reset",
    },
  ),
  http1("a broken chunk", "rq_4xx", `${request("/app", ["transfer-encoding: chunked"], "POST")}zz\r\n`),
  http1("gone while waiting", "rq_left", request("/app?up-hang=1"), { leaveAfterMs: 80 }),
  http1("reset while waiting", "rq_left", request("/app?up-hang=1"), { leaveAfterMs: 80, how: "reset" }),
  http1("gone during a slow answer", "rq_left", request("/app?up-size=5000000&up-pace=20"), {
    until: /\r\n\r\n\.{5000}/,
    how: "reset",
  }),
  {
    name: "a stream of HTTP/2 reset in mid-body",
    counted: "rq_left",
    send: (port) => resetInMidBody(port, "/app"),
  },
  http2("reset stream while waiting", "rq_left", "/app?up-hang=1", { leaveAfterMs: 80 }),
];

/** What is no plain request and answer. */
const TUNNELS: readonly HardRequest[] = [
  http1(
    "a websocket, closed by the client",
    "rq_1xx",
    `${request("/app", ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="])}\x81\x82\x01\x02\x03\x04ik`,
    { until: /\x81\x02hi$/ },
  ),
  http1(
    "a websocket, closed in good order",
    "rq_1xx",
    `${request("/app", ["connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="])}\x88\x80\x01\x02\x03\x04`,
  ),
  http1(
    "an upgrade that the route does not know",
    "rq_4xx",
    request("/none", ["connection: upgrade", "upgrade: websocket"]),
    {
      until: /\r\n\r\n/,
    },
  ),
  http1(
    "an upgrade that Envoy does not know",
    null,
    request("/app", ["connection: upgrade", "upgrade: tacos"]),
    {
      until: /\r\n\r\n/,
    },
  ),
  http1(
    "CONNECT, and bytes through it",
    "rq_2xx",
    "CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n\r\nbytes",
    {
      until: /bytes$/,
    },
  ),
  http1(
    "CONNECT to nowhere",
    "rq_5xx",
    "CONNECT nowhere.example:443 HTTP/1.1\r\nhost: nowhere.example:443\r\n\r\n",
    {
      until: /\r\n\r\n/,
    },
  ),
  http2(
    "gRPC",
    "rq_2xx",
    "/h2?up-grpc=0",
    { body: "\0\0\0\0\0" },
    { "content-type": "application/grpc", te: "trailers" },
  ),
  http2(
    "gRPC with an error",
    "rq_2xx",
    "/h2?up-grpc=5",
    { body: "\0\0\0\0\0" },
    { "content-type": "application/grpc", te: "trailers" },
  ),
  http2(
    "gRPC of trailers only",
    "rq_2xx",
    "/h2?up-grpc=only,5",
    { body: "\0\0\0\0\0" },
    { "content-type": "application/grpc", te: "trailers" },
  ),
  http2(
    "gRPC to nobody",
    "rq_2xx",
    "/empty",
    { body: "\0\0\0\0\0" },
    { "content-type": "application/grpc", te: "trailers" },
  ),
];

export const HARD_REQUESTS: Readonly<Record<string, readonly HardRequest[]>> = {
  "strange headers": STRANGE_HEADERS,
  "strange requests": STRANGE_REQUESTS,
  "answers of Envoy itself": LOCAL_ANSWERS,
  "upstreams that fail": UPSTREAM_FAULTS,
  "clients that leave": GONE_CLIENTS,
  "tunnels and gRPC": TUNNELS,
};

/** Does nothing where no shadow writes the header. */
const MIRROR = [{ cluster_header: "x-serin-shadow-mirrored" }];
/** The routes that they go to, over the clusters `stable`, `stable-h2`, `refusing` and `empty`. */
export const HARD_ROUTES: readonly object[] = [
  {
    match: { connect_matcher: {}, headers: [{ name: ":authority", string_match: { prefix: "nowhere" } }] },
    route: { cluster: "refusing" },
  },
  { match: { connect_matcher: {} }, route: { cluster: "stable" } },
  { match: { prefix: "/direct" }, direct_response: { status: 200, body: { inline_string: "direct" } } },
  { match: { prefix: "/redirect" }, redirect: { path_redirect: "/app" } },
  { match: { prefix: "/empty" }, route: { cluster: "empty" } },
  { match: { prefix: "/refusing" }, route: { cluster: "refusing" } },
  { match: { prefix: "/unknown" }, route: { cluster_header: "x-no-such-header" } },
  { match: { prefix: "/timeout" }, route: { cluster: "stable", timeout: "0.1s" } },
  { match: { prefix: "/h2" }, route: { cluster: "stable-h2", request_mirror_policies: MIRROR } },
  {
    match: { prefix: "/app" },
    route: { cluster: "stable", timeout: "30s", request_mirror_policies: MIRROR },
  },
];
