// What Envoy's own headers_with_underscores_action does to names that CGI, WSGI and PHP read as Serin's, beside the filter.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ENVOY_VERSION } from "../../tools/envoy/index.ts";
import { startProxy } from "../support/envoy/proxy.ts";
import { exchange, lastRequest, parseResponse, type Exchange } from "../support/envoy/wire.ts";
import type { Echo } from "../upstream/answer.ts";
import { STEERING_ROUTES, steeringPolicy } from "./steering-routes.ts";

const FORGED = ["x_serin_checkout: canary", "x-serin_checkout: canary"];
const HONEST = ["user_id: 7"];

/** Whether a header with an underscore arrives that is nobody's; null when the request is refused. */
const ACTIONS: readonly [action: string | undefined, arrives: boolean | null][] = [
  [undefined, true],
  ["ALLOW", true],
  ["DROP_HEADER", false],
  ["REJECT_REQUEST", null],
];

for (const [action, arrives] of ACTIONS) {
  describe(`headers_with_underscores_action: ${action ?? "not set"}`, () => {
    test("a forged header never arrives, whatever becomes of the others", async () => {
      const manager =
        action === undefined
          ? {}
          : { common_http_protocol_options: { headers_with_underscores_action: action } };
      const proxy = await startProxy({
        ...{
          version: ENVOY_VERSION,
          policy: steeringPolicy("header match", 0),
          routes: STEERING_ROUTES,
          manager,
        },
      });
      try {
        const ask = (headers: readonly string[]): Promise<Exchange> =>
          exchange(proxy.port, lastRequest("/checkout", headers));
        for (const headers of [FORGED, HONEST]) {
          const { status, body } = parseResponse(await ask(headers));
          assert.equal(status, arrives === null ? 400 : 200);
          if (arrives === null) continue;
          const names = (JSON.parse(body) as Echo).headers.map(([name]) => name.toLowerCase());
          assert.equal(names.includes("user_id"), headers === HONEST && arrives);
          assert.deepEqual(
            names.filter((name) => name.includes("serin")),
            [],
          );
        }
      } finally {
        await proxy.stop();
      }
    });
  });
}
