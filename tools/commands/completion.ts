import { Argument, Command, type CommandUnknownOpts } from "@commander-js/extra-typings";

import { examples } from "../terminal/arguments.ts";
import { completionScript, SHELLS, type CompletedCommand } from "../terminal/completion-scripts.ts";
import { processTerminal } from "../terminal/terminal.ts";

/** The command that writes scripts for shells: they complete all commands that the program has when it runs. */
export function completionCommand(program: CommandUnknownOpts): CommandUnknownOpts {
  return new Command("completion")
    .summary("a script that completes commands and options in a shell")
    .description("Writes a script to stdout that completes serin's commands, options and files in a shell.")
    .addArgument(new Argument("<SHELL>", "the shell").choices(SHELLS))
    .addHelpText(
      "after",
      examples(
        "serin completion bash > /etc/bash_completion.d/serin",
        "serin completion zsh > ~/.zsh/functions/_serin",
        "serin completion fish > ~/.config/fish/completions/serin.fish",
      ),
    )
    .action((shell) => {
      processTerminal().stdout.write(completionScript(shell, program.commands.map(describe)));
    });
}

function describe(command: CommandUnknownOpts): CompletedCommand {
  const options = command.createHelp().visibleOptions(command);
  const [argument] = command.registeredArguments;
  return {
    name: command.name(),
    description: command.summary(),
    options: options.map(({ short, long, flags, description, argChoices }) => ({
      names: [short, long].filter((name): name is string => name !== undefined && name !== null),
      description,
      value: /[<[]([^\]>]+)[\]>]/.exec(flags)?.[1]?.replace(/\.+$/, "") ?? null,
      choices: argChoices ?? [],
    })),
    choices: argument?.argChoices ?? [],
    hasArguments: argument !== undefined,
  };
}
