import { FORMAT, LeaseRecord, mayFollow, mayJudge, Phase } from "../../../assembly/core/evidence-record";

const SECOND: u64 = 1000000000;
const NOW: u64 = 1795000000 * SECOND;
const SELF: u64 = 0x1111;
const OTHER: u64 = 0x2222;

function lease(holder: u64, renewedNs: u64, configuredNs: u64, format: u32 = FORMAT): LeaseRecord {
  const made = changetype<LeaseRecord>(heap.alloc(offsetof<LeaseRecord>()));
  made.format = format;
  made.sequence = 7;
  made.holder = holder;
  made.renewedNs = renewedNs;
  made.configuredNs = configuredNs;
  return made;
}

describe("who judges", () => {
  it("is whoever holds the lease, while it renews it", () => {
    expect(mayJudge(lease(SELF, NOW, 5), SELF, 5, NOW)).toBe(true);
    expect(mayJudge(lease(OTHER, NOW, 5), SELF, 5, NOW)).toBe(false);
  });

  it("is another when the lease is three seconds old, or its clock was put back", () => {
    expect(mayJudge(lease(OTHER, NOW - 3 * SECOND + 1, 5), SELF, 5, NOW)).toBe(false);
    expect(mayJudge(lease(OTHER, NOW - 3 * SECOND, 5), SELF, 5, NOW)).toBe(true);
    expect(mayJudge(lease(OTHER, NOW + 1, 5), SELF, 5, NOW)).toBe(true);
  });

  it("is whoever has a younger policy", () => {
    expect(mayJudge(lease(OTHER, NOW, 5), SELF, 6, NOW)).toBe(true);
    expect(mayJudge(lease(OTHER, NOW, 6), SELF, 5, NOW)).toBe(false);
  });

  it("is nobody who does not know the lease's format", () => {
    expect(mayJudge(lease(SELF, NOW, 5, FORMAT + 1), SELF, 5, NOW)).toBe(false);
    // Before anybody has written one.
    expect(mayJudge(lease(0, 0, 0, 0), SELF, 5, NOW)).toBe(true);
  });
});

describe("a period follows", () => {
  it("one second after the last began to close", () => {
    expect(mayFollow(Phase.CLOSING, NOW, NOW + SECOND - 1)).toBe(false);
    expect(mayFollow(Phase.CLOSING, NOW, NOW + SECOND)).toBe(true);
  });

  it("a judge who died with a claim after three", () => {
    expect(mayFollow(Phase.CLAIMED, NOW, NOW + 3 * SECOND - 1)).toBe(false);
    expect(mayFollow(Phase.CLAIMED, NOW, NOW + 3 * SECOND)).toBe(true);
  });

  it("none at once, and never one that is open", () => {
    expect(mayFollow(Phase.NONE, NOW, NOW)).toBe(true);
    expect(mayFollow(Phase.OPEN, NOW, NOW + 100 * SECOND)).toBe(false);
  });
});
