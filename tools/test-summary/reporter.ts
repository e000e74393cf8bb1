// A reporter for node:test that writes one JSON line a test, for tools/test-all.ts to add up.

import type { TestEvent } from "node:test/reporters";

import type { TestRecord } from "./totals.ts";

/** Reads the runner's events, yields records. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const { name, nesting, file, skip, todo, details } = event.data;
    if (details.type === "suite" && event.type === "test:pass") continue;
    // A failed suite whose tests failed is told by those; one that failed by itself (a hook) is not.
    if (details.type === "suite" && failedInside(details)) continue;
    // The runner takes a file that holds no test for a test of its own.
    const isFile = nesting === 0 && file !== undefined && name === file;
    const outcome: TestRecord["outcome"] =
      event.type === "test:fail" && todo === undefined
        ? "fail"
        : isFile
          ? "empty-file"
          : skip !== undefined && skip !== false
            ? "skip"
            : todo !== undefined && todo !== false
              ? "todo"
              : "pass";
    yield `${JSON.stringify({ name, outcome } satisfies TestRecord)}\n`;
  }
}

function failedInside(details: object): boolean {
  const error = (details as { error?: { failureType?: string } }).error;
  return error?.failureType === "subtestsFailed";
}
