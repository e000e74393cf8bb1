// Several roots of one VM, each with a policy of its own.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { addUp } from "./add-up.ts";
import { RecordingHost } from "./recording-host.ts";
import { CANARY, DEFAULT, policy } from "./serving.ts";

describe("roots of one VM", () => {
  test("roots with different policies serve side by side", () => {
    const host = new RecordingHost();
    const announcing = policy({}, { announce: "all", salt: "search" });
    assert.ok(host.configure(1, policy()));
    assert.ok(host.configure(2, announcing));
    assert.ok(host.configure(3, {}));
    const seen = [1, 2, 3, 1, 2].map((root, index) => {
      const id = 10 + index;
      host.begin(id, root, DEFAULT);
      return [id, host.context(id).request?.get("x-serin-checkout") ?? null] as const;
    });
    // search/83 lies at 49.71 % of the space.
    assert.deepEqual(
      seen.map(([, variant]) => variant),
      [null, "stable", null, null, "stable"],
    );
    assert.equal(host.done(1), 1);
    host.begin(20, 2, CANARY);
    for (const [id] of [...seen, [20]] as const) {
      host.respond(id, 200);
      host.done(id);
    }
    addUp(host);
  });

  test("the share that is asked for is the latest policy's, and 0 once no policy has the variant", () => {
    const host = new RecordingHost();
    const share = (variant: string): number => host.stat(`serin.rollout.checkout.${variant}.share`);
    assert.ok(host.configure(1, policy()));
    assert.deepEqual([share("stable"), share("canary")], [60_000, 40_000]);
    assert.ok(host.configure(2, policy({}, { variants: { stable: {}, other: { percent: 12.5 } } })));
    assert.equal(host.done(1), 1);
    assert.deepEqual([share("stable"), share("canary"), share("other")], [87_500, 0, 12_500]);
    assert.ok(host.configure(3, {}));
    assert.equal(host.done(2), 1);
    assert.deepEqual([share("stable"), share("canary"), share("other")], [0, 0, 0]);
  });
});
