// Every worked configuration on a real Envoy: the filter decides about the path that the service then gets, however a
// client writes it. `/checkout/../admin` is no request below /checkout.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { parse } from "yaml";

import { bootstrap } from "../../tools/demo/bootstrap.ts";
import { ENVOY_VERSION, startEnvoy, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { address } from "../support/envoy/bootstrap.ts";
import { filterFile } from "../support/envoy/proxy.ts";
import { envoyBinary } from "../support/envoy/versions.ts";
import type { Echo } from "../upstream/answer.ts";
import { startUpstream, type Upstream } from "../upstream/upstream.ts";
import { ROOT } from "./with-filter.ts";

const POLICY = {
  identity: [{ header: "x-user" }],
  rollouts: {
    checkout: {
      match: [{ path: { value: "/checkout" } }],
      default: "stable",
      variants: { stable: {}, canary: { percent: 100 } },
    },
  },
};

interface Expected {
  /** The path that the service gets, and whether the rollout applies to it; or where the client is sent. */
  readonly arrives?: readonly [path: string, isCheckout: boolean];
  readonly sentTo?: string;
}

const DOTS: Readonly<Record<string, Expected>> = {
  "/checkout": { arrives: ["/checkout", true] },
  "/checkout?next=%2F..%2F..//a": { arrives: ["/checkout?next=%2F..%2F..//a", true] },
  "/checkout/../admin": { arrives: ["/admin", false] },
  "/checkout/%2e%2E/admin": { arrives: ["/admin", false] },
  "/admin/../checkout": { arrives: ["/checkout", true] },
};

/** What stands in front of services. */
const EDGE: Readonly<Record<string, Expected>> = {
  ...DOTS,
  "//checkout": { arrives: ["/checkout", true] },
  // Dot segments go first, and each takes one segment, be it empty.
  "/checkout//..//../admin": { arrives: ["/checkout/admin", true] },
  "/checkout/..%2Fadmin": { sentTo: "/admin" },
  "/checkout%5c..%5cadmin?a=b": { sentTo: "/admin?a=b" },
};

/** What stands in front of Emissary leaves slashes to Emissary, which by default leaves them as they are. */
const HOP: Readonly<Record<string, Expected>> = {
  ...DOTS,
  "//checkout": { arrives: ["//checkout", false] },
  "/checkout/..%2Fadmin": { arrives: ["/checkout/..%2Fadmin", true] },
};

/** All files with a connection manager that Serin is in, and what each has to do. */
const WORKED: Readonly<Record<string, Readonly<Record<string, Expected>>>> = {
  "envoy/compose/egress.yaml": HOP,
  "envoy/compose/envoy.yaml": EDGE,
  "envoy/compose/hop.yaml": HOP,
  "envoy/emissary/hop/envoy.yaml": HOP,
  "envoy/envoy.yaml": EDGE,
  "envoy/shadow-effects/envoy.yaml": EDGE,
  "tools/demo/bootstrap.yaml": EDGE,
};

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

test("no worked configuration is left out", () => {
  const found = ["envoy", "tools"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .map((name) => join(folder, name))
      .filter((name) => /\.ya?ml$/.test(name)),
  );
  const managers = found.filter((file) => read(file).includes("v3.HttpConnectionManager"));
  // This one plays Ambassador: it is as diagd writes it.
  const played = "envoy/compose/ambassador.yaml";
  assert.deepEqual(managers.sort(), [...Object.keys(WORKED), played].sort());
  assert.match(read(played), /normalize_path: true/);
});

/** The file with ports of its own, one service in place of all, and nobody who is asked who the user is. */
function onThisMachine(file: string, upstream: Upstream): string {
  const watched = "FOLDER/watched";
  const places = { port: 0, adminPort: 0, filterFolder: watched, clusters: new Map([["shop", 1]]) };
  const config = parse(file.startsWith("tools/demo") ? bootstrap(places) : read(file));
  config.admin = { address: address(0) };
  for (const listener of config.static_resources.listeners) {
    listener.address = address(0);
    const http = listener.filter_chains[0].filters[0].typed_config;
    http.http_filters = (http.http_filters as Filter[]).filter(({ name }) => !name.endsWith(".ext_authz"));
    for (const { config_discovery: found } of http.http_filters as Filter[]) {
      if (found === undefined) continue;
      const path_config_source = {
        path: `${watched}/filter.yaml`,
        watched_directory: { path: watched },
      };
      found.config_source = { resource_api_version: "V3", path_config_source };
      delete found.default_config;
      delete found.apply_default_config_without_warming;
    }
  }
  config.static_resources.clusters = (config.static_resources.clusters as Filter[]).map(({ name }) => {
    const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(upstream.port) } }] }];
    return { name, load_assignment: { cluster_name: name, endpoints } };
  });
  return JSON.stringify(config);
}

interface Filter {
  readonly name: string;
  readonly config_discovery?: Record<string, unknown>;
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

/** Node sends the path as it is. */
function get(port: number, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, path, headers: { "x-user": "u1" }, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, location: response.headers.location, body }),
      );
    });
    sent.on("error", reject);
    sent.end();
  });
}

for (const [file, table] of Object.entries(WORKED)) {
  describe(file, () => {
    let upstream: Upstream;
    let envoy: RunningEnvoy;
    let port = 0;
    before(async () => {
      upstream = await startUpstream({ version: "v1" });
      envoy = await startEnvoy({
        binary: await envoyBinary(ENVOY_VERSION),
        bootstrap: onThisMachine(file, upstream),
        files: { "watched/filter.yaml": filterFile(POLICY) },
        logLevel: "error",
      });
      // Where there are more of them, the first is the clients'.
      const [at = ""] = (await envoy.admin.listeners()).values();
      port = Number(at.split(":").at(-1));
    });
    after(async () => {
      await envoy?.stop();
      await upstream?.stop();
    });

    for (const [path, { arrives, sentTo }] of Object.entries(table)) {
      test(`${path}: ${sentTo === undefined ? `arrives as ${arrives?.[0]}` : `is sent to ${sentTo}`}`, async () => {
        const answer = await get(port, path);
        if (sentTo !== undefined) {
          assert.deepEqual([answer.status, answer.location], [307, sentTo]);
          return;
        }
        const echo = JSON.parse(answer.body) as Echo;
        const variant = echo.headers.find(([name]) => name.toLowerCase() === "x-serin-checkout")?.[1];
        assert.deepEqual([echo.path, variant === "canary"], arrives);
      });
    }
  });
}

test("every worked configuration has the labels of stats-tags.yaml", () => {
  const { stats_config: expected } = parse(read("envoy/stats-tags.yaml"));
  for (const file of Object.keys(WORKED)) {
    // The demo reads no labels.
    if (!file.startsWith("tools/")) assert.deepEqual(parse(read(file)).stats_config, expected, file);
  }
});
