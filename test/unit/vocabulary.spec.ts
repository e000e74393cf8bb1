import * as headerNames from "../../assembly/vocabulary/headers";
import * as statNames from "../../assembly/vocabulary/stats";

describe("vocabulary", () => {
  it("puts every header of ours under one prefix", () => {
    expect(headerNames.CLUSTER.startsWith(headerNames.PREFIX)).toBe(true);
  });

  it("puts every filter state of ours under one prefix", () => {
    expect(headerNames.STATE_CLUSTER.startsWith(headerNames.STATE_PREFIX)).toBe(true);
  });

  it("puts every stat of ours under one prefix", () => {
    expect(statNames.ROLLOUT.startsWith("serin.")).toBe(true);
    expect(statNames.POLICY_LOADED.startsWith("serin.")).toBe(true);
    expect(statNames.ERROR.startsWith("serin.")).toBe(true);
  });
});
