import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearestName } from '../near-name.ts';
import { type Command, optionOf, positionalsOf } from './command.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { GLOBAL_OPTIONS, type GlobalValues } from './options.ts';

/** Descriptions of options, as Node's function `parseArgs()` takes them. */
export type OptionsConfig = NonNullable<ParseArgsConfig['options']>;

/** The values of the options, as Node's function `parseArgs()` returns them. */
export type OptionValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** The parsed command line of a command. */
export interface Arguments {
  readonly global: GlobalValues;
  readonly options: OptionValues;
  readonly positionals: readonly string[];
}

const GLOBAL: OptionsConfig = Object.fromEntries(
  Object.entries(GLOBAL_OPTIONS).map(([name, option]) => [
    name,
    {
      type: option.type,
      ...('short' in option && { short: option.short }),
      ...('multiple' in option && { multiple: option.multiple }),
    },
  ]),
);

/**
 * Returns the words of the command line that may name the command. These are the words before the first option that not all
 * commands have. `global` has the values of the options that all commands have.
 */
export function leadingWords(args: readonly string[]): {
  readonly words: readonly string[];
  readonly global: GlobalValues;
} {
  const { tokens, values } = parseArgs({
    args: [...args],
    options: GLOBAL,
    strict: false,
    allowNegative: true,
    tokens: true,
  });
  const unknown = tokens.findIndex((token) => token.kind === 'option' && !(token.name in GLOBAL_OPTIONS));
  const known = unknown < 0 ? tokens : tokens.slice(0, unknown);
  return {
    words: known.flatMap((token) => (token.kind === 'positional' ? [token.value] : [])),
    global: values,
  };
}

/**
 * Returns descriptions of a command's own options, as `parseArgs()` takes them. Positional parameters and `dryRun` have no own
 * option.
 */
export function optionsOf(command: Pick<Command, 'parameters'>): OptionsConfig {
  const positionals = positionalsOf(command);
  return Object.fromEntries(
    command.parameters
      .filter((parameter) => !positionals.includes(parameter) && parameter.name !== 'dryRun')
      .flatMap(({ name, type }): [string, OptionsConfig[string]][] => {
        const option = optionOf(name);
        if (type === 'flag') return [[option, { type: 'boolean' }]];
        if (type === 'secret')
          return [
            [`${option}-file`, { type: 'string' }],
            [`ask-${option}`, { type: 'boolean' }],
          ];
        if (type === 'list') {
          return [
            [option, { type: 'string', multiple: true }],
            [`${option}-from`, { type: 'string' }],
          ];
        }
        return [[option, { type: 'string' }]];
      }),
  );
}

/**
 * Parses the command line of a command.
 * @param own the command's own options, a result of `optionsOf()`
 * @throws CommandError that says what is wrong with the command line
 */
export function parseCommandLine(args: readonly string[], own: OptionsConfig): Arguments {
  const options = { ...GLOBAL, ...own };
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      allowNegative: true,
      strict: true,
    });
    const isGlobal = ([name]: [string, unknown]): boolean => name in GLOBAL && !(name in own);
    const entries = Object.entries(values);
    return {
      global: Object.fromEntries(entries.filter(isGlobal)) as GlobalValues,
      options: Object.fromEntries(entries.filter((entry) => !isGlobal(entry))) as OptionValues,
      positionals,
    };
  } catch (error) {
    throw new CommandError(EXIT.usage, explain(error, Object.keys(options)));
  }
}

/**
 * Returns the message for a parse error. For an unknown option, the message names a similar option if such an option exists.
 * For a secret, the message says how to give the secret without an argument.
 */
function explain(error: unknown, known: readonly string[]): string {
  const message = error instanceof Error ? error.message : String(error);
  const [, option] = /^Unknown option '-{1,2}([^']+)'/.exec(message) ?? [];
  if (option === undefined) return message.replace(/\. To specify a positional.*$/s, '.');
  if (/^(?:access-)?token$/.test(option)) {
    return 'An access token is never an argument, because other users of this machine can read arguments: use --token-file, the variable MATRIX_ADMIN_TOKEN, or the prompt.';
  }
  if (known.includes(`${option}-file`)) {
    return `--${option} is never an argument, because other users of this machine can read arguments: use --${option}-file, the input, or the prompt.`;
  }
  const nearest = nearestName(option, known);
  return `There is no option --${option}.${nearest === undefined ? '' : ` Did you mean --${nearest}?`}`;
}
