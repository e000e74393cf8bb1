// The bench's rivals give what Serin gives: each user the same variant, or their costs would not compare.

import assert from "node:assert/strict";
import { after, before, describe, test, type TestContext } from "node:test";
import { request } from "undici";

import { ensureEnvoy, startEnvoy, type RunningEnvoy } from "../../tools/envoy/index.ts";
import { fromBothEnds, variantOf } from "../support/assignment.ts";
import { startAnsweringEnvoy, type AnsweringEnvoy } from "../support/envoy/answering-envoy.ts";
import { bootstrapOf, cluster, listener, luaFilter, wasmFilter } from "../support/envoy/bootstrap.ts";
import { policyOf, WAYS } from "./instruction-ways.ts";
import { luaSource } from "./rivals/lua.ts";
import { buildRival, COMPILED, dynamicModule, stickyRoute, type Built } from "./rivals/rivals.ts";

const PARTS = fromBothEnds(["b", 5], ["c", 5]);
const VARIANTS = ["stable", "b", "c"];
const USERS = Array.from({ length: 400 }, (_, i) => `user-${7000 + i}`);
const MINUTES = 60_000;

const naming = (variant: string): object => ({
  response_headers_to_add: [{ header: { key: "x-got", value: variant } }],
});

/** Answers say in `x-got` which variant's route was taken. */
function routesBy(header: string): object[] {
  const answering = (variant: string, match: object): object => ({
    match: { prefix: "/", ...match },
    direct_response: { status: 200 },
    ...naming(variant),
  });
  return [
    ...["b", "c"].map((variant) =>
      answering(variant, { headers: [{ name: header, string_match: { exact: variant } }] }),
    ),
    answering("stable", {}),
  ];
}

describe("rivals", { timeout: 10 * MINUTES }, () => {
  const built = new Map<string, Built>();
  let upstream: AnsweringEnvoy;
  let envoy: RunningEnvoy;

  before(async () => {
    for (const name of COMPILED) built.set(name, await buildRival(name));
    const binary = await ensureEnvoy();
    upstream = await startAnsweringEnvoy(binary);
    const way = WAYS.find(({ name }) => name === "count-header") ?? assert.fail();
    const policy = JSON.stringify(policyOf(way));
    const header = /checkout-\d+/.exec(policy)?.[0] ?? assert.fail();
    const of = (name: string): string | null => {
      const rival = built.get(name);
      return rival !== undefined && "path" in rival ? rival.path : null;
    };
    const [rust, c] = [of("rust"), of("c")];
    const byHeader = routesBy("x-serin-checkout");
    const listeners = [
      listener("serin", [wasmFilter(policy, { vmId: "serin" })], routesBy(`x-serin-${header}`)),
      listener("lua", [luaFilter(luaSource(PARTS))], byHeader),
      listener("native", [], [stickyRoute({ stable: 90, b: 5, c: 5 }, naming)]),
      ...(rust === null
        ? []
        : [listener("rust", [wasmFilter(null, { file: rust, vmId: "rust" })], byHeader)]),
      ...(c === null ? [] : [listener("c", [dynamicModule(c)], byHeader)]),
    ];
    const clusters = VARIANTS.map((name) => cluster(name, upstream.port));
    envoy = await startEnvoy({ binary, bootstrap: bootstrapOf(listeners, clusters), logLevel: "error" });
  });
  after(async () => {
    await envoy?.stop();
    await upstream?.stop();
  });

  async function got(name: string, user: string, headers: Record<string, string> = {}): Promise<unknown> {
    const { body, headers: answer } = await request(
      `http://127.0.0.1:${await envoy.port(name)}/checkout/cart`,
      { headers: { host: "shop.example.com", cookie: `theme=dark; uid=${user}; x=1`, ...headers } },
    );
    await body.dump();
    return answer["x-got"];
  }

  async function assertSame(name: string): Promise<void> {
    const counts = new Map<unknown, number>();
    for (const user of USERS) {
      const variant = await got(name, user);
      assert.equal(variant, variantOf("checkout", user, PARTS) ?? "stable", `${name}: ${user}`);
      counts.set(variant, (counts.get(variant) ?? 0) + 1);
    }
    for (const variant of VARIANTS) assert.ok((counts.get(variant) ?? 0) > 5, `${variant}: too few to tell`);
    const stable = USERS.find((user) => variantOf("checkout", user, PARTS) === null) ?? assert.fail();
    assert.equal(await got(name, stable, { "x-serin-checkout": "b" }), "stable", `${name}: a client chose`);
  }

  for (const name of ["serin", "lua"])
    test(`${name}: the variants of ${USERS.length} users`, () => assertSame(name));

  for (const name of COMPILED)
    test(`${name}: the same, where it can be built`, async (t: TestContext) => {
      const rival = built.get(name) ?? assert.fail();
      // The bench's table says so too.
      if ("missing" in rival) {
        t.diagnostic(`not built: ${rival.missing}`);
        assert.match(rival.missing, /^there is no |is not installed: | failed: ./);
      } else {
        await assertSame(name);
      }
    });

  test("native: a user keeps its variant, and each variant gets about its share", async () => {
    const first = new Map<string, unknown>();
    for (const user of USERS) first.set(user, await got("native", user));
    for (const user of USERS.slice(0, 100)) assert.equal(await got("native", user), first.get(user), user);
    // By Envoy's hash, which does not change: 400 users are always split alike.
    for (const variant of ["b", "c"]) {
      const count = [...first.values()].filter((value) => value === variant).length;
      assert.ok(count >= 8 && count <= 34, `${variant}: ${count} of ${USERS.length}`);
    }
  });
});
