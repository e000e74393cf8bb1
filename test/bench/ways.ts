// The ways to split users that are measured beside one another: bootstraps of one Envoy each, all answering directly,
// so that what is counted is the proxy's own work.

import { createMemoryStream, main as compile } from "assemblyscript/asc";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const SERIN = join(ROOT, "build/serin.wasm");

export interface Way {
  readonly name: string;
  /** What a person should know of it. */
  readonly note: string;
  readonly bootstrap: string;
}

/** A user whose position under the salt `checkout` is below 50 %, and one above it: see `test/bench/main.ts`. */
export interface Users {
  readonly canary: string;
  readonly stable: string;
}

/** The cookie header of every request of a way. */
export function cookieOf(way: Way, users: Users): string {
  return way.name.includes("canary") ? users.canary : users.stable;
}

const PLAIN = ["- match: {prefix: /}", "  direct_response: {status: 200, body: {inline_string: stable}}"];
const BY_STATE = [
  "- match: {prefix: /, filter_state: [{key: wasm.serin.checkout, string_match: {exact: canary}}]}",
  "  direct_response: {status: 200, body: {inline_string: canary}}",
  ...PLAIN,
];
const BY_HEADER = [
  "- match: {prefix: /, headers: [{name: x-serin-checkout, string_match: {exact: canary}}]}",
  "  direct_response: {status: 200, body: {inline_string: canary}}",
  ...PLAIN,
];

/** Everything that is measured. Builds the empty filter in a folder. */
export async function ways(folder: string): Promise<Way[]> {
  const empty = await compileEmpty(folder);
  const one = policy(1, "filterState");
  return [
    { name: "no filter", note: "one route: the floor", bootstrap: bootstrap(PLAIN, "") },
    {
      name: "empty filter",
      note: "any Wasm filter, called once a request, doing nothing",
      bootstrap: bootstrap(PLAIN, wasm(empty, "{}")),
    },
    {
      name: "Lua",
      note: "murmur3 and a counter in Envoy's Lua filter",
      bootstrap: bootstrap(BY_HEADER, LUA),
    },
    {
      name: "serin, not concerned",
      note: "no rollout applies to the request",
      bootstrap: bootstrap(BY_STATE, wasm(SERIN, policy(1, "filterState").replaceAll("/checkout", "/other"))),
    },
    {
      name: "serin, default",
      note: "the user gets the default variant: nothing is written",
      bootstrap: bootstrap(BY_STATE, wasm(SERIN, one)),
    },
    {
      name: "serin, canary by filter state",
      note: "the user gets the canary: filter state, new route",
      bootstrap: bootstrap(BY_STATE, wasm(SERIN, one)),
    },
    {
      name: "serin, canary by header",
      note: "the same by header",
      bootstrap: bootstrap(BY_HEADER, wasm(SERIN, policy(1, "header"))),
    },
    {
      name: "serin, rule",
      note: "default variant; `when` looks at a header and a query parameter",
      bootstrap: bootstrap(BY_STATE, wasm(SERIN, withRule())),
    },
    {
      name: "serin, flag",
      note: "default variant; a flag of 10 branches gates the rollout and is told to the upstream",
      bootstrap: bootstrap(BY_STATE, wasm(SERIN, withFlag())),
    },
    {
      name: "serin, 1 of 10,000 rollouts",
      note: "default variant; one of 10,000 rollouts concerns the request",
      bootstrap: bootstrap(BY_STATE, wasm(SERIN, policy(10_000, "filterState"))),
    },
  ];
}

/** A policy of `count` rollouts, of which only `checkout` concerns the requests that are sent. */
function policy(count: number, steer: string): string {
  const rollouts: Record<string, unknown> = {};
  for (let i = 1; i < count; i++) {
    rollouts[`r${i}`] = rollout(`shop${i % 100}.example.com`, `/app${i}`);
  }
  rollouts["checkout"] = rollout("shop.example.com", "/checkout");
  return JSON.stringify({ identity: [{ cookie: "uid" }], steer, rollouts });
}

/** The policy of one rollout, which applies where a rule holds. */
function withRule(): string {
  const document = JSON.parse(policy(1, "filterState")) as { rollouts: { checkout: object } };
  Object.assign(document.rollouts.checkout, {
    when: { and: [{ "!=": [{ var: "headers.x-region" }, "eu"] }, { "<": [{ var: "query.step" }, 5] }] },
  });
  return JSON.stringify(document);
}

/** The policy of one rollout behind a flag, whose last branch splits users. */
function withFlag(): string {
  const document = JSON.parse(policy(1, "filterState")) as { rollouts: { checkout: { match: object[] } } };
  const branches: unknown[] = [];
  for (let i = 0; i < 9; i++) branches.push({ "==": [{ var: "headers.x-tenant" }, `tenant-${i}`] }, "off");
  document.rollouts.checkout.match = [{ path: { value: "/checkout" }, flag: { "new-checkout": true } }];
  const flag = {
    state: "ENABLED",
    variants: { on: true, off: false },
    defaultVariant: "off",
    metadata: { "serin.expose": true },
    targeting: {
      if: [
        ...branches,
        {
          fractional: [
            ["on", 100],
            ["off", 0],
          ],
        },
      ],
    },
  };
  return JSON.stringify({ ...document, flags: { "new-checkout": flag } });
}

function rollout(host: string, path: string): unknown {
  return {
    match: [{ hosts: [host], path: { value: path } }],
    default: "stable",
    variants: { stable: {}, canary: { percent: 50 } },
  };
}

function bootstrap(routes: readonly string[], filter: string): string {
  return `
node: {id: bench, cluster: bench}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: bench
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          http_filters:
${filter}          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
${routes.map((line) => `              ${line}\n`).join("")}`;
}

function wasm(file: string, configuration: string): string {
  return `          - name: serin
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                name: serin
                failure_policy: FAIL_RELOAD
                vm_config: {runtime: envoy.wasm.runtime.v8, code: {local: {filename: ${JSON.stringify(file)}}}}
                configuration:
                  "@type": type.googleapis.com/google.protobuf.StringValue
                  value: ${JSON.stringify(configuration)}
`;
}

async function compileEmpty(folder: string): Promise<string> {
  let bytes: Uint8Array | null = null;
  const { error } = await compile(
    [
      "test/bench/empty-filter.ts",
      // Nothing of asconfig.json: the filter itself would be compiled along.
      ...["--config", "none"],
      ...["--baseDir", ROOT, "--runtime", "stub", "-O3", "--exportStart", "_initialize", "--use", "abort="],
      ...["--outFile", "empty.wasm"],
    ],
    {
      stderr: createMemoryStream(),
      writeFile: (_name: string, contents: Uint8Array | string) => {
        if (typeof contents !== "string") bytes = contents;
      },
    },
  );
  if (error !== null || bytes === null) throw error ?? new Error("the compiler wrote no module");
  const file = join(folder, "empty.wasm");
  writeFileSync(file, bytes);
  return file;
}

/** The same decision in Lua: what people write who have no filter. */
const LUA = `          - name: envoy.filters.http.lua
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
                  local bit = require("bit")
                  local band, bxor, rol, rshift, bor, lshift = bit.band, bit.bxor, bit.rol, bit.rshift, bit.bor, bit.lshift
                  local function mul(a, b)
                    local al, ah = band(a, 0xffff), rshift(a, 16)
                    return band(al * b + lshift(band(ah * band(b, 0xffff), 0xffff), 16), 0xffffffff)
                  end
                  local function murmur3(s)
                    local h, n = 0, #s
                    local blocks = n - n % 4
                    for i = 1, blocks, 4 do
                      local a, b, c, d = s:byte(i, i + 3)
                      local k = bor(a, lshift(b, 8), lshift(c, 16), lshift(d, 24))
                      h = bxor(h, mul(rol(mul(k, 0xcc9e2d51), 15), 0x1b873593))
                      h = band(mul(rol(h, 13), 5) + 0xe6546b64, 0xffffffff)
                    end
                    local k = 0
                    for i = n, blocks + 1, -1 do k = bor(lshift(k, 8), s:byte(i)) end
                    if n > blocks then h = bxor(h, mul(rol(mul(k, 0xcc9e2d51), 15), 0x1b873593)) end
                    h = bxor(h, n)
                    h = mul(bxor(h, rshift(h, 16)), 0x85ebca6b)
                    h = mul(bxor(h, rshift(h, 13)), 0xc2b2ae35)
                    h = bxor(h, rshift(h, 16))
                    return h < 0 and h + 4294967296 or h
                  end
                  function envoy_on_request(handle)
                    local headers = handle:headers()
                    local uid = string.match(headers:get("cookie") or "", "uid=([^;]+)")
                    headers:remove("x-serin-checkout")
                    if uid and murmur3("checkout/" .. uid) < 2147483648 then
                      headers:replace("x-serin-checkout", "canary")
                      handle:stats():counter("canary"):inc()
                    else
                      handle:stats():counter("stable"):inc()
                    end
                  end
`;
