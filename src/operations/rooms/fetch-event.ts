import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isEventId } from '../../ids.ts';
import { isRecord } from '../../json.ts';
import type { EventJson } from '../../matrix/room-version.ts';
import { findWholeEvent } from '../../storage/roomserver/whole-event.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';

/**
 * Finds an event in any room by the event's id. Returns all fields of the event, including those that clients do not get, such
 * as `auth_events`. Adds the fields `event_id`, `room_id` and `unsigned.age`. If the event was redacted, returns its redacted
 * form. Synapse's route is `GET /_synapse/admin/v1/fetch_event/{eventId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such event
 */
export const fetchEvent = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The id of the event. */
    eventId: z.string(),
  }),
  run: async ({ db }, { eventId }): Promise<EventJson> => {
    const found = isEventId(eventId) ? await findWholeEvent(db, eventId) : undefined;
    if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'Event not found');
    const { _room_version: _version, _event_id: _id, unsigned, origin_server_ts: sentAt, ...event } = found.event;
    const age = Date.now() - (typeof sentAt === 'number' ? sentAt : 0);
    return {
      ...event,
      event_id: eventId,
      room_id: found.roomId,
      origin_server_ts: sentAt,
      unsigned: { ...(isRecord(unsigned) && unsigned), age },
    };
  },
});
