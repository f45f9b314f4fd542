import { z } from 'zod';
import { type ClientEvent, clientEventOf } from '../../matrix/client-event.ts';
import { isRoomShown } from '../../storage/roomserver/room-summaries.ts';
import { listTimeline } from '../../storage/syncapi/timeline.ts';
import { defineOperation } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { eventTypesInput } from './event-types-input.ts';
import { streamPositionOf, TOKEN_OF_BEGINNING, tokenAfter, tokenBefore } from './pagination-token.ts';
import { roomIdInput } from './room-id-input.ts';

/** Maximum number of events on a page, as in Synapse. */
const MAX_EVENTS = 1_000;

const tokenInput = z.string().refine((token) => streamPositionOf(token) !== undefined, 'not a pagination token');
const senders = z.array(z.string().max(255)).max(100);

/** A page of a room's events. */
export interface RoomMessages {
  /** The events, in the order of `direction`. */
  readonly chunk: readonly ClientEvent[];
  readonly start: string;
  /**
   * Token at which the next page starts. Absent if `chunk` is empty, unless `filter` may still match events that were not read.
   */
  readonly end?: string;
}

/**
 * Lists a room's events in the order in which the homeserver received the events, page by page. The list is empty for an
 * unknown room. Synapse's route is `GET /_synapse/admin/v1/rooms/{roomId}/messages`.
 */
export const listRoomMessages = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
    /**
     * `end` of the previous page, or a token from `getEventContext` or from `/sync`. The page starts at the place of this
     * token. @defaultValue the first event for direction `f`, the last event for direction `b`
     */
    from: tokenInput.optional(),
    /** Token at which the list ends. @defaultValue the list ends at the last event in the chosen direction */
    to: tokenInput.optional(),
    /** `f` lists the oldest events first. `b` lists the newest first. @defaultValue `f` */
    direction: z.enum(['f', 'b']).default('f'),
    /** Maximum number of events on the page. Values above 1000 count as 1000. @defaultValue 10 */
    limit: z.int().min(0).default(10),
    /**
     * Filter by event type, by sender, and by whether the content has a `url`. Other filters are not supported. @defaultValue
     * all events
     */
    filter: z
      .strictObject({
        types: eventTypesInput.optional(),
        not_types: eventTypesInput.optional(),
        senders: senders.optional(),
        not_senders: senders.optional(),
        contains_url: z.boolean().optional(),
      })
      .default({}),
  }),
  run: async ({ db }, { roomId, from, to, direction, limit, filter: wanted }): Promise<RoomMessages> => {
    const isBackwards = direction === 'b';
    const start = from ?? TOKEN_OF_BEGINNING;
    if (limit === 0 || !(await isRoomShown(db, roomId))) return { chunk: [], start };
    const [near, far] = [from, to].map((token) => (token === undefined ? undefined : streamPositionOf(token)));
    const [after, upTo] = isBackwards ? [far, near] : [near, far];
    const { events, lookedUpTo } = await listTimeline(db, roomId, {
      direction,
      after,
      upTo,
      limit: Math.min(limit, MAX_EVENTS),
      filter: {
        types: wanted.types,
        notTypes: wanted.not_types,
        senders: wanted.senders,
        notSenders: wanted.not_senders,
        containsUrl: wanted.contains_url,
      },
    });
    const [first, last] = [events[0], events.at(-1)];
    const beyond = isBackwards ? tokenBefore : tokenAfter;
    const end = lookedUpTo === undefined ? last && beyond(last) : tokenBeyond(lookedUpTo, isBackwards);
    const now = Date.now();
    return {
      chunk: events.map(({ eventId, event }) => clientEventOf(event, { eventId, roomId, now })),
      start: from === undefined && isBackwards && first !== undefined ? tokenAfter(first) : start,
      ...(end !== undefined && { end }),
    };
  },
});

/**
 * Makes the token for the place after the event at a stream position, or before it if `isBackwards` is true. The token has the
 * form that `/sync` uses, because the depth of the event is unknown.
 */
const tokenBeyond = (position: number, isBackwards: boolean): string => `s${isBackwards ? position - 1 : position}`;
