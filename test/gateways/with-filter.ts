// Emissary's configuration with the filter in it: by the hook itself, in Python.

import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

import type { AdsFile, Bootstrap } from "./emissary-data.ts";
import { WASM } from "../support/filter.ts";

export const ROOT = resolve(import.meta.dirname, "../..");
export const HOOK = join(ROOT, "envoy/emissary");

export interface HookSettings {
  /** The file that `serin publish` writes. */
  readonly policy: string;
  readonly wasm?: string;
  readonly placement?: "before" | "after";
  readonly upstream?: boolean;
}

/** The environment that an operator gives to Emissary's container. */
export function hookEnvironment(settings: HookSettings): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PYTHONPATH: HOOK,
    PYTHONDONTWRITEBYTECODE: "1",
    SERIN_WASM: settings.wasm ?? WASM,
    SERIN_POLICY: settings.policy,
    SERIN_PLACEMENT: settings.placement ?? "after",
    SERIN_UPSTREAM: String(settings.upstream ?? false),
  };
}

/** @throws when the hook says anything, since it only speaks of what is wrong */
export function withFilter<T extends { ads: AdsFile; bootstrap: Bootstrap }>(
  config: T,
  settings: HookSettings,
): T {
  const { ads, bootstrap } = config;
  const { status, stdout, stderr } = spawnSync("python3", [join(import.meta.dirname, "hook/run_insert.py")], {
    input: JSON.stringify({ ads, bootstrap }),
    encoding: "utf8",
    env: hookEnvironment(settings),
    maxBuffer: 1 << 26,
  });
  if (status !== 0 || stderr !== "") throw new Error(`the hook ended with ${status}: ${stderr}`);
  return { ...config, ...(JSON.parse(stdout) as { ads: AdsFile; bootstrap: Bootstrap }) };
}
