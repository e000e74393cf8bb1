// `serin abort`: everybody gets the default of some rollouts.

import { CommandError } from "../terminal/command-error.ts";
import { exactPercent } from "../terminal/numbers.ts";
import { visible } from "../terminal/visible.ts";
import { EditRefusal } from "./edit-member.ts";
import type { Edit } from "./edit-policy.ts";
import { ChangedMeanwhile, readReleasePolicy, writeEdit } from "./policy-file.ts";
import type { Release } from "./ramps.ts";

/** Somebody else may write between the reading and the writing; then it begins anew. */
const MOST_TURNS = 5;

/** Stops them in the file. Gives a line for each change. @throws CommandError and InvalidPolicy */
export async function abortRollouts(
  file: string,
  rollouts: readonly string[],
  module: WebAssembly.Module,
): Promise<string[]> {
  const said: string[] = [];
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    try {
      let policy = await readReleasePolicy(file, module);
      const unknown = rollouts.find((name) => !policy.releases.some(({ rollout }) => rollout === name));
      if (unknown !== undefined) {
        const known = policy.releases.map(({ rollout }) => visible(rollout)).join(", ");
        throw new CommandError(`${file}: no rollout ${JSON.stringify(unknown)}; it has ${known || "none"}`);
      }
      for (const release of policy.releases.filter(({ rollout }) => rollouts.includes(rollout))) {
        const edits = editsOf(release);
        if (edits.length === 0)
          said.push(`${visible(release.rollout)}: everybody gets ${visible(release.default)} already`);
        for (const { edit, line } of edits) {
          policy = await writeEdit(file, policy, edit, module);
          said.push(line);
        }
      }
      return said;
    } catch (error) {
      if (error instanceof EditRefusal) throw new CommandError(`${file}: ${error.message}`, 1);
      if (!(error instanceof ChangedMeanwhile)) throw error;
    }
  }
  throw new CommandError(`${file}: somebody else keeps changing it`);
}

function editsOf({ rollout, isDisabled, variants }: Release): { edit: Edit; line: string }[] {
  if (isDisabled) return [];
  const edits = variants.flatMap(({ name: variant, percent, ramp }): { edit: Edit; line: string }[] => {
    // A ramp that has not begun would be begun by `serin advance`.
    const isToEdit = percent === null ? ramp !== null && !ramp.isByClock : percent > 0;
    const from = percent === null ? "not begun" : exactPercent(percent / 100);
    return isToEdit
      ? [
          {
            edit: { kind: "percent", rollout, variant, percent: 0 },
            line: `${visible(rollout)}/${visible(variant)}: ${from} -> 0%`,
          },
        ]
      : [];
  });
  const isByClock = variants.some(({ ramp }) => ramp?.isByClock === true);
  return isByClock
    ? [...edits, { edit: { kind: "disable", rollout }, line: `${visible(rollout)}: state: DISABLED` }]
    : edits;
}
