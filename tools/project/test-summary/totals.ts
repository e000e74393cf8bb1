// Adds runners up: what each said it ran, and the table and the one line that close a run.

/** What one suite ran. */
export interface Totals {
  passed: number;
  failed: number;
  /** Why the suite failed: each failed test with what it threw; and that it crashed, ran nothing, skipped without leave. */
  notes: string[];
}

/** A suite with its totals and how long it took. */
export interface Result extends Totals {
  name: string;
  seconds: number;
}

/** Totals out of as-pect's closing summary; null when there is none, since it crashed before. */
export function readAsPectSummary(output: string): Totals | null {
  const plain = output.replace(/\u001b\[[0-9;]*m/g, "");
  const tests = /\[Tests\]: (\d+) \/ (\d+)/.exec(plain);
  const groups = /\[Groups\]: (\d+) \/ (\d+)/.exec(plain);
  if (!tests || !groups) return null;
  const passed = Number(tests[1]);
  // A trap outside of every test fails its group alone.
  const failedGroups = Number(groups[2]) - Number(groups[1]);
  const failedTests = Number(tests[2]) - passed;
  return { passed, failed: failedTests > 0 ? failedTests : failedGroups, notes: [] };
}

/** What tools/project/test-summary/reporter.js wrote: one JSON line a test. */
export interface TestRecord {
  name: string;
  outcome: "pass" | "fail" | "skip" | "todo" | "empty-file";
  /** Of a test that failed: the message of what it threw. */
  why?: string;
}

/** Characters of a message that the closing table shows: the whole is where the test ran. */
const MOST_WHY = 400;

/** Totals of node:test's records. A skipped test that has no leave to be, and a file without tests, have failed. */
export function addRecords(lines: string, maySkip: readonly string[] = []): Totals {
  const totals: Totals = { passed: 0, failed: 0, notes: [] };
  for (const line of lines.split("\n")) {
    if (line === "") continue;
    const { name, outcome, why = "" } = JSON.parse(line) as TestRecord;
    if (outcome === "pass") totals.passed += 1;
    else if (outcome === "fail") {
      totals.failed += 1;
      totals.notes.push(`"${name}" failed: ${why.replace(/\s+/g, " ").trim().slice(0, MOST_WHY)}`);
    } else if (outcome === "empty-file") {
      totals.failed += 1;
      totals.notes.push(`${name} holds no test`);
    } else if (!maySkip.includes(name)) {
      totals.failed += 1;
      totals.notes.push(`"${name}" was skipped (${outcome}) and has no leave to be`);
    }
  }
  return totals;
}

/** A suite's totals once its runner ended: a crash, or nothing run, counts as one failure. */
export function judgeEnd(totals: Totals | null, exit: { code: number | null; timedOut: boolean }): Totals {
  const judged: Totals = totals ?? { passed: 0, failed: 0, notes: [] };
  const fail = (note: string): void => {
    judged.failed += 1;
    judged.notes.push(note);
  };
  if (exit.timedOut) fail("took too long and was ended");
  else if (totals === null) fail(`ended with status ${exit.code ?? "none"} before it said what it ran`);
  else if (judged.passed + judged.failed === 0) fail("ran no test");
  else if (exit.code !== 0 && judged.failed === 0)
    fail(`no test failed, but its status is ${exit.code ?? "none"}`);
  return judged;
}

/** The closing table and, as the last line, `N passed, N failed`. */
export function describeResults(results: readonly Result[]): string {
  const width = Math.max(...results.map((result) => result.name.length));
  const lines = results.map((result) => {
    const counts = `${String(result.passed).padStart(7)} passed ${String(result.failed).padStart(5)} failed`;
    const notes = result.notes.map((note) => `\n${" ".repeat(width + 2)}${note}`).join("");
    return `${result.name.padEnd(width)} ${counts} ${result.seconds.toFixed(1).padStart(7)} s${notes}`;
  });
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  return `${lines.join("\n")}\n\n${passed} passed, ${failed} failed`;
}
