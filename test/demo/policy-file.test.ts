// The policy file under an editor's hands: half-written states move nobody, and a file without a policy is told.

import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, describe, it } from "node:test";

import { PolicyFile } from "../../tools/demo/policy-file.ts";

const POLICY =
  "identity: [{ cookie: uid }]\nrollouts: { a: { default: s, variants: { s: {}, c: { percent: 5 } } } }\n";
const withPercent = (percent: number): string => POLICY.replace("5", String(percent));
/** Long enough for a look or two, too short to be told. */
const MOMENT_MS = 300;

describe("the policy file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "serin-policy-"));
  after(() => rm(folder, { recursive: true, force: true }));
  const file = await PolicyFile.make(join(folder, "demo"), POLICY);
  const next = (): Promise<unknown> => file.nextChange(AbortSignal.timeout(5000));
  const isEmpty = { text: null, why: "is empty" };
  const isGone = { text: null, why: "is missing" };

  it("has not changed when it is made", async () => {
    assert.equal(await file.nextChange(AbortSignal.timeout(MOMENT_MS)), null);
  });

  it("is passed over while it is empty before it is written", async () => {
    const change = next();
    await writeFile(file.path, "");
    await sleep(MOMENT_MS);
    await writeFile(file.path, withPercent(6));
    assert.deepEqual(await change, { text: withPercent(6), why: null });
  });

  it("is passed over while another is about to take its place", async () => {
    const change = next();
    await rename(file.path, `${file.path}~`);
    await sleep(MOMENT_MS);
    await writeFile(`${file.path}.new`, withPercent(7));
    await rename(`${file.path}.new`, file.path);
    assert.deepEqual(await change, { text: withPercent(7), why: null });
  });

  it("is told to be empty when it stays so, blanks or not, and is taken again when it is back", async () => {
    await writeFile(file.path, " \n");
    assert.deepEqual(await next(), isEmpty);
    await writeFile(file.path, "");
    assert.equal(await file.nextChange(AbortSignal.timeout(1500)), null, "told once");
    await writeFile(file.path, withPercent(7));
    assert.deepEqual(await next(), { text: withPercent(7), why: null });
  });

  it("is told to be gone when it stays so, and is taken again when it is back, by rename too", async () => {
    await rm(file.path);
    assert.deepEqual(await next(), isGone);
    await writeFile(`${file.path}.new`, withPercent(7));
    await rename(`${file.path}.new`, file.path);
    assert.deepEqual(await next(), { text: withPercent(7), why: null });
  });
});
