import { optionsOf } from './arguments.ts';
import { COMMANDS } from './commands.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { ALL_COMMANDS } from './help.ts';
import { GLOBAL_OPTIONS } from './options.ts';
import { OWN_COMMANDS } from './own-commands.ts';

/** The command with which the completion scripts ask this program for completions. */
export const COMPLETE = '__complete';

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_matrix_admin() {
  local IFS=$'\\n'
  COMPREPLY=($(matrix-admin ${COMPLETE} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  if [ "\${#COMPREPLY[@]}" -eq 0 ]; then compopt -o default; fi
}
complete -F _matrix_admin matrix-admin
`,
  zsh: `#compdef matrix-admin
_matrix_admin() {
  local -a found
  found=("\${(@f)$(matrix-admin ${COMPLETE} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -a found; else _files; fi
}
if [[ "$funcstack[1]" == "_matrix_admin" ]]; then _matrix_admin "$@"; else compdef _matrix_admin matrix-admin; fi
`,
  fish: `function __matrix_admin
  set -l words (commandline -opc) (commandline -ct)
  matrix-admin ${COMPLETE} $words[2..] 2>/dev/null
end
complete -c matrix-admin -a '(__matrix_admin)'
`,
};

/** Returns the completion script of a shell. @throws CommandError if the shell is unknown */
export function completionScript(shell: string | undefined): string {
  const script = SCRIPTS[shell ?? ''];
  if (script === undefined) {
    throw new CommandError(EXIT.usage, `Name a shell: matrix-admin completion ${Object.keys(SCRIPTS).join('|')}.`);
  }
  return script;
}

/** Returns the texts that can complete the last word. The last word may be empty or unfinished. */
export function completionsOf(words: readonly string[]): string[] {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const matching = (candidates: readonly string[]): string[] =>
    [...new Set(candidates)].filter((candidate) => candidate.startsWith(current));
  const name = commandNamed(before);
  if (current.startsWith('-')) return matching(optionNames(name));
  const command = COMMANDS.find((one) => one.name === name);
  const previous = before.at(-1) ?? '';
  const parameter = command?.parameters.find(({ name: own }) => `--${kebab(own)}` === previous);
  if (parameter?.values !== undefined) return matching(parameter.values);
  if (takesValue(previous)) return [];
  if (name !== undefined) return name === 'completion' ? matching(Object.keys(SCRIPTS)) : [];
  const [group] = plainWords(before);
  const paths = ALL_COMMANDS.map((one) => one.name.split(' '));
  if (group === undefined) return matching(paths.map(([first = '']) => first));
  return matching(paths.filter(([first]) => first === group).map(([, second = '']) => second));
}

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const takesValue = (word: string): boolean =>
  Object.entries(GLOBAL_OPTIONS).some(([name, { type }]) => word === `--${name}` && type === 'string');

/** Returns the words that are neither options nor values of options which all commands have. */
const plainWords = (words: readonly string[]): string[] =>
  words.filter((word, index) => !word.startsWith('-') && !takesValue(words[index - 1] ?? ''));

function commandNamed(words: readonly string[]): string | undefined {
  const [first = '', second = ''] = plainWords(words);
  return ALL_COMMANDS.find(({ name }) => name === first || name === `${first} ${second}`)?.name;
}

function optionNames(name: string | undefined): string[] {
  const command = COMMANDS.find((one) => one.name === name);
  const own = OWN_COMMANDS.find((one) => one.name === name);
  const options = { ...GLOBAL_OPTIONS, ...(command && optionsOf(command)), ...own?.options };
  return Object.entries(options).flatMap(([option, { type }]) =>
    type === 'boolean' && !(option in GLOBAL_OPTIONS) ? [`--${option}`, `--no-${option}`] : [`--${option}`],
  );
}
