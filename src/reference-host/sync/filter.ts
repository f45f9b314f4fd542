import { z } from 'zod';
import { MatrixError } from '../../index.ts';

const names = z.array(z.string()).optional();
const limit = z.int().nonnegative().optional();

const eventFilterSchema = z.object({ limit, types: names, not_types: names, senders: names, not_senders: names });
const roomEventFilterSchema = eventFilterSchema.extend({
  rooms: names,
  not_rooms: names,
  contains_url: z.boolean().optional(),
  lazy_load_members: z.boolean().default(false),
});
const roomFilterSchema = z.object({
  rooms: names,
  not_rooms: names,
  timeline: roomEventFilterSchema.default({ lazy_load_members: false }),
  state: roomEventFilterSchema.default({ lazy_load_members: false }),
  ephemeral: roomEventFilterSchema.default({ lazy_load_members: false }),
  account_data: roomEventFilterSchema.default({ lazy_load_members: false }),
});
const filterSchema = z.object({
  room: roomFilterSchema.default(roomFilterSchema.parse({})),
  account_data: eventFilterSchema.default({}),
});

/** A filter of `/sync`, with the fields that this homeserver supports. Source: Client-Server API, "Filtering". */
export type SyncFilter = Readonly<z.output<typeof filterSchema>>;
type EventFilter = Readonly<z.output<typeof eventFilterSchema>>;
type RoomEventFilter = Readonly<z.output<typeof roomEventFilterSchema>>;

/** Maximum number of events of a room's timeline, if the filter sets no limit. */
const DEFAULT_TIMELINE = 10;
/** Maximum number of events of a room's timeline, even if the filter sets a higher limit. */
const LONGEST_TIMELINE = 100;

/** Parses a filter. @throws MatrixError `M_BAD_JSON` that names the first wrong field */
export function parseFilter(filter: unknown): SyncFilter {
  const parsed = filterSchema.safeParse(filter);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MatrixError('M_BAD_JSON', `filter: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is wrong'}`);
}

export function timelineLimitOf({ room: { timeline } }: SyncFilter): number {
  return Math.min(timeline.limit ?? DEFAULT_TIMELINE, LONGEST_TIMELINE);
}

const matches = (pattern: string, type: string): boolean =>
  pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern;

/** Tells whether a filter allows events of a type. An asterisk at the end of a pattern stands for any characters. */
export function takesType({ types, not_types: notTypes = [] }: EventFilter, type: string): boolean {
  if (notTypes.some((pattern) => matches(pattern, type))) return false;
  return types === undefined || types.some((pattern) => matches(pattern, type));
}

/** Tells whether a filter allows events of a sender. */
export function takesSender({ senders, not_senders: notSenders = [] }: EventFilter, sender: string): boolean {
  return !notSenders.includes(sender) && (senders === undefined || senders.includes(sender));
}

/** Tells whether a filter allows events of a room. */
export function takesRoom(
  { rooms, not_rooms: notRooms = [] }: Pick<RoomEventFilter, 'rooms' | 'not_rooms'>,
  roomId: string,
): boolean {
  return !notRooms.includes(roomId) && (rooms === undefined || rooms.includes(roomId));
}
