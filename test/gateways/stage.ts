// A shop behind Emissary's Envoy: three services, a policy as Kubernetes mounts it, and users who send requests.

import {
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { filterFile } from "../support/envoy/proxy.ts";
import { position, variantOf } from "../support/assignment.ts";
import type { Echo } from "../upstream/answer.ts";
import { startUpstream, type Upstream } from "../upstream/upstream.ts";
import type { Generated } from "./emissary-data.ts";

export const USERS = Array.from({ length: 40 }, (_, i) => `u${i}`);

/** Whether a user is among the first `percent`, by policy.md alone. */
export function isCanary(user: string, percent: number): boolean {
  const parts = [{ variant: "canary", begin: 0, end: position(percent) }];
  return variantOf("variant", user, parts) === "canary";
}

/** The policy for resources.yaml: its Mappings match `x-serin-variant: canary`, thus the rollout's name. */
export function policyFor({ callCluster, mirrorCluster }: Generated, percent: number): object {
  const under = (value: string): object => ({
    match: [{ path: { type: "PathPrefix", value } }],
    percent: 100,
  });
  return {
    identity: [{ header: "x-user" }],
    rollouts: {
      variant: {
        match: [{ path: { value: "/shop" } }, { path: { value: "/beta" } }],
        default: "stable",
        variants: { stable: {}, canary: { percent } },
      },
    },
    shadows: {
      called: { ...under("/shop/called"), cluster: callCluster, dispatch: "call", timeout: "5s" },
      copy: {
        ...{ ...under("/mirror"), cluster: mirrorCluster, dispatch: "mirror", timeout: "5s" },
        compare: { status: true, body: true },
      },
    },
  };
}

/** A policy that the filter refuses. */
export const BAD = {
  rollouts: { variant: { default: "stable", variants: { stable: {}, canary: { percent: 140 } } } },
};

/** A folder as kubelet mounts a ConfigMap: the file is a link through `..data`, which is swapped as a whole. */
export class ConfigMapFolder {
  readonly folder = mkdtempSync(join(tmpdir(), "serin-policy-"));
  readonly file = join(this.folder, "filter.yaml");
  #version = 0;

  constructor(policy: unknown) {
    this.put(policy);
    symlinkSync("..data/filter.yaml", this.file);
  }

  /** Unchecked, where `serin publish` would refuse. */
  put(policy: unknown): void {
    const version = `..version-${++this.#version}`;
    mkdirSync(join(this.folder, version));
    writeFileSync(join(this.folder, version, "filter.yaml"), filterFile(policy));
    const data = join(this.folder, "..data");
    const old = this.#version === 1 ? null : readlinkSync(data);
    symlinkSync(version, `${data}_tmp`);
    renameSync(`${data}_tmp`, data);
    if (old !== null) rmSync(join(this.folder, old), { recursive: true });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Shop {
  readonly stable: Upstream;
  readonly canary: Upstream;
  readonly shadow: Upstream;
  stop(): Promise<void>;
}

export async function startShop(): Promise<Shop> {
  const [stable, canary, shadow] = await Promise.all([
    startUpstream({ version: "stable" }),
    startUpstream({ version: "canary" }),
    startUpstream({ version: "shadow" }),
  ]);
  return {
    stable,
    canary,
    shadow,
    async stop() {
      await Promise.all([stable.stop(), canary.stop(), shadow.stop()]);
    },
  };
}

export interface Answer {
  readonly status: number;
  /** The service that answered; empty for Envoy itself. */
  readonly version: string;
  readonly body: string;
  /** Whether the connection was there before. */
  readonly isReused: boolean;
  /** Headers under x-serin- that arrived at the service. */
  readonly serinHeaders: readonly (readonly [string, string])[];
}

/** A client; all its requests go over one connection, which it never ends by itself. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(readonly port: number) {}

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request({ port: this.port, path, headers, agent: this.#agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const body = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            version: String(response.headers["x-version"] ?? ""),
            body,
            isReused: sent.reusedSocket,
            serinHeaders: body.startsWith("{")
              ? (JSON.parse(body) as Echo).headers.filter(([name]) => /^x-serin-/i.test(name))
              : [],
          });
        });
      });
      sent.on("error", reject);
      sent.setTimeout(30_000, () => sent.destroy(new Error(`${path}: no answer`)));
      sent.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
