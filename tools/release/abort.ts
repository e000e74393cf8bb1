// `serin abort`: everybody gets the default of some rollouts.

import { CommandError } from "../terminal/command-error.ts";
import { exactPercent } from "../terminal/numbers.ts";
import { visible } from "../terminal/visible.ts";
import { EditRefusal } from "./edit-member.ts";
import type { Edit } from "./edit-policy.ts";
import { ChangedMeanwhile, InvalidPolicy, readReleasePolicy, writeEdit } from "./policy-file.ts";
import type { Release } from "./ramps.ts";

/** Somebody else may write between the reading and the writing; then it begins anew. */
const MOST_TURNS = 5;

/** What was changed in the file, and what could not be: a line each. */
export interface Aborted {
  readonly said: readonly string[];
  readonly refused: readonly string[];
}

/**
 * Stops rollouts in the file: as many of their variants as can be, whatever becomes of the others.
 * @throws CommandError and InvalidPolicy before anything was changed
 */
export async function abortRollouts(
  file: string,
  rollouts: readonly string[],
  module: WebAssembly.Module,
): Promise<Aborted> {
  const said: string[] = [];
  const changed = new Set<string>();
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const refused: string[] = [];
    try {
      let policy = await readReleasePolicy(file, module);
      const unknown = rollouts.find((name) => !policy.releases.some(({ rollout }) => rollout === name));
      if (unknown !== undefined) {
        const known = policy.releases.map(({ rollout }) => visible(rollout)).join(", ");
        throw new CommandError(`${file}: no rollout ${JSON.stringify(unknown)}; it has ${known || "none"}`);
      }
      for (const release of policy.releases.filter(({ rollout }) => rollouts.includes(rollout))) {
        const edits = editsOf(release);
        if (edits.length === 0 && !changed.has(release.rollout)) {
          said.push(`${visible(release.rollout)}: everybody gets ${visible(release.default)} already`);
        }
        changed.add(release.rollout);
        for (const { edit, line } of edits) {
          try {
            policy = await writeEdit(file, policy, edit, module);
            said.push(line);
          } catch (error) {
            if (!(error instanceof EditRefusal)) throw error;
            refused.push(`${file}: ${error.message}`);
          }
        }
      }
      return { said, refused };
    } catch (error) {
      if (error instanceof ChangedMeanwhile) continue;
      if (said.length === 0 || !(error instanceof CommandError || error instanceof InvalidPolicy))
        throw error;
      return { said, refused: [...refused, error.message] };
    }
  }
  return { said, refused: [`${file}: somebody else keeps changing it: try again`] };
}

function editsOf({ rollout, isDisabled, variants }: Release): { edit: Edit; line: string }[] {
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
  return isByClock && !isDisabled
    ? [...edits, { edit: { kind: "disable", rollout }, line: `${visible(rollout)}: state: DISABLED` }]
    : edits;
}
