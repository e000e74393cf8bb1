// The demo's inside on a real Envoy: edits of the policy file, the commands to try by hand, planted faults.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, describe, it } from "node:test";

import pc from "picocolors";

import { runDemo } from "../../tools/demo/demo.ts";
import { readOptions, type DemoOptions } from "../../tools/demo/options.ts";
import { Screen } from "../../tools/terminal/screen.ts";
import { startServices } from "../../tools/demo/services.ts";
import { Session } from "../../tools/demo/session.ts";
import { shadowCountsOf } from "../../tools/demo/shadow-counts.ts";
import { shadowLines } from "../../tools/demo/shadow-table.ts";
import { setUp, type Stage } from "../../tools/demo/stage.ts";
import { countsOf } from "../../tools/demo/envoy-counts.ts";
import { ensureEnvoy, EnvoyError, freePort, waitUntil } from "../../tools/envoy/index.ts";

const DEADLINE_MS = 30_000;
/** At once, on a machine that runs other tests beside. */
const EDIT_DEADLINE_MS = 5000;

interface CheckoutAnswer {
  readonly service: string;
  readonly visitor: string;
  readonly serin: string;
  readonly time: string;
}

async function makeOptions(): Promise<DemoOptions> {
  const ports = { PORT: String(await freePort()), ADMIN_PORT: String(await freePort()) };
  return readOptions({ ...ports, ONCE: "1", ENVOY: await ensureEnvoy() }, false);
}

describe("while visitors come", () => {
  const ending = new AbortController();
  let stage: Stage;
  let session: Session;
  let origin: string;
  let running: Promise<unknown>;

  before(async () => {
    const options = await makeOptions();
    origin = `http://127.0.0.1:${options.port}`;
    stage = await setUp(options, {}, ending.signal, () => undefined);
    session = new Session(stage.envoy, stage.policyFile, stage.policy);
    running = Promise.all([
      session.receiveVisitors(origin, null, ending.signal),
      session.followPolicy(ending.signal),
    ]);
  });
  after(async () => {
    ending.abort();
    await running;
    await stage.takeDown();
    assert.equal(existsSync(stage.policyFile.folder), false);
    assert.equal(existsSync(stage.envoy.folder), false);
  });

  const edit = (from: string, to: string): void => {
    const text = readFileSync(stage.policyFile.path, "utf8");
    assert.ok(text.includes(from), text);
    writeFileSync(stage.policyFile.path, text.replace(from, to));
  };
  const shareOf = async (): Promise<number> =>
    countsOf((await session.figures()).counts, "checkout", "canary").share;
  const visitors = async (count: number): Promise<void> =>
    waitUntil("visitors", DEADLINE_MS, () => session.visits >= count);

  it("the example policy serves", async () => {
    await visitors(100);
    assert.equal(await shareOf(), 20_000);
    assert.equal(session.edited, false);
  });

  it("an edit takes effect at once, fails nobody, and moves users one way", async () => {
    await visitors(600);
    edit("percent: 20,", "percent: 40,");
    await waitUntil("the edit", EDIT_DEADLINE_MS, () => session.edited);
    assert.equal(await shareOf(), 40_000);
    await visitors(400);
    const { tally, counts, before: then } = await session.figures();
    assert.deepEqual(
      [tally.failed, tally.differing, tally.inconstant],
      [0, 0, 0],
      tally.firstDifference ?? "",
    );
    assert.deepEqual(
      tally.moves().map(({ rollout, from, to }) => `${rollout} ${from} ${to}`),
      ["checkout stable canary"],
    );
    const { requests } = countsOf(counts, "checkout", "canary", then);
    assert.ok(requests > 20 && requests < 400, `${requests} since the edit`);
  });

  it("the shadow's share follows an edit, and so do the places where its answers differ", async () => {
    edit("percent: 10", "percent: 100");
    await waitUntil("the edit", EDIT_DEADLINE_MS, () => session.policy.shadows[0]?.percent === 100);
    await visitors(200);
    await waitUntil("the planted difference", EDIT_DEADLINE_MS, async () =>
      (await session.figures()).places.of("checkout-v3").includes("/cart/total"),
    );
    const { counts, before: then, places } = await session.figures();
    const { sent, overBudget } = shadowCountsOf(counts, "checkout-v3", then);
    const requests = ["stable", "canary"].reduce(
      (sum, variant) => sum + countsOf(counts, "checkout", variant, then).requests,
      0,
    );
    // Envoy reads its counters one after the other, while requests come.
    assert.ok(Math.abs(sent + overBudget - requests) <= 10, `${sent} and ${overBudget} of ${requests}`);
    assert.deepEqual(places.of("checkout-v3"), ["/cart/total"]);
    edit("ignore: [/service, /serin, /time]", "ignore: [/service, /cart, /time]");
    await waitUntil("the next place", EDIT_DEADLINE_MS, async () =>
      (await session.figures()).places.of("checkout-v3").includes("/serin"),
    );
  });

  it("a shadow that mirrors is refused: the demo's routes do not", async () => {
    edit("    cluster: checkout-v3", "    dispatch: mirror\n    cluster: checkout-v3");
    await waitUntil("the refusal", EDIT_DEADLINE_MS, () =>
      /\/shadows\/checkout-v3\/dispatch: .* have no mirror policy/.test(session.notice?.lines.join() ?? ""),
    );
    edit("    dispatch: mirror\n", "");
    await waitUntil("the repair", EDIT_DEADLINE_MS, () => session.notice === null);
  });

  it("a shadow that is removed leaves nothing in the picture, and fails nobody", async () => {
    const good = readFileSync(stage.policyFile.path, "utf8");
    writeFileSync(stage.policyFile.path, good.replace(/^shadows:[^]*/m, ""));
    await waitUntil("the edit", EDIT_DEADLINE_MS, () => session.policy.shadows.length === 0);
    await visitors(100);
    const figures = await session.figures();
    assert.deepEqual(shadowLines(figures, 80, pc.createColors(false)), []);
    assert.deepEqual([figures.tally.failed, figures.tally.differing], [0, 0]);
    writeFileSync(stage.policyFile.path, good);
    await waitUntil("the shadow", EDIT_DEADLINE_MS, () => session.policy.shadows.length === 1);
  });

  it("a broken edit says where and keeps the last good policy; a repaired one takes the error away", async () => {
    edit("percent: 40,", "percnt: 40,");
    await waitUntil("the error", EDIT_DEADLINE_MS, () => session.notice !== null);
    const [line = ""] = session.notice?.lines ?? [];
    assert.equal(session.notice?.kind, "refused");
    assert.match(
      line,
      /policy\.yaml:\d+:\d+ \/rollouts\/checkout\/variants\/canary\/percnt: .*did you mean "percent"/,
    );
    assert.equal(await shareOf(), 40_000);
    edit("percnt: 40,", "percent: 40,");
    await waitUntil("the repair", EDIT_DEADLINE_MS, () => session.notice === null);
    edit("percent: 40,", "percent: 60,");
    await waitUntil("the next edit", EDIT_DEADLINE_MS, async () => (await shareOf()) === 60_000);
    await visitors(100);
    const { tally } = await session.figures();
    assert.deepEqual([tally.failed, tally.differing], [0, 0], tally.firstDifference ?? "");
  });

  it("what is no YAML is an error too", async () => {
    const good = readFileSync(stage.policyFile.path, "utf8");
    writeFileSync(stage.policyFile.path, "rollouts: [");
    await waitUntil("the error", EDIT_DEADLINE_MS, () => session.notice?.kind === "refused");
    writeFileSync(stage.policyFile.path, `steer: filterState\n${good}`);
    await waitUntil("the refusal", EDIT_DEADLINE_MS, () =>
      /routes match headers only/.test(session.notice?.lines.join() ?? ""),
    );
    writeFileSync(stage.policyFile.path, good);
    await waitUntil("the repair", EDIT_DEADLINE_MS, () => session.notice === null);
  });

  it("a file that is emptied or deleted is told, moves nobody, and is followed again when it is back", async () => {
    const { path, shownPath } = stage.policyFile;
    const good = readFileSync(path, "utf8");
    const share = await shareOf();
    const told = (line: string): Promise<void> =>
      waitUntil(line, EDIT_DEADLINE_MS, () => session.notice?.lines[0] === line);
    writeFileSync(path, "rollouts: [");
    await waitUntil("the error", EDIT_DEADLINE_MS, () => session.notice?.kind === "refused");
    rmSync(path);
    await told(`${shownPath} is missing`);
    assert.equal(session.notice?.kind, "absent");
    writeFileSync(path, "\n");
    await told(`${shownPath} is empty`);
    assert.equal(await shareOf(), share);
    writeFileSync(`${path}.new`, good);
    renameSync(`${path}.new`, path);
    await waitUntil("the repair", EDIT_DEADLINE_MS, () => session.notice === null);
    assert.equal(await shareOf(), share);
  });

  it("by hand: users keep a version, testers choose, forgers gain nothing", async () => {
    const ask = async (headers: Record<string, string>): Promise<CheckoutAnswer> =>
      (await (await fetch(`${origin}/checkout`, { headers })).json()) as CheckoutAnswer;
    const [alice] = await Promise.all([ask({ cookie: "uid=alice" }), ask({ cookie: "uid=bob" })]);
    assert.match(alice.service, /^(shop|checkout-v2)$/);
    assert.equal(alice.visitor, "uid=alice");
    const again = await ask({ cookie: "uid=alice" });
    assert.deepEqual({ ...again, time: "" }, { ...alice, time: "" });
    const tester = await ask({ "x-canary": "canary" });
    assert.deepEqual([tester.service, tester.serin], ["checkout-v2", "checkout=canary, cluster=checkout-v2"]);
    assert.equal((await ask({ "x-canary": "stable" })).service, "shop");
    const forged = await ask({ "x-serin-checkout": "canary", "x-serin-cluster": "checkout-v2" });
    assert.equal(forged.service, "shop");
    assert.match(forged.serin, /^nothing/);
  });
});

describe("the verdict", () => {
  it("is 1, with the reason, when Envoy's clusters lead to the wrong services", async () => {
    const output = new PassThrough();
    const start = async (): ReturnType<typeof startServices> => {
      const services = await startServices();
      const names = [...services.ports.keys()];
      const ports = [...services.ports.values()].reverse();
      return { ...services, ports: new Map(names.map((name, at) => [name, ports[at] ?? 0])) };
    };
    const status = await runDemo(await makeOptions(), new Screen(output), new AbortController().signal, {
      start,
    });
    const text = String(output.read());
    assert.equal(status, 1, text);
    assert.match(text, /^ failed: \d+ answers differ from `serin decide`, the first: user u-\d+ at /m);
    assert.match(text, /^ failed: checkout-v3: Envoy sent \d+ copies, the service got 0$/m);
    assert.doesNotMatch(text, /^ (passed|found)/m);
  });
});

describe("a machine without Python", () => {
  it("is told so in one line, and that ENVOY=path is another way", async () => {
    const folder = mkdtempSync(join(tmpdir(), "demo-test-"));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const options = { ...(await makeOptions()), envoy: null };
    const install = { folder, env: { PATH: folder } };
    await assert.rejects(
      runDemo(options, new Screen(new PassThrough()), new AbortController().signal, { install }),
      (error: Error) =>
        error instanceof EnvoyError && /^no python3 on the PATH: .*ENVOY=path$/.test(error.message),
    );
  });
});
