// `serin evaluate`: flagd's answers, line by line, and what becomes of lines and documents that are none.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, it } from "node:test";

const CLI = resolve(import.meta.dirname, "../../build/cli/cli.js");
const folder = mkdtempSync(join(tmpdir(), "serin-evaluate-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const FLAGS = {
  metadata: { team: "shop", version: 1 },
  flags: {
    plan: {
      state: "ENABLED",
      variants: { on: true, off: false },
      defaultVariant: "off",
      targeting: { if: [{ "==": [{ var: "plan" }, "pro"] }, "on"] },
      metadata: { version: 2 },
    },
    broken: { state: "ENABLED", variants: { on: true }, defaultVariant: "on", targeting: { nothing: [] } },
    none: { state: "ENABLED", variants: { on: { a: [1] } } },
    off: { state: "DISABLED", variants: { on: 1 }, defaultVariant: "on" },
    when: {
      state: "ENABLED",
      variants: { new: "n", old: "o" },
      defaultVariant: "old",
      targeting: { if: [{ ">=": [{ var: "$flagd.timestamp" }, 1764547200] }, "new"] },
    },
  },
};

function evaluate(
  document: unknown,
  lines: string[],
): { status: number | null; answers: unknown[]; stderr: string } {
  const file = join(folder, "flags.json");
  writeFileSync(file, JSON.stringify(document));
  const result = spawnSync("node", [CLI, "evaluate", "--policy", file], {
    input: lines.map((line) => `${line}\n`).join(""),
    encoding: "utf8",
  });
  const answers = result.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
  return { status: result.status, answers, stderr: result.stderr };
}

const ask = (flagKey: string, more: object = {}): string => JSON.stringify({ flagKey, ...more });

describe("serin evaluate", () => {
  it("answers in order, with the set's metadata under the flag's", () => {
    const { status, answers } = evaluate(FLAGS, [
      ask("plan", { context: { plan: "pro" } }),
      ask("plan"),
      ask("none", { default: 7 }),
      ask("off", { default: 7 }),
      ask("gone"),
      ask("broken", { default: false }),
    ]);
    assert.equal(status, 0);
    const set = { team: "shop", version: 1 };
    assert.deepEqual(answers, [
      { value: true, variant: "on", reason: "TARGETING_MATCH", flagMetadata: { team: "shop", version: 2 } },
      { value: false, variant: "off", reason: "DEFAULT", flagMetadata: { team: "shop", version: 2 } },
      { value: 7, reason: "DEFAULT", flagMetadata: set },
      { value: 7, reason: "DISABLED", flagMetadata: set },
      {
        value: null,
        reason: "ERROR",
        errorCode: "FLAG_NOT_FOUND",
        errorMessage: "flag not found",
        flagMetadata: set,
      },
      {
        value: false,
        reason: "ERROR",
        errorCode: "PARSE_ERROR",
        errorMessage: "the targeting could not be compiled",
        flagMetadata: set,
      },
    ]);
  });

  it("a value of another type than the one asked for is TYPE_MISMATCH", () => {
    const { answers } = evaluate(FLAGS, [
      ask("plan", { type: "string", default: "d" }),
      ask("plan", { type: "boolean" }),
    ]);
    const [wrong, right] = answers as { value: unknown; errorCode?: string }[];
    assert.deepEqual([wrong?.value, wrong?.errorCode], ["d", "TYPE_MISMATCH"]);
    assert.deepEqual([right?.value, right?.errorCode], [false, undefined]);
  });

  it("answers are JSON also where a number is too large to be one", () => {
    const { answers } = evaluate({ flags: {} }, ['{"flagKey": "gone", "default": [1e400, -1e400, 1e308]}']);
    assert.deepEqual((answers[0] as { value: unknown }).value, [null, null, 1e308]);
  });

  it("`time` is the clock", () => {
    const { answers } = evaluate(FLAGS, [
      ask("when", { time: "2025-11-30T23:59:59.9Z" }),
      ask("when", { time: "2025-12-01T00:00:00Z" }),
    ]);
    assert.deepEqual(
      answers.map((answer) => (answer as { variant: string }).variant),
      ["old", "new"],
    );
  });

  it("a line that is no request has an error in its place, and the exit status is 1", () => {
    const { status, answers, stderr } = evaluate(FLAGS, [
      "x",
      ask("plan"),
      "{}",
      ask("plan", { type: "text" }),
      ask("plan", { context: [] }),
      ask("plan", { flag: 1 }),
      ask("plan", { context: { plan: "\ud800" } }),
      `{"flagKey":"plan","context":{"deep":${"[".repeat(70)}${"]".repeat(70)}}}`,
    ]);
    assert.equal(status, 1);
    assert.match(stderr, /^7 of 8 lines failed$/m);
    const pointers = answers.map((answer) => (answer as { error?: { pointer: string } }).error?.pointer);
    assert.deepEqual(pointers, ["", undefined, "/flagKey", "/type", "/context", "/flag", "", ""]);
  });

  it("keys that flagd passes over are passed over", () => {
    const { status, answers } = evaluate({ ...FLAGS, "x-owner": { team: "shop" } }, [ask("plan")]);
    assert.equal(status, 0);
    assert.equal((answers[0] as { variant: string }).variant, "off");
  });

  it("a document that flagd refuses gives nothing, one that it accepts is evaluated though validate refuses it", () => {
    const refused = evaluate({ flags: { a: { state: "ON", variants: { a: 1 } } } }, [ask("a")]);
    assert.deepEqual([refused.status, refused.answers], [1, []]);
    const file = join(folder, "broken.json");
    writeFileSync(file, JSON.stringify(FLAGS));
    const validate = (...more: string[]): number | null =>
      spawnSync("node", [CLI, "validate", ...more, file]).status;
    assert.deepEqual([validate(), validate("--allow-warnings")], [1, 0]);
  });

  it("hints refuse nothing, and however many they do not hide a flag that can only fail", () => {
    const hinted = (key: string): object => ({
      state: "ENABLED",
      variants: { a: "a", b: "b" },
      targeting: { substr: ["ab", key.length] },
    });
    const flags = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`f${index}`, hinted(`${index}`)]),
    );
    const judge = (
      name: string,
      document: object,
    ): { ok: boolean; problems: { severity: string; code: string }[] } => {
      const file = join(folder, name);
      writeFileSync(file, JSON.stringify(document));
      const { status, stdout } = spawnSync("node", [CLI, "validate", "--json", file], { encoding: "utf8" });
      const result = JSON.parse(stdout) as ReturnType<typeof judge>;
      assert.equal(status, result.ok ? 0 : 1);
      return result;
    };
    const hints = judge("hints.json", { flags });
    assert.equal(hints.ok, true);
    assert.deepEqual(
      new Set(hints.problems.map(({ severity, code }) => `${severity} ${code}`)),
      new Set(["warning portability"]),
    );
    const hidden = judge("hidden.json", { flags: { ...flags, broken: FLAGS.flags.broken } });
    assert.equal(hidden.ok, false);
    assert.deepEqual(
      hidden.problems.filter(({ severity }) => severity === "error").map(({ code }) => code),
      ["unknown-operator"],
    );
  });
});
