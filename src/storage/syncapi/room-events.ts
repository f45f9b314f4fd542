import type { Knex } from 'knex';
import type { EventId, RoomId } from '../../ids.ts';
import { batchesOf } from '../batches.ts';
import { rowsOf } from '../database.ts';
import type { Write } from '../write-together.ts';

/** Maximum number of ids that one `UPDATE` statement appends to the list of ids in a column. */
const IDS = 10_000;

/** A new event, in the form of the tables from which `/sync` reads. */
export interface NewSyncEvent {
  readonly streamId: number;
  readonly eventId: EventId;
  readonly type: string;
  readonly sender: string;
  /** `undefined` if the event is not a state event. */
  readonly stateKey: string | undefined;
  /** `undefined` if the event is not a member event. */
  readonly membership: string | undefined;
  readonly containsUrl: boolean;
  readonly depth: number;
  /** Id of the state event that this event replaces. `undefined` if this event replaces none. */
  readonly replaces: EventId | undefined;
  /**
   * The number that Dendrite stores for the room's history visibility: 1 for world_readable, 2 for shared, 3 for invited, 4 for
   * joined.
   */
  readonly historyVisibility: number;
  /** Session id of the device that sent the event. `undefined` if no client request of a device sent the event. */
  readonly sessionId: number | undefined;
  /**
   * Transaction id of the client request that sent the event. `undefined` if the request had none, or if no client request sent
   * the event.
   */
  readonly transactionId: string | undefined;
  /** JSON of the event, with `unsigned` data and with the fields `_room_version` and `_event_id` that Dendrite adds. */
  readonly headeredJson: string;
}

/** Returns the statements that add events to the timeline of a room, and their positions to the topology table. */
export function insertSyncEvents(roomId: RoomId, events: readonly NewSyncEvent[]): Write[] {
  if (events.length === 0) return [];
  const streamIds = events.map(({ streamId }) => streamId);
  const eventIds = events.map(({ eventId }) => eventId);
  return [
    {
      sql: `INSERT INTO public.syncapi_output_room_events (id, room_id, event_id, headered_event_json, type, sender,
              contains_url, add_state_ids, remove_state_ids, session_id, transaction_id, history_visibility)
            SELECT id, ?, event_id, json, type, sender, contains_url,
              CASE WHEN is_state THEN ARRAY[event_id] END, CASE WHEN replaces <> '' THEN ARRAY[replaces] END,
              nullif(session_id, 0), nullif(transaction_id, ''), visibility
            FROM unnest(?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[], ?::boolean[], ?::boolean[], ?::text[],
                ?::bigint[], ?::text[], ?::smallint[])
              AS e(id, event_id, json, type, sender, contains_url, is_state, replaces, session_id, transaction_id, visibility)`,
      bindings: [
        roomId,
        streamIds,
        eventIds,
        events.map(({ headeredJson }) => headeredJson),
        events.map(({ type }) => type),
        events.map(({ sender }) => sender),
        events.map(({ containsUrl }) => containsUrl),
        events.map(({ stateKey }) => stateKey !== undefined),
        events.map(({ replaces }) => replaces ?? ''),
        events.map(({ sessionId }) => sessionId ?? 0),
        events.map(({ transactionId }) => transactionId ?? ''),
        events.map(({ historyVisibility }) => historyVisibility),
      ],
    },
    {
      sql: `INSERT INTO public.syncapi_output_room_events_topology
              (event_id, topological_position, stream_position, room_id)
            SELECT event_id, depth, id, ? FROM unnest(?::text[], ?::bigint[], ?::bigint[]) AS d(event_id, depth, id)`,
      bindings: [roomId, eventIds, events.map(({ depth }) => depth), streamIds],
    },
  ];
}

/** A `NewSyncEvent` that is a state event. */
export interface NewSyncState extends NewSyncEvent {
  readonly stateKey: string;
}

/**
 * Returns the statement that stores current state events. An event replaces the stored one of its type and state key but, as in
 * Dendrite, the stored history visibility stays. At most one event for each type and state key is allowed.
 */
export function upsertCurrentState(roomId: RoomId, events: readonly NewSyncState[]): Write[] {
  if (events.length === 0) return [];
  return [
    {
      sql: `INSERT INTO public.syncapi_current_room_state (room_id, event_id, type, sender, contains_url, state_key,
       headered_event_json, membership, added_at, history_visibility)
     SELECT ?, event_id, type, sender, contains_url, state_key, json, nullif(membership, ''), stream_id, visibility
     FROM unnest(?::text[], ?::text[], ?::text[], ?::boolean[], ?::text[], ?::text[], ?::text[], ?::bigint[], ?::smallint[])
       AS e(event_id, type, sender, contains_url, state_key, json, membership, stream_id, visibility)
     ON CONFLICT (room_id, type, state_key) DO UPDATE SET event_id = excluded.event_id, sender = excluded.sender,
       contains_url = excluded.contains_url, headered_event_json = excluded.headered_event_json,
       membership = excluded.membership, added_at = excluded.added_at`,
      bindings: [
        roomId,
        events.map(({ eventId }) => eventId),
        events.map(({ type }) => type),
        events.map(({ sender }) => sender),
        events.map(({ containsUrl }) => containsUrl),
        events.map(({ stateKey }) => stateKey),
        events.map(({ headeredJson }) => headeredJson),
        events.map(({ membership }) => membership ?? ''),
        events.map(({ streamId }) => streamId),
        events.map(({ historyVisibility }) => historyVisibility),
      ],
    },
  ];
}

/** A member event, with its stream id. */
export interface NewSyncMembership {
  readonly userId: string;
  readonly membership: string;
  readonly eventId: EventId;
  readonly streamId: number;
  readonly depth: number;
}

/**
 * For each user and each membership, Dendrite stores the newest member event. Returns the statement that stores such events. At
 * most one event for each user and membership is allowed.
 */
export function upsertSyncMemberships(roomId: RoomId, memberships: readonly NewSyncMembership[]): Write[] {
  if (memberships.length === 0) return [];
  return [
    {
      sql: `INSERT INTO public.syncapi_memberships (room_id, user_id, membership, event_id, stream_pos, topological_pos)
     SELECT ?, * FROM unnest(?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[])
     ON CONFLICT (room_id, user_id, membership) DO UPDATE SET event_id = excluded.event_id,
       stream_pos = excluded.stream_pos, topological_pos = excluded.topological_pos`,
      bindings: [
        roomId,
        memberships.map(({ userId }) => userId),
        memberships.map(({ membership }) => membership),
        memberships.map(({ eventId }) => eventId),
        memberships.map(({ streamId }) => streamId),
        memberships.map(({ depth }) => depth),
      ],
    },
  ];
}

/** Returns the statement that stores invites, so that `/sync` shows them to the invited users. */
export function insertSyncInvites(
  roomId: RoomId,
  invites: readonly { readonly eventId: EventId; readonly userId: string; readonly headeredJson: string }[],
): Write[] {
  if (invites.length === 0) return [];
  return [
    {
      sql: `INSERT INTO public.syncapi_invite_events (room_id, event_id, target_user_id, headered_event_json, deleted)
     SELECT ?, event_id, target, json, false FROM unnest(?::text[], ?::text[], ?::text[]) AS i(event_id, target, json)`,
      bindings: [
        roomId,
        invites.map(({ eventId }) => eventId),
        invites.map(({ userId }) => userId),
        invites.map(({ headeredJson }) => headeredJson),
      ],
    },
  ];
}

/**
 * Returns the statement that marks the pending invites of users as deleted. Each invite gets a new stream id, so that `/sync`
 * tells the user's clients.
 */
export function retireSyncInvites(roomId: RoomId, userIds: readonly string[]): Write[] {
  if (userIds.length === 0) return [];
  return [
    {
      sql: `UPDATE public.syncapi_invite_events SET deleted = true, id = nextval('public.syncapi_stream_id')
     WHERE room_id = ? AND target_user_id = ANY(?) AND NOT deleted`,
      bindings: [roomId, [...userIds]],
    },
  ];
}

/** Returns the statement that stores relations between events. */
export function insertRelations(
  roomId: RoomId,
  relations: readonly {
    readonly eventId: string;
    readonly childEventId: EventId;
    readonly childType: string;
    readonly relType: string;
  }[],
): Write[] {
  if (relations.length === 0) return [];
  return [
    {
      sql: `INSERT INTO public.syncapi_relations (room_id, event_id, child_event_id, child_event_type, rel_type)
     SELECT ?, * FROM unnest(?::text[], ?::text[], ?::text[], ?::text[]) ON CONFLICT DO NOTHING`,
      bindings: [
        roomId,
        relations.map(({ eventId }) => eventId),
        relations.map(({ childEventId }) => childEventId),
        relations.map(({ childType }) => childType),
        relations.map(({ relType }) => relType),
      ],
    },
  ];
}

/** Deletes a room's current state. @returns the ids of the deleted state events */
export async function deleteCurrentState(transaction: Knex.Transaction, roomId: RoomId): Promise<EventId[]> {
  const rows = await rowsOf<{ event_id: EventId }>(
    transaction.raw('DELETE FROM public.syncapi_current_room_state WHERE room_id = ? RETURNING event_id', [roomId]),
  );
  return rows.map(({ event_id }) => event_id);
}

/**
 * Each row of the timeline lists the state events that the row's event adds to the current state, and those that it removes
 * from the current state. Replaces these two lists in the row of the event `carrier` by `added` and `removed`.
 * @returns the stream id of the event `carrier`
 */
export async function noteStateChange(
  transaction: Knex.Transaction,
  carrier: EventId,
  added: readonly EventId[],
  removed: readonly EventId[],
): Promise<number> {
  const [row] = await rowsOf<{ id: string }>(
    transaction.raw(
      `UPDATE public.syncapi_output_room_events SET add_state_ids = '{}', remove_state_ids = '{}'
       WHERE event_id = ? RETURNING id`,
      [carrier],
    ),
  );
  for (const [column, ids] of [
    ['add_state_ids', added],
    ['remove_state_ids', removed],
  ] as const) {
    for (const batch of batchesOf(ids, IDS)) {
      await transaction.raw('UPDATE public.syncapi_output_room_events SET ?? = ?? || ?::text[] WHERE event_id = ?', [
        column,
        column,
        batch,
        carrier,
      ]);
    }
  }
  return Number(row?.id);
}
