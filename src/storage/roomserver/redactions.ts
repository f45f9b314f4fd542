import type { Knex } from 'knex';
import type { EventId } from '../../ids.ts';

/** A redaction. `validated`: its target is stored and has been redacted. */
export interface NotedRedaction {
  readonly redactionId: EventId;
  readonly targetId: EventId;
  readonly validated: boolean;
}

/** Stores which event a redaction redacts. */
export async function insertRedaction(
  transaction: Knex.Transaction,
  { redactionId, targetId, validated }: NotedRedaction,
): Promise<void> {
  await transaction.raw(
    `INSERT INTO public.roomserver_redactions (redaction_event_id, redacts_event_id, validated) VALUES (?, ?, ?)
     ON CONFLICT DO NOTHING`,
    [redactionId, targetId, validated],
  );
}

/** The target of a redaction, in its redacted form. */
export interface RedactedEvent {
  readonly targetId: EventId;
  readonly targetNid: number;
  /** The redacted event as the roomserver stores it, and as the sync API stores it. */
  readonly roomserverJson: string;
  readonly syncJson: string;
}

/** Overwrites a redacted event in all tables that store it. */
export async function applyRedaction(
  transaction: Knex.Transaction,
  { targetId, targetNid, roomserverJson, syncJson }: RedactedEvent,
): Promise<void> {
  await transaction.raw('UPDATE public.roomserver_event_json SET event_json = ? WHERE event_nid = ?', [
    roomserverJson,
    targetNid,
  ]);
  for (const table of ['syncapi_output_room_events', 'syncapi_current_room_state']) {
    await transaction.raw('UPDATE public.?? SET headered_event_json = ? WHERE event_id = ?', [
      table,
      syncJson,
      targetId,
    ]);
  }
  await transaction.raw('DELETE FROM public.syncapi_relations WHERE child_event_id = ?', [targetId]);
}
