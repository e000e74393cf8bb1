// What effects do where there is too little of something: a call that must not be made is not made for lack of work or
// memory, and no body keeps a worker from its requests.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { starvedModule } from "../support/filter.ts";
import { RecordingHost } from "./recording-host.ts";
import { ROOT } from "./serving.ts";
import { Workers, type Worker } from "./workers.ts";

const SECRET = "4Zq8vK1x0sTn7LbE";
const ANSWER = { status: 201, body: "{}" };
const STOP = 1;

type Pairs = [name: string, value: string][];

const headersOf = (path: string, id: string, isShadow: boolean): Pairs => [
  [":method", "POST"],
  [":path", path],
  [":authority", "bank"],
  ["x-request-id", id],
  ...(isShadow ? ([["baggage", `serin-shadow=v3.${SECRET}`]] as Pairs) : []),
];

describe("limits.work is spent before it is known whether an effect names a call", () => {
  const RARE = "(/[a-z]+)*/charges";
  const expressed = (answer: object): object => ({
    match: [{ path: { type: "RegularExpression", value: RARE } }],
    ...answer,
  });
  const policyOf = (effects: object): object => ({ shadowSecret: SECRET, limits: { work: 8 }, effects });
  const LONG = `/${"a".repeat(500)}/charges`;

  interface Sent {
    readonly action: number;
    readonly status: number | undefined;
  }
  function send(policy: object, path: string, isShadow = true): Sent {
    const workers = new Workers(1);
    workers.configure(policy);
    const [worker] = workers.all as [Worker];
    assert.ok(worker.root);
    const stream = worker.vm.request(worker.root, { headers: headersOf(path, "1", isShadow) });
    return { action: stream.action, status: stream.localReply?.status };
  }

  test("a shadow's call is answered with 503 and not sent", () => {
    assert.deepEqual(send(policyOf({ charge: expressed({ answer: ANSWER }) }), LONG), {
      action: STOP,
      status: 503,
    });
    const flags = { on: { state: "ENABLED", variants: { a: true, b: false }, defaultVariant: "a" } };
    const byFlag = { match: [{ method: "POST", flag: { on: true } }], answer: ANSWER };
    assert.equal(
      send({ ...policyOf({ charge: byFlag }), flags }, LONG).status,
      201,
      "work that is not spent",
    );
  });

  test("also where another effect, which lets calls pass, names it for certain", () => {
    const seen = { match: [{ method: "POST" }] };
    assert.equal(send(policyOf({ charge: expressed({ answer: ANSWER }), seen }), LONG).status, 503);
  });

  test("one that an effect surely answers gets that answer", () => {
    const sure = { match: [{ method: "POST" }], answer: ANSWER };
    assert.equal(send(policyOf({ charge: expressed({ answer: ANSWER }), sure }), LONG).status, 201);
  });

  test("production's call passes, and so does one that no answer is there for", () => {
    const passes = { action: 0, status: undefined };
    assert.deepEqual(send(policyOf({ charge: expressed({ answer: ANSWER }) }), LONG, false), passes);
    assert.deepEqual(send(policyOf({ charge: expressed({}) }), LONG), passes);
    assert.deepEqual(
      send({ ...policyOf({ charge: expressed({ answer: ANSWER }) }), limits: {} }, "/a"),
      passes,
    );
  });
});

test("without memory for a stream a shadow's call is answered and not sent", () => {
  const policy = JSON.stringify({
    shadowSecret: SECRET,
    effects: { charge: { match: [{ path: { value: "/charges" } }], answer: ANSWER } },
  });
  let refused = 0;
  for (let pages = 0; pages < 24; pages++) {
    const host = new RecordingHost({ module: starvedModule(pages) });
    host.isRecording = false;
    assert.ok(host.configure(ROOT, policy));
    let isServed = false;
    // Those that stay open take the memory.
    for (let id = 10; id < 3_000; id++) {
      const action = host.begin(id, ROOT, headersOf("/charges", `id-${id}`, true));
      const { reply } = host.context(id);
      isServed ||= reply !== null;
      // A VM that never had memory for the policy knows of no effect.
      if (!isServed) break;
      assert.equal(action, STOP, `${pages} pages, call ${id}`);
      assert.ok(reply?.status === ANSWER.status || reply?.status === 503);
      if (reply.status === 503) refused++;
    }
  }
  assert.ok(refused > 0, "memory never ran out");
});

test("bodies that are made to be dear to compare stall no worker, and spoil no other call", () => {
  // Names of one FNV-1a hash, as far as the table of an object looks at it.
  const names: string[] = [];
  for (let i = 0; names.length < 1_400; i++) {
    const name = i.toString(36);
    let hash = 0x811c9dc5;
    for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
    if (((hash ^ (hash >>> 15)) & 4095) === 7) names.push(name);
  }
  const dear = (at: number): string => `{"at":${at},${names.map((name) => `"${name}":1`).join()}}`;
  assert.ok(dear(1).length < 16_384);
  const workers = new Workers(1);
  workers.configure({
    shadowSecret: SECRET,
    effects: {
      charge: {
        match: [{ path: { value: "/charges" } }],
        answer: ANSWER,
        compare: { json: true, ignore: ["/at"] },
      },
    },
  });
  const [worker] = workers.all as [Worker];
  const send = (id: string, isShadow: boolean, body: string): void => {
    assert.ok(worker.root);
    worker.vm
      .open(worker.root, { headers: headersOf("/charges", id, isShadow), endOfStream: false })
      .onRequestHeaders()
      .onRequestBody(Buffer.from(body), true)
      .onResponseHeaders([[":status", "201"]], true)
      .done();
  };
  const count = 150;
  for (let i = 0; i < count; i++) {
    send(`dear-${i}`, false, dear(1));
    send(`dear-${i}`, true, dear(2));
    send(`plain-${i}`, false, '{"at":1,"amount":5}');
    send(`plain-${i}`, true, '{"amount":5,"at":2}');
  }
  workers.pass(31_000);
  let longest = 0;
  for (let ticks = 0; ticks < 400; ticks++) {
    workers.pass(500);
    const begin = process.cpuUsage();
    worker.vm.runTicks();
    const { user, system } = process.cpuUsage(begin);
    longest = Math.max(longest, (user + system) / 1000);
  }
  const read = (leaf: string): number => Number(workers.metrics.read(`serin.effect.charge.${leaf}`) ?? 0n);
  assert.deepEqual(
    { total: read("total"), match: read("match"), unpaired: read("unpaired"), mismatch: read("mismatch") },
    { total: 2 * count, match: count, unpaired: count, mismatch: 0 },
  );
  assert.equal(Number(workers.metrics.read("serin.error") ?? 0n), 0);
  // Of processor time, so that what else the machine does is no part of it.
  assert.ok(longest < 150, `a tick took ${longest.toFixed(0)} ms`);
});
