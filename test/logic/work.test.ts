// The work of a request: one budget for all of its rules, in which no step costs much more than another.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LogLevel, Vm, type Root } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";
import { long, many, stepTime, worstRules, type WorstRule } from "../bench/worst-rules.ts";

const WORK = 200_000;
/** What a step may take, over one of a plain rule; the worst that is known takes six times as much. */
const MOST_TIMES = 12;

const plain = worstRules[0] as WorstRule;

test("no step of any rule takes much longer than one that only jumps", () => {
  const slow: string[] = [];
  const base = stepTime(plain, WORK, 5).ms;
  for (const rule of worstRules) {
    const { ms, isSpent } = stepTime(rule, WORK, 3);
    assert.ok(isSpent, `${rule.what}: the work was not spent`);
    const times = ms / base;
    if (times > MOST_TIMES)
      slow.push(`${rule.what}: ${ms.toFixed(1)} ms, ${times.toFixed(1)} times a plain step`);
  }
  assert.deepEqual(slow, []);
});

const flag = (targeting: unknown): object => ({
  state: "ENABLED",
  variants: { on: true, off: false },
  defaultVariant: "off",
  targeting,
  metadata: { "serin.expose": true },
});
const ASKS = {
  if: [{ or: many(1000, (i) => ({ in: [`needle-${i}`, { var: "headers.x-long" }] })) }, "on", "off"],
};

/** The decision line of one request with a header of this length, and what `serin.error` counted. */
function decided(
  policy: object,
  length: number,
): { flags: Record<string, { errorCode?: string }>; errors: bigint } {
  const vm = Vm.load(filterModule(), { logLevel: LogLevel.Debug });
  const { root, accepted } = vm.configure(JSON.stringify(policy));
  assert.ok(accepted);
  const headers: [string, string][] = [
    [":method", "GET"],
    [":authority", "h"],
    [":path", "/"],
    ["x-long", long("x", length)],
  ];
  const stream = vm.request(root, { headers });
  const line = stream.log.find(({ text }) => text.startsWith('{"identity"'))?.text ?? "{}";
  stream.respond(200);
  const { flags } = JSON.parse(line) as { flags: Record<string, { errorCode?: string }> };
  return { flags, errors: vm.metrics.read("serin.error") ?? 0n };
}

test("ten rules share what one may take, and the request is counted once", () => {
  const policy = { flags: Object.fromEntries(many(10, (i) => [`f${i}`, flag(ASKS)])) };
  const short = decided(policy, 10);
  assert.equal(short.errors, 0n);
  const { flags, errors } = decided(policy, 500);
  const failed = Object.keys(flags).filter((key) => flags[key]?.errorCode === "GENERAL");
  assert.deepEqual(failed, ["f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9"]);
  assert.equal(errors, 1n);
});

test("limits.work says how much, up to a million steps", () => {
  const flags = { f: flag(ASKS) };
  assert.equal(decided({ flags, limits: { work: 10_000 } }, 10).errors, 0n);
  assert.equal(decided({ flags, limits: { work: 10_000 } }, 500).errors, 1n);
  assert.equal(decided({ flags }, 2500).errors, 1n);
  assert.equal(decided({ flags, limits: { work: 1_000_000 } }, 2500).errors, 0n);
});

test("serin evaluate says that the work was spent", () => {
  const vm = Vm.load(filterModule());
  const { root } = vm.configure(JSON.stringify({ limits: { work: 100 }, flags: { f: flag(ASKS) } }));
  const line = JSON.stringify({ flagKey: "f", context: {} });
  assert.deepEqual(JSON.parse(vm.evaluate(root, Buffer.from(line), 0) ?? "null"), {
    value: null,
    reason: "ERROR",
    errorCode: "GENERAL",
    errorMessage: "the targeting took more steps than limits.work",
    flagMetadata: { "serin.expose": true },
  });
});

test("what one request has spent, the next one has again", () => {
  const vm = Vm.load(filterModule());
  const { root } = vm.configure(JSON.stringify({ flags: { f: flag(ASKS) } }));
  const send = (length: number): void => {
    const headers: [string, string][] = [
      [":method", "GET"],
      [":authority", "h"],
      [":path", "/"],
      ["x-long", long("x", length)],
    ];
    vm.request(root, { headers }).respond(200);
  };
  for (let i = 0; i < 5; i++) {
    send(5000);
    send(10);
  }
  assert.equal(vm.metrics.read("serin.error"), 5n);
});

const bearer = (payload: object): string =>
  `Bearer e30.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.e30`;

/** Sends one request with this token. */
function sendToken(vm: Vm, root: Root, authorization?: string): void {
  const headers: [string, string][] = [
    [":method", "GET"],
    [":authority", "h"],
    [":path", "/"],
  ];
  if (authorization !== undefined) headers.push(["authorization", authorization]);
  vm.request(root, { headers }).respond(200);
}

test("fifty claims of a token of 57 KB are paid for as one token that is read, not as fifty", () => {
  const claims = many(50, (i) => ({ "==": [{ var: `jwt.k${i * 60}` }, "x"] }));
  const vm = Vm.load(filterModule());
  const { root } = vm.configure(
    JSON.stringify({ flags: { f: flag({ if: [{ or: claims }, "on", "off"] }) } }),
  );
  const token = bearer(Object.fromEntries(many(3600, (i) => [`k${i}`, i])));
  assert.ok(token.length > 56_000 && token.length < 60_000, `${token.length}`);
  sendToken(vm, root, token);
  assert.equal(vm.metrics.read("serin.error"), 0n);
});

test("claims are those of the request's own token", () => {
  const vm = Vm.load(filterModule());
  const targeting = { if: [{ "==": [{ var: "jwt.sub" }, "alice"] }, "on", "off"] };
  const { root } = vm.configure(JSON.stringify({ flags: { f: flag(targeting) } }));
  const on = (): bigint => vm.metrics.read("serin.flag.f.on") ?? 0n;
  sendToken(vm, root, bearer({ sub: "alice" }));
  sendToken(vm, root);
  sendToken(vm, root, "Bearer a.b.c");
  sendToken(vm, root, bearer({ sub: "bob" }));
  assert.equal(on(), 1n);
  sendToken(vm, root, bearer({ sub: "alice" }));
  assert.equal(on(), 2n);
});
