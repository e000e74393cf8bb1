// A variant whose cluster cannot answer, among the workers of one Envoy, with a clock that the tests set: when its users
// get the default, who tries, what ends it and what is counted of it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { LogLevel, Metrics, MetricType, SharedData, type Stream } from "../../tools/emulator/index.ts";
import { murmur3, position } from "../support/assignment.ts";
import { seeded } from "../support/random.ts";
import { finish, Workers, type Sent, type Worker } from "./workers.ts";

const SHARE = 50;
const AFTER = 3;
/** Envoy's response flags: no healthy upstream, connection failure, overflow, no such cluster. */
const FLAGS = { UH: 1 << 1, UF: 1 << 5, UO: 1 << 7, NC: 1 << 24 };
/** Others that come with a 503: the upstream cut the stream, the limit of a rate. */
const OTHER_FLAGS = { UC: 1 << 6, RL: 1 << 11 };
const DC = 1 << 14;

function policy(fallback: object | null = { after: AFTER, for: "5s" }, rollout: object = {}): object {
  const canary = { percent: SHARE, cluster: "v2", ...(fallback === null ? {} : { fallback }) };
  return {
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: {
        default: "stable",
        variants: { stable: {}, canary },
        force: { header: "x-v" },
        warmup: "0s",
        ...rollout,
      },
    },
  };
}

const isCanary = (user: string): boolean => murmur3(`checkout/${user}`) < position(SHARE);
const CANARIES = Array.from({ length: 400 }, (_, i) => `user-${i}`).filter(isCanary);
const canary = CANARIES[0] as string;

function ready(count = 2, document = policy()): Workers {
  const workers = new Workers(count, new SharedData(), new Metrics(), LogLevel.Debug);
  workers.configure(document);
  workers.settle();
  return workers;
}

const variantOf = (stream: Stream): string => stream.requestHeaders.get("x-serin-checkout") ?? "stable";

/** A request of a canary's user, answered by Envoy itself where its cluster gets it. @returns the variant */
function refused(worker: Worker, flags = FLAGS.UF, sent: Sent = {}): string {
  const stream = worker.open(canary, sent);
  const variant = variantOf(stream);
  if (variant === "canary") finish(stream, { status: 503, end: { flags } });
  else finish(stream);
  return variant;
}

/** The same, answered. */
function answered(worker: Worker, sent: Sent = {}): string {
  const stream = worker.open(canary, sent);
  finish(stream, sent);
  return variantOf(stream);
}

const fallbacks = (workers: Workers): number => workers.gauge("canary.rq_fallback");

function fallenBack(count = 2, document = policy()): Workers {
  const workers = ready(count, document);
  for (let i = 0; i < AFTER; i++) assert.equal(refused(workers.worker(i)), "canary");
  return workers;
}

describe("users of a variant whose cluster cannot answer", () => {
  for (const [name, flags] of Object.entries(FLAGS)) {
    test(`get the default after ${AFTER} answers of Envoy in a row: ${name}`, () => {
      const workers = ready();
      for (let i = 0; i < AFTER; i++) assert.equal(refused(workers.worker(0), flags), "canary");
      // On every worker, at once.
      assert.equal(refused(workers.worker(0), flags), "stable");
      assert.equal(refused(workers.worker(1), flags), "stable");
      assert.equal(fallbacks(workers), 2);
    });
  }

  test("are told by a row that all workers have in common", () => {
    const workers = ready(3);
    for (let i = 0; i < AFTER; i++) assert.equal(refused(workers.worker(i)), "canary");
    for (let i = 0; i < 6; i++) assert.equal(refused(workers.worker(i)), "stable");
    assert.equal(workers.gauge("canary.rq_total"), AFTER);
    assert.equal(workers.gauge("canary.fallback"), 2);
    assert.equal(workers.gauge("canary.fallback_last"), Number(workers.now / 1_000_000_000n));
  });

  test("keep it when the row ends before", () => {
    const workers = ready();
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < AFTER - 1; i++) assert.equal(refused(workers.worker(i)), "canary");
      assert.equal(answered(workers.worker(round)), "canary");
    }
    assert.equal(fallbacks(workers), 0);
    assert.equal(workers.gauge("canary.fallback"), 0);
  });

  test("keep it whatever the upstream answers by itself, or the client leaves", () => {
    const workers = ready();
    const ends: Sent[] = [
      ...[500, 503, 504].map((status) => ({ status })),
      ...Object.values(OTHER_FLAGS).map((flags) => ({ status: 503, end: { flags } })),
    ];
    for (let i = 0; i < 5; i++)
      for (const end of ends) assert.equal(answered(workers.worker(i), end), "canary");
    // A client that left says nothing either way: the row goes on.
    refused(workers.worker(0));
    refused(workers.worker(1));
    workers.worker(0).open(canary).done({ code: null, flags: DC });
    refused(workers.worker(0));
    assert.equal(refused(workers.worker(0)), "stable");
  });

  test("of gRPC, whom Envoy answers with 200 and grpc-status 14", () => {
    const workers = ready();
    const headers: [string, string][] = [["content-type", "application/grpc"]];
    for (let i = 0; i < AFTER; i++) {
      const stream = workers.worker(i).open(canary, { method: "POST", headers });
      assert.equal(variantOf(stream), "canary");
      stream
        .onResponseHeaders(
          [
            [":status", "200"],
            ["content-type", "application/grpc"],
          ],
          true,
        )
        .done({ flags: FLAGS.UH, grpcStatus: 14 });
    }
    assert.equal(refused(workers.worker(0)), "stable");
  });

  for (const signals of ["full", "matched", "count"]) {
    test(`under signals: ${signals}`, () => {
      assert.equal(refused(fallenBack(2, policy(undefined, { signals })).worker(0)), "stable");
    });
  }
});

describe("a variant that has fallen back", () => {
  test("is tried by one request a second of all workers once `for` is over, and not before", () => {
    const workers = fallenBack(4);
    const variants: string[] = [];
    for (let ms = 0; ms < 10_000; ms += 20) {
      workers.pass(20);
      for (const worker of workers.all) variants.push(refused(worker));
    }
    const tries = variants.flatMap((variant, i) =>
      variant === "canary" ? [Math.floor(i / 4) * 20 + 20] : [],
    );
    assert.equal(tries[0], 5_000);
    assert.ok(tries.length >= 5 && tries.length <= 6, `tried at ${tries.join(", ")} ms`);
    for (const [i, at] of tries.entries()) if (i > 0) assert.ok(at - (tries[i - 1] as number) >= 1_000);
  });

  test("is back at once, on all workers, when a request that tries is answered", () => {
    const workers = fallenBack();
    workers.pass(5_000);
    assert.equal(answered(workers.worker(1)), "canary");
    for (let i = 0; i < 4; i++) assert.equal(answered(workers.worker(i)), "canary");
    assert.equal(workers.gauge("canary.fallback"), 0);
    // The next row has to be whole again.
    for (let i = 0; i < AFTER; i++) assert.equal(refused(workers.worker(i)), "canary");
    assert.equal(refused(workers.worker(0)), "stable");
  });

  test("is not brought back by a request that began before", () => {
    const workers = ready();
    const slow = workers.all.map((worker) => worker.open(canary));
    for (let i = 0; i < AFTER; i++) refused(workers.worker(1));
    for (const stream of slow) finish(stream);
    for (const worker of workers.all) assert.equal(refused(worker), "stable");
  });

  test("is given to those who force it, whose good answer brings it back", () => {
    const workers = fallenBack();
    const headers: [string, string][] = [["x-v", "canary"]];
    assert.equal(refused(workers.worker(0), FLAGS.UF, { headers }), "canary");
    assert.equal(refused(workers.worker(0)), "stable");
    workers.pass(10);
    assert.equal(answered(workers.worker(0), { headers }), "canary");
    assert.equal(answered(workers.worker(1)), "canary");
  });

  test("counts nothing of what its users get from the default", () => {
    const workers = fallenBack();
    workers.run(1_000);
    const before = workers.users();
    const total = workers.gauge("stable.rq_total");
    for (const user of CANARIES.slice(1, 50)) workers.worker(0).send(user, { status: 500 });
    workers.run(1_000);
    assert.deepEqual(workers.users(), before);
    assert.equal(workers.gauge("stable.rq_total"), total + 49);
    assert.equal(workers.gauge("canary.rq_total"), AFTER);
    assert.equal(fallbacks(workers), 49);
  });

  test("says so in the decision line", () => {
    const workers = fallenBack();
    refused(workers.worker(0));
    const line = workers.lines.map(({ text }) => text).findLast((text) => text.includes('"rollouts"'));
    const { rollouts } = JSON.parse(line ?? "{}") as { rollouts: Record<string, object> };
    assert.deepEqual(rollouts["checkout"], { variant: "stable", reason: "DEFAULT", fallback: true });
  });

  test("stays so through a policy update, and is over when the policy has no fallback any more", () => {
    const workers = fallenBack();
    workers.configure(policy({ after: AFTER, for: "6s" }));
    assert.equal(refused(workers.worker(0)), "stable");
    workers.configure(policy(null));
    assert.equal(workers.gauge("canary.fallback"), 0);
    assert.equal(refused(workers.worker(0)), "canary");
    workers.configure(policy());
    assert.equal(refused(workers.worker(1)), "canary");
  });

  test("is seen by workers of another module that shares its data", () => {
    const workers = fallenBack();
    const successor = workers.add();
    successor.configure(policy());
    assert.equal(refused(successor), "stable");
  });

  test("is tried again when the clock was set back by an hour, or ahead by a day", () => {
    for (const shift of [-3_600_000, 86_400_000]) {
      const workers = fallenBack();
      refused(workers.worker(0));
      workers.pass(shift);
      const variants = Array.from({ length: 700 }, () => {
        workers.pass(10);
        return refused(workers.worker(0));
      });
      const tries = variants.filter((variant) => variant === "canary").length;
      assert.ok(tries >= 1 && tries <= 8, `${tries} tries in 7 s after ${shift} ms`);
    }
  });

  test("whose shared data are lost is tried, and comes back", () => {
    const workers = fallenBack();
    const later = new Workers(1, new SharedData(), workers.metrics);
    later.now = workers.now;
    later.configure(policy());
    assert.equal(answered(later.worker(0)), "canary");
    assert.equal(answered(later.worker(0)), "canary");
    assert.equal(later.gauge("canary.fallback"), 0);
  });
});

describe("a gauge that another worker's late write changed", () => {
  const ANSWERS = 0n;
  const IN_A_ROW = 1n;
  const FALLS_BACK = 2n;

  /** The record has gone on by the time that the gauge is written. */
  function writeLate(workers: Workers, value: bigint): void {
    workers.metrics.define(MetricType.Gauge, "serin.rollout.checkout.canary.fallback").value = value;
  }

  for (const late of [ANSWERS, IN_A_ROW]) {
    test(`from ${FALLS_BACK} to ${late} costs one more request while the cluster cannot answer`, () => {
      const workers = fallenBack();
      writeLate(workers, late);
      assert.equal(refused(workers.worker(0)), "canary");
      for (let i = 0; i < 4; i++) assert.equal(refused(workers.worker(i)), "stable");
      workers.pass(5_000);
      assert.equal(answered(workers.worker(1)), "canary");
      assert.equal(answered(workers.worker(0)), "canary");
      assert.equal(workers.gauge("canary.fallback"), 0);
    });

    test(`from ${FALLS_BACK} to ${late} leaves nothing behind when its cluster answers again`, () => {
      const workers = fallenBack();
      writeLate(workers, late);
      for (let i = 0; i < 12; i++) {
        workers.pass(500);
        assert.equal(answered(workers.worker(i)), "canary");
      }
      for (let i = 0; i < AFTER; i++) assert.equal(refused(workers.worker(i)), "canary");
      assert.equal(refused(workers.worker(0)), "stable");
    });
  }

  test(`from ${ANSWERS} to ${FALLS_BACK} costs its users the default for a second at most`, () => {
    const workers = fallenBack();
    workers.pass(20);
    // These workers have read that the next try is in five seconds.
    for (let i = 0; i < 2; i++) assert.equal(refused(workers.worker(i)), "stable");
    assert.equal(answered(workers.worker(0), { headers: [["x-v", "canary"]] }), "canary");
    writeLate(workers, FALLS_BACK);
    workers.pass(1_000);
    assert.equal(answered(workers.worker(0)), "canary");
    assert.equal(workers.gauge("canary.fallback"), 0);
  });

  test(`from ${ANSWERS} to ${FALLS_BACK} begins a row when the next request fails`, () => {
    const workers = ready();
    writeLate(workers, FALLS_BACK);
    assert.equal(refused(workers.worker(0)), "canary");
    assert.equal(workers.gauge("canary.fallback"), 1);
  });

  test(`from ${ANSWERS} to ${IN_A_ROW} is mended by the next answer`, () => {
    const workers = ready();
    writeLate(workers, IN_A_ROW);
    assert.equal(answered(workers.worker(0)), "canary");
    assert.equal(workers.gauge("canary.fallback"), 0);
  });

  test(`from ${IN_A_ROW} to ${ANSWERS} is mended by the next failure`, () => {
    const workers = ready();
    refused(workers.worker(0));
    writeLate(workers, ANSWERS);
    refused(workers.worker(1));
    assert.equal(workers.gauge("canary.fallback"), 1);
  });
});

test("a clock that was set back by an hour does not keep the default for longer", () => {
  const workers = fallenBack();
  refused(workers.worker(0));
  workers.pass(-3_600_000);
  let requests = 0;
  while (answered(workers.worker(0)) !== "canary") {
    workers.pass(10);
    assert.ok(++requests <= 700, "no request tried in 7 s");
  }
  for (const worker of workers.all) assert.equal(answered(worker), "canary");
  assert.equal(workers.gauge("canary.fallback"), 0);
});

describe("what no cluster answered", () => {
  const others: [name: string, sent: Sent][] = [
    ["a 401 of another filter", { status: 401, end: { codeDetails: "jwt_authn_access_denied" } }],
    ["a 403 of another filter", { status: 403, end: { codeDetails: "rbac_access_denied_matched_policy" } }],
    [
      "a 429 of another filter",
      { status: 429, end: { codeDetails: "request_rate_limited", flags: 1 << 11 } },
    ],
    ["Envoy's own 504", { status: 504, end: { codeDetails: "response_timeout", flags: 1 << 2 } }],
    [
      "a connection that broke before the answer",
      {
        status: 503,
        end: {
          codeDetails: "upstream_reset_before_response_started{connection_termination}",
          flags: OTHER_FLAGS.UC,
        },
      },
    ],
    [
      "a 403 of another filter whose client has left",
      {
        status: 403,
        end: { codeDetails: "downstream_remote_disconnect", flags: DC, upstreamAddress: null },
      },
    ],
  ];
  for (const [name, sent] of others) {
    test(`ends neither a row nor a time of the default: ${name}`, () => {
      const workers = ready();
      for (let i = 0; i < AFTER; i++) {
        assert.equal(refused(workers.worker(i)), "canary");
        if (i < AFTER - 1) assert.equal(answered(workers.worker(i), sent), "canary");
      }
      assert.equal(refused(workers.worker(0)), "stable");
      workers.pass(5_000);
      assert.equal(answered(workers.worker(0), sent), "canary");
      for (const worker of workers.all) assert.equal(answered(worker), "stable");
    });
  }

  const answers: [name: string, sent: Sent][] = [
    ["a 401 of its own", { status: 401 }],
    ["a 504 of its own", { status: 504 }],
    [
      "an answer that was cut",
      {
        end: { codeDetails: "upstream_reset_after_response_started{connection_termination}", flags: 1 << 23 },
      },
    ],
    [
      "a WebSocket that the client closed",
      { status: 101, end: { codeDetails: "downstream_remote_disconnect", flags: DC } },
    ],
  ];
  for (const [name, sent] of answers) {
    test(`is told from what it did, which brings the variant back: ${name}`, () => {
      const workers = fallenBack();
      workers.pass(5_000);
      assert.equal(answered(workers.worker(0), sent), "canary");
      for (const worker of workers.all) assert.equal(answered(worker), "canary");
    });
  }
});

test("of two rollouts, the one whose cluster gets the request is told", () => {
  const document = policy() as { rollouts: Record<string, object> };
  document.rollouts["search"] = {
    ...document.rollouts["checkout"],
    salt: "checkout",
    variants: { stable: {}, canary: { percent: SHARE, cluster: "s2", fallback: { after: 1, for: "5s" } } },
  };
  const workers = ready(1, document);
  refused(workers.worker(0));
  assert.equal(workers.gauge("canary.fallback", "search"), 0);
  assert.equal(workers.gauge("canary.fallback"), 1);
});

test("workers whose requests fall into one another agree in the end: on the default, and on the variant again", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const workers = ready(3);
    const often = [1, 3, 10][seed % 3] as number;
    const serve = (milliseconds: number, ask: (worker: Worker) => void): void => {
      workers.interleave(random, often, (worker) => {
        worker.vm.runTicks();
        ask(worker);
      });
      for (let left = milliseconds; left > 0; left -= 250) {
        ask(workers.worker(random.next()));
        workers.run(250);
      }
      workers.inTurn();
    };
    serve(10_000, refused);
    const given = Array.from({ length: 6 }, (_, i) => refused(workers.worker(i)));
    assert.ok(
      given.filter((variant) => variant === "stable").length >= 5,
      `seed ${seed}: ${given.join(" ")}`,
    );
    assert.equal(workers.gauge("canary.fallback"), 2, `seed ${seed}`);
    serve(10_000, answered);
    for (let i = 0; i < 3; i++) assert.equal(answered(workers.worker(i)), "canary", `seed ${seed}`);
    assert.equal(workers.gauge("canary.fallback"), 0, `seed ${seed}`);
  }
});
