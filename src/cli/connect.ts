import { userInfo } from 'node:os';
import type { AdminClient } from '../client/admin-client.ts';
import type { Command } from './command.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { type GlobalOptionName, type GlobalValues, VARIABLES } from './options.ts';
import { type LineReader, readSecret } from './secrets.ts';
import type { Terminal } from './terminal.ts';

/** A connection to the homeserver, or to its database. */
export interface Connection {
  readonly client: AdminClient;
  /** Whether jobs continue when this program ends. */
  readonly keepsJobs: boolean;
  /** The options with which another command makes the same connection, as a person types them. */
  readonly options: string;
  /** Releases the jobs that this program runs, so that other processes can continue them. Then closes everything. */
  readonly close: () => Promise<void>;
}

/**
 * Connects to the homeserver over HTTP, or to its database. Options or environment variables say which.
 * @throws CommandError that says what is missing or wrong
 */
export async function connect(
  command: Pick<Command, 'operation' | 'effect'>,
  global: GlobalValues,
  terminal: Terminal,
  reader: LineReader,
): Promise<Connection> {
  const { environment } = terminal;
  const settings = {
    url: global.url ?? (global.database === undefined ? environment[VARIABLES.url] : undefined),
    database: global.database ?? (global.url === undefined ? environment[VARIABLES.database] : undefined),
  };
  if (settings.url !== undefined && settings.database !== undefined) {
    throw new CommandError(EXIT.usage, 'Give either --url or --database, not both.');
  }
  if (settings.database !== undefined) return connectToDatabase(command, global, settings.database, terminal);
  if (settings.url === undefined) {
    throw new CommandError(
      EXIT.usage,
      'Where is the homeserver? Give --url https://example.org, or --database postgres://… if no homeserver answers.',
    );
  }
  return connectOverHttp(settings.url, global, terminal, reader);
}

async function connectOverHttp(
  url: string,
  global: GlobalValues,
  { environment, stdin }: Terminal,
  reader: LineReader,
): Promise<Connection> {
  if (!URL.canParse(url) || !/^https?:\/\//.test(url)) {
    throw new CommandError(
      EXIT.usage,
      `--url must be an address such as https://example.org, not ${JSON.stringify(url)}.`,
    );
  }
  const { createAdminClient } = await import('../client/create-admin-client.ts');
  const file = global['token-file'] ?? environment[VARIABLES['token-file']];
  const token = file === undefined ? environment[VARIABLES.token] : (await readSecret(file, reader)).trim();
  if (token === undefined && !stdin.isTTY) {
    throw new CommandError(
      EXIT.usage,
      `There is no access token: give --token-file, or the variable ${VARIABLES.token}. A terminal would ask for it.`,
    );
  }
  const accessToken = token ?? (await reader.ask('Access token (not shown): ', { hidden: true })).trim();
  if (!/^[\x21-\x7e]+$/.test(accessToken)) throw new CommandError(EXIT.usage, 'This is not an access token.');
  const client = createAdminClient({ baseUrl: url, accessToken });
  return { client, keepsJobs: true, options: connectingOptions(global), close: async () => {} };
}

async function connectToDatabase(
  command: Pick<Command, 'operation' | 'effect'>,
  global: GlobalValues,
  database: string,
  terminal: Terminal,
): Promise<Connection> {
  const { openDatabase } = await import('./open-database.ts');
  const { environment } = terminal;
  const key = environment[VARIABLES['signing-key']];
  const opened = await openDatabase(command, {
    database,
    isTyped: global.database !== undefined,
    serverName: global.homeserver ?? environment[VARIABLES.homeserver],
    signingKeys: global['signing-key'] ?? (key === undefined ? [] : [key]),
    actor: global.as,
    optionsFile: global['plugin-options'],
    besideServer: global['beside-server'] === true,
    person: userInfo().username,
    warn: (text) => terminal.stderr.write(`${text}\n`),
  });
  return { ...opened, keepsJobs: false, options: connectingOptions(global) };
}

const CONNECTING: readonly GlobalOptionName[] = [
  'url',
  'token-file',
  'database',
  'homeserver',
  'signing-key',
  'as',
  'plugin-options',
  'beside-server',
];

/** Returns the options of the command line that say how to connect. None of these options has a secret value. */
function connectingOptions(global: GlobalValues): string {
  return CONNECTING.flatMap((name) => [global[name] ?? []].flat().map((value) => [name, value] as const))
    .map(([name, value]) => (value === true ? ` --${name}` : ` --${name} ${quoted(String(value))}`))
    .join('');
}

/** Quotes a word for a shell, if necessary. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
