// Runs the suites and adds them up. The last line is `N passed, N failed`; the exit status
// is 1 if anything failed, or any suite ran nothing.
//   tsx tools/project/test-all.ts             every suite
//   tsx tools/project/test-all.ts --quick     those of `npm run check`
//   tsx tools/project/test-all.ts unit e2e    these

import { resolve } from "node:path";

import { findForgottenFiles, runSuite } from "./test-summary/run.ts";
import { SUITES, type Suite } from "./test-summary/suites.ts";
import { describeResults, type Result } from "./test-summary/totals.ts";

const ROOT = resolve(import.meta.dirname, "../..");

async function main(args: string[]): Promise<number> {
  const names = args.filter((arg) => !arg.startsWith("-"));
  const unknown = names.filter((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown.length > 0 || args.some((arg) => arg.startsWith("-") && arg !== "--quick")) {
    console.error(
      `usage: test-all [--quick] [suite]...; suites: ${SUITES.map((suite) => suite.name).join(", ")}`,
    );
    return 2;
  }
  const quick = args.includes("--quick");
  const chosen = SUITES.filter((suite) =>
    names.length > 0 ? names.includes(suite.name) : !quick || suite.quick,
  );
  const results = quick ? await runSideBySide(chosen) : await runInTurn(chosen);
  if (names.length === 0) {
    const forgotten = findForgottenFiles(ROOT, SUITES);
    if (forgotten.length > 0) {
      const notes = forgotten.map(
        (file) => `${file} belongs to no suite of tools/project/test-summary/suites.ts`,
      );
      results.push({ name: "(none)", passed: 0, failed: forgotten.length, notes, seconds: 0 });
    }
  }
  console.log(`\n== summary\n${describeResults(results)}`);
  return results.some((result) => result.failed > 0) ? 1 : 0;
}

/** One after the other, output as it comes. */
async function runInTurn(suites: readonly Suite[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const suite of suites) {
    console.log(headingOf(suite));
    results.push(await runSuite(suite, ROOT));
  }
  return results;
}

/** Two at a time, each one's output in one piece once it is over. Tests begin when what they run on is built. */
async function runSideBySide(suites: readonly Suite[]): Promise<Result[]> {
  const results = new Map<Suite, Result>();
  const isShort = ({ kind, seconds }: Suite): boolean => kind === "command" && seconds === undefined;
  const long = suites.filter((suite) => !isShort(suite)).sort((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0));
  for (const waiting of [suites.filter(isShort), long]) {
    const runNext = async (): Promise<void> => {
      for (let suite = waiting.shift(); suite !== undefined; suite = waiting.shift()) {
        const output: Buffer[] = [];
        results.set(suite, await runSuite(suite, ROOT, (chunk) => void output.push(chunk)));
        console.log(`${headingOf(suite)}\n${Buffer.concat(output).toString("utf8").trimEnd()}`);
      }
    };
    await Promise.all([runNext(), runNext()]);
  }
  return suites.flatMap((suite) => results.get(suite) ?? []);
}

function headingOf(suite: Suite): string {
  return `\n== ${suite.name}: ${suite.title}`;
}

process.exitCode = await main(process.argv.slice(2));
