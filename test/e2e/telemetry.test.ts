// The configurations of docs/observability.md do what the page says, on a real Envoy: lines of access logs, spans and log
// records with OpenTelemetry's names, as a collector receives them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";

import { parse } from "yaml";

import { blocksOf } from "../support/page.ts";
import { ENVOY_OLDEST_VERSION, waitUntil } from "../../tools/envoy/index.ts";
import { cluster, directRoute } from "../support/envoy/bootstrap.ts";
import { startProxyOver, type BareProxy } from "../support/envoy/proxy.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { exchange, lastRequest } from "../support/envoy/wire.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../docs/observability.md"), "utf8");

/** The fields of the connection manager in the block with this mark. */
function manager(mark: string): object {
  const block = blocksOf(page).find(({ marks }) => marks.includes(mark));
  assert.ok(block, `docs/observability.md has no block ${mark}`);
  return parse(block.text.replace("/dev/stdout", "FOLDER/access.log")) as object;
}

function policy(steer: string): object {
  return {
    ...{ steer, observe: { filterState: true }, identity: [{ cookie: "uid" }] },
    rollouts: {
      checkout: {
        default: "stable",
        variants: { stable: {}, canary: { percent: 0 } },
        force: { header: "x-canary" },
      },
    },
    flags: {
      "new-checkout": {
        ...{ state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "on" },
        metadata: { "serin.expose": true },
      },
    },
  };
}

/** What OTLP brings, as text: enough to find names and values in it. */
class Collector {
  received = "";
  readonly #server: Http2Server;

  constructor() {
    this.#server = createServer();
    this.#server.on("stream", (stream) => {
      stream.on("error", () => undefined);
      stream.on("data", (piece: Buffer) => (this.received += piece.toString("latin1")));
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("end", () => stream.end(Buffer.from([0, 0, 0, 0, 0])));
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }

  /** Waits until an attribute of this name and value has come. */
  async has(name: string, value: string): Promise<void> {
    // Protobuf: the name, then the value's tag and lengths, then the value.
    const pair = new RegExp(`${name.replaceAll(".", "\\.")}[^a-z]{1,6}${value}`);
    await waitUntil(`${name} ${value}`, 20_000, () => pair.test(this.received));
  }
}

for (const version of EVERY_ENVOY) {
  describe(`docs/observability.md on Envoy ${version}`, () => {
    const collector = new Collector();
    let clusters: object[] = [];
    before(async () => {
      clusters = [cluster("otel_collector", await collector.listen(), { isHttp2: true })];
    });
    after(() => collector.close());

    /** Sends a request for the canary and one for nobody, to an Envoy with this block in it. */
    async function withBlock(
      mark: string,
      steer: string,
      judge: (proxy: BareProxy) => Promise<void>,
    ): Promise<void> {
      collector.received = "";
      const proxy = await startProxyOver([], {
        ...{
          version,
          policy: policy(steer),
          routes: [directRoute("/", {})],
          clusters,
          manager: manager(mark),
        },
        logLevel: "error",
      });
      try {
        await exchange(proxy.port, lastRequest("/", ["x-canary: canary"]));
        await exchange(proxy.port, lastRequest("/"));
        await judge(proxy);
      } finally {
        await proxy.stop();
      }
    }

    async function lines(proxy: BareProxy): Promise<Record<string, unknown>[]> {
      let found: string[] = [];
      await waitUntil("two lines", 20_000, async () => {
        found = (await readFile(join(proxy.envoy.folder, "access.log"), "utf8")).trimEnd().split("\n");
        return found.length === 2;
      });
      return found.map((line) => JSON.parse(line) as Record<string, unknown>);
    }

    test("a log line by header", () =>
      withBlock("log-by-header", "header", async (proxy) => {
        const [canary, nobody] = await lines(proxy);
        assert.deepEqual([canary?.["checkout"], canary?.["flags"]], ["canary", "new-checkout"]);
        assert.deepEqual([nobody?.["checkout"], nobody?.["status"]], [null, 200]);
      }));

    test("a log line by filter state", () =>
      withBlock("log-by-state", "filterState", async (proxy) => {
        assert.deepEqual(await lines(proxy), [
          {
            ...{ checkout: "canary", status: 200 },
            decision: "checkout=canary;reason=TARGETING_MATCH, new-checkout",
          },
          { checkout: null, status: 200, decision: "checkout=stable;reason=DEFAULT, new-checkout" },
        ]);
      }));

    test("spans by header", () =>
      withBlock("spans-by-header", "header", async () => {
        await collector.has("feature_flag.key", "checkout");
        await collector.has("feature_flag.provider.name", "serin");
        for (const variant of ["canary", "stable"])
          await collector.has("feature_flag.result.variant", variant);
      }));

    if (version === ENVOY_OLDEST_VERSION) {
      test("spans by filter state are refused, as the page says", async () => {
        await assert.rejects(
          withBlock("spans-by-state", "filterState", async () => undefined),
          /custom_tags/,
        );
      });
    } else {
      test("spans by filter state", () =>
        withBlock("spans-by-state", "filterState", async () => {
          await collector.has("feature_flag.result.variant", "canary");
          await collector.has("serin.decision", "checkout=canary;reason=TARGETING_MATCH, new-checkout");
          await collector.has("serin.decision", "checkout=stable;reason=DEFAULT, new-checkout");
        }));
    }

    test("log records by OTLP", () =>
      withBlock("log-otlp", "header", async () => {
        await collector.has("feature_flag.key", "checkout");
        await collector.has("feature_flag.result.variant", "canary");
        await collector.has("serin.decision", "checkout=canary;reason=TARGETING_MATCH, new-checkout");
      }));
  });
}
