// action.yml: its steps are run as the runner of GitHub Actions runs them, in a clone with a base branch.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, test } from "node:test";

import { parse } from "yaml";

import { POLICY, temporaryFolder } from "./support/cli.ts";

const ROOT = resolve(import.meta.dirname, "..");

interface Step {
  readonly name: string;
  readonly if?: string;
  readonly shell?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly run?: string;
}

interface Action {
  readonly inputs: Readonly<Record<string, { default?: string; required?: boolean; description: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

const action = parse(readFileSync(join(ROOT, "action.yml"), "utf8")) as Action;

const folder = temporaryFolder();
let runs = 0;

/** An expression of one name, or a condition of names beside literals, joined by &&. */
function evaluate(expression: string, names: Readonly<Record<string, string>>, isSound: boolean): boolean {
  const terms = expression.split("&&").map((term) => term.trim());
  return (
    (isSound || terms.includes("always()")) &&
    terms.every((term) => {
      if (term === "always()") return true;
      const [, name = "", value] = /^([\w.-]+) == '([^']*)'$/.exec(term) ?? assert.fail(`unknown: ${term}`);
      return names[name] === value;
    })
  );
}

interface Given {
  readonly base: string | null;
  /** Null for a pull request that deletes it. */
  readonly head: string | null;
  /** Its path in both; policy.yaml by default. */
  readonly file?: string;
  readonly event?: string;
  readonly inputs?: Readonly<Record<string, string>>;
  /** What the fake gh finds as the comment's id; null for a token that may do nothing. */
  readonly comment?: string | null;
}

/** Runs the steps; what the summary, the comment and the log then hold. */
function runAction({
  base,
  head,
  file = "policy.yaml",
  event = "pull_request",
  inputs = {},
  comment = "",
}: Given) {
  const home = folder.folder(`run-${++runs}`);
  const path = (name: string): string => join(home, name);
  for (const name of ["origin", "temp", "bin"]) mkdirSync(path(name));
  const git = (cwd: string, ...parameters: string[]): string =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...parameters], {
      cwd,
      encoding: "utf8",
    });
  git(path("origin"), "init", "-q", "-b", "trunk");
  mkdirSync(dirname(path(`origin/${file}`)), { recursive: true });
  if (base !== null) writeFileSync(path(`origin/${file}`), base);
  writeFileSync(path("origin/README"), "");
  git(path("origin"), "add", "-A");
  git(path("origin"), "commit", "-qm", "base");
  git(home, "clone", "-q", "--depth=1", `file://${path("origin")}`, "work");
  mkdirSync(dirname(path(`work/${file}`)), { recursive: true });
  if (head === null) rmSync(path(`work/${file}`));
  else writeFileSync(path(`work/${file}`), head);
  // gh keeps what it was asked, and the body that it was given.
  const gh = `#!/bin/sh
echo "$@" >> ${path("gh")}
for a; do case $a in body=@*) cp "\${a#body=@}" ${path("comment")};; esac; done
${comment === null ? "exit 1" : `case $* in *--jq*) echo "${comment}";; esac`}
`;
  writeFileSync(path("bin/gh"), gh, { mode: 0o755 });
  const values: Record<string, string> = { "github.token": "t", "github.event_name": event };
  for (const [name, { default: fallback }] of Object.entries(action.inputs)) {
    values[`inputs.${name}`] = inputs[name] ?? fallback ?? file;
  }
  let [isSound, log, status] = [true, "", 0];
  for (const step of action.runs.steps) {
    if (!evaluate(step.if ?? "always()", values, isSound || step.if === undefined)) continue;
    if (!isSound && step.if === undefined) continue;
    const env = Object.entries(step.env ?? {}).map(([name, text]) => [
      name,
      text.replace(/\$\{\{ ([\w.-]+) \}\}/g, (_, of: string) => values[of] ?? assert.fail(of)),
    ]);
    const ended = spawnSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run ?? ""], {
      cwd: path("work"),
      encoding: "utf8",
      env: {
        PATH: `${path("bin")}:${process.env["PATH"]}`,
        HOME: home,
        GITHUB_ACTION_PATH: ROOT,
        GITHUB_EVENT_NAME: event,
        GITHUB_REPOSITORY: "o/r",
        GITHUB_REF: "refs/pull/7/merge",
        GITHUB_BASE_REF: event.startsWith("pull_request") ? "trunk" : "",
        GITHUB_STEP_SUMMARY: path("summary"),
        RUNNER_TEMP: path("temp"),
        ...Object.fromEntries(env),
      },
    });
    log += ended.stdout + ended.stderr;
    if (ended.status !== 0) [isSound, status] = [false, ended.status ?? -1];
  }
  const read = (name: string): string => (existsSync(path(name)) ? readFileSync(path(name), "utf8") : "");
  return { status, log, summary: read("summary"), comment: read("comment"), gh: read("gh") };
}

const MORE = POLICY.replace("percent: 50", "percent: 60");

describe("the GitHub Action", () => {
  test("has no expression in a script, and each input says what it is", () => {
    assert.equal(action.runs.using, "composite");
    for (const { name, run, shell } of action.runs.steps) {
      assert.equal(shell, "bash", name);
      assert.doesNotMatch(run ?? "", /\$\{\{/, `${name}: an input could be a script`);
    }
    for (const [name, { description }] of Object.entries(action.inputs))
      assert.match(description, /\.$/, name);
  });

  test("says who moves, in the summary and in a comment", () => {
    const { status, summary, comment, gh } = runAction({ base: POLICY, head: MORE });
    assert.equal(status, 0);
    assert.match(summary, /^### Serin policy$/m);
    assert.match(summary, /^\| rollout `checkout` \| 10% \|/m);
    assert.equal(comment, summary);
    assert.match(gh, /^api --method POST repos\/o\/r\/issues\/7\/comments /m);
  });

  test("writes over its own comment", () => {
    assert.match(
      runAction({ base: POLICY, head: MORE, comment: "99" }).gh,
      /^api --method PATCH repos\/o\/r\/issues\/comments\/99 /m,
    );
  });

  test("takes no person's comment for its own", () => {
    const [, jq = ""] = /--jq (.*)$/m.exec(runAction({ base: POLICY, head: MORE }).gh) ?? [];
    assert.match(
      jq,
      /^\.\[\] \| select\(\.user\.type == "Bot" and \(\.body \| startswith\("<!-- serin \w+ -->"\)\)\) \| \.id$/,
    );
  });

  test("a file without an extension, in a folder with a point in its name", () => {
    for (const file of ["a.d/policy", "policy", "./a.d/policy.yaml"]) {
      const { status, summary, log } = runAction({ base: POLICY, head: MORE, file });
      assert.equal(status, 0, log);
      assert.match(summary, /^\| rollout `checkout` \| 10% \|/m, file);
    }
  });

  test("a policy that is deleted is not called invalid", () => {
    const { status, comment } = runAction({ base: POLICY, head: null });
    assert.equal(status, 2);
    assert.match(comment, /^The policy was deleted: who moves cannot be known\.$/m);
    assert.doesNotMatch(comment, /invalid/);
  });

  test("fails when more users move than allowed, and says it", () => {
    const { status, comment } = runAction({ base: POLICY, head: MORE, inputs: { "fail-if-moved": "5" } });
    assert.equal(status, 1);
    assert.match(comment, /^ {4}serin: 10% of users move, more than --fail-if-moved 5 allows$/m);
  });

  test("fails on an invalid policy, whose words stay words", () => {
    const { status, comment } = runAction({ base: POLICY, head: `${POLICY}"</pre>@team **x** \`\`\`": 1\n` });
    assert.equal(status, 1);
    assert.match(comment, /^ {4}policy\.yaml:\d+:1 \/<~1pre>@team/m);
    assert.deepEqual(
      comment.split("\n").filter((line) => line.includes("@team") && !line.startsWith("    ")),
      [],
    );
  });

  test("a new policy, a push, and a token that may not comment", () => {
    assert.match(runAction({ base: null, head: POLICY }).summary, /no such policy: all of it is new/);
    const push = runAction({ base: POLICY, head: MORE, event: "push" });
    assert.deepEqual([push.status, push.gh], [0, ""]);
    const fork = runAction({ base: POLICY, head: MORE, comment: null });
    assert.equal(fork.status, 0);
    assert.match(fork.log, /::warning::serin: no comment/);
  });

  test("refuses pull_request_target", () => {
    const { status, log, gh } = runAction({ base: POLICY, head: MORE, event: "pull_request_target" });
    assert.deepEqual([status, gh], [2, ""]);
    assert.match(log, /::error::serin: use on: pull_request/);
  });

  test("an input is no script", () => {
    const policy = '$(touch evil); echo `touch evil` "x.yaml';
    const { status, log } = runAction({ base: POLICY, head: MORE, inputs: { policy } });
    assert.equal(status, 2);
    assert.match(log, /no such file/);
  });
});

test("the workflow of the docs is one that the Action allows", () => {
  const page = readFileSync(join(ROOT, "docs/cli.md"), "utf8");
  const block = /```yaml\n(on: pull_request\n[\s\S]*?)```/.exec(page)?.[1] ?? assert.fail("no workflow");
  const workflow = parse(block) as {
    on: string;
    permissions: object;
    jobs: Record<string, { steps: { uses: string; with?: Record<string, unknown> }[] }>;
  };
  assert.equal(workflow.on, "pull_request");
  assert.deepEqual(workflow.permissions, { contents: "read", "pull-requests": "write" });
  const given = Object.keys(workflow.jobs["policy"]?.steps[1]?.with ?? {});
  assert.deepEqual(
    given.filter((name) => !(name in action.inputs)),
    [],
  );
  assert.ok(given.includes("policy"));
});

test("the pre-commit hook runs serin validate on policies", () => {
  const [hook] = parse(readFileSync(join(ROOT, ".pre-commit-hooks.yaml"), "utf8")) as Record<
    string,
    string
  >[];
  assert.ok(hook);
  assert.deepEqual(
    [hook["id"], hook["language"], hook["entry"]],
    ["serin-validate", "system", "npx serin validate"],
  );
  const pattern = new RegExp(hook["files"] ?? "");
  assert.deepEqual(
    [
      "policy.yaml",
      "envoy/policies/canary.yaml",
      "a/serin-policy.json",
      "src/policy.ts",
      "docker-compose.yml",
    ].map((name) => pattern.test(name)),
    [true, true, true, false, false],
  );
});
