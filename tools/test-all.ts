// Runs the suites one after the other and adds them up. The last line is `N passed, N failed`; the exit status
// is 1 if anything failed, or any suite ran nothing.
//   tsx tools/test-all.ts             every suite
//   tsx tools/test-all.ts --quick     those of `npm run check`
//   tsx tools/test-all.ts unit e2e    these

import { resolve } from "node:path";

import { findForgottenFiles, runSuite } from "./test-summary/run.ts";
import { SUITES } from "./test-summary/suites.ts";
import { describeResults, type Result } from "./test-summary/totals.ts";

const ROOT = resolve(import.meta.dirname, "..");

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
  const results: Result[] = [];
  for (const suite of chosen) {
    console.log(`\n== ${suite.name}: ${suite.title}`);
    results.push(await runSuite(suite, ROOT));
  }
  if (names.length === 0) {
    const forgotten = findForgottenFiles(ROOT, SUITES);
    if (forgotten.length > 0) {
      const notes = forgotten.map((file) => `${file} belongs to no suite of tools/test-summary/suites.ts`);
      results.push({ name: "(none)", passed: 0, failed: forgotten.length, notes, seconds: 0 });
    }
  }
  console.log(`\n== summary\n${describeResults(results)}`);
  return results.some((result) => result.failed > 0) ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
