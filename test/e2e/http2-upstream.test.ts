// What is special when the upstream speaks HTTP/2: it ends a stream in a frame of its own, and takes trailers.

import assert from "node:assert/strict";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import { after, describe, it } from "node:test";

import { startEnvoy, waitUntil } from "../../tools/envoy/index.ts";
import { startUpstream } from "../upstream/upstream.ts";
import { bootstrapOf, cluster, listener, wasmFilter } from "../support/envoy/bootstrap.ts";
import { envoyBinary, EVERY_ENVOY } from "../support/envoy/versions.ts";

const POLICY = JSON.stringify({
  identity: [{ cookie: "uid" }],
  rollouts: { checkout: { default: "stable", variants: { stable: {}, canary: { percent: 1 } } } },
});
const REQUESTS = 200;

function bootstrap(http2Port: number): string {
  const routes = [{ match: { prefix: "/" }, route: { cluster: "upstream" } }];
  return bootstrapOf(
    [listener("web", [wasmFilter(POLICY)], routes)],
    [cluster("upstream", http2Port, { isHttp2: true })],
  );
}

/** One request as curl makes it: the connection is closed as soon as all that content-length promises is there. */
function askAndLeave(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("connect", () => socket.write("GET /x HTTP/1.1\r\nhost: shop.example.com\r\n\r\n"));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      const head = text.indexOf("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? NaN);
      if (head >= 0 && text.length - head - 4 >= length) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text.startsWith("HTTP/1.1 200")));
  });
}

for (const version of EVERY_ENVOY) {
  describe(`an upstream that speaks HTTP/2, Envoy ${version}`, () => {
    const trailers: IncomingHttpHeaders[] = [];
    const starting = (async () => {
      const upstream = await startUpstream({
        version: "stable",
        onRequest: (request) => {
          request.on("end", () => trailers.push({ ...request.trailers }));
        },
      });
      const binary = await envoyBinary(version);
      const envoy = await startEnvoy({ binary, bootstrap: bootstrap(upstream.http2Port) });
      return { upstream, envoy, port: await envoy.port("web") };
    })();
    after(async () => {
      const { upstream, envoy } = await starting;
      await envoy.stop();
      await upstream.stop();
    });

    it("a whole answer to a client that leaves at once is counted by its class, not as a reset", async () => {
      const { envoy, port } = await starting;
      for (let i = 0; i < REQUESTS; i++) assert.ok(await askAndLeave(port));
      const prefix = "wasmcustom.serin.rollout.checkout.stable.";
      let counts = new Map<string, number>();
      await waitUntil("all streams to be over", 30_000, async () => {
        counts = await envoy.admin.stats("serin\\.rollout\\.checkout\\.stable");
        return counts.get(`${prefix}rq_total`) === REQUESTS && counts.get(`${prefix}rq_active`) === 0;
      });
      assert.equal(counts.get(`${prefix}rq_2xx`), REQUESTS);
      assert.equal(counts.get(`${prefix}rq_reset`), 0);
    });

    it("a client's own x-serin-* trailers do not arrive, its others do", async () => {
      const { port } = await starting;
      trailers.length = 0;
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      const stream = session.request(
        { ":path": "/x", ":method": "POST" },
        {
          waitForTrailers: true,
        },
      );
      stream.on("wantTrailers", () =>
        stream.sendTrailers({ "x-serin-checkout": "canary", "x-serin-cluster": "other", "x-checksum": "1" }),
      );
      stream.end("body");
      stream.resume();
      await new Promise((done) => stream.on("close", done));
      session.destroy();
      assert.deepEqual(JSON.parse(JSON.stringify(trailers)), [{ "x-checksum": "1" }]);
    });
  });
}
