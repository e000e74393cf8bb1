// What a person wants to be run after a change of the policy: kubectl, git, or what they have.

import { spawn } from "node:child_process";

/** One change of the policy, or that it is done again. */
export interface Change {
  readonly rollout: string;
  readonly variant: string;
  /** Percents as they are written; empty where there is none. */
  readonly from: string;
  readonly to: string;
  readonly reason: string;
}

const MOST_MS = 60_000;

/**
 * Runs a command by `sh -c`. Values of the change are in its environment alone, never in its text. What it prints goes to
 * standard error. Resolves to why it failed; null when it did not.
 */
export function runOnChange(command: string, policy: string, change: Change): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn("/bin/sh", ["-c", command], {
      env: {
        ...process.env,
        SERIN_POLICY: policy,
        SERIN_ROLLOUT: change.rollout,
        SERIN_VARIANT: change.variant,
        SERIN_FROM: change.from,
        SERIN_TO: change.to,
        SERIN_REASON: change.reason,
      },
      stdio: ["ignore", 2, 2],
      // A group of its own, so that all of it ends when it takes too long.
      detached: true,
    });
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      if (child.pid !== undefined) endGroup(child.pid);
    }, MOST_MS);
    child.on("error", (error) => {
      clearTimeout(late);
      resolve(error.message);
    });
    child.on("close", (status, signal) => {
      clearTimeout(late);
      if (isLate) resolve(`not finished within ${MOST_MS / 1000} s`);
      else resolve(status === 0 ? null : `exit status ${status ?? signal ?? "unknown"}`);
    });
  });
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
