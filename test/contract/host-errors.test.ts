// A host that answers with an error, whatever the call and the error: no trap, the request goes on, serin.error counts
// it, and the log does not fill.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { LogLevel } from "../../tools/emulator/index.ts";
import { RecordingHost } from "./recording-host.ts";
import { CANARY, DEFAULT, headers, policy, ROOT } from "./serving.ts";

/** proxy_result_t of the ABI, less Ok, and one that nobody knows. */
const ERRORS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99];
const SECOND = 1_000_000_000n;
/** Asks for the address, draws random bytes, issues a cookie, removes, writes both ways, and clears the route cache. */
const EVERYTHING = policy({
  identity: [{ sourceAddress: true }, { issueCookie: { name: "sid", keep: true } }],
  steer: "filterState",
});
const VISITOR = headers(["cookie", "a=1"], ["x-serin-a", "1"], ["x-other", "2"]);
const TAGGED: [string, string][] = [...CANARY, ["x-envoy-ip-tags", "a"]];

function warnings(host: RecordingHost): string[] {
  return host.lines.filter(({ level }) => level === LogLevel.Warn).map(({ text }) => text);
}

/** A whole request under a host that fails; what it was is kept for the next line of the test. */
function exchange(host: RecordingHost, id: number, request: [string, string][]): [string, string][] {
  assert.equal(host.begin(id, ROOT, request), 0);
  const seen = host.context(id).request?.toPairs() ?? [];
  assert.equal(host.respond(id, 200), 0);
  assert.equal(host.done(id), 1);
  return seen;
}

/** A call that fails, the policy and request that make it, and whether the failure is one that should not happen. */
const CALLS: [call: string, policy: object, request: [string, string][], counted: boolean][] = [
  ["proxy_get_header_map_pairs", policy(), CANARY, true],
  ["proxy_replace_header_map_value", policy(), CANARY, true],
  ["proxy_remove_header_map_value", policy(), [...DEFAULT, ["x-serin-a", "1"]], true],
  ["proxy_remove_header_map_value", policy({ steer: "filterState" }), CANARY, false],
  ["proxy_set_property", policy({ steer: "filterState" }), CANARY, true],
  ["proxy_call_foreign_function", policy({ steer: "filterState" }), TAGGED, true],
  ["proxy_add_header_map_value", EVERYTHING, VISITOR, true],
  ["random_get", EVERYTHING, VISITOR, true],
  // Absent properties are facts, not failures; a clock, a level, a metric that does not answer costs no decision.
  ["proxy_get_property", EVERYTHING, VISITOR, false],
  ["proxy_get_current_time_nanoseconds", policy(), CANARY, false],
  ["proxy_get_log_level", policy(), CANARY, false],
  ["proxy_increment_metric", policy(), CANARY, false],
  ["proxy_record_metric", policy(), CANARY, false],
  ["proxy_log", policy(), CANARY, false],
];

describe("one call that always fails", () => {
  for (const [call, served, request, counted] of CALLS) {
    test(`${call}: ${counted ? "counted and said" : "passed over"} (${Object.keys(served).join(", ")})`, () => {
      for (const status of ERRORS) {
        const host = new RecordingHost();
        assert.ok(host.configure(ROOT, served));
        host.answer = (name) => (name === call ? status : null);
        for (let id = 10; id < 14; id++) exchange(host, id, request);
        const errors = host.stat("serin.error");
        if (counted) assert.ok(errors >= 4, `${errors} errors at status ${status}`);
        else assert.equal(errors, 0, `status ${status}`);
        assert.equal(warnings(host).length, counted ? 1 : 0);
        host.now += SECOND;
        exchange(host, 14, request);
        assert.equal(warnings(host).length, counted ? 2 : 0);
        for (const text of warnings(host)) {
          const { error } = JSON.parse(text) as { error: { code: string; message: string } };
          assert.ok(error.code !== "" && error.message !== "", text);
        }
        // Once the host is well again, so is the filter.
        host.answer = () => null;
        const before = host.stat("serin.error");
        exchange(host, 15, request);
        assert.equal(host.stat("serin.error"), before);
        host.forget();
      }
    });
  }

  test("a request whose headers cannot be read goes on as it came, and is nobody's", () => {
    const host = new RecordingHost();
    assert.ok(host.configure(ROOT, policy()));
    host.answer = (name) => (name === "proxy_get_header_map_pairs" ? 2 : null);
    assert.deepEqual(exchange(host, 10, CANARY), CANARY);
    for (const variant of ["stable", "canary"]) {
      assert.equal(host.stat(`serin.rollout.checkout.${variant}.rq_total`), 0);
      assert.equal(host.stat(`serin.rollout.checkout.${variant}.rq_active`), 0);
    }
  });

  test("a request for which no random bytes come is left alone, less its x-serin- headers", () => {
    const host = new RecordingHost();
    assert.ok(host.configure(ROOT, policy({ identity: [{ issueCookie: { name: "sid" } }] })));
    host.answer = (name) => (name === "random_get" ? 8 : null);
    assert.deepEqual(
      exchange(host, 10, VISITOR),
      VISITOR.filter(([name]) => name !== "x-serin-a"),
    );
    assert.equal(host.stat("serin.rollout.checkout.stable.rq_total"), 0);
    assert.equal(host.stat("serin.error"), 1);
  });
});

describe("every call fails", () => {
  for (const status of ERRORS) {
    test(`with ${status}, while a policy is loaded and after it`, () => {
      const host = new RecordingHost();
      host.answer = () => status;
      const loaded = host.configure(ROOT, EVERYTHING);
      assert.deepEqual(exchange(host, 10, VISITOR), VISITOR);
      host.answer = () => null;
      // Whatever became of that, the next policy is served.
      assert.ok(host.configure(200, policy()), String(loaded));
      host.begin(11, 200, CANARY);
      assert.equal(host.context(11).request?.get("x-serin-checkout"), "canary");
      host.respond(11, 200);
      host.done(11);
    });
  }

  test("each call fails by turns, from the first callback on", () => {
    for (let turn = 0; turn < 97; turn++) {
      const host = new RecordingHost();
      let count = 0;
      host.answer = () => (count++ % 97 === turn || count % 7 === turn % 7 ? 10 : null);
      host.configure(ROOT, EVERYTHING);
      for (let id = 10; id < 30; id++) exchange(host, id, id % 2 === 0 ? VISITOR : CANARY);
    }
  });

  test("with a clock that stands still at 0 the log is not filled either", () => {
    const host = new RecordingHost();
    assert.ok(host.configure(ROOT, policy()));
    host.answer = (name) =>
      name === "proxy_get_current_time_nanoseconds" || name === "proxy_get_header_map_pairs" ? 10 : null;
    for (let id = 10; id < 1010; id++) exchange(host, id, CANARY);
    assert.equal(host.stat("serin.error"), 1000);
    assert.ok(warnings(host).length <= 1, `${warnings(host).length} warnings`);
  });
});

test("a filter that has no room for the headers lets the request go on", () => {
  const host = new RecordingHost();
  assert.ok(host.configure(ROOT, policy()));
  const huge = headers(["cookie", "uid=42"], ["x-large", "a".repeat(40 << 20)]);
  assert.deepEqual(exchange(host, 10, huge), huge);
  assert.equal(host.stat("serin.error"), 1);
  assert.equal(new Map(exchange(host, 11, CANARY)).get("x-serin-checkout"), "canary");
});
