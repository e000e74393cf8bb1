import { Command, Option } from "@commander-js/extra-typings";
import { lstat, readFile, readlink, stat } from "node:fs/promises";
import type { Document } from "yaml";

import * as codes from "../../assembly/vocabulary/problems.ts";
import { PolicyPlaces, readPolicySource, type PolicySource } from "../policy/policy-source.ts";
import type { Problem } from "../policy/problem.ts";
import { checkPolicy, checkPolicyFile, refuseFaults } from "../policy/check-policy.ts";
import { CommandError, fileError, fileReason } from "../terminal/command-error.ts";
import { readFileBounded } from "../terminal/read-bounded.ts";
import { movedUsers } from "../policy/fractional-totals.ts";
import { policyDigest } from "../policy/digest.ts";
import { compileFilter, filterPath, loadFilter } from "../policy/filter-module.ts";
import {
  heldPolicy,
  newFilterResource,
  parseFilterResource,
  printFilterResource,
  putPolicy,
  type FilterSettings,
} from "../policy/filter-resource.ts";
import { adminUrls, DEFAULT_ADMIN } from "../metrics/metrics-source.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { diffAsJson, diffInWords } from "../release/diff-words.ts";
import { diffPolicies, mostMoved, type PolicyDiff } from "../release/diff.ts";
import { digestText } from "../status/read-status.ts";
import { refusalReasons } from "../status/refusal-reasons.ts";
import { waitUntilServed, type Waited } from "../status/wait.ts";
import { collect, examples, numberWithin, readDuration } from "../terminal/arguments.ts";
import { counted, duration, exactPercent } from "../terminal/numbers.ts";
import {
  member,
  membersOf,
  parseOrdered,
  printOrdered,
  type OrderedJson,
  type Printable,
} from "../terminal/ordered-json.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";
import { writeWhole } from "../terminal/write-whole.ts";

export const publishCommand = new Command("publish")
  .summary("publish a policy to the file that Envoy watches")
  .description(
    "Checks a policy, then writes the file that Envoy watches (a file-ECDS resource that contains the policy). The " +
      "file is replaced atomically, by rename. An existing file keeps everything but the policy and its version; the " +
      "options below set what a new file contains, or change that one setting of an existing file. An invalid " +
      "policy leaves the file unchanged.",
  )
  .argument("<POLICY>", "policy file (- for standard input)")
  .requiredOption("--to <FILE>", "the file that Envoy watches: JSON if its name ends in .json, else YAML")
  .option("--wasm <PATH>", "path of serin.wasm on Envoy's machine (default: the packaged one)")
  .option("--name <NAME>", "the filter's name in Envoy's http_filters (default: serin)")
  .addOption(
    new Option("--failure-policy <POLICY>", "what Envoy does after a trap (default: FAIL_RELOAD)").choices([
      "FAIL_RELOAD",
      "FAIL_CLOSED",
      "FAIL_OPEN",
    ] as const),
  )
  .option("--json", "the result and the problems as JSON on stdout", false)
  .option("--allow-warnings", "publish flags that flagd loads but can only answer with ERROR", false)
  .option("--fail-if-moved <PERCENT>", "publish nothing when more users move", numberWithin(0, 100))
  .option("--dry-run", "say what would be published, and who moves; write nothing", false)
  .option(
    "--allow-empty",
    "publish a policy without anything in it in place of one that has something",
    false,
  )
  .option("--wait <DURATION>", "wait until all Envoys serve it, for at most DURATION, like 30s", readDuration)
  .addOption(
    new Option("--admin <URL>", "with --wait: an Envoy's admin endpoint; may be repeated")
      .argParser(collect)
      .default([] as readonly string[], DEFAULT_ADMIN),
  )
  .addHelpText(
    "after",
    examples(
      "serin publish policy.yaml --to /etc/serin/filter.yaml",
      "serin publish policy.yaml --to /etc/serin/filter.yaml --wait 30s --admin http://127.0.0.1:9901",
      "serin publish policy.yaml --to filter.yaml --wasm /opt/serin/serin.wasm",
      "serin publish policy.yaml --to /etc/serin/filter.yaml --dry-run --fail-if-moved 5",
    ) +
      "\nExit status: 0 success, 1 invalid policy, more users would move, or an Envoy does not serve it (--wait), 2 usage " +
      "error, missing file or unreachable endpoint.",
  );

publishCommand.action(async (file, options) => {
  process.exitCode = await publish(file, options, processTerminal());
});

/** Settings left out stay as they are in the file, or are the defaults in a new one. */
export interface PublishOptions extends Partial<FilterSettings> {
  /** The file that Envoy watches. */
  readonly to: string;
  readonly json: boolean;
  /** Publish also what flagd accepts but cannot evaluate. */
  readonly allowWarnings?: boolean | undefined;
  /** Percent of users that may move; any when it is left out. */
  readonly failIfMoved?: number | undefined;
  readonly dryRun?: boolean | undefined;
  readonly allowEmpty?: boolean | undefined;
  /** Seconds to wait until the Envoys serve it. */
  readonly wait?: number | undefined;
  readonly admin?: readonly string[] | undefined;
}

/** Checks the policy and puts it where Envoy loads it from. Resolves to 0, or 1 when nothing may be published. */
export async function publish(
  policyFile: string,
  options: PublishOptions,
  terminal: Terminal,
): Promise<number> {
  const urls = urlsToWaitFor(options);
  if (options.to === "-") {
    throw new CommandError("--to -: must be the file that Envoy watches: publish replaces it by rename");
  }
  await checkModuleHere(options.wasm);
  const module = loadFilter();
  const { source, problems, more, filter } = refuseFaults(
    await checkPolicyFile(policyFile, module, terminal),
    options.allowWarnings === true,
  );
  if (!options.json) reportProblems(problems, terminal, more);
  if (filter === null || source.json === null) {
    return refuse({ problems }, "the policy is invalid", options, terminal);
  }
  const policy = Buffer.from(source.json).toString("utf8");
  const settings = givenSettings(options);
  const old = await readOld(options.to);
  const document: Document =
    old === null
      ? newFilterResource({ wasm: filterPath(), name: "serin", failurePolicy: "FAIL_RELOAD", ...settings })
      : parseFilterResource(options.to, old);
  const held = old === null ? null : heldPolicy(options.to, document, settings.name);
  const moves = movesOf(held, policy, source);
  if (!options.json) reportProblems(moves, terminal);
  const difference = held === policy ? null : differenceOf(held, policy, module);
  const told = {
    problems: [...problems, ...moves],
    ...(difference === null ? {} : { diff: diffAsJson(difference, null) }),
  };
  if (!options.json && difference !== null) terminal.stdout.write(diffInWords(difference, terminal.colors));
  const refusal = refusalOf(held, policy, difference, options);
  if (refusal !== null) return refuse(told, refusal, options, terminal);
  const version = putPolicy(options.to, document, policy, settings);
  const text = printFilterResource(options.to, document);
  const written = parseFilterResource(options.to, text);
  if (JSON.stringify(written.toJS()) !== JSON.stringify(document.toJS())) {
    throw new CommandError(`${options.to}: cannot represent this policy; not changed`, 1);
  }
  const changed = text !== old;
  try {
    if (changed && options.dryRun !== true) await writeWhole(options.to, text);
  } catch (error) {
    const state = old === null ? "not written" : "not changed";
    throw new CommandError(`${options.to}: ${state}: ${fileReason(error)}`);
  }
  const digest = digestText(policyDigest(policy));
  const wait = async (): Promise<Waited[]> =>
    options.wait === undefined ? [] : waitUntilServed(urls, { digest, version }, options.wait);
  if (options.json) {
    const dry = options.dryRun === true ? { dryRun: true } : {};
    const waited = await wait();
    const envoys =
      options.wait === undefined ? {} : { envoys: waited.map((each) => waitedJson(each, module)) };
    const report = {
      ok: waited.every(isServed),
      file: options.to,
      changed,
      ...dry,
      version,
      ...told,
      ...envoys,
    };
    terminal.stdout.write(`${printOrdered(report as unknown as Printable)}\n`);
    return exitOf(waited);
  }
  const size = `${source.json.length} bytes, version ${version}`;
  const done = options.dryRun === true ? "would publish" : "published";
  terminal.stdout.write(
    changed
      ? `${options.to}: ${terminal.colors.green(done)} ${policyFile} (${size})${old === null ? ", new file" : ""}\n`
      : `${options.to}: up to date with ${policyFile} (${size})\n`,
  );
  if (options.wait === undefined) return 0;
  const waited = await wait();
  for (const each of waited) {
    if (!isServed(each)) terminal.stderr.write(waitedWords(each, options.wait, module));
  }
  const serving = waited.filter(isServed).length;
  const all = serving === waited.length ? terminal.colors.green("served") : "served";
  terminal.stdout.write(`${all} by ${serving} of ${counted(waited.length, "Envoy")}\n`);
  return exitOf(waited);
}

/** @throws CommandError for options that do not go together */
function urlsToWaitFor({ wait, admin = [], dryRun }: PublishOptions): string[] {
  if (wait === undefined && admin.length > 0) throw new CommandError("--admin: only with --wait");
  if (wait !== undefined && dryRun === true) throw new CommandError("--wait and --dry-run: choose one");
  return wait === undefined ? [] : adminUrls(admin);
}

/**
 * The path is one of Envoy's machine. If a file that this process can read is there on this machine, it is looked at.
 * @throws CommandError when Envoy could not run it
 */
async function checkModuleHere(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const found = await stat(path).catch(() => null);
  if (found?.isFile() !== true) return;
  const bytes = await readFile(path).catch(() => null);
  if (bytes !== null) compileFilter(`--wasm ${path}`, bytes);
}

function isServed({ word }: Waited): boolean {
  return word === "serves";
}

/** 2 when an Envoy does not answer, 1 when one does not serve it. */
function exitOf(waited: readonly Waited[]): 0 | 1 | 2 {
  if (waited.some(({ word }) => word === "unreachable")) return 2;
  return waited.every(isServed) ? 0 : 1;
}

function waitedWords(waited: Waited, seconds: number, module: WebAssembly.Module): string {
  switch (waited.word) {
    case "unreachable":
      return `${waited.failure}\n`;
    case "refused": {
      const reasons = waited.policy === null ? [] : refusalReasons(waited.policy, module);
      const why =
        reasons.length > 0 ? reasons : ["the filter of this command takes it: Envoy's log says why"];
      return `${waited.envoy}: refused it\n${why.map((reason) => `  ${reason}\n`).join("")}`;
    }
    default: {
      const still =
        waited.word === "other" && waited.digest !== null ? `still serves policy ${waited.digest}` : "";
      return `${waited.envoy}: ${still || "does not say what it serves"} after ${duration(seconds)}: does it watch this file?\n`;
    }
  }
}

function waitedJson(waited: Waited, module: WebAssembly.Module): object {
  const { envoy, word } = waited;
  if (word !== "refused") return { ...waited, envoy, word };
  return { envoy, word, reasons: waited.policy === null ? [] : refusalReasons(waited.policy, module) };
}

/** Says that nothing is published, and why. */
function refuse(told: object, reason: string, { to, json }: PublishOptions, terminal: Terminal): number {
  if (json) {
    const report = { ok: false, file: to, changed: false, reason, ...told };
    terminal.stdout.write(`${printOrdered(report)}\n`);
  } else {
    terminal.stderr.write(`${to}: not changed: ${reason}\n`);
  }
  return 1;
}

/** Who moves against the policy that the file holds; null when it holds none that this filter takes. */
function differenceOf(held: string | null, policy: string, module: WebAssembly.Module): PolicyDiff | null {
  if (held === null || !isAccepted(held, module)) return null;
  return diffPolicies(orderedOf(held), orderedOf(policy), { module });
}

function isAccepted(policy: string, module: WebAssembly.Module): boolean {
  return checkPolicy(readPolicySource("held.json", Buffer.from(policy)), module).filter !== null;
}

function orderedOf(policy: string): OrderedJson {
  const text = policy.replace(/^\uFEFF/, "");
  return text.trim() === "" ? null : parseOrdered(text);
}

/** Why an accepted policy is not published all the same; null when it may be. */
function refusalOf(
  held: string | null,
  policy: string,
  difference: PolicyDiff | null,
  { failIfMoved, allowEmpty }: PublishOptions,
): string | null {
  if (held === policy) return null;
  const lost = held === null || difference === null ? [] : partsOf(orderedOf(held));
  if (allowEmpty !== true && lost.length > 0 && partsOf(orderedOf(policy)).length === 0) {
    return `the policy has nothing in it, and would take away ${lost.join(", ")}: if that is meant, add --allow-empty`;
  }
  if (failIfMoved === undefined || held === null) return null;
  if (difference === null) return "the policy in the file cannot be compared, so every user may move";
  const most = mostMoved(difference);
  if (most !== null && most * 100 <= failIfMoved) return null;
  const moved = most === null ? "everybody may move" : `${exactPercent(most)} of users move`;
  return `${moved}, more than --fail-if-moved ${failIfMoved} allows`;
}

/** What a policy has, in words: `2 rollouts`, `1 flag`. */
function partsOf(policy: OrderedJson): string[] {
  return ["rollout", "flag", "shadow", "effect"].flatMap((part) => {
    const count = membersOf(member(policy, `${part}s`)).length;
    return count === 0 ? [] : [counted(count, part)];
  });
}

/** Warnings of users that the new policy moves though it need not, beside the one that the file holds. */
function movesOf(held: string | null, policy: string, source: PolicySource): Problem[] {
  if (held === null) return [];
  try {
    const places = new PolicyPlaces(source);
    return movedUsers(JSON.parse(held), JSON.parse(policy)).map(({ pointer, message }) => ({
      file: source.file,
      ...places.of(pointer),
      pointer,
      code: codes.MOVES_USERS,
      message,
      severity: "warning",
    }));
  } catch {
    // What the file holds is no policy: nothing to compare with.
    return [];
  }
}

function givenSettings({ wasm, name, failurePolicy }: PublishOptions): Partial<FilterSettings> {
  return {
    ...(wasm === undefined ? {} : { wasm }),
    ...(name === undefined ? {} : { name }),
    ...(failurePolicy === undefined ? {} : { failurePolicy }),
  };
}

/** The file's text, or null when there is none yet. */
async function readOld(file: string): Promise<string | null> {
  try {
    const status = await lstat(file);
    // A rename would put a plain file in the link's place, and leave what it points to as it was.
    if (status.isSymbolicLink()) throw new CommandError(`${file}: ${await linkAdvice(file)}`);
    if (!status.isFile() && !status.isDirectory()) {
      throw new CommandError(`${file}: is not a regular file: publish replaces the file that Envoy watches`);
    }
    return (await readFileBounded(file)).toString("utf8");
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw fileError(file, error);
  }
}

/** What to do in the place of writing over a link. Kubernetes mounts a ConfigMap as links to `..data`, a link itself. */
async function linkAdvice(file: string): Promise<string> {
  const target = await readlink(file).catch(() => "");
  if (/(^|\/)\.\.data\//.test(target)) {
    return (
      "is mounted from a ConfigMap or a Secret, which Kubernetes replaces: publish to a file, and put that into the " +
      "ConfigMap (kubectl create configmap NAME --from-file=FILE --dry-run=client -o yaml | kubectl apply -f -)"
    );
  }
  return "is a symbolic link: name the file it points to";
}
