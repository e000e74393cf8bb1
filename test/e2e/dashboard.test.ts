// `serin dashboard` in front of a real Envoy, looked at by a real browser.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";

import type { Browser, Page } from "puppeteer-core";

import { waitUntil } from "../../tools/envoy/index.ts";
import { openPage, startBrowser, type Watched } from "./browser.ts";
import { startShop, visit } from "./dashboard-stage.ts";
import { settledStats, type BareProxy } from "../support/envoy/proxy.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PICTURES = join(ROOT, "build/dashboard");
const WATCHED_MS = 25_000;

/** What a person reads of one table: rows by title, a text for each column. */
type Table = Readonly<Record<string, readonly string[]>>;

describe("serin dashboard", () => {
  let shop: BareProxy;
  let browser: Browser;
  let command: ChildProcess;
  let url = "";
  let sent: ReadonlyMap<string, number>;
  const open: Watched[] = [];

  before(async () => {
    mkdirSync(PICTURES, { recursive: true });
    [shop, browser] = await Promise.all([startShop(), startBrowser()]);
    // As it is packed: what the build made of the page, or the page's source would be tested alone.
    const parameters = ["build/cli/cli.js", "dashboard", "--admin", shop.admin.url, "--port", "0"];
    command = spawn(process.execPath, parameters, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
    url = await new Promise<string>((found, failed) => {
      command.once("exit", () => failed(new Error("serin dashboard has ended")));
      command.stdout?.once("data", (line: Buffer) => found(line.toString().split(" ")[0] ?? ""));
    });
    const leaving = new AbortController();
    setTimeout(() => leaving.abort(), WATCHED_MS);
    sent = await visit(shop.port, 80, leaving.signal);
  });
  after(async () => {
    command.kill("SIGKILL");
    await browser.close();
    await shop.stop();
  });

  /** One after the other: a browser holds six connections to one server, and each page keeps one. */
  const look = async (
    width: number,
    scheme: "light" | "dark",
    see: (page: Page) => Promise<void>,
  ): Promise<void> => {
    const watched = await openPage(browser, { width, scheme });
    open.push(watched);
    await watched.page.goto(url);
    // Charts that are out of sight are not drawn yet.
    await watched.page.waitForSelector("section .facts tbody td");
    await see(watched.page);
    await watched.page.close();
  };

  test("numbers are those that Envoy's admin has", () =>
    look(1440, "light", async (page) => {
      const stats = await settledStats(shop.admin, "checkout");
      const [stable, canary] = ["stable", "canary"].map((variant) => ({
        requests: stats.sum("checkout", "rq_total", variant),
        errors: stats.sum("checkout", "rq_5xx", variant) + stats.sum("checkout", "rq_reset", variant),
      }));
      assert.ok(stable && canary);
      assert.equal(stable.requests + canary.requests, sent.get("/checkout"));
      let table: Table = {};
      const english = (value: number): string => value.toLocaleString("en-US");
      const all = [english(stable.requests), english(canary.requests)];
      // The page is a second or two behind, more on a busy machine.
      await waitUntil("the last requests on the page", 20_000, async () => {
        table = await tableOf(page, "rollout-checkout");
        const isOver = table["In flight"]?.every((text) => text === "0") ?? false;
        return isOver && table["Requests"]?.slice(0, 2).join() === all.join();
      });
      assert.deepEqual(table["Requests"]?.slice(0, 2), all);
      assert.deepEqual(table["Errors"], [english(stable.errors), english(canary.errors)]);
      assert.deepEqual(table["Target share"], ["80%", "20%"]);
      const seen = (canary.requests / (stable.requests + canary.requests)) * 100;
      assert.equal(table["Actual share"]?.[1], `${seen.toFixed(1)}%`);

      const shadow = await shop.admin.stats("^wasmcustom\\.serin\\.shadow\\.checkout-v3\\.");
      const copies = await tableOf(page, "shadow-checkout-v3");
      for (const [title, leaf] of [
        ["sent", "sent"],
        ["match", "match"],
        ["status mismatch", "mismatch_status"],
      ] as const) {
        const count = shadow.get(`wasmcustom.serin.shadow.checkout-v3.${leaf}`) ?? 0;
        assert.ok(count > 0, leaf);
        assert.equal(copies[title]?.[0], english(count), title);
      }
    }));

  test("the verdict is the one of serin report", () =>
    look(1440, "light", async (page) => {
      const { verdict, reason } = await reported(shop.admin.url, "checkout");
      const shown = (): Promise<string | null> => page.$eval("section .reason", (line) => line.textContent);
      await waitUntil("the report's reason on the page", 20_000, async () => (await shown()) === reason);
      assert.equal(await page.$eval("#rollout-checkout ~ .verdict", (badge) => badge.textContent), verdict);
    }));

  test("has a chart of each kind, with a name that says what is in it", () =>
    look(1440, "light", async (page) => {
      const names = await page.$$eval("section .plot", (all) =>
        all.map((one) => one.getAttribute("aria-label")),
      );
      const titles = names.map((name) => name?.split(".")[0]);
      const ofRollout = [
        ...["Share of requests", "Error rate", "4xx and 3xx"],
        ...["Latency", "Requests a second", "In flight"],
      ];
      assert.deepEqual(titles.slice(0, 12), [...ofRollout, ...ofRollout]);
      await page.$eval("#shadow-checkout-v3", (heading) => heading.scrollIntoView());
      await page.waitForFunction(() => document.querySelectorAll(".plot canvas").length === 15);
      assert.deepEqual(titles.slice(12), ["Copies a second", "Mismatches", "Latency"]);
      const isDrawn = await page.$$eval(".plot canvas", (all) =>
        all.map((canvas) => {
          const { width, height } = canvas;
          const pixels = canvas.getContext("2d")?.getImageData(0, 0, width, height).data;
          // Lines and marks: pixels that are neither white nor grey.
          let colored = 0;
          for (let at = 0; pixels && at < pixels.length; at += 4) {
            const [r = 0, , b = 0, a = 0] = pixels.subarray(at, at + 4);
            if (a > 128 && Math.abs(r - b) > 60) colored++;
          }
          return colored > 20;
        }),
      );
      assert.deepEqual(
        isDrawn,
        isDrawn.map(() => true),
      );
    }));

  test("other ranges are chosen by keyboard", () =>
    look(1440, "light", async (page) => {
      await page.focus("input[name=range]");
      await page.keyboard.press("ArrowRight");
      await page.waitForFunction(() =>
        document.getElementById("window")?.textContent?.includes("60 s before"),
      );
    }));

  test("is readable on a phone: nothing is wider than the screen", () =>
    look(360, "light", async (page) => {
      const wide = await page.evaluate(() => ({
        page: document.documentElement.scrollWidth,
        cut: Array.from(document.querySelectorAll("section .table, section p, section figure"))
          .filter((one) => one.scrollWidth > one.clientWidth + 1)
          .map((one) => one.className),
      }));
      assert.deepEqual(wide, { page: 360, cut: [] });
    }));

  test("looks as it should: pictures in build/dashboard", async () => {
    for (const [width, scheme] of [
      [1440, "light"],
      [1440, "dark"],
      [360, "light"],
      [360, "dark"],
    ] as const) {
      await look(width, scheme, async (page) => {
        // Charts that nobody sees are not drawn: the window is as high as the page.
        const height = await page.evaluate(() => document.documentElement.scrollHeight);
        await page.setViewport({ width, height });
        await page.waitForFunction(() => document.querySelectorAll(".plot canvas").length === 15);
        await page.screenshot({ path: join(PICTURES, `${width}-${scheme}.png`) });
        const paper = await page.$eval("html", (root) => getComputedStyle(root).backgroundColor);
        assert.equal(paper, scheme === "light" ? "rgb(246, 246, 243)" : "rgb(18, 20, 23)");
      });
    }
  });

  test("says that Envoy does not answer, keeps the figures, and that it has ended itself", async () => {
    const { page, complaints } = await openPage(browser, { width: 1440, scheme: "light" });
    await page.goto(url);
    await page.waitForSelector(".plot canvas");
    process.kill(shop.envoy.pid, "SIGSTOP");
    try {
      const says = (words: string): Promise<unknown> =>
        page.waitForFunction(
          (text: string) => document.getElementById("trouble")?.textContent?.includes(text),
          { timeout: 30_000 },
          words,
        );
      await says("is unreachable since");
      assert.notEqual((await tableOf(page, "rollout-checkout"))["Requests"]?.[0], "0");
      process.kill(shop.envoy.pid, "SIGCONT");
      await page.waitForFunction(() => document.getElementById("trouble")?.hidden, { timeout: 30_000 });
      assert.deepEqual(complaints, []);
      const ended = new Promise<number | null>((done) => command.once("exit", (status) => done(status)));
      command.kill("SIGINT");
      assert.equal(await ended, 0, "Ctrl-C ends it cleanly");
      await says("serin dashboard has ended or cannot be reached");
    } finally {
      process.kill(shop.envoy.pid, "SIGCONT");
      await page.close();
    }
  });

  test("no page complained before that, and none asked for anything elsewhere", async () => {
    assert.ok(open.length >= 8);
    for (const { complaints, requests } of open) {
      // The stream that the last test's Ctrl-C cut is no complaint.
      assert.deepEqual(
        complaints.filter((text) => !/\/events|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED/.test(text)),
        [],
      );
      assert.ok(requests.length >= 4);
      assert.deepEqual(
        requests.filter((one) => !one.startsWith(url)),
        [],
      );
    }
  });
});

async function tableOf(page: Page, heading: string): Promise<Table> {
  return page.$eval(
    `section[aria-labelledby="${heading}"] .facts`,
    (facts, name) => {
      const rows: Record<string, string[]> = {};
      // The last table of a rollout is that of its requests.
      const [first, last = first] = Array.from(facts.querySelectorAll("table"));
      const table = name.startsWith("rollout-") ? last : first;
      for (const row of Array.from(table?.querySelectorAll("tbody tr") ?? [])) {
        const title = row.querySelector("th[scope=row]")?.textContent;
        if (!title) continue;
        const cells = Array.from(row.querySelectorAll("td span")).map((cell) => cell.textContent ?? "");
        rows[title] = [...(rows[title] ?? []), ...cells];
      }
      return rows;
    },
    heading,
  );
}

async function reported(admin: string, rollout: string): Promise<{ verdict: string; reason: string }> {
  const parameters = ["build/cli/cli.js", "report", "--admin", admin, "--json"];
  const child = spawn(process.execPath, parameters, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  await new Promise((done) => child.once("close", done));
  const { rollouts } = JSON.parse(text) as { rollouts: Record<string, { verdict: string; reason: string }> };
  return rollouts[rollout] ?? assert.fail(text);
}
