// Names come from files, from Envoy and from Prometheus, and are nobody's to trust: what reaches a terminal, a log or a
// comment on a change moves no cursor, rings no bell, breaks no line and turns no direction.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { after, describe, it } from "node:test";

import { guardOutput, unguarded, visible, visibleOutput } from "../../tools/terminal/visible.ts";
import { serve, startFakeAdmin } from "../support/fake-admin.ts";
import { inPairs, runCli, temporaryFolder } from "../support/cli.ts";

const EVIL = "e\u001b[2J\u001b]0;t\u0007\u009b8m\u202e\u2066\u200f\u061c\u2028\r\u007f";
/** All but line ends, which end lines, and tabs. */
const FORBIDDEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

const folder = temporaryFolder();
const json = (value: unknown): string => JSON.stringify(value);

/** Accepted, with names wherever a policy may have any; `percent` differs, so that people move. */
const policyOf = (percent: number, name = EVIL): string =>
  json({
    identity: [{ cookie: name.replace(/[^a-z]/g, "") }],
    rollouts: {
      checkout: {
        match: [{ path: { type: "PathPrefix", value: `/${name}` } }],
        default: "stable",
        variants: { stable: {}, canary: { percent, cluster: `c-${name}` } },
        when: { "!=": [{ var: "headers.x" }, name] },
        salt: `${name}${percent}`,
      },
    },
    flags: {
      [`f-${name}`]: {
        state: "ENABLED",
        variants: { [name]: name, b: name },
        defaultVariant: name,
        targeting: {
          fractional: [
            [name, percent],
            ["b", 100 - percent],
          ],
        },
      },
    },
    metadata: { owner: name },
  });

const BAD = json({
  [EVIL]: 1,
  rollouts: { [EVIL]: { default: EVIL, [`x${EVIL}`]: EVIL, variants: { [EVIL]: { percent: EVIL } } } },
});
const released = json({
  identity: [{ cookie: "uid" }],
  rollouts: {
    checkout: {
      default: "stable",
      variants: { stable: {}, canary: { percent: 5, cluster: EVIL, ramp: { steps: [5, 50], every: "1m" } } },
    },
  },
});
const mapping = json({
  apiVersion: "getambassador.io/v3alpha1",
  kind: "Mapping",
  metadata: { name: EVIL, namespace: EVIL },
  spec: { hostname: EVIL, prefix: `/${EVIL}`, service: EVIL },
});

describe("hostile names", () => {
  it("no command lets one through, from files, arguments, Envoy's stats, dump and errors, and Prometheus' labels", async () => {
    const write = (name: string, text: string): string =>
      folder.write(`${name}-${EVIL}`.replaceAll("/", "_"), text);
    const [old, good, bad] = [
      write("old.json", policyOf(5)),
      write("good.json", policyOf(50)),
      write("bad.json", BAD),
    ];
    const broken = write("broken.yaml", `"${EVIL.replace("\r", "")}": [1\n${EVIL}: 2\n`);
    const release = write("release.json", released);
    const mappings = write("mappings.yaml", mapping);
    const log = write(
      "access.log",
      `{"url": "https://a/${EVIL}", "method": "${EVIL}"}\n${json({ url: "https://a/b", headers: { cookie: `uid=${EVIL}` } })}\n`,
    );
    const target = join(folder.path, `filter-${EVIL}.yaml`);
    mkdirSync(join(folder.path, `emissary-${EVIL}`));

    const name = (leaf: string): string => `serin.rollout.${EVIL.replaceAll(".", "")}.${EVIL}x.${leaf}`;
    const counted = {
      [name("rq_total")]: 500,
      [name("rq_5xx")]: 5,
      [name("share")]: 5000,
      [`serin.flag.${EVIL}.${EVIL}`]: 5,
      [`serin.shadow.${EVIL}.match`]: 5,
      [`serin.rollout.${EVIL}.evidence_period`]: 1,
    };
    const admin = await startFakeAdmin({ values: counted, policy: JSON.parse(policyOf(5)) });
    const failing = await serve(() => ({ error: EVIL }));
    failing.status = 500;
    const strange = await serve(() => ({ stats: [{ name: EVIL, value: EVIL }], data: EVIL, [EVIL]: EVIL }));
    const labels = {
      serin_rollout: EVIL,
      serin_variant: EVIL,
      serin_flag: EVIL,
      serin_shadow: EVIL,
      instance: EVIL,
      share: "5",
      le: "5",
    };
    const prometheus = await serve(() => ({ data: { result: [{ metric: labels, value: [0, "5"] }] } }));
    after(() => Promise.all([admin, failing, strange, prometheus].map((server) => server.stop())));

    const endpoints = [
      ["--admin", admin.url],
      ["--admin", failing.url],
      ["--admin", strange.url],
      ["--prometheus", prometheus.url],
      ["--prometheus", failing.url],
    ];
    const lines: (readonly string[])[] = [
      ...[good, bad, broken, `${folder.path}/no-${EVIL}`].flatMap((file) => [
        ["validate", file], ["validate", "--json", file],
        ["explain", "--policy", file, `https://a/${encodeURIComponent(EVIL)}`],
        ["explain", "--json", "--policy", file, "-H", `x: ${EVIL.replaceAll("\r", "")}`, "https://a/"],
        ["decide", "--policy", file], ["evaluate", "--policy", file],
        ["plan", file, "--rps", "10"], ["publish", file, "--to", target, "--dry-run"],
        ["abort", EVIL, "--policy", file], ["diff", old, file], ["emissary", file, join(folder.path, `emissary-${EVIL}`)],
        ["ambassador", "--policy", file, mappings],
      ]),
      ["diff", old, good, "--markdown", "--requests", log], ["diff", old, good, "--json", "--requests", log],
      ["diff", old, good, "--requests", log, "--fail-if-moved", "1"],
      ["plan", release, "--rps", "10"], ["plan", release, "--rps", "10", "--json"],
      ["publish", good, "--to", target], ["publish", good, "--to", bad], ["publish", bad, "--to", target, "--json"],
      ["abort", "checkout", "--policy", old],
      ["ambassador", "--policy", good, "--check", mappings], ["ambassador", "--policy", good, "--json", mappings],
      ["status", "--admin", admin.url, "--policy", good], ["status", "--admin", failing.url, "--json"],
      ["status", "--admin", strange.url], ["publish", good, "--to", `${target}2`, "--wait", "1s", "--admin", failing.url],
      ...endpoints.flatMap((endpoint) => [
        ["report", ...endpoint], ["report", ...endpoint, "--markdown"], ["report", ...endpoint, "--json"],
        ["report", ...endpoint, "--rollout", EVIL], ["stats", ...endpoint], ["stats", ...endpoint, "--json"],
        ["advance", release, "--dry-run", ...endpoint], ["advance", release, "--dry-run", "--json", ...endpoint],
      ]),
      ["demo", "--port", EVIL], ["completion", EVIL],
      [EVIL], ["validate", `--${EVIL}`], ["report", "--admin", EVIL], ["dashboard", "--admin", EVIL], ["dashboard", "--port", EVIL], ["dashboard", "--policy", broken],
    ]; // prettier-ignore
    const commands = new Set(
      (await runCli(["--help"])).stdout
        .match(/^ {2}([a-z]+)(?= \[options\])/gm)
        ?.map((found) => found.trim()),
    );
    for (const [command = ""] of lines) commands.delete(command);
    assert.deepEqual([...commands], [], "commands without a line here");

    const stdin = `${json({ url: `https://a/${encodeURIComponent(EVIL)}`, headers: { cookie: EVIL } })}\n{"flagKey": "f-${EVIL}"}\n${json({ flagKey: `f-${EVIL}`, context: { targetingKey: EVIL } })}\n${EVIL}\n`;
    let shown = 0;
    await inPairs(lines, async (parameters) => {
      const { stdout, stderr } = await runCli(parameters, { stdin });
      const found = FORBIDDEN.exec(stdout + stderr);
      assert.equal(found, null, json([parameters, stdout, stderr]));
      assert.doesNotMatch(stderr, /internal error/, json(parameters));
      if ((stdout + stderr).includes("\\u202e")) shown++;
    });
    // Most of them do name it, or this shows nothing.
    assert.ok(shown > lines.length / 2, `${shown} of ${lines.length} lines show a hostile name`);
  });

  it("a terminal gets our colours, and no other escape", () => {
    const written: string[] = [];
    const stream = Object.assign(
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          written.push(chunk.toString("utf8"));
          done();
        },
      }),
      { isTTY: true },
    );
    guardOutput(stream);
    stream.write(`\u001b[31mred\u001b[39m \u001b[8mhidden\u001b[2J\u001b[1;31m ${EVIL}\n`);
    stream.write(Buffer.from("\u202e\n"));
    unguarded(stream).write("\u001b[2K");
    assert.equal(
      written[0],
      `\u001b[31mred\u001b[39m \\u001b[8mhidden\\u001b[2J\\u001b[1;31m ${visible(EVIL)}\n`,
    );
    assert.deepEqual(written.slice(1), ["\\u202e\n", "\u001b[2K"]);
    assert.equal(visibleOutput("\u001b[31mred", false), "\\u001b[31mred");
    assert.equal(visible("a\nb\t🐦 é 日本"), "a\\u000ab\\u0009🐦 é 日本");
  });
});
