import { base64urlDecoded } from "../../../assembly/bytes/base64url";
import {
  addressOf,
  copyLower,
  findByte,
  findEither,
  isWord,
  lengthOf,
  lower,
  NONE,
  sameBytes,
  Slice,
  startsWithWord,
  trimmed,
} from "../../../assembly/bytes/slice";
import {
  beginText,
  putEscaped,
  putNumber,
  putString,
  putThousandths,
  textOf,
} from "../../../assembly/bytes/writer";
import { bytesOf, bytesOfHex, newWriter, stringOf, wordOf } from "../texts";

function decoded(text: string): string | null {
  const bytes: Slice = base64urlDecoded(bytesOf(text));
  return bytes == NONE ? null : stringOf(bytes);
}

describe("base64url", () => {
  it("agrees with RFC 4648 section 10, with padding and without", () => {
    expect(decoded("Zg")).toBe("f");
    expect(decoded("Zg==")).toBe("f");
    expect(decoded("Zm8")).toBe("fo");
    expect(decoded("Zm8=")).toBe("fo");
    expect(decoded("Zm9v")).toBe("foo");
    expect(decoded("Zm9vYg")).toBe("foob");
    expect(decoded("Zm9vYmE")).toBe("fooba");
    expect(decoded("Zm9vYmFy")).toBe("foobar");
    expect(decoded("")).toBe("");
    expect(decoded("w78_Pg")).toBe("ÿ?>");
  });

  it("refuses what is none", () => {
    expect(decoded("Z")).toBe(null);
    expect(decoded("Zm9+")).toBe(null);
    expect(decoded("Zm 9")).toBe(null);
    expect(decoded("Zg===")).toBe(null);
  });
});

describe("slices", () => {
  it("lose outer blanks only", () => {
    expect(stringOf(trimmed(bytesOf(" \t a b\t ")))).toBe("a b");
    expect(stringOf(trimmed(bytesOf(" \t ")))).toBe("");
    expect(stringOf(trimmed(bytesOf('"q"')))).toBe('"q"');
  });

  it("are compared with words", () => {
    expect(isWord(bytesOf("percent"), wordOf("percent"))).toBe(true);
    expect(isWord(bytesOf("percen"), wordOf("percent"))).toBe(false);
    expect(isWord(bytesOf("percents"), wordOf("percent"))).toBe(false);
    expect(startsWithWord(bytesOf("x-serin-a"), wordOf("x-serin-"))).toBe(true);
    expect(startsWithWord(bytesOf("x-serin"), wordOf("x-serin-"))).toBe(false);
  });
});

describe("a writer", () => {
  it("writes numbers", () => {
    const writer = newWriter();
    beginText(writer);
    putNumber(writer, 0);
    putString(writer, bytesOf("|"));
    putNumber(writer, 18446744073709551615);
    expect(stringOf(textOf(writer))).toBe('0"|"18446744073709551615');
  });

  it("writes thousandths without needless zeros", () => {
    const writer = newWriter();
    const values: u64[] = [0, 1, 10, 100, 1000, 5250, 33333, 100000];
    const texts = ["0", "0.001", "0.01", "0.1", "1", "5.25", "33.333", "100"];
    for (let i = 0; i < values.length; i++) {
      beginText(writer);
      putThousandths(writer, values[i]);
      expect(stringOf(textOf(writer))).toBe(texts[i]);
    }
  });

  it("escapes for JSON, and makes UTF-8 of what is none", () => {
    const writer = newWriter();
    beginText(writer);
    putEscaped(writer, bytesOf('a"\\\n\u007fé😀'));
    putEscaped(writer, bytesOfHex("ff41"));
    expect(stringOf(textOf(writer))).toBe('a\\"\\\\\\u000a\\u007fé😀\ufffdA');
  });

  it("grows", () => {
    const writer = newWriter();
    beginText(writer);
    for (let i = 0; i < 10000; i++) putNumber(writer, 7);
    expect(writer.full).toBe(false);
    expect(stringOf(textOf(writer))).toBe("7".repeat(10000));
  });
});

// A semicolon's neighbours, and what differs from it in the highest bit alone, are other bytes.
const OTHERS: u8[] = [0x3a, 0x3c, 0xbb, 0x00, 0xff, 0x80, 0x01];

describe("a byte in a run", () => {
  it("is found at its first place, whatever stands before and behind it", () => {
    const text = bytesOf("x".repeat(40));
    const begin = addressOf(text);
    for (let length = 0; length <= 40; length++) {
      for (let at = 0; at <= length; at++) {
        for (let i = 0; i < 40; i++) store<u8>(begin + i, OTHERS[(i + at) % 7]);
        if (at < length) store<u8>(begin + at, 0x3b);
        // A second one, and one behind the end.
        if (at + 1 < 40) store<u8>(begin + at + 1, 0x3b);
        if (length < 40) store<u8>(begin + length, 0x3b);
        const wanted = at < length ? at : length;
        expect(findByte(begin, begin + length, 0x3b) - begin).toBe(wanted as usize);
      }
    }
  });

  it("is found by each of its values", () => {
    const text = bytesOf("x".repeat(17));
    const begin = addressOf(text);
    for (let byte = 0; byte < 256; byte++) {
      for (let i = 0; i < 17; i++) store<u8>(begin + i, (byte + 1 + i) as u8);
      expect(findByte(begin, begin + lengthOf(text), byte as u8)).toBe(begin + 17);
      store<u8>(begin + 12, byte as u8);
      expect(findByte(begin, begin + lengthOf(text), byte as u8)).toBe(begin + 12);
    }
  });
});

describe("the first of two bytes in a run", () => {
  it("is found, whatever stands before and behind it", () => {
    const text = bytesOf("x".repeat(40));
    const begin = addressOf(text);
    for (let length = 0; length <= 20; length++) {
      for (let one = 0; one <= length + 1; one++) {
        for (let other = 0; other <= length + 1; other++) {
          for (let i = 0; i < 40; i++) store<u8>(begin + i, OTHERS[(i + one) % 7]);
          store<u8>(begin + one, 0x3d);
          store<u8>(begin + other, 0x3b);
          const first = other == one ? other : min(one, other);
          const found = findEither(begin, begin + length, 0x3d, 0x3b) - begin;
          if (found != (min(first, length) as usize)) expect(found).toBe(min(first, length) as usize);
        }
      }
    }
    expect(findEither(begin, begin, 0x3d, 0x3b)).toBe(begin);
  });
});

describe("two runs of bytes", () => {
  it("are the same when no byte differs, of any length", () => {
    const a = addressOf(bytesOf("x".repeat(40)));
    const b = addressOf(bytesOf("y".repeat(40)));
    for (let length: u32 = 0; length < 30; length++) {
      memory.fill(a, 0x61, 40);
      memory.fill(b, 0x62, 40);
      memory.fill(a, 0x63, length);
      memory.fill(b, 0x63, length);
      expect(sameBytes(a, b, length)).toBe(true);
      expect(sameBytes(a, b, length + 1)).toBe(false);
      for (let i: u32 = 0; i < length; i++) {
        store<u8>(a + i, 0x64);
        expect(sameBytes(a, b, length)).toBe(false);
        store<u8>(a + i, 0x63);
      }
    }
  });
});

describe("lower case", () => {
  it("is of the letters from A to Z alone, in a run of any length", () => {
    const from = addressOf(bytesOf("x".repeat(40)));
    const to = addressOf(bytesOf("y".repeat(40)));
    for (let length: u32 = 0; length <= 17; length++) {
      for (let byte = 0; byte < 256; byte++) {
        for (let i: u32 = 0; i < 24; i++) store<u8>(from + i, ((byte + i * 37) & 255) as u8);
        memory.fill(to, 0x7e, 32);
        copyLower(to, from, length);
        for (let i: u32 = 0; i < length; i++) {
          if (load<u8>(to + i) != lower(load<u8>(from + i)))
            expect(load<u8>(to + i)).toBe(lower(load<u8>(from + i)));
        }
        expect(load<u8>(to + ((length + 7) & ~7))).toBe(0x7e);
      }
    }
  });
});
