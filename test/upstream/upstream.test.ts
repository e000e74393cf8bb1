// The upstream does what the e2e tests and the demo rely on.

import assert from "node:assert/strict";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import { after, before, test } from "node:test";

import type { Echo } from "./answer.ts";
import { drawLatency } from "./behaviour.ts";
import { startUpstream, type Upstream } from "./upstream.ts";

let upstream: Upstream;
before(async () => {
  upstream = await startUpstream({ version: "v7" });
});
after(() => upstream.stop());

/** Sends bytes, resolves to everything that comes until the other side ends, or to `null` after a reset. */
function exchange(bytes: string, until = /$^/): Promise<string | null> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(upstream.port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (until.test(text)) socket.end();
    });
    socket.on("error", () => resolve(text === "" ? null : text));
    socket.on("close", () => resolve(text));
  });
}

const get = (path: string, more = ""): string =>
  `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${more}\r\n`;

test("the echo names the version and has what was received, to the byte", async () => {
  const response = await fetch(`http://127.0.0.1:${upstream.port}/a?b`, {
    method: "POST",
    body: "hello",
    headers: { "X-Odd": "1" },
  });
  assert.equal(response.headers.get("x-version"), "v7");
  const echo = (await response.json()) as Echo;
  assert.deepEqual([echo.method, echo.path, echo.bodyBytes], ["POST", "/a?b", 5]);
  assert.equal(echo.bodySha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  const raw = (await exchange(get("/", "X-UP-x: \xff\r\nx-up-x: 2\r\n"))) ?? "";
  assert.match(raw, /\["X-UP-x","\u00c3\u00bf"\],\["x-up-x","2"\]/);
});

test("status, errors and sizes come by query, header or flag", async () => {
  assert.match((await exchange(get("/?up-status=503"))) ?? "", /^HTTP\/1.1 503/);
  assert.match((await exchange(get("/", "x-up-status: 404\r\n"))) ?? "", /^HTTP\/1.1 404/);
  assert.match((await exchange(get("/?up-error-rate=1&up-error-status=500"))) ?? "", /^HTTP\/1.1 500/);
  assert.match((await exchange(get("/?up-size=40000&up-pace=1"))) ?? "", /\r\n\r\n\.{40000}$/);
});

test("reset, cut answers and early answers", async () => {
  assert.equal(await exchange(get("/?up-reset=1")), null);
  const cut = (await exchange(get("/?up-cut=length&up-size=100"))) ?? "";
  assert.match(cut, /content-length: 100\r\n[\s\S]*\r\n\r\n\.{50}$/);
  assert.match((await exchange(get("/?up-cut=chunked&up-size=100"))) ?? "", /\r\n32\r\n\.{50}\r\n$/);
  const unfinished = "POST /?up-early=1&up-status=413 HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\nhalf";
  assert.match((await exchange(unfinished, /\}\n/)) ?? "", /^HTTP\/1.1 413/);
});

test("websocket frames and tunnelled bytes come back", async () => {
  const frame = Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x68 ^ 1, 0x69 ^ 2]).toString("latin1");
  const upgrade = `GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n${frame}`;
  const answered = (await exchange(upgrade, /hi$/)) ?? "";
  assert.match(answered, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n\r\n\x81\x02hi$/);
  assert.match(
    (await exchange("CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\nbytes", /bytes$/)) ?? "",
    /^HTTP\/1.1 200/,
  );
});

test("gRPC over HTTP/2, with a message and with trailers only; a reset stream", async () => {
  const session = connectHttp2(`http://127.0.0.1:${upstream.http2Port}`);
  const call = (path: string): Promise<string> =>
    new Promise((resolve) => {
      const seen: string[] = [];
      const stream = session.request({ ":path": path, ":method": "POST" });
      const told = (kind: string, headers: IncomingHttpHeaders): void =>
        void seen.push(`${kind} ${headers["grpc-status"]?.toString() ?? ""}`.trim());
      stream.on("response", (headers, flags) => told(flags & 1 ? "only" : "headers", headers));
      stream.on("trailers", (headers: IncomingHttpHeaders) => told("trailers", headers));
      stream.on("error", () => seen.push("reset"));
      stream.on("close", () => resolve(seen.join(", ")));
      stream.resume();
      stream.end();
    });
  assert.equal(await call("/?up-grpc=5"), "headers, trailers 5");
  assert.equal(await call("/?up-grpc=only,5"), "only 5");
  assert.equal(await call("/?up-reset=1"), "reset");
  session.destroy();
});

test("what names a version is for that one alone; bodies as they are told", async () => {
  const planted = `?up-status=404&up-v7-status=418&up-v8-status=500&up-body=${encodeURIComponent("[1,{random}]")}`;
  const texts = await Promise.all(
    [1, 2].map(async () => {
      const response = await fetch(`http://127.0.0.1:${upstream.port}/${planted}`);
      assert.equal(response.status, 418);
      return response.text();
    }),
  );
  for (const text of texts) assert.match(text, /^\[1,\d+\]$/);
  assert.notEqual(texts[0], texts[1]);
  const packed = await fetch(`http://127.0.0.1:${upstream.port}/?up-body=hello&up-encoding=gzip`);
  assert.equal(packed.headers.get("content-encoding"), "gzip");
  assert.equal(await packed.text(), "hello");
});

test("a session cookie says who it is; a planted member is there as often as asked", async () => {
  const ask = (session: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${upstream.port}/?up-user-cookie=sid&up-planted=${session === "" ? 0 : 1}`, {
      headers: { cookie: `a=b; sid=${session}` },
    });
  const known = await ask("dr.alice.f00");
  assert.equal(known.headers.get("x-user-id"), "dr.alice");
  assert.equal(((await known.json()) as Echo).planted, true);
  const unknown = await ask("");
  assert.equal(unknown.headers.get("x-user-id"), null);
  assert.equal(((await unknown.json()) as Echo).planted, undefined);
});

test("latencies lie about their median and p99", () => {
  const drawn = Array.from({ length: 20_000 }, () => drawLatency("20,80"));
  const share = (limit: number): number => drawn.filter((ms) => ms > limit).length / drawn.length;
  assert.ok(Math.abs(share(20) - 0.5) < 0.03, String(share(20)));
  assert.ok(Math.abs(share(80) - 0.01) < 0.006, String(share(80)));
  assert.equal(drawLatency("5"), 5);
});
