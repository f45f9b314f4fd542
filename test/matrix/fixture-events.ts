import { readFileSync } from 'node:fs';

/** An event that a Dendrite wrote, with what Dendrite's tables say about it. */
export interface FixtureEvent {
  readonly eventId: string;
  readonly roomVersion: string;
  readonly event: Record<string, unknown>;
}

const FIXTURE = new URL('../fixtures/dendrite/', import.meta.url);

export interface FixtureServer {
  readonly server_name: string;
  readonly signing_key: { readonly key_id: string; readonly seed_base64: string };
}

export function fixtureServer(): FixtureServer {
  return JSON.parse(readFileSync(new URL('server.json', FIXTURE), 'utf8'));
}

/**
 * Reads the rows of one table from a dump of `INSERT … VALUES` statements. Values are strings. `NULL` and numbers stay as they
 * are written.
 */
function rowsOf(sql: string, table: string): string[][] {
  const inserts = sql.matchAll(new RegExp(`^INSERT INTO public\\.${table} \\([^)]*\\) VALUES\\n((?:\\t.*\\n)+)`, 'gm'));
  return [...inserts].flatMap(([, values = '']) => values.trimEnd().split('\n').map(fieldsOf));
}

function fieldsOf(line: string): string[] {
  const fields = line.matchAll(/'((?:[^']|'')*)'|[^\s(),;']+/g);
  return [...fields].map(([whole, text]) => text?.replaceAll("''", "'") ?? whole);
}

/** Reads the public keys of other servers, by server name. Public keys are in unpadded base64. */
export function fixtureRemoteKeys(): Map<string, { keyId: string; publicKey: string }> {
  const sql = readFileSync(new URL('data.sql', FIXTURE), 'utf8');
  return new Map(
    rowsOf(sql, 'keydb_server_keys').map(([serverName = '', keyId = '', , , , publicKey = '']) => [
      serverName,
      { keyId, publicKey },
    ]),
  );
}

export function fixtureEvents(): FixtureEvent[] {
  const sql = readFileSync(new URL('data.sql', FIXTURE), 'utf8');
  const json = new Map(rowsOf(sql, 'roomserver_event_json').map(([nid, text = '']) => [nid, text]));
  const versions = new Map(rowsOf(sql, 'roomserver_rooms').map((row) => [row[0], row[5] ?? '']));
  return rowsOf(sql, 'roomserver_events').map(([nid, roomNid, , , , , , eventId = '']) => ({
    eventId,
    roomVersion: versions.get(roomNid) ?? '',
    event: JSON.parse(json.get(nid) ?? 'null'),
  }));
}
