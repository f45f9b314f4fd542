import type { Knex } from 'knex';
import { type EventId, isEventId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { canonicalJson } from '../../matrix/canonical-json.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import type { Device } from './devices.ts';
import type { LockedRoom, StoredRoomEvent } from './rooms.ts';

/** A complete message event and its place in the room. */
export interface NewRoomEvent {
  readonly eventId: EventId;
  readonly event: EventJson;
  readonly type: string;
  readonly sender: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly depth: number;
  readonly authEvents: readonly StoredRoomEvent[];
  readonly prevEvents: readonly StoredRoomEvent[];
  /** As Dendrite numbers it: 1 world_readable, 2 shared, 3 invited, 4 joined. */
  readonly historyVisibility: number;
  /** Who sent it, and the transaction id of the request. */
  readonly device: Device;
  readonly transactionId: string;
}

/** The relations whose events aggregate on the event they relate to. */
const AGGREGATED = ['m.annotation', 'm.replace'];

/** An event as the sync tables hold it. */
export function headeredJson(event: EventJson, eventId: EventId, { versionId }: LockedRoom): string {
  return JSON.stringify({ ...event, _room_version: versionId, _event_id: eventId });
}

/** The event that this device sent with the same transaction id before. */
export async function findSentEvent(
  transaction: Knex.Transaction,
  { roomId }: LockedRoom,
  { sessionId, userId }: Device,
  type: string,
  transactionId: string,
): Promise<{ eventId: EventId; event: EventJson } | undefined> {
  const row = await transaction('public.syncapi_output_room_events')
    .where({ room_id: roomId, sender: userId, type, session_id: sessionId, transaction_id: transactionId })
    .first('event_id', 'headered_event_json');
  return row && { eventId: row.event_id, event: JSON.parse(row.headered_event_json) };
}

/** Writes the event into the roomserver's tables, as the room's newest, then into those of `/sync`. */
export async function insertRoomEvent(
  transaction: Knex.Transaction,
  room: LockedRoom,
  event: NewRoomEvent,
): Promise<void> {
  const eventNid = await insertIntoRoomserver(transaction, room, event);
  await moveExtremities(transaction, room, event, eventNid);
  await insertIntoSync(transaction, room, event);
  await insertRelation(transaction, room, event);
}

async function eventTypeNid(transaction: Knex.Transaction, type: string): Promise<string> {
  const table = transaction('public.roomserver_event_types');
  const known = await table.clone().where('event_type', type).first('event_type_nid');
  if (known !== undefined) return known.event_type_nid;
  const [row] = await table.insert({ event_type: type }).onConflict('event_type').merge().returning('event_type_nid');
  return row.event_type_nid;
}

async function insertIntoRoomserver(
  transaction: Knex.Transaction,
  { roomNid, stateSnapshotNid }: LockedRoom,
  { type, depth, eventId, event, authEvents }: NewRoomEvent,
): Promise<number> {
  const [row] = await transaction('public.roomserver_events')
    .insert({
      room_nid: roomNid,
      event_type_nid: await eventTypeNid(transaction, type),
      event_state_key_nid: 0,
      sent_to_output: true,
      // A message changes no state: the state before it is the room's.
      state_snapshot_nid: stateSnapshotNid,
      depth,
      event_id: eventId,
      auth_event_nids: authEvents.map(({ eventNid }) => eventNid),
    })
    .returning('event_nid');
  const eventNid = Number(row.event_nid);
  await transaction('public.roomserver_event_json').insert({
    event_nid: eventNid,
    event_json: canonicalJson(event),
  });
  return eventNid;
}

async function moveExtremities(
  transaction: Knex.Transaction,
  { roomNid, latestEventNids }: LockedRoom,
  { prevEvents }: NewRoomEvent,
  eventNid: number,
): Promise<void> {
  await transaction.raw(
    `INSERT INTO public.roomserver_previous_events AS p (previous_event_id, event_nids)
     SELECT unnest(?::text[]), ARRAY[?::bigint]
     ON CONFLICT (previous_event_id) DO UPDATE SET event_nids = p.event_nids || excluded.event_nids`,
    [prevEvents.map(({ eventId }) => eventId), eventNid],
  );
  const followed = new Set(prevEvents.map((previous) => previous.eventNid));
  await transaction('public.roomserver_rooms')
    .where('room_nid', roomNid)
    .update({
      latest_event_nids: [...latestEventNids.filter((nid) => !followed.has(nid)), eventNid],
      last_event_sent_nid: eventNid,
    });
}

async function insertIntoSync(transaction: Knex.Transaction, room: LockedRoom, event: NewRoomEvent): Promise<void> {
  const [row] = await transaction('public.syncapi_output_room_events')
    .insert({
      event_id: event.eventId,
      room_id: room.roomId,
      headered_event_json: headeredJson(event.event, event.eventId, room),
      type: event.type,
      sender: event.sender,
      contains_url: Object.hasOwn(event.content, 'url'),
      session_id: event.device.sessionId,
      transaction_id: event.transactionId,
      history_visibility: event.historyVisibility,
    })
    .returning('id');
  await transaction('public.syncapi_output_room_events_topology').insert({
    event_id: event.eventId,
    topological_position: event.depth,
    stream_position: row.id,
    room_id: room.roomId,
  });
}

async function insertRelation(
  transaction: Knex.Transaction,
  { roomId }: LockedRoom,
  { eventId, type, content }: NewRoomEvent,
): Promise<void> {
  const relation = content['m.relates_to'];
  if (!isRecord(relation) || typeof relation.rel_type !== 'string' || typeof relation.event_id !== 'string') return;
  if (!AGGREGATED.includes(relation.rel_type) || !isEventId(relation.event_id)) return;
  await transaction('public.syncapi_relations').insert({
    room_id: roomId,
    event_id: relation.event_id,
    child_event_id: eventId,
    child_event_type: type,
    rel_type: relation.rel_type,
  });
}
