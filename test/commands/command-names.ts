import { runCli } from "../support/cli.ts";

/** The commands that `serin --help` lists, in its order. */
export async function commandNames(): Promise<string[]> {
  const { stdout } = await runCli(["--help"]);
  const list = /\nCommands:\n([\s\S]*?)\n\n/.exec(stdout)?.[1] ?? "";
  return [...list.matchAll(/^ {2}([a-z]+)/gm)].map(([, name = ""]) => name).filter((name) => name !== "help");
}
