// The folder that is applied: one hash everywhere, ConfigMaps that Kubernetes takes, and what kustomize makes of it.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { parse, parseAllDocuments } from "yaml";

import { configMap, CONFIG_MAP_BYTES, makeFolder, wasmFileName } from "../../tools/commands/emissary.ts";
import { CommandError } from "../../tools/terminal/command-error.ts";
import { WASM } from "../support/filter.ts";
import { ROOT } from "./with-filter.ts";

const POLICY = join(ROOT, "envoy/emissary/policy.yaml");
const base = mkdtempSync(join(tmpdir(), "serin-folder-"));
after(() => rmSync(base, { recursive: true, force: true }));

interface Map {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Record<string, string>;
  readonly binaryData?: Record<string, string>;
}

interface Values {
  readonly env: Readonly<Record<string, string>>;
  readonly envRaw?: string;
  readonly volumes: object[];
  readonly volumeMounts: object[];
}

/** What kubectl keeps beside each resource that it applies by itself; `--server-side` does not. */
const ANNOTATION_BYTES = 262_144;

for (const way of ["hook", "sidecar"] as const) {
  describe(`the folder for the ${way}`, () => {
    const folder = join(base, way);
    const read = (name: string): string => readFileSync(join(folder, name), "utf8");
    const module = readFileSync(WASM);
    const wasm = `serin-${createHash("sha256").update(module).digest("hex").slice(0, 12)}.wasm`;

    test("names the module by its hash, everywhere", async () => {
      assert.deepEqual(await makeFolder(POLICY, folder, way), { wasm, older: [] });
      assert.equal(wasmFileName(module), wasm);
      assert.ok(readFileSync(join(folder, wasm)).equals(module));
      for (const name of readdirSync(folder)) assert.ok(!read(name).includes("serin-HASH"), name);
      const path = `/serin/wasm/${wasm}`;
      const published = parse(read("filter.yaml")).resources[0].typed_config.config;
      assert.equal(published.vm_config.code.local.filename, path);
      assert.equal(parse(read("values.yaml")).env.SERIN_WASM, path);
    });

    test("Helm's values and the patch say the same", () => {
      const values = parse(read("values.yaml")) as Values;
      const pod = parse(read("deployment.yaml")).spec.template.spec;
      const container = pod.containers[0] as { env: { name: string }[]; volumeMounts: object[] };
      const env = Object.entries(values.env).map(([name, value]) => ({
        name,
        value: String(value),
      }));
      const raw = parse(values.envRaw ?? "[]") as { name: string }[];
      const byName = (list: { name: string }[]): unknown =>
        [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
      assert.deepEqual(byName([...env, ...raw]), byName(container.env));
      assert.deepEqual(values.volumes, pod.volumes);
      assert.deepEqual(values.volumeMounts, container.volumeMounts);
      // The chart writes the names of `env` in capitals.
      for (const { name } of env) assert.equal(name, name.toUpperCase());
    });

    test("its ConfigMaps hold the files, are small enough, and no mount lacks its own", () => {
      const maps = parseAllDocuments(read("configmaps.yaml")).map((document) => document.toJS() as Map);
      assert.deepEqual(
        maps.map(({ metadata }) => metadata.name),
        ["serin-hook", "serin-wasm", "serin-policy"],
      );
      for (const map of maps) {
        const files = [
          ...Object.entries(map.data ?? {}).map(([name, text]) => [name, Buffer.from(text)] as const),
          ...Object.entries(map.binaryData ?? {}).map(
            ([name, text]) => [name, Buffer.from(text, "base64")] as const,
          ),
        ];
        for (const [name, content] of files) {
          assert.ok(readFileSync(join(folder, name)).equals(content), `${map.metadata.name}/${name}`);
        }
        assert.ok(files.reduce((sum, [, content]) => sum + content.length, 0) < CONFIG_MAP_BYTES);
        assert.ok(JSON.stringify(map).length < ANNOTATION_BYTES, `${map.metadata.name}: needs --server-side`);
      }
      const named = (parse(read("values.yaml")).volumes as { configMap: { name: string } }[]).map(
        (volume) => volume.configMap.name,
      );
      assert.deepEqual(new Set(named), new Set(maps.map(({ metadata }) => metadata.name)));
    });

    test("programs can be executed", () => {
      for (const name of way === "sidecar" ? ["serin-insert", "envoy"] : []) {
        assert.equal(spawnSync("test", ["-x", join(folder, name)]).status, 0, name);
      }
    });

    test("kustomize makes new pods of a new hook or module, and keeps the policy's name", () => {
      if (spawnSync("kubectl", ["version", "--client"]).status !== 0) {
        console.log("no kubectl here: kustomize is not run");
        return;
      }
      writeFileSync(join(base, "kustomization.yaml"), `resources: [emissary.yaml]\ncomponents: [${way}]\n`);
      const container = { name: "emissary-ingress", image: "x", env: [{ name: "HOST_IP", value: "1" }] };
      const template = { metadata: { labels: { a: "b" } }, spec: { containers: [container] } };
      const deployment = {
        ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "emissary-ingress" } },
        spec: { selector: { matchLabels: { a: "b" } }, template },
      };
      writeFileSync(join(base, "emissary.yaml"), JSON.stringify(deployment));
      const text = execFileSync("kubectl", ["kustomize", base], { encoding: "utf8", maxBuffer: 1 << 24 });
      const made = parseAllDocuments(text).map((document) => document.toJS() as Map);
      const names = made.filter(({ kind }) => kind === "ConfigMap").map(({ metadata }) => metadata.name);
      const [hook, policy, modules] = names.sort();
      assert.match(hook ?? "", /^serin-hook-[a-z0-9]{10}$/);
      assert.equal(policy, "serin-policy");
      assert.match(modules ?? "", /^serin-wasm-[a-z0-9]{10}$/);
      const pod = (made.find(({ kind }) => kind === "Deployment") as unknown as typeof deployment).spec
        .template.spec;
      const { volumes, containers } = pod as unknown as {
        volumes: { configMap: { name: string } }[];
        containers: { env: { name: string; value: string }[] }[];
      };
      assert.deepEqual(new Set(volumes.map((volume) => volume.configMap.name)), new Set(names));
      const env = new Map(containers[0]?.env.map(({ name, value }) => [name, value]));
      assert.equal(env.get("SERIN_WASM"), `/serin/wasm/${wasm}`);
      assert.equal(env.get("HOST_IP"), "1");
      const held = made.find(({ metadata }) => metadata.name === modules)?.binaryData?.[wasm];
      assert.ok(Buffer.from(held ?? "", "base64").equals(module));
    });

    test("an older module stays beside the new one", async () => {
      const name = wasmFileName(Buffer.from("\0asm old"));
      writeFileSync(join(folder, name), "\0asm old");
      const { older } = await makeFolder(POLICY, folder, way);
      assert.deepEqual(older, [name]);
      assert.ok(read("kustomization.yaml").includes(`files: [${wasm}, ${name}]`));
      assert.ok(read("configmaps.yaml").includes(`${name}:`));
    });

    test("an older module that was cut is not given to pods", async () => {
      const cut = join(folder, "serin-0123456789ab.wasm");
      const before = read("configmaps.yaml");
      writeFileSync(cut, "\0asm cut");
      await assert.rejects(makeFolder(POLICY, folder, way), (error) => {
        assert.ok(error instanceof CommandError);
        assert.match(error.message, /serin-0123456789ab\.wasm: its name has another SHA-256/);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
      assert.equal(read("configmaps.yaml"), before);
      rmSync(cut);
    });

    test("a policy that is refused leaves the one that is there", async () => {
      const before = read("filter.yaml");
      writeFileSync(join(base, "bad.yaml"), "rollouts: { a: { default: x } }\n");
      await assert.rejects(makeFolder(join(base, "bad.yaml"), folder, way), /the policy is invalid/);
      assert.equal(read("filter.yaml"), before);
    });
  });
}

test("what no ConfigMap may hold is told", () => {
  assert.throws(
    () => configMap("x", new Map([["a", Buffer.alloc(CONFIG_MAP_BYTES + 1)]])),
    /1048577 bytes exceed its limit of 1048576 bytes/,
  );
  configMap("x", new Map([["a", Buffer.alloc(CONFIG_MAP_BYTES)]]));
});
