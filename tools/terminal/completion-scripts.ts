// Scripts that complete a command line in bash, zsh and fish, made from the commands themselves.

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** One option of a command. */
export interface CompletedOption {
  /** `--json`, `-X` */
  readonly names: readonly string[];
  readonly description: string;
  /** What its value is called (`FILE`); null for a switch. */
  readonly value: string | null;
  /** The values that there are; empty when they are not counted. */
  readonly choices: readonly string[];
}

/** One command. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** The values of its first argument; empty for files. */
  readonly choices: readonly string[];
  /** Whether it has arguments. */
  readonly hasArguments: boolean;
}

/** The script for a shell. */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands);
}

/** Values that are files or folders. */
function isPath(value: string | null): boolean {
  return value !== null && /^(?:FILE|POLICY|FOLDER|PATH|OLD|NEW)/.test(value);
}

function single(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function bashScript(commands: readonly CompletedCommand[]): string {
  const words = (list: readonly string[]): string => single(list.join(" "));
  const values = commands.flatMap(({ name, options }) =>
    options
      .filter(({ value }) => value !== null)
      .map(({ names, value, choices }) => {
        const patterns = names.map((option) => single(`${name} ${option}`)).join(" | ");
        const given =
          choices.length > 0
            ? `COMPREPLY=($(compgen -W ${words(choices)} -- "$cur"))`
            : isPath(value)
              ? 'COMPREPLY=($(compgen -f -- "$cur"))'
              : "COMPREPLY=()";
        return `    ${patterns}) ${given}; return ;;`;
      }),
  );
  const options = commands.map(
    ({ name, options }) =>
      `      ${name}) COMPREPLY=($(compgen -W ${words(options.flatMap(({ names }) => names))} -- "$cur")) ;;`,
  );
  const first = commands
    .filter(({ choices }) => choices.length > 0)
    .map(
      ({ name, choices }) => `    ${name}) COMPREPLY=($(compgen -W ${words(choices)} -- "$cur")); return ;;`,
    );
  return `# bash completion of serin
_serin() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W ${words(commands.map(({ name }) => name))} -- "$cur"))
    return
  fi
  case "$command $prev" in
${values.join("\n")}
  esac
  if [[ $cur == -* ]]; then
    case "$command" in
${options.join("\n")}
    esac
    return
  fi
  case "$command" in
${first.join("\n")}
  esac
  COMPREPLY=($(compgen -f -- "$cur"))
}
complete -o filenames -F _serin serin
`;
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const text = (words: string): string => words.replace(/[\\[\]:]/g, "\\$&");
  const listed = commands.map(({ name, description }) => `    ${single(`${name}:${text(description)}`)}`);
  const valueOf = ({ value, choices }: CompletedOption): string => {
    if (value === null) return "";
    const action = choices.length > 0 ? `(${choices.join(" ")})` : isPath(value) ? "_files" : " ";
    return `:${value.toLowerCase()}:${action}`;
  };
  const cases = commands.map(({ name, options, choices, hasArguments }) => {
    const specs = options.flatMap((option) =>
      option.names.map((spelled) => single(`*${spelled}[${text(option.description)}]${valueOf(option)}`)),
    );
    if (choices.length > 0) specs.push(single(`1: :(${choices.join(" ")})`));
    else if (hasArguments) specs.push(single("*: :_files"));
    return `    ${name}) _arguments ${specs.join(" ")} ;;`;
  });
  return `#compdef serin
# zsh completion of serin
_serin() {
  local -a commands
  commands=(
${listed.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
compdef _serin serin
`;
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const quoted = (text: string): string => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const lines = ["# fish completion of serin", "complete -c serin -n __fish_use_subcommand -f"];
  for (const { name, description, options, choices } of commands) {
    lines.push(`complete -c serin -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`);
    const within = `complete -c serin -n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
    if (choices.length > 0) lines.push(`${within} -f -a ${quoted(choices.join(" "))}`);
    for (const option of options) {
      const names = option.names.map((spelled) =>
        spelled.startsWith("--") ? `-l ${spelled.slice(2)}` : `-s ${spelled.slice(1)}`,
      );
      const value =
        option.value === null
          ? ""
          : option.choices.length > 0
            ? ` -x -a ${quoted(option.choices.join(" "))}`
            : isPath(option.value)
              ? " -r"
              : " -x";
      lines.push(`${within} ${names.join(" ")}${value} -d ${quoted(option.description)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
