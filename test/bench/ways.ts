// The ways to split users that are measured beside one another: bootstraps of one Envoy each, all answering directly,
// so that what is counted is the proxy's own work.

import { bootstrapOf, listener, luaFilter, wasmFilter } from "../support/envoy/bootstrap.ts";
import { compileEmpty } from "./compile-empty.ts";
import { luaSource } from "./rivals/lua.ts";

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

const answering = (variant: string, match: object = {}): object => ({
  match: { prefix: "/", ...match },
  direct_response: { status: 200, body: { inline_string: variant } },
});
const CANARY = { string_match: { exact: "canary" } };
const PLAIN = [answering("stable")];
const BY_STATE = [
  answering("canary", { filter_state: [{ key: "wasm.serin.checkout", ...CANARY }] }),
  ...PLAIN,
];
const BY_HEADER = [answering("canary", { headers: [{ name: "x-serin-checkout", ...CANARY }] }), ...PLAIN];

function bootstrap(routes: readonly object[], ...filters: object[]): string {
  return bootstrapOf([listener("bench", filters, routes)], []);
}

/** Everything that is measured. Builds the empty filter in a folder. */
export async function ways(folder: string): Promise<Way[]> {
  const empty = await compileEmpty(folder);
  const one = policy(1, "filterState");
  return [
    { name: "no filter", note: "one route: the floor", bootstrap: bootstrap(PLAIN) },
    {
      name: "empty filter",
      note: "any Wasm filter, called once a request, doing nothing",
      bootstrap: bootstrap(PLAIN, wasmFilter("{}", { file: empty })),
    },
    {
      name: "Lua",
      note: "murmur3 and a counter in Envoy's Lua filter",
      bootstrap: bootstrap(BY_HEADER, luaFilter(luaSource([{ variant: "canary", begin: 0, end: 2 ** 31 }]))),
    },
    {
      name: "serin, not concerned",
      note: "no rollout applies to the request",
      bootstrap: bootstrap(BY_STATE, wasmFilter(policy(1, "filterState").replaceAll("/checkout", "/other"))),
    },
    {
      name: "serin, default",
      note: "the user gets the default variant: nothing is written",
      bootstrap: bootstrap(BY_STATE, wasmFilter(one)),
    },
    {
      name: "serin, canary by filter state",
      note: "the user gets the canary: filter state, new route",
      bootstrap: bootstrap(BY_STATE, wasmFilter(one)),
    },
    {
      name: "serin, canary by header",
      note: "the same by header",
      bootstrap: bootstrap(BY_HEADER, wasmFilter(policy(1, "header"))),
    },
    {
      name: "serin, rule",
      note: "default variant; `when` looks at a header and a query parameter",
      bootstrap: bootstrap(BY_STATE, wasmFilter(withRule())),
    },
    {
      name: "serin, flag",
      note: "default variant; a flag of 10 branches gates the rollout and is told to the upstream",
      bootstrap: bootstrap(BY_STATE, wasmFilter(withFlag())),
    },
    {
      name: "serin, 1 of 10,000 rollouts",
      note: "default variant; one of 10,000 rollouts concerns the request",
      bootstrap: bootstrap(BY_STATE, wasmFilter(policy(10_000, "filterState"))),
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
