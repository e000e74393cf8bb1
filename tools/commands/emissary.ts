import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { Command } from "@commander-js/extra-typings";
import { stringify } from "yaml";

import { compileFilter, filterPath, packageFolder } from "../policy/filter-module.ts";
import { examples } from "../terminal/arguments.ts";
import { CommandError, fileError } from "../terminal/command-error.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";
import { writeWhole } from "../terminal/write-whole.ts";
import { publish } from "./publish.ts";

const PLACEHOLDER = "serin-HASH.wasm";
const MODULE = /^serin-[0-9a-f]{12}\.wasm$/;

export const emissaryCommand = new Command("emissary")
  .summary("generate a folder that installs Serin in Emissary-ingress")
  .description(
    "Checks a policy and generates a folder that installs Serin in Emissary-ingress, ready to apply with kustomize " +
      "or Helm. The module's file name contains its hash. Modules from earlier runs stay in the folder and are " +
      "mounted too, so that during an upgrade old and new pods find the module that their policy names.",
  )
  .argument("<POLICY>", "policy file (- for standard input)")
  .argument("<FOLDER>", "output folder; created if it does not exist")
  .option("--sidecar", "run Serin in a second Envoy in Emissary's pod, instead of in Emissary's own", false)
  .addHelpText(
    "after",
    examples("serin emissary policy.yaml serin/", "serin emissary policy.yaml serin/ --sidecar"),
  );

emissaryCommand.action(async (policy, folder, options) => {
  const terminal = processTerminal();
  const { wasm, older } = await makeFolder(policy, folder, options.sidecar ? "sidecar" : "hook", terminal);
  terminal.stdout.write(`${folder}: ready to apply, with ${wasm}\n`);
  if (older.length > 0) terminal.stdout.write(`  kept for running pods: ${older.join(", ")}\n`);
});

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
      `ConfigMap ${name}: ${bytes} bytes exceed its limit of ${CONFIG_MAP_BYTES} bytes`,
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
  terminal: Terminal = processTerminal(),
): Promise<{ wasm: string; older: string[] }> {
  const path = filterPath();
  const module = await readFile(path).catch((error: unknown) => {
    throw fileError(path, error);
  });
  compileFilter(path, module);
  const wasm = wasmFileName(module);
  const source = join(packageFolder(), "envoy/emissary");
  await mkdir(folder, { recursive: true });
  const older = (await readdir(folder)).filter((name) => MODULE.test(name) && name !== wasm).sort();
  for (const name of older) await checkOlder(join(folder, name), name);
  await writeWhole(join(folder, wasm), module);
  for (const [below, names] of Object.entries(WAYS[way].from)) {
    for (const name of names) {
      const text = await readFile(join(source, below, name), "utf8");
      const filled = text
        // In kustomization.yaml all modules are listed, elsewhere the new one is named.
        .replace(`files: [${PLACEHOLDER}]`, `files: [${[wasm, ...older].join(", ")}]`)
        .replaceAll(PLACEHOLDER, wasm);
      await writeFile(join(folder, name), filled);
      if (!name.includes(".")) await chmod(join(folder, name), 0o755);
    }
  }
  const options = { to: join(folder, "filter.yaml"), wasm: `/serin/wasm/${wasm}`, json: false };
  if ((await publish(policy, options, terminal)) !== 0) {
    throw new CommandError(`${folder}: the policy is invalid`, 1);
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

/** A copy that was interrupted leaves a part of the file under the whole one's name. @throws CommandError then */
async function checkOlder(path: string, name: string): Promise<void> {
  const module = await readFile(path).catch((error: unknown) => {
    throw fileError(path, error);
  });
  if (wasmFileName(module) === name) return;
  throw new CommandError(
    `${path}: its name has another SHA-256: the file is damaged: delete it or copy it again`,
  );
}

function isEmpty(record: object): boolean {
  return Object.keys(record).length === 0;
}
