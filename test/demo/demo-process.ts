// The demo as a person starts it: a process of its own, on a terminal or without one.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after } from "node:test";

import { ensureEnvoy, freePort, requirePort } from "../../tools/envoy/index.ts";

const ROOT = resolve(import.meta.dirname, "../..");
export const MAIN = [process.execPath, "--import", import.meta.resolve("tsx"), "tools/demo/main.ts"];

/** A terminal of 80 columns and 24 lines around a command; what is written to its standard input is typed. */
const TERMINAL = `
import fcntl, os, pty, select, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
typed = [0]
while True:
    ready = select.select([fd] + typed, [], [])[0]
    if 0 in ready:
        keys = os.read(0, 1024)
        if keys: os.write(fd, keys)
        else: typed = []
    if fd in ready:
        try: seen = os.read(fd, 65536)
        except OSError: break
        if not seen: break
        os.write(1, seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
`;

/** Those that a test started and, since it failed, did not end: they would keep the runner waiting for ever. */
const running = new Set<DemoProcess>();
after(() => {
  for (const demo of running) demo.kill("SIGTERM");
});

/** A demo that runs, with ports and a temporary folder of its own. */
export class DemoProcess {
  stdout = "";
  stderr = "";
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;

  private constructor(
    readonly port: number,
    readonly adminPort: number,
    private readonly temporary: string,
    command: readonly string[],
    env: NodeJS.ProcessEnv,
  ) {
    const [program = "", ...parameters] = command;
    const { NODE_TEST_CONTEXT: _, NO_COLOR: __, ...inherited } = process.env;
    this.#child = spawn(program, parameters, {
      cwd: ROOT,
      env: {
        ...inherited,
        ...{ PORT: String(port), ADMIN_PORT: String(adminPort), TMPDIR: temporary, TERM: "xterm-256color" },
        ...env,
      },
      stdio: "pipe",
    });
    this.#child.stdout?.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    running.add(this);
    this.ended = new Promise((done) => this.#child.once("close", done));
    void this.ended.then(() => running.delete(this));
  }

  /** `command` on a terminal, or without one. */
  static async start(
    command: readonly string[],
    { terminal = false, env = {} }: { terminal?: boolean; env?: NodeJS.ProcessEnv } = {},
  ): Promise<DemoProcess> {
    const envoy = await ensureEnvoy();
    const temporary = mkdtempSync(join(tmpdir(), "demo-test-"));
    const whole = terminal ? ["python3", "-c", TERMINAL, ...command] : command;
    return new DemoProcess(await freePort(), await freePort(), temporary, whole, { ENVOY: envoy, ...env });
  }

  /** Types into the terminal. */
  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Its Envoy is the one whose bootstrap is in this demo's temporary folder. */
  envoyPid(): number {
    const running = execFileSync("ps", ["-A", "-o", "pid=,args="], { encoding: "utf8" }).split("\n");
    const own = running.find(
      (line) => /^ *\d+ \S*envoy /.test(line) && line.includes(`-c ${this.temporary}/`),
    );
    if (own === undefined) throw new Error("the demo has no Envoy");
    return Number.parseInt(own, 10);
  }

  get policyFolder(): string {
    return join(ROOT, "build", `demo-${this.port}`);
  }

  /** Whether the demo has tidied up, also where the terminal around it ended first. */
  isGone(): boolean {
    return !existsSync(this.policyFolder) && this.#own().length === 0;
  }

  /** What the demo has left behind, in words; empty when it has tidied up. */
  async leftovers(): Promise<string[]> {
    const left = this.#own();
    if (existsSync(this.policyFolder)) left.push(this.policyFolder);
    for (const port of [this.port, this.adminPort]) {
      await requirePort(port, "the test").catch((error: unknown) => left.push((error as Error).message));
    }
    rmSync(this.temporary, { recursive: true, force: true });
    return left;
  }

  #own(): string[] {
    return readdirSync(this.temporary).filter((name) => !/^(tsx|node-compile-cache)/.test(name));
  }
}
