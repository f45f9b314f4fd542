import type { OperationInput, OperationName } from '../operations/operations.ts';
import type { Command } from './command.ts';
import type { Connection } from './connect.ts';
import { CommandError, EXIT } from './exit-code.ts';
import type { LineReader } from './secrets.ts';
import { showAnswer } from './show-answer.ts';
import { painter, type Terminal } from './terminal.ts';

type Input = Readonly<Record<string, unknown>>;

/** Operations that have a dry run but destroy nothing. */
const HARMLESS: readonly OperationName[] = ['refreshDevices', 'planBulk'];

/**
 * Tells whether a command asks for a confirmation before it runs. It does if its operation has a dry run and is not in
 * `HARMLESS`, or if it runs a planned bulk operation.
 */
export function needsConfirmation({ operation, parameters }: Command): boolean {
  if (HARMLESS.includes(operation)) return false;
  return operation === 'runBulk' || parameters.some(({ name }) => name === 'dryRun');
}

/**
 * Shows what the command would do, and asks the person to type the id of the room or user, or another word if there is no such
 * id.
 * @throws CommandError if the person types something else, or if the input is not a terminal
 */
export async function confirm(
  command: Command,
  input: Input,
  { client }: Connection,
  terminal: Terminal,
  reader: LineReader,
  signal: AbortSignal,
): Promise<void> {
  if (terminal.stdin.isTTY !== true) {
    throw new CommandError(
      EXIT.notConfirmed,
      `${command.name} asks before it runs, and the input is not a terminal: add --yes, or --dry-run to see what it would do.`,
    );
  }
  // The preview goes to the error output, because it is not part of the output of the command.
  const shown: Terminal = { ...terminal, stdout: terminal.stderr };
  const title = (text: string): void =>
    void terminal.stderr.write(`${painter(terminal.stderr, terminal)('bold', text)}\n`);
  const ask = <Name extends OperationName>(operation: Name, about: OperationInput<Name>): Promise<unknown> =>
    client.request(operation, about, { signal });
  if (typeof input['roomId'] === 'string') {
    title('The room');
    showAnswer(shown, await ask('roomInfo', { roomId: input['roomId'] }), false);
  }
  title(`What ${command.name} will do`);
  const plan =
    command.operation === 'runBulk'
      ? await ask('getBulk', { token: String(input['token']), limit: 20 })
      : await ask(command.operation, { ...input, dryRun: true });
  showAnswer(shown, plan, false);
  const name = targetOf(command, input);
  const answer = await reader.ask(`\nType ${name} to go on: `);
  if (answer.trim() !== name) throw new CommandError(EXIT.notConfirmed, 'Nothing has changed.');
}

/**
 * Returns what the person must type: the id of the room or user that the command is about, or otherwise the last word of the
 * command's name.
 */
function targetOf({ name, operation }: Command, input: Input): string {
  const target = operation === 'runBulk' ? undefined : (input['roomId'] ?? input['userId']);
  return typeof target === 'string' ? target : (name.split(' ').at(-1) ?? name);
}
