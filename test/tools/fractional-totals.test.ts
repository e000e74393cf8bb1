// `serin publish` tells when a changed sum of weights moves users who need not move.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, it } from "node:test";

import { changedTotals, fractionalTotals } from "../../tools/commands/fractional-totals.ts";

const CLI = resolve(import.meta.dirname, "../../build/cli/cli.js");
const folder = mkdtempSync(join(tmpdir(), "serin-totals-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const policy = (on: unknown, off: unknown): object => ({
  flags: {
    "a/b": {
      state: "ENABLED",
      variants: { on: true, off: false },
      targeting: {
        if: [
          true,
          {
            fractional: [
              ["on", on],
              ["off", off],
            ],
          },
        ],
      },
    },
  },
});
const POINTER = "/flags/a~1b/targeting/if/1/fractional";

describe("sums of weights", () => {
  it("are found wherever a fractional stands; missing weights are 1, those below 0 are 0", () => {
    assert.deepEqual([...fractionalTotals(policy(25, 75))], [[POINTER, 100]]);
    const bare = { flags: { f: { targeting: { fractional: [{ var: "x" }, ["a"], ["b", 2], ["c", -5]] } } } };
    assert.deepEqual([...fractionalTotals(bare)], [["/flags/f/targeting/fractional", 3]]);
  });

  it("that are computed are passed over", () => {
    assert.deepEqual([...fractionalTotals(policy({ "+": [1, 2] }, 75))], []);
  });

  it("are told when they change, not when weights shift within them", () => {
    assert.deepEqual(changedTotals(policy(25, 75), policy(30, 70)), []);
    assert.match(
      changedTotals(policy(25, 75), policy(26, 75)).join(),
      /fractional: the weights added up to 100 and now to 101/,
    );
    assert.deepEqual(changedTotals({}, policy(26, 75)), []);
  });

  it("are compared by publish with what the file holds", () => {
    const file = join(folder, "filter.yaml");
    const publish = (weights: [number, number]): string => {
      writeFileSync(join(folder, "p.json"), JSON.stringify(policy(...weights)));
      const result = spawnSync("node", [CLI, "publish", join(folder, "p.json"), "--to", file], {
        encoding: "utf8",
      });
      assert.equal(result.status, 0, result.stderr);
      return result.stderr;
    };
    assert.doesNotMatch(publish([25, 75]), /added up/);
    assert.doesNotMatch(publish([50, 50]), /added up/);
    assert.match(
      publish([50, 51]),
      /a~1b\/targeting\/if\/1\/fractional: the weights added up to 100 and now to 101/,
    );
  });
});
