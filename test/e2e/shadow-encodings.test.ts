// Answers that come encoded, on a real Envoy: gzip, deflate, br and none on either side, by call and by mirror, and with
// Envoy's own compressor before and after the filter.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { extension, fileFilter } from "../support/envoy/bootstrap.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { exchange, parseResponse, request } from "../support/envoy/wire.ts";
import {
  loggedOf,
  mirrorRoute,
  planted,
  sendEach,
  settledCounts,
  startStage,
  valuesOf,
  type Counts,
  type Policy,
  type Stage,
} from "./shadow-stage.ts";

const shadow = (name: string, compare: object, more: object = {}): object => ({
  match: [{ path: { value: `/${name}` } }],
  percent: 100,
  cluster: "shadow",
  timeout: "5s",
  compare: { sample: "1000/s", ...compare },
  budget: { perSecond: 1000, inFlight: 100, maxBodyBytes: 65_536 },
  ...more,
});
const JSON_BODY = { body: { json: true } };
const SHADOWS: Readonly<Record<string, object>> = {
  json: shadow("json", JSON_BODY),
  bytes: shadow("bytes", { body: true }),
  status: shadow("status", {}),
  narrow: shadow("narrow", { ...JSON_BODY, acceptEncoding: "gzip" }),
  mirrored: shadow("mirrored", JSON_BODY, { dispatch: "mirror", cluster: "watched" }),
};
const POLICY: Policy = { shadows: SHADOWS };

const BODY = JSON.stringify({
  total: 12.5,
  items: Array.from({ length: 40 }, (_, id) => ({ id, name: `item ${id}` })),
});
const OTHER = BODY.replace('"item 7"', '"item seven"');

/** What is in the way: of the same answer, encoded in two ways, and of one with a difference. */
const READ = [
  ...[undefined, "identity", "gzip", "gzip-1", "gzip-9", "gzip-named"],
  ...["gzip-members", "gzip-twice", "deflate", "deflate-raw"],
];
const STRANGE: readonly [ours: string | undefined, theirs: string | undefined, reason: string][] = [
  ["br", "gzip", "production's body is encoded with br"],
  ["gzip", "br", "the shadow's body is encoded with br"],
  [undefined, "zstd", "the shadow's body is encoded with zstd"],
  ["gzip", "gzip-bomb", "the shadow's decoded body is larger than maxBodyBytes"],
  ["gzip-bomb", undefined, "production's decoded body is larger than maxBodyBytes"],
];

const encoded = (
  path: string,
  ours: string | undefined,
  theirs: string | undefined,
  other = BODY,
): { path: string } => ({
  path: planted(path, {
    body: BODY,
    ...(ours === undefined ? {} : { "production-encoding": ours }),
    ...(theirs === undefined ? {} : { "shadow-encoding": theirs }),
    ...(other === BODY ? {} : { "shadow-body": other }),
  }),
});

for (const version of EVERY_ENVOY) {
  describe(`Envoy ${version}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await startStage({ version, policy: POLICY, routes: [mirrorRoute("mirrored")], record: true });
      await stage.serve(POLICY);
    });
    after(() => stage.stop());

    for (const name of ["json", "bytes", "mirrored"]) {
      test(`${name}: encoded on either side, compared by what is in it`, async () => {
        const sent: { path: string }[] = [];
        for (const ours of READ) {
          for (const theirs of READ) {
            sent.push(encoded(`/${name}`, ours, theirs), encoded(`/${name}`, ours, theirs, OTHER));
          }
        }
        await sendEach(stage.port, sent, 8);
        const half = READ.length ** 2;
        let wanted: Counts = { sent: 2 * half, match: half, mismatch_body: half };
        assert.deepEqual(await settledCounts(stage.admin, name, sent.length), wanted);
        if (name !== "bytes") {
          for (const { pointer } of loggedOf(stage.envoy.log(), name)) assert.equal(pointer, "/items/7/name");
        }
        // Each byte in a chunk of its own; HTTP whole, the coding cut.
        const behaviours = { body: BODY, "production-encoding": "gzip", "shadow-encoding": "gzip-9" };
        await sendEach(stage.port, [
          { path: planted(`/${name}`, { ...behaviours, drip: 1 }) },
          { path: planted(`/${name}`, { ...behaviours, drip: 1, "shadow-body": OTHER }) },
          encoded(`/${name}`, "gzip-cut", "gzip"),
          encoded(`/${name}`, undefined, "gzip-cut"),
        ]);
        wanted = { sent: 2 * half + 4, match: half + 1, mismatch_body: half + 3 };
        assert.deepEqual(await settledCounts(stage.admin, name, sent.length + 4), wanted);
      });
    }

    test("what cannot be compared is no mismatch, and the log says why", async () => {
      const before = await settledCounts(stage.admin, "json", 0);
      await sendEach(
        stage.port,
        STRANGE.map(([ours, theirs]) => encoded("/json", ours, theirs)),
        1,
      );
      await sendEach(stage.port, [{ path: planted("/json", { body: BODY, "production-status": 304 }) }]);
      const counts = await settledCounts(stage.admin, "json", (before["sent"] ?? 0) + STRANGE.length + 1);
      assert.deepEqual(counts, {
        ...before,
        sent: (before["sent"] ?? 0) + STRANGE.length + 1,
        incomparable: STRANGE.length + 1,
      });
      const lines = loggedOf(stage.envoy.log(), "json").filter(({ verdict }) => verdict === "incomparable");
      assert.deepEqual(
        lines.map(({ reason }) => reason),
        [...STRANGE.map(([, , reason]) => reason), "production's answer alone is 304"],
      );
    });

    test("a copy accepts what can be decoded, production what its client does, unless the policy narrows it", async () => {
      const accepted = async (name: string): Promise<(string | undefined)[]> => {
        const path = `/${name}/accepts`;
        await exchange(
          stage.port,
          request(path, ["accept-encoding: gzip, deflate, br", "connection: close"]),
        );
        const { production, copy } = await stage.arrived(path);
        return [production, copy].map((seen) => valuesOf(seen, "accept-encoding").join());
      };
      assert.deepEqual(await accepted("json"), ["gzip, deflate, br", "gzip, deflate"]);
      assert.deepEqual(await accepted("mirrored"), ["gzip, deflate, br", "gzip, deflate"]);
      assert.deepEqual(await accepted("status"), ["gzip, deflate, br", "gzip, deflate, br"]);
      assert.deepEqual(await accepted("narrow"), ["gzip", "gzip, deflate"]);
    });
  });

  for (const order of ["before", "after"] as const) {
    describe(`Envoy ${version}, its compressor ${order} the filter`, () => {
      let stage: Stage;
      before(async () => {
        const filters = order === "before" ? [compressor(), fileFilter()] : [fileFilter(), compressor()];
        const manager = { http_filters: [...filters, extension("router", "filters.http.router.v3.Router")] };
        stage = await startStage({ version, policy: POLICY, routes: [], manager });
        await stage.serve(POLICY);
      });
      after(() => stage.stop());

      test("the client gets gzip, and the answers are compared", async () => {
        const headers = ["accept-encoding: gzip, br", "connection: close"];
        for (const theirs of [undefined, "gzip-1", "deflate"]) {
          for (const other of [BODY, OTHER]) {
            const { path } = encoded("/json", undefined, theirs, other);
            const answer = parseResponse(await exchange(stage.port, request(path, headers)));
            assert.equal(answer.headers.get("content-encoding"), "gzip");
          }
        }
        assert.deepEqual(await settledCounts(stage.admin, "json", 6), {
          sent: 6,
          match: 3,
          mismatch_body: 3,
        });
      });
    });
  }
}

/** Envoy's own, for answers of any length. */
function compressor(): object {
  return extension("compressor", "filters.http.compressor.v3.Compressor", {
    response_direction_config: { common_config: { min_content_length: 30 } },
    compressor_library: extension("gzip", "compression.gzip.compressor.v3.Gzip"),
  });
}
