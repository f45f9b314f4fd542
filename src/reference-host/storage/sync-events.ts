import type { Knex } from 'knex';

type Json = Readonly<Record<string, unknown>>;

/** A stored event, with its position in the stream of events of `/sync`. */
export interface StoredSyncEvent {
  readonly roomId: string;
  readonly eventId: string;
  /**
   * Stream position of the event. It is 0 for a state event that has no place in the timeline, for example because another
   * server sent it as part of the state when a local user joined the room.
   */
  readonly position: number;
  readonly event: Json;
}

/** An event of a timeline. */
export interface TimelineEvent extends StoredSyncEvent {
  readonly depth: number;
  /**
   * The number with which Dendrite stores the room's history visibility at the event: 1 is `world_readable`, 2 `shared`, 3
   * `invited`, and 4 `joined`.
   */
  readonly visibility: number;
  /**
   * The login that sent the event, by its session id, and the transaction id of its request. `undefined` if the event was sent
   * without a transaction id.
   */
  readonly sentBy: { readonly sessionId: number; readonly transactionId: string } | undefined;
}

/** A part of a room's timeline: the events after the position `after`, up to and including the position `upTo`. */
export interface TimelineRange {
  readonly roomId: string;
  readonly after: number;
  readonly upTo: number;
}

/**
 * Selects events by their type, by their sender, and by whether their content has a URL. A field that is `undefined` excludes
 * no events. An asterisk at the end of a type stands for any characters.
 */
export interface TimelineFilter {
  readonly types?: readonly string[] | undefined;
  readonly notTypes?: readonly string[] | undefined;
  readonly senders?: readonly string[] | undefined;
  readonly notSenders?: readonly string[] | undefined;
  readonly containsUrl?: boolean | undefined;
}

const likeOf = (names: readonly string[]): string[] =>
  names.map((name) => name.replace(/[\\%_]/g, '\\$&').replace(/\*$/, '%'));

interface Row {
  room_id: string;
  event_id: string;
  position: string;
  headered_event_json: string;
}

const storedEventOf = (row: Row): StoredSyncEvent => ({
  roomId: row.room_id,
  eventId: row.event_id,
  position: Number(row.position),
  event: JSON.parse(row.headered_event_json),
});

/**
 * Of each range, reads the last `limit` events that the filter selects and that are not excluded from `/sync`. The result has
 * the events of all ranges, oldest first. The SQL compares the pair of `exclude_from_sync` and `id` as one value, so that
 * PostgreSQL can use the index on these columns.
 */
export async function readTimelines(
  db: Knex,
  ranges: readonly TimelineRange[],
  limit: number,
  filter: TimelineFilter,
): Promise<TimelineEvent[]> {
  interface TimelineRow extends Row {
    depth: string | null;
    history_visibility: number;
    session_id: string | null;
    transaction_id: string | null;
  }
  const { rows } = await db.raw<{ rows: TimelineRow[] }>(
    `SELECT e.*, t.topological_position AS depth
     FROM unnest(:rooms::text[], :afters::bigint[], :upTos::bigint[]) AS r(room_id, after, up_to)
     CROSS JOIN LATERAL (
       SELECT room_id, event_id, id AS position, headered_event_json, history_visibility, session_id, transaction_id
       FROM public.syncapi_output_room_events
       WHERE room_id = r.room_id AND (exclude_from_sync, id) > (false, r.after) AND (exclude_from_sync, id) <= (false, r.up_to)
         AND (:types::text[] IS NULL OR type LIKE ANY(:types)) AND NOT type LIKE ANY(:notTypes::text[])
         AND (:senders::text[] IS NULL OR sender = ANY(:senders)) AND NOT sender = ANY(:notSenders::text[])
         AND (:containsUrl::boolean IS NULL OR contains_url = :containsUrl)
       ORDER BY exclude_from_sync DESC, id DESC LIMIT :limit) AS e
     LEFT JOIN public.syncapi_output_room_events_topology t ON t.event_id = e.event_id
     ORDER BY e.position`,
    {
      rooms: ranges.map(({ roomId }) => roomId),
      afters: ranges.map(({ after }) => after),
      upTos: ranges.map(({ upTo }) => upTo),
      types: filter.types === undefined ? null : likeOf(filter.types),
      notTypes: likeOf(filter.notTypes ?? []),
      senders: filter.senders === undefined ? null : [...filter.senders],
      notSenders: [...(filter.notSenders ?? [])],
      containsUrl: filter.containsUrl ?? null,
      limit,
    } as Record<string, Knex.Value>,
  );
  return rows.map((row) => ({
    ...storedEventOf(row),
    depth: Number(row.depth ?? 0),
    visibility: row.history_visibility,
    sentBy:
      row.transaction_id === null || row.session_id === null
        ? undefined
        : { sessionId: Number(row.session_id), transactionId: row.transaction_id },
  }));
}

/**
 * The stream position of an event that changed the state of its room, and the ids of all state events that it added to the
 * state.
 */
export interface StateChange {
  readonly roomId: string;
  readonly position: number;
  readonly added: readonly string[];
}

/**
 * Lists the changes of state in ranges of timelines, in the order of their positions. Leaves out events that are excluded from
 * `/sync`.
 */
export async function listStateChanges(db: Knex, ranges: readonly TimelineRange[]): Promise<StateChange[]> {
  const { rows } = await db.raw<{ rows: { room_id: string; id: string; add_state_ids: string[] }[] }>(
    `SELECT e.room_id, e.id, e.add_state_ids
     FROM unnest(?::text[], ?::bigint[], ?::bigint[]) AS r(room_id, after, up_to)
     JOIN public.syncapi_output_room_events e ON e.room_id = r.room_id AND e.exclude_from_sync = false
       AND e.id > r.after AND e.id <= r.up_to
     WHERE e.add_state_ids IS NOT NULL ORDER BY e.id`,
    [ranges.map(({ roomId }) => roomId), ranges.map(({ after }) => after), ranges.map(({ upTo }) => upTo)],
  );
  return rows.map((row) => ({ roomId: row.room_id, position: Number(row.id), added: row.add_state_ids }));
}

/**
 * Reads events by their ids. If an event is in no timeline, reads it from the current state of its room, with the position 0.
 * Leaves out events that are in neither.
 */
export async function readEventsById(db: Knex, eventIds: readonly string[]): Promise<Map<string, StoredSyncEvent>> {
  if (eventIds.length === 0) return new Map();
  const { rows } = await db.raw<{ rows: Row[] }>(
    `SELECT room_id, event_id, id AS position, headered_event_json FROM public.syncapi_output_room_events
       WHERE event_id = ANY(:ids)
     UNION ALL SELECT room_id, event_id, 0, headered_event_json FROM public.syncapi_current_room_state
       WHERE event_id = ANY(:ids)
         AND event_id NOT IN (SELECT event_id FROM public.syncapi_output_room_events WHERE event_id = ANY(:ids))`,
    { ids: [...eventIds] },
  );
  return new Map(rows.map((row) => [row.event_id, storedEventOf(row)]));
}

/** A room, and a user whose member event in this room a caller wants to read. */
export interface WantedMember {
  readonly roomId: string;
  readonly userId: string;
}

/**
 * Reads the current state of rooms.
 * @param members if given, the function reads all state events of other types, but only the member events of these users
 * @defaultValue the function reads all state events
 */
export async function readCurrentState(
  db: Knex,
  roomIds: readonly string[],
  members?: readonly WantedMember[],
): Promise<StoredSyncEvent[]> {
  if (roomIds.length === 0) return [];
  const others = members === undefined ? '' : `AND type <> 'm.room.member'`;
  const { rows } = await db.raw<{ rows: Row[] }>(
    `SELECT room_id, event_id, coalesce(added_at, 0) AS position, headered_event_json
     FROM public.syncapi_current_room_state WHERE room_id = ANY(?) ${others} ORDER BY added_at`,
    [[...roomIds]],
  );
  return [...rows.map(storedEventOf), ...(members === undefined ? [] : await readMembers(db, members))];
}

/** Reads the current member event of each given user in the given room. */
export async function readMembers(db: Knex, members: readonly WantedMember[]): Promise<StoredSyncEvent[]> {
  if (members.length === 0) return [];
  const { rows } = await db.raw<{ rows: Row[] }>(
    `SELECT s.room_id, s.event_id, coalesce(s.added_at, 0) AS position, s.headered_event_json
     FROM unnest(?::text[], ?::text[]) AS m(room_id, user_id)
     JOIN public.syncapi_current_room_state s
       ON s.room_id = m.room_id AND s.type = 'm.room.member' AND s.state_key = m.user_id`,
    [members.map(({ roomId }) => roomId), members.map(({ userId }) => userId)],
  );
  return rows.map(storedEventOf);
}
