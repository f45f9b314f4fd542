import { type Command, optionOf, type Parameter, positionalsOf } from './command.ts';
import { COMMANDS } from './commands.ts';
import { GLOBAL_OPTIONS } from './options.ts';
import { OWN_COMMANDS, type OwnCommand } from './own-commands.ts';

/** Width of the texts in `--help`, in characters. */
const WIDTH = 100;
const PROGRAM = 'matrix-admin';

/** The name and the text of each command. */
export const ALL_COMMANDS: readonly { readonly name: string; readonly text: string }[] = [
  ...COMMANDS,
  ...OWN_COMMANDS,
].toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** Returns the help of the program, or of a group of commands. */
export function helpOf(group?: string): string {
  const shown = ALL_COMMANDS.filter(({ name }) => group === undefined || name.startsWith(`${group} `));
  const commands =
    group === undefined ? groupsOf(shown) : shown.map(({ name, text }) => [name, firstSentence(text)] as const);
  const examples =
    group === undefined
      ? [
          '--database postgres://dendrite@localhost/dendrite --homeserver example.org \\',
          '    --signing-key matrix_key.pem user set-admin @me:example.org',
          '--url https://example.org --token-file token.txt user create @alice:example.org',
          "--url https://example.org --token-file token.txt room purge '!id:example.org' --evacuate",
          'room --help',
        ]
      : COMMANDS.filter(({ name }) => name.startsWith(`${group} `)).flatMap(({ examples: own }) => own.slice(0, 1));
  return [
    `Usage: ${PROGRAM} [options] ${group ?? '<command>'} ${group === undefined ? '' : '<command>'}`.trimEnd(),
    '',
    ...(group === undefined
      ? ['Administers a Matrix homeserver: over HTTP, or on its database while it is stopped.', '']
      : []),
    'Commands:',
    ...columns(commands),
    ...globalHelp(),
    '',
    'Examples:',
    ...examples.slice(0, 6).map((example) => (example.startsWith('  ') ? example : `  ${PROGRAM} ${example}`)),
    ...(group === undefined ? ['', 'matrix-admin <command> --help shows the options of a command.'] : []),
    '',
  ].join('\n');
}

/** Returns the help of a command that runs one operation. */
export function helpOfCommand(command: Command): string {
  const positionals = positionalsOf(command);
  const options = command.parameters.filter(
    (parameter) => !positionals.includes(parameter) && parameter.name !== 'dryRun',
  );
  const usage = [
    PROGRAM,
    command.name,
    ...positionals.map(({ name }) => `<${optionOf(name)}>`),
    ...(options.length > 0 ? ['[options]'] : []),
  ];
  return [
    `Usage: ${usage.join(' ')}`,
    '',
    ...wrap(command.text, WIDTH),
    ...(positionals.length === 0
      ? []
      : ['', 'Arguments:', ...columns(positionals.map((one) => [`<${optionOf(one.name)}>`, describe(one)]))]),
    ...(options.length === 0 ? [] : ['', 'Options:', ...columns(options.flatMap(rowsOf))]),
    ...globalHelp({
      hasDryRun: command.parameters.some(({ name }) => name === 'dryRun'),
      isJob: command.effect === 'job',
    }),
    '',
    'Examples:',
    ...command.examples.map((example) => `  ${PROGRAM} ${example}`),
    '',
  ].join('\n');
}

/** Returns the help of a command that the program itself implements, such as `serve`. */
export function helpOfOwnCommand({ name, usage, text, examples }: OwnCommand): string {
  return [
    `Usage: ${PROGRAM} ${name} ${usage}`,
    '',
    ...wrap(text, WIDTH),
    ...globalHelp({ hasDryRun: false, isJob: false }),
    '',
    'Examples:',
    ...examples.map((example) => `  ${PROGRAM} ${example}`),
    '',
  ].join('\n');
}

function groupsOf(
  commands: readonly { readonly name: string; readonly text: string }[],
): (readonly [string, string])[] {
  const groups = new Map<string, string[]>();
  for (const { name } of commands) {
    const [group = '', word = ''] = name.split(' ');
    groups.set(group, [...(groups.get(group) ?? []), word]);
  }
  return [...groups].map(([group, words]) => {
    const own = commands.find(({ name }) => name === group);
    return [group, own === undefined ? words.join(', ') : firstSentence(own.text)];
  });
}

/** The options that all commands have, and that the help of each single command repeats. */
const REPEATED = ['dry-run', 'yes', 'wait', 'json'];

/**
 * Describes the options that all commands have. If `command` is given, describes only the options that the help of this command
 * repeats.
 */
function globalHelp(command?: { readonly hasDryRun: boolean; readonly isJob: boolean }): string[] {
  const rows = Object.entries(GLOBAL_OPTIONS)
    .filter(([name]) => command === undefined || REPEATED.includes(name))
    .filter(
      ([name]) => (command?.hasDryRun !== false || name !== 'dry-run') && (command?.isJob !== false || name !== 'wait'),
    )
    .map(([name, option]): readonly [string, string] => {
      const short = 'short' in option ? `-${option.short}, ` : '';
      const value = 'value' in option ? ` <${option.value}>` : '';
      return name === 'wait'
        ? ['--no-wait', 'Starts the job and prints its id.']
        : [`${short}--${name}${value}`, option.text];
    });
  const rest = command === undefined ? [] : ['', 'matrix-admin --help has the options that say how to connect.'];
  return ['', 'Options of all commands:', ...columns(rows), ...rest];
}

/**
 * Returns the rows of `--help` for the options that set a parameter: two rows for a list parameter, and one row for any other
 * parameter.
 */
function rowsOf(parameter: Parameter): (readonly [string, string])[] {
  const option = `--${optionOf(parameter.name)}`;
  const text = describe(parameter);
  if (parameter.type === 'flag') return [[parameter.default === true ? option.replace('--', '--no-') : option, text]];
  if (parameter.type === 'secret')
    return [
      [
        `${option}-file <file>`,
        `${text} - is the input.${parameter.required ? ' Without this option, a prompt asks for it.' : ` A prompt asks for it with --ask-${optionOf(parameter.name)}.`}`,
      ],
    ];
  const value = { number: 'number', time: 'time', json: 'json', list: 'value', text: 'text' }[parameter.type];
  if (parameter.type !== 'list') return [[`${option} <${value}>`, text]];
  return [
    [`${option} <${value}>`, `${text} Repeat it for several.`],
    [`${option}-from <file>`, 'The same, from the lines of a file. - is the input.'],
  ];
}

function describe({ text, type, values, default: preset, nullable }: Parameter): string {
  const notes = [
    ...(values === undefined ? [] : [`One of ${values.join(', ')}.`]),
    ...(preset === undefined || preset === false || typeof preset === 'object'
      ? []
      : [`Default: ${JSON.stringify(preset).replaceAll('"', '')}.`]),
    ...(nullable && type !== 'secret' ? ['The word null is a value.'] : []),
  ];
  return [text, ...notes].join(' ');
}

const firstSentence = (text: string): string => /^.*?\.(?= |$)/.exec(text)?.[0] ?? text;

/** Formats two columns. Wraps the texts in the second column. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(Math.max(...rows.map(([name]) => name.length)), 34);
  return rows.flatMap(([name, text]) => {
    const [first = '', ...rest] = wrap(text, WIDTH - width - 4);
    const indent = ' '.repeat(width + 4);
    const head = name.length > width ? [`  ${name}`, `${indent}${first}`] : [`  ${name.padEnd(width)}  ${first}`];
    return [...head.map((line) => line.trimEnd()), ...rest.map((line) => `${indent}${line}`)];
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
