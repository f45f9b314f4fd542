import { besideDendrite } from '../beside-dendrite.ts';
import type { Logger } from '../host.ts';
import { userId } from '../make-ids.ts';
import type { Caller } from '../pipeline/run-operation.ts';
import type { Command } from './command.ts';
import type { Connection } from './connect.ts';
import { createDatabaseClient } from './database-client.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { APPLICATION_NAME, type PluginSettings, startPlugin } from './start-plugin.ts';

/** The settings for the database, from the options of a command. */
interface DatabaseSettings extends Omit<PluginSettings, 'logger'> {
  /** The user id of the administrator. The audit shows this administrator as the actor. */
  readonly actor: string | undefined;
  /** The name of the person at the terminal. The audit shows this name if `actor` is `undefined`. */
  readonly person: string;
  readonly warn: (text: string) => void;
}

/**
 * Starts the plugin on the homeserver's database, without a homeserver. With `besideServer`, warns if Dendrite's clients will
 * see the changes of the operation only later.
 * @throws CommandError if a setting is missing or wrong, if the database cannot be reached, if another program is connected to
 * it and `besideServer` is not set, or if `besideServer` is set and the operation or an unfinished job is not safe beside a
 * running Dendrite
 */
export async function openDatabase(
  { operation, effect }: Pick<Command, 'operation' | 'effect'>,
  settings: DatabaseSettings,
): Promise<Pick<Connection, 'client' | 'close'>> {
  const beside = besideDendrite(operation, effect);
  if (settings.besideServer && beside.verdict === 'refused') throw new CommandError(EXIT.refused, beside.text);
  if (settings.besideServer && beside.verdict === 'later') settings.warn(beside.text);
  const { plugin, close } = await startPlugin(
    { ...settings, logger: loggerOf(settings.warn) },
    operation === 'reindexFulltext',
  );
  const actor: Caller['actor'] =
    settings.actor === undefined
      ? { kind: 'system', name: `${APPLICATION_NAME} (${settings.person})` }
      : { kind: 'user', userId: userId(settings.actor) };
  return { client: createDatabaseClient(plugin, actor), close };
}

/**
 * Creates a logger that shows warnings and errors of the plugin. It leaves out entries about an operation, because the command
 * itself shows the operation's error.
 */
function loggerOf(warn: (text: string) => void): Logger {
  const show = ({ operation, error }: Record<string, unknown>, message: string): void => {
    if (operation === undefined) warn(typeof error === 'string' ? `${message}: ${error}` : message);
  };
  return { debug: () => {}, info: () => {}, warn: show, error: show };
}
