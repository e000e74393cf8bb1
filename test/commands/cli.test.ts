// Exit statuses, help, problems as text and as JSON: what scripts and people rely on.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, describe, it } from "node:test";

import { startFakeAdmin } from "../support/fake-admin.ts";
import { startFakePrometheus } from "../support/fake-prometheus.ts";
import { guestModuleBytes } from "../emulator/probe-guest.ts";
import { inPairs, POLICY, runCli, temporaryFolder } from "../support/cli.ts";
import { sectionEnds, WASM } from "../support/filter.ts";
import { commandNames } from "./command-names.ts";

/** Commands whose examples are run here: they end, and need no more than a policy and endpoints. */
const ENDS = new Set(
  "validate publish decide explain report stats emissary diff plan evaluate completion".split(" "),
);
/** What commands read that do not read a policy. */
const STDIN: Readonly<Record<string, string>> = {
  decide: '{"url": "https://shop.example.com/"}\n',
  evaluate: '{"flagKey": "new-checkout"}\n',
};

describe("command line", () => {
  const folder = temporaryFolder();
  const good = folder.write("good.yaml", POLICY);
  const bad = folder.write(
    "bad.yaml",
    POLICY.replace("percent: 50", "percent: 140").replace("rollouts:", "rolouts: {}\nrollouts:"),
  );

  it("validate: 0 and one line for a good policy", async () => {
    const { status, stdout, stderr } = await runCli(["validate", good]);
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: `${good}: ok\n`, stderr: "" });
  });

  it("validate: 1 and each problem at its place in the YAML for a bad one; good ones beside it are still checked", async () => {
    const { status, stdout, stderr } = await runCli(["validate", bad, good]);
    assert.equal(status, 1);
    assert.equal(stdout, `${good}: ok\n`);
    const lines = stderr.trimEnd().split("\n");
    assert.equal(lines.length, 2, stderr);
    assert.match(lines[0] ?? "", new RegExp(`^${bad}:2:1 /rolouts: .*rollouts`));
    assert.match(
      lines[1] ?? "",
      new RegExp(`^${bad}:11:26 /rollouts/checkout/variants/canary/percent: .*140`),
    );
  });

  it("validate --json: the problems on stdout, nothing on stderr", async () => {
    const { status, stdout, stderr } = await runCli(["validate", "--json", bad]);
    assert.equal(status, 1);
    assert.equal(stderr, "");
    const report = JSON.parse(stdout);
    assert.equal(report.ok, false);
    assert.equal(report.problems.length, 2);
    const { message, ...rest } = report.problems[1];
    assert.equal(typeof message, "string");
    assert.deepEqual(rest, {
      file: bad,
      line: 11,
      column: 26,
      pointer: "/rollouts/checkout/variants/canary/percent",
      code: "range",
      severity: "error",
    });
    const fine = await runCli(["validate", "--json", good]);
    assert.deepEqual(JSON.parse(fine.stdout), { ok: true, problems: [] });
  });

  it("validate: errors before hints, and what is past twenty is counted", async () => {
    const cases = Array.from({ length: 30 }, (_, i) => ({ "==": [{ var: `headers.a${i}` }, [1]] }));
    const flag = (targeting: object): object => ({
      state: "ENABLED",
      variants: { on: true },
      defaultVariant: "on",
      targeting,
    });
    const rollouts = (count: number): object =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`r${i}`, { default: "s", variants: {} }]));
    const write = (errors: number): string =>
      folder.write(
        `many-${errors}.json`,
        JSON.stringify({ flags: { a: flag({ if: [{ or: cases }, "on"] }) }, rollouts: rollouts(errors) }),
      );
    const few = write(3);
    const some = await runCli(["validate", few]);
    const lines = some.stderr.trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => /: warning: /.test(line)),
      [...Array(3).fill(false), ...Array(17).fill(true), false],
    );
    assert.match(lines.at(-1) ?? "", new RegExp(`^${few}: \\d+ more warnings$`));

    const many = write(25);
    const all = await runCli(["validate", many]);
    assert.equal(all.stderr.trimEnd().split("\n").length, 21);
    assert.match(all.stderr, new RegExp(`^${many}: 5 more errors, 55 more warnings\n$`, "m"));
    const json = JSON.parse((await runCli(["validate", "--json", many])).stdout);
    assert.deepEqual([json.problems.length, json.more], [20, { errors: 5, warnings: 55 }]);
    const bad = folder.write("lines.yaml", Array(30).fill("a: b: c: [\n").join(""));
    assert.match((await runCli(["validate", bad])).stderr, /lines\.yaml: \d+ more errors\n$/);
  });

  it("validate reads standard input, JSON and YAML", async () => {
    const yaml = await runCli(["validate", "-"], { stdin: POLICY });
    assert.deepEqual([yaml.status, yaml.stdout], [0, "-: ok\n"]);
    const json = await runCli(["validate", "-"], { stdin: '{\n  "rolouts": {}}' });
    assert.equal(json.status, 1);
    assert.match(json.stderr, /^-:2:3 \/rolouts: /);
  });

  it("a warning is told and changes no exit status", async () => {
    const { status, stderr } = await runCli(["validate", "-"], {
      stdin: POLICY.replace(/^identity.*\n/, ""),
    });
    assert.equal(status, 0);
    assert.match(stderr, /: warning: /);
  });

  it("YAML that is none is a problem like others", async () => {
    const { status, stderr } = await runCli(["validate", "-"], { stdin: "a: [1\nb: 2\n" });
    assert.equal(status, 1);
    assert.match(stderr, /^-:2:1: Flow sequence/);
  });

  it("a policy cannot write to the terminal", async () => {
    const { stderr } = await runCli(["validate", "-"], { stdin: '{"a\\u001b[2J\\n": 1}' });
    assert.match(stderr, /^-:1:2 \/a\\u001b\[2J\\u000a: unknown key .*\n$/);
  });

  it("bad usage and missing files are 2, with one clear line", async () => {
    const usages: [string[], RegExp][] = [
      [["nope"], /unknown command 'nope'/],
      [["validate"], /missing required argument/],
      [["validate", "--nope", good], /unknown option '--nope'/],
      [["validate", `${folder.path}/absent.yaml`], /absent\.yaml: no such file/],
      [["validate", folder.path], /is a directory/],
      [["publish", good], /required option '--to <FILE>'/],
      [["publish", good, "--to", `${folder.path}/no/filter.yaml`], /no such file/],
      [["publish", good, "--to", `${folder.path}/f.yaml`, "--failure-policy", "FAIL"], /Allowed choices/],
      [["decide"], /which policy\? Name it with --policy POLICY, or set SERIN_POLICY/],
      [["decide", "--policy", "-"], /standard input is already used for the requests/],
      [["explain", "--policy", good], /missing required argument/],
      [["explain", "--policy", good, "shop.example.com"], /URL: must be like/],
      [["explain", "--policy", good, "-H", "cookie", "http://a"], /must be like 'name: value'/],
      [["explain", "--policy", good, "--source-address", "x", "http://a"], /--source-address: must be an IP/],
      [[], /Usage: serin/],
    ];
    await inPairs(usages, async ([parameters, message]) => {
      const { status, stdout, stderr } = await runCli(parameters);
      assert.equal(status, 2, parameters.join(" "));
      assert.match(stderr, message, parameters.join(" "));
      assert.equal(stdout, "");
    });
  });

  it("SERIN_POLICY stands for --policy in every command that has it; an empty one does not", async () => {
    const having: string[] = [];
    for (const name of await commandNames()) {
      const help = (await runCli([name, "--help"])).stdout.replace(/\n {10,}/g, " ");
      const [option] = /^ {2}--policy .*$/m.exec(help) ?? [];
      if (option === undefined) continue;
      having.push(name);
      assert.match(option, /default: SERIN_POLICY/, name);
    }
    for (const name of ["decide", "evaluate", "explain", "ambassador", "abort", "status", "report", "stats"])
      assert.ok(having.includes(name), name);
    const env = { SERIN_POLICY: good };
    const decided = await runCli(["decide"], { env, stdin: STDIN.decide ?? "" });
    assert.deepEqual([decided.status, decided.stderr], [0, ""]);
    const explained = await runCli(["explain", "https://shop.example.com/checkout"], { env });
    assert.deepEqual([explained.status, explained.stderr], [0, ""]);
    const evaluated = await runCli(["evaluate"], { env, stdin: STDIN.evaluate ?? "" });
    assert.deepEqual([evaluated.status, evaluated.stderr], [0, ""]);
    for (const command of [
      ["decide"],
      ["evaluate"],
      ["explain", "/"],
      ["ambassador"],
      ["abort", "checkout"],
    ]) {
      const { status, stderr } = await runCli(command, { env: { SERIN_POLICY: "" } });
      const said = "serin: which policy? Name it with --policy POLICY, or set SERIN_POLICY\n";
      assert.deepEqual([status, stderr], [2, said], command.join(" "));
    }
  });

  it("every command has help with examples, and each example is a command that parses", async () => {
    const examples: string[] = [];
    const names = await commandNames();
    assert.ok(names.length >= 17, names.join(" "));
    for (const command of [[], ...names.map((name) => [name])]) {
      const { status, stdout } = await runCli([...command, "--help"]);
      assert.equal(status, 0);
      assert.match(stdout, /Examples:/, command.join(""));
      // What is given as a duration has a unit where it is a default too.
      const options = stdout.replace(/\n {10,}/g, " ");
      for (const [line, value = ""] of options.matchAll(/<DURATION> .*\(default: (.*?)\)/g))
        assert.match(value, /^\d+(?:ms|[smhd])$/, line);
      for (const [, line = ""] of stdout.matchAll(/^ {2}\$ (.*)$/gm)) {
        const name = /\bserin (\w+)/.exec(line)?.[1] ?? "";
        assert.ok(names.includes(name), line);
        if (ENDS.has(name)) examples.push(line);
        if (command.length === 0) continue;
        // What goes on, or writes what is not here, is run elsewhere; its options are those of the help.
        const after = line.slice(line.indexOf(`serin ${name}`)).replace(/'[^']*'/g, "");
        for (const [, option = ""] of after.matchAll(/ (--[a-z-]+|-[A-Z]\b)/g))
          assert.ok(stdout.includes(`  ${option}`) || stdout.includes(`, ${option}`), `${line}: ${option}`);
      }
    }
    assert.ok(examples.length >= 25, String(examples.length));
    const endpoints = await startEndpoints();
    after(() => endpoints.stop());
    await inPairs(examples, async (example) => {
      const words = example.slice(example.indexOf("serin ") + "serin ".length).replace(/ [<>|].*$/, "");
      const parameters = [...words.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "");
      const isReading = parameters[0] === "report" || parameters[0] === "stats";
      const waits = parameters.indexOf("--wait");
      const given = parameters.map((word, index) =>
        index > 0 && index - 1 === waits ? "1s" : endpoints.urlFor(toFolder(word)),
      );
      if (isReading && !/--(admin|prometheus)/.test(example))
        given.push("--admin", endpoints.urlFor("http://"));
      const { status, stderr } = await runCli(given, {
        // `decide` reads requests there; all others that read it want a policy.
        stdin: STDIN[parameters[0] ?? ""] ?? POLICY,
        cwd: folder.path,
      });
      // Nothing is counted there, so a report is inconclusive, and nothing is served, so waiting for it is in vain.
      const expected = parameters[0] === "report" ? 3 : waits === -1 || parameters[0] === "status" ? 0 : 1;
      assert.equal(status, expected, `${example}\n${stderr}`);
    });
  });

  /** An Envoy with a rollout that nobody used, another one, and a Prometheus without any series. */
  async function startEndpoints(): Promise<{ urlFor: (word: string) => string; stop: () => Promise<void> }> {
    const content = { values: { "serin.rollout.checkout.stable.rq_total": 0 } };
    const [one, two, prometheus] = await Promise.all([
      startFakeAdmin(content),
      startFakeAdmin(content),
      startFakePrometheus([]),
    ]);
    return {
      urlFor(word) {
        if (word.includes(":9090")) return prometheus.url;
        if (word.includes("//10.0.0.2")) return two.url;
        return word === "http://" || word.includes(":9901") ? one.url : word;
      },
      stop: async () => void (await Promise.all([one, two, prometheus].map((server) => server.stop()))),
    };
  }

  /** The examples' files, as far as they name any, are this test's. */
  function toFolder(word: string): string {
    if (["policy.yaml", "live.yaml", "flags.json", "envoy/policies/*.yaml"].includes(word)) return good;
    if (word === "access.log") return folder.write("access.log", STDIN["decide"] ?? "");
    return word.endsWith("filter.yaml") || word === "serin/" ? join(folder.path, basename(word)) : word;
  }

  it("--version is the package's", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    const { status, stdout } = await runCli(["--version"]);
    assert.deepEqual([status, stdout], [0, `${version}\n`]);
  });

  it("no colours where nobody looks, whatever the environment says", async () => {
    const { stderr, stdout } = await runCli(["validate", bad, good], {
      env: { FORCE_COLOR: "1", CI: "true" },
    });
    assert.doesNotMatch(stdout + stderr, /\x1b/);
  });

  it("a filter that is missing, none, or traps is told in one line", async () => {
    const absent = await runCli(["validate", good], { env: { SERIN_WASM: `${folder.path}/absent.wasm` } });
    assert.deepEqual(
      [absent.status, absent.stderr],
      [2, `serin: ${folder.path}/absent.wasm: no such file\n`],
    );
    const none = await runCli(["validate", good], { env: { SERIN_WASM: good } });
    assert.equal(none.status, 2);
    assert.match(none.stderr, /not a WebAssembly module/);
    const built = readFileSync(WASM);
    const ends = sectionEnds(built);
    assert.equal(ends.pop(), built.length);
    for (const length of [0, 7, 8, ...ends, built.length - 1]) {
      const cut = folder.write("cut.wasm", built.subarray(0, length));
      const { status, stderr } = await runCli(["validate", good], { env: { SERIN_WASM: cut } });
      assert.equal(status, 2, `${length}: ${stderr}`);
      assert.match(
        stderr,
        /^serin: .*cut\.wasm: not (a WebAssembly module|the filter): .*\n$/,
        String(length),
      );
    }
    const traps = folder.write("traps.wasm", guestModuleBytes({ proxy_on_configure: "unreachable" }));
    const trapped = await runCli(["validate", good], { env: { SERIN_WASM: traps } });
    assert.equal(trapped.status, 1);
    assert.match(trapped.stderr, /^serin: internal error: the filter trapped: unreachable\n$/);
    const silent = folder.write("silent.wasm", guestModuleBytes({ proxy_on_configure: "(i32.const 0)" }));
    const refused = await runCli(["validate", good], { env: { SERIN_WASM: silent } });
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /did not say why/);
  });
});
