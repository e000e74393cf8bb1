// An editor may empty the policy file before it writes it: nobody is moved by that.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

import { PolicyFile } from "../../tools/demo/policy-file.ts";

const POLICY =
  "identity: [{ cookie: uid }]\nrollouts: { a: { default: s, variants: { s: {}, c: { percent: 5 } } } }\n";

describe("an empty policy file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "serin-empty-"));
  after(() => rm(folder, { recursive: true, force: true }));
  const file = await PolicyFile.make(join(folder, "demo"), POLICY);

  it("is passed over while it is about to be written", async () => {
    assert.equal(await file.changed(), POLICY);
    await writeFile(file.path, "");
    const looking = file.changed();
    await writeFile(file.path, POLICY.replace("5", "6"));
    // Seen at once, or with the next look; never as an empty file.
    assert.equal((await looking) ?? (await file.changed()), POLICY.replace("5", "6"));
  });

  it("is told, and not taken, when it stays so", async () => {
    await writeFile(file.path, " \n");
    assert.equal(await file.changed(), " \n");
    const { accepted, problems } = file.judge(" \n");
    assert.equal(accepted, null);
    assert.match(problems.join(), /the file is empty/);
  });
});
