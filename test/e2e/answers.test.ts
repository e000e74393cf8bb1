// What an answer says that its status does not: of gRPC-Web, in front of and behind Envoy's grpc_web filter, and of
// requests that Envoy retried.

import assert from "node:assert/strict";
import { createServer as createHttp1, type Server } from "node:http";
import { createServer as createHttp2, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";

import { startEnvoy, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { bootstrapOf, cluster, extension, listener, wasmFilter } from "../support/envoy/bootstrap.ts";
import { settledStats } from "../support/envoy/proxy.ts";
import { EVERY_ENVOY, envoyBinary } from "../support/envoy/versions.ts";

/** A service of gRPC that answers as the path says: `/trailers/13`, with a message and a status behind it, or `/headers/13`. */
function answerGrpc(stream: ServerHttp2Stream, path: string): void {
  const [, kind, status = "0"] = path.split("/");
  const head = { ":status": 200, "content-type": "application/grpc" };
  stream.on("error", () => undefined);
  if (kind === "headers") return void stream.respond({ ...head, "grpc-status": status }, { endStream: true });
  stream.respond(head, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
  stream.end(Buffer.from([0, 0, 0, 0, 0]));
}

/** How often each id was asked for; every attempt but the last of `tries` is answered 503. */
const attempts = new Map<string, number>();

function listen(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
}) {
  return new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );
}

const policyOf = (name: string, more: object = {}): string =>
  JSON.stringify({
    identity: [],
    rollouts: { [name]: { default: "stable", variants: { stable: {} }, ...more } },
  });

for (const version of EVERY_ENVOY) {
  describe(`answers on Envoy ${version}`, () => {
    let envoy: RunningEnvoy;
    const grpc = createHttp2();
    let plain: Server;

    before(async () => {
      grpc.on("stream", (stream, headers) => answerGrpc(stream, String(headers[":path"])));
      plain = createHttp1((request, response) => {
        const url = new URL(request.url ?? "/", "http://upstream");
        const id = url.searchParams.get("id") ?? "";
        const count = (attempts.get(id) ?? 0) + 1;
        attempts.set(id, count);
        response.writeHead(count < Number(url.searchParams.get("tries")) ? 503 : 200).end("answer");
      });
      const web = extension("envoy.filters.http.grpc_web", "filters.http.grpc_web.v3.GrpcWeb");
      const serin = (name: string, more?: object): object => wasmFilter(policyOf(name, more), { vmId: name });
      const toGrpc = [{ match: { prefix: "/" }, route: { cluster: "grpc" } }];
      const retried = {
        match: { prefix: "/" },
        route: { cluster: "plain", retry_policy: { retry_on: "5xx", num_retries: 3 } },
      };
      envoy = await startEnvoy({
        binary: await envoyBinary(version),
        bootstrap: bootstrapOf(
          [
            listener("front", [serin("front"), web], toGrpc),
            listener("behind", [web, serin("behind")], toGrpc),
            listener("retried", [serin("retried", { retries: true })], [retried]),
            listener("silent", [serin("silent")], [retried]),
          ],
          [cluster("grpc", await listen(grpc), { isHttp2: true }), cluster("plain", await listen(plain))],
        ),
      });
    });
    after(async () => {
      await envoy?.stop();
      grpc.close();
      plain.closeAllConnections();
      plain.close();
    });

    /** What a rollout counts, of those that are not 0. */
    async function countsOf(rollout: string): Promise<Record<string, number>> {
      const stats = await settledStats(envoy.admin, rollout);
      const leaves = ["rq_total", "rq_2xx", "rq_5xx", "grpc_ok", "grpc_error", "rq_retried"];
      return Object.fromEntries(
        leaves.map((leaf) => [leaf, stats.sum(rollout, leaf)] as const).filter(([, count]) => count > 0),
      );
    }

    async function call(name: string, path: string, type: string): Promise<void> {
      const response = await fetch(`http://127.0.0.1:${await envoy.port(name)}${path}`, {
        method: "POST",
        headers: { "content-type": type, te: "trailers" },
        body: Buffer.from([0, 0, 0, 0, 0]),
      });
      assert.equal(response.status, 200);
      await response.arrayBuffer();
    }

    const PATHS = ["/trailers/0", "/trailers/0", "/trailers/13", "/headers/13"];

    test("behind grpc_web, whatever moves into the body, the status is known", async () => {
      for (const path of PATHS) await call("behind", path, "application/grpc-web+proto");
      assert.deepEqual(await countsOf("behind"), { rq_total: 4, rq_2xx: 4, grpc_ok: 2, grpc_error: 2 });
    });

    test("in front of it, an answer without a body says it by its headers, others say nothing", async () => {
      for (const path of PATHS) await call("front", path, "application/grpc-web+proto");
      assert.deepEqual(await countsOf("front"), { rq_total: 4, rq_2xx: 4, grpc_error: 1 });
    });

    test("retries: requests that were tried more than once are counted, where the policy says so", async () => {
      for (const name of ["retried", "silent"]) {
        const port = await envoy.port(name);
        for (const [index, tries] of [1, 2, 1, 4, 5, 1].entries()) {
          const url = `http://127.0.0.1:${port}/?id=${version}-${name}-${index}&tries=${tries}`;
          const response = await fetch(url);
          assert.equal(response.status, tries > 4 ? 503 : 200);
          await response.arrayBuffer();
        }
      }
      const seen = { rq_total: 6, rq_2xx: 5, rq_5xx: 1 };
      assert.deepEqual(await countsOf("retried"), { ...seen, rq_retried: 3 });
      assert.deepEqual(await countsOf("silent"), seen);
    });
  });
}
