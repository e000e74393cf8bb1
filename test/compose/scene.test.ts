// The scene of docker-compose.yml on a real engine, over its published ports: that it does what docs/compose.md says,
// also when parts of it break. One scene, one test after the other; afterwards nothing is left.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { test, type TestContext } from "node:test";

import * as assignment from "./assignment.ts";
import { run } from "./command.ts";
import * as effects from "./effects.ts";
import { NoEngineError, startEngine, type Engine } from "./engine.ts";
import * as failures from "./failures.ts";
import { hopSteersAmbassador } from "./hop.ts";
import { releaseTakesItselfBack } from "./release.ts";
import * as observation from "./observation.ts";
import { startScene, type Scene, type Service } from "./scene.ts";
import { ensureStandIns } from "./stand-ins.ts";
import { tourHolds } from "./tour.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const CLI = join(ROOT, "build/cli/cli.js");

const SERVICES: readonly Service[] = [
  ...(["production", "canary", "shadow", "auth", "bank", "egress", "envoy", "load"] as const),
  ...(["prometheus", "ambassador", "hop"] as const),
];

const begin = performance.now();
const say = (line: string): void =>
  console.log(`compose: ${((performance.now() - begin) / 1000).toFixed(0).padStart(3)} s  ${line}`);

const CHECKS: readonly (readonly [title: string, check: (scene: Scene) => Promise<string | void>])[] = [
  ["each container is confined, each port is on loopback", observation.containersAreConfined],
  ["Envoy's admin endpoint is for those who need it", observation.adminIsForThoseWhoNeedIt],
  ["the load looks real", observation.loadLooksReal],
  ["shares are those asked for, and each user keeps the version", assignment.sharesAreAsked],
  ["testers choose, forgers do not", assignment.testersChoose],
  ["a flag opens a gate", assignment.flagOpensTheGate],
  ["identity comes from the auth service", assignment.identityComesFromAuth],
  ["strangers get a cookie, and with it what they had", assignment.strangersGetACookie],
  ["an edited policy goes live, a bad one is refused", assignment.policyEditsGoLive],
  ["copies reach the shadow, and what differs is found", observation.shadowIsCompared],
  ["Prometheus has the series with their labels", observation.prometheusHasTheSeries],
  ["the hop steers Ambassador", hopSteersAmbassador],
  ["2,000 purchases: each is charged once, by production", effects.onlyProductionCharges],
  ["a forged mark changes nothing", effects.forgedMarksChangeNothing],
  ["the canary is killed and comes back", failures.canaryIsKilledAndComesBack],
  ["the canary's network is cut and mended", failures.networkOfCanaryIsCut],
  ["Envoy is restarted: same users, same versions", failures.envoyIsRestarted],
  ["a paused shadow slows nobody", failures.pausedShadowSlowsNobody],
  ["each charge is judged", effects.eachChargeIsJudged],
  ["a release waits on its step, and takes itself back when the canary is killed", releaseTakesItselfBack],
  ["the tour of docs/compose.md holds", tourHolds],
];

const isLeftOut = process.env["SKIP_COMPOSE"] === "1";

if (isLeftOut) say("NOT RUN: SKIP_COMPOSE=1 leaves the compose scene out");

test("the compose scene", { skip: isLeftOut && "SKIP_COMPOSE=1" }, async (t) => {
  let engine: Engine | null = null;
  try {
    engine = await startEngine(say);
    say(`engine ${engine.version}${engine.isOwn ? ", our own" : ""}`);
    if (engine.isOwn) await ensureStandIns(engine, say);
    const services = [...SERVICES, ...(await dashboardIfThere()), ...grafanaIfThere(engine)];
    say(`starting ${services.join(", ")}`);
    const scene = await startScene(engine, services);
    say("all are healthy");
    try {
      for (const [title, check] of CHECKS) await runCheck(t, title, () => check(scene));
      await runCheck(t, DASHBOARD_TEST, (scope) => dashboardAnswers(scope, scene));
      await runCheck(t, GRAFANA_TEST, (scope) => grafanaAnswers(scope, scene));
    } finally {
      await scene.down();
    }
    await runCheck(t, "nothing is left: no container, network or volume", async () =>
      assert.deepEqual(await scene.leftovers(), []),
    );
  } catch (error) {
    if (error instanceof NoEngineError) say(`${error.message} (SKIP_COMPOSE=1 leaves these tests out)`);
    throw error;
  } finally {
    await engine?.stop();
    say("the engine has ended");
  }
});

async function runCheck(
  t: TestContext,
  title: string,
  check: (scope: TestContext) => Promise<string | void>,
): Promise<void> {
  await t.test(title, { timeout: 180_000 }, async (scope) => {
    const said = await check(scope);
    if (said !== NOT_RUN) say(`${title}${typeof said === "string" ? ` (${said})` : ""}`);
  });
}

// Both may be skipped (tools/project/test-summary/suites.ts), and only they: what they ask for is not everywhere.
const DASHBOARD_TEST = "the dashboard answers";
const NOT_RUN = "not run";
const GRAFANA_TEST = "Grafana has the dashboard and its data source";

async function dashboardIfThere(): Promise<Service[]> {
  return /^\s+dashboard\b/m.test(await run(process.execPath, [CLI, "--help"])) ? ["dashboard"] : [];
}

async function dashboardAnswers(t: TestContext, { ports }: Scene): Promise<string | void> {
  if ((await dashboardIfThere()).length === 0) {
    return notRun(t, DASHBOARD_TEST, "this command line has no `serin dashboard`");
  }
  const page = await fetch(`http://127.0.0.1:${ports.dashboard}/`);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<title>[^<]*Serin/i);
}

/** Grafana's image is there only where somebody's engine has it or can fetch it. */
function grafanaIfThere(engine: Engine): Service[] {
  return engine.isOwn ? [] : ["grafana"];
}

async function grafanaAnswers(t: TestContext, { engine, ports }: Scene): Promise<string | void> {
  if (grafanaIfThere(engine).length === 0) {
    return notRun(t, GRAFANA_TEST, "Debian has no package of Grafana to make a stand-in from");
  }
  const at = `http://127.0.0.1:${ports.grafana}/api`;
  const query = `${at}/datasources/proxy/uid/prometheus/api/v1/query?query=serin_rollout_rq_total`;
  const answer = (await (await fetch(query)).json()) as { status: string };
  assert.equal(answer.status, "success");
  const dashboards = (await (await fetch(`${at}/search?type=dash-db`)).json()) as unknown[];
  if (existsSync(join(ROOT, "envoy/observability")))
    assert.ok(dashboards.length > 0, "no dashboard was loaded");
}

function notRun(t: TestContext, title: string, why: string): string {
  say(`NOT RUN: ${title}: ${why}`);
  t.skip(why);
  return NOT_RUN;
}
