import type { EventId } from '../../ids.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { type Db, rowsOf } from '../database.ts';
import type { Write } from '../write-together.ts';

/** A stored event. A NID is the number that Dendrite gives an event or a text. */
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

/** Reads events by their NIDs, in no particular order. Leaves out events that are not stored. */
export async function readEvents(db: Db, eventNids: readonly number[]): Promise<StoredEvent[]> {
  if (eventNids.length === 0) return [];
  return (await rowsOf<Row>(db.raw(`${SELECT} WHERE e.event_nid = ANY(?)`, [[...eventNids]]))).map(storedEventOf);
}

/** Finds those of the given events that are stored and belong to the given room, in no particular order. */
export async function findEvents(db: Db, roomNid: number, eventIds: readonly EventId[]): Promise<StoredEvent[]> {
  return (
    await rowsOf<Row>(db.raw(`${SELECT} WHERE e.event_id = ANY(?) AND e.room_nid = ?`, [[...eventIds], roomNid]))
  ).map(storedEventOf);
}

/** Finds one event of a room. Returns `undefined` if the event is not stored or belongs to another room. */
export async function findEvent(db: Db, roomNid: number, eventId: EventId): Promise<StoredEvent | undefined> {
  return (await findEvents(db, roomNid, [eventId]))[0];
}

/**
 * Finds those of the given events that are stored, belong to the given room and are not outliers. An outlier is an event that
 * is stored without the room's state before it.
 */
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

/**
 * Reads the given events in descending order of depth, at most `limit` of them. Of two events with equal depth, the one that
 * was stored later comes first.
 */
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

/** An event to store. */
export interface NewEvent {
  readonly eventNid: number;
  readonly eventId: EventId;
  readonly typeNid: number;
  /** NID of the state key. 0 if the event is not a state event. */
  readonly stateKeyNid: number;
  readonly depth: number;
  readonly authEventNids: readonly number[];
  /** NID of the snapshot that stores the room's state before the event. */
  readonly snapshotNid: number;
  /** Canonical JSON of the event, as servers send it to each other. */
  readonly json: string;
}

/** Returns the statements that store new events of a room, and mark them as sent to clients. */
export function insertEvents(roomNid: number, events: readonly NewEvent[]): Write[] {
  if (events.length === 0) return [];
  const eventNids = events.map(({ eventNid }) => eventNid);
  return [
    {
      sql: `INSERT INTO public.roomserver_event_json (event_nid, event_json)
            SELECT * FROM unnest(?::bigint[], ?::text[])`,
      bindings: [eventNids, events.map(({ json }) => json)],
    },
    {
      sql: `INSERT INTO public.roomserver_events (event_nid, room_nid, event_type_nid, event_state_key_nid, sent_to_output,
              depth, event_id, auth_event_nids, state_snapshot_nid)
            SELECT nid, ?, type_nid, state_key_nid, true, depth, event_id, auth_event_nids::bigint[], snapshot_nid
            FROM unnest(?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::bigint[])
              AS e(nid, type_nid, state_key_nid, depth, event_id, auth_event_nids, snapshot_nid)`,
      bindings: [
        roomNid,
        eventNids,
        events.map(({ typeNid }) => typeNid),
        events.map(({ stateKeyNid }) => stateKeyNid),
        events.map(({ depth }) => depth),
        events.map(({ eventId }) => eventId),
        events.map(({ authEventNids }) => `{${authEventNids.join(',')}}`),
        events.map(({ snapshotNid }) => snapshotNid),
      ],
    },
  ];
}

/** Returns the statement that records each new event as a follower of its previous events. */
export function insertPreviousEvents(
  links: readonly { readonly previous: EventId; readonly eventNid: number }[],
): Write[] {
  if (links.length === 0) return [];
  return [
    {
      sql: `INSERT INTO public.roomserver_previous_events AS p (previous_event_id, event_nids)
            SELECT previous, ARRAY[nid] FROM unnest(?::text[], ?::bigint[]) AS l(previous, nid)
            ON CONFLICT (previous_event_id) DO UPDATE SET event_nids = p.event_nids || excluded.event_nids`,
      bindings: [links.map(({ previous }) => previous), links.map(({ eventNid }) => eventNid)],
    },
  ];
}
