// What Envoy watches is whole at every moment, whoever publishes at once, is killed or runs out of disk.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";

import { CLI, POLICY, runCli, temporaryFolder } from "../support/cli.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const WRITER = pathToFileURL(resolve(ROOT, "tools/terminal/write-whole.ts")).href;

/** A process of its own that runs this module text. */
function start(code: string): ReturnType<typeof spawn> {
  return spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
}

describe("publish, while others look and things break", () => {
  const folder = temporaryFolder();
  const policy = folder.write("policy.yaml", POLICY);

  it("a reader meets a whole file at every moment of 1,000 publishes by two processes", async () => {
    const inner = folder.folder("two");
    const file = `${inner}/filter.yaml`;
    const size = 100_000;
    writeFileSync(file, `0${"a".repeat(size)}0`);
    const writers = ["b", "c"].map((letter) =>
      start(`
        import { writeWhole } from "${WRITER}";
        for (let i = 0; i < 500; i++)
          await writeWhole(${JSON.stringify(file)}, i + "${letter}".repeat(${size}) + i);
      `),
    );
    const ends = Promise.all(writers.map(async (writer) => (await once(writer, "exit"))[0] as number));
    let left = 2;
    for (const writer of writers) writer.once("exit", () => left--);
    const seen = new Set<string>();
    let reads = 0;
    while (left > 0) {
      const text = readFileSync(file, "utf8");
      const [, head, body, tail] = /^(\d+)([abc]+)(\d+)$/.exec(text) ?? [];
      assert.ok(head !== undefined && head === tail && body?.length === size, `a part: ${text.length} bytes`);
      seen.add(`${head}${body[0]}`);
      reads++;
      await new Promise((resume) => setImmediate(resume));
    }
    assert.deepEqual(await ends, [0, 0]);
    assert.ok(seen.size > 100 && reads > 1000, `${reads} reads met ${seen.size} different files`);
    assert.deepEqual(readdirSync(inner), ["filter.yaml"]);
  });

  it("kill -9 between write and rename leaves the old file, and the next publish takes the litter away", async () => {
    const inner = folder.folder("killed");
    const file = `${inner}/filter.yaml`;
    writeFileSync(file, "old");
    const killed = start(`
      import { syncBuiltinESMExports } from "node:module";
      import fs from "node:fs/promises";
      fs.rename = () => new Promise(() => process.kill(process.pid, "SIGKILL"));
      syncBuiltinESMExports();
      const { writeWhole } = await import("${WRITER}");
      await writeWhole(${JSON.stringify(file)}, "new");
    `);
    const [, signal] = (await once(killed, "exit")) as [number | null, string | null];
    assert.equal(signal, "SIGKILL");
    assert.equal(readFileSync(file, "utf8"), "old");
    const [litter = ""] = readdirSync(inner).filter((name) => name !== "filter.yaml");
    assert.match(litter, /^\.filter\.yaml\.\d+\.[0-9a-f]{8}\.tmp$/);

    // Beside it: one of a process that lives, one of another file, and what only looks like it.
    const others = [
      `.filter.yaml.${process.pid}.00000000.tmp`,
      ".other.yaml.1.00000000.tmp",
      ".filter.yaml.tmp",
    ];
    const past = new Date(Date.now() - 60_000);
    for (const name of [...others, litter]) {
      if (name !== litter) writeFileSync(`${inner}/${name}`, "");
      utimesSync(`${inner}/${name}`, past, past);
    }
    writeFileSync(file, "");
    const { status } = await runCli(["publish", policy, "--to", `${inner}/fresh.yaml`]);
    assert.equal(status, 0);
    assert.ok(readdirSync(inner).includes(litter), "it is another file's");
    const { writeWhole } = await import("../../tools/terminal/write-whole.ts");
    await writeWhole(file, "new");
    assert.deepEqual(readdirSync(inner).sort(), [...others, "filter.yaml", "fresh.yaml"].sort());
  });

  describe("a disk that is full, or a limit of the process", () => {
    const disk = folder.folder("disk");
    const [old, large] = [`${folder.path}/old.yaml`, `${folder.path}/large.yaml`];
    const rollouts = Array.from(
      { length: 3000 },
      (_, i) => `  r${i}: { match: [{ hosts: [h] }], default: s, variants: { s: {} } }\n`,
    );
    writeFileSync(large, POLICY + rollouts.join(""));
    const publish = (prelude: string, ...command: string[]): [string, string] => {
      execFileSync(process.execPath, [CLI, "publish", policy, "--to", old], { stdio: "ignore" });
      const script = `
        ${prelude}
        ${process.execPath} ${CLI} publish ${large} --to ${disk}/filter.yaml
        echo "status $?"; ls -A ${disk}; cmp ${old} ${disk}/filter.yaml && echo same`;
      const { status, stdout, stderr } = spawnSync(command[0] ?? "sh", [...command.slice(1), "-c", script], {
        encoding: "utf8",
      });
      assert.equal(status, 0, stderr);
      return [stdout, stderr];
    };
    const untouched = /^status 2\nfilter\.yaml\nsame\n$/m;

    it("leaves the old file, says so, and nothing beside it", () => {
      const [stdout, stderr] = publish(`cp ${old} ${disk}/filter.yaml; ulimit -f 64`, "sh");
      assert.match(stderr, /filter\.yaml: not changed: the file would be larger than this process may write/);
      assert.match(stdout, untouched);
    });

    // Only root mounts a disk of its own. The mount goes with the process.
    if (process.getuid?.() === 0) {
      it("also on a disk of 64 KiB", () => {
        const mount = `mount -t tmpfs -o size=64k tmpfs ${disk} && cp ${old} ${disk}/filter.yaml || exit 9`;
        const [stdout, stderr] = publish(mount, "unshare", "--mount", "sh");
        assert.match(stderr, /filter\.yaml: not changed: no space left on device\n$/);
        assert.match(stdout, untouched);
      });
    }
  });

  it("keeps the file's owner, where it may", async () => {
    const to = folder.write("owned.yaml", "");
    await runCli(["publish", policy, "--to", `${folder.path}/made.yaml`]);
    writeFileSync(to, readFileSync(`${folder.path}/made.yaml`));
    if (process.getuid?.() === 0) chownSync(to, 1234, 2345);
    const before = statSync(to);
    const changed = folder.write("changed.yaml", POLICY.replace("50", "51"));
    assert.equal((await runCli(["publish", changed, "--to", to])).status, 0);
    const after = statSync(to);
    assert.notEqual(after.ino, before.ino);
    assert.deepEqual([after.uid, after.gid], [before.uid, before.gid]);
  });

  it("what is no file is refused at once, and - is no name", async () => {
    const fifo = `${folder.path}/fifo`;
    execFileSync("mkfifo", [fifo]);
    const cases: [string, RegExp][] = [
      [fifo, /fifo: is not a regular file/],
      ["/dev/null", /\/dev\/null: is not a regular file/],
      ["-", /--to -: must be the file that Envoy watches/],
    ];
    for (const [to, message] of cases) {
      const { status, stderr } = await runCli(["publish", policy, "--to", to], { cwd: folder.path });
      assert.equal(status, 2, to);
      assert.match(stderr, message);
    }
    assert.ok(!readdirSync(folder.path).includes("-"));
  });
});
