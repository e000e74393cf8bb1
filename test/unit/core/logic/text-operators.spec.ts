import { contains, endsWith, startsWith } from "../../../../assembly/core/logic/text-operators";
import { beginScratch } from "../../../../assembly/bytes/scratch";
import { bytesOf } from "../../texts";
import { argumentsOf, jsonOf, newValue, valueOf } from "./values";

function starts(list: string): string {
  const args = valueOf(list);
  const result = newValue();
  startsWith(result, argumentsOf(args), args.count);
  return jsonOf(result);
}

function ends(list: string): string {
  const args = valueOf(list);
  const result = newValue();
  endsWith(result, argumentsOf(args), args.count);
  return jsonOf(result);
}

describe("starts_with and ends_with", () => {
  it("compare bytes", () => {
    expect(starts('["abcxyz", "abc"]')).toBe("true");
    expect(starts('["abcxyz", "xyz"]')).toBe("false");
    expect(starts('["ab", "abc"]')).toBe("false");
    expect(starts('["Abc", "a"]')).toBe("false");
    expect(starts('["日本語", "日"]')).toBe("true");
    expect(ends('["abcxyz", "xyz"]')).toBe("true");
    expect(ends('["abcxyz", "abc"]')).toBe("false");
    expect(ends('["yz", "xyz"]')).toBe("false");
    expect(ends('["user@faas.com", "@faas.com"]')).toBe("true");
    expect(ends('["日本語", "語"]')).toBe("true");
  });

  it("find the empty text everywhere", () => {
    expect(starts('["", ""]')).toBe("true");
    expect(starts('["a", ""]')).toBe("true");
    expect(ends('["", ""]')).toBe("true");
    expect(ends('["a", ""]')).toBe("true");
    expect(starts('["", "a"]')).toBe("false");
    expect(ends('["", "a"]')).toBe("false");
  });

  it("are null unless there are exactly two texts", () => {
    const others = [
      "[]",
      '["a"]',
      '["a", "a", "a"]',
      '[null, "a"]',
      '["a", null]',
      '[1, "1"]',
      '["1", 1]',
      '["true", true]',
      '[["a"], "a"]',
      '[{}, ""]',
    ];
    for (let i = 0; i < others.length; i++) {
      expect(starts(others[i])).toBe("null", others[i]);
      expect(ends(others[i])).toBe("null", others[i]);
    }
  });
});

/** The search as anyone would write it. */
function containsPlainly(haystack: string, needle: string): bool {
  for (let i = 0; i + needle.length <= haystack.length; i++) {
    let j = 0;
    while (j < needle.length && haystack.charCodeAt(i + j) == needle.charCodeAt(j)) j++;
    if (j == needle.length) return true;
  }
  return false;
}

/** Numbers from a seed: xorshift32 (Marsaglia 2003). */
let seed: u32 = 0x5e71;
function random(below: i32): i32 {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return (seed % (below as u32)) as i32;
}

describe("contains", () => {
  it("finds at the begin, inside and at the end, and the empty text in all", () => {
    expect(contains(bytesOf("serin"), bytesOf(""))).toBe(true);
    expect(contains(bytesOf(""), bytesOf(""))).toBe(true);
    expect(contains(bytesOf(""), bytesOf("s"))).toBe(false);
    expect(contains(bytesOf("serin"), bytesOf("se"))).toBe(true);
    expect(contains(bytesOf("serin"), bytesOf("eri"))).toBe(true);
    expect(contains(bytesOf("serin"), bytesOf("n"))).toBe(true);
    expect(contains(bytesOf("serin"), bytesOf("serin"))).toBe(true);
    expect(contains(bytesOf("serin"), bytesOf("serine"))).toBe(false);
    expect(contains(bytesOf("serin"), bytesOf("rn"))).toBe(false);
    expect(contains(bytesOf("日本語"), bytesOf("本"))).toBe(true);
  });

  it("agrees with a plain search, for needles of any length over two letters", () => {
    const letters = "ab";
    for (let round = 0; round < 4000; round++) {
      beginScratch();
      const length = 1 + random(40);
      // Repeated pieces with a fault here and there: what the periods are about.
      const piece = 1 + random(6);
      let needle = "";
      for (let i = 0; i < length; i++) {
        needle += i < piece || random(12) == 0 ? letters.charAt(random(2)) : needle.charAt(i - piece);
      }
      let haystack = "";
      const pieces = random(5);
      for (let i = 0; i <= pieces; i++) {
        haystack += needle.substr(random(length), random(length));
        for (let j = random(6); j > 0; j--) haystack += letters.charAt(random(2));
        if (random(9) == 0) haystack += needle;
      }
      const found = contains(bytesOf(haystack), bytesOf(needle));
      expect(found).toBe(containsPlainly(haystack, needle), needle + " in " + haystack);
    }
  });

  it("finds every part of a text with periods", () => {
    const text = "abaababaabaababaababaabaababaabaab".repeat(2) + "c";
    for (let from = 0; from < text.length; from++) {
      beginScratch();
      for (let to = from + 1; to <= text.length; to++) {
        const part = text.substring(from, to);
        if (!contains(bytesOf(text), bytesOf(part))) expect(part).toBe("found");
      }
      expect(contains(bytesOf(text), bytesOf(text.substring(from) + "c"))).toBe(false);
    }
  });

  it("is not quadratic: 60 KiB of one letter, searched 100 times for half of it", () => {
    beginScratch();
    // Comparing at each place would be 100,000 million steps here, and not end within the test.
    const haystack = bytesOf("a".repeat(61440));
    const needles = [
      bytesOf("a".repeat(30720) + "b"),
      bytesOf("b" + "a".repeat(30720)),
      bytesOf("a".repeat(15360) + "b" + "a".repeat(15360)),
      bytesOf("b" + "a".repeat(99) + ("b" + "a".repeat(100)).repeat(300)),
    ];
    for (let i = 0; i < 100; i++) {
      for (let j = 0; j < needles.length; j++) expect(contains(haystack, needles[j])).toBe(false);
    }
    expect(contains(haystack, bytesOf("a".repeat(30720)))).toBe(true);
    // A needle of short periods in a text of nearly the same ones.
    const periods = bytesOf(("b" + "a".repeat(100)).repeat(300) + "c" + ("a".repeat(100) + "b").repeat(300));
    const there = bytesOf("aab" + "a".repeat(100) + "b" + ("a".repeat(100) + "b").repeat(297));
    const nowhere = bytesOf("bb" + ("a".repeat(100) + "b").repeat(298));
    for (let i = 0; i < 100; i++) {
      expect(contains(periods, there)).toBe(true);
      expect(contains(periods, nowhere)).toBe(false);
    }
  });
});
