// The load of the compose scene, as a program of its own.
//   node build/services/load.mjs --to http://envoy:10000 [--rate 20] [--alive FILE]

import { writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

import { drawVisit, type Step, type Visit } from "./visitors.ts";

const { values } = parseArgs({
  options: {
    to: { type: "string", default: "http://127.0.0.1:8080" },
    rate: { type: "string", default: "20" },
    /** Written anew while answers come: its age says whether traffic flows. */
    alive: { type: "string" },
  },
});
const AGENT = new Agent({ keepAlive: true, maxSockets: 32 });
/** More than this at once are not waited for: a proxy that hangs is not buried under visits. */
const MOST_VISITS = 64;
const DEADLINE_MS = 10_000;
/** What the visits above make on average, measured: the rate is one of requests. */
const STEPS_A_VISIT = 3.5;

const counts = { visits: 0, requests: 0, failed: 0 };
let open = 0;

async function visit({ cookies, steps }: Visit): Promise<void> {
  const jar = new Map(cookies);
  let service = "";
  for (const step of steps) {
    // What the page before was like decides whether people go on.
    if (service === "canary" && Math.random() >= (step.canaryShare ?? 1)) continue;
    const { status, version } = await send(step, jar);
    service = version;
    counts.requests++;
    if (status === null || status >= 500) counts.failed++;
    // People read before they go on.
    await sleep(200 + 1800 * Math.random());
  }
}

/** What came back: the status, null without an answer, and the service that says that it answered. */
interface Answer {
  readonly status: number | null;
  readonly version: string;
}

/** Sends one request; cookies that the answer sets are kept. */
function send(step: Step, jar: Map<string, string>): Promise<Answer> {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  const headers = {
    "user-agent": "serin-load",
    accept: "text/html,application/json",
    ...(cookie === "" ? {} : { cookie }),
    ...(step.body === undefined ? {} : { "content-type": "application/json" }),
  };
  return new Promise((resolve) => {
    const options = { method: step.method, headers, agent: AGENT, timeout: DEADLINE_MS };
    const sent = request(new URL(step.path, values.to), options, (response) => {
      for (const line of response.headers["set-cookie"] ?? []) {
        const [name = "", value = ""] = (line.split(";", 1)[0] ?? "").split("=", 2);
        jar.set(name, value);
      }
      const version = String(response.headers["x-version"] ?? "");
      response.on("error", () => resolve({ status: null, version }));
      response.on("end", () => resolve({ status: response.statusCode ?? null, version }));
      response.resume();
    });
    sent.on("timeout", () => sent.destroy());
    sent.on("error", () => resolve({ status: null, version: "" }));
    sent.end(step.body);
  });
}

function report(): void {
  if (counts.requests > counts.failed && values.alive !== undefined) writeFileSync(values.alive, "");
  console.log(`${counts.visits} visits, ${counts.requests} requests, ${counts.failed} failed`);
  Object.assign(counts, { visits: 0, requests: 0, failed: 0 });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => process.exit(0));
}
let ticks = 0;
for (;;) {
  // Visitors come by themselves, not in step: the pauses between them are exponential.
  await sleep((-Math.log(1 - Math.random()) * 1000 * STEPS_A_VISIT) / Number(values.rate));
  if (open < MOST_VISITS) {
    open++;
    counts.visits++;
    void visit(drawVisit()).finally(() => open--);
  }
  const now = Math.floor(Date.now() / 2000);
  if (now !== ticks) report();
  ticks = now;
}
