import type { EventId, RoomId, UserId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { type Db, rowsOf } from '../database.ts';

/** An event of the table `syncapi_output_room_events`. */
export interface OutputEvent {
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

/** The parts of an event that can be read without its whole JSON: the columns of its row, and its content. */
export type EventContent = Omit<OutputEvent, 'originServerTs' | 'isState'>;

/**
 * Converts a row to an event. If the JSON of the row is not an object, returns an event with empty content and the time 0,
 * because such a row must not stop a rebuild of the search index.
 */
function storedEventOf(row: EventRow): OutputEvent {
  const event = parseObject(row.headered_event_json) ?? {};
  return {
    ...eventContentOf(row, isRecord(event.content) ? event.content : {}),
    originServerTs: typeof event.origin_server_ts === 'number' ? event.origin_server_ts : 0,
    isState: event.state_key !== undefined,
  };
}

function eventContentOf(row: Omit<EventRow, 'headered_event_json'>, content: OutputEvent['content']): EventContent {
  return {
    eventId: row.event_id as EventId,
    roomId: row.room_id as RoomId,
    sender: row.sender as UserId,
    type: row.type,
    streamPosition: Number(row.id),
    content,
  };
}

/** Parses a text. Returns `undefined` if the text is not a JSON object. */
function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Some events in the order of their row ids, and the row id after which the next events start. */
export interface EventBatch {
  readonly events: readonly EventContent[];
  /** All rows of the wanted types up to this id have been read. */
  readonly position: number;
  /** Whether all rows of the requested range have been read. */
  readonly finished: boolean;
  /** Length of the JSON that was read, in UTF-16 code units. */
  readonly length: number;
}

interface ContentRow extends Omit<EventRow, 'headered_event_json'> {
  content: string | null;
}

/**
 * SQL that cuts the content out of an event's canonical JSON. The content is the text between `auth_events` and `depth`. The
 * SQL returns NULL if the JSON does not begin with `auth_events` and `content`. The SQL uses text functions, because
 * PostgreSQL's JSON functions would parse the whole event, and because sending the whole event would cost more.
 *
 * The SQL cuts at two texts that contain quotes. No string in the JSON contains these texts, because quotes inside strings are
 * escaped. No other object precedes the content, because the content's brace is the second brace of the JSON. If an object
 * inside the content contains one of the two texts, the result is not valid JSON, and `eventsOf()` reads the whole event.
 */
const CONTENT = `CASE WHEN starts_with(headered_event_json, '{"auth_events":[')
    AND split_part(headered_event_json, '{', 2) LIKE '%],"content":'
  THEN split_part(split_part(headered_event_json, '],"content":', 2), ',"depth":', 1) END`;

/** Reads at most `limit` rows of the given types whose id is greater than `position` and not greater than `upper`. */
export async function readOutputEvents(
  db: Db,
  types: readonly string[],
  { position, upper }: { readonly position: number; readonly upper: number },
  limit: number,
): Promise<EventBatch> {
  const rows = await rowsOf<ContentRow>(
    db.raw(
      `SELECT id, event_id, room_id, type, sender, ${CONTENT} AS content FROM public.syncapi_output_room_events
       WHERE id > ? AND id <= ? AND type = ANY(?) ORDER BY id LIMIT ?`,
      [position, upper, [...types], limit],
    ),
  );
  const last = Number(rows.at(-1)?.id ?? upper);
  const finished = rows.length < limit || last === upper;
  return { ...(await eventsOf(db, rows)), position: finished ? upper : last, finished };
}

/**
 * Converts rows to events. If the SQL could not cut out the content of an event, the function reads the whole event, and leaves
 * out an event that no longer exists.
 */
async function eventsOf(db: Db, rows: readonly ContentRow[]): Promise<Pick<EventBatch, 'events' | 'length'>> {
  const contents = rows.map(({ content }) => (content === null ? undefined : parseObject(content)));
  const wholeRows = await loadRows(
    db,
    rows.filter((_, index) => contents[index] === undefined).map(({ event_id }) => event_id as EventId),
  );
  const whole = new Map(wholeRows.map((row) => [row.event_id, storedEventOf(row)]));
  const lengths = [...rows.map(({ content }) => content ?? ''), ...wholeRows.map((row) => row.headered_event_json)];
  return {
    events: rows.flatMap((row, index) => {
      const content = contents[index];
      const event = content === undefined ? whole.get(row.event_id) : eventContentOf(row, content);
      return event ?? [];
    }),
    length: lengths.reduce((sum, json) => sum + json.length, 0),
  };
}

/** Reads events by their ids, in no particular order. Leaves out events that are not stored. */
export async function loadEvents(db: Db, eventIds: readonly EventId[]): Promise<OutputEvent[]> {
  return (await loadRows(db, eventIds)).map(storedEventOf);
}

async function loadRows(db: Db, eventIds: readonly EventId[]): Promise<EventRow[]> {
  if (eventIds.length === 0) return [];
  return rowsOf<EventRow>(
    db.raw(`SELECT ${COLUMNS} FROM public.syncapi_output_room_events WHERE event_id = ANY(?)`, [[...eventIds]]),
  );
}

/**
 * `total` is the number of rows of the given types. `upper` is the greatest row id of all types. `lower` is one less than the
 * smallest row id of all types.
 */
export async function measureEvents(
  db: Db,
  types: readonly string[],
): Promise<{ lower: number; upper: number; total: number }> {
  const [ids] = await rowsOf<{ oldest: string | null; newest: string | null }>(
    db.raw('SELECT min(id) AS oldest, max(id) AS newest FROM public.syncapi_output_room_events'),
  );
  const upper = Number(ids?.newest ?? 0);
  const lower = Math.max(Number(ids?.oldest ?? 1) - 1, 0);
  const [counted] = await rowsOf<{ total: string }>(
    db.raw('SELECT count(*) AS total FROM public.syncapi_output_room_events WHERE type = ANY(?) AND id <= ?', [
      [...types],
      upper,
    ]),
  );
  return { lower, upper, total: Number(counted?.total ?? 0) };
}

/** Returns which of the given rooms are encrypted. */
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
