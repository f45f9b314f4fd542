import type { Knex } from 'knex';
import type { AppliedEvent } from '../../src/host.ts';

/** An event of a test, for the table from which the search index is made. */
export interface TestEvent extends AppliedEvent {
  readonly sender: string;
  /** Time of the event, in ms since the epoch. @defaultValue 0 */
  readonly origin_server_ts?: number;
}

const ALICE = '@alice:localhost';
export const BOB = '@bob:localhost';
export const ROOM = '!room:localhost';

export function messageOf(eventId: string, body: unknown, rest: Partial<TestEvent> = {}): TestEvent {
  return { event_id: eventId, room_id: ROOM, sender: ALICE, type: 'm.room.message', content: { body }, ...rest };
}

export function editOf(eventId: string, original: string, body: unknown, rest: Partial<TestEvent> = {}): TestEvent {
  const content = {
    body: `* ${String(body)}`,
    'm.new_content': { body },
    'm.relates_to': { rel_type: 'm.replace', event_id: original },
  };
  return messageOf(eventId, '', { content, ...rest });
}

export function redactionOf(eventId: string, redacts: string, rest: Partial<TestEvent> = {}): TestEvent {
  return messageOf(eventId, '', { type: 'm.room.redaction', content: { redacts }, redacts, ...rest });
}

/** Adds rows for events, as a homeserver does before it calls `admin.events.apply()`. */
export async function insertEvents(db: Knex | Knex.Transaction, events: readonly TestEvent[]): Promise<void> {
  await db('public.syncapi_output_room_events').insert(
    events.map((event) => ({
      event_id: event.event_id,
      room_id: event.room_id,
      sender: event.sender,
      type: event.type,
      headered_event_json: JSON.stringify({ origin_server_ts: 0, ...event, _event_id: event.event_id }),
      contains_url: false,
    })),
  );
}

/** Replaces the JSON in a row by the event's redacted form. */
export async function redactRow(db: Knex | Knex.Transaction, eventId: string, redactionId: string): Promise<void> {
  const rows = await db('public.syncapi_output_room_events').where('event_id', eventId).select('headered_event_json');
  for (const { headered_event_json: json } of rows) {
    const redacted = { ...JSON.parse(json), content: {}, unsigned: { redacted_by: redactionId } };
    await db('public.syncapi_output_room_events')
      .where('event_id', eventId)
      .update({ headered_event_json: JSON.stringify(redacted) });
  }
}

/** Adds an encryption event to a room's current state. */
export async function encryptRoom(
  db: Knex | Knex.Transaction,
  roomId: string,
  eventId: string,
  stateKey = '',
): Promise<void> {
  await db('public.syncapi_current_room_state').insert({
    room_id: roomId,
    event_id: eventId,
    type: 'm.room.encryption',
    sender: ALICE,
    contains_url: false,
    state_key: stateKey,
    headered_event_json: '{}',
    added_at: 0,
    history_visibility: 2,
  });
}

/** Reads the content of the search index: texts by event id. */
export async function indexedTexts(db: Knex): Promise<Record<string, string>> {
  const rows = await db('matrix_admin.search_documents').orderBy('event_id').select('event_id', 'text');
  return Object.fromEntries(rows.map((row) => [row.event_id, row.text]));
}

/** Reads the content of the search index, with all columns. */
export async function indexedDocuments(db: Knex): Promise<unknown[]> {
  return db('matrix_admin.search_documents').orderBy('event_id').select();
}
