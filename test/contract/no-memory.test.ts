// Without memory requests pass as they came, but for the client's own `x-serin-*`: removing them needs none.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { starvedModule } from "../support/filter.ts";
import { RecordingHost } from "./recording-host.ts";
import { CANARY, DEFAULT, policy, ROOT } from "./serving.ts";

type Pairs = [name: string, value: string][];
const FORGED: Pairs = [
  ["x-serin-checkout", "forged"],
  ["x-serin-cluster", "forged"],
  ["X-Serin-Other", "forged"],
  ["x_serin_checkout", "forged"],
];
const TRAILERS: Pairs = [
  ["x-serin-checkout", "forged"],
  ["x-checksum", "1"],
  ["x-serin_a", "forged"],
];
const MOST_PAGES = 24;

function headersOf(host: RecordingHost, id: number, request: Pairs): Pairs {
  assert.equal(host.begin(id, ROOT, request), 0);
  return host.context(id).request?.toPairs() ?? [];
}

function isForged([, value]: [string, string]): boolean {
  return value === "forged";
}

for (let pages = 0; pages < MOST_PAGES; pages++) {
  test(`${pages} pages of 64 KiB beyond the first: nothing forged passes, and all else does`, () => {
    const host = new RecordingHost({ module: starvedModule(pages) });
    assert.ok(host.configure(ROOT, policy()), "whether a policy is accepted depends on its bytes alone");
    for (let id = 10; id < 600; id++) {
      const request = id % 2 === 0 ? CANARY : DEFAULT;
      const seen = headersOf(host, id, [...request, ...FORGED]);
      assert.deepEqual(seen.filter(isForged), [], `request ${id}`);
      assert.deepEqual(seen.slice(0, request.length), request);
      assert.deepEqual(host.trailers(id, TRAILERS), [["x-checksum", "1"]], `trailers ${id}`);
    }
  });
}

describe("headers that no memory is left for", () => {
  const LARGE: Pairs = [["x-large", "a".repeat(300_000)]];
  const SERVED = policy({ shadows: { next: { percent: 0, cluster: "v2", dispatch: "mirror" } } });
  const KNOWN = [
    "x-serin-checkout",
    "x-serin-cluster",
    "x-serin-flags",
    "x-serin-shadow",
    "x-serin-shadow-next",
  ];

  for (const open of [0, 4_000]) {
    test(`are removed by their names, with ${open} streams open`, () => {
      const host = new RecordingHost({ module: starvedModule(8) });
      host.isRecording = false;
      assert.ok(host.configure(ROOT, SERVED));
      for (let id = 10; id < 10 + open; id++) host.begin(id, ROOT, DEFAULT);
      const forged = KNOWN.map((name): [string, string] => [name, "forged"]);
      const request: Pairs = [...CANARY, ...LARGE, ...forged];
      assert.deepEqual(headersOf(host, 1_000_000, request).filter(isForged), []);
      assert.deepEqual(host.trailers(1_000_000, [...LARGE, ...forged]).filter(isForged), []);
    });
  }
});

test("the filter on a shadow's cluster leaves the headers of the one before it, known or not", () => {
  for (const pages of [0, 1, MOST_PAGES]) {
    const host = new RecordingHost({ module: starvedModule(pages) });
    const root = Buffer.from("serin.upstream");
    host.context(ROOT).properties.set("plugin_root_id", root);
    assert.ok(host.configure(ROOT, policy()));
    for (let id = 10; id < 600; id++) {
      host.context(id).properties.set("plugin_root_id", root);
      assert.deepEqual(
        headersOf(host, id, [...CANARY, ["x-serin-checkout", "canary"]]).length,
        CANARY.length + 1,
      );
      assert.deepEqual(host.trailers(id, TRAILERS), TRAILERS);
    }
  }
});
