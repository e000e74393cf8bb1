// How much of a stream is counted: `signals`, the control group, gRPC, overflow; and the line for access logs.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Vm, type Root, type StreamEnd } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";
import { CANARY, ROOT, serving as recordingHost } from "./serving.ts";
import { fromBothEnds, variantOf } from "../support/assignment.ts";
import { isControl } from "../support/users.ts";

const USERS = Array.from({ length: 20_000 }, (_, i) => `visitor-${i}`);

interface Serving {
  readonly vm: Vm;
  readonly root: Root;
}

function serving(rollout: object, rest: object = {}): Serving {
  const vm = Vm.load(filterModule());
  const variants = { stable: {}, canary: { percent: 10 }, blue: { percent: 30 } };
  const { root, accepted, problems } = vm.configure(
    JSON.stringify({
      identity: [{ cookie: "uid" }],
      rollouts: { checkout: { default: "stable", variants, ...rollout } },
      ...rest,
    }),
  );
  assert.ok(accepted, JSON.stringify(problems));
  return { vm, root };
}

function send(
  { vm, root }: Serving,
  user: string,
  more: [string, string][] = [],
  end: StreamEnd = {},
  status = 200,
): void {
  const headers: [string, string][] = [
    [":method", "GET"],
    [":path", "/"],
    [":authority", "a"],
    ["cookie", `uid=${user}`],
    ...more,
  ];
  vm.request(root, { headers })
    .onResponseHeaders([[":status", String(status)]], true)
    .done(end);
}

/** All stats of the rollout that are not 0, by `variant.leaf`. */
function counted({ vm }: Serving): Record<string, number> {
  const prefix = "serin.rollout.checkout.";
  return Object.fromEntries(
    vm.metrics
      .all()
      .filter(({ name, value }) => name.startsWith(prefix) && value !== 0n && !/share|rq_time/.test(name))
      .map(({ name, value }) => [name.slice(prefix.length), Number(value)]),
  );
}

const parts = fromBothEnds(["canary", 10], ["blue", 30]);
const of = (variant: string | null): string[] =>
  USERS.filter((user) => variantOf("checkout", user, parts) === variant);

describe("signals", () => {
  test("full: every stream of every variant, and no control group", () => {
    const host = serving({});
    for (const user of USERS) send(host, user);
    const expected = Object.entries({ stable: of(null), canary: of("canary"), blue: of("blue") }).flatMap(
      ([name, users]) => [
        [`${name}.rq_total`, users.length],
        [`${name}.rq_2xx`, users.length],
      ],
    );
    assert.deepEqual(counted(host), Object.fromEntries(expected));
  });

  test("matched: of the default a control group four times as large as the largest of the others, drawn by a salt of its own", () => {
    const variants = { stable: {}, canary: { percent: 2 }, blue: { percent: 5 } };
    const host = serving({ signals: "matched", variants });
    const of = (variant: string | null): string[] =>
      USERS.filter(
        (user) => variantOf("checkout", user, fromBothEnds(["canary", 2], ["blue", 5])) === variant,
      );
    for (const user of USERS) send(host, user);
    const control = of(null).filter((user) => isControl("checkout", user, 5, 93));
    assert.deepEqual(counted(host), {
      "stable.rq_total": of(null).length,
      "canary.rq_total": of("canary").length,
      "canary.rq_2xx": of("canary").length,
      "blue.rq_total": of("blue").length,
      "blue.rq_2xx": of("blue").length,
      "control.rq_total": control.length,
      "control.rq_2xx": control.length,
    });
    assert.equal(host.vm.metrics.read("serin.rollout.checkout.control.share"), 20_000n);
    // Four times as large as the largest, within four standard errors.
    const error = Math.sqrt(USERS.length * 0.2 * 0.8);
    assert.ok(Math.abs(control.length - 0.2 * USERS.length) < 4 * error, `${control.length}`);
  });

  test("matched: whoever is forced or anonymous is in no control group", () => {
    const host = serving({ signals: "matched", force: { header: "x-v" } });
    for (const user of USERS.slice(0, 500)) send(host, user, [["x-v", "stable"]]);
    for (let i = 0; i < 500; i++) send(host, "");
    assert.deepEqual(counted(host), { "stable.rq_total": 1_000 });
  });

  test("matched, where the others have more than the default: all of the default", () => {
    const host = serving({ signals: "matched", variants: { stable: {}, canary: { percent: 70 } } });
    for (const user of USERS.slice(0, 2_000)) send(host, user);
    const stats = counted(host);
    assert.equal(stats["control.rq_total"], stats["stable.rq_total"]);
  });

  test("count: requests alone, at no host call when the stream ends", () => {
    const host = serving({ signals: "count" });
    for (const user of USERS.slice(0, 1_000)) send(host, user);
    const names = Object.keys(counted(host)).sort();
    assert.deepEqual(names, ["blue.rq_total", "canary.rq_total", "stable.rq_total"]);
    const all = host.vm.metrics.all().map(({ name }) => name);
    assert.ok(!all.some((name) => name.endsWith(".rq_2xx")), "stats that never move are defined");
    const recording = recordingHost({}, { signals: "count" });
    recording.begin(10, ROOT, CANARY);
    recording.respond(10, 200);
    recording.forget();
    recording.done(10);
    assert.deepEqual(recording.calls, []);
  });

  test("an update from count to full counts from then on", () => {
    const host = serving({ signals: "count" });
    send(host, USERS[0] as string);
    const { root } = host.vm.configure(
      JSON.stringify({ rollouts: { checkout: { default: "stable", variants: { stable: {} } } } }),
    );
    send({ vm: host.vm, root }, USERS[0] as string);
    assert.equal(counted(host)["stable.rq_2xx"], 1);
  });
});

describe("errors and saturation", () => {
  const GRPC: [string, string] = ["content-type", "application/grpc+proto"];
  const cases: [
    name: string,
    headers: [string, string][],
    status: number,
    end: StreamEnd,
    counts: string[],
  ][] = [
    ["gRPC that went well", [GRPC], 200, { grpcStatus: 0 }, ["rq_2xx", "grpc_ok"]],
    ["gRPC that failed", [GRPC], 200, { grpcStatus: 14 }, ["rq_2xx", "grpc_error"]],
    [
      "gRPC without a status",
      [["content-type", "application/grpc"]],
      200,
      { grpcStatus: null },
      ["rq_2xx", "grpc_error"],
    ],
    [
      "plain HTTP, whatever Envoy says of gRPC",
      [["content-type", "application/json"]],
      200,
      { grpcStatus: 0 },
      ["rq_2xx"],
    ],
    [
      "gRPC-Web has its status in its body",
      [["content-type", "application/grpc-web"]],
      200,
      { grpcStatus: 0 },
      ["rq_2xx"],
    ],
    ["no healthy host", [], 503, { flags: 2 }, ["rq_5xx", "rq_overflow"]],
    ["an open circuit breaker", [], 503, { flags: 128 }, ["rq_5xx", "rq_overflow"]],
    ["the upstream's own 503", [], 503, { flags: 0 }, ["rq_5xx"]],
    ["a connection that failed", [], 503, { flags: 32 }, ["rq_5xx"]],
    ["flags of another answer", [], 200, { flags: 128 }, ["rq_2xx"]],
  ];
  for (const [name, headers, status, end, counts] of cases) {
    test(name, () => {
      const host = serving({ variants: { stable: {} } });
      send(host, "u", headers, end, status);
      const expected = ["rq_total", ...counts].map((leaf) => [`stable.${leaf}`, 1]);
      assert.deepEqual(counted(host), Object.fromEntries(expected));
    });
  }
});

describe("observe", () => {
  test("filterState: one line with every decision, which clears no route", () => {
    const flags = {
      dark: {
        state: "ENABLED",
        variants: { on: true, off: false },
        defaultVariant: "on",
        metadata: { "serin.expose": true },
      },
    };
    const rollouts = {
      checkout: { default: "stable", variants: { stable: {}, canary: { percent: 100 } } },
      "2nd": { default: "1", variants: { "1": {} } },
    };
    const { vm, root } = serving({}, { observe: { filterState: true }, rollouts, flags });
    const request = (user: string): ReturnType<Vm["request"]> =>
      vm.request(root, {
        headers: [
          [":method", "GET"],
          [":path", "/"],
          [":authority", "a"],
          ["cookie", `uid=${user}`],
        ],
      });
    const line = request("u").filterState.get("wasm.serin_decision");
    assert.equal(line, 'checkout=canary;reason=SPLIT, *2nd="1";reason=SPLIT, dark');
    assert.equal(
      request("").filterState.get("wasm.serin_decision"),
      'checkout=stable;reason=DEFAULT, *2nd="1";reason=DEFAULT, dark',
    );
    const quiet = serving({ variants: { stable: {} } }, { observe: { filterState: true } });
    const stream = quiet.vm.request(quiet.root, {
      headers: [
        [":method", "GET"],
        [":path", "/"],
        [":authority", "a"],
      ],
    });
    assert.equal(stream.routeCacheClears, 0);
  });
});

describe("retries", () => {
  const stages: [name: string, more: object, counts: Record<string, number>][] = [
    ["are counted where the policy asks", { retries: true }, { "stable.rq_retried": 2 }],
    ["are not where it does not", {}, {}],
    ["are not where no answer is looked at", { retries: true, signals: "count" }, {}],
  ];
  for (const [name, more, counts] of stages) {
    test(name, () => {
      const host = serving({ variants: { stable: {} }, ...more });
      for (const attempts of [0, 1, 2, 4]) send(host, "u", [], { attempts }, 200);
      const retried = Object.entries(counted(host)).filter(([leaf]) => leaf.endsWith("rq_retried"));
      assert.deepEqual(Object.fromEntries(retried.filter(([, count]) => count > 0)), counts);
    });
  }
});
