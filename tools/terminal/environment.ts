// Variables that stand for options which are the same in every call.

import { CommandError } from "./command-error.ts";

/** A variable that stands for an option; an empty one does not. */
export function fromEnvironment(
  name: "SERIN_ADMIN" | "SERIN_PROMETHEUS" | "SERIN_POLICY",
): string | undefined {
  return process.env[name]?.trim() || undefined;
}

/** The policy that --policy names, or SERIN_POLICY. @throws CommandError where neither does */
export function policyOf({ policy }: { readonly policy?: string | undefined }): string {
  const named = policy ?? fromEnvironment("SERIN_POLICY");
  if (named === undefined)
    throw new CommandError("which policy? Name it with --policy POLICY, or set SERIN_POLICY");
  return named;
}
