// Shadows of gRPC that are well, failing, slow and down, on a real Envoy whose upstreams speak HTTP/2: by a call, and by
// a mirror that the filter on the shadow's cluster observes.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { http2Request } from "./http2-wire.ts";
import {
  mirrorRoute,
  planted,
  settledCounts,
  startStage,
  type Counts,
  type Policy,
  type Stage,
} from "./shadow-stage.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";

const shadow = (name: string, more: object = {}): object => ({
  match: [{ path: { value: `/${name}` } }],
  methods: ["POST"],
  percent: 100,
  cluster: "shadow-h2",
  timeout: "1s",
  compare: { sample: "0/s" },
  ...more,
});

const POLICY: Policy = {
  identity: [{ cookie: "uid" }],
  shadows: {
    called: shadow("called"),
    refused: shadow("refused", { cluster: "refusing" }),
    mirrored: shadow("mirrored", {
      dispatch: "mirror",
      cluster: "watched-h2",
      budget: { maxBodyBytes: "unlimited" },
    }),
  },
};

for (const version of EVERY_ENVOY) {
  describe(`Envoy ${version}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await startStage({
        version,
        policy: POLICY,
        routes: [
          mirrorRoute("mirrored", "production-h2"),
          { match: { prefix: "/called" }, route: { cluster: "production-h2", timeout: "60s" } },
          { match: { prefix: "/refused" }, route: { cluster: "production-h2", timeout: "60s" } },
        ],
      });
      await stage.serve(POLICY);
    });
    after(() => stage.stop());

    const ask = async (
      name: string,
      behaviours: Record<string, string | number>,
      times = 2,
    ): Promise<void> => {
      for (let i = 0; i < times; i++) {
        const headers = {
          ...{ ":method": "POST", ":path": planted(`/${name}`, behaviours), ":authority": "a" },
          ...{ "content-type": "application/grpc", te: "trailers" },
        };
        assert.equal((await http2Request(stage.port, headers, { body: "\0\0\0\0\0" })).status, 200);
      }
    };
    const counted = async (name: string, decided: number, expected: Counts): Promise<void> =>
      assert.deepEqual(await settledCounts(stage.admin, name, decided), expected);

    for (const name of ["called", "mirrored"]) {
      test(`${name}: well is a match, failing a mismatch of the status, cut a reset, slow a timeout`, async () => {
        await ask(name, { grpc: "0" });
        await ask(name, { grpc: "only,5" });
        await ask(name, { grpc: "0", "shadow-grpc": "13" });
        await ask(name, { grpc: "0", "shadow-grpc": "only,14" });
        await ask(name, { grpc: "only,14", "shadow-grpc": "0" });
        await ask(name, { grpc: "0", "shadow-reset": 1 });
        await ask(name, { grpc: "0", "shadow-hang": 1 });
        // A mirror's timeout is noticed with the next copy.
        await new Promise((resolve) => setTimeout(resolve, 1_100));
        await ask(name, { grpc: "0" }, 1);
        await counted(name, 15, { sent: 15, match: 5, mismatch_status: 6, reset: 2, timeout: 2 });
      });
    }

    test("down: a connection that is refused is a reset", async () => {
      await ask("refused", { grpc: "0" }, 5);
      await counted("refused", 5, { sent: 5, reset: 5 });
    });
  });
}
