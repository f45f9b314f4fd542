import type { EventId, RoomId, UserId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { type Db, rowsOf } from '../database.ts';

/** A row of `syncapi_output_room_events`. */
export interface StoredEvent {
  readonly eventId: EventId;
  readonly roomId: RoomId;
  readonly sender: UserId;
  readonly type: string;
  readonly streamPosition: number;
  readonly originServerTs: number;
  readonly isState: boolean;
  readonly content: Readonly<Record<string, unknown>>;
}

interface EventRow {
  id: string;
  event_id: string;
  room_id: string;
  type: string;
  sender: string;
  headered_event_json: string;
}

const COLUMNS = 'id, event_id, room_id, type, sender, headered_event_json';

/** What can be told of an event without reading more of it than its content. */
export type EventContent = Omit<StoredEvent, 'originServerTs' | 'isState'>;

function eventContentOf(row: EventRow): EventContent {
  return {
    eventId: row.event_id as EventId,
    roomId: row.room_id as RoomId,
    sender: row.sender as UserId,
    type: row.type,
    streamPosition: Number(row.id),
    content: contentOf(row.headered_event_json),
  };
}

function storedEventOf(row: EventRow): StoredEvent {
  const event = parseObject(row.headered_event_json) ?? {};
  return {
    ...eventContentOf(row),
    originServerTs: typeof event.origin_server_ts === 'number' ? event.origin_server_ts : 0,
    isState: event.state_key !== undefined,
  };
}

const BEGINNING = '{"auth_events":[';
const BEFORE_CONTENT = '],"content":';
const AFTER_CONTENT = ',"depth":';

/**
 * The content of an event. In canonical JSON it stands between `auth_events` and `depth`, and is cut out there, since
 * parsing the rest takes most of a reindex's time. Quotes inside of strings are escaped, so neither mark is part of one;
 * no brace but the first stands before the content, so it is not an inner object's; and what a `depth` of the content's
 * own cuts short does not parse. All else is parsed whole. A row that holds no JSON object has no content: it must not
 * stop a reindex.
 */
function contentOf(json: string): Readonly<Record<string, unknown>> {
  const before = json.startsWith(BEGINNING) ? json.indexOf(BEFORE_CONTENT) : -1;
  const after = before < 0 || json.lastIndexOf('{', before) !== 0 ? -1 : json.indexOf(AFTER_CONTENT, before);
  const cut = after < 0 ? undefined : parseObject(json.slice(before + BEFORE_CONTENT.length, after));
  if (cut !== undefined) return cut;
  const content = parseObject(json)?.content;
  return isRecord(content) ? content : {};
}

/** `undefined` for what is no JSON object. */
function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A number of rows in order, and where the next ones start. */
export interface EventBatch {
  readonly events: readonly EventContent[];
  /** All rows up to this id have been read. */
  readonly position: number;
  /** Whether there are no more. */
  readonly finished: boolean;
  /** UTF-16 code units of JSON that were read. */
  readonly length: number;
}

/**
 * At most `limit` rows of these types with `position < id <= upper`. Whole rows are read, and their content is found here:
 * cutting it out costs PostgreSQL more than sending and parsing the rest costs both.
 */
export async function readEvents(
  db: Db,
  types: readonly string[],
  { position, upper }: { readonly position: number; readonly upper: number },
  limit: number,
): Promise<EventBatch> {
  const rows = await rowsOf<EventRow>(
    db.raw(
      `SELECT ${COLUMNS} FROM public.syncapi_output_room_events
       WHERE id > ? AND id <= ? AND type = ANY(?) ORDER BY id LIMIT ?`,
      [position, upper, [...types], limit],
    ),
  );
  const last = Number(rows.at(-1)?.id ?? upper);
  const finished = rows.length < limit || last === upper;
  return {
    events: rows.map(eventContentOf),
    position: finished ? upper : last,
    finished,
    length: rows.reduce((sum, row) => sum + row.headered_event_json.length, 0),
  };
}

/** Events by id; those that are not stored are missing. */
export async function loadEvents(db: Db, eventIds: readonly EventId[]): Promise<StoredEvent[]> {
  if (eventIds.length === 0) return [];
  const rows = await rowsOf<EventRow>(
    db.raw(`SELECT ${COLUMNS} FROM public.syncapi_output_room_events WHERE event_id = ANY(?)`, [[...eventIds]]),
  );
  return rows.map(storedEventOf);
}

/** The newest row, and how many of these types there are up to it. */
export async function measureEvents(db: Db, types: readonly string[]): Promise<{ upper: number; total: number }> {
  const [newest] = await rowsOf<{ upper: string | null }>(
    db.raw('SELECT max(id) AS upper FROM public.syncapi_output_room_events'),
  );
  const upper = Number(newest?.upper ?? 0);
  const [counted] = await rowsOf<{ total: string }>(
    db.raw('SELECT count(*) AS total FROM public.syncapi_output_room_events WHERE type = ANY(?) AND id <= ?', [
      [...types],
      upper,
    ]),
  );
  return { upper, total: Number(counted?.total ?? 0) };
}

/** Which of these rooms are encrypted. */
export async function encryptedRooms(db: Db, roomIds: readonly RoomId[]): Promise<Set<RoomId>> {
  if (roomIds.length === 0) return new Set();
  const rows = await rowsOf<{ room_id: RoomId }>(
    db.raw(
      `SELECT room_id FROM public.syncapi_current_room_state
       WHERE room_id = ANY(?) AND type = 'm.room.encryption' AND state_key = ''`,
      [[...roomIds]],
    ),
  );
  return new Set(rows.map(({ room_id }) => room_id));
}
