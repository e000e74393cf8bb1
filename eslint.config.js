// Rules for what runs in Node. The filter (assembly/, test/unit/, test/bench/*-filter.ts) is AssemblyScript: its compiler is its linter.

import tseslint from "typescript-eslint";

export default tseslint.config(
  {
    ignores: [
      "build/",
      "node_modules/",
      ".envoy/",
      ".prometheus/",
      ".compose-cache/",
      "assembly/",
      "test/unit/",
      "test/bench/*-filter.ts",
    ],
  },
  {
    files: ["tools/**/*.ts", "test/**/*.ts", "envoy/**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: "error",
      // lib "dom" is there for WebAssembly alone; its one-word globals would hide a forgotten declaration.
      "no-restricted-globals": [
        "error",
        "close",
        "event",
        "length",
        "name",
        "open",
        "parent",
        "self",
        "status",
        "top",
        "window",
        "document",
      ],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-deprecated": "error",
      "@typescript-eslint/return-await": "error",
      "@typescript-eslint/no-unnecessary-type-assertion": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // Numbers, booleans and errors in messages are what messages are for.
      "@typescript-eslint/restrict-template-expressions": "off",
      // An async function without await keeps the signature of its siblings.
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    // Runs in a browser, wholly or in part, where the document is what there is to work on.
    files: ["tools/dashboard/page/**/*.ts", "test/e2e/dashboard.test.ts", "test/e2e/dashboard-pages.test.ts"],
    rules: {
      "no-restricted-globals": ["error", "event", "name", "length", "status", "self", "parent", "top"],
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      // node:test's describe and it return promises that the runner itself awaits.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            {
              from: "package",
              package: "node:test",
              name: ["test", "it", "describe", "suite", "before", "after", "beforeEach", "afterEach"],
            },
          ],
        },
      ],
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
    },
  },
);
