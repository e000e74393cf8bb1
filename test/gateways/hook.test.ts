// The hook by itself: its Python tests, and that it says the same as what is said elsewhere.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { parse } from "yaml";

import { filterFile } from "../support/envoy/proxy.ts";
import { smallConfiguration } from "./small-configuration.ts";
import type { AdsFile, Bootstrap } from "./emissary-data.ts";
import { WASM } from "../support/filter.ts";
import { ROOT, withFilter } from "./with-filter.ts";

test("the hook's own tests (Python's unittest)", () => {
  const folder = join(import.meta.dirname, "hook");
  const args = ["-B", "-m", "unittest", "discover", "-s", folder];
  const { status, stderr } = spawnSync("python3", args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^Ran \d\d+ tests/m);
  assert.doesNotMatch(stderr, /skipped/);
});

const small = smallConfiguration({ web: 1, ready: 2, stable: 3, canary: 4, shadow: 5 });
const changed = withFilter(
  { ads: JSON.parse(small.ads) as AdsFile, bootstrap: JSON.parse(small.bootstrap) as Bootstrap },
  { policy: join(ROOT, "envoy/filter.yaml"), upstream: true },
);

test("the labels are those of envoy/stats-tags.yaml", () => {
  const tags = parse(readFileSync(join(ROOT, "envoy/stats-tags.yaml"), "utf8")).stats_config.stats_tags;
  assert.deepEqual(changed.bootstrap.stats_config?.stats_tags, tags);
});

test("default, upstream filter, bootstrap and what `serin publish` writes share one VM", () => {
  const published = parse(filterFile({})).resources[0].typed_config.config;
  const text = JSON.stringify(changed);
  const vm = JSON.stringify({ ...published.vm_config, code: { local: { filename: WASM } } });
  assert.equal(text.split(`"vm_config":${vm}`).length - 1, 3);
  assert.equal(text.split('"vm_config":').length - 1, 3);
  const listener = changed.ads.static_resources.listeners[0] as ReturnType<typeof JSON.parse>;
  const filter = listener.filter_chains[0].filters[0].typed_config.http_filters[1];
  const { configuration: _, ...rest } = published;
  const { configuration: empty, ...own } = filter.config_discovery.default_config.value.config;
  assert.deepEqual(own, rest);
  assert.deepEqual(empty, published.configuration);
});
