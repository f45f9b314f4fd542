import { readFile } from 'node:fs/promises';
import type { Knex } from 'knex';
import { besideDendrite } from '../beside-dendrite.ts';
import type { AdminPluginOptions } from '../config.ts';
import { describeError } from '../errors.ts';
import type { Logger } from '../host.ts';
import { isRecord } from '../json.ts';
import { serverName as serverNameOf, userId } from '../make-ids.ts';
import type { Caller } from '../pipeline/run-operation.ts';
import { type AdminPlugin, createAdminPlugin } from '../plugin.ts';
import { LANGUAGE_CODES } from '../search/analysis/languages.ts';
import { connectDatabase } from '../storage/connect-database.ts';
import { type DatabaseProgram, listOtherPrograms } from '../storage/database-programs.ts';
import { explainFailure } from '../storage/explain-failure.ts';
import { findUsedSearchIndex } from '../storage/plugin/used-search-index.ts';
import type { Command } from './command.ts';
import type { Connection } from './connect.ts';
import { createDatabaseClient } from './database-client.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { readSigningKeys } from './signing-key-file.ts';

/** What `pg_stat_activity` shows for this program. */
const APPLICATION_NAME = 'matrix-admin';

export interface DatabaseSettings {
  readonly database: string;
  /** Whether the URL is an argument, which other users of the machine can read. */
  readonly isTyped: boolean;
  readonly serverName: string | undefined;
  readonly signingKeys: readonly string[];
  /** The user id of the administrator whom the audit names. */
  readonly actor: string | undefined;
  readonly optionsFile: string | undefined;
  readonly besideServer: boolean;
  /** The person at the terminal, for the audit. */
  readonly person: string;
  readonly warn: (text: string) => void;
}

/** A plugin on a database of its own, for one program. */
interface OpenedPlugin {
  readonly plugin: AdminPlugin;
  readonly close: () => Promise<void>;
}

/**
 * Starts the plugin on the homeserver's database, without a homeserver.
 * @throws CommandError if something is missing, another program is connected, or the operation is not safe beside it
 */
export async function openDatabase(
  { operation, effect }: Pick<Command, 'operation' | 'effect'>,
  settings: DatabaseSettings,
): Promise<Pick<Connection, 'client' | 'close'>> {
  const beside = besideDendrite(operation, effect);
  if (settings.besideServer && beside.verdict === 'refused') throw new CommandError(EXIT.refused, beside.text);
  if (settings.besideServer && beside.verdict === 'later') settings.warn(beside.text);
  const { plugin, close } = await startPlugin(settings, operation === 'reindexFulltext');
  const actor: Caller['actor'] =
    settings.actor === undefined
      ? { kind: 'system', name: `${APPLICATION_NAME} (${settings.person})` }
      : { kind: 'user', userId: userId(settings.actor) };
  return { client: createDatabaseClient(plugin, actor), close };
}

/** Connects, checks who else is connected, and starts the plugin. @param needsSearch whether to create a missing index */
async function startPlugin(settings: DatabaseSettings, needsSearch: boolean): Promise<OpenedPlugin> {
  const { database, isTyped, serverName, signingKeys } = settings;
  requireNoPassword(database, isTyped);
  if (serverName === undefined) throw missing('--server-name', 'the part of user ids after the colon');
  if (signingKeys.length === 0) throw missing('--signing-key', "the homeserver's key file, such as matrix_key.pem");
  const primary = serverNameOf(serverName);
  const keys = await readSigningKeys(signingKeys, primary);
  const options = await readOptionsFile(settings.optionsFile);
  const db = connectDatabase(database, APPLICATION_NAME);
  try {
    if (!settings.besideServer) refuseOthers(await reach(db, () => listOtherPrograms(db, APPLICATION_NAME)));
    const virtualHosts = keys.map((key) => key.serverName).filter((name) => name !== primary);
    const plugin = createAdminPlugin(
      { serverName: primary, virtualHosts, db, signingKeys: keys, logger: loggerOf(settings.warn) },
      { ...options, search: await reach(db, () => searchOf(db, needsSearch)) },
    );
    await plugin.start();
    return {
      plugin,
      close: async () => {
        await plugin.stop();
        await db.destroy();
      },
    };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

function requireNoPassword(database: string, isTyped: boolean): void {
  if (!URL.canParse(database) || !/^postgres(?:ql)?:\/\//.test(database)) {
    throw new CommandError(EXIT.usage, '--database must be a URL such as postgres://dendrite@localhost/dendrite.');
  }
  if (!isTyped || new URL(database).password === '') return;
  throw new CommandError(
    EXIT.usage,
    'A password is never an argument, because other users of this machine can read arguments: put the URL into the variable MATRIX_ADMIN_DATABASE, or the password into PGPASSWORD or ~/.pgpass.',
  );
}

const missing = (option: string, what: string): CommandError =>
  new CommandError(EXIT.usage, `--database needs ${option}: ${what}.`);

/** Runs the first queries. @throws CommandError if the database cannot be reached */
async function reach<T>(db: Knex, query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(EXIT.unreachable, describeError(explainFailure(error, db)));
  }
}

function refuseOthers(programs: readonly DatabaseProgram[]): void {
  if (programs.length === 0) return;
  const list = programs.map(({ name, role, address, connections }) => {
    const program = name === '' ? 'a program without a name, such as Dendrite' : name;
    return `  ${program}, as ${role}${address === null ? '' : ` from ${address}`}, ${connections} connection${connections === 1 ? '' : 's'}`;
  });
  throw new CommandError(
    EXIT.refused,
    [
      'Another program is connected to the database:',
      ...list,
      'Stop it and run the command again. Or run what is safe beside a running homeserver with --beside-server.',
    ].join('\n'),
  );
}

/** The search index that the homeserver has. Its texts must be removed and added with the same rules. */
async function searchOf(db: Knex, isNeeded: boolean): Promise<NonNullable<AdminPluginOptions['search']>> {
  const used = await findUsedSearchIndex(db);
  if (used === undefined && !isNeeded) return false;
  if (used !== undefined && used.engine !== 'postgres') {
    if (!isNeeded) return false;
    throw new CommandError(
      EXIT.refused,
      `The homeserver searches with ${used.engine}: ask the homeserver for the reindex, with --url.`,
    );
  }
  const { postgresSearch } = await import('../search/postgres/index.ts');
  const languages = LANGUAGE_CODES.filter((code) => used?.languages?.includes(code));
  return { adapter: postgresSearch(), ...(used?.languages !== undefined && { languages }) };
}

async function readOptionsFile(file: string | undefined): Promise<Omit<AdminPluginOptions, 'search'>> {
  if (file === undefined) return {};
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(EXIT.usage, `Cannot read the options file ${file} (${error.code ?? error.message}).`);
  });
  try {
    const options: unknown = JSON.parse(text);
    if (isRecord(options)) return options;
  } catch {
    // The error below says what is expected.
  }
  throw new CommandError(
    EXIT.usage,
    `${file} must be a JSON object with options of the plugin, such as {"serverNotices":{}}.`,
  );
}

/** Shows warnings and errors of the plugin. Errors of requests are shown by the command itself. */
function loggerOf(warn: (text: string) => void): Logger {
  const show = ({ operation, error }: Record<string, unknown>, message: string): void => {
    if (operation === undefined) warn(typeof error === 'string' ? `${message}: ${error}` : message);
  };
  return { debug: () => {}, info: () => {}, warn: show, error: show };
}
