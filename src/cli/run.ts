import { MatrixError } from '../errors.ts';
import { nearestName } from '../near-name.ts';
import { leadingWords, optionsOf, parseCommandLine } from './arguments.ts';
import type { Command } from './command.ts';
import { optionOf } from './command.ts';
import { COMMANDS } from './commands.ts';
import { COMPLETE } from './completion.ts';
import { type Connection, connect } from './connect.ts';
import { CommandError, EXIT, type ExitCode, exitCodeOf } from './exit-code.ts';
import { ALL_COMMANDS } from './help.ts';
import { OWN_COMMANDS } from './own-commands.ts';
import { createLineReader } from './secrets.ts';
import { painter, printable, type Terminal } from './terminal.ts';

/** The things that the program uses besides its command line, such as the terminal. Tests replace them. */
export interface Surroundings {
  readonly terminal: Terminal;
  readonly readVersion: () => string;
  /** Aborted when the person presses Ctrl-C, or when another signal asks the program to end. */
  readonly signal: AbortSignal;
}

/** Runs a command line. Prints answers and errors. @returns the exit code */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const { terminal } = surroundings;
  try {
    await dispatch(args, surroundings);
    return EXIT.ok;
  } catch (error) {
    if (surroundings.signal.aborted && !(error instanceof CommandError)) return EXIT.interrupted;
    const { code, message } = explain(error, args);
    terminal.stderr.write(
      `${painter(terminal.stderr, terminal)(code === EXIT.interrupted ? 'bold' : 'red', message)}\n`,
    );
    return code;
  }
}

async function dispatch(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const { stdout } = surroundings.terminal;
  const [first] = args;
  if (first === COMPLETE) {
    const { completionsOf } = await import('./completion.ts');
    for (const completion of completionsOf(args.slice(1))) stdout.write(`${completion}\n`);
    return;
  }
  const { words, global } = leadingWords(args);
  const [group = '', second = ''] = words;
  const isNamed = ({ name }: { readonly name: string }): boolean => name === group || name === `${group} ${second}`;
  const command = COMMANDS.find(isNamed);
  const own = OWN_COMMANDS.find(isNamed);
  if (global.version === true && words.length === 0) stdout.write(`${surroundings.readVersion()}\n`);
  else if (command !== undefined) await runCommand(command, args, surroundings);
  else if (own !== undefined) await (await import('./run-own-command.ts')).runOwnCommand(own, args, surroundings);
  else await helpOrRefuse(words, global.help === true, surroundings);
}

/**
 * Handles a command line that names no known command. Shows the help of the program or of a group of commands.
 * @param isAsked whether the person has asked for help
 * @throws CommandError if the command is unknown, or if the person has neither named a command nor asked for help
 */
async function helpOrRefuse(words: readonly string[], isAsked: boolean, { terminal }: Surroundings): Promise<void> {
  const { helpOf } = await import('./help.ts');
  const [group, second] = words;
  const isGroup = group !== undefined && ALL_COMMANDS.some(({ name }) => name.startsWith(`${group} `));
  if (group === undefined || (isGroup && (second === undefined || isAsked))) {
    const text = helpOf(isGroup ? group : undefined);
    if (isAsked) terminal.stdout.write(text);
    else throw new CommandError(EXIT.usage, text.trimEnd());
    return;
  }
  const meant = words.slice(0, isGroup ? 2 : 1).join(' ');
  const known = isGroup
    ? ALL_COMMANDS.map(({ name }) => name)
    : ALL_COMMANDS.flatMap(({ name }) => [name, name.split(' ')[0] ?? '']);
  const nearest = nearestName(meant, known);
  throw new CommandError(
    EXIT.usage,
    `There is no command ${meant}.${nearest === undefined ? '' : ` Did you mean ${nearest}?`} See matrix-admin ${isGroup ? `${group} ` : ''}--help.`,
  );
}

async function runCommand(
  command: Command,
  args: readonly string[],
  { terminal, signal }: Surroundings,
): Promise<void> {
  const parsed = parseCommandLine(args, optionsOf(command));
  const { global } = parsed;
  if (global.help === true) {
    const { helpOfCommand } = await import('./help.ts');
    terminal.stdout.write(helpOfCommand(command));
    return;
  }
  const reader = createLineReader(terminal, signal);
  let connection: Connection | undefined;
  try {
    const { readInput } = await import('./read-input.ts');
    const words = command.name.split(' ').length;
    const input = await readInput(
      command,
      { ...parsed, positionals: parsed.positionals.slice(words) },
      reader,
      terminal.stdin.isTTY === true,
    );
    connection = await connect(command, global, terminal, reader);
    const { callOperation } = await import('./call-operation.ts');
    await callOperation({ command, input, connection, terminal, reader, signal, global });
  } finally {
    reader.close();
    await connection?.close();
  }
}

/** Returns the message and the exit code for an error. */
function explain(error: unknown, args: readonly string[]): { readonly code: ExitCode; readonly message: string } {
  if (error instanceof CommandError) return { code: error.exitCode, message: error.message };
  const message = printable(error instanceof Error ? error.message : String(error));
  if (error instanceof MatrixError) return { code: exitCodeOf(error), message: withRemedy(error, args) };
  if (error instanceof Error && error.name === 'UnreachableError') return { code: EXIT.unreachable, message };
  if (error instanceof TypeError) return { code: EXIT.usage, message };
  return { code: EXIT.failed, message };
}

/**
 * Returns the message for an error of the homeserver. The message names options instead of parameters. For some errors, it also
 * says what the person can do.
 */
function withRemedy({ errcode, status, message }: MatrixError, args: readonly string[]): string {
  const text = printable(message).replaceAll(
    /parameter "(\w+)/g,
    (_, name: string) => `parameter "--${optionOf(camelCase(name))}`,
  );
  const remedies: Readonly<Record<number, string>> = {
    401: 'The access token is not valid. Log in again and give the new one.',
    403:
      errcode === 'M_FORBIDDEN' && /only be used by admin/.test(message)
        ? 'Make the account an administrator: matrix-admin --database … user set-admin @user:server.'
        : '',
    429: 'Wait a little and try again.',
    503: 'The homeserver cannot reach its database. Try again.',
  };
  const remedy =
    errcode === 'M_UNRECOGNIZED' && !args.includes('--database')
      ? 'The homeserver does not serve this. An older version, or an option that is off?'
      : remedies[status];
  return `${errcode}: ${text}${remedy ? `\n${remedy}` : ''}`;
}

const camelCase = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
