import {
  HEADER_CLUSTER,
  HEADER_PREFIX,
  STATE_CLUSTER,
  STATE_PREFIX,
} from "../../assembly/vocabulary/headers";
import { STAT_ERROR, STAT_POLICY_LOADED, STAT_ROLLOUT } from "../../assembly/vocabulary/stats";

describe("vocabulary", () => {
  it("puts every header of ours under one prefix", () => {
    expect(HEADER_CLUSTER.startsWith(HEADER_PREFIX)).toBe(true);
  });

  it("puts every filter state of ours under one prefix", () => {
    expect(STATE_CLUSTER.startsWith(STATE_PREFIX)).toBe(true);
  });

  it("puts every stat of ours under one prefix", () => {
    expect(STAT_ROLLOUT.startsWith("serin.")).toBe(true);
    expect(STAT_POLICY_LOADED.startsWith("serin.")).toBe(true);
    expect(STAT_ERROR.startsWith("serin.")).toBe(true);
  });
});
