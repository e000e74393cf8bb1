// One policy and two requests that most tests of this folder begin with.

import assert from "node:assert/strict";

import { RecordingHost } from "./recording-host.ts";

/** The root that serves. */
export const ROOT = 1;

/** One rollout, 40 % of users by cookie. 42 lies at 39.76 %, 83 at 40.91 % (test/cases/identity/cookie). */
export function policy(rest: object = {}, rollout: object = {}): object {
  const variants = { stable: {}, canary: { percent: 40, cluster: "v2" } };
  return {
    identity: [{ cookie: "uid" }],
    rollouts: { checkout: { default: "stable", variants, ...rollout } },
    ...rest,
  };
}

/** A request's headers. */
export function headers(...more: [name: string, value: string][]): [string, string][] {
  return [
    [":authority", "shop.example.com"],
    [":path", "/checkout"],
    [":method", "GET"],
    [":scheme", "http"],
    ...more,
  ];
}

/** A request that is given the default. */
export const DEFAULT = headers(["cookie", "uid=83"]); /** A request that is given the canary. */
export const CANARY = headers(["cookie", "uid=42"]);

/** A host whose filter serves `policy`. */
export function serving(rest: object = {}, rollout: object = {}): RecordingHost {
  const host = new RecordingHost();
  assert.ok(host.configure(ROOT, policy(rest, rollout)));
  // The first request of all asks for the log level; see below.
  host.begin(2, ROOT, DEFAULT);
  host.respond(2, 200);
  host.done(2);
  host.forget();
  return host;
}

/** The calls of one whole request, short. */
export function callsOf(host: RecordingHost, request: [string, string][], id = 10): string[] {
  host.begin(id, ROOT, request);
  host.respond(id, 200);
  host.done(id);
  const calls = host.calls.map((call) => call.replace("serin.rollout.checkout.", ""));
  host.forget();
  return calls;
}
