// The policy file that a person edits while the demo runs: checked and published by what `serin publish` uses.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { checkPolicy } from "../policy/check-policy.ts";
import { filterPath, loadFilter } from "../policy/filter-module.ts";
import { newFilterResource, printFilterResource, putPolicy } from "../policy/filter-resource.ts";
import { writeWhole } from "../terminal/write-whole.ts";
import { LogLevel } from "../emulator/index.ts";
import { readPolicySource } from "../policy/policy-source.ts";
import { describeProblem } from "../policy/problem.ts";
import { Oracle } from "./oracle.ts";
import {
  rolloutsOf,
  shadowsOf,
  steersByFilterState,
  type RolloutPlan,
  type ShadowPlan,
} from "./policy-plan.ts";

const LOOK_EVERY_MS = 50;
/** An editor may write a file in parts: it is taken when it has not changed for so long. */
const SETTLED_MS = 60;
/** An editor may empty a file, or put another in its place: that there is no policy is told when it stays so. */
const ABSENT_MS = 1000;

/** What stands in the file: a text, or none, and why. */
export type Edit =
  { readonly text: string; readonly why: null } | { readonly text: null; readonly why: string };

/** A policy that the filter accepts. */
export interface AcceptedPolicy {
  /** The resource file that Envoy loads. */
  readonly resource: string;
  readonly plan: readonly RolloutPlan[];
  readonly shadows: readonly ShadowPlan[];
  readonly oracle: Oracle;
}

/** A judgement of the file: what can be published, or null, and the problems as lines. */
export interface Judgement {
  readonly accepted: AcceptedPolicy | null;
  readonly problems: readonly string[];
}

export class PolicyFile {
  /** As people are told, from where they are. */
  readonly shownPath: string;
  readonly #filterFile: string;
  readonly #module = loadFilter();
  /** What was taken last. */
  #taken: Edit;
  /** What stands there now, if that is something else, and since when. */
  #pending: { readonly edit: Edit; readonly sinceMs: number } | null = null;
  #published: string | null = null;

  private constructor(
    readonly folder: string,
    readonly path: string,
    text: string,
  ) {
    this.#taken = { text, why: null };
    this.shownPath = relative(process.cwd(), path);
    this.#filterFile = join(folder, "filter.yaml");
  }

  /** A copy of the policy in a folder that is made for it. */
  static async make(folder: string, text: string): Promise<PolicyFile> {
    const file = new PolicyFile(folder, join(folder, "policy.yaml"), text);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await writeFile(file.path, text);
    return file;
  }

  /** Waits for what stands there to differ from what was taken last, and to settle; null when the signal comes first. */
  async nextChange(signal: AbortSignal): Promise<Edit | null> {
    while (!signal.aborted) {
      const edit = await this.#settled();
      if (edit !== null) return edit;
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
    return null;
  }

  /** Has the filter judge this text of the file. */
  judge(text: string): Judgement {
    const source = readPolicySource(this.shownPath, Buffer.from(text));
    const { problems, filter } = checkPolicy(source, this.#module, { logLevel: LogLevel.Trace });
    const lines = problems.map(describeProblem);
    if (filter === null || source.json === null) return { accepted: null, problems: lines };
    const json = Buffer.from(source.json).toString("utf8");
    const beyond = beyondTheDemo(json).map((line) => `${this.shownPath}: ${line}`);
    if (beyond.length > 0) return { accepted: null, problems: [...lines, ...beyond] };
    const document = newFilterResource({ wasm: filterPath(), name: "serin", failurePolicy: "FAIL_RELOAD" });
    putPolicy(this.#filterFile, document, json, {});
    const resource = printFilterResource(this.#filterFile, document);
    const accepted = {
      resource,
      plan: rolloutsOf(json),
      shadows: shadowsOf(json),
      oracle: new Oracle(filter.vm, filter.root),
    };
    return { accepted, problems: lines };
  }

  /** Puts it where Envoy looks. False when Envoy has the same already. */
  async publish(policy: AcceptedPolicy): Promise<boolean> {
    if (policy.resource === this.#published) return false;
    await writeWhole(this.#filterFile, policy.resource);
    this.#published = policy.resource;
    return true;
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async #settled(): Promise<Edit | null> {
    const edit = await this.#read();
    const nowMs = Date.now();
    if (isSame(edit, this.#taken)) this.#pending = null;
    else if (this.#pending === null || !isSame(edit, this.#pending.edit)) {
      this.#pending = { edit, sinceMs: nowMs };
    } else if (nowMs - this.#pending.sinceMs >= (edit.text === null ? ABSENT_MS : SETTLED_MS)) {
      this.#pending = null;
      this.#taken = edit;
      return edit;
    }
    return null;
  }

  async #read(): Promise<Edit> {
    try {
      const text = await readFile(this.path, "utf8");
      return text.trim() === "" ? { text: null, why: "is empty" } : { text, why: null };
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      return { text: null, why: code === "ENOENT" ? "is missing" : `cannot be read (${code})` };
    }
  }
}

/** What this policy needs of an Envoy that the demo's has not: it would serve, and do nothing. */
function beyondTheDemo(json: string): string[] {
  const mirrors = shadowsOf(json).filter(({ isMirror }) => isMirror);
  return [
    ...(steersByFilterState(json)
      ? ["/steer: the demo's routes match headers only; envoy/ has routes for filterState"]
      : []),
    ...mirrors.map(
      ({ name }) => `/shadows/${name}/dispatch: the demo's routes have no mirror policy; see docs/shadows.md`,
    ),
  ];
}

function isSame(one: Edit, other: Edit): boolean {
  return one.text === other.text && one.why === other.why;
}
