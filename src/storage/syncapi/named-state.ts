import type { RoomId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { type Db, rowsOf } from '../database.ts';

/** The sender and content of a state event with an empty state key. The event belongs to the current state of its room. */
export interface NamedState {
  readonly sender: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/**
 * Reads those current state events of the given rooms that have one of the given types and an empty state key.
 * @returns the events by room and type
 */
export async function readNamedState(
  db: Db,
  roomIds: readonly RoomId[],
  types: readonly string[],
): Promise<Map<RoomId, Map<string, NamedState>>> {
  const rows = await rowsOf<{ room_id: RoomId; type: string; sender: string; headered_event_json: string }>(
    db.raw(
      `SELECT room_id, type, sender, headered_event_json FROM public.syncapi_current_room_state
       WHERE room_id = ANY(?) AND type = ANY(?) AND state_key = ''`,
      [[...roomIds], [...types]],
    ),
  );
  const rooms = new Map<RoomId, Map<string, NamedState>>();
  for (const row of rows) {
    const state = rooms.get(row.room_id) ?? new Map<string, NamedState>();
    rooms.set(row.room_id, state.set(row.type, { sender: row.sender, content: contentOf(row.headered_event_json) }));
  }
  return rooms;
}

function contentOf(json: string): Readonly<Record<string, unknown>> {
  const event: unknown = JSON.parse(json);
  return isRecord(event) && isRecord(event.content) ? event.content : {};
}

/** Reads the text under `key` in the content of a state event. Returns `null` if there is no text, or if the text is empty. */
export function textOf(state: NamedState | undefined, key: string): string | null {
  const value = state?.content[key];
  return typeof value === 'string' && value !== '' ? value : null;
}
