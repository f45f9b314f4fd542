import type { Knex } from 'knex';
import { describeError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { codeOf } from './database-failures.ts';

/** What went wrong while the plugin or its host started, and what to do, by SQLSTATE or code of a socket. */
const EXPLANATIONS: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  '28000': ['the server refuses the role', 'Check the user of the connection, and pg_hba.conf'],
  '28P01': ['the server refuses the role or its password', 'Check user and password of the connection'],
  '3D000': ['there is no such database', "Create it with ENCODING 'UTF8' TEMPLATE template0, or correct its name"],
  '42501': ['the role lacks a right', 'Let it create schemas and tables: GRANT CREATE ON DATABASE … TO …'],
  '42P07': ['there is a table of that name already, which another program has made', 'Use a database of its own'],
  '53100': ["the server's disk is full", 'Make room on it'],
  '53300': ['the server has no connection to spare', 'Raise max_connections, or make pools smaller'],
  '57P03': ['the server does not take connections yet', 'Wait until it has started'],
  '22P05': ["a character does not fit into the database's encoding", 'Use a database in UTF8'],
  ECONNREFUSED: ['nothing listens there', 'Start PostgreSQL, or correct host and port'],
  ENOTFOUND: ['there is no such host', 'Correct the host of the connection'],
  EAI_AGAIN: ['the name of the host can not be looked up', 'Check the name server, or correct the host'],
  ETIMEDOUT: ['the server does not answer', 'Check host, port and firewall'],
  ECONNRESET: ['the connection was cut', 'Check that PostgreSQL runs there, and whether it asks for TLS'],
};

/**
 * Says what an operator needs to know of an error of connecting, checking or migrating: what was wrong, where, and what to
 * do. The password and the statement stay out of it.
 * @returns the error itself where there is nothing to add
 */
export function explainFailure(error: unknown, db: Knex): unknown {
  // Node tries all addresses of a host, and tells of each.
  const code = codeOf(error instanceof AggregateError ? error.errors[0] : error);
  const [problem, remedy] = EXPLANATIONS[code] ?? [];
  if (problem === undefined) return error;
  const detail = /^[0-9A-Z]{5}$/.test(code) ? `; ${describeError(error)}` : '';
  return new Error(`PostgreSQL at ${placeOf(db)}: ${problem}. ${remedy}. (${code}${detail})`, { cause: error });
}

/** Host, port, database and role of a connection, as far as they are known. */
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
