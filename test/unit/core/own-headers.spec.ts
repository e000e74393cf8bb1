import { lengthOf, NONE, Slice, sliceOf, addressOf } from "../../../assembly/bytes/slice";
import { beginForged, isOwnHeader, nextForged } from "../../../assembly/core/own-headers";
import { view } from "../../../assembly/core/view";
import { bytesOf, stringOf } from "../texts";
import { begin, blockOf, planOf } from "./requests";

const plan = planOf('{"rollouts":{}}');

/** The names of a block that are Serin's own, as they are found. */
function forgedIn(block: Slice): string {
  const names: string[] = [];
  beginForged(block);
  for (let name = nextForged(); name != NONE; name = nextForged()) names.push(stringOf(name));
  return names.join(" ");
}

function pairsOf(names: string[]): string[] {
  const pairs: string[] = [];
  for (let i = 0; i < names.length; i++) {
    pairs.push(names[i]);
    pairs.push(i.toString());
  }
  return pairs;
}

describe("a header of Serin's own", () => {
  it("has any character for a hyphen that is no letter or digit", () => {
    const own = [
      "x-serin-a",
      "x-serin-",
      "x_serin_checkout",
      "x-serin_a",
      "x_serin-a",
      "x.serin.a",
      "x-serin--a",
    ];
    for (let i = 0; i < own.length; i++) {
      expect(isOwnHeader(bytesOf(own[i]))).toBe(true, own[i]);
    }
    for (let byte = 0x21; byte < 0x7f; byte++) {
      const separator = String.fromCharCode(byte);
      const isOther = (byte | 0x20) < 0x61 || (byte | 0x20) > 0x7a;
      const isOwn = isOther && (byte < 0x30 || byte > 0x39);
      expect(isOwnHeader(bytesOf("x" + separator + "serin-a"))).toBe(isOwn, separator);
      expect(isOwnHeader(bytesOf("x-serin" + separator + "a"))).toBe(isOwn, separator);
    }
  });

  it("is told from names that only look alike", () => {
    const others = [
      "x-serin",
      "x-serinette",
      "xserin-a",
      "a-x-serin-b",
      "x-seri",
      "x-",
      "x",
      "",
      "y-serin-a",
      "x-serim-a",
    ];
    for (let i = 0; i < others.length; i++) {
      expect(isOwnHeader(bytesOf(others[i]))).toBe(false, others[i]);
    }
    expect(isOwnHeader(NONE)).toBe(false);
  });
});

describe("a client's own x-serin-*", () => {
  it("are seen in headers", () => {
    begin(plan, pairsOf(["a", "x-serin-a"]));
    expect(view.hasForged).toBe(true);
    begin(plan, pairsOf(["a", "x_serin_a"]));
    expect(view.hasForged).toBe(true);
    begin(plan, pairsOf(["a", "x-serin"]));
    expect(view.hasForged).toBe(false);
  });

  it("are found once each, in their order", () => {
    const names = ["x-serin-b", "a", "x-serin-a", "x-serin-b", "x_serin_b", "x-serin-", "x-serin-a"];
    expect(forgedIn(blockOf(pairsOf(names)))).toBe("x-serin-b x-serin-a x_serin_b x-serin-");
    expect(forgedIn(blockOf([]))).toBe("");
    expect(forgedIn(NONE)).toBe("");
  });

  it("are all found, however many, at a cost for each that does not grow", () => {
    const names: string[] = [];
    for (let i = 0; i < 2000; i++) names.push("x-serin-" + i.toString());
    expect(forgedIn(blockOf(pairsOf(names)))).toBe(names.join(" "));
  });

  it("are found up to where a block breaks off", () => {
    const whole = blockOf(["x-serin-a", "1", "b", "2", "x-serin-c", "3"]);
    expect(forgedIn(sliceOf(addressOf(whole), lengthOf(whole) - 1))).toBe("x-serin-a");
    expect(forgedIn(sliceOf(addressOf(whole), 3))).toBe("");
  });
});
