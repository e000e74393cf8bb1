// Policies of thousands of rollouts: what they define when they are loaded, and when a request meets one of them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Metrics, SharedData, Vm } from "../../tools/emulator/index.ts";
import { manyRollouts } from "../bench/many-rollouts.ts";
import { filterModule } from "../support/filter.ts";

function policy(rollouts: number, variants = 2): string {
  const others = Array.from({ length: variants - 2 }, (_, i) => [`v${i}`, { percent: 1 }]);
  const canary = { percent: variants === 2 ? 100 : 1 };
  return JSON.stringify({
    identity: [{ cookie: "uid" }],
    rollouts: Object.fromEntries(
      Array.from({ length: rollouts }, (_, i) => [
        `r${i}`,
        {
          match: [{ path: { value: `/p${i}` } }],
          default: "stable",
          variants: { stable: {}, canary, ...(Object.fromEntries(others) as object) },
        },
      ]),
    ),
  });
}

function request(path: string): { headers: [string, string][] } {
  return {
    headers: [
      [":method", "GET"],
      [":authority", "h"],
      [":path", path],
      ["cookie", "uid=1"],
    ],
  };
}

const SECOND = 1_000_000_000n;

/** Ticks a second apart, until nothing more happens; what each has defined and logged. */
function tickAll(vm: Vm): { defined: number; lines: number }[] {
  const begun = vm.clock();
  const ticks: { defined: number; lines: number }[] = [];
  for (let quiet = 0; quiet < 5;) {
    assert.ok(ticks.length < 1000, "ticks for ever");
    const before = { defined: vm.metricDefinitions, lines };
    vm.clock = () => begun + BigInt(ticks.length + 1) * SECOND;
    vm.runTicks();
    const tick = { defined: vm.metricDefinitions - before.defined, lines: lines - before.lines };
    quiet = tick.defined === 0 && tick.lines === 0 ? quiet + 1 : 0;
    ticks.push(tick);
  }
  return ticks;
}
let lines = 0;
const onLog = (): void => {
  lines++;
};

test("what a tick defines and says is bounded, and all of it comes to pass", () => {
  for (const [rollouts, variants] of [
    [16_384, 2],
    [2000, 16],
  ] as const) {
    lines = 0;
    const vm = Vm.load(filterModule(), { onLog });
    assert.ok(vm.configure(policy(rollouts, variants)).accepted);
    const ticks = tickAll(vm);
    const most = (of: "defined" | "lines"): number => Math.max(...ticks.map((tick) => tick[of]));
    assert.ok(most("defined") < 2500, `${most("defined")} stats in one tick`);
    assert.ok(most("lines") <= 256, `${most("lines")} lines in one tick`);
    const none = Array.from({ length: rollouts }, (_, i) =>
      vm.metrics.read(`serin.rollout.r${i}.evidence_none`),
    ).filter((value) => value === 2n || value === 1n).length;
    assert.equal(none, lines, "each rollout without evidence is said once");
    assert.ok(none > 0);
  }
});

const LEAVES = "rq_total rq_1xx rq_2xx rq_5xx rq_reset rq_left share rq_active grpc_ok".split(" ");

test("a policy of a person's size has every variant's stats before the first request", () => {
  const vm = Vm.load(filterModule());
  vm.configure(policy(100));
  for (const leaf of LEAVES) {
    assert.notEqual(vm.metrics.read(`serin.rollout.r99.canary.${leaf}`), null, leaf);
  }
});

test("of thousands of rollouts the first have theirs, the others when a request is given one", () => {
  const vm = Vm.load(filterModule());
  const { root } = vm.configure(policy(5000));
  assert.ok(vm.metricDefinitions < 6000, `${vm.metricDefinitions} stats were defined`);
  assert.equal(vm.metrics.read("serin.rollout.r4999.canary.rq_total"), null);
  vm.request(root, request("/p4999")).respond(500);
  for (const [leaf, value] of [
    ["rq_total", 1n],
    ["rq_5xx", 1n],
    ["rq_2xx", 0n],
    ["share", 100_000n],
    ["rq_active", 0n],
  ] as const) {
    assert.equal(vm.metrics.read(`serin.rollout.r4999.canary.${leaf}`), value, leaf);
  }
  const before = vm.metricDefinitions;
  vm.request(root, request("/p4999")).respond(200);
  assert.equal(vm.metricDefinitions, before, "defined once");
  assert.equal(vm.metrics.read("serin.error"), 0n);
});

test("a rollout whose stats came late has them for the next policy, and tells its share", () => {
  const vm = Vm.load(filterModule());
  const first = vm.configure(policy(5000));
  vm.request(first.root, request("/p4999")).respond(200);
  const second = vm.configure(policy(5000).replaceAll('"percent":100', '"percent":0'));
  vm.retire(first.root);
  assert.equal(vm.metrics.read("serin.rollout.r4999.canary.share"), 0n);
  vm.request(second.root, request("/p4999")).respond(200);
  assert.equal(vm.metrics.read("serin.rollout.r4999.stable.rq_total"), 1n);
  assert.equal(vm.metrics.read("serin.rollout.r4999.canary.rq_total"), 1n);
});

test("a control group that comes late has its share, without which nothing is held against its users", () => {
  const vm = Vm.load(filterModule());
  const { root } = vm.configure(policy(5000).replaceAll('"percent":100', '"percent":10'));
  assert.equal(vm.metrics.read("serin.rollout.r4999.control.share"), null);
  for (let uid = 0; uid < 100; uid++) {
    const { headers } = request("/p4999");
    vm.request(root, { headers: [...headers.slice(0, -1), ["cookie", `uid=${uid}`]] }).respond(200);
  }
  assert.equal(vm.metrics.read("serin.rollout.r4999.canary.share"), 10_000n);
  assert.equal(vm.metrics.read("serin.rollout.r4999.control.share"), 40_000n);
});

for (const signals of ["count", "matched", "full"]) {
  test(`10,000 rollouts under ${signals} take less than 20 MiB of a VM, and define the stats of the first alone`, () => {
    const vm = Vm.load(filterModule());
    assert.ok(vm.configure(manyRollouts({ rollouts: 10_000, variants: 2, signals })).accepted);
    const mib = vm.memorySize / 2 ** 20;
    assert.ok(mib < 20, `${mib.toFixed(1)} MiB`);
    assert.ok(vm.metricDefinitions < 4200, `${vm.metricDefinitions} stats were defined`);
  });
}

/** Two VMs over one Envoy's stats and shared data, of which the second comes a second later. */
function twoVms(): [Vm, Vm] {
  const shared = { metrics: new Metrics(), sharedData: new SharedData() };
  const vm = (seconds: bigint): Vm =>
    Vm.load(filterModule(), { ...shared, clock: () => (1_795_000_000n + seconds) * SECOND });
  return [vm(0n), vm(1n)];
}

const shareOf = (vm: Vm, rollout: string): bigint | null =>
  vm.metrics.read(`serin.rollout.${rollout}.canary.share`);

test("a VM that goes leaves the share of a variant whose stats came late to its successor", () => {
  const [old, successor] = twoVms();
  const { root } = old.configure(policy(5000));
  old.request(root, request("/p4999")).respond(200);
  assert.equal(shareOf(old, "r4999"), 100_000n);
  const next = successor.configure(policy(5000).replaceAll('"percent":100', '"percent":40'));
  successor.request(next.root, request("/p4999")).respond(200);
  old.retire(root);
  assert.equal(shareOf(old, "r4999"), 40_000n, "the successor has told it");
  successor.retire(next.root);
  assert.equal(shareOf(old, "r4999"), 0n, "nobody asks for it any more");
});

test("a request that comes late to an old plan does not make it the newest", () => {
  const [old, successor] = twoVms();
  const { root } = old.configure(policy(5000));
  const late = old.open(root, request("/p4999"));
  const next = successor.configure(policy(5000).replaceAll('"percent":100', '"percent":40'));
  successor.request(next.root, request("/p4999")).respond(200);
  late.onRequestHeaders();
  late.respond(200);
  old.retire(root);
  assert.notEqual(shareOf(old, "r4999"), 0n, "the successor has the variant still");
});
