// envoy/kubernetes: its resources by Kubernetes' own schemas, its policy by the filter, and its script against an API
// server that keeps one ConfigMap as Kubernetes does.

import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { parse, parseAllDocuments } from "yaml";

import { ROOT } from "./with-filter.ts";

const FOLDER = join(ROOT, "envoy/kubernetes");
const read = (file: string): string => readFileSync(join(FOLDER, file), "utf8");

/** From PyPI: the schemas of Kubernetes' own resources, and unknown fields as faults. */
const VALIDATOR = "kubernetes-validate==1.33.1";

function validator(): string {
  const folder = join(ROOT, "build/cache", VALIDATOR.replace("==", "-"));
  const program = join(folder, "bin/kubernetes-validate");
  if (!existsSync(program)) {
    execFileSync("python3", ["-m", "venv", folder], { stdio: "pipe" });
    execFileSync(join(folder, "bin/pip"), ["install", "-q", VALIDATOR], { stdio: "pipe" });
  }
  return program;
}

function faultsOf(file: string): string {
  try {
    execFileSync(validator(), ["-k", "1.33.1", "--strict", "--no-warn", file], { stdio: "pipe" });
    return "";
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    return `${stdout.toString()}${stderr.toString()}` || String(error);
  }
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly volumeMounts: readonly { name: string; mountPath: string }[];
  readonly env?: readonly object[];
}

interface Pod {
  readonly serviceAccountName?: string;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { name: string; configMap?: { name: string } }[];
}

interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: { template?: { spec: Pod }; jobTemplate?: { spec: { template: { spec: Pod } } } };
  readonly rules?: readonly object[];
}

const resourcesOf = (file: string): Resource[] =>
  parseAllDocuments(read(file), { merge: true }).map((document) => document.toJS() as Resource);
const podOf = ({ spec }: Resource): Pod | undefined =>
  spec?.template?.spec ?? spec?.jobTemplate?.spec.template.spec;

describe("resources", () => {
  for (const file of ["advance.yaml", "cronjob.yaml", "envoy.yaml"]) {
    test(`${file} is as Kubernetes has it`, () => {
      // Anchors are for people: the validator, like kubectl, reads documents one by one.
      assert.equal(faultsOf(join(FOLDER, file)), "");
      const misspelt = join(mkdtempSync(join(tmpdir(), "serin-kubernetes-")), file);
      writeFileSync(misspelt, read(file).replace("volumeMounts:", "volumeMount:"));
      assert.match(faultsOf(misspelt), /volumeMount/);
    });

    test(`${file}: each mount has its volume`, () => {
      for (const pod of resourcesOf(file).flatMap((resource) => podOf(resource) ?? [])) {
        const volumes = pod.volumes.map(({ name }) => name);
        for (const { volumeMounts } of [...(pod.initContainers ?? []), ...pod.containers]) {
          for (const { name } of volumeMounts) assert.ok(volumes.includes(name), name);
        }
      }
    });
  }

  test("the controller may read and write one ConfigMap, the one that Envoys mount", () => {
    const [role] = resourcesOf("advance.yaml").filter(({ kind }) => kind === "Role");
    assert.deepEqual(role?.rules, [
      {
        apiGroups: [""],
        resources: ["configmaps"],
        resourceNames: ["serin-policy"],
        verbs: ["get", "update"],
      },
    ]);
    const mounts = (file: string, name: string): unknown =>
      resourcesOf(file)
        .flatMap((resource) => podOf(resource)?.volumes ?? [])
        .find((volume) => volume.name === name)?.configMap?.name;
    assert.equal(mounts("envoy.yaml", "serin-policy"), "serin-policy");
    const emissary = parse(readFileSync(join(ROOT, "envoy/emissary/deployment.yaml"), "utf8")) as Resource;
    assert.ok(podOf(emissary)?.volumes.some(({ configMap }) => configMap?.name === "serin-policy"));
  });

  test("the script is mounted under the name that kustomize gives it", () => {
    const { configMapGenerator, generatorOptions } = parse(read("kustomization.yaml")) as {
      configMapGenerator: { name: string; files: string[] }[];
      generatorOptions?: { disableNameSuffixHash?: boolean };
    };
    // kubectl rewrites the names of what it applies together, and cronjob.yaml is applied by itself.
    assert.equal(generatorOptions?.disableNameSuffixHash, true);
    assert.deepEqual(configMapGenerator, [{ name: "serin-scripts", files: ["configmap.mjs"] }]);
    for (const file of ["advance.yaml", "cronjob.yaml"]) {
      const volumes = resourcesOf(file).flatMap((resource) => podOf(resource)?.volumes ?? []);
      assert.ok(
        volumes.some(({ configMap }) => configMap?.name === "serin-scripts"),
        file,
      );
    }
  });

  test("beside advance, a container takes what a person changes in the ConfigMap", () => {
    const { containers = [] } = resourcesOf("advance.yaml").flatMap((each) => podOf(each) ?? [])[0] ?? {};
    const [advance, sync] = containers;
    assert.deepEqual(
      containers.map(({ name }) => name),
      ["advance", "sync"],
    );
    assert.deepEqual(sync?.command, ["node", "/serin/scripts/configmap.mjs", "watch", "/work"]);
    assert.deepEqual([sync.env, sync.volumeMounts], [advance?.env, advance?.volumeMounts]);
  });

  test("advance asks Prometheus for one fleet", () => {
    for (const file of ["advance.yaml", "cronjob.yaml"]) {
      const [advance] = resourcesOf(file).flatMap((resource) => podOf(resource)?.containers ?? []);
      assert.match(
        [...(advance?.args ?? []), ...(advance?.command ?? [])].join(" "),
        / --match '?namespace="/,
      );
    }
  });

  test("one image everywhere, of this version", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    const images = ["advance.yaml", "cronjob.yaml"]
      .flatMap(resourcesOf)
      .flatMap((resource) => podOf(resource) ?? [])
      .flatMap(({ initContainers = [], containers }) => [...initContainers, ...containers])
      .map(({ image }) => image);
    assert.deepEqual([...new Set(images)], [`serin:${version}`]);
    assert.match(read("README.md"), new RegExp(`-t serin:${version} `));
  });
});

describe("what is written for people to run", () => {
  const folder = mkdtempSync(join(tmpdir(), "serin-kubernetes-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A shell in `cwd` where `programs` are scripts of these texts. */
  function shell(script: string, cwd: string, programs: Record<string, string>, env: object = {}): string {
    const bin = mkdtempSync(join(folder, "bin-"));
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    return execFileSync("sh", ["-ec", script], {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}`, ...env },
    });
  }

  test("the README's commands publish the policy, and name files that are there", () => {
    const blocks = [...read("README.md").matchAll(/^ *```sh by=\S+\n([^]*?)^ *```$/gm)].map(
      ([, text]) => text,
    );
    assert.equal(blocks.length, 3);
    const look =
      'for each; do case "$each" in --from-file=*) test -s "${each#*=}";; esac; done; echo "$0 $*"';
    const said = shell(blocks.join(""), ROOT, {
      kubectl: look,
      docker: 'test -s "$5"; echo "$0 $*"',
      // Building is another test's: here it would build under the others' feet.
      npm: 'grep -q "\\"$3\\":" package.json',
    });
    assert.match(said, /kubectl create configmap serin-policy/);
    assert.match(said, /kubectl apply -k envoy\/kubernetes/);
    assert.match(readFileSync(join(ROOT, "build/filter.yaml"), "utf8"), /\/serin\/wasm\/serin\.wasm/);
  });

  test("the CronJob fails only where nothing could be read or published", () => {
    const [job] = resourcesOf("cronjob.yaml");
    const command = job === undefined ? [] : (podOf(job)?.containers[0]?.command ?? []);
    assert.deepEqual(command.slice(0, 2), ["sh", "-c"]);
    for (const [code, isFailed] of [
      [0, false],
      [1, false],
      [3, false],
      [2, true],
    ] as const) {
      const script = (): string =>
        shell(`sh -c '${(command[2] ?? "").replaceAll("'", "'\\''")}'`, folder, { node: `exit ${code}` });
      if (isFailed) assert.throws(script);
      else script();
    }
  });

  test("the workflow makes a commit of each step, with its reason, and none of nothing", () => {
    const { jobs } = parse(read("github-workflow.yaml")) as {
      jobs: { advance: { steps: { name?: string; run?: string }[] } };
    };
    const run = jobs.advance.steps.find(({ name }) => name === "advance")?.run ?? "";
    const remote = join(folder, "remote.git");
    const clone = join(folder, "clone");
    execFileSync("git", ["init", "-q", "--bare", remote]);
    execFileSync("git", ["clone", "-q", remote, clone], { stdio: "pipe" });
    // What `advance` does: it runs the text after --on-change for each change, and ends with a status.
    const advance = (status: number, ...runs: readonly (readonly [edit: string, ...string[]])[]): string =>
      `[ "$1 $2" = "serin advance" ] || exit 9
while [ "$1" != --on-change ]; do shift; done
${runs
  .map(([edit, rollout = "", from = "", to = "", reason = "start"]) => {
    const env = `SERIN_ROLLOUT='${rollout}' SERIN_FROM='${from}' SERIN_TO='${to}' SERIN_REASON='${reason}'`;
    return `${edit}\n${env} sh -c "$2" || exit 2`;
  })
  .join("\n")}
exit ${status}`;
    const edits = (policy: string): string =>
      `echo '${policy}' > policy.yaml; echo 'of ${policy}' > filter.yaml`;
    const within = "within the limit";
    const start = [":"] as const;
    for (const npx of [
      advance(3, [edits("percent: 1"), "checkout", "", "1", "begins"], start),
      advance(3, [edits("percent: 5"), "checkout", "1", "5", within], start),
      advance(1, start),
      advance(1, [edits("state: DISABLED"), "search", "2.5", "DISABLED", "worse"], start),
      advance(1, ["echo 'of another module' > filter.yaml"]),
    ]) {
      shell(run, clone, { npx });
    }
    const log = execFileSync("git", ["--git-dir", remote, "log", "--all", "--reverse", "--format=%s|%b"], {
      encoding: "utf8",
    });
    assert.deepEqual(log.trim().split(/\n+/), [
      "release(checkout): 1%|begins",
      `release(checkout): 1% to 5%|${within}`,
      "release(search): 2.5% to DISABLED|worse",
      "policy: published again|start",
    ]);
    assert.throws(() => shell(run, clone, { npx: "exit 2" }));
  });
});

/** As much of the API server as concerns one ConfigMap. */
class ApiServer {
  stored: { metadata: { resourceVersion: string; labels: object }; data: Record<string, string> };
  writes = 0;
  reads = 0;
  /** Happens once, between what a reader gets and when it gets that. */
  meanwhile: (() => void) | null = null;
  /** Somebody else writes between the next read and what follows it. */
  race: Record<string, string> | null = null;
  readonly #server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (request.headers.authorization !== "Bearer secret") return answer(401, { message: "Unauthorized" });
    if (request.url !== "/api/v1/namespaces/shop/configmaps/serin-policy") {
      return answer(404, { message: `${request.url ?? ""} not found` });
    }
    if (request.method === "GET") {
      this.reads++;
      const { stored } = this;
      this.meanwhile?.();
      this.meanwhile = null;
      answer(200, stored);
      if (this.race !== null) this.edit(this.race);
      this.race = null;
      return undefined;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as ApiServer["stored"];
      if (body.metadata.resourceVersion !== this.stored.metadata.resourceVersion) {
        return answer(409, { message: "the object has been modified" });
      }
      this.stored = body;
      this.#bump();
      this.writes++;
      return answer(200, this.stored);
    });
    return undefined;
  });

  constructor() {
    this.stored = {
      metadata: { resourceVersion: "1", labels: { of: "ours" } },
      data: { "policy.yaml": "percent: 1\n", "filter.yaml": "filter of 1\n", "notes.txt": "by a person" },
    };
  }

  edit(data: Record<string, string>): void {
    this.stored = { ...this.stored, data: { ...this.stored.data, ...data } };
    this.#bump();
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
  }

  #bump(): void {
    const resourceVersion = String(Number(this.stored.metadata.resourceVersion) + 1);
    this.stored = { ...this.stored, metadata: { ...this.stored.metadata, resourceVersion } };
  }
}

describe("configmap.mjs", () => {
  let api: ApiServer;
  let origin: string;
  const folder = mkdtempSync(join(tmpdir(), "serin-configmap-"));
  const account = join(folder, "account");
  const work = join(folder, "work");
  const own = (file: string): string => readFileSync(join(work, file), "utf8");

  beforeEach(async () => {
    api?.stop();
    api = new ApiServer();
    origin = await api.start();
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(account, { recursive: true });
    mkdirSync(work);
    writeFileSync(join(account, "token"), "secret\n");
    writeFileSync(join(account, "namespace"), "shop");
  });
  after(() => {
    api.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function run(...args: string[]): Promise<{ status: number; stderr: string }> {
    const env = { ...process.env, SERVICE_ACCOUNT: account, KUBERNETES_API: origin };
    return new Promise((resolve) =>
      execFile(
        process.execPath,
        [join(FOLDER, "configmap.mjs"), ...args],
        { env, encoding: "utf8" },
        (error, _, stderr) => resolve({ status: error === null ? 0 : Number(error.code), stderr }),
      ),
    );
  }

  test("brings the policy to the folder and a step back, and leaves all else as it is", async () => {
    assert.deepEqual(await run("pull", work), { status: 0, stderr: "" });
    assert.deepEqual([own("policy.yaml"), own("filter.yaml")], ["percent: 1\n", "filter of 1\n"]);
    writeFileSync(join(work, "policy.yaml"), "percent: 5\n");
    writeFileSync(join(work, "filter.yaml"), "filter of 5\n");
    assert.deepEqual(await run("push", work), { status: 0, stderr: "" });
    assert.deepEqual(api.stored.data, {
      "policy.yaml": "percent: 5\n",
      "filter.yaml": "filter of 5\n",
      "notes.txt": "by a person",
    });
    assert.deepEqual(api.stored.metadata.labels, { of: "ours" });
    // Again, as at each start of the controller: nothing is written.
    assert.equal((await run("push", work)).status, 0);
    assert.equal(api.writes, 1);
    // A published file that is missing or old is written, the policy being the same.
    api.edit({ "filter.yaml": "old" });
    assert.equal((await run("push", work)).status, 0);
    assert.equal(api.stored.data["filter.yaml"], "filter of 5\n");
  });

  test("somebody else's change wins, and is what goes on from then", async () => {
    await run("pull", work);
    writeFileSync(join(work, "policy.yaml"), "percent: 5\n");
    api.edit({ "policy.yaml": "percent: 0 # stopped by hand\n" });
    const refused = await run("push", work);
    assert.equal(refused.status, 1);
    assert.match(
      refused.stderr,
      /^configmap serin-policy: the policy was changed by somebody else: theirs is taken\n$/,
    );
    assert.equal(own("policy.yaml"), "percent: 0 # stopped by hand\n");
    writeFileSync(join(work, "filter.yaml"), "filter of 0\n");
    assert.equal((await run("push", work)).status, 0);
    assert.equal(api.stored.data["policy.yaml"], "percent: 0 # stopped by hand\n");
    assert.equal(api.stored.data["filter.yaml"], "filter of 0\n");
  });

  test("a change between its read and its write is not overwritten", async () => {
    await run("pull", work);
    writeFileSync(join(work, "policy.yaml"), "percent: 5\n");
    api.race = { "policy.yaml": "percent: 0\n" };
    const refused = await run("push", work);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /the object has been modified/);
    assert.equal(api.stored.data["policy.yaml"], "percent: 0\n");
    assert.match((await run("push", work)).stderr, /theirs is taken/);
  });

  test("killed while it takes a change, it does not overwrite that one", async () => {
    await run("pull", work);
    api.edit({ "policy.yaml": "percent: 0\n" });
    // The last file cannot be put in its place: what was written before it is what a killed process leaves.
    for (const file of ["policy.yaml", ".base.yaml"]) {
      const old = readFileSync(join(work, file));
      rmSync(join(work, file));
      mkdirSync(join(work, file));
      await run("pull", work);
      rmSync(join(work, file), { recursive: true });
      writeFileSync(join(work, file), old);
      await run("push", work);
      await run("push", work);
      assert.equal(api.stored.data["policy.yaml"], "percent: 0\n", file);
    }
  });

  test("knows that the policy is the same here and there, whoever made it so", async () => {
    await run("pull", work);
    for (const action of ["push", "watch"]) {
      writeFileSync(join(work, ".base.yaml"), "older\n");
      if (action === "push") assert.equal((await run("push", work)).status, 0);
      else await watching(() => own(".base.yaml") !== "older\n");
      assert.equal(own(".base.yaml"), "percent: 1\n", action);
    }
  });

  /** `watch`, until something holds; what it has said. */
  async function watching(...conditions: readonly (() => boolean)[]): Promise<string> {
    const env = { ...process.env, SERVICE_ACCOUNT: account, KUBERNETES_API: origin };
    const child = spawn(process.execPath, [join(FOLDER, "configmap.mjs"), "watch", work, "0.05"], { env });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    try {
      for (const condition of conditions) {
        const end = Date.now() + 20_000;
        while (!condition()) {
          assert.ok(Date.now() < end && child.exitCode === null, `${String(condition)}; said: ${said}`);
          await sleep(20);
        }
      }
    } finally {
      child.kill();
    }
    return said;
  }

  test("watch takes what a person changes, the mend of an invalid text too", async () => {
    await run("pull", work);
    let looks = 0;
    const said = await watching(
      () => {
        api.edit({ "policy.yaml": "percent: zero\n" });
        return true;
      },
      () => own(".base.yaml") === "percent: zero\n",
      () => {
        assert.equal(own("policy.yaml"), "percent: zero\n");
        api.edit({ "policy.yaml": "percent: 0\n" });
        return true;
      },
      () => own(".base.yaml") === "percent: 0\n",
      () => ++looks > 10,
    );
    assert.equal(own("policy.yaml"), "percent: 0\n");
    assert.equal(
      said,
      "configmap serin-policy: the policy was changed by somebody else: theirs is taken\n".repeat(2),
    );
    assert.equal(api.writes, 0);
  });

  test("watch leaves an own change for its push", async () => {
    await run("pull", work);
    writeFileSync(join(work, "policy.yaml"), "percent: 5\n");
    api.edit({ "policy.yaml": "percent: 0\n" });
    const before = api.reads;
    await watching(() => api.reads > before + 3);
    assert.deepEqual([own("policy.yaml"), own(".base.yaml")], ["percent: 5\n", "percent: 1\n"]);
    assert.match((await run("push", work)).stderr, /theirs is taken/);
  });

  test("watch does not take back what is pushed while it looks", async () => {
    await run("pull", work);
    // What it reads is the text from before the push.
    api.meanwhile = () => {
      for (const file of ["policy.yaml", ".base.yaml"]) writeFileSync(join(work, file), "percent: 5\n");
      api.edit({ "policy.yaml": "percent: 5\n" });
    };
    const before = api.reads;
    const said = await watching(() => api.reads > before + 3);
    assert.deepEqual([said, own("policy.yaml")], ["", "percent: 5\n"]);
  });

  test("watch says once what does not work, and goes on", async () => {
    await run("pull", work);
    const { data } = api.stored;
    api.stored.data = { "policy.yaml": "percent: 0\n" };
    const before = api.reads;
    const said = await watching(
      () => api.reads > before + 4,
      () => {
        api.stored.data = { ...data, "policy.yaml": "percent: 0\n" };
        return true;
      },
      () => own(".base.yaml") === "percent: 0\n",
    );
    assert.equal(
      said,
      "configmap serin-policy: it has no filter.yaml\n" +
        "configmap serin-policy: the policy was changed by somebody else: theirs is taken\n",
    );
  });

  test("what does not work is one line", async () => {
    api.stored.data = { "policy.yaml": "" };
    assert.match((await run("pull", work)).stderr, /^configmap serin-policy: it has no filter\.yaml\n$/);
    writeFileSync(join(account, "token"), "another");
    assert.match((await run("pull", work)).stderr, /^configmap serin-policy: Unauthorized\n$/);
    api.stop();
    origin = "http://127.0.0.1:1";
    assert.match((await run("pull", work)).stderr, /^configmap serin-policy: fetch failed: .*\n$/);
    assert.match((await run("push")).stderr, /^configmap serin-policy: usage: /);
  });
});
