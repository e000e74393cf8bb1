// docs/compatibility.md says "run" of what the tests run, and of nothing else.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

import { ENVOY_WHEELS } from "../../tools/envoy/index.ts";
import { EMISSARY_ENVOYS } from "../gateways/versions.ts";
import { linksOf } from "../support/page.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PAGE = readFileSync(join(ROOT, "docs/compatibility.md"), "utf8");

type State = "run" | "checked" | "not run" | "refused";

interface Row {
  readonly what: string;
  readonly state: State;
  /** Tests and files that it names. */
  readonly shown: string[];
}

/** The rows of the table below a heading. */
function rowsOf(heading: string): Row[] {
  const section = PAGE.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) => {
    const [, what = "", state = ""] = line.split("|").map((cell) => cell.trim());
    const found = /^(run|checked|not run|refused)\b/.exec(state)?.[1];
    assert.ok(found !== undefined, `${what}: begins with neither run, checked, not run nor refused`);
    return { what, state: found as State, shown: linksOf(line).map(({ path }) => path) };
  });
}

test("the Envoys that it calls run are those that the tests fetch", () => {
  const run = rowsOf("Envoy").filter(({ state }) => state === "run");
  assert.deepEqual(run.map(({ what }) => what).sort(), Object.keys(ENVOY_WHEELS).sort());
});

test("Emissary's configurations are run on the Envoys that it says", () => {
  const run = rowsOf("Gateways").filter(({ state }) => state === "run");
  const minors = run.map(
    ({ what }) => /^Emissary \d+\.\d+\.\d+, .* Envoy (\d+\.\d+)$/.exec(what)?.[1] ?? what,
  );
  assert.deepEqual(minors.sort(), EMISSARY_ENVOYS.map((version) => version.split(".", 2).join(".")).sort());
});

test("what it calls run or checked names the test that does it", () => {
  for (const heading of ["Envoy", "Gateways", "The command line"]) {
    const rows = rowsOf(heading);
    assert.ok(rows.length > 3 || heading === "The command line", heading);
    for (const { what, state, shown } of rows) {
      if (state === "not run") continue;
      assert.ok(shown.length > 0, `${what}: nothing shows it`);
      for (const path of shown) assert.ok(existsSync(join(ROOT, "docs", path)), `${what}: ${path}`);
    }
  }
});

test("the oldest Node is that of package.json", () => {
  const { engines } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    engines: { node: string };
  };
  const oldest = engines.node.replace(">=", "");
  const rows = rowsOf("The command line");
  assert.ok(
    rows.some(({ what, state }) => what.startsWith(`${oldest} `) && state === "run"),
    oldest,
  );
  assert.ok(rows.some(({ what, state }) => what === `before ${oldest}` && state === "refused"));
});

test("every system has a state, and those that CI has not are not called run", () => {
  const states = Object.fromEntries(rowsOf("Systems").map(({ what, state }) => [what, state]));
  assert.deepEqual(states, {
    "Linux x86-64": "run",
    "Linux arm64": "not run",
    "macOS arm64": "not run",
    Windows: "not run",
  });
});
