import { unescaped } from "../../../assembly/bytes/json-escape";
import {
  beginJson,
  Fault,
  isInValue,
  JsonReader,
  nextToken,
  Token,
} from "../../../assembly/bytes/json-reader";
import { scratch } from "../../../assembly/bytes/scratch";
import { addressOf, lengthOf, Slice, sliceOf } from "../../../assembly/bytes/slice";
import { bytesOf, bytesOfHex, stringOf } from "../texts";

const reader = changetype<JsonReader>(memory.data(offsetof<JsonReader>(), 8));
const DEEPEST: u32 = 8;

function said(): string {
  return stringOf(
    reader.hasEscape ? unescaped(reader.text, scratch(lengthOf(reader.text) + 1)) : reader.text,
  );
}

/** The tokens of a text, one letter or word each; behind them the fault's number and place when there is one. */
function tokensOf(text: Slice): string {
  beginJson(reader, text, DEEPEST);
  let out = "";
  while (true) {
    const token = nextToken(reader);
    if (token == Token.End) return out;
    if (token == Token.Fault)
      return out + "!" + reader.fault.toString() + "@" + (reader.faultAt - addressOf(text)).toString();
    if (token == Token.Object) out += "{";
    else if (token == Token.Array) out += "[";
    else if (token == Token.Close) out += ".";
    else if (token == Token.Name) out += said() + ":";
    else if (token == Token.String) out += "'" + said() + "'";
    else out += said() + " ";
  }
}

function tokens(text: string): string {
  return tokensOf(bytesOf(text));
}

/** The fault of a text; 0 when it is JSON. */
function faultOf(text: Slice): i32 {
  tokensOf(text);
  return reader.fault;
}

function faultAt(text: string, fault: i32): i32 {
  const bytes = bytesOf(text);
  expect(faultOf(bytes)).toBe(fault, text);
  return (reader.faultAt - addressOf(bytes)) as i32;
}

/** What the text says when it is one string; null when it is no JSON. */
function readString(text: Slice): string | null {
  return faultOf(text) == 0 ? said() : null;
}

describe("a document", () => {
  it("is read token by token", () => {
    expect(tokens("null")).toBe("null ");
    expect(tokens(" true ")).toBe("true ");
    expect(tokens("\t\r\n-1.5e+3\n")).toBe("-1.5e+3 ");
    expect(tokens('"a"')).toBe("'a'");
    expect(tokens("[]")).toBe("[.");
    expect(tokens("{}")).toBe("{.");
    expect(tokens(" [ { } , [ ] ] ")).toBe("[{.[..");
    expect(tokens('{"a":1,"b":[true,false,null],"c":{"d":"e"}}')).toBe("{a:1 b:[true false null .c:{d:'e'..");
    expect(tokens('{ "a" : { } , "" : [ { "b" : 0 } ] }')).toBe("{a:{.:[{b:0 ...");
  });

  it("keeps the names of an object as they come, repetitions too", () => {
    expect(tokens('{"a":1,"a":2,"\\u0061":3}')).toBe("{a:1 a:2 a:3 .");
  });

  it("tells what each token is, and where it begins", () => {
    const text = bytesOf(' {"a" : "b"}');
    const begin = addressOf(text);
    beginJson(reader, text, 1);
    expect(nextToken(reader)).toBe(Token.Object);
    expect(reader.begin - begin).toBe(1);
    expect(reader.depth).toBe(1);
    expect(nextToken(reader)).toBe(Token.Name);
    expect(reader.begin - begin).toBe(2);
    expect(nextToken(reader)).toBe(Token.String);
    expect(reader.begin - begin).toBe(8);
    expect(reader.text).toBe(sliceOf(begin + 9, 1));
    expect(nextToken(reader)).toBe(Token.Close);
    expect(reader.begin - begin).toBe(11);
    expect(reader.depth).toBe(0);
    expect(nextToken(reader)).toBe(Token.End);
    expect(nextToken(reader)).toBe(Token.End);
  });

  it("nests as deep as the caller allows", () => {
    const most = (DEEPEST as i32) - 1;
    for (let depth = 1; depth <= most + 1; depth++) {
      expect(tokens("[".repeat(depth) + "]".repeat(depth))).toBe("[".repeat(depth) + ".".repeat(depth));
    }
    expect(faultAt("[".repeat(most) + '{"a":[', Fault.Depth)).toBe(most + 5);
    expect(faultAt("[".repeat(most + 2), Fault.Depth)).toBe(most + 1);
    // Closed ones do not count.
    expect(faultOf(bytesOf("[" + "[],{},".repeat(100) + "0]"))).toBe(0);
  });

  it("knows objects from arrays 64 levels down", () => {
    const opened = '{"a":['.repeat(32);
    const text = bytesOf(opened + "1" + "]}".repeat(32));
    beginJson(reader, text, 64);
    let count = 0;
    while (nextToken(reader) < Token.End) count++;
    expect(reader.fault).toBe(Fault.None);
    expect(count).toBe(32 * 5 + 1);
    const broken = bytesOf(opened + "1" + "]}".repeat(31) + "}]");
    beginJson(reader, broken, 64);
    while (nextToken(reader) < Token.End) {}
    expect(reader.fault).toBe(Fault.ItemEnd);
    expect(reader.faultAt).toBe(addressOf(broken) + lengthOf(broken) - 2);
  });

  it("is over behind its value", () => {
    expect(faultAt("1 2", Fault.Over)).toBe(2);
    expect(faultAt("{} ,", Fault.Over)).toBe(3);
    expect(faultAt('"a""', Fault.Over)).toBe(3);
    expect(faultAt("[]]", Fault.Over)).toBe(2);
    expect(faultAt("null\u0000", Fault.Over)).toBe(4);
  });
});

describe("what is no JSON", () => {
  it("is told with its place", () => {
    expect(faultAt("", Fault.Value)).toBe(0);
    expect(faultAt("  ", Fault.Value)).toBe(2);
    expect(faultAt("x", Fault.Value)).toBe(0);
    expect(faultAt("]", Fault.Value)).toBe(0);
    expect(faultAt("\u0000", Fault.Value)).toBe(0);
    expect(faultAt("[,1]", Fault.Value)).toBe(1);
    expect(faultAt("[1,]", Fault.Value)).toBe(3);
    expect(faultAt("[1,,2]", Fault.Value)).toBe(3);
    expect(faultAt("[}", Fault.Value)).toBe(1);
    expect(faultAt("[1 2]", Fault.ItemEnd)).toBe(3);
    expect(faultAt("[1}", Fault.ItemEnd)).toBe(2);
    expect(faultAt("[1:2]", Fault.ItemEnd)).toBe(2);
    expect(faultAt("[1\u0000]", Fault.ItemEnd)).toBe(2);
    expect(faultAt("{]", Fault.Name)).toBe(1);
    expect(faultAt("{1:2}", Fault.Name)).toBe(1);
    expect(faultAt("{,}", Fault.Name)).toBe(1);
    expect(faultAt('{"a":1,}', Fault.Name)).toBe(7);
    expect(faultAt("{a:1}", Fault.Name)).toBe(1);
    expect(faultAt('{"a"}', Fault.Colon)).toBe(4);
    expect(faultAt('{"a" 1}', Fault.Colon)).toBe(5);
    expect(faultAt('{"a"::1}', Fault.Value)).toBe(5);
    expect(faultAt('{"a":}', Fault.Value)).toBe(5);
    expect(faultAt('{"a":1]', Fault.MemberEnd)).toBe(6);
    expect(faultAt('{"a":1 "b":2}', Fault.MemberEnd)).toBe(7);
    expect(faultAt("\u00a0 1", Fault.Value)).toBe(0);
    expect(faultAt("\ufeff1", Fault.Value)).toBe(0);
    expect(faultAt("// a\n1", Fault.Value)).toBe(0);
    expect(faultAt("'a'", Fault.Value)).toBe(0);
    expect(faultAt("NaN", Fault.Value)).toBe(0);
  });

  it("lies inside of a value, or before it", () => {
    const inside = ["[x", "[01", '["a', '["\\x"]', '{"a":tru}', '{"a":"\n"}', "[[[[[[[[["];
    for (let i = 0; i < inside.length; i++) {
      expect(faultOf(bytesOf(inside[i])) != 0).toBe(true, inside[i]);
      expect(isInValue(reader)).toBe(true, inside[i]);
    }
    const before = ["", "[", '{"a":', "[1,", "{x", '{"a', '{"a"x', "[1x", "1x"];
    for (let i = 0; i < before.length; i++) {
      expect(faultOf(bytesOf(before[i])) != 0).toBe(true, before[i]);
      expect(isInValue(reader)).toBe(false, before[i]);
    }
  });

  it("is every text that ends too soon, and says so at its end", () => {
    const whole = bytesOf('{"a\\n":[1.5e-3,true,false,null,{"é":"\\ud83d\\ude00 €"},"",[]]}');
    expect(faultOf(whole)).toBe(0);
    for (let length: u32 = 0; length < lengthOf(whole); length++) {
      // What lies behind the end must not count: the whole text still stands there.
      const cut = sliceOf(addressOf(whole), length);
      const fault = faultOf(cut);
      const place = (reader.faultAt - addressOf(cut)) as u32;
      expect(fault != 0).toBe(true, "cut at " + length.toString());
      // A word, an escape and a character that are cut are told where they begin.
      const isWhole =
        fault == Fault.Escape || fault == Fault.Surrogate || fault == Fault.Utf8 || fault == Fault.Value;
      if (isWhole) expect(place <= length && length - place < 12).toBe(true, "cut at " + length.toString());
      else expect(place).toBe(length);
    }
  });
});

describe("strings of JSON", () => {
  it("are decoded", () => {
    expect(readString(bytesOf('"plain"'))).toBe("plain");
    expect(readString(bytesOf('""'))).toBe("");
    expect(readString(bytesOf('"\\"\\\\\\/\\b\\f\\n\\r\\t"'))).toBe('"\\/\b\f\n\r\t');
    expect(readString(bytesOf('"\\u0041\\u00e9\\u20AC"'))).toBe("Aé€");
    expect(readString(bytesOf('"\\ud83d\\ude00"'))).toBe("😀");
    expect(readString(bytesOf('"日本 é 😀"'))).toBe("日本 é 😀");
  });

  it("end at their own quote", () => {
    expect(tokens('["a","b"]')).toBe("['a''b'.");
    expect(tokens('["a\\\\","\\"b"]')).toBe("['a\\''\"b'.");
  });

  it("are refused when they are none", () => {
    expect(faultOf(bytesOf('"open'))).toBe(Fault.Open);
    expect(faultOf(bytesOf('"open\\'))).toBe(Fault.Open);
    expect(faultOf(bytesOf('"open\\"'))).toBe(Fault.Open);
    expect(faultOf(bytesOf('"a\nb"'))).toBe(Fault.Control);
    expect(faultOf(bytesOf('"\\x41"'))).toBe(Fault.Escape);
    expect(faultOf(bytesOf('"\\u12g4"'))).toBe(Fault.Escape);
    expect(faultOf(bytesOf('"\\U0041"'))).toBe(Fault.Escape);
    expect(faultOf(bytesOf('"\\ud800"'))).toBe(Fault.Surrogate);
    expect(faultOf(bytesOf('"\\ud800\\u0041"'))).toBe(Fault.Surrogate);
    expect(faultOf(bytesOf('"\\ud800\\ud800"'))).toBe(Fault.Surrogate);
    expect(faultOf(bytesOf('"\\udc00"'))).toBe(Fault.Surrogate);
    expect(faultOf(bytesOf('"\\ud7ff\\ue000"'))).toBe(0);
    expect(faultOf(bytesOf('"\\ud800\\udc00\\udbff\\udfff"'))).toBe(0);
  });

  it("are UTF-8: no overlong form, no surrogate, nothing above U+10FFFF, nothing cut", () => {
    expect(faultOf(bytesOfHex("22c08022"))).toBe(Fault.Utf8);
    expect(faultOf(bytesOfHex("22e0808022"))).toBe(Fault.Utf8);
    expect(faultOf(bytesOfHex("22eda08022"))).toBe(Fault.Utf8);
    expect(faultOf(bytesOfHex("22f490808022"))).toBe(Fault.Utf8);
    expect(faultOf(bytesOfHex("22f0808080" + "22"))).toBe(Fault.Utf8);
    expect(faultOf(bytesOfHex("22e282"))).toBe(Fault.Utf8);
    expect(faultOf(bytesOfHex("2280" + "22"))).toBe(Fault.Utf8);
    expect(faultOf(bytesOfHex("22f48fbfbf22"))).toBe(0);
    expect(faultOf(bytesOfHex("227f22"))).toBe(0);
  });

  it("stop at every byte that is not plain, wherever it stands", () => {
    // Eight bytes are looked at in one step: each of the 256, at each place of a step, behind and before plain ones.
    let wrong = "";
    for (let place = 0; place < 17; place++) {
      const text = bytesOf('"' + "~".repeat(place) + "?" + "!".repeat(17) + '"');
      const at = addressOf(text) + 1 + place;
      for (let byte = 0; byte < 256; byte++) {
        store<u8>(at, byte as u8);
        let due: i32 = Fault.None;
        if (byte == 0x22) due = Fault.Over;
        else if (byte == 0x5c) due = Fault.Escape;
        else if (byte < 0x20) due = Fault.Control;
        else if (byte > 0x7f) due = Fault.Utf8;
        beginJson(reader, text, DEEPEST);
        const isRead = nextToken(reader) == Token.String && nextToken(reader) == Token.End;
        const isRight = isRead
          ? due == Fault.None && lengthOf(reader.text) == place + 18
          : reader.fault == due && reader.faultAt == at + (byte == 0x22 ? 1 : 0);
        if (!isRight) wrong += " " + byte.toString() + "@" + place.toString();
      }
    }
    expect(wrong).toBe("");
  });
});

describe("numbers and words of JSON", () => {
  it("are read to their end", () => {
    expect(tokens("[0,-0.5e+10,10.25,1E5,-0,9,1e-07]")).toBe("[0 -0.5e+10 10.25 1E5 -0 9 1e-07 .");
    expect(tokens('{"a":0}')).toBe("{a:0 .");
  });

  it("are refused in any other spelling", () => {
    expect(faultAt("01", Fault.Number)).toBe(1);
    expect(faultAt("-", Fault.Number)).toBe(1);
    expect(faultAt("-a", Fault.Number)).toBe(1);
    expect(faultAt("-01", Fault.Number)).toBe(2);
    expect(faultAt("1.", Fault.Number)).toBe(2);
    expect(faultAt("1.e5", Fault.Number)).toBe(2);
    expect(faultAt("1e", Fault.Number)).toBe(2);
    expect(faultAt("1e+", Fault.Number)).toBe(3);
    expect(faultAt("[1e+]", Fault.Number)).toBe(4);
    expect(faultAt("+1", Fault.Value)).toBe(0);
    expect(faultAt(".5", Fault.Value)).toBe(0);
    expect(faultAt("1a", Fault.Over)).toBe(1);
    expect(faultAt("[0x1]", Fault.ItemEnd)).toBe(2);
  });

  it("are words only whole", () => {
    const cut = ["t", "tru", "f", "fals", "n", "nul", "True", "nulL", "falsy"];
    for (let i = 0; i < cut.length; i++) expect(faultAt(cut[i], Fault.Value)).toBe(0);
    expect(faultAt("truee", Fault.Over)).toBe(4);
    expect(faultAt("[nullnull]", Fault.ItemEnd)).toBe(5);
    // What stands behind the text's end is no part of it.
    const text = bytesOf("false");
    expect(faultOf(sliceOf(addressOf(text), 4))).toBe(Fault.Value);
    expect(faultOf(text)).toBe(0);
  });
});
