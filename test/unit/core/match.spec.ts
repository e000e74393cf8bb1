// What holds of a request, found by the index and looked at entry by entry: both have to agree.

import { decision } from "../../../assembly/core/decision";
import { failedOf, matchAll, Mismatch } from "../../../assembly/core/match";
import { Plan } from "../../../assembly/core/plan";
import { stringOf } from "../texts";
import { begin, planOf } from "./requests";

/** A policy whose rollouts have these matches: name, match, name, match, ... An empty match is left out. */
function rolloutsOf(matches: string[]): Plan {
  const rollouts: string[] = [];
  for (let i = 0; i < matches.length; i += 2) {
    const match = matches[i + 1] == "" ? "" : '"match":[' + matches[i + 1] + "],";
    rollouts.push('"' + matches[i] + '":{' + match + '"identity":[],"default":"a","variants":{"a":{}}}');
  }
  return planOf('{"rollouts":{' + rollouts.join(",") + "}}");
}

/** The rollouts that the index finds, by their bits. */
function found(plan: Plan): string {
  expect(matchAll(decision)).toBe(true);
  const names: string[] = [];
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    const word = decision.matched.at(i >> 6);
    if (((word >> ((i & 63) as u64)) & 1) == 0) continue;
    names.push(stringOf(plan.rollout(i).name));
    expect((decision.summary.at(i >> 12) >> (((i >> 6) & 63) as u64)) & 1).toBe(
      1,
      "a word without its summary",
    );
  }
  const words = (plan.rolloutCount + 63) >> 6;
  decision.matched.clear(words);
  decision.summary.clear((words + 63) >> 6);
  return names.join(" ");
}

/** The rollouts of which an entry holds, each looked at by itself. */
function looked(plan: Plan): string {
  const names: string[] = [];
  for (let i: u32 = 0; i < plan.rolloutCount; i++) {
    const rollout = plan.rollout(i);
    let entry = rollout.entries;
    let isHeld = !entry;
    while (entry) {
      if (failedOf(decision, entry) == Mismatch.None) isHeld = true;
      entry = entry.next;
    }
    if (isHeld) names.push(stringOf(rollout.name));
  }
  return names.join(" ");
}

/** Each row: the request's pairs, then the rollouts that concern it. */
function hold(plan: Plan, rows: string[][]): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const about = row.join(" ");
    expect(begin(plan, row.slice(0, row.length - 1))).toBe(true, about);
    expect(found(plan)).toBe(row[row.length - 1], about);
    expect(looked(plan)).toBe(row[row.length - 1], about);
  }
}

const hosts = rolloutsOf([
  "exact",
  '{"hosts":["Shop.Example.com"]}',
  "below",
  '{"hosts":["*.example.com"]}',
  "deeper",
  '{"hosts":["*.shop.example.com"]}',
  "either",
  '{"hosts":["other.test","[2001:DB8::1]"]},{"hosts":["other.test"]}',
  "all",
  "",
]);

const paths = rolloutsOf([
  "exact",
  '{"path":{"type":"Exact","value":"/a"}}',
  "slash",
  '{"path":{"type":"Exact","value":"/a/"}}',
  "prefix",
  '{"path":{"value":"/a"}}',
  "longer",
  '{"path":{"type":"PathPrefix","value":"/a/b//"}}',
  "root",
  '{"path":{"value":"/"}}',
  "top",
  '{"path":{"type":"Exact","value":"/"}}',
]);

describe("hosts", () => {
  it("hold without case and port", () => {
    hold(hosts, [
      [":authority", "shop.example.com", "exact below all"],
      [":authority", "SHOP.EXAMPLE.COM:8080", "exact below all"],
      [":authority", "other.test:", "either all"],
      [":authority", "[2001:db8::1]:443", "either all"],
      [":authority", "[2001:db8::11]", "all"],
      [":authority", "", "all"],
      [":path", "/", "all"],
    ]);
  });

  it("behind a star hold for one label and more, not for none and not for a part of one", () => {
    hold(hosts, [
      [":authority", "a.example.com", "below all"],
      [":authority", "a.b.c.example.com", "below all"],
      [":authority", "a.shop.example.com:1", "below deeper all"],
      [":authority", "xshop.example.com", "below all"],
      [":authority", "example.com", "all"],
      [":authority", "badexample.com", "all"],
      [":authority", "a.example.com.evil.test", "all"],
      [":authority", "a.example.co", "all"],
      // A label may be empty: this ends in .example.com, but nothing stands before it.
      [":authority", ".example.com", "all"],
      [":authority", "..example.com", "below all"],
    ]);
  });

  it("may be longer than any that is named", () => {
    hold(hosts, [
      [":authority", "a.".repeat(2000) + "shop.example.com", "below deeper all"],
      [":authority", ".".repeat(5000), "all"],
      [":authority", "a".repeat(5000), "all"],
    ]);
  });
});

describe("paths", () => {
  it("hold when they are the same, and as prefixes at the ends of elements", () => {
    hold(paths, [
      [":path", "/", "root top"],
      [":path", "/a", "exact prefix root"],
      [":path", "/a/", "slash prefix root"],
      [":path", "/a//", "prefix root"],
      [":path", "/a/b", "prefix longer root"],
      [":path", "/a/b/", "prefix longer root"],
      [":path", "/a/b/c/d", "prefix longer root"],
      [":path", "/a/bc", "prefix root"],
      [":path", "/ab", "root"],
      [":path", "/A", "root"],
      [":path", "//a", "root"],
      [":path", "/b/a", "root"],
      [":path", "/a%2Fb", "root"],
      [":path", "/a.b", "root"],
      [":path", "/a/../b", "prefix root"],
      [":path", "/" + "a".repeat(5000), "root"],
      [":path", "/a/b/" + "c".repeat(5000), "prefix longer root"],
    ]);
  });

  it("are compared without query and fragment", () => {
    hold(paths, [
      [":path", "/a?b=/a/b", "exact prefix root"],
      [":path", "/a#b", "exact prefix root"],
      [":path", "/a/?", "slash prefix root"],
      [":path", "/b?/a", "root"],
    ]);
  });

  it("do not hold when there is none, or none that begins with a slash", () => {
    hold(paths, [
      [":method", "CONNECT", ""],
      [":path", "", ""],
      [":path", "*", ""],
      [":path", "a", ""],
      [":path", "?/a", ""],
      [":path", "a/a", ""],
    ]);
  });
});

const texts = rolloutsOf([
  "get",
  '{"method":"GET"}',
  "eu",
  '{"headers":[{"name":"X-Region","value":"eu"}]}',
  "empty",
  '{"headers":[{"name":"x-region","type":"Exact","value":""}]}',
  "region",
  '{"headers":[{"name":"x-region","type":"Present"}]}',
  "both",
  '{"headers":[{"name":"x-region","value":"eu"},{"name":"x-tier","type":"Present"}]}',
  "beta",
  '{"queryParams":[{"name":"beta test","value":"yes & no"}]}',
  "tested",
  '{"queryParams":[{"name":"beta test","type":"Present"}]}',
  "pair",
  '{"queryParams":[{"name":"a","value":"1"},{"name":"b","value":"2"}]}',
]);

describe("a method", () => {
  it("holds when it is the same, in the same case", () => {
    hold(texts, [
      [":method", "GET", "get"],
      [":method", "get", ""],
      [":method", "GETS", ""],
      [":method", "GE", ""],
      [":method", "", ""],
      [":path", "/", ""],
    ]);
  });
});

describe("header conditions", () => {
  it("hold for the very value, or when the header is there", () => {
    hold(texts, [
      ["x-region", "eu", "eu region"],
      ["x-region", " eu\t", "eu region"],
      ["x-region", "EU", "region"],
      ["x-region", "eu1", "region"],
      ["x-region", "e", "region"],
      ["x-region", "", "empty region"],
      ["x-region", " ", "empty region"],
      ["x-regio", "eu", ""],
      ["x-regions", "eu", ""],
    ]);
  });

  it("look at the first occurrence that is not empty", () => {
    hold(texts, [
      ["x-region", "", "x-region", "eu", "eu region"],
      ["x-region", "eu", "x-region", "us", "eu region"],
      ["x-region", "us", "x-region", "eu", "region"],
    ]);
  });

  it("have to hold all", () => {
    hold(texts, [
      ["x-region", "eu", "x-tier", "", "eu region both"],
      ["x-region", "us", "x-tier", "1", "region"],
      ["x-tier", "1", ""],
    ]);
  });

  it("never see a header under x-serin-", () => {
    const plan = rolloutsOf(["forged", '{"headers":[{"name":"x-serin-a","type":"Present"}]}']);
    hold(plan, [["x-serin-a", "1", ""]]);
  });
});

describe("conditions on query parameters", () => {
  it("hold for the decoded value, or when the parameter is there", () => {
    hold(texts, [
      [":path", "/?beta+test=yes+%26+no", "beta tested"],
      [":path", "/?beta%20test=yes%20%26%20no#b", "beta tested"],
      [":path", "/?beta+test=yes+&+no", "tested"],
      [":path", "/?beta+test", "tested"],
      [":path", "/?beta+test=&beta+test=yes+%26+no", "beta tested"],
      [":path", "/?betatest=yes+%26+no", ""],
      [":path", "/beta test=1", ""],
    ]);
  });

  it("have to hold all", () => {
    hold(texts, [
      [":path", "/?a=1&b=2", "pair"],
      [":path", "/?b=2&c=3&a=1", "pair"],
      [":path", "/?a=1", ""],
      [":path", "/?a=1&b=1&b=2", ""],
    ]);
  });
});

describe("an entry", () => {
  it("names the first thing that does not hold", () => {
    const plan = rolloutsOf([
      "one",
      '{"hosts":["a.test"],"path":{"value":"/p"},"method":"GET","headers":[{"name":"h","type":"Present"}],' +
        '"queryParams":[{"name":"q","type":"Present"}]}',
    ]);
    const wanted = [
      Mismatch.Hosts,
      Mismatch.Path,
      Mismatch.Method,
      Mismatch.Headers,
      Mismatch.Params,
      Mismatch.None,
    ];
    const pairs = [":authority", "a.test", ":path", "/p", ":method", "GET", "h", "", ":path", "/p?q"];
    const entry = plan.rollout(0).entries;
    if (!entry) throw new Error("no entry");
    for (let i = 0; i < wanted.length; i++) {
      begin(plan, pairs.slice(0, 2 * i));
      expect(failedOf(decision, entry)).toBe(wanted[i], i.toString());
    }
  });

  it("of a list is enough", () => {
    const plan = rolloutsOf([
      "a",
      '{"method":"GET","path":{"value":"/a"}},{"method":"POST","hosts":["b.test"]}',
    ]);
    hold(plan, [
      [":method", "GET", ":path", "/a", ":authority", "c.test", "a"],
      [":method", "POST", ":path", "/c", ":authority", "b.test", "a"],
      [":method", "POST", ":path", "/a", ":authority", "c.test", ""],
      [":method", "GET", ":path", "/c", ":authority", "b.test", ""],
    ]);
  });
});

describe("the index", () => {
  it("finds nothing in a policy without rollouts", () => {
    hold(planOf("{}"), [[":authority", "a.test", ":path", "/", ""]]);
  });

  it("keeps apart who shares a host, a path, or both", () => {
    const plan = rolloutsOf([
      "a1",
      '{"hosts":["a.test"],"path":{"value":"/1"}}',
      "a2",
      '{"hosts":["a.test"],"path":{"value":"/2"}}',
      "b1",
      '{"hosts":["b.test"],"path":{"value":"/1"}}',
      "x1",
      '{"path":{"value":"/1"}}',
      "a",
      '{"hosts":["a.test"]}',
      "get",
      '{"hosts":["a.test"],"path":{"value":"/1"},"method":"GET"}',
      // The same text as a prefix and exact, as a host and behind a star.
      "e1",
      '{"path":{"type":"Exact","value":"/1"}}',
      "s",
      '{"hosts":["*.a.test"]}',
    ]);
    hold(plan, [
      [":authority", "a.test", ":path", "/1", "a1 x1 a e1"],
      [":authority", "a.test", ":path", "/1/x", ":method", "GET", "a1 x1 a get"],
      [":authority", "a.test", ":path", "/2", "a2 a"],
      [":authority", "b.test", ":path", "/1", "b1 x1 e1"],
      [":authority", "c.test", ":path", "/1", "x1 e1"],
      [":authority", "x.a.test", ":path", "/3", "s"],
    ]);
  });

  it("finds each of thousands, at the borders of words and of their summary too", () => {
    const matches: string[] = [];
    for (let i = 0; i < 4160; i++) {
      matches.push("r" + i.toString());
      const host = '{"hosts":["h' + (i % 97).toString() + '.test"],"path":{"value":"/p';
      matches.push(host + i.toString() + '"}}');
    }
    const plan = rolloutsOf(matches);
    const chosen = [0, 1, 63, 64, 127, 128, 4031, 4032, 4095, 4096, 4159];
    for (let i = 0; i < chosen.length; i++) {
      const number = chosen[i].toString();
      const host = "h" + (chosen[i] % 97).toString() + ".test";
      begin(plan, [":authority", host, ":path", "/p" + number + "/x"]);
      expect(found(plan)).toBe("r" + number);
      begin(plan, [":authority", "h97.test", ":path", "/p" + number]);
      expect(found(plan)).toBe("");
    }
  });

  it("knows no more than the longest host and path that a policy may name", () => {
    const label = "a.".repeat(125) + "bc";
    const path = "/x".repeat(1024);
    const plan = rolloutsOf([
      "host",
      '{"hosts":["' + label + '"]}',
      "path",
      '{"path":{"value":"' + path + '"}}',
      "exact",
      '{"path":{"type":"Exact","value":"' + path + '"}}',
    ]);
    hold(plan, [
      [":authority", label, ":path", path, "host path exact"],
      [":authority", label + "d", ":path", path + "/", "path"],
      [":authority", "a" + label, ":path", path + "y", ""],
    ]);
  });
});
