import { beginScratch } from "../../../../assembly/bytes/scratch";
import { fractional } from "../../../../assembly/core/logic/fractional";
import { copyValue, setNumber, setText, Value } from "../../../../assembly/core/logic/value";
import { murmur3 } from "../../../../assembly/core/murmur3";
import { bytesOf, bytesOfHex } from "../../texts";
import { argumentsOf, inObject, jsonOf, newValue, valueOf } from "./values";

/** What `{"fractional": list}` of the flag "flag" gives as JSON. */
function decide(list: string, targetingKey: string, generation: u32): string {
  return decideFor("flag", list, targetingKey, generation);
}

function decideFor(flagKey: string, list: string, targetingKey: string, generation: u32): string {
  beginScratch();
  const args = valueOf(list);
  const result = newValue();
  fractional(result, argumentsOf(args), args.count, bytesOf(flagKey), valueOf(targetingKey), generation);
  return jsonOf(result);
}

/** For the buckets of flagd's test suite: 25 of weight 4, called bucket1 to bucket25, by this number of JSON. */
function bucketOf(value: Value): string {
  let list = "[null";
  for (let i = 1; i <= 25; i++) list += ',["bucket' + i.toString() + '",4]';
  const args = valueOf(list + "]");
  copyValue(argumentsOf(args).at(0), value);
  const result = newValue();
  fractional(result, argumentsOf(args), args.count, bytesOf("fractional-basic-flag"), newValue(), 3);
  return jsonOf(result);
}

const CARDS = '["clubs",25],["diamonds",25],["hearts",25],["spades",25]]';

function card(seed: string, name: string, generation: u32): string {
  return decide('["' + seed + name + '",' + CARDS, "null", generation);
}

// The three generations of flagd-testbed 3.9.0, gherkin/targeting.feature.
describe("fractional: the values of flagd's suite", () => {
  it("generation 1", () => {
    expect(card("fractional-flag", "jack", 1)).toBe('"spades"');
    expect(card("fractional-flag", "queen", 1)).toBe('"clubs"');
    expect(card("fractional-flag", "ten", 1)).toBe('"diamonds"');
    expect(card("fractional-flag", "nine", 1)).toBe('"hearts"');
    expect(card("fractional-flag", "3", 1)).toBe('"diamonds"');
    expect(card("shared-seed", "jack", 1)).toBe('"hearts"');
    expect(card("shared-seed", "queen", 1)).toBe('"spades"');
    expect(card("shared-seed", "ten", 1)).toBe('"hearts"');
    expect(card("shared-seed", "nine", 1)).toBe('"diamonds"');
  });

  it("generation 2", () => {
    expect(card("fractional-flag", "jack", 2)).toBe('"hearts"');
    expect(card("fractional-flag", "queen", 2)).toBe('"spades"');
    expect(card("fractional-flag", "ten", 2)).toBe('"clubs"');
    expect(card("fractional-flag", "nine", 2)).toBe('"diamonds"');
    expect(card("fractional-flag", "3", 2)).toBe('"clubs"');
    expect(card("shared-seed", "seven", 2)).toBe('"hearts"');
    expect(card("shared-seed", "eight", 2)).toBe('"diamonds"');
    expect(card("shared-seed", "nine", 2)).toBe('"clubs"');
    expect(card("shared-seed", "two", 2)).toBe('"spades"');
  });

  it("generation 3", () => {
    expect(card("fractional-flag", "jack", 3)).toBe('"diamonds"');
    expect(card("fractional-flag", "queen", 3)).toBe('"diamonds"');
    expect(card("fractional-flag", "ten", 3)).toBe('"clubs"');
    expect(card("fractional-flag", "nine", 3)).toBe('"clubs"');
    expect(card("fractional-flag", "3", 3)).toBe('"spades"');
    expect(card("shared-seed", "seven", 3)).toBe('"hearts"');
    expect(card("shared-seed", "eight", 3)).toBe('"hearts"');
    expect(card("shared-seed", "nine", 3)).toBe('"diamonds"');
    expect(card("shared-seed", "two", 3)).toBe('"diamonds"');
  });

  it("by flag key and targeting key", () => {
    const list = '[["heads"],["tails",1]]';
    const flag = "fractional-flag-shorthand";
    for (let generation: u32 = 1; generation <= 2; generation++) {
      expect(decideFor(flag, list, '"jon@company.com"', generation)).toBe('"heads"');
      expect(decideFor(flag, list, '"jane@company.com"', generation)).toBe('"tails"');
    }
    expect(decideFor(flag, list, '"jon@company.com"', 3)).toBe('"tails"');
    expect(decideFor(flag, list, '"jane@company.com"', 3)).toBe('"tails"');
    expect(decideFor(flag, list, '"user-1"', 3)).toBe('"heads"');
    expect(decideFor(flag, list, '"user-2"', 3)).toBe('"tails"');
    expect(decideFor(flag, list, '"user-3"', 3)).toBe('"heads"');
    expect(decideFor("fractional-single-entry-flag", '[["single",1]]', '"some-targeting-key"', 2)).toBe(
      '"single"',
    );
    expect(decide("[[false,0],[true,100]]", '"some-targeting-key"', 2)).toBe("true");
    expect(decide("[[false,100],[true,0]]", '"some-targeting-key"', 2)).toBe("false");
  });

  it("hashes at the ends of their range", () => {
    const keys = ["ejOoVL", "bY9fO-", "SI7p-", "6LvT0", "ceQdGm"];
    const hashes: u32[] = [0, 1, 2147483647, 2147483648, 4294967295];
    const second = ['"lower"', '"lower"', '"lower"', '"upper"', '"upper"'];
    // |int32(hash)| / 2147483647 is 1, or more, for the two in the middle: generation 1 has no bucket for them.
    const first = ['"lower"', '"lower"', "null", "null", '"lower"'];
    for (let i = 0; i < keys.length; i++) {
      expect(murmur3(bytesOf(keys[i]), 0)).toBe(hashes[i], keys[i]);
      expect(decide('["' + keys[i] + '",["lower",50],["upper",50]]', "null", 2)).toBe(second[i], keys[i]);
      expect(decide('["' + keys[i] + '",["lower",50],["upper",50]]', "null", 1)).toBe(first[i], keys[i]);
      expect(decide('["' + keys[i] + '",["all"]]', "null", 2)).toBe('"all"', keys[i]);
      expect(decide('["' + keys[i] + '",["none",0],["all",2147483647],["no",-5]]', "null", 2)).toBe('"all"');
    }
  });
});

describe("fractional, generation 3: the suite's buckets", () => {
  it("for JSON of any type", () => {
    const rows = [
      "true",
      "5",
      "false",
      "1",
      '"user1"',
      "22",
      '"user2"',
      "16",
      "123",
      "20",
      "456",
      "12",
      "1.23",
      "14",
      "4.56",
      "18",
      '"123"',
      "22",
      '"true"',
      "24",
      '"false"',
      "1",
      '"null"',
      "8",
      '"1.23"',
      "4",
      "0",
      "8",
      '{"a":1,"b":2}',
      "23",
      '{"b":2,"a":1}',
      "23",
      '{"c":3,"a":1,"b":2}',
      "18",
      '{"z":1,"aa":2}',
      "21",
      '{"aa":2,"z":1}',
      "21",
      '{"b":2,"a":{"b":1}}',
      "9",
      '{"c":"text","bbb":1,"a":true,"dddd":2.5}',
      "25",
      '{"aaa":1,"ÿ":2}',
      "12",
      '{"ÿ":2,"aaa":1}',
      "12",
      '{"":2,"abc":1}',
      "25",
      '{"key":-0.0}',
      "10",
      '{"key":0}',
      "10",
      '{"c":0.0,"b":-0.0,"a":{"b":1}}',
      "8",
      '{"café":"façade","b":{"résumé":{"ÿ":true}}}',
      "22",
      "{}",
      "3",
      '{"a":{}}',
      "20",
      '{"b":2,"a":{}}',
      "20",
      '{"a":{},"b":{}}',
      "21",
      '{"a":{},"b":[]}',
      "7",
      '{"c":0.0,"a":[]}',
      "18",
      '{"c":0.0,"b":-0.0,"a":{"b":[]}}',
      "9",
      '{"a":[]}',
      "12",
      '{"a":[1,[],3],"b":null}',
      "3",
      '{"a":["a","b",{}],"b":[1,null,2]}',
      "23",
      '{"a":[1,"two",true,[],null]}',
      "23",
      '{"a":[false,2.5,""],"b":[],"c":[{}],"c":null}',
      "15",
      '{"x":[{"a":1},{"b":2},{"b":null}]}',
      "3",
      '{"x":[{"a":{"b":[]}}]}',
      "16",
      '{"x":[{"a":{"b":null}}]}',
      "6",
      '{"x":[{"a":{"b":{}}}]}',
      "2",
      '{"":"","":[],"":{},"":null}',
      "25",
      '{"":{"":""},"":["",{"":""}],"":{"":{"":""}}}',
      "11",
      '{"a":[[[[[]]]]]}',
      "15",
      '{"a":[[[[null]]]]}',
      "7",
      '{"a":{"b":{"c":{"d":{}}}}}',
      "21",
      '{"a":{"b":{"c":{"d":null}}}}',
      "19",
      '""',
      "4",
      '"a"',
      "6",
      '"12345678901234567890123"',
      "4",
      '"123456789012345678901234"',
      "14",
      '"あいうえおかき"',
      "17",
      '"あいうえおかきく"',
      "16",
      '"ééééééééééé"',
      "16",
      '"éééééééééééé"',
      "19",
      '"café façade résumé café"',
      "9",
      // The suite's tables have the escapes as they stand, six characters each; what they name is Python's answer.
      '"A\\\\u0000B"',
      "15",
      '"e\\\\u0301"',
      "7",
      '"\\\\uD83D\\\\uDE00"',
      "23",
      '"A\\u0000B"',
      "14",
      '"e\\u0301"',
      "16",
      '"\\ud83d\\ude00"',
      "1",
    ];
    for (let i = 0; i < rows.length; i += 2) {
      beginScratch();
      expect(bucketOf(valueOf(rows[i]))).toBe('"bucket' + rows[i + 1] + '"', rows[i]);
    }
    beginScratch();
    expect(bucketOf(valueOf('"' + "a".repeat(255) + '"'))).toBe('"bucket18"');
    expect(bucketOf(valueOf('"' + "a".repeat(256) + '"'))).toBe('"bucket7"');
  });

  it("for numbers", () => {
    const rows: f64[] = [
      0, 8, -0.0, 8, 1, 23, -2, 12, 9007199254740992, 10, 2147483647, 10, 2147483648, 25, -2147483648, 8,
      -2147483649, 18, 9007199254740991, 2, 23, 21, 24, 11, 255, 13, 256, 13, 65535, 4, 65536, 11, 4294967295,
      14, 4294967296, 19, -24, 4, -25, 16, 1e20, 19, -1e20, 25, 65504, 16, -65504, 9, 0.00006103515625, 22,
      0.000000059604644775390625, 23, 65505, 17, -65505, 17, 3.4028234663852886e38, 10,
      -3.4028234663852886e38, 3, 1.1754943508222875e-38, 24, 3.5e38, 1, -3.5e38, 6, 1.7976931348623157e308,
      17, -1.7976931348623157e308, 9, 2.2250738585072014e-308, 11, 4.9406564584124654e-324, 2,
    ];
    for (let i = 0; i < rows.length; i += 2) {
      beginScratch();
      const value = newValue();
      setNumber(value, rows[i]);
      expect(bucketOf(value)).toBe('"bucket' + (rows[i + 1] as i32).toString() + '"', rows[i].toString());
    }
  });
});

const COIN = '["heads"],["tails"]]';

describe("fractional: what users are told apart by", () => {
  it("is a text that is the first argument, empty too", () => {
    expect(decide('["",["a"],["b"]]', "null", 2)).toBe('"a"', "the hash of nothing is 0");
    expect(decide('["",["a"],["b"]]', "null", 1)).toBe('"a"');
  });

  it("is else the flag key and the targeting key, with nothing between", () => {
    const names = ["a", "be", "user", "jon@company.com", "ö", "日本", "0123456789abcdef"];
    for (let i = 0; i < names.length; i++) {
      for (let length = 0; length < 6; length++) {
        const flag = "flags".substr(0, length);
        for (let generation: u32 = 1; generation <= 2; generation++) {
          const apart = decideFor(flag, "[" + CARDS, '"' + names[i] + '"', generation);
          expect(apart).toBe(card(flag, names[i], generation), flag + names[i]);
          expect(apart).not.toBe("null");
        }
      }
    }
  });

  it("is nothing without a targeting key, or with one that is no text, or empty", () => {
    const keys = ["null", '""', "12345", "true", "[]", "{}", '["a"]'];
    for (let i = 0; i < keys.length; i++) {
      for (let generation: u32 = 1; generation <= 3; generation++) {
        expect(decide("[" + COIN, keys[i], generation)).toBe("null", keys[i]);
      }
      expect(decide('["x",' + COIN, keys[i], 2)).not.toBe("null", "the value is enough");
    }
  });

  it("null as the value: Go goes by the targeting key, generation 3 gives null", () => {
    for (let generation: u32 = 1; generation <= 2; generation++) {
      expect(decide("[null," + COIN, '"user"', generation)).toBe(decide("[" + COIN, '"user"', generation));
      expect(decide("[null," + COIN, "null", generation)).toBe("null");
    }
    expect(decide("[null," + COIN, '"user"', 3)).toBe("null");
    expect(decide("[null]", '"user"', 2)).toBe("null");
  });

  it("other values: null before generation 3, then hashed", () => {
    const values = ["1", "1.5", "true", "false", "{}", '{"a":1}'];
    for (let i = 0; i < values.length; i++) {
      expect(decide("[" + values[i] + "," + COIN, '"user"', 1)).toBe("null", values[i]);
      expect(decide("[" + values[i] + "," + COIN, '"user"', 2)).toBe("null", values[i]);
      expect(decide("[" + values[i] + "," + COIN, '"user"', 3)).not.toBe("null", values[i]);
      expect(decide("[" + values[i] + "," + COIN, "null", 3)).not.toBe("null", values[i]);
    }
  });

  it("a list as the value is a bucket, and none that reads", () => {
    for (let generation: u32 = 1; generation <= 3; generation++) {
      expect(decide("[[]," + COIN, '"user"', generation)).toBe("null");
      expect(decide("[[[1]]," + COIN, '"user"', generation)).toBe("null");
      expect(decide('[["a","b"],' + COIN, '"user"', generation)).toBe("null");
    }
  });

  it("a value that nests too deep: null", () => {
    expect(bucketOf(inObject("a", valueOf("[".repeat(64) + "]".repeat(64))))).toBe("null");
    expect(bucketOf(inObject("a", valueOf("[".repeat(63) + "]".repeat(63))))).not.toBe("null");
  });

  it("UTF-8, and bytes that are none as they are", () => {
    // Hashes 269551495 and 3302619458: 6 and 76 hundredths of the range.
    expect(decide('["é",["a",6],["b",1],["c",93]]', "null", 2)).toBe('"b"');
    expect(decide('["日本",["a",76],["b",1],["c",23]]', "null", 2)).toBe('"b"');
    const args = valueOf('["",' + CARDS);
    const results = new Array<string>();
    const bytes = ["ff", "fe00", "c3", "eda080"];
    for (let i = 0; i < bytes.length; i++) {
      const text = bytesOfHex(bytes[i]);
      setText(changetype<Value>(argumentsOf(args)), text);
      const result = newValue();
      fractional(result, argumentsOf(args), args.count, bytesOf("flag"), newValue(), 2);
      const quarter = (((murmur3(text, 0) as u64) * 4) >> 32) as i32;
      expect(jsonOf(result)).toBe(['"clubs"', '"diamonds"', '"hearts"', '"spades"'][quarter]);
      results.push(jsonOf(result));
    }
    expect(results.length).toBe(4);
  });
});

/** What these buckets alone give, in every generation. */
function all(bucket: string): string {
  const result = decide('["x",' + bucket + "]", "null", 2);
  expect(decide('["x",' + bucket + "]", "null", 1)).toBe(result, bucket);
  expect(decide('["x",' + bucket + "]", "null", 3)).toBe(result, bucket);
  return result;
}

describe("fractional: buckets", () => {
  it("give the variant as it stands there", () => {
    expect(all('["a"]')).toBe('"a"');
    expect(all("[1.5]")).toBe("1.5");
    expect(all("[1, 7]")).toBe("1");
    expect(all("[true]")).toBe("true");
    expect(all("[false, 2]")).toBe("false");
    expect(all("[null, 2]")).toBe("null");
    expect(all('[""]')).toBe('""');
  });

  it("weigh 1 unless they say otherwise; null is as if it said nothing", () => {
    let same = 0;
    for (let i = 0; i < 200; i++) {
      const key = '["u' + i.toString() + '",';
      const said = decide(key + '["a",1],["b",1]]', "null", 2);
      expect(decide(key + '["a"],["b",null]]', "null", 2)).toBe(said);
      expect(decide(key + '["a",50],["b",50]]', "null", 2)).toBe(said);
      if (said == '"a"') same++;
    }
    expect(same).toBeGreaterThan(70);
    expect(same).toBeLessThan(130);
  });

  it("may hold more than two elements, which Go does not look at", () => {
    expect(all('["a",1,2]')).toBe('"a"');
    expect(all('["a",1,"b",[]]')).toBe('"a"');
  });

  it("are null as a whole for a weight that is no integer", () => {
    const weights = [
      "1.5",
      '"10"',
      '""',
      "true",
      "false",
      "[]",
      "[1]",
      "{}",
      "0.1",
      "-0.5",
      "2147483646.5",
      "1e-9",
    ];
    for (let i = 0; i < weights.length; i++) {
      expect(all('["a",' + weights[i] + "]")).toBe("null", weights[i]);
      expect(all('["a",1],["b",' + weights[i] + "]")).toBe("null", weights[i]);
    }
    const numbers: f64[] = [NaN, Infinity, -Infinity];
    for (let i = 0; i < numbers.length; i++) {
      const args = valueOf('["x",["a",1],["b",1]]');
      const second = argumentsOf(args).at(2);
      setNumber(second.items.at(1), numbers[i]);
      const result = newValue();
      fractional(result, argumentsOf(args), 3, bytesOf("flag"), newValue(), 2);
      expect(jsonOf(result)).toBe("null");
    }
  });

  it("below 0 weigh nothing", () => {
    for (let i = 0; i < 50; i++) {
      const key = '["u' + i.toString() + '",';
      for (let generation: u32 = 1; generation <= 3; generation++) {
        expect(decide(key + '["one",-50],["two",100]]', "null", generation)).toBe('"two"');
        expect(decide(key + '["two",100],["one",-1e300]]', "null", generation)).toBe('"two"');
        expect(decide(key + '["one",0],["two",1],["three",0]]', "null", generation)).toBe('"two"');
      }
    }
  });

  it("that add up to nothing, or to more than 2147483647: null", () => {
    expect(all('["a",0]')).toBe("null");
    expect(all('["a",0],["b",0]')).toBe("null");
    expect(all('["a",-3],["b",-0.0]')).toBe("null");
    expect(all('["a",2147483647]')).toBe('"a"');
    expect(all('["a",2147483647],["b",0]')).toBe('"a"');
    expect(all('["a",2147483648]')).toBe("null");
    expect(all('["a",2147483647],["b",1]')).toBe("null");
    expect(all('["a",1073741824],["b",1073741824]')).toBe("null");
    expect(all('["a",1073741824],["b",1073741823]')).not.toBe("null");
    expect(all('["a",4294967296]')).toBe("null");
    expect(all('["a",1e300],["b",1]')).toBe("null");
    expect(all('["a",18446744073709551616],["b",1]')).toBe("null");
  });

  it("that are none: null", () => {
    const lists = [
      "[]",
      '["x"]',
      '["x","a"]',
      '["x",[]]',
      '["x",["a"],"b"]',
      '["x",["a"],null]',
      '["x",["a"],1]',
      '["x",["a"],{}]',
      '["x",["a"],[]]',
      '["x",[["a"]]]',
      '["x",[{}]]',
      '["x",["a"],[[],1]]',
    ];
    for (let i = 0; i < lists.length; i++) {
      for (let generation: u32 = 1; generation <= 3; generation++) {
        expect(decide(lists[i], '"user"', generation)).toBe("null", lists[i]);
      }
    }
  });

  it("may be one alone", () => {
    for (let generation: u32 = 1; generation <= 3; generation++) {
      expect(decide('[["one"]]', '"user"', generation)).toBe('"one"');
    }
  });
});

/** How many of 10,000 users get each of "a", "b" and "c". */
function sharesOf(buckets: string, generation: u32): i32[] {
  const counts: i32[] = [0, 0, 0];
  for (let i = 0; i < 10000; i++) {
    const variant = decide('["user-' + i.toString() + '",' + buckets + "]", "null", generation);
    const index = variant.charCodeAt(1) - 97;
    if (variant.length == 3) counts[index]++;
  }
  return counts;
}

describe("fractional: shares", () => {
  it("10,000 users are spread by weight, in every generation", () => {
    for (let generation: u32 = 1; generation <= 3; generation++) {
      const counts = sharesOf('["a",10],["b",30],["c",60]', generation);
      expect(counts[0] + counts[1] + counts[2]).toBe(10000);
      // Five standard deviations: 150, 229 and 245.
      expect(Math.abs(counts[0] - 1000)).toBeLessThan(150);
      expect(Math.abs(counts[1] - 3000)).toBeLessThan(229);
      expect(Math.abs(counts[2] - 6000)).toBeLessThan(245);
    }
  });

  it("hits a share of a thousandth, too", () => {
    const counts = sharesOf('["a",100],["b",99900]', 2);
    // 10 are expected; beyond 30 is less likely than one in a million.
    expect(counts[0]).toBeGreaterThan(0);
    expect(counts[0]).toBeLessThan(30);
    expect(counts[0] + counts[1]).toBe(10000);
  });

  it("a user of the first variant keeps it while its weight rises and the total stays", () => {
    for (let generation: u32 = 1; generation <= 3; generation++) {
      for (let i = 0; i < 300; i++) {
        let had = false;
        for (let weight = 0; weight <= 100; weight += 5) {
          const buckets = '["new",' + weight.toString() + '],["old",' + (100 - weight).toString() + "]]";
          const has = decide('["user-' + i.toString() + '",' + buckets, "null", generation) == '"new"';
          if (had && !has) expect(i).toBe(-1, "left the variant");
          had = has;
        }
        expect(had).toBe(true);
      }
    }
  });

  it("generation 1 adds its shares up in floats", () => {
    expect(sharesOf('["a"],["b"],["c"]', 1).reduce<i32>((sum, count) => sum + count, 0)).toBe(10000);
    // 49 times 100/49 is a bit over 100 in floats: |int32(hash)| = 2147483647, which is 100, finds the last one.
    let list = "";
    for (let i = 1; i <= 49; i++) list += ',["' + i.toString() + '"]';
    expect(decide('["SI7p-"' + list + "]", "null", 1)).toBe('"49"');
    expect(decide('["6LvT0"' + list + "]", "null", 1)).toBe("null");
    expect(decide('["SI7p-",["1"],["2"]]', "null", 1)).toBe("null");
  });
});
