import type { Knex } from 'knex';
import type { EventId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';

/** An event with what the roomserver's tables know of it. */
export interface StoredEvent {
  readonly eventNid: number;
  readonly eventId: EventId;
  readonly depth: number;
  readonly event: EventJson;
}

interface Row {
  event_nid: string;
  event_id: EventId;
  depth: string;
  event_json: string;
}

const storedEventOf = (row: Row): StoredEvent => ({
  eventNid: Number(row.event_nid),
  eventId: row.event_id,
  depth: Number(row.depth),
  event: JSON.parse(row.event_json) as EventJson,
});

const SELECT = `SELECT e.event_nid, e.event_id, e.depth, j.event_json
  FROM public.roomserver_events e JOIN public.roomserver_event_json j ON j.event_nid = e.event_nid`;

/** Events by NID. */
export async function readEvents(db: Db, eventNids: readonly number[]): Promise<StoredEvent[]> {
  if (eventNids.length === 0) return [];
  return (await rowsOf<Row>(db.raw(`${SELECT} WHERE e.event_nid = ANY(?)`, [[...eventNids]]))).map(storedEventOf);
}

/** Those of some events that a room has. */
export async function findEvents(db: Db, roomNid: number, eventIds: readonly EventId[]): Promise<StoredEvent[]> {
  return (
    await rowsOf<Row>(db.raw(`${SELECT} WHERE e.event_id = ANY(?) AND e.room_nid = ?`, [[...eventIds], roomNid]))
  ).map(storedEventOf);
}

/** One event of a room. */
export async function findEvent(db: Db, roomNid: number, eventId: EventId): Promise<StoredEvent | undefined> {
  return (await findEvents(db, roomNid, [eventId]))[0];
}

/** Those of some events that the room has, outliers apart. */
export async function findPlacedEvents(
  db: Db,
  roomNid: number,
  eventIds: readonly EventId[],
): Promise<Map<EventId, StoredEvent>> {
  const rows = await rowsOf<Row>(
    db.raw(`${SELECT} WHERE e.event_id = ANY(?) AND e.room_nid = ? AND e.state_snapshot_nid > 0`, [
      [...eventIds],
      roomNid,
    ]),
  );
  return new Map(rows.map((row) => [row.event_id, storedEventOf(row)]));
}

/** The deepest of some events, the newest of equals first. */
export async function readDeepest(db: Db, eventNids: readonly number[], limit: number): Promise<StoredEvent[]> {
  return (
    await rowsOf<Row>(
      db.raw(`${SELECT} WHERE e.event_nid = ANY(?) ORDER BY e.depth DESC, e.event_nid DESC LIMIT ?`, [
        [...eventNids],
        limit,
      ]),
    )
  ).map(storedEventOf);
}

/** NIDs for new events, ascending. The column's default tells their sequence, whose name depends on the database's age. */
export async function allocateEventNids(transaction: Knex.Transaction, count: number): Promise<number[]> {
  const [column] = await rowsOf<{ default: string }>(
    transaction.raw(
      `SELECT pg_get_expr(d.adbin, d.adrelid) AS default FROM pg_attrdef d
       JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
       WHERE d.adrelid = 'public.roomserver_events'::regclass AND a.attname = 'event_nid'`,
    ),
  );
  if (column === undefined) throw new Error('roomserver_events.event_nid has no default');
  const rows = await rowsOf<{ nid: string }>(
    transaction.raw(`SELECT ${column.default} AS nid FROM generate_series(1, ?)`, [count]),
  );
  return rows.map(({ nid }) => Number(nid));
}

/** An event to be stored. */
export interface NewEvent {
  readonly eventNid: number;
  readonly eventId: EventId;
  readonly typeNid: number;
  /** 0 for events that are no state. */
  readonly stateKeyNid: number;
  readonly depth: number;
  readonly authEventNids: readonly number[];
  /** The state before it. */
  readonly snapshotNid: number;
  /** Canonical JSON, as on the wire. */
  readonly json: string;
}

export async function insertEvents(
  transaction: Knex.Transaction,
  roomNid: number,
  events: readonly NewEvent[],
): Promise<void> {
  await transaction.raw(
    `WITH new AS (
       SELECT * FROM unnest(CAST(:eventNids AS bigint[]), CAST(:typeNids AS bigint[]), CAST(:stateKeyNids AS bigint[]),
         CAST(:depths AS bigint[]), CAST(:eventIds AS text[]), CAST(:authEventNids AS text[]),
         CAST(:snapshotNids AS bigint[]), CAST(:jsons AS text[]))
       AS e(event_nid, type_nid, state_key_nid, depth, event_id, auth_event_nids, snapshot_nid, json)),
     stored AS (
       INSERT INTO public.roomserver_event_json (event_nid, event_json) SELECT event_nid, json FROM new)
     INSERT INTO public.roomserver_events (event_nid, room_nid, event_type_nid, event_state_key_nid, sent_to_output, depth,
       event_id, auth_event_nids, state_snapshot_nid)
     SELECT event_nid, :roomNid, type_nid, state_key_nid, true, depth, event_id, auth_event_nids::bigint[], snapshot_nid
     FROM new`,
    {
      roomNid,
      eventNids: events.map(({ eventNid }) => eventNid),
      typeNids: events.map(({ typeNid }) => typeNid),
      stateKeyNids: events.map(({ stateKeyNid }) => stateKeyNid),
      depths: events.map(({ depth }) => depth),
      eventIds: events.map(({ eventId }) => eventId),
      authEventNids: events.map(({ authEventNids }) => `{${authEventNids.join(',')}}`),
      snapshotNids: events.map(({ snapshotNid }) => snapshotNid),
      jsons: events.map(({ json }) => json),
    },
  );
}

/** Notes which events follow which. */
export async function insertPreviousEvents(
  transaction: Knex.Transaction,
  links: readonly { readonly previous: EventId; readonly eventNid: number }[],
): Promise<void> {
  await transaction.raw(
    `INSERT INTO public.roomserver_previous_events AS p (previous_event_id, event_nids)
     SELECT previous, ARRAY[nid] FROM unnest(?::text[], ?::bigint[]) AS l(previous, nid)
     ON CONFLICT (previous_event_id) DO UPDATE SET event_nids = p.event_nids || excluded.event_nids`,
    [links.map(({ previous }) => previous), links.map(({ eventNid }) => eventNid)],
  );
}
