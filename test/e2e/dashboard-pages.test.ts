// Pages of the dashboard that a real Envoy would take long to fill: one rollout and thirty, names that are short and as long
// as they may be, at three widths, light and dark. Pictures of all of them are left in build/dashboard.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";

import type { Browser, Page } from "puppeteer-core";

import { loadAssets } from "../../tools/dashboard/assets.ts";
import { startServer, type DashboardServer } from "../../tools/dashboard/server.ts";
import { timesBetween } from "../../tools/dashboard/page/chart-options.ts";
import { Watch } from "../../tools/dashboard/watch.ts";
import { EnvoySource } from "../../tools/metrics/envoy-source.ts";
import { axeScript } from "./axe.ts";
import { openPage, startBrowser } from "./browser.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PICTURES = join(ROOT, "build/dashboard");
const WIDTHS = [1280, 768, 390] as const;
const HEIGHTS: Readonly<Record<number, number>> = { 1280: 900, 768: 1024, 390: 844 };

const SHORT = ["stable", "canary"];
const LONG = ["checkout-with-old-payment-1", "checkout-with-new-payment-2", "checkout-with-new-payment-3"];

interface Shown {
  readonly server: DashboardServer;
  readonly stop: () => Promise<void>;
}

/** What an Envoy's admin says of so many rollouts: each fifth fails, by 5xx, 404 or 302; the counts go on. */
function statsOf(rollouts: number, variants: readonly string[]): { name: string; value: number }[] {
  const stats: { name: string; value: number }[] = [];
  const age = (Date.now() - BEGAN) / 1000;
  for (let index = 0; index < rollouts; index++) {
    const prefix = `wasmcustom.serin.rollout.${nameOf(index, variants)}`;
    const put = (leaf: string, value: number): void => {
      stats.push({ name: `${prefix}.${leaf}`, value: Math.floor(value) });
    };
    const kinds = ["5xx", "4xx", "3xx"];
    // Of three, a guard has rolled the first back, has raised an alarm for the second and watches the third.
    if (rollouts === 3) put("canary.guard", 2 - index);
    const bad =
      index % 5 === 4 || rollouts === 1 || (rollouts === 3 && index < 2)
        ? (kinds[Math.floor(index / 5) % 3] ?? null)
        : null;
    put("evidence_period", 1);
    put("evidence_began", BEGAN / 1000 - 600);
    put("evidence_bits", 65_536);
    const part = 0.1;
    variants.forEach((variant, at) => {
      const share = at === 0 ? 1 - part * (variants.length - 1) : part;
      const requests = (20_000 + age * 200) * share;
      const broken = at > 0 && bad !== null ? requests * (bad === "5xx" ? 0.06 : 1) : 0;
      put(`${variant}.share`, share * 100_000);
      put(`${variant}.rq_total`, requests);
      for (const leaf of ["3xx", "4xx", "5xx"])
        put(`${variant}.rq_${leaf}`, bad === leaf ? broken : requests * 0.002);
      put(`${variant}.rq_2xx`, requests - broken - requests * 0.006);
      put(`${variant}.rq_active`, 3);
      if (at > 0) putUsers(put, variant, 1000, bad);
      // Whom it sends elsewhere may order there.
      if (at > 0) putGoals(put, variant, 1000, bad === null || bad === "3xx" ? 0.05 : 0.02);
    });
    put("control.share", 0.4 * 100_000);
    putUsers(put, "control", 4000, null);
    putGoals(put, "control", 4000, 0.05);
  }
  return stats;
}

function putUsers(
  put: (leaf: string, value: number) => void,
  side: string,
  users: number,
  bad: string | null,
): void {
  put(`${side}.users`, users);
  put(`${side}.users_error`, users * (bad === "5xx" ? 0.08 : 0.004));
  put(`${side}.users_4xx`, users * (bad === "4xx" ? 1 : 0.004));
  put(`${side}.users_3xx`, users * (bad === "3xx" ? 1 : 0.004));
  put(`${side}.users_ok`, bad === "4xx" ? 0 : users);
  for (const [ms, of] of [
    [25, 0.6],
    [100, 0.08],
    [1000, 0.004],
  ] as const) {
    put(`${side}.users_slow.${ms}`, users * of);
  }
}

const GOALS = ["orders", "sign-ups-of-the-new-newsletter-page"];

/** The first is reached by this part, the second by hardly anybody. */
function putGoals(
  put: (leaf: string, value: number) => void,
  side: string,
  users: number,
  part: number,
): void {
  GOALS.forEach((goal, index) =>
    put(`${side}.users_goal.${goal}`, index === 0 ? users * part : users / 1000),
  );
}

const BEGAN = Math.floor(Date.now() / 1000) * 1000;

function nameOf(index: number, variants: readonly string[]): string {
  return variants === LONG ? `team-checkout-experiment-${String(index).padStart(2, "0")}` : `page-${index}`;
}

/** The dashboard over an admin that has counted this. */
async function show(rollouts: number, variants: readonly string[]): Promise<Shown> {
  const policy = {
    goals: Object.fromEntries(GOALS.map((goal) => [goal, { match: [{ method: "POST" }] }])),
    rollouts: Object.fromEntries(
      Array.from({ length: rollouts }, (_, index) => [
        nameOf(index, variants),
        {
          default: variants[0],
          ...(rollouts === 3 ? { guard: {} } : {}),
          variants: Object.fromEntries(variants.map((name, at) => [name, at === 0 ? {} : { percent: 10 }])),
        },
      ]),
    ),
  };
  const admin = createServer((request, response) => {
    const url = request.url ?? "";
    const value = {
      "@type": "type.googleapis.com/google.protobuf.StringValue",
      value: JSON.stringify(policy),
    };
    response.end(
      JSON.stringify(
        url.startsWith("/server_info")
          ? { uptime_current_epoch: "900s" }
          : url.startsWith("/config_dump")
            ? { configs: [{ configuration: value }] }
            : { stats: [...statsOf(rollouts, variants), { histograms: { details: [] } }] },
      ),
    );
  });
  await new Promise<void>((done) => admin.listen(0, "127.0.0.1", done));
  const { port } = admin.address() as AddressInfo;
  const watch = new Watch([new EnvoySource([`http://127.0.0.1:${port}`])], {
    ...{ pauseMs: 500, isOneProcess: true, names: new Set<string>() },
  });
  const ending = new AbortController();
  const running = watch.run(ending.signal);
  const server = await startServer(watch, await loadAssets(), 0);
  return {
    server,
    async stop() {
      ending.abort();
      await running;
      await server.close();
      admin.closeAllConnections();
      await new Promise((done) => admin.close(done));
    },
  };
}

const PAGES = [
  ["1-short", 1, SHORT],
  ["1-long", 1, LONG],
  ["3-guards", 3, SHORT],
  ["30-short", 30, SHORT],
  ["30-long", 30, LONG],
] as const;

describe("pages of the dashboard", () => {
  let browser: Browser;
  const pages = new Map<string, Shown>();
  before(async () => {
    mkdirSync(PICTURES, { recursive: true });
    browser = await startBrowser();
    for (const [name, rollouts, variants] of PAGES) pages.set(name, await show(rollouts, variants));
  });
  after(async () => {
    await browser?.close();
    for (const { stop } of pages.values()) await stop();
  });

  const look = async (
    name: string,
    width: number,
    scheme: "light" | "dark",
    see: (page: Page) => Promise<void>,
  ): Promise<void> => {
    const { page, complaints } = await openPage(browser, { width, scheme });
    await page.setViewport({ width, height: HEIGHTS[width] ?? 900 });
    await page.goto(pages.get(name)?.server.url ?? "");
    await page.waitForSelector("section.card");
    await page.waitForFunction(() => document.querySelector(".verdict[data-decision]") !== null);
    await see(page);
    assert.deepEqual(complaints, []);
    await page.close();
  };

  for (const [name, rollouts] of PAGES) {
    test(`${name}: nothing is cut or wider than the page, axe-core finds nothing, pictures are left`, async () => {
      const axe = await axeScript();
      for (const width of WIDTHS) {
        for (const scheme of ["light", "dark"] as const) {
          await look(name, width, scheme, async (page) => {
            const screen = HEIGHTS[width] ?? 900;
            const height = await page.evaluate(() => document.documentElement.scrollHeight);
            if (rollouts >= 4) {
              assert.ok(height <= 3 * screen, `${width}: ${(height / screen).toFixed(1)} screens tall`);
            }
            await page.setViewport({ width, height });
            await new Promise((done) => setTimeout(done, 1500));
            await page.screenshot({ path: join(PICTURES, `${name}-${width}-${scheme}.png`) });
            const faults = await page.evaluate(() => ({
              width: document.documentElement.scrollWidth - document.documentElement.clientWidth,
              cut: Array.from(document.querySelectorAll("section details[open] .table, section p, figure"))
                .filter((one) => one.scrollWidth > one.clientWidth + 1)
                .map((one) => one.className || one.tagName),
            }));
            assert.deepEqual(faults, { width: 0, cut: [] }, `${width} ${scheme}`);
            // The page's policy lets no script in but its own; this one comes by the debugger.
            await page.evaluate(axe);
            const violations = await page.evaluate(async () => {
              const { axe: checker } = window as unknown as {
                axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
              };
              const found = await checker.run();
              return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
            });
            assert.deepEqual(violations, [], `${width} ${scheme}`);
          });
        }
      }
    });
  }

  test("thirty rollouts have an index, failing ones stand first, and a link unfolds", () =>
    look("30-short", 1280, "light", async (page) => {
      const words = await page.$$eval("#rollouts .verdict", (all) => all.map((one) => one.textContent));
      assert.equal(words.length, 30);
      const order = ["fail", "inconclusive", "pass"];
      assert.deepEqual(
        words,
        [...words].sort((a, b) => order.indexOf(a ?? "") - order.indexOf(b ?? "")),
      );
      // By 5xx and by 404 they fail; 302 is for a person to decide.
      assert.equal(words.filter((word) => word === "fail").length, 4);
      assert.equal((await page.$$("#index a")).length, 30);
      assert.equal((await page.$$("#rollouts details[open] > summary h2")).length, 1);
      await page.click("#index li:last-child a");
      await page.waitForFunction(
        () => document.querySelectorAll("#rollouts > section > details[open]").length === 2,
      );
    }));

  test("what a guard has done stands beside the verdict, on the variant and in words", () =>
    look("3-guards", 1280, "light", async (page) => {
      const badges = await page.$$eval("summary .guard", (all) => all.map((one) => one.textContent));
      assert.deepEqual(badges, ["guard: rolled back", "guard: alarm", "guard: watching"]);
      const tags = await page.$$eval("thead th small", (all) => all.map((one) => one.textContent));
      assert.ok(tags.includes("rolled back") && tags.includes("fail, guard: alarm"), tags.join("; "));
      const text = (await page.$eval("#rollouts", (one) => one.textContent)) ?? "";
      assert.match(
        text,
        /the guard has rolled canary back\s*Its users get the default until the rollout's epoch/,
      );
      assert.match(text, /the guard has given an alarm/);
    }));

  test("a canary that answers 404 or 302 to everybody says so in its figures", () =>
    look("30-short", 1280, "light", async (page) => {
      const texts = await page.$$eval("section.card", (all) => all.map((one) => one.textContent ?? ""));
      assert.ok(texts.some((text) => /^rolloutpage-9fail.*(4xx|fewer)/.test(text)));
      assert.ok(texts.some((text) => /^rolloutpage-14inconclusive.*3xx/.test(text)));
    }));

  test("charts have a legend, and a key where lines have several styles", () =>
    look("1-short", 390, "light", async (page) => {
      await page.$eval("figure", (one) => one.scrollIntoView());
      await page.waitForSelector(".plot canvas");
      await page.waitForFunction(() => document.querySelectorAll("figure .legend li").length >= 2);
      assert.equal((await page.$$(".key")).length, 2 + 2 + 3);
    }));

  test("a time scale has three labels at least, which do not overlap, however long it is", () => {
    for (const seconds of [60, 75, 300, 3600, 5000, 86_400]) {
      for (const width of [190, 260, 420, 900]) {
        const times = timesBetween(1_764_000_007, 1_764_000_007 + seconds, width);
        assert.ok(times.length >= 3, `${seconds} s, ${width} px: ${times.length}`);
        // In pixels: 08:46:20, and where no label has seconds 08:46.
        const label = times.every((at) => at % 60 === 0) ? 36 : 46;
        assert.ok(times.length * label <= width, `${seconds} s, ${width} px: ${times.length}`);
      }
    }
  });

  test("prints", () =>
    look("1-long", 1280, "dark", async (page) => {
      const pdf = await page.pdf({ path: join(PICTURES, "1-long.pdf"), format: "A4" });
      assert.ok(pdf.length > 10_000);
    }));
});
