// What Envoy watches is replaced whole or not at all, and an operator's settings survive.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { describe, it } from "node:test";

import { parse } from "yaml";

import { writeWhole } from "../../tools/terminal/write-whole.ts";
import { POLICY, runCli, temporaryFolder } from "../support/cli.ts";
import { WASM } from "../support/filter.ts";

/** The parts of a resource file that the tests look at. */
interface Resource {
  version_info: string;
  resources: { "@type": string; name: string; typed_config?: Typed; typedConfig?: Typed }[];
}
interface Typed {
  config: { configuration: { "@type": string; value: string }; [setting: string]: unknown };
}

describe("publish", () => {
  const folder = temporaryFolder();
  const policy = folder.write("policy.yaml", POLICY);
  const refused = folder.write("refused.yaml", POLICY.replace("50", "500"));
  const target = (name: string) => `${folder.path}/${name}`;
  const resourceOf = (text: string) => parse(text) as Resource;
  const configOf = (file: string) =>
    resourceOf(readFileSync(file, "utf8")).resources[0]?.typed_config?.config ?? assert.fail("no config");

  it("writes a new resource that Envoy can load, with the policy as JSON text in it", async () => {
    const to = target("new.yaml");
    const { status, stdout, stderr } = await runCli(["publish", policy, "--to", to]);
    assert.equal(status, 0, stderr);
    assert.match(
      stdout,
      /new\.yaml: published .*policy\.yaml \(\d+ bytes, version sha256-[0-9a-f]{16}\), new file\n/,
    );
    const text = readFileSync(to, "utf8");
    const { version_info: version, resources } = resourceOf(text);
    assert.match(version, /^sha256-/);
    assert.equal(resources.length, 1);
    assert.equal(resources[0]?.["@type"], "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig");
    assert.equal(resources[0]?.name, "serin");
    const { configuration, ...config } = configOf(to);
    assert.deepEqual(config, {
      name: "serin",
      root_id: "serin",
      vm_config: { vm_id: "serin", runtime: "envoy.wasm.runtime.v8", code: { local: { filename: WASM } } },
      failure_policy: "FAIL_RELOAD",
      reload_config: { backoff: { base_interval: "0.1s" } },
    });
    assert.equal(configuration["@type"], "type.googleapis.com/google.protobuf.StringValue");
    assert.equal(JSON.parse(configuration.value).rollouts.checkout.variants.canary.percent, 50);
    assert.match(text, /^ +value: \|$/m, "people can read it");
  });

  it("takes the settings of a new file from its options", async () => {
    const to = target("options.json");
    const parameters = ["--wasm", "/opt/serin.wasm", "--name", "canary", "--failure-policy", "FAIL_CLOSED"];
    const { status } = await runCli(["publish", policy, "--to", to, ...parameters]);
    assert.equal(status, 0);
    const [resource] = JSON.parse(readFileSync(to, "utf8")).resources;
    const { config } = resource.typed_config;
    assert.deepEqual(
      [resource.name, config.name, config.failure_policy, config.vm_config.code.local.filename],
      ["canary", "canary", "FAIL_CLOSED", "/opt/serin.wasm"],
    );
  });

  it("looks at the module that --wasm names where it is on this machine, and writes nothing when it was cut", async () => {
    const to = target("cut.yaml");
    const built = readFileSync(WASM);
    for (const length of [8, built.length >> 1, built.length - 1]) {
      const cut = folder.write("cut.wasm", built.subarray(0, length));
      const { status, stderr } = await runCli(["publish", policy, "--to", to, "--wasm", cut]);
      assert.equal(status, 2, stderr);
      assert.match(stderr, /^serin: --wasm .*cut\.wasm: not (a WebAssembly module|the filter): .*\n$/);
      assert.ok(!existsSync(to));
    }
    const whole = folder.write("whole.wasm", built);
    assert.equal((await runCli(["publish", policy, "--to", to, "--wasm", whole])).status, 0);
  });

  const OPERATOR = `# kept by Ops
version_info: "7"
resources:
  - "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
    name: other
    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua }
  - "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
    name: serin
    typedConfig: # camelCase is as good
      "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
      config:
        name: mine
        rootId: r1
        vmConfig: { vmId: v9, code: { local: { filename: /srv/serin.wasm } } } # do not touch
        failurePolicy: FAIL_OPEN
        configuration: { "@type": type.googleapis.com/google.protobuf.StringValue, value: "{}" }
`;

  it("keeps everything in a file that is there but the policy and its version", async () => {
    const to = folder.write("operator.yaml", OPERATOR);
    chmodSync(to, 0o640);
    const { status, stdout } = await runCli(["publish", policy, "--to", to]);
    assert.equal(status, 0);
    assert.doesNotMatch(stdout, /new file/);
    const text = readFileSync(to, "utf8");
    assert.match(text, /^# kept by Ops$/m);
    assert.match(text, /# do not touch$/m);
    const before = resourceOf(OPERATOR);
    const after = resourceOf(text);
    assert.match(after.version_info, /^sha256-/);
    const wasmOf = ({ resources }: Resource) => resources[1]?.typedConfig?.config ?? assert.fail("no config");
    const { value } = wasmOf(after).configuration;
    assert.equal(JSON.parse(value).rollouts.checkout.default, "stable");
    before.version_info = after.version_info;
    wasmOf(before).configuration.value = value;
    assert.deepEqual(after, before);
    assert.equal(statSync(to).mode & 0o777, 0o640);
  });

  it("changes an old file's setting when it is asked to", async () => {
    const to = folder.write("asked.yaml", OPERATOR);
    await runCli(["publish", policy, "--to", to, "--wasm", "/new.wasm", "--failure-policy", "FAIL_RELOAD"]);
    const { config } = parse(readFileSync(to, "utf8")).resources[1].typedConfig;
    assert.equal(config.vmConfig.code.local.filename, "/new.wasm");
    assert.equal(config.failurePolicy, "FAIL_RELOAD");
    assert.equal("failure_policy" in config, false);
  });

  it("the version is the digest of the policy, whatever else is in the file", async () => {
    const json = folder.write("digest.json", '{"rollouts": {}}\n');
    const digest = createHash("sha256").update(readFileSync(json)).digest("hex").slice(0, 16);
    for (const more of [[], ["--wasm", "/other.wasm"], ["--failure-policy", "FAIL_OPEN"]]) {
      const to = target("digest.yaml");
      const { stdout } = await runCli(["publish", json, "--to", to, ...more]);
      assert.equal(parse(readFileSync(to, "utf8")).version_info, `sha256-${digest}`);
      assert.match(stdout, new RegExp(`version sha256-${digest}`));
      // What Envoy hands to the filter has this digest too.
      const { value } = configOf(to).configuration;
      assert.equal(createHash("sha256").update(value).digest("hex").slice(0, 16), digest);
    }
    const yaml = target("digest-of-yaml.yaml");
    await runCli(["publish", policy, "--to", yaml]);
    const { value } = configOf(yaml).configuration;
    const ofText = createHash("sha256").update(value).digest("hex").slice(0, 16);
    assert.equal(parse(readFileSync(yaml, "utf8")).version_info, `sha256-${ofText}`);
  });

  it("same policy and settings: same version, no write", async () => {
    const to = target("same.yaml");
    await runCli(["publish", policy, "--to", to]);
    const first = statSync(to);
    const version = parse(readFileSync(to, "utf8")).version_info;
    const again = await runCli(["publish", policy, "--to", to]);
    assert.match(again.stdout, /up to date with /);
    assert.equal(statSync(to).ino, first.ino);
    const changed = folder.write("changed.yaml", POLICY.replace("50", "51"));
    await runCli(["publish", changed, "--to", to]);
    assert.notEqual(statSync(to).ino, first.ino, "a rename, not a write in place");
    assert.notEqual(parse(readFileSync(to, "utf8")).version_info, version);
    await runCli(["publish", policy, "--to", to]);
    assert.equal(parse(readFileSync(to, "utf8")).version_info, version);
  });

  it("a refused policy leaves the file as it is and exits with 1", async () => {
    const to = folder.write("refusing.yaml", OPERATOR);
    const { status, stdout, stderr } = await runCli(["publish", refused, "--to", to]);
    assert.equal(status, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /percent: .*500/);
    assert.match(stderr, /refusing\.yaml: not changed/);
    assert.equal(readFileSync(to, "utf8"), OPERATOR);
    await runCli(["publish", refused, "--to", target("never.yaml")]);
    assert.equal(existsSync(target("never.yaml")), false);
  });

  it("--json says what happened", async () => {
    const to = target("json.yaml");
    const done = JSON.parse((await runCli(["publish", policy, "--to", to, "--json"])).stdout);
    assert.deepEqual(
      { ...done, version: "" },
      { ok: true, file: to, changed: true, version: "", problems: [] },
    );
    const not = await runCli(["publish", refused, "--to", to, "--json"]);
    assert.equal(not.status, 1);
    assert.equal(not.stderr, "");
    assert.equal(JSON.parse(not.stdout).ok, false);
    assert.equal(JSON.parse(not.stdout).problems.length, 1);
  });

  it("does not touch a file that is something else, and no link", async () => {
    const files: [name: string, content: string, message: RegExp][] = [
      ["text.yaml", "hello", /no Wasm filter resource found/],
      ["broken.yaml", "a: [", /invalid YAML or JSON/],
      ["empty.yaml", "", /no Wasm filter resource found/],
      ["lua.yaml", OPERATOR.replace(/wasm\.v3\.Wasm/, "lua.v3.Lua"), /no Wasm filter resource found/],
    ];
    for (const [name, content, message] of files) {
      const { status, stderr } = await runCli(["publish", policy, "--to", folder.write(name, content)]);
      assert.equal(status, 1, name);
      assert.match(stderr, message, name);
      assert.equal(readFileSync(target(name), "utf8"), content);
    }
    const other = await runCli([
      "publish",
      policy,
      "--to",
      folder.write("name.yaml", OPERATOR),
      "--name",
      "x",
    ]);
    assert.match(other.stderr, /no filter called x \(found: serin\)/);
    symlinkSync(target("name.yaml"), target("link.yaml"));
    const link = await runCli(["publish", policy, "--to", target("link.yaml")]);
    assert.equal(link.status, 2);
    assert.match(link.stderr, /symbolic link/);
  });

  it("holds a JSON policy byte for byte, whatever its characters", async () => {
    const awkward = `\t{"identity":[{"cookie":"uid"}],\r\n"rollouts":{"a":{"match":[{"headers":[{"name":"x","value":"é🎈\\u2028\u2028 # x: |"}]}],"default":"s","variants":{"s":{},"c":{}}}}}  \n\n`;
    const file = folder.write("awkward.json", awkward);
    const to = target("awkward.yaml");
    const { status, stderr } = await runCli(["publish", file, "--to", to]);
    assert.equal(status, 0, stderr);
    assert.equal(configOf(to).configuration.value, awkward);
  });

  it("a watcher never sees a part, and nothing is left behind", async () => {
    const inner = folder.folder("atomic");
    const file = `${inner}/filter.yaml`;
    const contents = ["a", "b"].map((letter) => letter.repeat(2_000_000));
    writeFileSync(file, contents[0] ?? "");
    let writing = true;
    const seen = new Set<string>();
    const watch = (async () => {
      while (writing) {
        const text = readFileSync(file, "utf8");
        seen.add(`${text.length}${text[0]}${text.at(-1)}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let i = 0; i < 20; i++) await writeWhole(file, contents[i % 2] ?? "");
    writing = false;
    await watch;
    assert.deepEqual([...seen].sort(), ["2000000aa", "2000000bb"]);
    assert.deepEqual(readdirSync(inner), ["filter.yaml"]);
    await assert.rejects(writeWhole(`${inner}/absent/filter.yaml`, ""));
    assert.deepEqual(readdirSync(inner), ["filter.yaml"]);
  });

  describe("what would change production in surprise", () => {
    const salted = folder.write(
      "salted.yaml",
      POLICY.replace("default: stable", "salt: other\n    default: stable"),
    );
    const more = folder.write("more.yaml", POLICY.replace("50", "60"));
    const nothing = folder.write("nothing.yaml", "{}\n");
    const publishTo = async (name: string, ...parameters: readonly string[]) => {
      const to = target(name);
      if (!existsSync(to)) await runCli(["publish", policy, "--to", to]);
      const before = readFileSync(to, "utf8");
      const outcome = await runCli(["publish", ...parameters, "--to", to]);
      return { ...outcome, isUntouched: readFileSync(to, "utf8") === before };
    };

    for (const [what, content] of [
      ["an empty file", ""],
      ["a file of comments", "# later\n"],
      ["a byte order mark alone", "\uFEFF"],
    ] as const) {
      it(`${what} is no policy`, async () => {
        const file = folder.write(`empty-${content.length}.yaml`, content);
        const { status, stderr, isUntouched } = await publishTo("kept.yaml", file);
        assert.deepEqual([status, isUntouched], [1, true]);
        assert.match(stderr, /:1:1: the document is empty: \{\} is a policy that does nothing/);
        const checked = await runCli(["validate", file]);
        assert.equal(checked.status, 1);
      });
    }

    it("a policy without anything in place of one with something needs --allow-empty", async () => {
      const refusal = await publishTo("kept.yaml", nothing);
      assert.deepEqual([refusal.status, refusal.isUntouched], [1, true]);
      assert.match(
        refusal.stderr,
        /not changed: the policy has nothing in it, and would take away 1 rollout: if that is meant, add --allow-empty/,
      );
      const allowed = await publishTo("emptied.yaml", nothing, "--allow-empty");
      assert.deepEqual([allowed.status, allowed.isUntouched], [0, false]);
      const again = await publishTo("emptied.yaml", nothing);
      assert.equal(again.status, 0, "there is nothing left to take away");
    });

    it("says who moves, and publishes nothing when more do than allowed", async () => {
      const refusal = await publishTo("moved.yaml", more, "--fail-if-moved", "5");
      assert.deepEqual([refusal.status, refusal.isUntouched], [1, true]);
      assert.match(refusal.stderr, /not changed: 10% of users move, more than --fail-if-moved 5 allows/);
      const unknown = await publishTo("moved.yaml", salted, "--fail-if-moved", "99", "--json");
      assert.deepEqual([unknown.status, unknown.isUntouched], [1, true]);
      assert.match(String(JSON.parse(unknown.stdout).reason), /^everybody may move/);
      const done = await publishTo("moved.yaml", more, "--fail-if-moved", "10");
      assert.equal(done.status, 0);
      assert.match(done.stdout, /^rollout checkout: 10% of users move\n {2}stable -> canary {2}10%\n/);
      const said = await publishTo("moved.yaml", policy, "--json");
      assert.equal(JSON.parse(said.stdout).diff.rollouts.checkout.moved, 0.1);
    });

    it("--dry-run says all of it and writes nothing", async () => {
      const { status, stdout, isUntouched } = await publishTo("dry.yaml", more, "--dry-run");
      assert.deepEqual([status, isUntouched], [0, true]);
      assert.match(stdout, /10% of users move/);
      assert.match(stdout, /dry\.yaml: would publish .*more\.yaml/);
      const fresh = await runCli(["publish", policy, "--to", target("never.yaml"), "--dry-run"]);
      assert.deepEqual([fresh.status, existsSync(target("never.yaml"))], [0, false]);
    });

    it("reordered variants are told, and a file that is mounted from a ConfigMap", async () => {
      const [canary, blue] = ["canary: { percent: 20, cluster: c2 }", "blue: { percent: 10, cluster: c3 }"];
      const two = (one: string, other: string): string =>
        POLICY.replace(/canary: \{.*\}/, `${one}\n      ${other}`);
      const to = target("order.yaml");
      await runCli(["publish", folder.write("order-1.yaml", two(canary, blue)), "--to", to]);
      const { stdout } = await runCli([
        "publish",
        folder.write("order-2.yaml", two(blue, canary)),
        "--to",
        to,
        "--dry-run",
      ]);
      assert.match(stdout, /^rollout checkout: 40% of users move$/m);
      folder.folder("..2026_11_28");
      symlinkSync("..2026_11_28", target("..data"));
      writeFileSync(target("..2026_11_28/mounted.yaml"), "");
      symlinkSync("..data/mounted.yaml", target("mounted.yaml"));
      const mounted = await runCli(["publish", policy, "--to", target("mounted.yaml")]);
      assert.equal(mounted.status, 2);
      assert.match(mounted.stderr, /is mounted from a ConfigMap or a Secret.*kubectl create configmap/);
    });
  });
});
