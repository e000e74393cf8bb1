// Whether an Envoy can run Wasm at all: some builds have no V8, and say so only when the filter is loaded.

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EnvoyError } from "./envoy-error.ts";

/**
 * Lets Envoy check a configuration with the smallest possible Wasm filter (50 ms, no port is opened).
 * @throws EnvoyError when this is no Envoy, or one without V8
 */
export async function checkEnvoy(binary: string): Promise<void> {
  const version = await run(binary, ["--version"]);
  if (version.missing)
    throw new EnvoyError(`${binary}: no such program; ENVOY must be the path of an Envoy binary`);
  if (version.status === 0 && !/\bversion: \S*\/\d+\.\d+\.\d+/.test(version.output)) {
    throw new EnvoyError(`${binary}: not an Envoy; ENVOY must be the path of an Envoy binary`);
  }
  if (version.status !== 0) {
    const why = lastLine(version.output);
    throw new EnvoyError(`${binary}: this Envoy does not run here${why === "" ? "" : `: ${why}`}`);
  }
  const folder = await mkdtemp(join(tmpdir(), "serin-v8-"));
  try {
    const file = join(folder, "envoy.json");
    await writeFile(file, JSON.stringify(bootstrap()));
    const checked = await run(binary, ["--mode", "validate", "-c", file, "-l", "error"]);
    if (checked.status === 0) return;
    if (!/wasm/i.test(checked.output)) {
      throw new EnvoyError(`${binary}: cannot check a configuration: ${lastLine(checked.output)}`);
    }
    const build = /\/(\d+\.\d+\.\d+)\//.exec(version.output)?.[1];
    throw new EnvoyError(
      `${binary}: this Envoy${build === undefined ? "" : ` ${build}`} was built without V8 and cannot run Wasm filters; use another build`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Outcome {
  readonly status: number | null;
  readonly missing: boolean;
  readonly output: string;
}

function run(binary: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(binary, [...args], { timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : (error as { code?: unknown }).code;
      resolve({
        status: typeof code === "number" ? code : null,
        missing: code === "ENOENT",
        output: `${stdout}${stderr}${code === "EACCES" ? "permission denied" : ""}`,
      });
    });
  });
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

function bootstrap(): object {
  const type = "type.googleapis.com/envoy.extensions";
  return {
    node: { id: "serin", cluster: "serin" },
    static_resources: {
      listeners: [
        {
          address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
          filter_chains: [
            {
              filters: [
                {
                  name: "http",
                  typed_config: {
                    "@type": `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
                    stat_prefix: "check",
                    route_config: {},
                    http_filters: [
                      {
                        name: "wasm",
                        typed_config: {
                          "@type": `${type}.filters.http.wasm.v3.Wasm`,
                          config: {
                            name: "check",
                            vm_config: {
                              runtime: "envoy.wasm.runtime.v8",
                              code: { local: { inline_bytes: emptyFilter().toString("base64") } },
                            },
                          },
                        },
                      },
                      {
                        name: "router",
                        typed_config: { "@type": `${type}.filters.http.router.v3.Router` },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  };
}

/** The smallest module that Envoy takes for a filter: a memory, an allocator that gives nothing, an ABI version. */
function emptyFilter(): Buffer {
  const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
  const section = (id: number, content: readonly number[]): number[] => [id, content.length, ...content];
  return Buffer.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [2, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f]),
    ...section(3, [2, 0, 1]),
    ...section(5, [1, 0, 1]),
    ...section(7, [
      3,
      ...[...text("memory"), 2, 0],
      ...[...text("proxy_abi_version_0_2_1"), 0, 0],
      ...[...text("proxy_on_memory_allocate"), 0, 1],
    ]),
    ...section(10, [2, 2, 0, 0x0b, 4, 0, 0x41, 0, 0x0b]),
  ]);
}
