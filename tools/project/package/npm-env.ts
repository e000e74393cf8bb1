// The surroundings in which npm is started by a program that npm may have started itself.

import { delimiter, join } from "node:path";

/**
 * This process' environment less what an npm above it has put there: its settings, and `node_modules/.bin`, where a test
 * package's npm 6 hides the one that is installed.
 */
export function npmEnv(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("npm_") && name !== "NODE_TEST_CONTEXT",
  );
  const path = (process.env["PATH"] ?? "").split(delimiter);
  const outside = path.filter((folder) => !folder.endsWith(join("node_modules", ".bin")));
  return { ...Object.fromEntries(own), PATH: outside.join(delimiter) };
}
