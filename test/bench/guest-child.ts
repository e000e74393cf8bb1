// What guest-profile.ts runs under callgrind: the filter in the emulator, a block of requests at a word on stdin.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { Vm, type HeaderPairs } from "../../tools/emulator/index.ts";
import { policyOf, Requests, WAYS } from "./instruction-ways.ts";

const [wasm = "", name = "", count = ""] = process.argv.slice(2);
const way = WAYS.find((other) => other.name === name);
if (way === undefined) throw new Error(`there is no way ${name}`);
const vm = Vm.load(readFileSync(wasm));
const { root, accepted } = vm.configure(JSON.stringify(policyOf(way)));
if (!accepted) throw new Error(`${name}: the policy is refused`);
const requests = new Requests(way);

/** The headers of HTTP/1.1 as Envoy shows them to a filter. */
function headersOf(bytes: string): HeaderPairs {
  const [first = "", ...lines] = bytes.split("\r\n");
  const [method = "", path = ""] = first.split(" ");
  const own = lines
    .filter((line) => line !== "")
    .map((line): [string, string] => {
      const at = line.indexOf(": ");
      return [line.slice(0, at).toLowerCase(), line.slice(at + 2)];
    });
  const host = own.find(([key]) => key === "host")?.[1] ?? "";
  return [
    [":authority", host],
    [":path", path],
    [":method", method],
    [":scheme", "http"],
    ...own.filter(([key]) => key !== "host"),
    ["x-forwarded-proto", "http"],
    ["x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"],
  ];
}

function run(amount: number): void {
  for (const { bytes } of requests.block(amount)) {
    const stream = vm.open(root, { headers: headersOf(bytes) });
    stream.onRequestHeaders();
    stream.onResponseHeaders([
      [":status", "200"],
      ["content-length", "61"],
      ["content-type", "text/plain"],
    ]);
    stream.onResponseBody(new Uint8Array(61), false);
    stream.onResponseBody(new Uint8Array(0), true);
    stream.done();
  }
}

run(Number(count));
console.log("ready");
for await (const _ of createInterface({ input: process.stdin })) {
  run(Number(count));
  console.log("done");
}
