// A filter with one shadow on the emulator, and the copies that it sends, answered as a test says.

import assert from "node:assert/strict";

import { LogLevel, Vm, type HttpCall, type Root, type Stream } from "../../tools/emulator/index.ts";
import { filterModule } from "../support/filter.ts";

export const SECOND = 1_000_000_000n;
export const VERDICTS = [
  "match",
  "mismatch_status",
  "mismatch_headers",
  "mismatch_body",
  "timeout",
  "reset",
  "noise",
  "incomparable",
] as const;

export interface Setup {
  readonly vm: Vm;
  root: Root;
  now: bigint;
  read(leaf: string): number;
  verdicts(): Record<string, number>;
}

export function setUp(shadow: object = {}, logLevel: LogLevel = LogLevel.Info): Setup {
  const setup = { now: 1_800_000_000n * SECOND } as { -readonly [K in keyof Setup]: Setup[K] };
  setup.vm = Vm.load(filterModule(), { clock: () => setup.now, logLevel });
  const { root, accepted, problems } = setup.vm.configure(policyOf(shadow));
  assert.ok(accepted, JSON.stringify(problems));
  setup.root = root;
  setup.read = (leaf) => Number(setup.vm.metrics.read(`serin.shadow.api.${leaf}`) ?? 0n);
  setup.verdicts = () =>
    Object.fromEntries(
      VERDICTS.map((leaf) => [leaf, setup.read(leaf)]).filter(([, count]) => count !== 0),
    ) as Record<string, number>;
  return setup;
}

export function policyOf(shadow: object): string {
  const api = {
    percent: 100,
    cluster: "api-v3",
    compare: { status: true, body: { json: true, ignore: ["/t"] } },
    ...shadow,
  };
  return JSON.stringify({ identity: [{ cookie: "uid" }], shadows: { api } });
}

export const REQUEST: [string, string][] = [
  [":method", "GET"],
  [":path", "/cart?a=1"],
  [":authority", "shop.example.com"],
  [":scheme", "http"],
];

export function begin({ vm, root }: Setup, more: [string, string][] = []): Stream {
  return vm.request(root, { headers: [...REQUEST, ...more] });
}

export function finish(stream: Stream, status = 200, body = ""): void {
  stream.onResponseHeaders([[":status", String(status)]], body === "");
  // In two pieces, wherever they are cut.
  if (body !== "") {
    stream.onResponseBody(Buffer.from(body.slice(0, 3)), false);
    stream.onResponseBody(Buffer.from(body.slice(3)), true);
  }
  stream.done();
}

export function callTo(vm: Vm, cluster: string): HttpCall {
  const call = vm.httpCalls.find((one) => one.cluster === cluster);
  assert.ok(call, `no call to ${cluster}`);
  return call;
}

export const ok = (call: HttpCall, body = "", status = 200): void =>
  call.respond(
    [
      [":status", String(status)],
      ["date", "today"],
      ["content-type", "a"],
      ["server", "b"],
    ],
    body,
  );
