import { decodeStep, putItemStep, putStep } from "../../../assembly/bytes/json-pointer";
import { beginJson, Fault, JsonReader, nextToken, Token } from "../../../assembly/bytes/json-reader";
import * as json from "../../../assembly/bytes/json-writer";
import { addressOf, NONE, sliceOf } from "../../../assembly/bytes/slice";
import { beginText, put, putEscaped, restartText, textOf, Writer } from "../../../assembly/bytes/writer";
import { bytesOf, bytesOfHex, newWriter, stringOf, wordOf } from "../texts";

const reader = changetype<JsonReader>(memory.data(offsetof<JsonReader>(), 8));

function begun(): Writer {
  const writer = newWriter();
  beginText(writer);
  return writer;
}

/** What was written, which has to be JSON as our own reader has it. */
function written(writer: Writer): string {
  beginJson(reader, textOf(writer), 64);
  while (nextToken(reader) < Token.End) {}
  expect(reader.fault).toBe(Fault.None, stringOf(textOf(writer)));
  return stringOf(textOf(writer));
}

const ITEMS = ["null", "true", "7", "0.5", '"w"', '"t"', '{"k":1}', "[[]]"];

function putItem(writer: Writer, kind: i32): void {
  if (kind == 0) json.nothing(writer);
  if (kind == 1) json.truth(writer, true);
  if (kind == 2) json.number(writer, 7);
  if (kind == 3) json.float(writer, 0.5);
  if (kind == 4) json.word(writer, wordOf("w"));
  if (kind == 5) json.text(writer, bytesOf("t"));
  if (kind == 6) {
    json.beginObject(writer);
    json.numberAt(writer, wordOf("k"), 1);
    json.endObject(writer);
  }
  if (kind == 7) {
    json.beginArray(writer);
    json.beginArray(writer);
    json.endArray(writer);
    json.endArray(writer);
  }
}

describe("JSON that is written", () => {
  it("is one value of any kind", () => {
    const writer = newWriter();
    beginText(writer);
    json.nothing(writer);
    expect(written(writer)).toBe("null");
    beginText(writer);
    json.truth(writer, true);
    expect(written(writer)).toBe("true");
    restartText(writer);
    json.truth(writer, false);
    expect(written(writer)).toBe("false");
    restartText(writer);
    json.number(writer, 18446744073709551615);
    expect(written(writer)).toBe("18446744073709551615");
    restartText(writer);
    json.word(writer, wordOf(""));
    expect(written(writer)).toBe('""');
    restartText(writer);
    json.text(writer, bytesOf('a"\\\n\u007fé😀'));
    expect(written(writer)).toBe('"a\\"\\\\\\u000a\\u007fé😀"');
    restartText(writer);
    json.text(writer, NONE);
    expect(written(writer)).toBe('""');
    restartText(writer);
    json.beginObject(writer);
    json.endObject(writer);
    expect(written(writer)).toBe("{}");
    restartText(writer);
    json.beginArray(writer);
    json.endArray(writer);
    expect(written(writer)).toBe("[]");
  });

  it("has the numbers of JavaScript, and null for what JSON cannot say", () => {
    const writer = begun();
    json.beginArray(writer);
    const numbers: f64[] = [0, -0.0, 1.5, -1e21, 5e-324, NaN, Infinity, -Infinity];
    for (let i = 0; i < numbers.length; i++) json.float(writer, numbers[i]);
    json.endArray(writer);
    expect(written(writer)).toBe("[0,0,1.5,-1e+21,5e-324,null,null,null]");
  });

  it("has a comma between any two, and none anywhere else", () => {
    // Each kind of item behind each.
    for (let first = 0; first < 8; first++) {
      for (let second = 0; second < 8; second++) {
        const writer = begun();
        json.beginArray(writer);
        putItem(writer, first);
        putItem(writer, second);
        json.endArray(writer);
        expect(written(writer)).toBe("[" + ITEMS[first] + "," + ITEMS[second] + "]");
        restartText(writer);
        json.beginObject(writer);
        json.name(writer, wordOf("a"));
        putItem(writer, first);
        json.nameText(writer, bytesOf("b"));
        putItem(writer, second);
        json.endObject(writer);
        expect(written(writer)).toBe('{"a":' + ITEMS[first] + ',"b":' + ITEMS[second] + "}");
      }
    }
  });

  it("has members of every kind", () => {
    const writer = begun();
    json.beginObject(writer);
    json.textAt(writer, wordOf("text"), bytesOf("é\t"));
    json.wordAt(writer, wordOf("word"), wordOf("w"));
    json.numberAt(writer, wordOf("number"), 0);
    json.truthAt(writer, wordOf("truth"), false);
    json.objectAt(writer, wordOf("object"));
    json.endObject(writer);
    json.arrayAt(writer, wordOf("array"));
    json.nothing(writer);
    json.endArray(writer);
    json.nameText(writer, bytesOf('"\n'));
    json.nothing(writer);
    json.endObject(writer);
    expect(written(writer)).toBe(
      '{"text":"é\\u0009","word":"w","number":0,"truth":false,"object":{},"array":[null],"\\"\\u000a":null}',
    );
  });

  it("has names and strings that are put in pieces", () => {
    const writer = begun();
    json.beginObject(writer);
    for (let i = 0; i < 2; i++) {
      json.beginName(writer);
      put(writer, wordOf("x-"));
      putEscaped(writer, bytesOf('"'));
      json.endName(writer);
      json.beginString(writer);
      put(writer, wordOf("a"));
      put(writer, wordOf("b"));
      json.endString(writer);
    }
    json.endObject(writer);
    expect(written(writer)).toBe('{"x-\\"":"ab","x-\\"":"ab"}');
  });

  it("nests without a bound", () => {
    const writer = begun();
    for (let i = 0; i < 500; i++) {
      json.beginArray(writer);
      json.beginObject(writer);
      json.name(writer, wordOf("a"));
    }
    json.nothing(writer);
    for (let i = 0; i < 500; i++) {
      json.numberAt(writer, wordOf("b"), 1);
      json.endObject(writer);
      json.endArray(writer);
    }
    expect(stringOf(textOf(writer))).toBe('[{"a":'.repeat(500) + "null" + ',"b":1}]'.repeat(500));
  });

  it("grows at every byte", () => {
    // The first 1,024 bytes end in the middle of each thing that is written.
    for (let before = 990; before < 1030; before++) {
      const writer = begun();
      const filler = bytesOf("x".repeat(before));
      json.beginArray(writer);
      json.text(writer, filler);
      json.beginObject(writer);
      json.wordAt(writer, wordOf("name"), wordOf("word"));
      json.nameText(writer, bytesOf("é"));
      json.text(writer, bytesOf('"\u0001é'));
      json.endObject(writer);
      json.truth(writer, true);
      json.endArray(writer);
      expect(written(writer)).toBe('["' + "x".repeat(before) + '",{"name":"word","é":"\\"\\u0001é"},true]');
    }
  });

  it("makes UTF-8 of what is none", () => {
    const writer = begun();
    json.text(writer, bytesOfHex("41ff42c3"));
    expect(written(writer)).toBe('"A\ufffdB\ufffd"');
  });
});

describe("a JSON Pointer", () => {
  it("is put step by step, escaped twice", () => {
    const writer = begun();
    const names = ["", "a", "a/b", "m~n", "~", "/", "~1", "~~//", '"\\', "é\n"];
    for (let i = 0; i < names.length; i++) putStep(writer, bytesOf(names[i]));
    putItemStep(writer, 0);
    putItemStep(writer, 4294967295);
    expect(stringOf(textOf(writer))).toBe('//a/a~1b/m~0n/~0/~1/~01/~0~0~1~1/\\"\\\\/é\\u000a/0/4294967295');
  });

  it("is read step by step, in place", () => {
    expect(stringOf(decodeStep(bytesOf("a~1b~0")))).toBe("a/b~");
    expect(stringOf(decodeStep(bytesOf("~01")))).toBe("~1");
    expect(stringOf(decodeStep(bytesOf("~10")))).toBe("/0");
    expect(stringOf(decodeStep(bytesOf("é*")))).toBe("é*");
    const empty = bytesOf("");
    expect(decodeStep(empty)).toBe(empty);
    const plain = bytesOf("plain");
    expect(decodeStep(plain)).toBe(plain);
    const wrong = ["~", "a~", "~2", "~~", "~a", "a~0~"];
    for (let i = 0; i < wrong.length; i++) expect(decodeStep(bytesOf(wrong[i]))).toBe(NONE, wrong[i]);
    // What stands behind the step is no part of it.
    const cut = bytesOf("a~0");
    expect(decodeStep(sliceOf(addressOf(cut), 2))).toBe(NONE);
  });
});
