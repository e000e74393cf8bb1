// A reporter for node:test that writes one JSON line a test (TestRecord of totals.ts), for tools/project/test-all.ts to
// add up. Plain JavaScript, since the runner loads its reporters before it can read TypeScript.

/** Reads the runner's events, yields records. */
export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const outcome = outcomeOf(type, data);
    if (outcome === null) continue;
    const record = { name: data.name, outcome };
    if (outcome === "fail") record.why = whyOf(data.details.error);
    yield `${JSON.stringify(record)}\n`;
  }
}

function outcomeOf(type, { name, nesting, file, skip, todo, details }) {
  if (details.type === "suite") {
    // A suite that failed through its tests is told by those; one that failed by itself (a hook) is not.
    return type === "test:pass" || details.error?.failureType === "subtestsFailed" ? null : "fail";
  }
  if (isSet(todo)) return "todo";
  if (type === "test:fail") return "fail";
  // The runner takes a file that holds no test for a test of its own.
  if (nesting === 0 && name === file) return "empty-file";
  return isSet(skip) ? "skip" : "pass";
}

/** What the test threw; the runner wraps it. */
function whyOf(error) {
  const thrown = error?.cause ?? error;
  return String(thrown?.message ?? thrown);
}

function isSet(mark) {
  return mark !== undefined && mark !== false;
}
