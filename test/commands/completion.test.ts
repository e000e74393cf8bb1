// `serin completion`: what is completed is what the commands take.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";

import { runCli, temporaryFolder } from "../support/cli.ts";
import { commandNames } from "./command-names.ts";

const script = async (shell: string): Promise<string> => {
  const { status, stdout, stderr } = await runCli(["completion", shell]);
  assert.equal(status, 0, stderr);
  return stdout;
};

/** Long options of a command, as its help has them. */
const optionsOf = async (command: string): Promise<string[]> => {
  const { stdout } = await runCli([command, "--help"]);
  return [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, name = ""]) => name);
};

describe("completion", () => {
  it("bash completes commands, options, values and files", async () => {
    const folder = temporaryFolder();
    folder.write("serin.bash", await script("bash"));
    folder.write("policy.yaml", "");
    const complete = (...words: string[]): string[] => {
      const list = ["serin", ...words].map((word) => `'${word}'`).join(" ");
      const program = `source ./serin.bash; COMP_WORDS=(${list}); COMP_CWORD=${words.length}; _serin; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr, status } = spawnSync("bash", ["-c", program], {
        cwd: folder.path,
        encoding: "utf8",
      });
      assert.deepEqual([status, stderr], [0, ""]);
      return stdout.trim().split("\n");
    };
    assert.deepEqual(complete(""), await commandNames());
    assert.deepEqual(complete("ex"), ["explain"]);
    for (const command of await commandNames()) {
      for (const option of await optionsOf(command))
        assert.ok(complete(command, "--").includes(option), `${command} ${option}`);
    }
    assert.deepEqual(complete("validate", "--js"), ["--json"]);
    assert.deepEqual(complete("validate", "pol"), ["policy.yaml"]);
    assert.deepEqual(complete("explain", "--policy", "pol"), ["policy.yaml"]);
    assert.deepEqual(complete("report", "--rollout", "pol"), [""]);
    assert.deepEqual(complete("completion", ""), ["bash", "zsh", "fish"]);
    assert.deepEqual(complete("publish", "--failure-policy", "FAIL_R"), ["FAIL_RELOAD"]);
  });

  it("zsh and fish have every command and every option", async () => {
    const [zsh, fish] = [await script("zsh"), await script("fish")];
    for (const command of await commandNames()) {
      assert.match(zsh, new RegExp(`^ {4}'${command}:`, "m"));
      assert.match(fish, new RegExp(`use_subcommand -a ${command} -d '`));
      for (const option of await optionsOf(command)) {
        assert.match(zsh, new RegExp(`^ {4}${command}\\).*'\\*${option}\\[`, "m"), `${command} ${option}`);
        assert.match(
          fish,
          new RegExp(`seen_subcommand_from ${command}'.* -l ${option.slice(2)} `),
          `${command} ${option}`,
        );
      }
    }
  });

  it("another shell is a usage error", async () => {
    const { status, stderr } = await runCli(["completion", "tcsh"]);
    assert.equal(status, 2);
    assert.match(stderr, /Allowed choices are bash, zsh, fish/);
  });
});
