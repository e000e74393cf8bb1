// The simulation of routes in full: npx tsx test/ambassador/run-routes.ts [SETS] [REQUESTS-A-SET] [SEED]

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { simulateRoutes } from "./simulate-routes.ts";

const [sets = 5000, each = 10, seed = 1] = process.argv.slice(2).map(Number);
const path = mkdtempSync(join(tmpdir(), "serin-routes-"));
const write = (name: string, text: string | Uint8Array): string => {
  writeFileSync(join(path, name), text);
  return join(path, name);
};
try {
  const { wrong, ...counts } = await simulateRoutes({ path, write }, { seed, sets, each });
  for (const one of wrong) console.log(one);
  console.log(`${JSON.stringify(counts)}; wrong: ${wrong.length}`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
} finally {
  rmSync(path, { recursive: true, force: true });
}
