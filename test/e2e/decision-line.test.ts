// The decision line in a live Envoy's log is, letter by letter, what `serin decide` prints for the same request.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";

import { waitUntil } from "../../tools/envoy/index.ts";
import { directRoute } from "../support/envoy/bootstrap.ts";
import { startProxy } from "../support/envoy/proxy.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { sendAll } from "../support/envoy/wire.ts";

const ROOT = resolve(import.meta.dirname, "../..");

const rollouts = {
  checkout: {
    match: [{ hosts: ["shop.example.com"], path: { value: "/checkout" } }],
    default: "stable",
    variants: { stable: {}, canary: { percent: 50, cluster: "checkout-v2" } },
    force: { header: "x-canary", cookie: "canary" },
  },
  button: { default: "grey", variants: { grey: {}, green: { percent: 50 } }, announce: "all" },
  paused: { state: "DISABLED", default: "a", variants: { a: {}, b: { percent: 50 } } },
  token: {
    identity: [{ jwt: "sub" }, { query: "user" }],
    default: "a",
    variants: { a: {}, b: { percent: 30, max: 50 }, c: { percent: 50, max: 50 } },
  },
};
const identity = [{ cookie: "uid" }, { header: "x-user-id" }, { sourceAddress: true }];
const POLICIES = {
  header: { identity, rollouts },
  "filter state": { steer: "filterState", identity, rollouts },
};

const token = (claims: object): string =>
  `Bearer e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;

interface Line {
  readonly url: string;
  readonly method?: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

const REQUESTS: readonly Line[] = [
  ...Array.from({ length: 12 }, (_, i): Line => ({
    url: `http://shop.example.com/checkout?user=${i}`,
    headers: { cookie: `a=b; uid=user-${i}` },
  })),
  { url: "http://shop.example.com:8080/checkout/", headers: { cookie: "uid=1; canary=canary" } },
  { url: "http://other.example.com/checkout", headers: { "x-user-id": "  blanks  " } },
  { url: "http://shop.example.com/checkout", headers: { "x-canary": "canary" } },
  { url: "http://shop.example.com/", method: "DELETE", headers: { authorization: token({ sub: "näme" }) } },
  { url: "http://shop.example.com/?user=a%20b+c", headers: { authorization: "Bearer broken" } },
  {
    url: "http://shop.example.com/checkout",
    headers: { cookie: 'uid="quoted"', "x-serin-checkout": ["canary", "stable"], "x-serin-zz": "1" },
  },
];

for (const version of EVERY_ENVOY) {
  describe(`Envoy ${version}`, () => {
    for (const [way, policy] of Object.entries(POLICIES)) {
      test(`by ${way}`, async () => {
        const proxy = await startProxy({ version, policy, routes: [directRoute("/", {})] });
        try {
          await proxy.admin.setLogLevel("debug", "wasm");
          // The filter looks at its log level at most once a second of requests' time.
          await waitUntil("a decision line", 30_000, async () => {
            await sendAll(proxy.port, [bytesOf({ url: "http://warm.up/", headers: {} })], 1);
            return decisionLines(proxy.envoy.log()).length > 0;
          });
          const before = decisionLines(proxy.envoy.log()).length;
          await sendAll(proxy.port, REQUESTS.map(bytesOf), 1);
          const expected = await decide(policy);
          await waitUntil(
            "all decision lines",
            30_000,
            () => decisionLines(proxy.envoy.log()).length >= before + REQUESTS.length,
          );
          const seen = decisionLines(proxy.envoy.log()).slice(before);
          assert.equal(expected.length, REQUESTS.length);
          assert.deepEqual(seen, expected);
        } finally {
          await proxy.stop();
        }
      });
    }
  });
}

function decisionLines(log: string): string[] {
  return log.split("\n").flatMap((line) => {
    const at = line.indexOf('{"identity":');
    return line.includes("wasm log") && at >= 0 ? [line.slice(at)] : [];
  });
}

function bytesOf({ url, method = "GET", headers }: Line): string {
  const { host } = new URL(url);
  const path = url.slice(url.indexOf(host) + host.length);
  const fields = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${Buffer.from(value).toString("latin1")}\r\n`),
  );
  return `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${fields.join("")}\r\n`;
}

async function decide(policy: object): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "serin-decide-"));
  try {
    const file = join(folder, "policy.json");
    await writeFile(file, JSON.stringify(policy));
    const args = ["--import", "tsx", "tools/cli.ts", "decide", "--policy", file];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end(
      REQUESTS.map((line) => `${JSON.stringify({ ...line, sourceAddress: "127.0.0.1" })}\n`).join(""),
    );
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const status = await new Promise((done) => child.on("close", done));
    assert.equal(status, 0);
    return text.trim().split("\n");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
