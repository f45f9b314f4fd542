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

/** An event, with the events before and after it. */
export interface EventContext {
  readonly event: ClientEvent;
  /** Events before the event, nearest first. */
  readonly eventsBefore: readonly ClientEvent[];
  readonly eventsAfter: readonly ClientEvent[];
  /** State of the room after the last event in `eventsAfter`. If `eventsAfter` is empty, the state after `event`. */
  readonly state: readonly ClientEvent[];
  /**
   * The next two fields are pagination tokens for `listRoomMessages`. `start` is the place before the first shown event. `end`
   * is the place after the last shown event.
   */
  readonly start: string;
  readonly end: string;
}

/** Maximum number of events in `eventsBefore` and `eventsAfter` together. */
const MAX_NEIGHBOURS = 100;

/**
 * Shows an event with the events before and after it. Administrators need this context to decide about reports. For a redacted
 * event, the operation fails as if there were no such event. Synapse's route is `GET
 * /_synapse/admin/v1/rooms/{roomId}/context/{eventId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such room or event
 */
export const getEventContext = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room of the event. */
    roomId: z.string(),
    /** The id of the event. */
    eventId: z.string(),
    /**
     * Number of events around the event. Half of these events are before the event. Values above 100 count as 100.
     * @defaultValue 10
     */
    limit: z.int().min(0).default(10),
    /**
     * Filter by event type, for the events around the event and for the state. Other filters are not supported. @defaultValue
     * all types
     */
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
