// The pure parts of the instruction bench. The bench itself takes many minutes under callgrind and is run by hand.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, test } from "node:test";

import { WASM } from "../support/filter.ts";
import { overBudget, readBudget, writeBudget } from "./budget.ts";
import { addressesIn, parseDump, requireCallgrind, type Cost } from "./callgrind.ts";
import { parseOptions } from "./instruction-options.ts";
import { costOfRequest, faultsOf, figuresOf, tableOf, type Measured } from "./instruction-report.ts";
import { readPerfMap } from "./perf-map.ts";
import { listenersOf, policyOf, Requests, restrictionOf, WAYS, type Listener } from "./instruction-ways.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** A dump as callgrind 3.19 writes it, with one function of each family. */
const DUMP = `# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 18135
cmd:  /opt/envoy/1.40.0/envoy -c envoy.yaml
part: 2


desc: I1 cache: 
desc: Timerange: Basic block 289619465 - 291217730
desc: Trigger: dump

positions: line
events: Ir
summary: 99


ob=(1) /usr/lib/x86_64-linux-gnu/libc.so.6
fl=(1) ./malloc/malloc.c
fn=(10) __memcpy_avx_unaligned_erms
30 7
+2 3
cob=(2) /opt/envoy/1.40.0/envoy
cfi=(2) ???
cfn=(630) 0x000000000207e000
calls=4 0 
0 58912

ob=(3) ???
fl=(2)
fn=(20) 0x000000000628d840
0 200
fn=(21) 0x00002ec51fd02b48
0 4000
cob=(3)
cfn=(20)
calls=1 0 
0 200

ob=(2)
fn=(630)
0 30000
* 1

totals: 34211
`;

describe("a dump of callgrind", () => {
  test("costs of functions by themselves, by family", () => {
    assert.deepEqual(parseDump(DUMP), {
      total: 34_211,
      families: { envoy: 30_001, malloc: 200, libc: 10, guest: 4000 },
    });
  });

  test("instructions are found among other events and positions", () => {
    const text = DUMP.replace("positions: line", "positions: instr line")
      .replace("events: Ir", "events: Dr Ir")
      .replaceAll(/^([\d*+]+) (\d+)$/gm, "0x1 $1 5 $2")
      .replace("totals: 34211", "totals: 30 34211");
    assert.equal(parseDump(text).total, 34_211);
  });

  test("one that is cut, or counts something else, is refused", () => {
    assert.throws(() => parseDump(DUMP.replace(/totals.*\n/, "")), /not complete/);
    assert.throws(
      () => parseDump(DUMP.replace("0 4000\n", "")),
      /add up to 30211 instructions, not to 34211/,
    );
    assert.throws(() => parseDump(DUMP.replace("events: Ir", "events: Dr")), /does not count instructions/);
    assert.throws(() => parseDump(""), /does not count instructions/);
  });

  test("by address, for code that has no names", () => {
    const text = DUMP.replace("positions: line", "positions: instr line").replaceAll(
      /^(?:\d+|\+2|\*) (\d+)$/gm,
      "0x6a840 0 $1",
    );
    const costs = addressesIn(text);
    assert.equal(
      costs.reduce((sum, [, cost]) => sum + cost, 0),
      34_211,
    );
    assert.ok(costs.every(([address]) => address === 0x6a840));
    assert.throws(() => addressesIn(DUMP), /no addresses/);
  });

  test("V8's map names what stands at an address, the newest where something stood before", () => {
    const nameOf = readPerfMap("1000 40 JS:old\n1040 40 JS:a/b-1-turbofan\n1000 20 JS:new\n");
    assert.deepEqual([0xfff, 0x1000, 0x101f, 0x1020, 0x1040, 0x107f, 0x1080].map(nameOf), [
      null,
      "JS:new",
      "JS:new",
      null,
      "JS:a/b-1-turbofan",
      "JS:a/b-1-turbofan",
      null,
    ]);
  });

  test("where callgrind is missing, the bench says what to install", () => {
    assert.throws(() => requireCallgrind(["no-such-valgrind"]), /no no-such-valgrind here.*apt-get install/);
  });
});

describe("the command line", () => {
  test("unless said: this checkout's build, all ways", () => {
    assert.deepEqual(parseOptions([]), {
      builds: [{ label: "serin", path: "build/serin.wasm", without: [] }],
      ways: [],
      blocks: 3,
      requests: 300,
      bounds: [],
      budget: null,
      budgetToWrite: null,
      isJson: false,
      isHelp: false,
    });
  });

  test("builds have labels of their own", () => {
    const { builds } = parseOptions(["--wasm", "before=/a/b=c.wasm", "--wasm", "../x.wasm"]);
    assert.deepEqual(builds, [
      { label: "before", path: "/a/b=c.wasm", without: [] },
      { label: "serin", path: "../x.wasm", without: [] },
    ]);
    assert.throws(
      () => parseOptions(["--wasm", "a.wasm", "--wasm", "b.wasm"]),
      /two builds are called serin/,
    );
  });

  test("a build that Envoy calls for less", () => {
    const { builds } = parseOptions([
      "--wasm",
      "a=x.wasm",
      "--wasm",
      "b=x.wasm",
      "--without",
      "b=response_body,log",
    ]);
    assert.deepEqual(
      builds.map(({ without }) => without),
      [[], ["response_body", "log"]],
    );
    assert.throws(() => parseOptions(["--without", "c=log"]), /there is no build c/);
    assert.throws(() => parseOptions(["--without", "log"]), /say LABEL=NAME/);
  });

  test("bounds", () => {
    const parsed = (text: string): unknown => {
      const [{ text: _, ...bound } = assert.fail()] = parseOptions(["--at-most", text]).bounds;
      return bound;
    };
    assert.deepEqual(parsed("count=0.58"), { name: "count", other: "lua", factor: 0.58, more: 0 });
    assert.deepEqual(parsed("after/count=before/count*1.01"), {
      ...{ name: "after/count", other: "before/count", factor: 1.01, more: 0 },
    });
    assert.deepEqual(parsed("count-two=count+2500"), {
      ...{ name: "count-two", other: "count", factor: 1, more: 2500 },
    });
    for (const text of ["count", "count=", "count=lua", "count=-1", "=1", "count=a*", "count=1.5k"])
      assert.throws(() => parseOptions(["--at-most", text]), /say NAME=NUMBER/, text);
  });

  test("numbers", () => {
    for (const text of ["0", "-1", "1.5", "many"])
      assert.throws(() => parseOptions([`--blocks=${text}`]), /--blocks takes a whole number from 1/, text);
    assert.throws(() => parseOptions(["--requests", "0"]), /--requests takes/);
    assert.throws(() => parseOptions(["--way", "count"]), /--way/);
  });

  test("the commands of the pages are understood", () => {
    const commands = ["docs/performance.md", "docs/decisions/split-module.md"].flatMap((page) => {
      const found = [
        ...readFileSync(join(ROOT, page), "utf8").matchAll(/^make bench-instructions(?: ARGS="([^"]*)")?/gm),
      ];
      assert.ok(found.length > 0, `${page} names the command`);
      return found;
    });
    for (const [, args = ""] of commands) {
      const { builds, ways, bounds } = parseOptions(args.split(" ").filter((word) => word !== ""));
      const listeners = listenersOf(builds, ways);
      const figures = figuresOf(listeners.map((listener) => measured(listener, [1])));
      assert.deepEqual(faultsOf(figures, bounds), [], args);
    }
  });
});

describe("the budget", () => {
  test("3 % are allowed, a way without a figure is a fault", () => {
    assert.deepEqual(overBudget({ count: 1030, full: 900 }, { count: 1000, full: 1000, matched: 1 }), []);
    assert.deepEqual(overBudget({ count: 1031 }, { count: 1000 }), [
      "count costs 1031 instructions a request, its budget is 1000 and 3 %",
    ]);
    assert.match(overBudget({ other: 5 }, { count: 1 }).join(), /other has no figure in the budget/);
  });

  test("figures are written beside those of other ways", () => {
    const folder = mkdtempSync(join(tmpdir(), "bench-test-"));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "budget.json");
    writeFileSync(file, '{ "guest": { "count": 1, "full": 2 }, "envoy": { "count": 3 } }');
    writeBudget(file, "guest", { full: 7.6 });
    assert.deepEqual(readBudget(file), { guest: { count: 1, full: 8 }, envoy: { count: 3 } });
  });

  test("the one of this repository names ways that there are", () => {
    const { guest, envoy } = readBudget(join(ROOT, "test/bench/budget.json"));
    const names = WAYS.filter(({ policy }) => policy !== undefined).map(({ name }) => name);
    for (const name of [...Object.keys(guest), ...Object.keys(envoy)]) assert.ok(names.includes(name), name);
    assert.ok(Object.keys(guest).length > 0);
  });
});

describe("ways", () => {
  const builds = [
    { label: "before", path: "a.wasm", without: [] },
    { label: "after", path: "b.wasm", without: [] },
  ];

  test("a build that Envoy calls for less may do all else that it can", () => {
    const restricted = (without: string[]): string[] => {
      const { capability_restriction_config: config } = restrictionOf({
        label: "x",
        path: WASM,
        without,
      }) as {
        capability_restriction_config: { allowed_capabilities: object };
      };
      return Object.keys(config.allowed_capabilities);
    };
    const module = new WebAssembly.Module(readFileSync(WASM));
    const imports = WebAssembly.Module.imports(module).map(({ name }) => name);
    const exports = WebAssembly.Module.exports(module).map(({ name }) => name);
    assert.ok(imports.length > 10 && exports.includes("proxy_on_log"));
    assert.deepEqual(
      restricted(["log"]),
      [...imports, ...exports].filter((name) => name !== "proxy_on_log"),
    );
    assert.deepEqual(restrictionOf({ label: "x", path: WASM, without: [] }), {});
    assert.throws(() => restricted(["delete"]), /has no proxy_on_delete/);
  });

  test("Serin's are there once for each build, the others once", () => {
    const names = listenersOf(builds, []).map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const name of ["no-filter", "lua", "before/count", "after/count"])
      assert.ok(names.includes(name), name);
    assert.equal(names.includes("before/lua"), false);
    const alone = listenersOf(builds.slice(0, 1), []).map(({ name }) => name);
    assert.deepEqual(
      alone,
      WAYS.map(({ name }) => name),
    );
  });

  test("chosen by name, or with a label; no filter is always among them", () => {
    const names = (...chosen: string[]): string[] => listenersOf(builds, chosen).map(({ name }) => name);
    assert.deepEqual(names("count"), ["no-filter", "before/count", "after/count"]);
    assert.deepEqual(names("after/full", "lua"), ["no-filter", "lua", "after/full"]);
    assert.throws(() => names("counts"), /there is no counts; there are no-filter, /);
  });

  test("eighteen of twenty users get the default, and each block has the same users unless they are new", () => {
    const wayOf = (name: string): (typeof WAYS)[number] =>
      WAYS.find((way) => way.name === name) ?? assert.fail(name);
    const requests = new Requests(wayOf("count"));
    const block = requests.block(300);
    const reach = (cluster: string): number => block.filter((sent) => sent.cluster === cluster).length;
    assert.deepEqual([reach("stable"), reach("b"), reach("c")], [270, 15, 15]);
    assert.equal(new Set(block.map(({ bytes }) => bytes)).size, 300);
    assert.equal(new Set(block.map(({ bytes }) => bytes.length)).size, 1);
    assert.equal(block[0]?.bytes.match(/^[\w-]+: /gm)?.length, 12);
    assert.deepEqual(requests.block(300), block);
    const other = new Requests(wayOf("count-other")).block(4);
    assert.deepEqual(
      other.map(({ cluster }) => cluster),
      ["b", "c", "b", "c"],
    );
    const fresh = new Requests(wayOf("full-new"));
    const users = [...fresh.block(100), ...fresh.block(100)].map(({ bytes }) => bytes);
    assert.equal(new Set(users).size, 200, "a new user is never seen again");
    const whole = new Requests(wayOf("not-concerned")).block(20);
    assert.ok(whole.every(({ cluster }) => cluster === "stable"));
  });

  test("the filter takes their policies", () => {
    const folder = mkdtempSync(join(tmpdir(), "bench-test-"));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const files = WAYS.filter(({ policy }) => policy !== undefined).map((way) => {
      writeFileSync(join(folder, `${way.name}.json`), JSON.stringify(policyOf(way)));
      return `${way.name}.json`;
    });
    const cli = join(ROOT, "build/cli/cli.js");
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, "validate", ...files], {
      cwd: folder,
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout + stderr);
  });
});

describe("figures", () => {
  const builds = [
    { label: "before", path: "a.wasm", without: [] },
    { label: "after", path: "b.wasm", without: [] },
  ];
  const totals: Record<string, number[]> = {
    "no-filter": [200_000, 200_100, 199_900],
    lua: [240_000, 240_000, 240_000],
    "before/count": [230_000, 230_400, 230_200],
    "after/count": [220_000, 220_000, 220_000],
  };
  const figures = figuresOf(
    listenersOf(builds, ["lua", "count"]).map((listener) =>
      measured(listener, totals[listener.name] ?? assert.fail()),
    ),
  );
  const of = (name: string): (typeof figures)[number] =>
    figures.find((figure) => figure.name === name) ?? assert.fail(name);

  test("a request's part of a block, without what an idle Envoy does meanwhile", () => {
    const block = { total: 61_000, families: { envoy: 50_000, malloc: 6_000, libc: 0, guest: 5_000 } };
    const idle = { total: 500, families: { envoy: 300, malloc: 0, libc: 100, guest: 100 } };
    assert.deepEqual(costOfRequest(block, idle, 2, 10), {
      total: 6_000,
      families: { envoy: 4_940, malloc: 600, libc: -20, guest: 480 },
    });
  });

  test("medians, spread, over no filter, and the ratios", () => {
    assert.deepEqual(
      { ...of("before/count"), note: "", families: {} },
      {
        ...{ name: "before/count", note: "", instructions: 230_200, spread: 400, added: 30_200 },
        ...{ toLua: 30_200 / 40_000, toFirst: null, families: {} },
      },
    );
    assert.equal(of("after/count").toFirst, 20_000 / 30_200);
    assert.equal(of("after/count").families.envoy, 20_000);
    assert.equal(of("no-filter").toLua, null);
    assert.equal(of("lua").toFirst, null);
    assert.throws(() => figuresOf([]), /without no-filter/);
  });

  test("bounds that hold, are passed, or mean nothing", () => {
    const faults = (...texts: string[]): string[] =>
      faultsOf(figures, parseOptions(texts.map((text) => `--at-most=${text}`)).bounds);
    assert.deepEqual(faults("count=0.755", "after/count=0.5", "after/count=before/count*0.67"), []);
    assert.deepEqual(faults("count=0.6"), [
      "before/count adds 30.20k instructions to no filter, more than 24.00k (--at-most count=0.6)",
    ]);
    assert.deepEqual(faults("before/count=after/count+10200"), []);
    assert.match(faults("before/count=after/count+10100").join(), /more than 30\.10k/);
    // Of the same build, where the other has one.
    assert.deepEqual(faults("count=count*1"), []);
    assert.deepEqual(faults("full=1"), ["--at-most full=1: full was not measured"]);
    assert.deepEqual(faults("after/count=full+1"), ["--at-most after/count=full+1: full was not measured"]);
  });

  test("a table for people", () => {
    const table = tableOf(figures, "before");
    assert.match(table, /to before/);
    assert.match(table, /after\/count +│ +220\.00 │ +0\.00 │ +20\.00 │ +0\.500 │ +0\.662 │/);
    assert.doesNotMatch(tableOf(figures, null), /to before/);
  });
});

/** Blocks that cost so much, all of it Envoy's own. */
function measured(listener: Listener, totals: readonly number[]): Measured {
  const blocks = totals.map((total): Cost => ({
    total,
    families: { envoy: total, malloc: 0, libc: 0, guest: 0 },
  }));
  return { listener, blocks };
}
