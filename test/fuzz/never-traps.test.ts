// No policy and no request, however broken, traps the filter or is failed by it. See session.ts for what is held.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import fc from "fast-check";

import { LogLevel } from "../../tools/emulator/index.ts";
import { explore, readCorpus } from "./explore.ts";
import { policyText, soundPolicy, toLatin1 } from "./policies.ts";
import { event } from "./requests.ts";
import { replay, type Session, type Step } from "./session.ts";

describe("what once failed", () => {
  for (const [file, session] of readCorpus()) {
    test(`${file}: ${session.note ?? ""}`, () => {
      for (const level of [LogLevel.Info, LogLevel.Trace]) replay(session, level);
    });
  }
});

describe("never traps", () => {
  test("any text as a policy, one after another in one VM", () => {
    const sessions = fc
      .array(policyText, { minLength: 1, maxLength: 8 })
      .map((texts): Session => ({ steps: texts.map((configure): Step => ({ configure })) }));
    explore(
      "policies",
      sessions,
      (session) => void replay(session),
      (session) => session,
    );
  });

  test("a sound policy is accepted", () => {
    const toSession = (policy: object): Session => ({
      steps: [{ configure: toLatin1(JSON.stringify(policy)) }],
    });
    explore(
      "sound policies",
      soundPolicy,
      (policy) => {
        assert.deepEqual(replay(toSession(policy)), ["accepted", "accepted"]);
      },
      toSession,
    );
  });

  test("any requests, whatever the log level, with policies coming and going", () => {
    const policy = fc.oneof(
      { weight: 5, arbitrary: soundPolicy.map((one) => toLatin1(JSON.stringify(one))) },
      policyText,
    );
    const configure = policy.map((text): Step => ({ configure: text }));
    const sessions = fc
      .tuple(configure, fc.array(fc.oneof({ weight: 12, arbitrary: event }, configure), { maxLength: 30 }))
      .map(([first, rest]): Session => ({ steps: [first, ...rest] }));
    explore(
      "requests",
      sessions,
      (session) => {
        // What is logged may not change what is done.
        assert.deepEqual(replay(session, LogLevel.Trace), replay(session, LogLevel.Info));
      },
      (session) => session,
    );
  });
});
