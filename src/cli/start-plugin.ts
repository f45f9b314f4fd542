import { readFile } from 'node:fs/promises';
import type { Knex } from 'knex';
import { besideDendrite, refusalBesideDendrite } from '../beside-dendrite.ts';
import type { AdminPluginOptions } from '../config.ts';
import { describeError } from '../errors.ts';
import type { Logger, Notifier } from '../host.ts';
import { isRecord } from '../json.ts';
import { serverName as serverNameOf } from '../make-ids.ts';
import { OPERATIONS, type OperationName } from '../operations/operations.ts';
import { deny } from '../pipeline/hooks.ts';
import { type AdminPlugin, createAdminPlugin } from '../plugin.ts';
import { LANGUAGE_CODES } from '../search/analysis/languages.ts';
import { connectDatabase } from '../storage/connect-database.ts';
import { type DatabaseProgram, listOtherPrograms } from '../storage/database-programs.ts';
import { explainFailure } from '../storage/explain-failure.ts';
import { listUnfinishedKinds } from '../storage/plugin/unfinished-kinds.ts';
import { findUsedSearchIndex } from '../storage/plugin/used-search-index.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { readSigningKeys } from './signing-key-file.ts';

/** Error code for calls that are not safe while Dendrite is running. */
const REFUSED = 'ORG_KOA_MATRIX_ADMIN_BESIDE_DENDRITE';
/**
 * The name of this program in `pg_stat_activity`, except for `serve`. The check for other programs ignores connections with
 * this name, so several commands may be connected at the same time.
 */
export const APPLICATION_NAME = 'matrix-admin';

/** The database, and what the plugin needs besides it. */
export interface PluginSettings {
  readonly database: string;
  /** Whether the URL was given as an argument. Other users of the machine can read arguments. */
  readonly isTyped: boolean;
  readonly serverName: string | undefined;
  readonly signingKeys: readonly string[];
  readonly optionsFile: string | undefined;
  /**
   * Whether Dendrite may be connected to the same database. If true, the plugin refuses operations that are not safe beside a
   * running Dendrite.
   */
  readonly besideServer: boolean;
  /** The name of this program in `pg_stat_activity`. @defaultValue `APPLICATION_NAME` */
  readonly applicationName?: string;
  readonly logger: Logger;
  /**
   * The plugin calls this notifier when rooms or users have something new for `/sync`. @defaultValue the plugin calls nothing
   */
  readonly notifier?: Notifier;
}

/** A plugin that runs in this program. */
interface StartedPlugin {
  readonly plugin: AdminPlugin;
  readonly close: () => Promise<void>;
}

/**
 * Connects to the database and starts the plugin. Without `besideServer`, refuses to start if another program is connected to
 * the database. With `besideServer`, refuses to start if an unfinished job is not safe beside a running Dendrite, and then
 * refuses each operation that is not safe.
 * @param needsSearch whether the command's operation needs the search index
 * @throws CommandError that says what is missing, wrong or not safe
 */
export async function startPlugin(settings: PluginSettings, needsSearch: boolean): Promise<StartedPlugin> {
  const { database, isTyped, serverName, signingKeys } = settings;
  requireNoPassword(database, isTyped);
  if (serverName === undefined) throw missing('--homeserver', 'the part of user ids after the colon');
  if (signingKeys.length === 0) throw missing('--signing-key', "the homeserver's key file, such as matrix_key.pem");
  const primary = serverNameOf(serverName);
  const keys = await readSigningKeys(signingKeys, primary);
  const options = await readOptionsFile(settings.optionsFile);
  const db = connectDatabase(database, settings.applicationName ?? APPLICATION_NAME);
  try {
    if (settings.besideServer) refuseUnsafeJobs(await reach(db, () => listUnfinishedKinds(db)));
    else refuseOthers(await reach(db, () => listOtherPrograms(db, APPLICATION_NAME)));
    const virtualHosts = keys.map((key) => key.serverName).filter((name) => name !== primary);
    const plugin = createAdminPlugin(
      {
        serverName: primary,
        virtualHosts,
        db,
        signingKeys: keys,
        logger: settings.logger,
        ...(settings.notifier && { notifier: settings.notifier }),
      },
      // Nobody passes the homeserver's events to this plugin, so it cannot keep the summary tables of rooms and users up to
      // date.
      { ...options, summaries: false, search: await reach(db, () => searchOf(db, needsSearch)) },
    );
    if (settings.besideServer) refuseUnsafeCalls(plugin);
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

/**
 * Runs a query before the plugin starts. @throws CommandError if the query fails, usually because the database cannot be
 * reached
 */
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

/**
 * Returns the option `search` for the index that the homeserver uses: the adapter for PostgreSQL and the languages of that
 * index, because all changes of an index must use the same text analysis. Returns `false`, which switches search off, if the
 * operation does not need the index, and there is no index or the index is not in PostgreSQL. If there is no index and the
 * operation needs one, the index gets the default languages.
 * @throws CommandError if the operation needs the index, and the index is not in PostgreSQL
 */
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
    // The text is not JSON, so the function throws the error below.
  }
  throw new CommandError(
    EXIT.usage,
    `${file} must be a JSON object with options of the plugin, such as {"serverNotices":{}}.`,
  );
}

/**
 * Refuses operations that are not safe beside a running Dendrite. A hook does this, because the plugin calls hooks even if an
 * operation is part of a bulk operation or of another operation.
 */
function refuseUnsafeCalls({ hooks }: AdminPlugin): void {
  for (const operation of Object.keys(OPERATIONS) as OperationName[]) {
    hooks.before(operation, { name: 'beside-dendrite' }, ({ input }) => {
      const refusal = refusalBesideDendrite(operation, OPERATIONS[operation].effect, input);
      return refusal === undefined ? undefined : deny(REFUSED, refusal);
    });
  }
}

/**
 * Refuses to start if there are unfinished jobs that are not safe beside a running Dendrite, because this program would
 * continue such jobs.
 */
function refuseUnsafeJobs(kinds: readonly string[]): void {
  const unsafe = kinds.filter((kind) => besideDendrite(kind as OperationName, 'job').verdict === 'refused');
  if (unsafe.length === 0) return;
  throw new CommandError(
    EXIT.refused,
    `An unfinished job is not safe beside a running Dendrite: ${unsafe.join(', ')}. Stop Dendrite, find the job with jobs list, and finish it with jobs watch or cancel it.`,
  );
}
