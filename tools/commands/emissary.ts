// Makes a folder that is ready to apply: Serin for Emissary-ingress, with the module under a name that holds its hash.
//   tsx tools/commands/emissary.ts POLICY FOLDER [--sidecar]
// Modules that the folder has from earlier stay in it and are mounted too, so that pods and policies of both sides of
// an upgrade find theirs. Exit status 1: a policy is refused, or something is too large for a ConfigMap.

import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { stringify } from "yaml";

import { CommandError } from "../terminal/command-error.ts";
import { publish } from "./publish.ts";
import { processTerminal } from "../terminal/terminal.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const SOURCE = join(ROOT, "envoy/emissary");
const PLACEHOLDER = "serin-HASH.wasm";
const MODULE = /^serin-[0-9a-f]{12}\.wasm$/;

/** What the API server takes of a ConfigMap's values. */
export const CONFIG_MAP_BYTES = 1 << 20;

interface Way {
  /** Files by the folder that they lie in, below envoy/emissary. */
  readonly from: Readonly<Record<string, readonly string[]>>;
  /** Those that the ConfigMap `serin-hook` holds. */
  readonly hook: readonly string[];
}

const MANIFESTS = ["kustomization.yaml", "deployment.yaml", "values.yaml"];

const WAYS: Readonly<Record<"hook" | "sidecar", Way>> = {
  hook: {
    from: { ".": ["sitecustomize.py", "serin_config.py", ...MANIFESTS] },
    hook: ["sitecustomize.py", "serin_config.py"],
  },
  sidecar: {
    from: { ".": ["serin_config.py"], sidecar: ["serin-insert", "envoy", ...MANIFESTS] },
    hook: ["serin_config.py", "serin-insert", "envoy"],
  },
};

/** The name under which this module is mounted: another module is another file, which Envoy loads. */
export function wasmFileName(module: Uint8Array): string {
  return `serin-${createHash("sha256").update(module).digest("hex").slice(0, 12)}.wasm`;
}

/** One file a ConfigMap's value. @throws CommandError when the API server would not take it */
export function configMap(name: string, files: ReadonlyMap<string, Buffer>): object {
  const bytes = [...files.values()].reduce((sum, content) => sum + content.length, 0);
  if (bytes > CONFIG_MAP_BYTES) {
    throw new CommandError(
      `ConfigMap ${name}: ${bytes} bytes, and ${CONFIG_MAP_BYTES} are what it may hold`,
      1,
    );
  }
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  for (const [file, content] of files) {
    if (file.endsWith(".wasm")) binaryData[file] = content.toString("base64");
    else data[file] = content.toString("utf8");
  }
  const values = { ...(isEmpty(data) ? {} : { data }), ...(isEmpty(binaryData) ? {} : { binaryData }) };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...values };
}

/** Writes the folder; resolves to what it holds. */
export async function makeFolder(
  policy: string,
  folder: string,
  way: keyof typeof WAYS,
): Promise<{ wasm: string; older: string[] }> {
  const module = await readFile(join(ROOT, "build/serin.wasm"));
  const wasm = wasmFileName(module);
  await mkdir(folder, { recursive: true });
  const older = (await readdir(folder)).filter((name) => MODULE.test(name) && name !== wasm).sort();
  await writeFile(join(folder, wasm), module);
  for (const [below, names] of Object.entries(WAYS[way].from)) {
    for (const name of names) {
      const text = await readFile(join(SOURCE, below, name), "utf8");
      const filled = text
        // In kustomization.yaml all modules are listed, elsewhere the new one is named.
        .replace(`files: [${PLACEHOLDER}]`, `files: [${[wasm, ...older].join(", ")}]`)
        .replaceAll(PLACEHOLDER, wasm);
      await writeFile(join(folder, name), filled);
      if (!name.includes(".")) await chmod(join(folder, name), 0o755);
    }
  }
  const options = { to: join(folder, "filter.yaml"), wasm: `/serin/wasm/${wasm}`, json: false };
  if ((await publish(policy, options, processTerminal())) !== 0) {
    throw new CommandError(`${folder}: the policy is refused`, 1);
  }
  const read = async (names: readonly string[]): Promise<Map<string, Buffer>> =>
    new Map(
      await Promise.all(
        names.map(async (name) => [name, await readFile(join(folder, name))] as [string, Buffer]),
      ),
    );
  const maps = [
    configMap("serin-hook", await read(WAYS[way].hook)),
    configMap("serin-wasm", await read([wasm, ...older])),
    configMap("serin-policy", await read(["filter.yaml"])),
  ];
  const head =
    "# For Helm; kustomize makes its own. kubectl apply --server-side -n NAMESPACE -f configmaps.yaml\n";
  await writeFile(join(folder, "configmaps.yaml"), head + maps.map((map) => stringify(map)).join("---\n"));
  return { wasm, older };
}

function isEmpty(record: object): boolean {
  return Object.keys(record).length === 0;
}

async function main(args: readonly string[]): Promise<number> {
  const [policy, folder, ...rest] = args.filter((arg) => !arg.startsWith("-"));
  const flags = args.filter((arg) => arg.startsWith("-"));
  if (
    policy === undefined ||
    folder === undefined ||
    rest.length > 0 ||
    flags.some((flag) => flag !== "--sidecar")
  ) {
    console.error("usage: npm run emissary -- POLICY FOLDER [--sidecar]");
    return 2;
  }
  try {
    const { wasm, older } = await makeFolder(policy, folder, flags.length > 0 ? "sidecar" : "hook");
    console.log(`${folder}: ready to apply, with ${wasm}`);
    if (older.length > 0) console.log(`  still there for pods that run: ${older.join(", ")}`);
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    console.error(error.message);
    return 1;
  }
}

if (resolve(process.argv[1] ?? "") === import.meta.filename)
  process.exitCode = await main(process.argv.slice(2));
