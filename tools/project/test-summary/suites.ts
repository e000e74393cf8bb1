// The table of suites: what `npm run check` and `make test` run, in this order. Add a suite by adding a line.

/** One suite: a command whose exit status counts as one, as-pect's specs, or files of node:test. */
export type Suite = {
  name: string;
  /** What a person reads above its output. */
  title: string;
  /** Part of `npm run check`. */
  quick?: true;
  /** About how long it takes: side by side, the longest begins first. One that says nothing is short, or what others need. */
  seconds?: number;
  /** Ended, and failed, after this many minutes (10 unless said). */
  minutes?: number;
} & (
  | { kind: "command"; command: string[] }
  | { kind: "as-pect" }
  | {
      kind: "node";
      /** Folders (with what is below) or files under test/. */
      files: string[];
      env?: Record<string, string>;
      /** Tests that may be skipped, by name: any other skipped test fails the run. */
      maySkip?: string[];
    }
);

export const SUITES: readonly Suite[] = [
  {
    name: "format",
    title: "formatting",
    quick: true,
    kind: "command",
    command: [
      ...[process.execPath, "node_modules/prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."],
      ...["--cache", "--cache-location", "build/cache/prettier"],
    ],
  },
  {
    name: "lint",
    title: "lint",
    quick: true,
    seconds: 70,
    kind: "command",
    command: ["npm", "run", "-s", "lint"],
  },
  { name: "types", title: "types", quick: true, kind: "command", command: ["npm", "run", "-s", "types"] },
  {
    name: "build",
    title: "build and binary gate",
    quick: true,
    kind: "command",
    command: ["npm", "run", "-s", "build"],
  },
  { name: "unit", title: "unit specs of the filter (as-pect)", quick: true, seconds: 25, kind: "as-pect" },
  {
    name: "project",
    title: "the project holds together: layers, gate, schema, architecture, language",
    quick: true,
    seconds: 40,
    kind: "node",
    files: [
      ...["layers.test.ts", "architecture.test.ts", "schema.test.ts", "language.test.ts", "action.test.ts"],
      "project",
    ],
  },
  {
    name: "tools",
    title: "command line, metrics, dashboard, emulator",
    quick: true,
    seconds: 160,
    kind: "node",
    files: ["commands", "emulator", "decision", "policy", "metrics", "dashboard", "ambassador", "release"],
  },
  {
    name: "verdict",
    title: "statistics against known values, the verdict",
    quick: true,
    kind: "node",
    files: ["statistics/known-values.test.ts", "verdict"],
  },
  {
    name: "simulations",
    title: "the verdict, goals, the guard and whole releases on thousands of simulated canaries",
    kind: "node",
    files: [
      "statistics/rollouts.test.ts",
      "statistics/goals.test.ts",
      "statistics/guard.test.ts",
      "statistics/plan.test.ts",
      "statistics/releases.test.ts",
      "statistics/shadows.test.ts",
    ],
  },
  {
    name: "cases",
    title: "cases on the emulator",
    quick: true,
    kind: "node",
    files: ["cases"],
  },
  {
    name: "conformance",
    title: "JsonLogic's and flagd's documents; flags beside flagd's own evaluator",
    kind: "node",
    files: ["conformance", "logic"],
  },
  { name: "number", title: "numbers against JavaScript\'s", kind: "node", files: ["number"] },
  {
    name: "contract",
    title: "callbacks and host calls",
    quick: true,
    seconds: 60,
    kind: "node",
    files: ["contract"],
  },
  {
    name: "memory",
    title: "memory is flat over a million requests, a thousand updates, 300,000 copies",
    kind: "node",
    files: ["memory"],
  },
  {
    name: "docs",
    title: "commands, policies and links of the pages",
    kind: "node",
    files: ["docs.test.ts"],
  },
  {
    name: "package",
    title: "what npm packs, installed elsewhere",
    kind: "node",
    files: ["package"],
  },
  { name: "fuzz", title: "fuzz and properties", kind: "node", files: ["fuzz"], minutes: 15 },
  {
    name: "envoy",
    title: "fetch the Envoys to test on",
    kind: "command",
    command: ["npm", "run", "-s", "envoy"],
    minutes: 15,
  },
  {
    name: "e2e",
    title: "real Envoy: cases, demo, updates, protocols",
    kind: "node",
    files: ["upstream", "envoy", "demo", "bench", "e2e"],
    minutes: 45,
  },
  {
    name: "gateways",
    title: "Emissary's Envoy, its ADS server and its diagd; what is loaded into other gateways",
    kind: "node",
    files: ["gateways"],
    // Most of it is the first build of ambex, a Go program.
    minutes: 15,
  },
  {
    name: "compose",
    title: "docker-compose.yml on a real engine",
    kind: "node",
    files: ["compose"],
    minutes: 20,
    // SKIP_COMPOSE=1 leaves out the first, in so many words; Debian has no Grafana, and its test says so.
    maySkip: [
      ...(process.env["SKIP_COMPOSE"] === "1" ? ["the compose scene"] : []),
      "Grafana has the dashboard and its data source",
    ],
  },
];
