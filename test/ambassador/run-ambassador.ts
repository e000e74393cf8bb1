// `serin ambassador` inside of the test's own process, on files of a folder of its own.

import { PassThrough, Readable } from "node:stream";

import { ambassador, type AmbassadorOptions } from "../../tools/commands/ambassador.ts";
import { colorsOf, type Terminal } from "../../tools/terminal/terminal.ts";
import type { Problem } from "../../tools/policy/problem.ts";
import type { TemporaryFolder } from "../support/cli.ts";

/** Where its files go. */
export type Folder = Pick<TemporaryFolder, "path" | "write">;

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Given = Partial<AmbassadorOptions> & { readonly stdin?: string };

/** Runs the command; text is written to a file first. */
export async function run(
  folder: Folder,
  policy: string,
  mappings: readonly string[],
  { stdin = "", ...given }: Given = {},
): Promise<Ran> {
  const policyFile = folder.write(policy.startsWith("{") ? "policy.json" : "policy.yaml", policy);
  const files = mappings.map((text, index) =>
    text === "-" ? "-" : folder.write(`mappings-${index}.yaml`, text),
  );
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const terminal: Terminal = {
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout,
    stderr,
    colors: colorsOf(stdout),
    errorColors: colorsOf(stderr),
  };
  const options: AmbassadorOptions = {
    policy: policyFile,
    check: false,
    whole: false,
    oldSecret: [],
    namespace: "default",
    json: false,
    allowWarnings: false,
    ...given,
  };
  const status = await ambassador(files, options, terminal);
  return { status, stdout: String(stdout.read() ?? ""), stderr: String(stderr.read() ?? "") };
}

/** What a run with `--json` says. */
export interface Report {
  readonly ok: boolean;
  readonly mappings?: { metadata: { name: string }; spec: Record<string, unknown> }[];
  readonly obsolete?: { namespace: string; name: string }[];
  readonly clusters?: { pointer: string; service: string; cluster: string }[];
  readonly problems: Problem[];
}

export async function report(
  folder: Folder,
  policy: string,
  mappings: readonly string[],
  given: Given = {},
): Promise<Report> {
  const { stdout } = await run(folder, policy, mappings, { ...given, json: true });
  return JSON.parse(stdout) as Report;
}

export const POLICY = `identity: [{ cookie: uid }]
rollouts:
  checkout: # the new one
    headerSecret: 4Zq8vK1x0sTn7LbE
    match: [{ hosts: [shop.example.com], path: { value: /checkout } }]
    default: stable
    variants:
      stable: {}
      canary: { percent: 5, service: "checkout-v2:8080" } # of team B
`;

export const MAPPINGS = `# What the shop had before.
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata:
  name: checkout
  namespace: shop
  labels: { team: b, app.kubernetes.io/managed-by: Helm }
spec:
  hostname: shop.example.com
  prefix: /checkout/
  service: checkout:8080
  timeout_ms: 4000 # the bank is slow
  weight: 100
  docs: { path: /docs }
---
apiVersion: getambassador.io/v2
kind: Mapping
metadata: { name: search, namespace: shop }
spec: { prefix: /search/, service: search }
---
apiVersion: v1
kind: Service
metadata: { name: checkout }
`;
