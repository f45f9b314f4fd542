import type { Knex } from 'knex';
import type { RoomId, ServerName } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { type Db, rowsOf } from '../database.ts';
import { addCounts, deleteRows, type RowCounts } from '../deletion.ts';

/** Returns which of the given servers are on the blacklist. The homeserver sends nothing to blacklisted servers. */
export async function listBlacklisted(db: Db, serverNames: readonly ServerName[]): Promise<ServerName[]> {
  if (serverNames.length === 0) return [];
  const rows = await rowsOf<{ server_name: ServerName }>(
    db.raw('SELECT server_name FROM public.federationsender_blacklist WHERE server_name = ANY(?)', [[...serverNames]]),
  );
  return rows.map(({ server_name }) => server_name);
}

/** An event to queue for other servers. */
export interface QueuedPdu {
  /** Canonical JSON of the event, with Dendrite's additional fields `_room_version` and `_event_id`. */
  readonly json: string;
  readonly destinations: readonly ServerName[];
}

/** Queues events for their destinations, in the given order. Skips events without destinations. */
export async function enqueuePdus(transaction: Knex.Transaction, pdus: readonly QueuedPdu[]): Promise<void> {
  const sent = pdus.filter(({ destinations }) => destinations.length > 0);
  if (sent.length === 0) return;
  const queued = sent.flatMap(({ destinations }, i) =>
    destinations.map((serverName) => ({ position: i + 1, serverName })),
  );
  await transaction.raw(
    `WITH queued AS (
       INSERT INTO public.federationsender_queue_json (json_body)
       SELECT json FROM unnest(?::text[]) WITH ORDINALITY AS e(json, position) ORDER BY position RETURNING json_nid),
     placed AS (SELECT json_nid, row_number() OVER (ORDER BY json_nid) AS position FROM queued)
     INSERT INTO public.federationsender_queue_pdus (transaction_id, json_nid, server_name)
     SELECT '', json_nid, server_name
     FROM unnest(?::bigint[], ?::text[]) AS d(position, server_name) JOIN placed USING (position)`,
    [sent.map(({ json }) => json), queued.map(({ position }) => position), queued.map(({ serverName }) => serverName)],
  );
}

/**
 * How far below `after` the search of `findQueueEntries()` starts. A NID is the number of an entry in
 * `federationsender_queue_json`. A transaction may commit an entry after another transaction has committed an entry with a
 * higher NID, so an entry that is new since the previous call may have a NID below `after`.
 */
const OVERLAP = 1_000;

/**
 * Finds the queue entries with the room id in their JSON: the room's events, and possibly EDUs about the room. The query reads
 * the JSON of the entries of all rooms.
 * @param after `newest` of the previous call, or 0. The query skips entries whose NID is not above `after - OVERLAP`.
 * @returns the NIDs of the entries, and in `newest` the highest NID in the queue, or `after` if `after` is higher
 */
export async function findQueueEntries(
  db: Db,
  roomId: RoomId,
  after: number,
): Promise<{ readonly nids: readonly number[]; readonly newest: number }> {
  const [row] = await rowsOf<{ nids: string[] | null; newest: string | null }>(
    db.raw(
      `SELECT array_agg(json_nid::text) FILTER (WHERE strpos(json_body, ?) > 0) AS nids, max(json_nid) AS newest
       FROM public.federationsender_queue_json WHERE json_nid > ?`,
      [`"room_id":${JSON.stringify(roomId)}`, after - OVERLAP],
    ),
  );
  return { nids: (row?.nids ?? []).map(Number), newest: Math.max(Number(row?.newest ?? 0), after) };
}

/** Lists the servers to which at least one of the given queue entries still has to be sent as a PDU. */
export async function listWaitingServers(db: Db, nids: readonly number[]): Promise<ServerName[]> {
  if (nids.length === 0) return [];
  const rows = await rowsOf<{ server_name: ServerName }>(
    db.raw(
      `SELECT DISTINCT server_name FROM public.federationsender_queue_pdus WHERE json_nid = ANY(?) ORDER BY server_name`,
      [[...nids]],
    ),
  );
  return rows.map(({ server_name }) => server_name);
}

/** Queues EDUs of one type. Each EDU goes to all given servers, and never expires. */
export async function enqueueEdus(
  transaction: Knex.Transaction,
  eduType: string,
  jsons: readonly string[],
  destinations: readonly ServerName[],
): Promise<void> {
  if (jsons.length === 0 || destinations.length === 0) return;
  await transaction.raw(
    `WITH queued AS (
       INSERT INTO public.federationsender_queue_json (json_body) SELECT unnest(?::text[]) RETURNING json_nid)
     INSERT INTO public.federationsender_queue_edus (edu_type, server_name, json_nid, expires_at)
     SELECT ?, server_name, json_nid, 0 FROM queued CROSS JOIN unnest(?::text[]) AS d(server_name)`,
    [[...jsons], eduType, [...destinations]],
  );
}

/**
 * Deletes those queued events that are no longer in `roomserver_events`.
 * @param nids NIDs of the queue entries to check
 * @returns the number of deleted rows, by table
 */
export async function deleteLostEvents(transaction: Knex.Transaction, nids: readonly number[]): Promise<RowCounts> {
  const queued = await rowsOf<{ nid: string; json: string }>(
    transaction.raw(
      'SELECT json_nid AS nid, json_body AS json FROM public.federationsender_queue_json WHERE json_nid = ANY(?)',
      [[...nids]],
    ),
  );
  const events = queued.flatMap(({ nid, json }) => {
    const event: unknown = JSON.parse(json);
    const eventId = isRecord(event) ? event['_event_id'] : undefined;
    return typeof eventId === 'string' ? [{ nid: Number(nid), eventId }] : [];
  });
  const stored = await rowsOf<{ event_id: string }>(
    transaction.raw('SELECT event_id FROM public.roomserver_events WHERE event_id = ANY(?)', [
      events.map(({ eventId }) => eventId),
    ]),
  );
  const known = new Set(stored.map(({ event_id }) => event_id));
  const lost = events.filter(({ eventId }) => !known.has(eventId)).map(({ nid }) => nid);
  return addCounts(
    await deleteRows(transaction, 'public.federationsender_queue_pdus', 'json_nid = ANY(:lost)', { lost }),
    await deleteRows(transaction, 'public.federationsender_queue_json', 'json_nid = ANY(:lost)', { lost }),
  );
}
