// The dashboard's server: what it serves, whom it refuses, and what it says while an admin comes and goes.

import assert from "node:assert/strict";
import { request } from "node:http";
import { after, afterEach, before, describe, test } from "node:test";

import { CommandError } from "../../tools/terminal/command-error.ts";
import { loadAssets } from "../../tools/dashboard/assets.ts";
import { EVENTS_PATH, startServer, type DashboardServer } from "../../tools/dashboard/server.ts";
import { Watch } from "../../tools/dashboard/watch.ts";
import { EnvoySource } from "../../tools/metrics/envoy-source.ts";
import { openEvents, type EventStream } from "./event-stream.ts";
import { startFakeAdmin, type FakeServer } from "../support/fake-admin.ts";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Byte for byte: `fetch` would tidy the path and set the host. */
function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on("error", reject).end();
  });
}

/** The status of the event stream's answer, which is not read to its end. */
function statusOfEvents(port: number, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path: EVENTS_PATH, headers, agent: false };
    const sent = request(options, (response) => {
      response.on("error", () => undefined);
      resolve(response.statusCode ?? 0);
      sent.destroy();
    });
    sent.on("error", reject).end();
  });
}

/** What a browser says in a request of the dashboard's own page; no script of a page can set this header. */
const OWN_PAGE = { "sec-fetch-site": "same-origin" };

/** What a variant of `checkout` has counted. */
function counted(variant: string, share: number, total: number, errors: number): [string, number][] {
  const leaves = { share, rq_total: total, rq_5xx: errors, rq_2xx: total - errors, rq_active: 1 };
  return Object.entries(leaves).map(([leaf, value]) => [`serin.rollout.checkout.${variant}.${leaf}`, value]);
}

const values = Object.fromEntries([
  ...counted("stable", 80_000, 800, 4),
  ...counted("canary", 20_000, 200, 1),
]);
const policy = {
  rollouts: { checkout: { default: "stable", variants: { stable: {}, canary: { percent: 20 } } } },
};

describe("the server", () => {
  const ending = new AbortController();
  let admin: FakeServer;
  let watch: Watch;
  let server: DashboardServer;
  let running: Promise<void>;

  before(async () => {
    admin = await startFakeAdmin({ values, policy, uptime: 60 });
    const options = { pauseMs: 50, isOneProcess: true, names: new Set<string>(), tickMs: 100 };
    watch = new Watch([new EnvoySource([admin.url])], options);
    server = await startServer(watch, await loadAssets(), 0);
    running = watch.run(ending.signal);
  });
  /** A test that fails must not leave its stream open to the next, which counts them. */
  let opened: EventStream[] = [];
  const open = (headers: Readonly<Record<string, string>> = {}): EventStream => {
    const events = openEvents(server.url, headers);
    opened.push(events);
    return events;
  };
  afterEach(async () => {
    for (const events of opened) events.close();
    await Promise.all(opened.map(({ ended }) => ended));
    opened = [];
  });
  after(async () => {
    ending.abort();
    await running;
    await server.close();
    await admin.stop();
  });

  test("serves the page and its files, with headers that let nothing else in", async () => {
    const types = {
      "/": "text/html",
      "/page.js": "text/javascript",
      "/page.css": "text/css",
      "/icon.svg": "image/svg+xml",
      "/?from=a-bookmark": "text/html",
    };
    for (const [path, type] of Object.entries(types)) {
      const { status, headers, body } = await ask(server.port, path);
      assert.equal(status, 200, path);
      assert.match(String(headers["content-type"]), new RegExp(`^${type.replace("+", "\\+")}`), path);
      assert.ok(body.length > 100, path);
      const policy = String(headers["content-security-policy"]);
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
      assert.doesNotMatch(policy, /unsafe|https?:|\*/);
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["cross-origin-resource-policy"], "same-origin");
      assert.equal(headers["access-control-allow-origin"], undefined);
    }
  });

  test("the licence of what is bundled is in the script", async () => {
    const { body } = await ask(server.port, "/page.js");
    assert.match(body, /The MIT License[\s\S]*Leon Sorokin/);
  });

  test("nothing but its own files: no folders, no way up", async () => {
    const paths = [
      "/page",
      "/.",
      "/page/",
      "/../package.json",
      "/%2e%2e/package.json",
      "//page.js",
      "/index.html",
    ];
    for (const path of [...paths, "/main.ts", "/__proto__", "/events/"]) {
      assert.equal((await ask(server.port, path)).status, 404, path);
    }
  });

  test("only GET", async () => {
    for (const method of ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"]) {
      const { status, headers } = await ask(server.port, "/", {}, method);
      assert.equal(status, 405, method);
      assert.equal(headers["allow"], "GET");
    }
  });

  test("refuses other hosts' names, by which a site could reach it", async () => {
    for (const host of [
      "evil.example",
      "127.0.0.1.evil.example",
      "localhost.evil.example:80",
      "127.0.0.2",
      "::1",
    ]) {
      for (const path of ["/", "/events"]) {
        assert.equal((await ask(server.port, path, { host })).status, 403, host);
      }
    }
    // By another port it is who came through a tunnel.
    for (const host of ["localhost", "LOCALHOST:8080", `127.0.0.1:${server.port}`, "[::1]:80"]) {
      assert.equal((await ask(server.port, "/", { host })).status, 200, host);
    }
  });

  test("listens on loopback alone", async () => {
    assert.equal(server.url, `http://127.0.0.1:${server.port}/`);
    await assert.rejects(
      new Promise((resolve, reject) => {
        request({ host: "127.0.0.2", port: server.port }, resolve).on("error", reject).end();
      }),
      /ECONNREFUSED/,
    );
  });

  test("a port that is taken is said", async () => {
    await assert.rejects(startServer(watch, new Map(), server.port), (error) => {
      assert.ok(error instanceof CommandError);
      assert.match(error.message, /is taken by another program: --port names another/);
      return true;
    });
  });

  test("on another address it answers to loopback names all the same, and to no other", async () => {
    const other = await startServer(watch, await loadAssets(), 0, "127.0.0.2");
    const statusFor = (host: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const asked = request({ host: "127.0.0.2", port: other.port, headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        asked.on("error", reject).end();
      });
    try {
      assert.equal(await statusFor("localhost"), 200);
      assert.equal(await statusFor("dashboard.example.com"), 403);
    } finally {
      await other.close();
    }
  });

  test("tells figures, the verdict and points", async () => {
    const events = open();
    const { ranges } = await events.history;
    assert.deepEqual(
      ranges.map(({ name }) => name),
      ["5m", "1h", "24h"],
    );
    const { rollouts } = await events.until((state) => state.rollouts.length > 0);
    const [checkout] = rollouts;
    assert.equal(checkout?.name, "checkout");
    assert.equal(checkout.baseline, "stable");
    assert.equal(checkout.decision, "inconclusive");
    assert.equal(checkout.countedFrom, "counters");
    const [stable, canary] = checkout.variants;
    assert.deepEqual(
      [stable?.name, stable?.asked, stable?.seen, stable?.requests, stable?.errors, stable?.active],
      ["stable", 0.8, 0.8, 800, 4, 1],
    );
    assert.equal(canary?.errorRate?.value, 0.005);
    assert.ok(canary.errorRate.lower < 0.005 && canary.errorRate.upper > 0.005);
    // A rate needs a total to begin from, which is kept at the end of a step: what comes before it is nobody's.
    await events.until(({ points }) => points["5m"]?.rollouts["checkout"] !== undefined);
    Object.assign(values, Object.fromEntries(counted("canary", 20_000, 300, 51)));
    const seen = await events.until(
      ({ points }) => (points["5m"]?.rollouts["checkout"]?.["canary"]?.rate ?? 0) > 0,
    );
    // What was counted before the first look is no traffic of now.
    const point = seen.points["5m"]?.rollouts["checkout"];
    assert.equal(point?.["canary"]?.errorRate?.value, 0.5);
    assert.equal(point?.["stable"]?.rate, 0);
    assert.equal(point?.["canary"].seen, 1);
  });

  test("says that an admin does not answer, and goes on when it does", async () => {
    const events = open();
    admin.status = 503;
    const silent = await events.until(({ endpoints }) => endpoints[0]?.failure !== null);
    assert.match(silent.endpoints[0]?.failure ?? "", /status 503/);
    assert.ok(silent.rollouts.length > 0, "the last figures stay");
    admin.status = 200;
    const again = await events.until(({ endpoints }) => endpoints[0]?.failure === null);
    assert.ok((again.endpoints[0]?.since ?? 0) >= (silent.endpoints[0]?.since ?? 0));
  });

  test("so many tabs and no more", async () => {
    const tabs = Array.from({ length: 16 }, () => open(OWN_PAGE));
    await Promise.all(tabs.map(({ history }) => history));
    for (const who of [{}, OWN_PAGE]) {
      const { status, headers } = await ask(server.port, "/events", who);
      assert.equal(status, 503);
      assert.equal(headers["retry-after"], "10");
    }
    for (const events of tabs) events.close();
    await Promise.all(tabs.map(({ ended }) => ended));
  });

  test("a page of another origin gets no place of the event stream", async () => {
    const own = `127.0.0.1:${server.port}`;
    const elsewhere: Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `http://${own}.evil.example` },
      // Another program's page on this machine, by another port or another name.
      { origin: "http://127.0.0.1:1" },
      { origin: `http://localhost:${server.port}` },
      // An image, a frame or a fetch without CORS has no Origin.
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: `http://${own}`, "sec-fetch-site": "cross-site" },
      { origin: "https://evil.example", "sec-fetch-site": "same-origin" },
    ];
    for (const headers of elsewhere) {
      assert.equal(await statusOfEvents(server.port, headers), 403, JSON.stringify(headers));
    }
    const welcome: Record<string, string>[] = [
      OWN_PAGE,
      { origin: `http://${own}` },
      { "sec-fetch-site": "none" },
      {},
    ];
    for (const headers of welcome) {
      assert.equal(await statusOfEvents(server.port, headers), 200, JSON.stringify(headers));
    }
    // By a link from anywhere the page itself opens.
    assert.equal((await ask(server.port, "/", { "sec-fetch-site": "cross-site" })).status, 200);
  });

  test("the dashboard's own page comes before clients that do not say who they are", async () => {
    const earliest = [open(), open()];
    await Promise.all(earliest.map(({ history }) => history));
    const others = [...earliest, ...Array.from({ length: 14 }, () => open())];
    await Promise.all(others.map(({ history }) => history));
    const left = new Set(others);
    for (const events of others) void events.ended.then(() => left.delete(events));
    assert.equal(await statusOfEvents(server.port, {}), 503);
    const tabs = [open(OWN_PAGE), open({ origin: `http://127.0.0.1:${server.port}` })];
    await Promise.all(tabs.map(({ history }) => history));
    await Promise.all(earliest.map(({ ended }) => ended));
    assert.equal(left.size, 14, "each took one place, the oldest");
    assert.equal(await statusOfEvents(server.port, {}), 503);
  });

  test("ends its streams when it ends", async () => {
    const other = await startServer(watch, new Map(), 0);
    const events = openEvents(other.url);
    await events.history;
    await other.close();
    await events.ended;
  });
});
