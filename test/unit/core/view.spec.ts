import { addressOf, lengthOf, sliceOf } from "../../../assembly/bytes/slice";
import { beginDecision, decision } from "../../../assembly/core/decision";
import { hostOf, readRequest, UNKNOWN_LENGTH, view } from "../../../assembly/core/view";
import { stringOf } from "../texts";
import { begin, blockOf, inputOf, planOf, textOrNull } from "./requests";

const plan = planOf(
  '{"identity":[{"header":"X-User"},{"header":"cookie"},{"header":"content-type"}],"rollouts":{}}',
);

const LONG = "a".repeat(5000);

describe("the pseudo headers of a request", () => {
  it("are method, scheme, authority and path", () => {
    expect(
      begin(plan, [":method", "PUT", ":scheme", "https", ":authority", "Shop.example:81", ":path", "/a"]),
    ).toBe(true);
    expect(stringOf(view.method)).toBe("PUT");
    expect(stringOf(view.scheme)).toBe("https");
    expect(stringOf(view.authority)).toBe("Shop.example:81");
    expect(stringOf(view.path)).toBe("/a");
  });

  it("are nothing when the request has none: CONNECT has no path", () => {
    expect(begin(plan, [":method", "CONNECT", ":authority", "a:443"])).toBe(true);
    expect(textOrNull(view.path)).toBe(null);
    expect(textOrNull(view.query)).toBe(null);
    expect(textOrNull(view.scheme)).toBe(null);
  });

  it("are not read from names that only look alike", () => {
    const pairs = [
      ":",
      "1",
      ":m",
      "2",
      ":methods",
      "3",
      ":protocol",
      "4",
      ":paths",
      "5",
      ":pat",
      "6",
      ":status",
      "7",
    ];
    begin(plan, pairs.concat([":authorit", "8", "method", "9", "path", "/10", "", "11"]));
    expect(textOrNull(view.method)).toBe(null);
    expect(textOrNull(view.path)).toBe(null);
    expect(textOrNull(view.authority)).toBe(null);
  });

  it("of the request before are forgotten", () => {
    begin(plan, [":method", "GET", ":path", "/?a", "cookie", "a=1", "content-length", "7", "x-serin-a", ""]);
    begin(plan, []);
    expect(textOrNull(view.method)).toBe(null);
    expect(textOrNull(view.path)).toBe(null);
    expect(textOrNull(view.query)).toBe(null);
    expect(textOrNull(view.cookie)).toBe(null);
    expect(view.bodyBytes).toBe(UNKNOWN_LENGTH);
    expect(view.hasForged).toBe(false);
  });
});

describe("a path", () => {
  it("ends at its query or fragment", () => {
    // :path, path, query; "-" where there is none.
    const rows = [
      ["", "", "-"],
      ["/", "/", "-"],
      ["/a/b", "/a/b", "-"],
      ["/a?", "/a", ""],
      ["/a?b=c", "/a", "b=c"],
      ["/a?b=c#d", "/a", "b=c"],
      ["/a?#d", "/a", ""],
      ["/a#d", "/a", "-"],
      // A question mark behind the # is the fragment's.
      ["/a#d?b=c", "/a", "-"],
      ["/a?b?c", "/a", "b?c"],
      ["/a?b=c#d?e#f", "/a", "b=c"],
      ["?b", "", "b"],
      ["#d", "", "-"],
      ["*", "*", "-"],
      ["/%3F%23", "/%3F%23", "-"],
      ["/é?ü", "/é", "ü"],
      ["/" + LONG + "?" + LONG, "/" + LONG, LONG],
    ];
    for (let i = 0; i < rows.length; i++) {
      begin(plan, [":path", rows[i][0]]);
      expect(textOrNull(view.path)).toBe(rows[i][1], rows[i][0]);
      expect(textOrNull(view.query)).toBe(rows[i][2] == "-" ? null : rows[i][2], rows[i][0]);
    }
  });
});

describe("a header that the plan reads", () => {
  it("is its first occurrence that is not empty, without outer blanks", () => {
    // The values in their order, and what is read of them.
    const rows = [
      ["42", "42"],
      ["42|7", "42"],
      ["|42", "42"],
      [" \t |42|7", "42"],
      [" 42\t", "42"],
      ["4 2", "4 2"],
      ["42,7", "42,7"],
      ["", ""],
      [" |\t|", ""],
      [LONG, LONG],
    ];
    for (let i = 0; i < rows.length; i++) {
      const values = rows[i][0].split("|");
      const pairs: string[] = ["x-use", "no", "x-user2", "no"];
      for (let j = 0; j < values.length; j++) {
        pairs.push("x-user");
        pairs.push(values[j]);
      }
      begin(plan, pairs);
      expect(inputOf(plan.inputs.headers, "x-user")).toBe(rows[i][1], rows[i][0]);
    }
  });

  it("is nothing when the request has none", () => {
    begin(plan, ["x-user", "42"]);
    begin(plan, ["x-use", "1", "x-user2", "2", "user", "3", ":user", "4"]);
    expect(inputOf(plan.inputs.headers, "x-user")).toBe(null);
  });

  it("may be one that the view reads too", () => {
    begin(plan, ["cookie", "a=1", "content-type", "application/grpc"]);
    expect(inputOf(plan.inputs.headers, "cookie")).toBe("a=1");
    expect(inputOf(plan.inputs.headers, "content-type")).toBe("application/grpc");
    expect(stringOf(view.cookie)).toBe("a=1");
    expect(view.isGrpc).toBe(true);
  });
});

describe("the headers that the view knows", () => {
  it("are read by their whole name", () => {
    begin(plan, [
      "cookie2",
      "a=1",
      "cooki",
      "b",
      "upgrad",
      "c",
      "upgrades",
      "d",
      "authorizatio",
      "e",
      "contenttype",
      "f",
    ]);
    expect(view.cookieHeaders).toBe(0);
    expect(view.isUpgrade).toBe(false);
    expect(textOrNull(view.authorization)).toBe(null);
    expect(view.hasIpTags).toBe(false);
  });

  it("are the first authorization, the first cookie and how many there are, upgrade and IP tags", () => {
    begin(plan, ["authorization", "Bearer a", "authorization", "Bearer b", "cookie", "a=1", "cookie", "b=2"]);
    expect(stringOf(view.authorization)).toBe("Bearer a");
    expect(stringOf(view.cookie)).toBe("a=1");
    expect(view.cookieHeaders).toBe(2);
    begin(plan, ["upgrade", "websocket", "x-envoy-ip-tags", "office"]);
    expect(view.isUpgrade).toBe(true);
    expect(view.hasIpTags).toBe(true);
  });

  it("are not names that differ in one byte, be it the first or the last", () => {
    const known = [
      "cookie",
      "accept",
      "upgrade",
      "baggage",
      "content-type",
      "content-length",
      "authorization",
    ];
    const others: string[] = [];
    for (let i = 0; i < known.length; i++) {
      const name = known[i];
      for (let at = 0; at < name.length; at++) {
        others.push(name.substring(0, at) + "~" + name.substring(at + 1));
        others.push("application/grpc");
      }
    }
    const preflight = "access-control-request-metho~";
    const forged = ["~-serin-shadow", "x-s~rin-shadow", "x-serin~shadow", "x~serin-shadow"];
    begin(
      plan,
      others.concat([preflight, "GET", ":method", "OPTIONS", "x-envoy-ip-tag~", "a", forged[0], "1"]),
    );
    expect(view.cookieHeaders).toBe(0);
    expect(view.wantsEvents).toBe(false);
    expect(view.isUpgrade).toBe(false);
    expect(view.members).toBe(0);
    expect(view.isGrpc).toBe(false);
    expect(view.bodyBytes).toBe(UNKNOWN_LENGTH);
    expect(textOrNull(view.authorization)).toBe(null);
    expect(view.isPreflight).toBe(false);
    expect(view.hasIpTags).toBe(false);
    expect(view.hasForged).toBe(false);
    begin(plan, [forged[1], "1"]);
    expect(view.hasForged).toBe(false);
    for (let i = 2; i < forged.length; i++) {
      begin(plan, [forged[i], "1"]);
      expect(view.hasForged).toBe(true, forged[i]);
    }
  });

  it("tell a request of an event stream, and a browser's question before a request", () => {
    begin(plan, ["accept", "text/event-stream"]);
    expect(view.wantsEvents).toBe(true);
    begin(plan, ["accept", "text/html"]);
    expect(view.wantsEvents).toBe(false);
    begin(plan, [":method", "OPTIONS", "access-control-request-method", "PUT"]);
    expect(view.isPreflight).toBe(true);
    begin(plan, [":method", "GET", "access-control-request-method", "PUT"]);
    expect(view.isPreflight).toBe(false);
  });

  it("tell a request of gRPC", () => {
    const types = [
      "application/grpc",
      "application/grpc+proto",
      "application/grpc;charset=utf-8",
      "application/grpc ;a",
    ];
    for (let i = 0; i < types.length; i++) {
      begin(plan, ["content-type", types[i]]);
      expect(view.isGrpc).toBe(true, types[i]);
    }
  });

  it("do not take gRPC-Web and others for it", () => {
    const types = [
      "",
      "application/grp",
      "application/grpc-web",
      "application/grpc-web+proto",
      "application/grpcs",
    ];
    const more = ["application/json", "text/application/grpc", " application/grpc"];
    const all = types.concat(more);
    for (let i = 0; i < all.length; i++) {
      begin(plan, ["content-type", all[i]]);
      expect(view.isGrpc).toBe(false, all[i]);
    }
  });

  it("tell the length of the body where it is a number", () => {
    begin(plan, ["content-length", "0"]);
    expect(view.bodyBytes).toBe(0);
    begin(plan, ["content-length", "00042"]);
    expect(view.bodyBytes).toBe(42);
    begin(plan, ["content-length", "999999999999999999"]);
    expect(view.bodyBytes).toBe(999999999999999999);
    const none = [
      "",
      " ",
      "-1",
      "+1",
      "1.0",
      "1e3",
      "0x10",
      "1 ",
      "1,1",
      "1000000000000000000",
      "18446744073709551615",
    ];
    for (let i = 0; i < none.length; i++) {
      begin(plan, ["content-length", none[i]]);
      expect(view.bodyBytes).toBe(UNKNOWN_LENGTH, none[i]);
    }
  });
});

describe("a block", () => {
  it("cut short anywhere is broken, and nothing is read behind its end", () => {
    const whole = blockOf([":path", "/a", "x-user", "42"]);
    for (let bytes: u32 = 0; bytes < lengthOf(whole); bytes++) {
      beginDecision(decision, plan, 0);
      expect(readRequest(decision, sliceOf(addressOf(whole), bytes))).toBe(false, bytes.toString());
      expect(inputOf(plan.inputs.headers, "x-user")).toBe(null, bytes.toString());
    }
    beginDecision(decision, plan, 0);
    expect(readRequest(decision, whole)).toBe(true);
    expect(inputOf(plan.inputs.headers, "x-user")).toBe("42");
  });

  it("with lengths or a count that cannot be is broken", () => {
    // Where a number stands, and what is written over it.
    const offsets: u32[] = [0, 0, 4, 4, 4, 8, 8, 8];
    const numbers: u32[] = [3, u32.MAX_VALUE, 100, u32.MAX_VALUE, 0x80000000, 100, u32.MAX_VALUE, 0x7fffffff];
    for (let i = 0; i < offsets.length; i++) {
      const block = blockOf([":path", "/a", "x-user", "42"]);
      store<u32>(addressOf(block) + offsets[i], numbers[i]);
      beginDecision(decision, plan, 0);
      expect(readRequest(decision, block)).toBe(false, i.toString());
    }
  });

  it("without pairs is sound", () => {
    expect(begin(plan, [])).toBe(true);
  });
});

describe("the host", () => {
  it("is the authority in lower case, without port", () => {
    const rows = [
      ["", ""],
      ["shop.example", "shop.example"],
      ["SHOP.Example.COM", "shop.example.com"],
      ["shop.example:80", "shop.example"],
      ["shop.example:", "shop.example"],
      ["shop.example:80x", "shop.example:80x"],
      ["shop.example:x80", "shop.example:x80"],
      ["shop.example:80:90", "shop.example:80"],
      ["8080", "8080"],
      [":80", ""],
      ["203.0.113.7", "203.0.113.7"],
      ["203.0.113.7:65535", "203.0.113.7"],
      ["[2001:DB8::1]", "[2001:db8::1]"],
      ["[2001:db8::1]:8443", "[2001:db8::1]"],
      ["[2001:db8::1]:", "[2001:db8::1]"],
      ["[::]", "[::]"],
      ["[::1", "[:"],
      ["XN--Strae-oqa.example", "xn--strae-oqa.example"],
      // Only ASCII has cases here.
      ["ÄÖ@[`{.example", "ÄÖ@[`{.example"],
      [LONG.toUpperCase() + ":1", LONG],
    ];
    for (let i = 0; i < rows.length; i++) {
      begin(plan, [":authority", rows[i][0]]);
      expect(stringOf(hostOf())).toBe(rows[i][1], rows[i][0]);
      // And the same once it is known.
      expect(stringOf(hostOf())).toBe(rows[i][1], rows[i][0]);
    }
  });

  it("leaves the authority as it is", () => {
    begin(plan, [":authority", "Shop.Example:80"]);
    hostOf();
    expect(stringOf(view.authority)).toBe("Shop.Example:80");
  });

  it("is empty without an authority", () => {
    begin(plan, [":authority", "a"]);
    hostOf();
    begin(plan, [":path", "/"]);
    expect(stringOf(hostOf())).toBe("");
  });
});
