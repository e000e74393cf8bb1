import { readFile } from "node:fs/promises";

import { Command } from "@commander-js/extra-typings";

import { byKey } from "../ambassador/by-key.ts";
import { checkMappings, Counterparts, selectionFaults, type Checked } from "../ambassador/check.ts";
import { clusterFaults } from "../ambassador/cluster-faults.ts";
import { groupsOf, served } from "../ambassador/groups.ts";
import { Hosts } from "../ambassador/hosts.ts";
import { installationOf, isOurs, isStable } from "../ambassador/mapping.ts";
import { mappingText, resourceOf, wholeText } from "../ambassador/mapping-text.ts";
import { Overlap } from "../ambassador/overlap.ts";
import { policyFaults } from "../ambassador/policy-faults.ts";
import { CODE_OTHER_AMBASSADOR } from "../ambassador/problem-codes.ts";
import {
  belongsTo,
  problemOf,
  readResources,
  type Resource,
  type ResourceFile,
} from "../ambassador/resources.ts";
import { readServicePolicy, type ServicePolicy } from "../ambassador/service-policy.ts";
import { wantedMappings, type Wanted, type WantedMapping } from "../ambassador/wanted.ts";
import { readPolicySource } from "../policy/policy-source.ts";
import type { Problem } from "../policy/problem.ts";
import { CommandError, fileError } from "../terminal/command-error.ts";
import { policyOf } from "../terminal/environment.ts";
import { loadFilter } from "../policy/filter-module.ts";
import { reportProblems } from "../policy/report-problems.ts";
import { collect, examples } from "../terminal/arguments.ts";
import { readFileBounded, readInput } from "../terminal/read-bounded.ts";
import { processTerminal, type Terminal } from "../terminal/terminal.ts";
import { visible } from "../terminal/visible.ts";
import { writeWhole } from "../terminal/write-whole.ts";

/** The kinds that are read, as kubectl has them. */
const KINDS_READ = [
  ...["mappings", "hosts", "modules", "tlscontexts", "kubernetesserviceresolvers"],
  ...["kubernetesendpointresolvers", "consulresolvers"],
].join(",");

export const ambassadorCommand = new Command("ambassador")
  .summary("write or check the Ambassador Mappings that a policy needs")
  .description(
    "Reads Ambassador (Emissary-ingress) Mappings and a policy, and writes the additional Mappings that the policy " +
      "needs: one for each variant, which matches the variant's header and has the options of the existing " +
      "Mapping; one that names the cluster of each shadow with dispatch call; a pair with shadow: true for each " +
      "shadow with dispatch mirror. The policy may name a service where Envoy needs a cluster; --write-policy " +
      "writes the policy with clusters, for serin publish.",
  )
  .option("--policy <POLICY>", "policy file (- for standard input; default: SERIN_POLICY)")
  .argument(
    "[FILE...]",
    "Mappings, Hosts, the Module, TLSContexts and resolvers, as YAML or JSON (default: standard input)",
  )
  .option("--check", "check the existing Mappings and write none", false)
  .option("--to <FILE>", "write the Mappings to this file, atomically")
  .option("--whole", "also write the existing Mappings, unchanged, each before those made from it", false)
  .option("--write-policy <FILE>", "write the policy with clusters in place of services to this file")
  .option(
    "--old-secret <ROLLOUT=SECRET>",
    "also write Mappings for this former headerSecret (empty: none); may be repeated",
    collect,
    [] as readonly string[],
  )
  .option("--namespace <NAMESPACE>", "namespace of resources without one", "default")
  .option(
    "--ambassador-namespace <NAMESPACE>",
    "Ambassador's own namespace (default: that of its Module, or default)",
  )
  .option(
    "--ambassador-id <ID>",
    "the Ambassador that serves the policy, if there are several (default: default)",
  )
  .option("--json", "Mappings, cluster names and problems as JSON on stdout", false)
  .option("--allow-warnings", "accept flags that flagd loads but can only answer with ERROR", false)
  .addHelpText(
    "after",
    examples(
      "serin ambassador --policy policy.yaml mappings.yaml > canary.yaml",
      "serin ambassador --policy policy.yaml mappings.yaml --to canary.yaml --write-policy policy.envoy.yaml",
      "serin ambassador --policy policy.yaml --check mappings.yaml canary.yaml",
      `kubectl get ${KINDS_READ} -A -o yaml | serin ambassador --policy policy.yaml --check`,
    ),
  );

ambassadorCommand.action(async (files, options) => {
  process.exitCode = await ambassador(files, { ...options, policy: policyOf(options) }, processTerminal());
});

export type AmbassadorOptions = ReturnType<typeof ambassadorCommand.opts> & { readonly policy: string };

const ROLLOUT_SECRET = /^([a-z0-9-]+)=([!-~]{0,128})$/;

/** All that a run has found out. */
interface Findings {
  readonly wanted: Wanted | null;
  /** Those of them that have to be written: no person wrote one for the same requests. */
  readonly written: readonly WantedMapping[];
  readonly obsolete: readonly Resource[];
  readonly problems: readonly Problem[];
  /** The policy with clusters in place of services; null when that cannot be. */
  readonly policyText: string | null;
}

/** Writes the Mappings that a policy needs, or checks those that are there. Resolves to 0, or 1 when something is wrong. */
export async function ambassador(
  files: readonly string[],
  options: AmbassadorOptions,
  terminal: Terminal,
): Promise<number> {
  const named = files.length === 0 ? ["-"] : files;
  if ([options.policy, ...named].filter((file) => file === "-").length > 1)
    throw new CommandError("standard input can be read only once: name all other files");
  const read: ResourceFile[] = [];
  for (const file of named) {
    const text = (await bytesOf(file, terminal)).toString("utf8").replace(/^\uFEFF/, "");
    read.push(readResources(file, text, options.namespace));
  }
  const bytes = await bytesOf(options.policy, terminal);
  const { policy, problems } = readServicePolicy(options.policy, bytes, loadFilter(), options.allowWarnings);
  const early = [...problems, ...read.flatMap((file) => file.problems)];
  const findings =
    policy === null || early.some(isError)
      ? { wanted: null, written: [], obsolete: [], problems: early, policyText: null }
      : find(policy, read, options, early);
  return conclude(findings, read, options, terminal);
}

function find(
  policy: ServicePolicy,
  files: readonly ResourceFile[],
  options: AmbassadorOptions,
  early: readonly Problem[],
): Findings {
  const oldSecrets = oldSecretsOf(options.oldSecret, policy);
  const id = options.ambassadorId ?? "default";
  const own = byKey(
    files.flatMap((file) => file.mappings),
    (one) => belongsTo(one, id),
  );
  const mappings = own.get(true) ?? [];
  const ofOthers = own.get(false) ?? [];
  const others = files.flatMap((file) => file.others).filter((one) => belongsTo(one, id));
  const hosts = new Hosts(others.filter(({ kind }) => kind === "Host"));
  const groups = groupsOf(served(mappings, hosts).filter(isStable), hosts);
  const overlap = new Overlap(
    groups.map(({ base }) => base),
    hosts,
  );
  const installation = installationOf(others, options.ambassadorNamespace);
  const wanted = wantedMappings({
    ...{ policy, groups, overlap, hosts, all: mappings, foreign: ofOthers, installation, oldSecrets },
  });
  const problems = [
    ...early,
    ...(options.ambassadorId === undefined ? otherAmbassadors(files) : []),
    ...policyFaults(policy, overlap),
    ...wanted.problems,
    ...selectionFaults(wanted.mappings, hosts),
    ...clusterFaults({ policy, overlap, wanted, others, installation }),
  ];
  const foreign = mappings.filter((mapping) => !isOurs(mapping));
  const counterparts = new Counterparts(foreign, hosts);
  const written = wanted.mappings.filter((one) => counterparts.of(one) === undefined);
  const places = new Set(written.map(({ namespace, name }) => `${namespace}/${name}`));
  const isWritten = ({ namespace, name }: Resource): boolean => places.has(`${namespace}/${name}`);
  if (!problems.some(isError)) {
    const checked: Checked = {
      policy,
      wanted: wanted.mappings,
      clusters: wanted.clusters,
      mappings: options.check ? mappings : foreign,
      hosts,
      installation,
      oldSecrets,
      // What is missing is what is going to be written.
      needsAll: options.check,
    };
    problems.push(...checkMappings(checked));
  }
  const { text, problems: late } = policy.withClusters(
    new Map(wanted.clusters.map(({ pointer, cluster }) => [pointer, cluster])),
  );
  return {
    wanted,
    written,
    obsolete: mappings.filter((mapping) => isOurs(mapping) && !isWritten(mapping)),
    problems: late.some(isError) ? [...problems, ...late] : problems,
    policyText: text,
  };
}

/** Resources of other Ambassadors, which are left out. */
function otherAmbassadors(files: readonly ResourceFile[]): Problem[] {
  const left = files
    .flatMap((file) => [...file.mappings, ...file.others])
    .filter((one) => !belongsTo(one, "default"));
  const [first] = left;
  if (first === undefined) return [];
  const ids = [
    ...new Set(
      left.flatMap(({ spec }) => [spec["ambassadorId"] ?? spec["ambassador_id"]].flat().map(String)),
    ),
  ].sort();
  const message = `${left.length} resources of other Ambassadors are left out (ambassador_id ${ids.slice(0, 3).join(", ")}${ids.length > 3 ? ", ..." : ""}): --ambassador-id names the one that serves the policy`;
  return [problemOf(first, ["spec", "ambassador_id"], CODE_OTHER_AMBASSADOR, message, "warning")];
}

function oldSecretsOf(given: readonly string[], policy: ServicePolicy): Map<string, string> {
  return new Map(
    given.map((text): [string, string] => {
      const [, name, secret] = ROLLOUT_SECRET.exec(text) ?? [];
      // The value itself is not repeated: it is a secret.
      if (name === undefined || secret === undefined)
        throw new CommandError("--old-secret: must be like checkout=SECRET, in printable ASCII");
      if (secret.includes("$"))
        throw new CommandError(
          "--old-secret: must not contain a $: Emissary expands $NAME to environment variables",
        );
      const rollout = policy.rollouts.find((one) => one.name === name);
      if (rollout === undefined)
        throw new CommandError(`--old-secret: the policy has no rollout called ${name}`);
      if ((rollout.secret ?? "") === secret)
        throw new CommandError(`--old-secret: this is the current secret of rollout ${name}`);
      return [name, secret];
    }),
  );
}

async function conclude(
  findings: Findings,
  files: readonly ResourceFile[],
  options: AmbassadorOptions,
  terminal: Terminal,
): Promise<number> {
  const { wanted, written, obsolete, policyText } = findings;
  const problems = inOrder(findings.problems, [options.policy, ...files.map(({ file }) => file)]);
  const ok = wanted !== null && !problems.some(isError);
  if (!options.json) reportProblems(problems, terminal);
  if (!ok) {
    if (options.json) terminal.stdout.write(`${JSON.stringify({ ok, problems }, null, 2)}\n`);
    else if (!options.check) terminal.stderr.write("nothing written\n");
    return 1;
  }
  const said: string[] = [];
  if (options.writePolicy !== undefined && policyText !== null) {
    const changed = await put(options.writePolicy, policyIn(options, policyText));
    said.push(`${options.writePolicy}: ${changed ? "written" : "up to date"}, for serin publish`);
  }
  if (options.json) {
    const mappings = options.check
      ? {}
      : { mappings: written.map(resourceOf), obsolete: obsolete.map(named) };
    terminal.stdout.write(
      `${JSON.stringify({ ok, ...mappings, clusters: wanted.clusters, problems }, null, 2)}\n`,
    );
    return 0;
  }
  if (options.check) {
    said.unshift(
      `${files.map(({ file }) => file).join(", ")}: ${terminal.colors.green("ok")}, ${counted(wanted.mappings.length)} for ${options.policy}`,
    );
    terminal.stdout.write(said.map((line) => `${line}\n`).join(""));
    return 0;
  }
  const text = options.whole ? wholeText(files, written) : written.map(mappingText).join("");
  if (options.to === undefined) {
    terminal.stdout.write(text);
  } else {
    const changed = await put(options.to, text);
    said.push(
      `${options.to}: ${changed ? "written" : "up to date"}, ${counted(written.length)} for ${options.policy}`,
    );
  }
  for (const { namespace, name } of obsolete)
    said.push(
      `${visible(name)}: no longer needed: kubectl delete mapping -n ${visible(namespace)} ${visible(name)}`,
    );
  terminal.stderr.write(said.map((line) => `${line}\n`).join(""));
  return 0;
}

/** As a person goes through the files. */
function inOrder(problems: readonly Problem[], files: readonly string[]): Problem[] {
  const rank = ({ file }: Problem): number => files.indexOf(file);
  return [...problems].sort((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column);
}

function counted(mappings: number): string {
  return mappings === 1 ? "1 Mapping" : `${mappings} Mappings`;
}

function named({ namespace, name }: Resource): { namespace: string; name: string } {
  return { namespace, name };
}

/** A YAML policy for a file that says it is JSON. */
function policyIn({ policy, writePolicy }: AmbassadorOptions, text: string): string {
  if (!/\.json$/i.test(writePolicy ?? "")) return text;
  return Buffer.from(readPolicySource(policy, Buffer.from(text)).json ?? []).toString("utf8");
}

/** Whether the file holds another text now than before. */
async function put(file: string, text: string): Promise<boolean> {
  const old = await readFile(file, "utf8").catch(() => null);
  if (old === text) return false;
  try {
    await writeWhole(file, text);
  } catch (error) {
    throw fileError(file, error);
  }
  return true;
}

async function bytesOf(file: string, terminal: Terminal): Promise<Buffer> {
  return file === "-" ? readInput(terminal.stdin) : readFileBounded(file);
}

function isError({ severity }: { readonly severity: string }): boolean {
  return severity === "error";
}
