// `make compose` and `npm run compose` where there is no engine, and when Ctrl-C is pressed again while they end. Docker
// is played by scripts that write down how they were called.

import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { waitUntil } from "../../tools/envoy/index.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const MAIN = ["--import", import.meta.resolve("tsx"), "test/compose/main.ts"];
const DEADLINE_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), "serin-ending-"));
const [bin, temporary, log] = [join(folder, "bin"), join(folder, "tmp"), join(folder, "log")];
after(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  for (const each of [bin, temporary]) {
    rmSync(each, { recursive: true, force: true });
    mkdirSync(each);
  }
  rmSync(log, { force: true });
});

function program(name: string, text: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

/** An engine that answers, on which everything is healthy at once; it takes two seconds to take a scene down. */
function engineAnswers(up = "exit 0"): void {
  program("dockerd", '[ "$1" = --version ]');
  program("debootstrap", "exit 0");
  program("iptables", "exit 0");
  program(
    "docker",
    `case "$*" in
      "compose version"*) exit 1 ;;
      version*) [ -z "$DOCKER_HOST" ] && echo 20.10.24 ;;
      "ps -aq"*) echo 0123456789ab ;;
      inspect*) echo "running healthy" ;;
      "ps -a "*) echo "dead99 serin-test-999999999"; echo "other1 shop" ;;
      "network ls --format"*) echo "net99 serin-test-999999999" ;;
      rm*|"network rm"*) echo "$*" >> ${log} ;;
    esac`,
  );
  program(
    "docker-compose",
    `case "$*" in
      version) ;;
      down*) trap 'echo "down was interrupted" >> ${log}; exit 1' INT TERM; echo "down begins" >> ${log}
        sleep 1; sleep 1; echo "down is done" >> ${log} ;;
      "up --no-start"*) ;;
      up*) echo "up begins" >> ${log}; ${up} ;;
    esac`,
  );
}

const env = (): NodeJS.ProcessEnv => {
  // What make hands on, where `make test` runs this, would make the inner one speak otherwise.
  const { NODE_TEST_CONTEXT: _, MAKELEVEL: _level, MAKEFLAGS: _flags, ...inherited } = process.env;
  const path = [bin, dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter);
  return { ...inherited, PATH: path, TMPDIR: temporary };
};

/** As on a terminal: a group of its own, all of which Ctrl-C reaches. */
class Started {
  output = "";
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, [...args], { cwd: ROOT, env: env(), detached: true, stdio: "pipe" });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    }
    this.ended = new Promise((done) => this.#child.once("close", done));
  }

  pressControlC(): void {
    process.kill(-(this.#child.pid ?? 0), "SIGINT");
  }
}

const said = (): string => (existsSync(log) ? readFileSync(log, "utf8") : "");
const scenes = (): string[] => readdirSync(temporary).filter((name) => name.startsWith("serin-"));

/** make ends by the signal itself: its status is null. */
async function isTakenDown(started: Started, status: number | null): Promise<void> {
  await waitUntil("the end to begin", DEADLINE_MS, () => said().includes("down begins"));
  for (let times = 0; times < 3; times++) {
    started.pressControlC();
    await sleep(300);
  }
  assert.equal(await started.ended, status, started.output);
  assert.match(said(), /^down begins\ndown is done$/m);
  assert.deepEqual(scenes(), []);
}

describe("npm run compose", () => {
  test("without an engine: one line, status 2", () => {
    for (const name of ["dockerd", "debootstrap", "iptables"]) program(name, '[ "$1" = --version ]');
    program("docker", '[ "$1" = --version ]');
    program("docker-compose", "exit 0");
    const { status, stderr } = spawnSync(process.execPath, MAIN, { cwd: ROOT, env: env(), encoding: "utf8" });
    assert.equal(status, 2);
    assert.match(stderr, /^compose: no container engine is to be had: [^\n]+; none answers either\n$/);
    assert.deepEqual(scenes(), []);
  });

  test("Ctrl-C, and again while it ends: it is taken down all the same", async () => {
    engineAnswers();
    const started = new Started(process.execPath, MAIN);
    await waitUntil("the scene", DEADLINE_MS, () => started.output.includes("Ctrl-C ends it"));
    assert.equal(scenes().length, 1);
    started.pressControlC();
    await isTakenDown(started, 0);
  });

  test("Ctrl-C while it starts: nothing is left", async () => {
    engineAnswers("sleep 100 & wait");
    const started = new Started(process.execPath, MAIN);
    await waitUntil("the start", DEADLINE_MS, () => said().includes("up begins"));
    started.pressControlC();
    await isTakenDown(started, 130);
  });

  test("what a run that was killed has left is taken away by the next one", async () => {
    engineAnswers();
    mkdirSync(join(temporary, "serin-scene-999999999-aaaaaa/policy"), { recursive: true });
    const started = new Started(process.execPath, MAIN);
    await waitUntil("the scene", DEADLINE_MS, () => started.output.includes("Ctrl-C ends it"));
    assert.equal(scenes().length, 1, "only its own folder");
    assert.match(said(), /^rm --force --volumes dead99\nnetwork rm net99$/m);
    assert.doesNotMatch(said(), /other1/);
    started.pressControlC();
    await isTakenDown(started, 0);
  });
});

describe("make compose", () => {
  const make = ["-s", "-o", "build", "compose"];

  for (const [what, docker, line] of [
    ["no Docker", null, /^make compose needs Docker, and there is no docker on the PATH$/m],
    [
      "no engine that answers",
      '[ "$1" = compose ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; }',
      /^make compose needs a Docker engine, and none answers: Cannot connect to the Docker daemon$/m,
    ],
    ["no Compose", '[ "$1" = version ]', /^make compose needs Docker Compose: /m],
  ] as const) {
    test(`with ${what}: one line, status 2`, () => {
      // Nothing of this machine's own: make finds what it needs by its path.
      for (const tool of ["sh", "tail", "awk", "find"])
        program(tool, `exec /usr/bin/env -i PATH=${bin} /bin/${tool} "$@"`);
      if (docker !== null) program("docker", docker);
      const { status, stderr } = spawnSync("/usr/bin/make", make, {
        cwd: ROOT,
        env: { ...env(), PATH: bin },
        encoding: "utf8",
      });
      assert.equal(status, 2);
      assert.match(stderr, line);
      assert.match(stderr, /^[^\n]+\nmake: \*\*\* [^\n]+\n$/, "one line, and make's own");
    });
  }

  test("Ctrl-C, and again while it ends: containers and networks are removed", async () => {
    engineAnswers("trap 'kill $!; exit 0' INT; sleep 100 & wait");
    const started = new Started("/usr/bin/make", make);
    await waitUntil("the start", DEADLINE_MS, () => said().includes("up begins"));
    started.pressControlC();
    await isTakenDown(started, null);
  });
});
