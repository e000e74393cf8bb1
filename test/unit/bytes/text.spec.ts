import { base64urlDecoded } from "../../../assembly/bytes/base64url";
import {
  addressOf,
  findByte,
  isWord,
  lengthOf,
  NONE,
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
