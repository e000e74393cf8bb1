import { fixed, nextOf, Run } from "../../../assembly/bytes/records";
import { NONE, Slice, sliceOf } from "../../../assembly/bytes/slice";


@unmanaged
class Link {
  next: Link | null;
  value: u64;
  small: u8;
}

const one: Link = fixed<Link>();
const other: Link = fixed<Link>();
const room: usize = memory.data(96, 8);

describe("records", () => {
  it("each place has a record of its own, zeroed", () => {
    one.value = 7;
    expect(other.value).toBe(0);
    expect(changetype<usize>(one) & 7).toBe(0);
    expect(changetype<usize>(other)).not.toBe(changetype<usize>(one));
  });

  it("a run has its records one behind the other", () => {
    const run = changetype<Run<Link>>(room);
    for (let i: u32 = 0; i < 4; i++) run.at(i).value = i + 1;
    expect(run.at(3).value).toBe(4);
    expect(changetype<usize>(run.at(3)) - changetype<usize>(run.at(2))).toBe(offsetof<Link>());
    expect(run.isNone).toBe(false);
    expect(changetype<Run<Link>>(0).isNone).toBe(true);
  });

  it("a run of slices has values", () => {
    const run = changetype<Run<Slice>>(room);
    run.set(0, NONE);
    run.set(1, sliceOf(16, 5));
    expect(run.at(0)).toBe(NONE);
    expect(run.at(1)).toBe(sliceOf(16, 5));
    expect(load<u64>(room, 8)).toBe(sliceOf(16, 5));
  });

  it("a chain is gone through to its end, whatever the body passes over", () => {
    const run = changetype<Run<Link>>(room);
    for (let i: u32 = 0; i < 4; i++) {
      run.at(i).value = i + 1;
      run.at(i).next = i == 3 ? null : run.at(i + 1);
    }
    let sum: u64 = 0;
    for (let link: Link | null = run.at(0); link; link = nextOf(link)) {
      if (link.value == 2) continue;
      sum += link.value;
    }
    expect(sum).toBe(8);
    for (let link: Link | null = null; link; link = nextOf(link)) sum++;
    expect(sum).toBe(8);
  });
});
