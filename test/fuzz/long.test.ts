// The small form of `npm run fuzz:long`: some thousands of inputs with a seed. That it would find something, and keep it.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { starvedModule } from "../support/filter.ts";
import { Coverage } from "./coverage.ts";
import { LongFuzz } from "./long.ts";
import { replay, type Session } from "./session.ts";
import { LogLevel } from "../../tools/emulator/index.ts";

const SEED = 20261128;

describe("fuzz:long", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "serin-fuzz-"))));
  after(() => rmSync(folder, { recursive: true }));

  test("thousands of inputs, of each kind: nothing is found", async () => {
    const fuzz = new LongFuzz({ seed: SEED, size: 4000 });
    for (const [chunk, kind] of [
      [0, "sessions"],
      [1, "sessions"],
      [7, "bodies"],
      [17, "pairs"],
    ] as const) {
      const result = await fuzz.run(chunk);
      assert.equal(result.kind, kind);
      assert.deepEqual(result.findings, []);
      assert.ok(result.inputs >= (kind === "pairs" ? 200 : 4000), `${result.inputs} inputs`);
    }
  });

  test("a filter that fails is found out, and what showed it is kept, with few steps that still do", async () => {
    const kept: Session[] = [];
    const module = starvedModule(0);
    const keepFinding = (session: Session): string => `${kept.push(session)}.json`;
    const fuzz = new LongFuzz({ seed: SEED, size: 300, module, keepFinding });
    const { findings } = await fuzz.run(0);
    assert.ok(findings.length > 0);
    assert.equal(findings.length, kept.length);
    for (const session of kept) {
      assert.ok(session.steps.length < 20, `${session.steps.length} steps: ${session.note}`);
      assert.throws(() => replay(session, LogLevel.Info, module));
    }
  });

  test("the same seed and chunk make the same inputs; another chunk makes others", async () => {
    const run = async (chunk: number): Promise<number> =>
      (await new LongFuzz({ seed: SEED, size: 300 }).run(chunk)).inputs;
    const [first, again, other] = [await run(3), await run(3), await run(4)];
    assert.equal(first, again);
    assert.notEqual(first, other);
  });

  test("what takes a branch that nothing took before is seen once", () => {
    const coverage = new Coverage(10);
    const memory = new WebAssembly.Memory({ initial: 1 });
    const bytes = new Uint8Array(memory.buffer);
    assert.equal(coverage.wouldAdd(memory), false);
    bytes[3] = 1;
    bytes[9] = 1;
    assert.equal(coverage.wouldAdd(memory), true);
    assert.deepEqual([coverage.add(memory), coverage.add(memory), coverage.reached], [2, 0, 2]);
    bytes[8] = 1;
    assert.equal(coverage.add(memory), 1);
    assert.deepEqual(coverage.missing(10), [0, 1, 2, 4, 5, 6, 7]);
  });

  test("without a folder nothing is written", () => {
    assert.deepEqual(readdirSync(folder), []);
    new LongFuzz({ seed: SEED, size: 1, folder: join(folder, "kept") });
    assert.ok(existsSync(join(folder, "kept")));
  });
});
