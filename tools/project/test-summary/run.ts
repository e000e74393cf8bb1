// Runs one suite as a child process with its output shown live, and says what it ran.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

import { npmEnv } from "../npm-env.ts";
import type { Suite } from "./suites.ts";
import { addRecords, judgeEnd, readAsPectSummary, type Result, type Totals } from "./totals.ts";

const DEFAULT_MINUTES = 10;

/** Takes what a suite prints, as it comes. */
export type Sink = (chunk: Buffer) => void;

const toTerminal: Sink = (chunk) => void process.stdout.write(chunk);

/** Runs a suite of the project at `root`; what it prints goes to `sink`. */
export async function runSuite(suite: Suite, root: string, sink: Sink = toTerminal): Promise<Result> {
  const begin = performance.now();
  const totals = await (suite.kind === "command"
    ? runCommand(suite, root, sink)
    : suite.kind === "as-pect"
      ? runAsPect(suite, root, sink)
      : runNodeTests(suite, root, sink));
  return { name: suite.name, ...totals, seconds: (performance.now() - begin) / 1000 };
}

/** The test files of these folders and files, in order. */
export function findTestFiles(root: string, paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const full = join(root, "test", path);
    if (!existsSync(full)) return [];
    if (statSync(full).isFile()) return [full];
    return readdirSync(full, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".test.ts"))
      .sort()
      .map((name) => join(full, name));
  });
}

/** Test files that no suite runs, from the root. */
export function findForgottenFiles(root: string, suites: readonly Suite[]): string[] {
  const run = new Set(
    suites.flatMap((suite) => (suite.kind === "node" ? findTestFiles(root, suite.files) : [])),
  );
  return findTestFiles(root, ["."])
    .filter((file) => !run.has(file))
    .map((file) => relative(root, file));
}

async function runCommand(suite: Suite & { kind: "command" }, root: string, sink: Sink): Promise<Totals> {
  const end = await runChild(suite, root, sink, suite.command);
  const ok = end.code === 0 && !end.timedOut;
  return {
    passed: ok ? 1 : 0,
    failed: ok ? 0 : 1,
    notes: end.timedOut ? ["took too long and was ended"] : [],
  };
}

async function runAsPect(suite: Suite & { kind: "as-pect" }, root: string, sink: Sink): Promise<Totals> {
  const config = [
    "--config",
    "test/unit/as-pect.config.js",
    "--as-config",
    // Whole: the compiler looks for a transform of a relative configuration among packages.
    join(root, "test/unit/as-pect.asconfig.json"),
  ];
  const end = await runChild(suite, root, sink, [
    process.execPath,
    "node_modules/@as-pect/cli/bin/asp.js",
    ...config,
  ]);
  return judgeEnd(readAsPectSummary(end.output), end);
}

async function runNodeTests(suite: Suite & { kind: "node" }, root: string, sink: Sink): Promise<Totals> {
  const files = findTestFiles(root, suite.files);
  if (files.length === 0)
    return { passed: 0, failed: 1, notes: [`no test files in ${suite.files.join(", ")}`] };
  const folder = mkdtempSync(join(tmpdir(), "serin-test-"));
  const records = join(folder, "records");
  try {
    const reporters = [
      ["--test-reporter=spec", "--test-reporter-destination=stdout"],
      [
        `--test-reporter=${join(import.meta.dirname, "reporter.js")}`,
        `--test-reporter-destination=${records}`,
      ],
    ].flat();
    const command = [
      process.execPath,
      "--import",
      import.meta.resolve("tsx"),
      "--test",
      ...reporters,
      ...files,
    ];
    const end = await runChild(suite, root, sink, command, suite.env);
    const totals = existsSync(records) ? addRecords(readFileSync(records, "utf8"), suite.maySkip) : null;
    return judgeEnd(totals, end);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface End {
  code: number | null;
  timedOut: boolean;
  output: string;
}

function runChild(
  suite: Suite,
  root: string,
  sink: Sink,
  command: string[],
  env?: Record<string, string>,
): Promise<End> {
  return new Promise((resolve) => {
    const [program, ...args] = command as [string, ...string[]];
    // A group of its own, so that what outlives a timed out runner can be ended with it.
    const child = spawn(program, args, {
      cwd: root,
      env: { ...npmEnv(), ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const killGroup = (signal: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // The group is gone already.
      }
    };
    let output = "";
    let timedOut = false;
    child.stdout.on("data", (chunk: Buffer) => {
      sink(chunk);
      output += chunk.toString();
    });
    child.stderr.on("data", sink);
    const timer = setTimeout(
      () => {
        timedOut = true;
        killGroup("SIGTERM");
        setTimeout(() => killGroup("SIGKILL"), 5000).unref();
      },
      (suite.minutes ?? DEFAULT_MINUTES) * 60_000,
    );
    const interrupt = (): void => {
      killGroup("SIGTERM");
      process.exit(130);
    };
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
    const end = (code: number | null): void => {
      clearTimeout(timer);
      process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
      resolve({ code, timedOut, output });
    };
    child.on("error", (error) => {
      console.error(`${program}: ${error.message}`);
      end(null);
    });
    child.on("close", end);
  });
}
