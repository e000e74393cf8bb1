// The surroundings of a program that npm may have started, as a person's shell would have them.

import { delimiter } from "node:path";

/**
 * This process' environment less what an npm or a test above it has put there. A dependency brings an npm of its own into
 * `node_modules/.bin`, and under `npm run` that old one would come before the machine's.
 */
export function npmEnv(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^npm_/i.test(name) && name !== "NODE_TEST_CONTEXT",
  );
  const path = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => !/node_modules[\\/]\.bin$/.test(folder));
  return { ...Object.fromEntries(own), PATH: path.join(delimiter) };
}
