import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import type { EventId, RoomId } from '../../ids.ts';
import type { Db } from '../../storage/database.ts';
import { isRoomShown } from '../../storage/roomserver/room-summaries.ts';
import { listTimeline, type TimelinePage } from '../../storage/syncapi/timeline.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { roomIdInput } from './room-id-input.ts';

/**
 * Number of events on each side of the position from `findPosition()` that `findNearest()` compares with the wanted time.
 * Events have the times of the servers that sent them. The clocks of servers differ, so the event with the nearest time may be
 * at another position.
 */
const NEIGHBOURS = 100;

/**
 * Finds the event in a room whose time is nearest to a given time, among the events at or after it, or among the events at or
 * before it. Ignores older events that the homeserver has fetched from other servers after a user joined. Synapse's route is
 * `GET /_synapse/admin/v1/rooms/{roomId}/timestamp_to_event`.
 * @throws MatrixError `M_NOT_FOUND` if the room has no such event
 */
export const findEventByTime = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
    /** The time, in ms since the epoch. */
    time: z.int().min(0),
    /**
     * `f` finds the event with the earliest time at or after the given time. `b` finds the event with the latest time at or
     * before the given time. @defaultValue `f`
     */
    direction: z.enum(['f', 'b']).default('f'),
  }),
  run: async (
    { db },
    { roomId, time, direction },
  ): Promise<{ readonly eventId: EventId; readonly originServerTs: number }> => {
    const found = (await isRoomShown(db, roomId)) ? await findNearest(db, roomId, time, direction) : undefined;
    if (found !== undefined) return { eventId: found.eventId, originServerTs: found.originServerTs };
    const where = direction === 'f' ? 'at or after' : 'at or before';
    throw new MatrixError('M_NOT_FOUND', `Unable to find an event ${where} ${time}`);
  },
});

/** An event and its time, in ms since the epoch. */
interface TimedEvent {
  readonly eventId: EventId;
  readonly streamPosition: number;
  readonly originServerTs: number;
}

async function listTimes(
  db: Db,
  roomId: RoomId,
  page: Pick<TimelinePage, 'after' | 'upTo' | 'direction' | 'limit'>,
): Promise<TimedEvent[]> {
  const { events } = await listTimeline(db, roomId, { ...page, withHistory: false });
  return events.map(({ eventId, streamPosition, event: { origin_server_ts: time } }) => ({
    eventId,
    streamPosition,
    originServerTs: typeof time === 'number' ? time : 0,
  }));
}

async function findNearest(
  db: Db,
  roomId: RoomId,
  time: number,
  direction: 'f' | 'b',
): Promise<TimedEvent | undefined> {
  const position = await findPosition(db, roomId, time);
  const before = await listTimes(db, roomId, { direction: 'b', upTo: position - 1, limit: NEIGHBOURS });
  const after = await listTimes(db, roomId, { direction: 'f', after: position - 1, limit: NEIGHBOURS });
  const sign = direction === 'f' ? 1 : -1;
  const [nearest] = [...before.reverse(), ...after]
    .map((event, place) => ({ event, place, distance: (event.originServerTs - time) * sign }))
    .filter(({ distance }) => distance >= 0)
    .sort((a, b) => a.distance - b.distance || (a.place - b.place) * sign);
  return nearest?.event;
}

/**
 * Finds the stream position of the first event at or after the time, by a binary search. If all events are earlier, returns the
 * position after the last event. The search needs no database index of times, but assumes that the times of events rise with
 * their stream positions.
 */
export async function findPosition(db: Db, roomId: RoomId, time: number): Promise<number> {
  const [first] = await listTimes(db, roomId, { direction: 'f', limit: 1 });
  const [last] = await listTimes(db, roomId, { direction: 'b', limit: 1 });
  let low = first?.streamPosition ?? 0;
  let high = (last?.streamPosition ?? 0) + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [event] = await listTimes(db, roomId, { direction: 'f', after: middle - 1, limit: 1 });
    if (event === undefined || event.originServerTs >= time) high = middle;
    else low = event.streamPosition + 1;
  }
  return low;
}
