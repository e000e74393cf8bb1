import { markScratch } from "../../../assembly/bytes/scratch";
import { NONE, Slice } from "../../../assembly/bytes/slice";
import { claim } from "../../../assembly/core/jwt";
import { View, view } from "../../../assembly/core/view";
import { bytesOf, stringOf } from "../texts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function base64url(text: string): string {
  const bytes = Uint8Array.wrap(String.UTF8.encode(text));
  let out = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word =
      ((bytes[i] as u32) << 16) |
      (left > 1 ? (bytes[i + 1] as u32) << 8 : 0) |
      (left > 2 ? (bytes[i + 2] as u32) : 0);
    out += LETTERS.charAt((word >> 18) & 63) + LETTERS.charAt((word >> 12) & 63);
    if (left > 1) out += LETTERS.charAt((word >> 6) & 63);
    if (left > 2) out += LETTERS.charAt(word & 63);
  }
  return out;
}

/** A new request. */
function begin(authorization: string): void {
  memory.fill(changetype<usize>(view), 0, offsetof<View>());
  view.authorization = bytesOf(authorization);
}

/** A new request whose token has this payload. */
function beginWith(payload: string): void {
  begin("Bearer eyJhbGciOiJub25lIn0." + base64url(payload) + ".c2ln");
}

/** The claim of a token with this payload; null when it is none. */
function claimOf(payload: string, name: string): string | null {
  beginWith(payload);
  const value = claim(bytesOf(name));
  return value == NONE ? null : stringOf(value);
}

function claimWith(authorization: string): string | null {
  begin(authorization);
  const value = claim(bytesOf("sub"));
  return value == NONE ? null : stringOf(value);
}

describe("a claim", () => {
  it("is found at the top, decoded", () => {
    expect(claimOf('{"sub":"alice"}', "sub")).toBe("alice");
    expect(claimOf(' { "a" : [1,{"sub":"no"}] , "sub" : "a\\u00e9\\n" } ', "sub")).toBe("aé\n");
    expect(claimOf('{"s\\u0075b":"alice"}', "sub")).toBe("alice");
  });

  it("is found on a path of objects", () => {
    expect(claimOf('{"user":{"id":"7","x":{"id":"8"}}}', "user.id")).toBe("7");
    expect(claimOf('{"user":{"x":{"id":"8"}},"id":"9"}', "user.x.id")).toBe("8");
    expect(claimOf('{"x":{"user":{"id":"8"}},"user":{"y":1,"id":"9"}}', "user.id")).toBe("9");
    expect(claimOf('{"a":{"b":{"c":{"d":"e"}}},"z":0}', "a.b.c.d")).toBe("e");
    expect(claimOf('{"a":{"b":{}},"b":"no"}', "a.b.b")).toBe(null);
    expect(claimOf('{"a":{"b":1},"a2":{"c":"no"}}', "a.c")).toBe(null);
    expect(claimOf('{"a":[{"b":1},{"c":{}}],"d":{"a":{}},"u":{"id":"7"},"e":[]}', "u.id")).toBe("7");
    expect(claimOf('{"":{"":"empty"}}', ".")).toBe("empty");
  });

  it("may have dots in its own name, which come before a path", () => {
    expect(claimOf('{"https://acme.example/uid":"7"}', "https://acme.example/uid")).toBe("7");
    expect(claimOf('{"a":{"b":"path"},"a.b":"name"}', "a.b")).toBe("name");
  });

  it("that is a number is its text, and of any other type none", () => {
    expect(claimOf('{"sub":42}', "sub")).toBe("42");
    expect(claimOf('{"sub":-1.50e+3}', "sub")).toBe("-1.50e+3");
    expect(claimOf('{"sub":true}', "sub")).toBe(null);
    expect(claimOf('{"sub":null}', "sub")).toBe(null);
    expect(claimOf('{"sub":{"a":1}}', "sub")).toBe(null);
    expect(claimOf('{"sub":["a"]}', "sub")).toBe(null);
    expect(claimOf('{"user":"x"}', "user.id")).toBe(null);
    expect(claimOf('{"user":[{"id":"x"}]}', "user.id")).toBe(null);
  });

  it("that stands twice is the last, as JSON.parse has it", () => {
    expect(claimOf('{"sub":"a","sub":"b"}', "sub")).toBe("b");
    expect(claimOf('{"sub":"a","sub":{"x":1}}', "sub")).toBe(null);
    expect(claimOf('{"u":{"id":"a"},"u":{"id":"b"}}', "u.id")).toBe("b");
    expect(claimOf('{"u":{"id":"a"},"u":{}}', "u.id")).toBe(null);
    expect(claimOf('{"u":{"id":"a"},"u":3}', "u.id")).toBe(null);
  });

  it("is none in a payload that is no JSON, all of it", () => {
    const broken = [
      "",
      "42",
      '"sub"',
      '["sub"]',
      "{",
      '{"sub"',
      '{"sub":',
      '{"sub":"a"',
      '{"sub":"a",}',
      '{"sub":"a"} x',
      '{"sub":"a"}}',
      '{"sub":"a"]',
      '{sub:"a"}',
      '{"sub":"a" "b":1}',
      '{"sub":"a","b":01}',
      '{"sub":"a","b":tru}',
      '{"sub":"a","b":[1,]}',
      '{"sub":"a","b":[,1]}',
      '{"sub":"a\n"}',
      '{"sub":"\\ud800"}',
    ];
    for (let i = 0; i < broken.length; i++) expect(claimOf(broken[i], "sub")).toBe(null);
  });

  it("is none in a payload that nests without end", () => {
    expect(claimOf('{"sub":"a","b":' + "[".repeat(62) + "]".repeat(62) + "}", "sub")).toBe("a");
    expect(claimOf('{"sub":"a","b":' + "[".repeat(63) + "]".repeat(63) + "}", "sub")).toBe(null);
    expect(claimOf('{"sub":"a","b":' + "[".repeat(5000), "sub")).toBe(null);
  });
});

describe("a token", () => {
  it("is decoded once a request, whatever is asked for", () => {
    beginWith('{"a":"1","u":{"id":"2","x":{"y":"3"}},"b":4,"s":"\\u0061"}');
    const names = ["b", "u.id", "u.x.y", "gone", "u.gone"].map<Slice>((name) => bytesOf(name));
    expect(stringOf(claim(bytesOf("a")))).toBe("1");
    const mark = markScratch();
    const values = names.map<Slice>((name) => claim(name));
    expect(markScratch()).toBe(mark);
    expect(stringOf(values[0])).toBe("4");
    expect(stringOf(values[1])).toBe("2");
    expect(stringOf(values[2])).toBe("3");
    expect(values[3] == NONE && values[4] == NONE).toBe(true);
    // Only what is spelt with escapes is decoded by itself.
    expect(stringOf(claim(bytesOf("s")))).toBe("a");
  });

  it("is a bearer token of three parts", () => {
    const payload = base64url('{"sub":"alice"}');
    expect(claimWith("Bearer h." + payload + ".s")).toBe("alice");
    expect(claimWith("bEARER \t h." + payload + ".")).toBe("alice");
    expect(claimWith("Bearer h." + payload + ".s.t.u")).toBe("alice");
    expect(claimWith("Bearer h." + payload)).toBe(null);
    expect(claimWith("Bearerh." + payload + ".s")).toBe(null);
    expect(claimWith("Basic h." + payload + ".s")).toBe(null);
    expect(claimWith("Bearer")).toBe(null);
    expect(claimWith("Bearer ")).toBe(null);
    expect(claimWith("Bearer ..")).toBe(null);
    expect(claimWith("Bearer h.!" + payload + ".s")).toBe(null);
    expect(claimWith("")).toBe(null);
  });
});
