import type { Knex } from 'knex';
import type { DestinationRetry } from '../../host.ts';
import type { RoomId, ServerName } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/**
 * Another server: one that shares rooms with the homeserver, for which PDUs or EDUs are queued, that is blacklisted, or that is
 * assumed to be offline.
 */
export interface Destination {
  readonly destination: ServerName;
  /** Number of PDUs that wait to be sent to the server. */
  readonly queuedPdus: number;
  /** Number of EDUs that wait to be sent to the server. */
  readonly queuedEdus: number;
  /**
   * `origin_server_ts` of the PDU that was queued first for the server, in ms since the epoch. `null` if no PDU is queued, or
   * if the queued PDU has no such number.
   */
  readonly oldestQueuedAt: number | null;
  /** Whether the server is in `federationsender_blacklist`. If so, the homeserver sends nothing to this server. */
  readonly isBlacklisted: boolean;
  /** Whether the server is in `federationsender_assumed_offline`. If so, Dendrite sends to this server through a relay. */
  readonly isAssumedOffline: boolean;
  /**
   * Times of the last and the next attempt to reach the server. `null` if the homeserver reports no times, or if the homeserver
   * is not waiting to try again.
   */
  readonly retry: DestinationRetry | null;
}

interface DestinationRow {
  destination: ServerName;
  pdus: number;
  edus: number;
  oldest_json: string | null;
  is_blacklisted: boolean;
  is_assumed_offline: boolean;
}

/**
 * SQL sort keys of the list. Row `t` has the times of attempts that the homeserver reports for the server. `NULL` stands for a
 * value that the homeserver does not have, so this order sorts by the server name.
 */
const ORDERS = {
  destination: 'destination COLLATE "C"',
  retry_last_ts: 'coalesce(t.last_try, 0)',
  retry_interval: 'coalesce(t.next_try - t.last_try, 0)',
  failure_ts: 't.failing_since',
  last_successful_stream_ordering: 'NULL',
  queued_pdus: 'pdus',
  queued_edus: 'edus',
} as const;
export type DestinationOrder = keyof typeof ORDERS;
export const DESTINATION_ORDERS = Object.keys(ORDERS) as [DestinationOrder, ...DestinationOrder[]];

/**
 * Selects the server named `name`, or all servers whose names contain `partOfName`, ignoring case. If `partOfName` is
 * `undefined`, selects all servers.
 */
export type DestinationFilter = { readonly name: string } | { readonly partOfName: string | undefined };

/** A page of a sorted list. `isReversed` reverses the order. `offset` is the number of entries before the page. */
export interface DestinationPage {
  readonly orderBy: DestinationOrder;
  readonly isReversed: boolean;
  readonly offset: number;
  readonly limit: number;
}

const KNOWN = `SELECT server_name FROM public.federationsender_joined_hosts
  UNION SELECT server_name FROM public.federationsender_queue_pdus
  UNION SELECT server_name FROM public.federationsender_queue_edus
  UNION SELECT server_name FROM public.federationsender_blacklist
  UNION SELECT server_name FROM public.federationsender_assumed_offline`;

/**
 * SQL for the servers that a filter selects, without the homeserver itself. The SQL reads the whole table
 * `federationsender_joined_hosts`, because Dendrite has no index on its server names.
 */
const DESTINATIONS = `SELECT known.server_name AS destination, coalesce(p.pdus, 0) AS pdus, coalesce(e.edus, 0) AS edus, p.oldest,
    b.server_name IS NOT NULL AS is_blacklisted, o.server_name IS NOT NULL AS is_assumed_offline
  FROM (${KNOWN}) AS known
  LEFT JOIN (SELECT server_name, count(*)::int AS pdus, min(json_nid) AS oldest FROM public.federationsender_queue_pdus GROUP BY 1) p
    ON p.server_name = known.server_name
  LEFT JOIN (SELECT server_name, count(*)::int AS edus FROM public.federationsender_queue_edus GROUP BY 1) e
    ON e.server_name = known.server_name
  LEFT JOIN public.federationsender_blacklist b ON b.server_name = known.server_name
  LEFT JOIN public.federationsender_assumed_offline o ON o.server_name = known.server_name
  WHERE known.server_name <> ALL(:localServerNames)
    AND (CAST(:name AS text) IS NULL OR known.server_name = :name)
    AND (CAST(:partOfName AS text) IS NULL OR strpos(lower(known.server_name), lower(:partOfName)) > 0)`;

/**
 * Counts the PDUs and the EDUs that wait to be sent to other servers. A PDU or EDU for several servers counts once for each
 * server.
 */
export async function readQueueLengths(db: Db): Promise<{ readonly pdus: number; readonly edus: number }> {
  const [lengths] = await rowsOf<{ pdus: string; edus: string }>(
    db.raw(`SELECT (SELECT count(*) FROM public.federationsender_queue_pdus) AS pdus,
      (SELECT count(*) FROM public.federationsender_queue_edus) AS edus`),
  );
  return { pdus: Number(lengths?.pdus), edus: Number(lengths?.edus) };
}

/**
 * Reads a page of the servers that the filter selects, and counts all servers that it selects.
 * @param servers `localServerNames`: the names of the homeserver itself, which are left out. `retries`: the times of attempts
 * that the homeserver reports
 */
export async function readDestinations(
  db: Db,
  filter: DestinationFilter,
  { orderBy, isReversed, offset, limit }: DestinationPage,
  {
    localServerNames,
    retries,
  }: { readonly localServerNames: readonly ServerName[]; readonly retries: readonly DestinationRetry[] },
): Promise<{ destinations: Destination[]; total: number }> {
  const order = `${ORDERS[orderBy]} ${isReversed ? 'DESC NULLS LAST' : 'ASC NULLS FIRST'}, destination COLLATE "C"`;
  const rows = await rowsOf<DestinationRow & { total: number; destination: ServerName | null }>(
    db.raw(
      `WITH matching AS MATERIALIZED (${DESTINATIONS}),
       times AS (SELECT * FROM unnest(CAST(:names AS text[]), CAST(:failing AS float8[]), CAST(:last AS float8[]), CAST(:next AS float8[]))
         AS t(server_name, failing_since, last_try, next_try)),
       page AS (
         SELECT matching.*, row_number() OVER (ORDER BY ${order}) AS n
         FROM matching LEFT JOIN times t ON t.server_name = matching.destination ORDER BY n OFFSET :offset LIMIT :limit)
       SELECT (SELECT count(*)::int FROM matching) AS total, page.*, j.json_body AS oldest_json
       FROM (SELECT) AS one LEFT JOIN page ON true LEFT JOIN public.federationsender_queue_json j ON j.json_nid = page.oldest
       ORDER BY page.n`,
      {
        localServerNames: [...localServerNames],
        name: 'name' in filter ? filter.name : null,
        partOfName: 'name' in filter ? null : (filter.partOfName ?? null),
        names: retries.map(({ destination }) => destination),
        failing: retries.map(({ failingSince }) => failingSince),
        last: retries.map(({ lastTry }) => lastTry),
        next: retries.map(({ nextTry }) => nextTry),
        offset,
        limit,
      },
    ),
  );
  const retryOf = new Map(retries.map((retry) => [retry.destination, retry]));
  return {
    destinations: rows.flatMap((row) => (row.destination === null ? [] : [destinationOf(row, retryOf)])),
    total: rows[0]?.total ?? 0,
  };
}

const destinationOf = (row: DestinationRow, retryOf: ReadonlyMap<ServerName, DestinationRetry>): Destination => ({
  destination: row.destination,
  queuedPdus: row.pdus,
  queuedEdus: row.edus,
  oldestQueuedAt: row.oldest_json === null ? null : timeOf(row.oldest_json),
  isBlacklisted: row.is_blacklisted,
  isAssumedOffline: row.is_assumed_offline,
  retry: retryOf.get(row.destination) ?? null,
});

/** Reads `origin_server_ts` from an event's JSON. Returns `null` if the text is not JSON, or has no such number. */
function timeOf(json: string): number | null {
  try {
    const { origin_server_ts: at } = JSON.parse(json) as { readonly origin_server_ts?: unknown };
    return typeof at === 'number' ? at : null;
  } catch {
    return null;
  }
}

/**
 * Reads a page of the rooms of which users of the given server are joined members, in the order of room ids. Also counts all
 * these rooms.
 */
export async function listRoomsOfServer(
  db: Db,
  serverName: ServerName,
  { isReversed, offset, limit }: Omit<DestinationPage, 'orderBy'>,
): Promise<{ roomIds: RoomId[]; total: number }> {
  const direction = isReversed ? 'DESC' : 'ASC';
  const rows = await rowsOf<{ total: number; room_id: RoomId | null }>(
    db.raw(
      `WITH rooms AS MATERIALIZED (
         SELECT DISTINCT room_id FROM public.federationsender_joined_hosts WHERE server_name = :serverName)
       SELECT (SELECT count(*)::int FROM rooms) AS total, page.room_id FROM (SELECT) AS one LEFT JOIN (
         SELECT room_id FROM rooms ORDER BY room_id COLLATE "C" ${direction} OFFSET :offset LIMIT :limit) AS page ON true
       ORDER BY page.room_id COLLATE "C" ${direction}`,
      { serverName, offset, limit },
    ),
  );
  return { roomIds: rows.flatMap(({ room_id: roomId }) => roomId ?? []), total: rows[0]?.total ?? 0 };
}

/** Removes a server from `federationsender_blacklist` and `federationsender_assumed_offline`. */
export async function deleteFromOfflineLists(transaction: Knex.Transaction, serverName: ServerName): Promise<void> {
  await transaction.raw('DELETE FROM public.federationsender_blacklist WHERE server_name = ?', [serverName]);
  await transaction.raw('DELETE FROM public.federationsender_assumed_offline WHERE server_name = ?', [serverName]);
}
