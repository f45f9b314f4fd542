import type { Knex } from 'knex';
import type { EventId } from '../../ids.ts';

/** A redaction. `validated` means that the homeserver has its target and has redacted it. */
export interface NotedRedaction {
  readonly redactionId: EventId;
  readonly targetId: EventId;
  readonly validated: boolean;
}

/** Records which event a redaction redacts. */
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

/** The target of a redaction, after its content has been removed. */
export interface RedactedEvent {
  readonly targetId: EventId;
  readonly targetNid: number;
  /** JSON of the redacted event, in the form that the roomserver stores and in the form that the sync API stores. */
  readonly roomserverJson: string;
  readonly syncJson: string;
}

/** Overwrites the stored event with its redacted form, in all tables that store events. */
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
