import type { Knex } from 'knex';
import type { AppliedEvent } from '../../host.ts';
import type { ServerName } from '../../ids.ts';
import { rowsOf } from '../database.ts';
import { readableJson } from '../readable-json.ts';
import { COUNT_COLUMNS, NEWEST, STATE, STATE_COLUMNS, STATE_TYPES, summariseRoom } from './room-summaries.ts';

/**
 * SQL that computes by how much the events in `:eventIds` change `COUNT_COLUMNS` of room `r`. The row of each event in
 * `syncapi_output_room_events` names the state events that the event adds to the current state and removes from it. `OFFSET 0`
 * makes PostgreSQL look up each of these few state events, instead of joining tables whose sizes PostgreSQL misjudges.
 */
const CHANGES = `SELECT
    coalesce(sum(change.sign), 0)::int AS state_events,
    coalesce(sum(change.sign) FILTER (WHERE member.is_joined), 0)::int AS joined_members,
    coalesce(sum(change.sign) FILTER (WHERE member.is_joined AND member.is_local), 0)::int AS joined_local_members
  FROM public.syncapi_output_room_events o
  CROSS JOIN LATERAL (SELECT unnest(o.add_state_ids) AS event_id, 1 AS sign
    UNION ALL SELECT unnest(o.remove_state_ids), -1) AS change
  LEFT JOIN LATERAL (SELECT CAST(${readableJson('j.event_json')} AS json) #>> '{content,membership}' = 'join' AS is_joined,
      substr(k.event_state_key, strpos(k.event_state_key, ':') + 1) = ANY(:localServerNames) AS is_local
    FROM public.roomserver_events e
    JOIN public.roomserver_event_json j ON j.event_nid = e.event_nid
    JOIN public.roomserver_event_state_keys k ON k.event_state_key_nid = e.event_state_key_nid
    WHERE e.event_id = change.event_id AND e.event_type_nid =
      (SELECT event_type_nid FROM public.roomserver_event_types WHERE event_type = 'm.room.member') OFFSET 0) AS member ON true
  WHERE o.event_id = ANY(:eventIds) AND o.room_id = r.room_id`;

/**
 * SQL condition: since the summary `s` of room `r` was written, only the events in `:eventIds` have changed the room. For this,
 * the condition checks three things: the oldest of these events is newer than the summary, the state before this event is the
 * state that the summary describes, and no other forward extremity of the room is newer than the summary. The condition is
 * false, for example, if the homeserver has written an earlier event without passing it to `admin.events.apply()`.
 */
const IS_NEXT = `(SELECT e.event_nid > s.up_to AND e.state_snapshot_nid = s.state_snapshot_nid
    FROM public.roomserver_events e WHERE e.event_id = ANY(:eventIds) ORDER BY e.event_nid LIMIT 1)
  AND NOT EXISTS (SELECT FROM public.roomserver_events e WHERE e.event_nid = ANY(r.latest_event_nids)
    AND e.event_nid > s.up_to AND e.event_id <> ALL(:eventIds))`;

/**
 * Updates the summary of a room if `IS_NEXT` holds for the given events. Changes nothing if it does not hold, or if the room
 * has no summary.
 * @returns whether the summary was updated
 */
async function changeSummary(
  transaction: Knex.Transaction,
  roomId: string,
  events: readonly AppliedEvent[],
  localServerNames: readonly ServerName[],
): Promise<boolean> {
  // An event that is not a state event can also change the state, if it follows several branches of the room's event graph.
  const isNamed = events.some(({ type, state_key }) => state_key === undefined || STATE_TYPES.includes(type));
  const places = [`up_to = ${NEWEST}`, 'state_snapshot_nid = r.state_snapshot_nid'];
  const changes = COUNT_COLUMNS.map((column) => `${column} = s.${column} + c.${column}`);
  const texts = isNamed ? STATE_COLUMNS.map((column) => `${column} = state.${column}`) : [];
  const rows = await rowsOf(
    transaction.raw(
      `UPDATE matrix_admin.room_summaries s SET ${[...places, ...changes, ...texts].join(', ')}
       FROM public.roomserver_rooms r CROSS JOIN LATERAL (${CHANGES}) AS c
       ${isNamed ? `CROSS JOIN LATERAL (${STATE}) AS state` : ''}
       WHERE r.room_id = :roomId AND r.latest_event_nids <> '{}' AND s.room_nid = r.room_nid AND ${IS_NEXT}
       RETURNING 1 AS changed`,
      { roomId, eventIds: events.map(({ event_id }) => event_id), localServerNames: [...localServerNames] },
    ),
  );
  return rows.length > 0;
}

/**
 * Updates the summary of a room after a single state event, which is the most frequent change. The database function
 * `follow_state_event` keeps the plans of its few small statements. PostgreSQL plans the statement of `changeSummary()` anew
 * each time, which takes longer than the rest of it. Changes nothing if there are several events, if the event is no state
 * event or is the room's first event, if the room has another forward extremity, or if the summary lacks other changes too.
 * @returns whether the summary was updated
 */
async function followLoneEvent(
  transaction: Knex.Transaction,
  events: readonly AppliedEvent[],
  localServerNames: readonly ServerName[],
): Promise<boolean> {
  const [event] = events;
  if (event?.state_key === undefined || events.length > 1 || event.type === 'm.room.create') return false;
  const { room_id, event_id, type, state_key, content } = event;
  const serverName = state_key.slice(state_key.indexOf(':') + 1);
  const [row] = await rowsOf<{ followed: boolean }>(
    transaction.raw('SELECT matrix_admin.follow_state_event(?, ?, ?, ?, ?) AS followed', [
      room_id,
      event_id,
      type,
      content['membership'] === 'join',
      localServerNames.some((name) => name === serverName),
    ]),
  );
  return row?.followed ?? false;
}

/**
 * Updates the summaries of rooms after the transaction has written events. If `changes_state` of an event is `false`, the event
 * needs no query, unless it is a redaction. If `changes_state` is missing, a message needs one small query. The cost of a state
 * event does not depend on the size of the room, unless the room has no summary, or its summary already includes the event or
 * lacks an earlier event. In these cases, the function counts all members of the room.
 */
export async function followEvents(
  transaction: Knex.Transaction,
  events: readonly AppliedEvent[],
  localServerNames: readonly ServerName[],
): Promise<void> {
  for (const roomId of await listChangedRooms(transaction, events)) {
    const inRoom = events.filter(({ room_id }) => room_id === roomId);
    if (await followLoneEvent(transaction, inRoom, localServerNames)) continue;
    if (await changeSummary(transaction, roomId, inRoom, localServerNames)) continue;
    await summariseRoom(transaction, roomId, localServerNames);
  }
}

/** Returns a list with the value if it is a text that PostgreSQL can store. Returns an empty list otherwise. */
const storableText = (value: unknown): string[] =>
  typeof value === 'string' && value.isWellFormed() && !value.includes('\0') ? [value] : [];

/**
 * Returns the ids of the events whose rows in `syncapi_output_room_events` tell whether the given event changes the summary. If
 * `changes_state` is missing, this is the event itself. For a redaction, it is also the redacted event, because the redaction
 * of a state event changes the summary.
 */
function listDoubtful({ event_id, type, changes_state, redacts, content }: AppliedEvent): unknown[] {
  return [
    ...(changes_state === undefined ? [event_id] : []),
    ...(type === 'm.room.redaction' ? [redacts, content.redacts] : []),
  ];
}

/**
 * Lists the rooms whose summaries the events may have changed. The rooms are in the order of their NIDs, so that transactions
 * lock the rows of several rooms in the same order.
 */
async function listChangedRooms(transaction: Knex.Transaction, events: readonly AppliedEvent[]): Promise<string[]> {
  const changing = events.filter(({ changes_state, state_key }) => changes_state ?? state_key !== undefined);
  const rooms = new Set<string>(changing.map(({ room_id }) => room_id));
  const others = events.filter(({ room_id }) => !rooms.has(room_id));
  const ids = others.flatMap(listDoubtful).flatMap(storableText);
  if (ids.length > 0) {
    const found = await rowsOf<{ room_id: string }>(
      transaction.raw(
        `SELECT room_id FROM public.syncapi_output_room_events
         WHERE event_id = ANY(?) AND (add_state_ids <> '{}' OR remove_state_ids <> '{}')`,
        [ids],
      ),
    );
    for (const { room_id } of found) if (others.some((event) => event.room_id === room_id)) rooms.add(room_id);
  }
  if (rooms.size < 2) return [...rooms];
  const inOrder = await rowsOf<{ room_id: string }>(
    transaction.raw('SELECT room_id FROM public.roomserver_rooms WHERE room_id = ANY(?) ORDER BY room_nid', [
      [...rooms],
    ]),
  );
  return inOrder.map(({ room_id }) => room_id);
}
