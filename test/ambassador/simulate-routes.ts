// Made-up Mappings and policies: `serin ambassador` writes its Mappings, the filter decides requests, diagd's routes say
// where they go, before and after. Nobody with the default may notice; everybody with a variant gets it, or a warning
// has named the Mapping that serves them.

import { readFileSync } from "node:fs";

import { checkPolicy } from "../../tools/policy/check-policy.ts";
import { readPolicySource } from "../../tools/policy/policy-source.ts";
import type { Problem } from "../../tools/policy/problem.ts";

import { filterModule } from "../support/filter.ts";
import { seeded, type Random } from "../support/random.ts";
import { DiagdRoutes, type KubernetesResource, type Outcome, type RoutedRequest } from "./diagd-routes.ts";
import { randomHosts, randomMappings, randomPolicy, randomRequest, type Kinds } from "./random-mappings.ts";
import { report, type Folder } from "./run-ambassador.ts";

export interface RoutesSimulated {
  /** Sets of Mappings and a policy that were taken. */
  sets: number;
  /** Sets that the command refused: it wrote nothing, and said why. */
  refused: number;
  requests: number;
  /** Requests that a variant of the policy concerns. */
  concerned: number;
  /** Of those: the variant's service got it, with the options of the Mapping that served it before. */
  reached: number;
  /** Of those: another got it, and a warning names the Mapping. */
  warned: number;
  /** Sets with such a warning. */
  warnedSets: number;
  /** What is wrong, with all that it takes to see it again. */
  wrong: string[];
}

const KINDS: Kinds = { labels: true, redirects: true, weights: true };

/** Codes that tell of requests that do not go where the policy says. */
const TELLING = new Set(["mapping-partial", "mapping-split", "mapping-hidden"]);

/** `each`: requests a set. Stops after so many faults. */
export async function simulateRoutes(
  folder: Folder,
  { seed, sets, each, most = 20 }: { seed: number; sets: number; each: number; most?: number },
): Promise<RoutesSimulated> {
  const random = seeded(seed);
  const done: RoutesSimulated = {
    ...{ sets: 0, refused: 0, requests: 0, concerned: 0, reached: 0, warned: 0, warnedSets: 0, wrong: [] },
  };
  while (done.sets < sets && done.wrong.length < most) await simulateSet(folder, random, each, done);
  return done;
}

async function simulateSet(
  folder: Folder,
  random: Random,
  each: number,
  done: RoutesSimulated,
): Promise<void> {
  const hosts = randomHosts(random, KINDS);
  const mappings = randomMappings(random, KINDS);
  const policy = randomPolicy(random);
  const resources = [...hosts, ...mappings];
  const envoyPolicy = `${folder.path}/policy.envoy.json`;
  const {
    ok,
    problems,
    mappings: written,
  } = await report(
    folder,
    JSON.stringify(policy),
    [resources.map((one) => JSON.stringify(one)).join("\n---\n")],
    { writePolicy: envoyPolicy },
  );
  if (!ok || written === undefined) {
    done.refused++;
    if (!problems.some(({ severity }) => severity === "error"))
      done.wrong.push(`refused without a word: ${JSON.stringify({ resources, policy })}`);
    return;
  }
  done.sets++;
  const before = new DiagdRoutes(mappings, hosts);
  const after = new DiagdRoutes([...mappings, ...(written as unknown as KubernetesResource[])], hosts);
  const filter = filterFor(readFileSync(envoyPolicy, "utf8"));
  let isWarned = false;
  for (let count = 0; count < each; count++) {
    const request = randomRequest(random);
    done.requests++;
    const fault = judge(request, before, after, filter, tellingOf(problems, resources), done);
    if (fault === "warned") isWarned = true;
    else if (fault !== null) {
      const said = { fault, request: { ...request, headers: [...request.headers] }, resources, policy };
      done.wrong.push(JSON.stringify(said));
    }
  }
  if (isWarned) done.warnedSets++;
}

/** Names of Mappings that a warning is about: each is a document of one line. */
function tellingOf(problems: readonly Problem[], resources: readonly KubernetesResource[]): Set<string> {
  const told = new Set<string>();
  for (const { code, line, file, message } of problems) {
    if (!TELLING.has(code)) continue;
    const name = file.includes("mappings-") ? resources[(line - 1) / 2]?.metadata.name : undefined;
    if (name !== undefined) told.add(name);
    for (const [, other = ""] of message.matchAll(/Mapping ([^ ,:;]+)/g)) told.add(other);
  }
  return told;
}

function judge(
  request: RoutedRequest,
  before: DiagdRoutes,
  after: DiagdRoutes,
  filter: Filter,
  told: ReadonlySet<string>,
  done: RoutesSimulated,
): string | null {
  const was = before.route(request);
  const ofDefault = filter(request, false);
  const stays = after.route(ofDefault.request);
  if (namesOf(was) !== namesOf(stays))
    return `a user of the default goes to ${namesOf(stays)}, not ${namesOf(was)}`;
  const ofCanary = filter(request, true);
  const goes = after.route(ofCanary.request);
  const [leading] = ofCanary.rollouts;
  if (leading === undefined || was.live.length === 0) {
    if (namesOf(was) === namesOf(goes)) return null;
    // The redirect of a Mapping made for a variant is the same.
    if (was.redirect !== null && goes.redirect?.spec["service"] === was.redirect.spec["service"]) return null;
    return `a user whom no variant concerns goes to ${namesOf(goes)}, not ${namesOf(was)}`;
  }
  done.concerned++;
  const expected = `canary-${leading}.shop:80`;
  const options = new Set(was.live.map(({ spec }) => spec["timeout_ms"]));
  const isReached =
    goes.live.length > 0 &&
    goes.live.every(({ spec }) => spec["service"] === expected && options.has(spec["timeout_ms"]));
  if (isReached) {
    done.reached++;
    return null;
  }
  if (was.live.some(({ metadata }) => told.has(metadata.name))) {
    done.warned++;
    return "warned";
  }
  return `a user of ${leading}'s canary goes to ${namesOf(goes)}; before to ${namesOf(was)}`;
}

function namesOf({ live, redirect }: Outcome): string {
  const names = live.map(({ metadata }) => metadata.name).sort();
  return redirect === null ? names.join(" or ") || "nowhere" : `the redirect ${redirect.metadata.name}`;
}

type Filter = (
  request: RoutedRequest,
  hasIdentity: boolean,
) => { request: RoutedRequest; rollouts: string[] };

/** The request as the filter leaves it, and the rollouts that gave it another variant than the default, in order. */
function filterFor(policy: string): Filter {
  const { filter } = checkPolicy(readPolicySource("policy.json", Buffer.from(policy)), filterModule());
  if (filter === null) throw new Error(`refused: ${policy}`);
  const { vm, root } = filter;
  const order = Object.keys((JSON.parse(policy) as { rollouts: object }).rollouts);
  return (request, hasIdentity) => {
    const stream = vm.request(root, {
      headers: [
        [":authority", request.host],
        [":path", request.path],
        [":method", request.method],
        [":scheme", "http"],
        ...request.headers,
        ...(hasIdentity ? [["x-user", "anna"] as const] : []),
      ],
    });
    const headers = new Map<string, string>();
    for (const [name, value] of stream.requestHeaders.toPairs()) headers.set(name, value);
    stream.done();
    return {
      request: { ...request, headers },
      rollouts: order.filter((name) => headers.has(`x-serin-${name}`)),
    };
  };
}
