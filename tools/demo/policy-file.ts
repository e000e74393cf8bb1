// The policy file that a person edits while the demo runs: checked and published by what `serin publish` uses.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { checkPolicy } from "../commands/check-policy.ts";
import { filterPath, loadFilter } from "../commands/filter-module.ts";
import { newFilterResource, printFilterResource, putPolicy } from "../commands/filter-resource.ts";
import { writeWhole } from "../commands/write-whole.ts";
import { LogLevel } from "../emulator/index.ts";
import { readPolicySource } from "../policy-source/policy-source.ts";
import { describeProblem } from "../policy-source/problem.ts";
import { Oracle } from "./oracle.ts";
import { rolloutsOf, steersByFilterState, type RolloutPlan } from "./policy-plan.ts";

const LOOK_EVERY_MS = 100;
/** An editor may write a file in parts: it is read when it has not changed for so long. */
const SETTLED_MS = 60;
/** And one that is empty when it has stayed so for so long. */
const EMPTY_MS = 1000;

/** A policy that the filter accepts. */
export interface AcceptedPolicy {
  /** The resource file that Envoy loads. */
  readonly resource: string;
  readonly plan: readonly RolloutPlan[];
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
  #seen: string | null = null;
  #published: string | null = null;

  private constructor(
    readonly folder: string,
    readonly path: string,
  ) {
    this.shownPath = relative(process.cwd(), path);
    this.#filterFile = join(folder, "filter.yaml");
  }

  /** A copy of the policy in a folder that is made for it. */
  static async make(folder: string, text: string): Promise<PolicyFile> {
    const file = new PolicyFile(folder, join(folder, "policy.yaml"));
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await writeFile(file.path, text);
    return file;
  }

  /** The file's text once it differs from the last one seen and has settled, else null. */
  async changed(): Promise<string | null> {
    const text = await this.#read();
    if (text === null || text === this.#seen) return null;
    await sleep(SETTLED_MS);
    if ((await this.#read()) !== text) return null;
    // An editor may empty a file before it writes: only one that stays empty is meant to be.
    if (text.trim() === "") {
      await sleep(EMPTY_MS);
      if ((await this.#read()) !== text) return null;
    }
    this.#seen = text;
    return text;
  }

  /** Waits for the next change; null when the signal comes first. */
  async nextChange(signal: AbortSignal): Promise<string | null> {
    while (!signal.aborted) {
      const text = await this.changed();
      if (text !== null) return text;
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
    return null;
  }

  /** Has the filter judge this text of the file. */
  judge(text: string): Judgement {
    if (text.trim() === "") {
      return {
        accepted: null,
        problems: [`${this.shownPath}: the file is empty; the demo wants a policy with a rollout`],
      };
    }
    const source = readPolicySource(this.shownPath, Buffer.from(text));
    const { problems, filter } = checkPolicy(source, this.#module, { logLevel: LogLevel.Debug });
    const lines = problems.map(describeProblem);
    if (filter === null || source.json === null) return { accepted: null, problems: lines };
    const json = Buffer.from(source.json).toString("utf8");
    if (steersByFilterState(json)) {
      const line = `${this.shownPath}: /steer: the demo's routes read headers; envoy/ has routes for filterState`;
      return { accepted: null, problems: [...lines, line] };
    }
    const document = newFilterResource({ wasm: filterPath(), name: "serin", failurePolicy: "FAIL_RELOAD" });
    putPolicy(this.#filterFile, document, json, {});
    const resource = printFilterResource(this.#filterFile, document);
    const accepted = { resource, plan: rolloutsOf(json), oracle: new Oracle(filter.vm, filter.root) };
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

  async #read(): Promise<string | null> {
    // An editor that renames leaves a moment without a file.
    return readFile(this.path, "utf8").catch(() => null);
  }
}
