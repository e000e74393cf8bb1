import { addressOf, lengthOf } from "../../../assembly/bytes/slice";
import { decision } from "../../../assembly/core/decision";
import { formDecoded, readParams } from "../../../assembly/core/query";
import { bytesOf, stringOf } from "../texts";
import { begin, inputOf, planOf } from "./requests";

const plan = planOf('{"identity":[{"query":"uid"},{"query":"user id"},{"query":"é"}],"rollouts":{}}');

/** Reads the parameters of a request for this path. */
function read(path: string): void {
  begin(plan, [":path", path]);
  readParams(decision);
}

/** The parameter `uid` of a query; null without. */
function uidOf(query: string): string | null {
  read("/a?" + query);
  return inputOf(plan.inputs.params, "uid");
}

describe("form decoding", () => {
  it("reads + as a blank and % with two digits as a byte; any other % stands for itself", () => {
    const rows = [
      ["", ""],
      ["abc", "abc"],
      ["+", " "],
      ["a+b++", "a b  "],
      ["%41", "A"],
      ["%4a%4A%6f", "JJo"],
      ["a%20b", "a b"],
      ["%2B%25%26", "+%&"],
      // Once, not until nothing is left.
      ["%2541", "%41"],
      ["%2525", "%25"],
      ["%", "%"],
      ["a%", "a%"],
      ["%4", "%4"],
      ["a%4", "a%4"],
      ["%4g", "%4g"],
      ["%g4", "%g4"],
      ["%/0%:0%@0%G0%`0", "%/0%:0%@0%G0%`0"],
      ["%0/%0:%0@%0G%0`", "%0/%0:%0@%0G%0`"],
      ["%%41", "%A"],
      ["%4%41", "%4A"],
      ["%+41", "% 41"],
      ["%u0041", "%u0041"],
      ["%C3%A9é", "éé"],
    ];
    for (let i = 0; i < rows.length; i++) {
      expect(stringOf(formDecoded(bytesOf(rows[i][0])))).toBe(rows[i][1], rows[i][0]);
    }
  });

  it("gives bytes that may be no text", () => {
    const decoded = formDecoded(bytesOf("%FF%00a%80"));
    expect(lengthOf(decoded)).toBe(4);
    expect(load<u32>(addressOf(decoded))).toBe(0x806100ff);
  });

  it("copies nothing where nothing is encoded, and never writes over what it reads", () => {
    const plain = bytesOf("abc");
    expect(formDecoded(plain)).toBe(plain);
    const encoded = bytesOf("a%41+");
    formDecoded(encoded);
    expect(stringOf(encoded)).toBe("a%41+");
  });
});

describe("a query parameter", () => {
  it("is what stands between its first equals sign and the next ampersand, decoded", () => {
    const rows = [
      ["uid=42", "42"],
      ["a=1&uid=42&b=2", "42"],
      ["&&uid=42&&", "42"],
      ["uid=a=b", "a=b"],
      ["uid=1;2", "1;2"],
      ["uid=4%262", "4&2"],
      ["uid=4%3D2", "4=2"],
      ["uid=4+2", "4 2"],
      ["u%69%64=42", "42"],
      ["uid=%C3%A9", "é"],
      ["uid=a?b", "a?b"],
      ["uid=%", "%"],
      ["uid=42%4", "42%4"],
      // Outer blanks go, encoded ones too.
      ["uid=+42+", "42"],
      ["uid=%2042%09", "42"],
    ];
    for (let i = 0; i < rows.length; i++) expect(uidOf(rows[i][0])).toBe(rows[i][1], rows[i][0]);
  });

  it("is found under its decoded name", () => {
    const queries = ["user+id=1", "user%20id=1", "user id=1", "%75ser+id=1"];
    for (let i = 0; i < queries.length; i++) {
      read("/?" + queries[i]);
      expect(inputOf(plan.inputs.params, "user id")).toBe("1", queries[i]);
    }
    read("/?%c3%A9=1");
    expect(inputOf(plan.inputs.params, "é")).toBe("1");
  });

  it("is none under another name", () => {
    const rows = [
      "",
      "=",
      "=42",
      "UID=1",
      "uidx=2",
      "xuid=3",
      "uid%3D42",
      "+uid=4",
      "uid+=5",
      "uid%=6",
      "a=uid",
      "uid;=7",
    ];
    for (let i = 0; i < rows.length; i++) expect(uidOf(rows[i])).toBe(null, rows[i]);
  });

  it("may be without a value", () => {
    const rows = ["uid", "uid=", "uid&", "a&uid&b", "uid=+", "uid=%20&uid="];
    for (let i = 0; i < rows.length; i++) expect(uidOf(rows[i])).toBe("", rows[i]);
  });

  it("is the first of its name that is not empty", () => {
    const rows = [
      ["uid=42&uid=7", "42"],
      ["uid&uid=42&uid=7", "42"],
      ["uid=&uid=+&uid=42", "42"],
    ];
    for (let i = 0; i < rows.length; i++) expect(uidOf(rows[i][0])).toBe(rows[i][1], rows[i][0]);
  });

  it("stands in the query, not in path or fragment", () => {
    const paths = ["/uid=1", "/a&uid=1", "/a#uid=1", "/a#?uid=1", "/a?b=1#&uid=1", "/a?#uid=1"];
    for (let i = 0; i < paths.length; i++) {
      read(paths[i]);
      expect(inputOf(plan.inputs.params, "uid")).toBe(null, paths[i]);
    }
    begin(plan, [":method", "CONNECT"]);
    readParams(decision);
    expect(inputOf(plan.inputs.params, "uid")).toBe(null);
  });

  it("is found behind many others", () => {
    expect(uidOf("abc=0123456789&".repeat(2000) + "uid=42")).toBe("42");
    expect(uidOf("uid=" + "%41".repeat(5000))).toBe("A".repeat(5000));
  });
});
