import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isEventId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import { type ClientEvent, clientEventOf } from '../../matrix/client-event.ts';
import { readStateAt } from '../../storage/roomserver/state-at-event.ts';
import type { IdentifiedEvent } from '../../storage/syncapi/current-state.ts';
import { findPlacedEvent, listTimeline, type PlacedEvent } from '../../storage/syncapi/timeline.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { eventTypesInput } from './event-types-input.ts';
import { tokenAfter, tokenBefore } from './pagination-token.ts';

import { requireShownRoom } from './room-details.ts';

/** An event with its neighbours. */
export interface EventContext {
  readonly event: ClientEvent;
  /** Nearest first. */
  readonly eventsBefore: readonly ClientEvent[];
  readonly eventsAfter: readonly ClientEvent[];
  /** State after the last of these events. */
  readonly state: readonly ClientEvent[];
  /** Positions before the first and after the last of these events: where `listRoomMessages` goes on. */
  readonly start: string;
  readonly end: string;
}

/** Most neighbours that are shown. */
const MAX_NEIGHBOURS = 100;

/**
 * Shows an event with the events before and after it, for decisions about reports. Redacted events are not found. Synapse:
 * `GET /_synapse/admin/v1/rooms/{roomId}/context/{eventId}`.
 */
export const getEventContext = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room of the event. */
    roomId: z.string(),
    /** The event. */
    eventId: z.string(),
    /** How many neighbours, half of them before the event. At most 100 are shown. @defaultValue 10 */
    limit: z.int().min(0).default(10),
    /** Types of the neighbours and of the state. Other filters are not supported. @defaultValue all */
    filter: z.strictObject({ types: eventTypesInput.optional(), not_types: eventTypesInput.optional() }).default({}),
  }),
  run: async ({ db }, { roomId, eventId, limit, filter: wanted }): Promise<EventContext> => {
    const room = await requireShownRoom(db, roomId);
    const found = isEventId(eventId) ? await findPlacedEvent(db, room, eventId) : undefined;
    if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'Event not found.');
    if (isRedacted(found)) throw new MatrixError('M_NOT_FOUND', 'Event not found: it has been redacted');
    const size = Math.min(limit, MAX_NEIGHBOURS);
    const { streamPosition } = found;
    const filter = { types: wanted.types, notTypes: wanted.not_types };
    const half = Math.floor(size / 2);
    const { events: before } = await listTimeline(db, room, {
      direction: 'b',
      upTo: streamPosition - 1,
      limit: half,
      filter,
    });
    const { events: after } = await listTimeline(db, room, {
      direction: 'f',
      after: streamPosition,
      limit: size - half,
      filter,
    });
    const last = after.at(-1) ?? found;
    const now = Date.now();
    const shown = ({ eventId: id, event }: IdentifiedEvent): ClientEvent =>
      clientEventOf(event, { eventId: id, roomId: room, now });
    return {
      event: shown(found),
      eventsBefore: before.map(shown),
      eventsAfter: after.map(shown),
      state: (await readStateAt(db, last.eventId, filter)).map(shown),
      start: tokenBefore(before.at(-1) ?? found),
      end: tokenAfter(last),
    };
  },
});

const isRedacted = ({ event: { unsigned } }: PlacedEvent): boolean =>
  isRecord(unsigned) && unsigned.redacted_because !== undefined;
