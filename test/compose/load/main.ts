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
  for (const step of steps) {
    const status = await send(step, jar);
    counts.requests++;
    if (status === null || status >= 500) counts.failed++;
    // People read before they go on.
    await sleep(200 + 1800 * Math.random());
  }
}

/** Sends one request; cookies that the answer sets are kept. Resolves to the status, or to null without an answer. */
function send(step: Step, jar: Map<string, string>): Promise<number | null> {
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
      response.on("error", () => resolve(null));
      response.on("end", () => resolve(response.statusCode ?? null));
      response.resume();
    });
    sent.on("timeout", () => sent.destroy());
    sent.on("error", () => resolve(null));
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
