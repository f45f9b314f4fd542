import type { Knex } from 'knex';
import { describeError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { codeOf } from './database-failures.ts';

/** The causes and remedies of errors that may occur when the plugin starts. The key is an SQLSTATE or a socket error code. */
const EXPLANATIONS: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  '28000': ['the server refuses the role', 'Check the user of the connection, and pg_hba.conf'],
  '28P01': ['the server refuses the role or its password', 'Check user and password of the connection'],
  '3D000': ['the database does not exist', "Create it with ENCODING 'UTF8' TEMPLATE template0, or correct its name"],
  '42501': ['the role lacks a privilege', 'Allow it to create schemas and tables: GRANT CREATE ON DATABASE … TO …'],
  '42P07': ['another program has already created a table with this name', 'Use a separate database'],
  '53100': ["the server's disk is full", 'Free some space on it'],
  '53300': ['the server has no free connection', 'Raise max_connections, or make pools smaller'],
  '57P03': ['the server does not accept connections yet', 'Wait until it has started'],
  '22P05': ["the database's encoding cannot store a character", 'Use a database in UTF8'],
  ECONNREFUSED: ['no server listens there', 'Start PostgreSQL, or correct host and port'],
  ENOTFOUND: ['the host does not exist', 'Correct the host of the connection'],
  EAI_AGAIN: ['the host name cannot be resolved', 'Check the name server, or correct the host'],
  ETIMEDOUT: ['the server does not answer', 'Check host, port and firewall'],
  ECONNRESET: ['the connection was cut', 'Check that PostgreSQL runs there, and whether it asks for TLS'],
};

/**
 * Explains to the operator why connecting to the database, checking it or migrating it failed.
 * @returns an error that names the database's address, the cause and the remedy, but neither the password nor the SQL
 * statement; the given error if `EXPLANATIONS` lacks its code
 */
export function explainFailure(error: unknown, db: Knex): unknown {
  // If Node has tried several addresses of a host name, it reports one error for each address. The first one is explained.
  const code = codeOf(error instanceof AggregateError ? error.errors[0] : error);
  const [problem, remedy] = EXPLANATIONS[code] ?? [];
  if (problem === undefined) return error;
  const detail = /^[0-9A-Z]{5}$/.test(code) ? `; ${describeError(error)}` : '';
  return new Error(`PostgreSQL at ${placeOf(db)}: ${problem}. ${remedy}. (${code}${detail})`, { cause: error });
}

/**
 * Describes a connection by host, port, database and role. Leaves out the database and the role if they are not known. Returns
 * `the configured address` if nothing is known.
 */
function placeOf(db: Knex): string {
  const client: unknown = db.client;
  const settings = isRecord(client) ? client.connectionSettings : undefined;
  if (!isRecord(settings)) return 'the configured address';
  const parts: Readonly<Record<string, unknown>> = { ...partsOf(settings.connectionString), ...settings };
  const named = (label: string, key: string): string[] => {
    const value = textOf(parts[key]);
    return value === undefined ? [] : [`${label} ${value}`];
  };
  const address = `${textOf(parts.host) ?? 'localhost'}:${textOf(parts.port) ?? '5432'}`;
  return [address, ...named('database', 'database'), ...named('role', 'user')].join(', ');
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'number' || (typeof value === 'string' && value !== '') ? String(value) : undefined;

function partsOf(connectionString: unknown): Record<string, unknown> {
  if (typeof connectionString !== 'string' || !URL.canParse(connectionString)) return {};
  const { hostname, port, pathname, username } = new URL(connectionString);
  return {
    host: hostname,
    ...(port !== '' && { port }),
    database: decodeURIComponent(pathname.slice(1)),
    user: decodeURIComponent(username),
  };
}
