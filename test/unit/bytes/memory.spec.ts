import { closeArena, keep, openArena, take } from "../../../assembly/bytes/arena";
import { givePages, takePages } from "../../../assembly/bytes/pages";
import { beginScratch, markScratch, rewindScratch, scratch } from "../../../assembly/bytes/scratch";
import { sliceOf } from "../../../assembly/bytes/slice";
import { ABSENT, find, insert, newTable } from "../../../assembly/bytes/table";
import { putByte, restartText, textOf, Writer } from "../../../assembly/bytes/writer";
import { bytesOf, stringOf } from "../texts";

const writer: Writer = changetype<Writer>(memory.data(offsetof<Writer>(), 8));

/** Writes one letter with the writer that keeps its memory. @returns where it stands */
function writeLetter(): usize {
  restartText(writer);
  putByte(writer, 0x61);
  return (textOf(writer) >> 32) as usize;
}

describe("pages", () => {
  it("are given out once and used again", () => {
    const a = takePages(100000);
    const b = takePages(1);
    expect(a % 65536).toBe(0);
    expect(b >= a + 131072 || b + 65536 <= a).toBe(true);
    givePages(a, 100000);
    const c = takePages(131072);
    expect(c).toBe(a);
    givePages(b, 1);
    givePages(c, 131072);
  });

  it("join again when neighbours come back, in any order", () => {
    const part: usize = 65536 * 20;
    const all = takePages(part * 3);
    givePages(all, part * 3);
    const size = memory.size();
    for (let order = 0; order < 6; order++) {
      const runs: usize[] = [takePages(part), takePages(part), takePages(part)];
      const first = order >> 1;
      const second = (first + 1 + (order & 1)) % 3;
      givePages(runs[first], part);
      givePages(runs[second], part);
      givePages(runs[3 - first - second], part);
      const again = takePages(part * 3);
      givePages(again, part * 3);
    }
    expect(memory.size()).toBe(size);
  });

  it("are refused beyond the memory's maximum", () => {
    expect(takePages(0x7fffffff)).toBe(0);
  });
});

describe("an arena", () => {
  it("gives zeroed, aligned memory and takes all of it back", () => {
    const before = memory.size();
    for (let round = 0; round < 20; round++) {
      const arena = openArena()!;
      for (let i = 0; i < 2000; i++) {
        const at = take(arena, 100);
        if (at % 8 != 0) throw new Error("not aligned");
        if (load<u64>(at) != 0 || load<u32>(at + 96) != 0) throw new Error("not zeroed");
        memory.fill(at, 0xff, 100);
      }
      expect(arena.failed).toBe(false);
      closeArena(arena);
    }
    // What the first round took is enough for all of them.
    expect(memory.size() - before <= 16).toBe(true);
  });

  it("keeps a copy", () => {
    const arena = openArena()!;
    const text = bytesOf("checkout");
    const copy = keep(arena, text);
    store<u8>((text >> 32) as usize, 0x58);
    expect(stringOf(copy)).toBe("checkout");
    closeArena(arena);
  });
});

describe("scratch memory", () => {
  it("is the same after every callback, also after one that took much", () => {
    beginScratch();
    const small = scratch(10);
    scratch(3000000);
    beginScratch();
    const large = scratch(10);
    const pages = memory.size();
    for (let i = 0; i < 10; i++) {
      beginScratch();
      expect(scratch(10)).toBe(large);
      scratch(3000000);
    }
    expect(memory.size()).toBe(pages);
    expect(small != 0).toBe(true);
    beginScratch();
  });

  it("is a writer's for the callback, unless it was given back", () => {
    beginScratch();
    const before = writeLetter();
    const mark = markScratch();
    scratch(100);
    rewindScratch(mark);
    expect(writeLetter()).toBe(before);
    beginScratch();
    const start = markScratch();
    writeLetter();
    rewindScratch(start);
    const others = scratch(4096);
    memory.fill(others, 0, 4096);
    const after = writeLetter();
    expect(load<u8>(after)).toBe(0x61);
    expect(after >= others + 4096).toBe(true);
    beginScratch();
  });

  it("has an end", () => {
    expect(scratch(33 << 20)).toBe(0);
  });
});

describe("a table", () => {
  it("finds what was inserted, through its growth", () => {
    const arena = openArena()!;
    const table = newTable(arena);
    expect(find(table, bytesOf("nothing"))).toBe(ABSENT);
    for (let i = 0; i < 1000; i++) {
      expect(insert(arena, table, keep(arena, bytesOf("key-" + i.toString())), i)).toBe(true);
    }
    beginScratch();
    for (let i = 0; i < 1000; i++) {
      if (find(table, bytesOf("key-" + i.toString())) != i) throw new Error("lost " + i.toString());
      if ((i & 255) == 0) beginScratch();
    }
    expect(find(table, bytesOf("key-1000"))).toBe(ABSENT);
    expect(find(table, bytesOf(""))).toBe(ABSENT);
    closeArena(arena);
  });

  it("tells keys of more than 63 bytes apart", () => {
    const arena = openArena()!;
    const table = newTable(arena);
    const long = "x".repeat(100);
    insert(arena, table, keep(arena, bytesOf(long + "a")), 1);
    insert(arena, table, keep(arena, bytesOf(long + "b")), 2);
    expect(find(table, bytesOf(long + "b"))).toBe(2);
    expect(find(table, bytesOf(long + "c"))).toBe(ABSENT);
    expect(find(table, sliceOf(8, 0))).toBe(ABSENT);
    closeArena(arena);
  });
});
