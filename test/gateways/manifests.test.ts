// What kustomize and Helm make of the folder that `serin emissary` generates. Both are used where they are: named by
// KUSTOMIZE and HELM, on the PATH, or where `go install` puts them. The chart is that of EMISSARY_SRC, else a small one
// that treats the same values alike.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { parseAllDocuments } from "yaml";

import { makeFolder } from "../../tools/commands/emissary.ts";
import { ROOT } from "./with-filter.ts";

const POLICY = join(ROOT, "envoy/emissary/policy.yaml");
const base = mkdtempSync(join(tmpdir(), "serin-manifests-"));
after(() => rmSync(base, { recursive: true, force: true }));

/** The program, or null with a word on how to get it. */
function found(name: string, module: string, version: string): string | null {
  const named = process.env[name.toUpperCase()];
  const places = [...(named === undefined ? [name] : [named]), join(homedir(), "go/bin", name)];
  const program = places.find((one) => spawnSync(one, [version]).status === 0);
  if (program === undefined) console.log(`no ${name} here, it is not run: go install ${module}`);
  return program ?? null;
}

const kustomize = found("kustomize", "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1", "version");
const helm = found("helm", "helm.sh/helm/v3/cmd/helm@latest", "version");

interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}
interface Pod {
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly template: { readonly spec: Pod } };
}

function manifestsOf(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
}

/** The pod of Emissary, which has what the way needs; mounts of ConfigMaps by name. */
function checkPod(manifests: readonly Manifest[], way: string, wasm: string): string[] {
  const pods = manifests.filter(({ kind }) => kind === "Deployment").map(({ spec }) => spec.template.spec);
  const pod = pods.find(({ containers }) =>
    containers.some(({ env }) => env?.some(({ name }) => name === "SERIN_WASM")),
  );
  assert.ok(pod, "no container has SERIN_WASM");
  const [container] = pod.containers;
  const env = new Map(container?.env.map(({ name, value }) => [name, value]));
  assert.equal(env.get("SERIN_WASM"), `/serin/wasm/${wasm}`);
  assert.equal(env.get("SERIN_POLICY"), "/serin/policy/filter.yaml");
  if (way === "hook") assert.equal(env.get("PYTHONPATH"), "/serin/hook");
  else assert.equal(env.get("envoy_config_file"), "/ambassador/envoy-raw.json");
  const mounts = container?.volumeMounts.filter(({ name }) => name.startsWith("serin-")) ?? [];
  const volumes = new Map(pod.volumes.map(({ name, configMap }) => [name, configMap?.name]));
  assert.ok(mounts.length >= 3);
  return mounts.map(({ name }) => volumes.get(name) ?? assert.fail(`${name} is mounted and no volume`));
}

/** What the chart does with these values (charts/emissary-ingress/templates/deployment.yaml of 4.1.0). */
const SMALL_CHART = `apiVersion: apps/v1
kind: Deployment
metadata: { name: emissary-ingress }
spec:
  template:
    spec:
      volumes:
        {{- with .Values.volumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      containers:
        - name: emissary-ingress
          env:
            {{- range $key, $value := .Values.env }}
            - name: {{ $key | upper | quote }}
              value: {{ $value | quote }}
            {{- end }}
            {{- if .Values.envRaw }}
              {{- tpl .Values.envRaw . | nindent 12 }}
            {{- end }}
          volumeMounts:
            {{- with .Values.volumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
`;

function chart(): string {
  const theirs = join(process.env["EMISSARY_SRC"] ?? "", "charts/emissary-ingress");
  if (process.env["EMISSARY_SRC"] !== undefined && existsSync(theirs)) return theirs;
  const folder = join(base, "chart");
  mkdirSync(join(folder, "templates"), { recursive: true });
  writeFileSync(join(folder, "Chart.yaml"), "apiVersion: v2\nname: small\nversion: 0.0.0\n");
  writeFileSync(join(folder, "templates/deployment.yaml"), SMALL_CHART);
  return folder;
}

for (const way of ["hook", "sidecar"] as const) {
  describe(`the folder for the ${way}`, () => {
    const folder = join(base, way);

    test("is a component that kustomize builds", async () => {
      const { wasm } = await makeFolder(POLICY, folder, way);
      if (kustomize === null) return;
      const container = { name: "emissary-ingress", image: "x", env: [{ name: "HOST_IP", value: "1" }] };
      const emissary = {
        ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "emissary-ingress" } },
        spec: { template: { metadata: { labels: { a: "b" } }, spec: { containers: [container] } } },
      };
      writeFileSync(join(base, "emissary.yaml"), JSON.stringify(emissary));
      writeFileSync(join(base, "kustomization.yaml"), `resources: [emissary.yaml]\ncomponents: [${way}]\n`);
      const text = execFileSync(kustomize, ["build", base], { encoding: "utf8", maxBuffer: 1 << 24 });
      const made = manifestsOf(text);
      const maps = made.filter(({ kind }) => kind === "ConfigMap").map(({ metadata }) => metadata.name);
      assert.deepEqual(new Set(checkPod(made, way, wasm)), new Set(maps));
    });

    test("has values that Helm's chart takes", async () => {
      const { wasm } = await makeFolder(POLICY, folder, way);
      if (helm === null) return;
      const values = join(folder, "values.yaml");
      const given = ["template", "emissary", chart(), "--kube-version", "1.30.0", "-f", values];
      const made = manifestsOf(execFileSync(helm, given, { encoding: "utf8", maxBuffer: 1 << 24 }));
      const named = new Set(checkPod(made, way, wasm));
      assert.deepEqual(named, new Set(["serin-hook", "serin-wasm", "serin-policy"]));
    });
  });
}
