// `serin advance`: one look at a fleet, and what comes of it in the policy file. No state of its own but that file, so that
// it may be killed and started anew between any two writes; what it remembers between looks only saves work.

import { EditRefusal } from "./edit-member.ts";
import type { Edit } from "./edit-policy.ts";
import { servingAnother, type Fleet, type ReadFleet, type Silent } from "./fleet.ts";
import { nextActions, type NextAction } from "./next-action.ts";
import { runOnChange, type Change } from "./on-change.ts";
import {
  ChangedMeanwhile,
  InvalidPolicy,
  readReleasePolicy,
  writeEdit,
  type ReleasePolicy,
} from "./policy-file.ts";
import { CommandError } from "../terminal/command-error.ts";
import { visible } from "../terminal/visible.ts";
import type { Release } from "./ramps.ts";

export interface AdvanceOptions {
  readonly policy: string;
  /** Only this rollout; all where it is left out. */
  readonly rollout?: string | undefined;
  readonly onChange?: string | undefined;
  readonly dryRun: boolean;
}

/** Puts the policy where Envoy loads it from. Resolves to what was done, or throws CommandError. */
export type Publish = () => Promise<string | null>;

/** What a look found and did. */
export interface Look {
  readonly at: Date;
  readonly actions: readonly (NextAction & { readonly done: boolean })[];
  readonly silent: readonly Silent[];
  /** What was done beside, or could not be: published, the command failed, an edit refused. */
  readonly notes: readonly Note[];
  /** 0, 1, 2 or 3, as the process's exit status. */
  readonly status: number;
  /** All is finished or stopped. */
  readonly isDone: boolean;
}

export interface Note {
  readonly text: string;
  readonly isFault: boolean;
  /** The policy itself is invalid. */
  readonly isInvalid?: true;
}

/** The file changes under a look at most so often before the next interval's look has to do. */
const MOST_TURNS = 5;

export class Advance {
  #policy: ReleasePolicy | null = null;
  /** What the command has still to be run for, by rollout and variant. It begins with a run for nothing in particular. */
  readonly #pending = new Map<string, Change>([["", { ...NOTHING, reason: "start" }]]);
  #isPublished = false;

  constructor(
    private readonly options: AdvanceOptions,
    private readonly module: WebAssembly.Module,
    private readonly readFleet: ReadFleet,
    private readonly publish: Publish | null,
  ) {}

  async look(): Promise<Look> {
    const notes: Note[] = [];
    let fleet: Fleet | null = null;
    const done: (NextAction & { done: boolean })[] = [];
    try {
      for (let turn = 0; turn < MOST_TURNS; turn++) {
        const policy = await readReleasePolicy(this.options.policy, this.module, this.#policy);
        if (this.#policy !== null && this.#policy !== policy) this.#again("the policy was changed");
        this.#policy = policy;
        await this.#publishOnce(notes);
        fleet ??= await this.readFleet(policy.outline);
        this.#catchUp(fleet, policy, notes);
        if (await this.#act(fleet, done, notes)) break;
        if (turn === MOST_TURNS - 1) notes.push({ text: KEEPS_CHANGING, isFault: true });
      }
      await this.#publishOnce(notes);
      await this.#runCommand(notes);
    } catch (error) {
      if (error instanceof InvalidPolicy) notes.push(...faultsOf(error));
      else if (error instanceof CommandError) notes.push({ text: error.message, isFault: true });
      else throw error;
    }
    return lookOf(done, fleet?.silent ?? [], notes);
  }

  /** Brings the policy out once more where an Envoy serves another. */
  #catchUp(fleet: Fleet, { digest }: ReleasePolicy, notes: Note[]): void {
    const [other, ...more] = servingAnother(fleet, digest);
    if (other === undefined) return;
    const others = more.length === 0 ? "" : ` and ${more.length} more`;
    const text = `${visible(other)}${others}: another policy is served than ${this.options.policy}`;
    notes.push({ text, isFault: false });
    this.#again(text);
  }

  /** Does what is to be done. Gives whether the file stayed as it was read until then. */
  async #act(fleet: Fleet, done: (NextAction & { done: boolean })[], notes: Note[]): Promise<boolean> {
    const read = this.#policy as ReleasePolicy;
    // What was written in the turn before is said as it was, and not as what it has come to.
    const written = done.filter((each) => each.done);
    done.splice(0, done.length, ...written);
    for (const release of releasesFor(read, this.options)) {
      for (const action of nextActions(release, fleet, read.digest)) {
        if (written.some((each) => each.rollout === action.rollout && each.variant === action.variant))
          continue;
        const edit = editOf(action);
        if (edit === null || this.options.dryRun) {
          done.push({ ...action, done: false });
          continue;
        }
        try {
          this.#policy = await writeEdit(
            this.options.policy,
            this.#policy as ReleasePolicy,
            edit,
            this.module,
          );
        } catch (error) {
          if (error instanceof ChangedMeanwhile) {
            notes.push({
              text: "the policy was changed by somebody else: it is looked at again",
              isFault: false,
            });
            return false;
          }
          if (!(error instanceof EditRefusal || error instanceof InvalidPolicy)) throw error;
          done.push({ ...action, done: false });
          notes.push({ text: `${this.options.policy}: ${error.message}`, isFault: true });
          continue;
        }
        done.push({ ...action, done: true });
        this.#isPublished = false;
        this.#pending.set(`${action.rollout}/${action.variant}`, changeOf(action));
      }
    }
    return true;
  }

  async #publishOnce(notes: Note[]): Promise<void> {
    if (this.options.dryRun || this.publish === null || this.#isPublished) return;
    try {
      const said = await this.publish();
      this.#isPublished = true;
      if (said !== null) notes.push({ text: said, isFault: false });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      notes.push({ text: `${error.message}; it is tried again at the next look`, isFault: true });
    }
  }

  /**
   * Runs the command for what it has still to be run for, changes first: what it does for one of them, it need not do for
   * nothing in particular. It may take its time, so it comes last.
   */
  async #runCommand(notes: Note[]): Promise<void> {
    if (this.options.dryRun || this.options.onChange === undefined) return;
    const isNamed = ([key]: readonly [string, Change]): boolean => key !== "";
    const pending = [...this.#pending].sort((a, b) => Number(isNamed(b)) - Number(isNamed(a)));
    for (const [key, change] of pending) {
      if (!this.#pending.has(key)) continue;
      const failed = await runOnChange(this.options.onChange, this.options.policy, change);
      if (failed !== null) {
        notes.push({ text: `--on-change: ${failed}; it is run again at the next look`, isFault: true });
        return;
      }
      this.#pending.delete(key);
      this.#pending.delete("");
    }
  }

  /** Envoys serve something else: publish, and run the command, once more. */
  #again(reason: string): void {
    this.#isPublished = false;
    this.#pending.set("", { ...NOTHING, reason });
  }
}

const KEEPS_CHANGING = "somebody else keeps changing the policy: the next look goes on";

const NOTHING: Change = { rollout: "", variant: "", from: "", to: "", reason: "" };

function releasesFor({ releases }: ReleasePolicy, { rollout, policy }: AdvanceOptions): Release[] {
  const chosen = releases.filter((each) => rollout === undefined || each.rollout === rollout);
  if (rollout !== undefined && chosen.length === 0) {
    const known = releases.map((each) => each.rollout).join(", ");
    throw new CommandError(
      `--rollout ${JSON.stringify(rollout)}: ${policy} has no such rollout; it has ${known}`,
    );
  }
  return chosen;
}

function editOf({ rollout, variant, action }: NextAction): Edit | null {
  if (action.kind === "disable") return { kind: "disable", rollout };
  return "to" in action ? { kind: "percent", rollout, variant, percent: action.to } : null;
}

function changeOf({ rollout, variant, from, action, reason }: NextAction): Change {
  const to = "to" in action ? String(action.to) : "DISABLED";
  return { rollout, variant, from: from === null ? "" : String(from), to, reason };
}

function faultsOf({ problems }: InvalidPolicy): Note[] {
  const errors = problems.filter(({ severity }) => severity === "error");
  return [
    ...errors.map(({ file, line, column, pointer, message }) => ({
      text: `${file}:${line}:${column} ${pointer}: ${message}`,
      isFault: true,
      isInvalid: true as const,
    })),
    { text: "the policy is invalid: nothing is changed until it is valid", isFault: true, isInvalid: true },
  ];
}

function lookOf(
  actions: readonly (NextAction & { readonly done: boolean })[],
  silent: readonly Silent[],
  notes: readonly Note[],
): Look {
  const has = (...kinds: NextAction["action"]["kind"][]): boolean =>
    actions.some(({ action }) => kinds.includes(action.kind));
  const isFaulty = silent.length > 0 || notes.some(({ isFault, isInvalid }) => isFault && isInvalid !== true);
  const isInvalid = notes.some((note) => note.isInvalid === true);
  const isStopped = isInvalid || has("rollback", "disable", "stopped");
  const status = isFaulty ? 2 : isStopped ? 1 : has("wait") ? 3 : 0;
  const isDone = !isFaulty && !isInvalid && !has("begin", "promote", "wait");
  return { at: new Date(), actions, silent, notes, status, isDone };
}
