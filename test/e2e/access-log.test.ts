// `observe: { filterState: true }`: a line of the access log says what was decided, in both ways to steer, and costs the
// request nothing that it would show: the upstream sees the same headers, the route is the same.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";

import { waitUntil } from "../../tools/envoy/index.ts";
import type { Echo } from "../upstream/answer.ts";
import { fromBothEnds, position, variantOf, type Part } from "../support/assignment.ts";
import { startProxy, type Proxy } from "../support/envoy/proxy.ts";
import { STEERING_ROUTES } from "./steering-routes.ts";
import { EVERY_ENVOY } from "../support/envoy/versions.ts";
import { exchange, lastRequest, parseResponse } from "../support/envoy/wire.ts";

const REQUESTS = 240;
const FORMAT = "%REQ(x-number)% %RESPONSE_CODE% %FILTER_STATE(wasm.serin_decision:PLAIN)%";

const CHECKOUT: Part[] = [{ variant: "canary", begin: 0, end: position(40) }];
const LUCKY: Part[] = fromBothEnds(["1st", 30], ["2nd", 30]);

function policy(steer: string, filterState: boolean): object {
  return {
    steer,
    observe: { filterState },
    identity: [{ cookie: "uid" }],
    rollouts: {
      checkout: {
        match: [{ path: { value: "/checkout" } }],
        default: "stable",
        variants: { stable: {}, canary: { percent: 40 } },
        force: { header: "x-force" },
      },
      // Neither a key nor a token may begin with a digit: `*9-lives="1st"`.
      "9-lives": { default: "none", variants: { none: {}, "1st": { percent: 30 }, "2nd": { percent: 30 } } },
      paused: {
        state: "DISABLED",
        match: [{ path: { value: "/checkout" } }],
        default: "old",
        variants: { old: {}, new: { percent: 50 } },
      },
    },
    flags: {
      dark: {
        state: "ENABLED",
        variants: { on: true, off: false },
        defaultVariant: "off",
        metadata: { "serin.expose": true },
        targeting: { if: [{ "==": [{ var: "cookies.theme" }, "dark"] }, "on", "off"] },
      },
    },
  };
}

interface Visit {
  readonly path: string;
  readonly user: string | null;
  readonly force: string | null;
  readonly theme: string | null;
}

const VISITS: readonly Visit[] = Array.from({ length: REQUESTS }, (_, i) => ({
  path: i % 3 === 0 ? "/search" : "/checkout/cart",
  user: i % 5 === 0 ? null : `user-${i}`,
  force: i % 7 === 0 ? "canary" : i % 11 === 0 ? "neither" : null,
  theme: i % 2 === 0 ? "dark" : null,
}));

/** The line as docs/observability.md has it. */
function expected({ path, user, force, theme }: Visit): string {
  const members: string[] = [];
  if (path !== "/search") {
    if (force === "canary") members.push("checkout=canary;reason=TARGETING_MATCH");
    else if (user === null) members.push("checkout=stable;reason=DEFAULT");
    else members.push(`checkout=${variantOf("checkout", user, CHECKOUT) ?? "stable"};reason=SPLIT`);
  }
  const lives = user === null ? null : variantOf("9-lives", user, LUCKY);
  members.push(
    `*9-lives=${lives === null ? "none" : `"${lives}"`};reason=${user === null ? "DEFAULT" : "SPLIT"}`,
  );
  if (path !== "/search") members.push("paused=old;reason=DISABLED");
  members.push(theme === null ? "dark=?0" : "dark");
  return members.join(", ");
}

function headersOf({ user, force, theme }: Visit, number: number): string[] {
  const cookies = [...(user === null ? [] : [`uid=${user}`]), ...(theme === null ? [] : [`theme=${theme}`])];
  return [
    `x-number: ${number}`,
    ...(cookies.length > 0 ? [`cookie: ${cookies.join("; ")}`] : []),
    ...(force === null ? [] : [`x-force: ${force}`]),
    // A client's own word is not heard.
    "x-serin-decision: forged",
  ];
}

/** Sends all visits; resolves to the headers under x-serin- that upstreams saw, and which upstream it was. */
async function visitAll(proxy: Proxy): Promise<string[]> {
  return Promise.all(
    VISITS.map(async (visit, number) => {
      const answer = parseResponse(
        await exchange(proxy.port, lastRequest(visit.path, headersOf(visit, number))),
      );
      assert.equal(answer.status, 200);
      const echo = JSON.parse(answer.body) as Echo;
      return JSON.stringify([echo.version, echo.headers.filter(([name]) => name.startsWith("x-serin-"))]);
    }),
  );
}

async function linesOf(proxy: Proxy, count: number): Promise<Map<number, string>> {
  let lines: string[] = [];
  await waitUntil(`${count} lines of the access log`, 20_000, async () => {
    lines = (await readFile(join(proxy.envoy.folder, "access.log"), "utf8")).trimEnd().split("\n");
    return lines.length >= count;
  });
  return new Map(
    lines.slice(-REQUESTS).map((line) => {
      const [number = "", code = "", ...rest] = line.split(" ");
      assert.equal(code, "200");
      return [Number(number), rest.join(" ")];
    }),
  );
}

for (const version of EVERY_ENVOY) {
  for (const steer of ["header", "filterState"]) {
    describe(`the access log, Envoy ${version}, steer: ${steer}`, () => {
      test("has the decision of each request; without observe it has a dash, and nothing else changes", async () => {
        const proxy = await startProxy({
          ...{ version, policy: policy(steer, true), routes: STEERING_ROUTES },
          ...{ concurrency: 2, logLevel: "error", accessLog: FORMAT },
        });
        try {
          const seen = await visitAll(proxy);
          const lines = await linesOf(proxy, REQUESTS);
          VISITS.forEach((visit, number) =>
            assert.equal(lines.get(number), expected(visit), JSON.stringify(visit)),
          );
          assert.equal(await proxy.publish(policy(steer, false)), "accepted");
          assert.deepEqual(await visitAll(proxy), seen);
          const silent = await linesOf(proxy, 2 * REQUESTS);
          assert.deepEqual([...new Set(silent.values())], ["-"]);
        } finally {
          await proxy.stop();
        }
      });
    });
  }
}
