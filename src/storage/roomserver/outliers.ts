import type { Knex } from 'knex';
import type { EventId } from '../../ids.ts';
import { type Db, rowsOf } from '../database.ts';

/**
 * Finds the NIDs of the given events. The result lacks events that are not stored. A NID is the number that Dendrite gives an
 * event or a text.
 */
export async function findEventNids(db: Db, eventIds: readonly EventId[]): Promise<Map<EventId, number>> {
  const rows = await rowsOf<{ event_id: EventId; event_nid: string }>(
    db.raw('SELECT event_id, event_nid FROM public.roomserver_events WHERE event_id = ANY(?)', [[...eventIds]]),
  );
  return new Map(rows.map((row) => [row.event_id, Number(row.event_nid)]));
}

/** An event that is stored without the room's state before it. */
export interface Outlier {
  readonly eventNid: number;
  readonly eventId: EventId;
  readonly typeNid: number;
  /** NID of the state key. 0 if the event is not a state event. */
  readonly stateKeyNid: number;
  readonly depth: number;
  readonly authEventNids: readonly number[];
  /** Canonical JSON of the event, as servers send it to each other. */
  readonly json: string;
}

/** Stores outliers. Other events refer to them, but clients do not get them, and the room's state before them is unknown. */
export async function insertOutliers(
  transaction: Knex.Transaction,
  roomNid: number,
  outliers: readonly Outlier[],
): Promise<void> {
  if (outliers.length === 0) return;
  await transaction.raw(
    `WITH new AS (
       SELECT * FROM unnest(CAST(:eventNids AS bigint[]), CAST(:typeNids AS bigint[]), CAST(:stateKeyNids AS bigint[]),
         CAST(:depths AS bigint[]), CAST(:eventIds AS text[]), CAST(:authEventNids AS text[]), CAST(:jsons AS text[]))
       AS e(event_nid, type_nid, state_key_nid, depth, event_id, auth_event_nids, json)),
     stored AS (
       INSERT INTO public.roomserver_event_json (event_nid, event_json) SELECT event_nid, json FROM new)
     INSERT INTO public.roomserver_events
       (event_nid, room_nid, event_type_nid, event_state_key_nid, depth, event_id, auth_event_nids)
     SELECT event_nid, :roomNid, type_nid, state_key_nid, depth, event_id, auth_event_nids::bigint[] FROM new`,
    {
      roomNid,
      eventNids: outliers.map(({ eventNid }) => eventNid),
      typeNids: outliers.map(({ typeNid }) => typeNid),
      stateKeyNids: outliers.map(({ stateKeyNid }) => stateKeyNid),
      depths: outliers.map(({ depth }) => depth),
      eventIds: outliers.map(({ eventId }) => eventId),
      authEventNids: outliers.map(({ authEventNids }) => `{${authEventNids.join(',')}}`),
      jsons: outliers.map(({ json }) => json),
    },
  );
}
