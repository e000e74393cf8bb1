import { sliceOfWord, startsWithWord } from "../../assembly/bytes/slice";
import * as headerNames from "../../assembly/vocabulary/headers";
import * as statNames from "../../assembly/vocabulary/stats";
import { wordOf } from "./texts";

describe("vocabulary", () => {
  it("puts every header of ours under one prefix", () => {
    expect(startsWithWord(sliceOfWord(headerNames.CLUSTER), headerNames.PREFIX)).toBe(true);
  });

  it("puts every filter state of ours under one prefix", () => {
    expect(startsWithWord(sliceOfWord(headerNames.STATE_CLUSTER), headerNames.STATE_PREFIX)).toBe(true);
  });

  it("puts every stat of ours under one prefix", () => {
    expect(startsWithWord(sliceOfWord(statNames.ROLLOUT), wordOf("serin."))).toBe(true);
    expect(startsWithWord(sliceOfWord(statNames.POLICY_LOADED), wordOf("serin."))).toBe(true);
    expect(startsWithWord(sliceOfWord(statNames.ERROR), wordOf("serin."))).toBe(true);
  });
});
