// Effects: which calls of shadows are answered, and what each is found to be beside production's, on two workers that
// share nothing but shared data, and across updates of the policy. An oracle of ten lines says what has to come of it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import fc from "fast-check";

import { LogLevel } from "../../tools/emulator/index.ts";
import type { Stream } from "../../tools/emulator/stream.ts";
import { seeded } from "../support/random.ts";
import { Workers, type Worker } from "./workers.ts";

const SECRET = "4Zq8vK1x0sTn7LbE";
const WINDOW = 30_000;
/** Until every slot that is due has been looked at, however many there are. */
const LONG_AFTER = 45_000;

const CHARGE = {
  match: [{ method: "POST", path: { type: "Exact", value: "/charges" } }],
  answer: { status: 201, headers: { "content-type": "application/json" }, body: '{"id":"none"}' },
  compare: { json: true, ignore: ["/requestedAt"] },
};
const EMAIL = { match: [{ method: "POST", path: { value: "/emails" } }] };
const POLICY = { shadowSecret: SECRET, effects: { charge: CHARGE, email: EMAIL } };

interface Call {
  /** The shadow that makes it; null: production. */
  readonly by: string | null;
  readonly id: string | null;
  readonly path?: string;
  readonly method?: string;
  readonly body?: string;
  /** Bytes of each piece. */
  readonly pieces?: number;
  readonly headers?: [string, string][];
}

function open(worker: Worker, { by, id, path = "/charges", method = "POST", headers = [] }: Call): Stream {
  assert.ok(worker.root);
  return worker.vm.open(worker.root, {
    headers: [
      [":method", method],
      [":path", path],
      [":authority", "charges"],
      ...(id === null ? [] : [["x-request-id", id] as [string, string]]),
      ...(by === null ? [] : [["baggage", `a=1,serin-shadow=${by}.${SECRET}`] as [string, string]]),
      ...headers,
    ],
    endOfStream: false,
  });
}

/** Sends a call whole. @returns its stream, over */
function send(worker: Worker, call: Call): Stream {
  const stream = open(worker, call).onRequestHeaders();
  const body = Buffer.from(call.body ?? "");
  const piece = call.pieces ?? body.length;
  for (let at = 0; at < body.length && piece > 0; at += piece) {
    stream.onRequestBody(body.subarray(at, at + piece), false);
  }
  stream.onRequestBody(Buffer.alloc(0), true);
  return stream.onResponseHeaders([[":status", String(stream.localReply?.status ?? 200)]], true).done();
}

function serving(count = 2, logLevel: LogLevel = LogLevel.Info): Workers {
  const workers = new Workers(count, undefined, undefined, logLevel);
  workers.configure(POLICY);
  return workers;
}

const LEAVES = ["total", "match", "mismatch", "missing", "extra", "unpaired"] as const;
type Counts = Partial<Record<(typeof LEAVES)[number], number>>;

function counts(workers: Workers, effect = "charge"): Counts {
  return Object.fromEntries(
    LEAVES.map(
      (leaf) => [leaf, Number(workers.metrics.read(`serin.effect.${effect}.${leaf}`) ?? 0n)] as const,
    ).filter(([, value]) => value !== 0),
  );
}

function linesOf(workers: Workers): { name: string; shadow: string; verdict: string; pointer?: string }[] {
  return workers.lines.flatMap(({ text }) => {
    const line = JSON.parse(text) as { effect?: { name: string; shadow: string; verdict: string } };
    return line.effect === undefined ? [] : [line.effect];
  });
}

function errors(workers: Workers): number {
  return Number(workers.metrics.read("serin.error") ?? 0n);
}

describe("a shadow's call", () => {
  test("that an effect with an answer names is answered at its end, and never sent", () => {
    const [worker] = serving().all as [Worker];
    const stream = open(worker, { by: "v3", id: "1" }).onRequestHeaders();
    assert.equal(stream.action, 1, "its headers stop");
    stream.onRequestBody(Buffer.from('{"amount":'), false);
    assert.equal(stream.action, 3, "nothing of its body goes on, or is kept");
    assert.equal(stream.localReply, null);
    stream.onRequestBody(Buffer.from("5}"), true);
    assert.equal(stream.action, 3);
    assert.deepEqual(stream.localReply, {
      status: 201,
      details: "serin_effect",
      headers: [["content-type", "application/json"]],
      body: '{"id":"none"}',
    });
  });

  test("without a body is answered at once, with trailers at those", () => {
    const [worker] = serving().all as [Worker];
    assert.ok(worker.root);
    const headers: [string, string][] = [
      [":method", "POST"],
      [":path", "/charges"],
      [":authority", "charges"],
      ["x-serin-shadow", `v3.${SECRET}`],
    ];
    const stream = worker.vm.request(worker.root, { headers, endOfStream: true });
    assert.equal(stream.action, 1);
    assert.equal(stream.localReply?.status, 201);
    const other = worker.vm.open(worker.root, { headers, endOfStream: false }).onRequestHeaders();
    other.onRequestTrailers([["a", "1"]]);
    assert.equal(other.action, 1);
    assert.equal(other.localReply?.status, 201);
  });

  test("that an effect without an answer names passes, and is counted", () => {
    const workers = serving();
    const stream = send(workers.worker(0), { by: "v3", id: "1", path: "/emails" });
    assert.equal(stream.localReply, null);
    workers.run(LONG_AFTER);
    assert.deepEqual(counts(workers, "email"), { total: 1, unpaired: 1 });
  });

  test("production's, and whatever is forged, pass", () => {
    const workers = serving();
    const forged: [string, string][][] = [
      [],
      [["x-serin-shadow", "v3"]],
      [["x-serin-shadow", `v3.${SECRET}x`]],
      [["baggage", "serin-shadow=v3"]],
      [["baggage", `serin-shadow=v3.${SECRET.slice(1)}`]],
      [["baggage", `Serin-Shadow=v3.${SECRET}`]],
      [["x-serin-shadow-v3", "v3"]],
    ];
    for (const headers of forged) {
      const stream = open(workers.worker(0), { by: null, id: "1", headers }).onRequestHeaders();
      assert.equal(stream.action, 0, JSON.stringify(headers));
      stream.onRequestBody(Buffer.from("{}"), true);
      assert.equal(stream.action, 0);
      assert.equal(stream.localReply, null);
      assert.equal(stream.requestHeaders.get("x-serin-shadow"), null);
      assert.equal(stream.requestHeaders.get("baggage"), null);
      stream.onResponseHeaders([[":status", "200"]], true).done();
    }
    workers.run(LONG_AFTER);
    assert.deepEqual(counts(workers), {});
  });
});

describe("what is left over", () => {
  const judged = (calls: readonly Call[], effect = "charge"): Counts => {
    const workers = serving();
    calls.forEach((call, index) => send(workers.worker(index), call));
    workers.run(LONG_AFTER);
    assert.equal(errors(workers), 0);
    return counts(workers, effect);
  };
  const production = (body: string, more: Partial<Call> = {}): Call => ({ by: null, id: "1", body, ...more });
  const shadow = (body: string, more: Partial<Call> = {}): Call => ({ by: "v3", id: "1", body, ...more });
  const other: Call = { by: "v3", id: "1", path: "/accounts", method: "GET" };

  test("match: as production, whatever order and spelling, less what is ignored", () => {
    assert.deepEqual(
      judged([production('{"amount":5,"requestedAt":1}'), shadow('{ "requestedAt":2, "amount":5.0 }')]),
      { total: 1, match: 1 },
    );
  });

  test("mismatch, at its pointer", () => {
    const workers = serving();
    send(workers.worker(0), shadow('{"items":[{"amount":6}]}'));
    send(workers.worker(1), production('{"items":[{"amount":5}]}'));
    workers.run(LONG_AFTER);
    assert.deepEqual(counts(workers), { total: 1, mismatch: 1 });
    assert.deepEqual(linesOf(workers), [
      {
        name: "charge",
        shadow: "v3",
        verdict: "mismatch",
        request: "POST /charges",
        id: "1",
        pointer: "/items/0/amount",
      },
    ]);
  });

  test("extra: the second charge of a shadow whose first paired", () => {
    assert.deepEqual(judged([production("{}"), shadow("{}"), shadow("{}")]), {
      total: 2,
      match: 1,
      extra: 1,
    });
  });

  test("missing: left out by a shadow that was seen", () => {
    assert.deepEqual(judged([production("{}"), other]), { missing: 1 });
    assert.deepEqual(judged([production("{}"), production("{}"), shadow("{}")]), {
      total: 1,
      match: 1,
      missing: 1,
    });
  });

  test("unpaired: nothing of production's was seen", () => {
    assert.deepEqual(judged([shadow("{}"), shadow("{}")]), { total: 2, unpaired: 2 });
    assert.deepEqual(judged([shadow("{}", { id: null })]), { total: 1, unpaired: 1 });
  });

  test("nothing: production alone, or another id", () => {
    assert.deepEqual(judged([production("{}")]), {});
    assert.deepEqual(judged([production("{}"), shadow("{}", { id: "2" })]), { total: 1, unpaired: 1 });
  });

  test("equal ones pair first, whatever came first", () => {
    assert.deepEqual(
      judged([production('{"a":1}'), production('{"a":2}'), shadow('{"a":2}'), shadow('{"a":3}')]),
      { total: 2, match: 1, mismatch: 1 },
    );
  });

  test("two shadows of one request are each beside production", () => {
    assert.deepEqual(
      judged([production("{}"), shadow("{}"), shadow("{}", { by: "v4" }), shadow("{}", { by: "v4" })]),
      { total: 3, match: 2, extra: 1 },
    );
  });

  test("path and query count", () => {
    const path = { path: "/emails?to=a" };
    assert.deepEqual(judged([production("", path), shadow("", path)], "email"), { total: 1, match: 1 });
    assert.deepEqual(judged([production("", path), shadow("", { path: "/emails?to=b" })], "email"), {
      total: 1,
      mismatch: 1,
    });
  });

  test("an id says in one place whether Envoy traces it: that does not count", () => {
    const id = "6f1d9c2e-8a41-4b0e-9d7a-2c5b8f0e1a33";
    assert.deepEqual(judged([production("{}", { id }), shadow("{}", { id: id.replace("-4b0e", "-9b0e") })]), {
      total: 1,
      match: 1,
    });
  });

  test("a body over 16 KiB is compared by its length and hash", () => {
    const large = `{"a":"${"x".repeat(20_000)}"}`;
    assert.deepEqual(judged([production(large, { pieces: 1_000 }), shadow(large, { pieces: 777 })]), {
      total: 1,
      match: 1,
    });
    assert.deepEqual(judged([production(large), shadow(large.replace("x", "y"))]), { total: 1, mismatch: 1 });
  });

  test("a call that never comes to its end is none", () => {
    const workers = serving();
    open(workers.worker(0), shadow("")).onRequestHeaders().onRequestBody(Buffer.from("{"), false).done();
    open(workers.worker(0), production("")).onRequestHeaders().done();
    workers.run(LONG_AFTER);
    assert.deepEqual(counts(workers), {});
  });

  test("what comes after 30 seconds begins anew", () => {
    const workers = serving();
    send(workers.worker(0), production("{}"));
    workers.run(WINDOW + 5_000);
    send(workers.worker(1), shadow("{}"));
    workers.run(LONG_AFTER);
    assert.deepEqual(counts(workers), { total: 1, unpaired: 1 });
  });
});

/** What has to come of the calls of one id: the sum over its shadows. */
function oracle(
  calls: readonly { by: string | null; effect: string; body: string }[],
  effect: string,
): Counts {
  const sum = { total: 0, match: 0, mismatch: 0, missing: 0, extra: 0, unpaired: 0 };
  const of = (by: string | null, name: string): string[] =>
    calls.filter((call) => call.by === by && call.effect === name).map(({ body }) => body);
  const pair = (
    by: string,
    name: string,
  ): { equal: number; unequal: number; more: number; fewer: number } => {
    const ours = of(null, name);
    const theirs = of(by, name).filter((body) => {
      const at = ours.indexOf(body);
      if (at >= 0) ours.splice(at, 1);
      return at < 0;
    });
    const unequal = Math.min(ours.length, theirs.length);
    const equal = of(by, name).length - theirs.length;
    return { equal, unequal, more: theirs.length - unequal, fewer: ours.length - unequal };
  };
  for (const by of new Set(calls.flatMap(({ by: one }) => one ?? []))) {
    const all = ["charge", "email"].map((name) => pair(by, name));
    const paired = all.reduce((count, { equal, unequal }) => count + equal + unequal, 0);
    const { equal, unequal, more, fewer } = pair(by, effect);
    sum.total += of(by, effect).length;
    sum.match += equal;
    sum.mismatch += unequal;
    sum[paired > 0 ? "extra" : "unpaired"] += more;
    sum.missing += fewer;
  }
  return Object.fromEntries(Object.entries(sum).filter(([, value]) => value !== 0));
}

test("any calls of any ids on any workers: exactly what the oracle says, over policies that change meanwhile", () => {
  const call = fc.record({
    by: fc.constantFrom(null, null, "v3", "v4"),
    effect: fc.constantFrom("charge", "email", "none"),
    body: fc.constantFrom('{"a":1}', '{"a":2}', ""),
    id: fc.integer({ min: 0, max: 12 }),
    worker: fc.integer({ min: 0, max: 2 }),
  });
  const paths: Record<string, string> = { charge: "/charges", email: "/emails", none: "/accounts" };
  fc.assert(
    fc.property(
      fc.array(call, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 0, max: 60 }),
      fc.constantFrom(null, 1, 3, 10),
      fc.integer(),
      (calls, at, often, seed) => {
        const workers = serving(3);
        let sent = 0;
        const sendNext = (workerOf: (index: number) => Worker): void => {
          const call = calls[sent++];
          if (call === undefined) return;
          const { by, effect, body, id, worker } = call;
          send(workerOf(worker), { by, id: `id-${id}`, path: paths[effect] ?? "", body });
        };
        // Another worker ticks or serves the next call in the midst of a callback.
        if (often !== null) {
          workers.interleave(seeded(seed), often, (worker) => {
            worker.vm.runTicks();
            sendNext(() => worker);
          });
        }
        for (let step = 0; sent < calls.length; step++) {
          // Another policy with the same effects; the old one's streams and calls are judged all the same.
          if (step === at) workers.configure({ ...POLICY, rollouts: {} });
          sendNext((worker) => workers.worker(worker));
          workers.run(50);
        }
        workers.run(LONG_AFTER);
        for (const effect of ["charge", "email"]) {
          const wanted: Counts = {};
          for (let id = 0; id <= 12; id++) {
            const own = oracle(
              calls.filter((one) => one.id === id),
              effect,
            );
            for (const leaf of LEAVES) {
              if (own[leaf] !== undefined) wanted[leaf] = (wanted[leaf] ?? 0) + own[leaf];
            }
          }
          assert.deepEqual(counts(workers, effect), wanted, effect);
        }
        assert.equal(errors(workers), 0);
      },
    ),
    { numRuns: 120 },
  );
});

test("many differences on one tick: each at its place, and none spoils what is judged behind it", () => {
  // Deep, so that the place that a comparison notes is long; and slots and bodies of all sizes, so that what one
  // comparison has taken in memory lies across what the next ones read.
  const names = ["a", "b", "c", "d", "e", "f"].map((letter) => letter.repeat(32));
  const call = fc.record({ items: fc.integer({ min: 0, max: 40 }), text: fc.integer({ min: 0, max: 400 }) });
  fc.assert(
    fc.property(
      fc.array(call, { minLength: 1, maxLength: 300 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 3 }),
      (calls, isGone, vms) => {
        const workers = serving(vms);
        const wanted = { total: calls.length, match: 0, mismatch: 0 };
        calls.forEach(({ items, text }, index) => {
          const body = (amount: number, spaces: number): string =>
            JSON.stringify(
              {
                deep: names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), amount),
                items: Array.from({ length: items }, (_, item) => ({ item })),
                text: "x".repeat(text),
              },
              null,
              spaces,
            );
          const differs = index % 3 !== 0;
          wanted[differs ? "mismatch" : "match"]++;
          const id = `id-${index}`;
          send(workers.worker(index), { by: null, id, body: body(1, 0) });
          send(workers.worker(index + 1), { by: "v3", id, body: body(differs ? 2 : 1, 1) });
        });
        if (isGone) workers.configure({});
        workers.run(LONG_AFTER);
        for (const { vm } of workers.all) assert.equal(vm.trap, null);
        assert.deepEqual({ match: 0, mismatch: 0, ...counts(workers) }, wanted);
        for (const { pointer } of linesOf(workers)) assert.equal(pointer, `/deep/${names.join("/")}`);
        assert.equal(errors(workers), 0);
      },
    ),
    { numRuns: 20 },
  );
});

describe("a policy that changes while calls wait", () => {
  test("an effect that is gone is judged as its last policy said", () => {
    const workers = serving();
    send(workers.worker(0), { by: null, id: "1", body: '{"amount":5,"requestedAt":1}' });
    send(workers.worker(1), { by: "v3", id: "1", body: '{"amount":5,"requestedAt":2}' });
    send(workers.worker(1), { by: "v3", id: "1", body: "{}" });
    workers.configure({});
    workers.run(LONG_AFTER);
    assert.deepEqual(counts(workers), { total: 2, match: 1, extra: 1 });
    assert.equal(errors(workers), 0);
    for (const { vm } of workers.all) assert.equal(vm.trap, null);
  });

  test("one worker, every slot due at once: an effect that is gone is remembered until the last has been judged", () => {
    const workers = serving(1);
    const count = 3_000;
    for (let i = 0; i < count; i++) {
      send(workers.worker(0), { by: null, id: `id-${i}`, body: '{"amount":5,"requestedAt":1}' });
      send(workers.worker(0), { by: "v3", id: `id-${i}`, body: '{"requestedAt":2,"amount":5}' });
    }
    workers.configure({});
    workers.run(LONG_AFTER);
    assert.deepEqual(counts(workers), { total: count, match: count });
    assert.equal(errors(workers), 0);
  });

  test("an effect that changes while its calls wait: they are compared as its newest policy says", () => {
    const workers = serving();
    send(workers.worker(0), { by: null, id: "1", body: '{"amount":5,"requestedAt":1}' });
    send(workers.worker(1), { by: "v3", id: "1", body: '{"amount":5,"requestedAt":2}' });
    workers.configure({ ...POLICY, effects: { charge: { ...CHARGE, compare: { json: true } } } });
    workers.run(LONG_AFTER);
    assert.deepEqual(counts(workers), { total: 1, mismatch: 1 });
    assert.equal(errors(workers), 0);
  });

  /** Other VMs under the same `vm_id`, as after a swap of the .wasm: those that were there are gone. */
  const swapped = (policy: object): Counts[] => {
    const workers = serving();
    const both = { id: "1", path: "/charges" };
    send(workers.worker(0), { ...both, by: null, body: '{"amount":5,"requestedAt":1}' });
    send(workers.worker(1), { ...both, by: "v3", body: '{"amount":5,"requestedAt":2}' });
    send(workers.worker(1), { ...both, by: "v3", body: "{}" });
    send(workers.worker(0), { by: null, id: "2", path: "/emails", body: "a" });
    send(workers.worker(1), { by: "v3", id: "2", path: "/emails", body: "a" });
    workers.all.splice(0);
    for (let i = 0; i < 2; i++) workers.add().configure(policy);
    workers.run(LONG_AFTER);
    assert.equal(errors(workers), 0);
    for (const { vm } of workers.all) assert.equal(vm.trap, null);
    return [counts(workers), counts(workers, "email")];
  };

  test("a swap of the .wasm keeps the calls that wait, for a policy that has their effects", () => {
    assert.deepEqual(swapped(POLICY), [
      { total: 2, match: 1, extra: 1 },
      { total: 1, match: 1 },
    ]);
  });

  test("a swap and an effect that is gone with it: equal bytes match, and nothing is said of others", () => {
    assert.deepEqual(swapped({ ...POLICY, effects: { other: EMAIL } }), [
      { total: 2, unpaired: 2 },
      { total: 1, match: 1 },
    ]);
  });

  test("a swap to a policy without any effect: equal bytes match, and the others are counted", () => {
    assert.deepEqual(swapped({}), [
      { total: 2, unpaired: 2 },
      { total: 1, match: 1 },
    ]);
  });

  test("a call that is held when its effect goes is answered all the same", () => {
    const workers = serving();
    const stream = open(workers.worker(0), { by: "v3", id: "1" }).onRequestHeaders();
    workers.configure({});
    stream.onRequestBody(Buffer.from("{}"), true);
    assert.equal(stream.localReply?.status, 201);
    stream.onResponseHeaders([[":status", "201"]], true).done();
    workers.run(LONG_AFTER);
    assert.deepEqual(counts(workers), { total: 1, unpaired: 1 });
  });

  test("policies go once nothing of theirs can wait", () => {
    const workers = serving(1);
    const { vm } = workers.worker(0);
    const round = (): void => {
      workers.configure(POLICY);
      send(workers.worker(0), { by: "v3", id: "1", body: "{}" });
      workers.configure({});
      workers.run(LONG_AFTER);
    };
    for (let i = 0; i < 5; i++) round();
    const before = vm.memorySize;
    for (let i = 0; i < 60; i++) round();
    assert.equal(vm.memorySize, before);
  });
});

describe("the secret", () => {
  test("stands in no line, whatever the log level, and in no message of a policy that is refused", () => {
    const workers = serving(1, LogLevel.Trace);
    workers.configure({
      ...POLICY,
      flags: {
        seen: {
          state: "ENABLED",
          variants: { on: true, off: false },
          defaultVariant: "off",
          targeting: { if: [{ in: ["serin", { var: "headers.baggage" }] }, "on", "off"] },
        },
      },
      shadows: { v3: { percent: 100, cluster: "v3", compare: { body: true } } },
    });
    const worker = workers.worker(0);
    for (const by of ["v3", null]) {
      send(worker, { by, id: "1", body: "{}", headers: [["x-serin-shadow", `v3.${SECRET}`]] });
      send(worker, { by, id: "1", path: "/accounts", method: "GET" });
    }
    workers.run(LONG_AFTER);
    assert.ok(workers.lines.length > 4);
    for (const { text } of workers.lines) assert.ok(!text.includes(SECRET), text);
    assert.ok(!workers.metrics.all().some(({ name }) => name.includes(SECRET)));
    const { problems } = worker.vm.configure(JSON.stringify({ shadowSecret: `${SECRET} `, effects: 5 }));
    assert.ok(problems.length > 0);
    assert.ok(!JSON.stringify(problems).includes(SECRET));
  });
});
