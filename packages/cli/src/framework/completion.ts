// Completion scripts for bash, zsh and fish, made from the command values. They complete words, never run the program.
import type { ListedCommand } from "./listing.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type ShellName = (typeof SHELLS)[number];

interface Level {
  /** Words already on the line, like `op submit`; empty at the start. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly summary: string }[];
}

/** The script that the user's shell sources. */
export function completionScript(
  shell: ShellName,
  name: string,
  commands: readonly ListedCommand[],
  nouns: Readonly<Record<string, string>>,
): string {
  const levels = levelsOf(commands, nouns);
  if (shell === "bash") return bashScript(name, levels);
  if (shell === "zsh") return zshScript(name, levels);
  return fishScript(name, levels);
}

function levelsOf(commands: readonly ListedCommand[], nouns: Readonly<Record<string, string>>): readonly Level[] {
  const first = [
    ...commands.filter((command) => command.noun === undefined).map((command) => ({ word: command.verb, summary: command.summary })),
    ...Object.entries(nouns)
      .filter(([word]) => !commands.some((command) => command.noun === undefined && command.verb === word))
      .map(([word, summary]) => ({ word, summary })),
  ].sort((a, b) => (a.word < b.word ? -1 : 1));
  const groups = Object.keys(nouns).map((noun) => ({
    path: noun,
    words: commands.filter((command) => command.noun === noun).map((command) => ({ word: command.verb, summary: command.summary })),
  }));
  const leaves = commands.map((command) => ({
    path: command.name,
    words: [
      ...command.options.map((option) => ({ word: `--${option.flag}`, summary: option.description })),
      ...(command.json ? [{ word: "--json", summary: "print data as JSON" }] : []),
      { word: "--help", summary: "show the help" },
    ],
  }));
  // A command that shares its name with a group has both kinds of words.
  const alone = groups.filter(({ path }) => leaves.every((leaf) => leaf.path !== path));
  const shared = leaves.map((leaf) => ({
    ...leaf,
    words: [...(groups.find(({ path }) => path === leaf.path)?.words ?? []), ...leaf.words],
  }));
  return [{ path: "", words: first }, ...alone, ...shared];
}

function bashScript(name: string, levels: readonly Level[]): string {
  const cases = levels.map((level) => `    ${quote(level.path)}) words=${quote(level.words.map((each) => each.word).join(" "))} ;;`);
  return `# bash completion for ${name}: source this file, or put it into ~/.local/share/bash-completion/completions/${name}
_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" words="" index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${COMP_WORDS[index]}" in
      -*) ;;
      *) if ((index <= 2)); then path="\${path:+$path }\${COMP_WORDS[index]}"; fi ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
    *) case "\${path%% *}" in
${levels
  .filter((level) => level.path !== "" && !level.path.includes(" "))
  .map((level) => `      ${quote(level.path)}) words=${quote(level.words.map((each) => each.word).join(" "))} ;;`)
  .join("\n")}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${name} ${name}
`;
}

function zshScript(name: string, levels: readonly Level[]): string {
  const cases = levels.map(
    (level) =>
      `    ${quote(level.path)}) words_here=(${level.words.map((each) => quote(`${each.word.replaceAll(":", "\\:")}:${each.summary}`)).join(" ")}) ;;`,
  );
  return `#compdef ${name}
# zsh completion for ${name}: put this file as _${name} into a folder of $fpath
_${name}() {
  local -a words_here
  local path_here="" index
  for ((index = 2; index < CURRENT; index++)); do
    [[ "\${words[index]}" == -* ]] && continue
    ((index <= 3)) && path_here="\${path_here:+$path_here }\${words[index]}"
  done
  case "$path_here" in
${cases.join("\n")}
  esac
  _describe 'command' words_here
  _files
}
compdef _${name} ${name}
`;
}

function fishScript(name: string, levels: readonly Level[]): string {
  const lines = levels.flatMap((level) => level.words.map((each) => fishLine(name, level.path, each.word, each.summary)));
  return `# fish completion for ${name}: put this file into ~/.config/fish/completions/${name}.fish
complete -c ${name} -f
${lines.join("\n")}
`;
}

function fishLine(name: string, path: string, word: string, summary: string): string {
  const words = path === "" ? [] : path.split(" ");
  const condition =
    words.length === 0 ? "__fish_use_subcommand" : words.map((each) => `__fish_seen_subcommand_from ${each}`).join("; and ");
  const what = word.startsWith("--") ? `-l ${word.slice(2)}` : `-a ${word}`;
  return `complete -c ${name} -n ${quote(condition)} ${what} -d ${quote(summary)}`;
}

// Single quotes of a POSIX shell; fish reads them the same way.
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
