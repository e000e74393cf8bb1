// `serin advance --watch` beside five real Envoys with a canary of 1 % each: how soon a bad one is at 0 on all, and that it
// stays there whoever is killed and started again.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { after, before, describe, test } from "node:test";

import { ENVOY_VERSION, freePort, waitUntil } from "../../tools/envoy/index.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import { murmur3, position } from "../support/assignment.ts";
import { CLI, runCli, temporaryFolder } from "../support/cli.ts";
import { startProxy, type Proxy } from "../support/envoy/proxy.ts";
import { seeded } from "../support/random.ts";
import { STEERING_ROUTES } from "./steering-routes.ts";

const ENVOYS = 5;
/** Requests a second, to all of them. */
const RATE = 200;
const USERS = 10_000;

const folder = temporaryFolder();

function policyText(epoch: number): string {
  return `# The shop's releases.
identity: [{ cookie: uid }]
rollouts:
  checkout:
    default: stable
    variants:
      stable: {}
      canary: # moved by serin advance
        ramp: { steps: [1, 50], every: 1h }
    warmup: 0s
    guard: { action: rollback, falseAlarm: 0.1 }
    epoch: ${epoch}
`;
}

describe(`serin advance --watch beside ${ENVOYS} Envoys ${ENVOY_VERSION}`, () => {
  const random = seeded(16);
  const proxies: Proxy[] = [];
  const controllers: ChildProcess[] = [];
  let agent: Agent;
  let canaryErrors = 0;
  let isOver = false;
  let traffic: Promise<void>;
  const policy = join(folder.path, "policy.yaml");

  const jsonOf = (file: string): string =>
    Buffer.from(readPolicySource(file, readFileSync(file)).json as Uint8Array).toString();
  const start = (): Promise<Proxy> =>
    startProxy({
      ...{ version: ENVOY_VERSION, policy: jsonOf(policy), routes: STEERING_ROUTES },
      ...{ concurrency: 1, logLevel: "error" },
    });
  const gauges = (leaf: string): Promise<(number | undefined)[]> =>
    Promise.all(
      proxies.map(async ({ admin }) => {
        const stats = await admin.stats(
          `^wasmcustom\\.serin\\.rollout\\.checkout\\.${leaf.replace(".", "\\.")}$`,
        );
        return stats.get(`wasmcustom.serin.rollout.checkout.${leaf}`);
      }),
    );
  const isEverywhere = async (leaf: string, value: number): Promise<boolean> =>
    (await gauges(leaf)).every((one) => one === value);
  const percent = (): number | null => {
    const [, found] = /^ +percent: ([\d.]+)$/m.exec(readFileSync(policy, "utf8")) ?? [];
    return found === undefined ? null : Number(found);
  };

  function send(port: number, user: string): Promise<string | undefined> {
    const path = `/?up-error-status=500&up-canary-error-rate=${canaryErrors}`;
    return new Promise((resolve) => {
      request({ port, path, agent, headers: { cookie: `uid=${user}` } }, (answer) => {
        answer.on("error", () => resolve(undefined));
        answer.on("end", () => resolve(answer.headers["x-version"] as string | undefined));
        answer.resume();
      })
        // An Envoy that was killed.
        .on("error", () => resolve(undefined))
        .end();
    });
  }

  async function sendAll(): Promise<void> {
    const began = performance.now();
    for (let sent = 0; !isOver;) {
      for (; sent < ((performance.now() - began) * RATE) / 1000; sent++) {
        void send(random.pick(proxies).port, `user-${random.below(USERS)}`);
      }
      await pause(5);
    }
  }

  /** `--to` is the first Envoy's file; the command brings it to the others. */
  function arguments_(...more: string[]): { parameters: string[]; env: NodeJS.ProcessEnv } {
    const files = proxies.map(({ envoy }) => join(envoy.folder, "watched/filter.yaml"));
    const admins = proxies.flatMap(({ admin }) => ["--admin", admin.url]);
    const copy = 'for file in $OTHERS; do cp "$FIRST" "$file.new" && mv "$file.new" "$file"; done';
    return {
      parameters: ["advance", policy, ...admins, "--to", files[0] ?? "", "--on-change", copy, ...more],
      env: { ...process.env, FIRST: files[0] ?? "", OTHERS: files.slice(1).join(" ") },
    };
  }

  function controller(...more: string[]): ChildProcess & { said: () => string } {
    const { parameters, env } = arguments_(...more);
    const child = spawn(process.execPath, [CLI, ...parameters], { env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    controllers.push(child);
    return Object.assign(child, { said: () => said });
  }

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  before(async () => {
    folder.write("policy.yaml", policyText(0));
    agent = new Agent({ keepAlive: true, maxSockets: 16 });
    for (let i = 0; i < ENVOYS; i++) proxies.push(await start());
    traffic = sendAll();
  });
  after(async () => {
    isOver = true;
    await traffic;
    for (const child of controllers) await end(child);
    agent?.destroy();
    for (const proxy of proxies) await proxy.stop();
  });

  test("it begins the release on all; a bad canary is at 0 on all within 15 s of the first guard", async (t) => {
    const watching = controller("--watch");
    await waitUntil("the first step everywhere", 40_000, () => isEverywhere("canary.share", 1_000));
    await waitUntil("evidence everywhere", 20_000, () => isEverywhere("evidence_period", 1));
    assert.equal(
      readFileSync(policy, "utf8"),
      policyText(0).replace("advance\n", "advance\n        percent: 1\n"),
    );
    canaryErrors = 1;
    await waitUntil("a guard to act", 90_000, async () => (await gauges("canary.guard")).includes(2));
    const guardAt = performance.now();
    await waitUntil("0 everywhere", 60_000, () => isEverywhere("canary.share", 0));
    const seconds = (performance.now() - guardAt) / 1000;
    t.diagnostic(`${seconds.toFixed(1)} s\n${watching.said()}`);
    assert.ok(seconds <= 15, `${seconds} s`);
    assert.equal(
      readFileSync(policy, "utf8"),
      policyText(0).replace("advance\n", "advance\n        percent: 0\n"),
    );
    await end(watching);
  });

  test("an Envoy that is killed and started again does not serve it; nor does anything begin it again", async () => {
    const killed = proxies.pop() as Proxy;
    process.kill(killed.envoy.pid, "SIGKILL");
    await killed.envoy.ended;
    await killed.stop();
    proxies.push(await start());
    const stopped = readFileSync(policy, "utf8");
    for (let i = 0; i < 2; i++) {
      const { parameters, env } = arguments_();
      const { status, stdout } = await runCli(parameters, { env });
      assert.equal(status, 1, stdout);
      assert.match(
        stdout,
        /^checkout\/canary: stopped at 0%; to begin again, set a percent and raise epoch\n/,
      );
    }
    const watching = controller("--watch", "--interval", "500ms");
    await pause(4_000);
    await end(watching);
    assert.equal(readFileSync(policy, "utf8"), stopped);
    const users = Array.from({ length: 40_000 }, (_, i) => `u-${i}`);
    const canaries = users.filter((user) => murmur3(`checkout/${user}`) < position(1));
    assert.ok(canaries.length > 300);
    const { port } = proxies.at(-1) as Proxy;
    for (const user of canaries) assert.equal(await send(port, user), "stable");
  });

  test("a controller that is killed at any moment and started again comes to the same end", async (t) => {
    canaryErrors = 1;
    folder.write("policy.yaml", policyText(1));
    const seen: (number | null)[] = [];
    let starts = 0;
    const deadline = Date.now() + 150_000;
    while (!(percent() === 0 && (await isEverywhere("canary.share", 0)))) {
      assert.ok(
        Date.now() < deadline,
        `after ${starts} starts: ${percent()}% ${String(await gauges("canary.share"))}`,
      );
      const watching = controller("--watch", "--interval", "500ms");
      starts++;
      const until = Date.now() + 300 + random.below(5_000);
      while (Date.now() < until) {
        if (seen.at(-1) !== percent()) seen.push(percent());
        await pause(20);
      }
      await end(watching);
    }
    t.diagnostic(`${starts} starts: ${seen.join(" -> ")}`);
    assert.deepEqual(seen.slice(-2), [1, 0]);
    assert.equal(
      readFileSync(policy, "utf8"),
      policyText(1).replace("advance\n", "advance\n        percent: 0\n"),
    );
  });

  test("a Prometheus that does not answer: nothing is begun or promoted, and it says so", async () => {
    folder.write("policy.yaml", policyText(2));
    const url = `http://127.0.0.1:${await freePort()}`;
    const { status, stdout, stderr } = await runCli(["advance", policy, "--prometheus", url]);
    assert.equal(status, 2);
    assert.equal(
      stdout,
      `checkout/canary: waits: not begun; nothing is promoted while ${url} does not answer (connection refused)\n`,
    );
    assert.equal(stderr, `${url}: unreachable: connection refused\n`);
    assert.equal(readFileSync(policy, "utf8"), policyText(2));
  });
});
