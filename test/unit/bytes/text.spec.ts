import { base64urlDecoded } from "../../../assembly/bytes/base64url";
import { isWord, NONE, Slice, startsWithWord, trimmed } from "../../../assembly/bytes/slice";
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
