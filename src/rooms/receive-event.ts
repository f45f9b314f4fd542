import type { Knex } from 'knex';
import { MatrixError } from '../errors.ts';
import type { EventId, RoomId, ServerName } from '../ids.ts';
import { stateName } from '../matrix/auth-events.ts';
import { authorise } from '../matrix/authorise.ts';
import { authoriseByAuthEvents, type CheckedEvent, checkEvent, judgedAs } from '../matrix/check-event.ts';
import { type RoomVersion, roomVersionOf } from '../matrix/room-version.ts';
import { allocateIds } from '../storage/allocate-ids.ts';
import { findEvents, findPlacedEvents, type StoredEvent } from '../storage/roomserver/events.ts';
import { findEventNids } from '../storage/roomserver/outliers.ts';
import type { StoredRoom } from '../storage/roomserver/rooms.ts';
import { type ChainLink, linkOf, neededState, type RoomEventDraft } from './event-chain.ts';
import type { RoomState } from './room-states.ts';
import { requireRoom } from './room-writer.ts';
import { writeChain } from './write-chain.ts';
import type { ChainSettings } from './written-chain.ts';

/** Returns a received event as a draft, because the functions that build a chain of events take drafts. */
function draftOf({ type, sender, stateKey, content, event: { redacts } }: CheckedEvent): RoomEventDraft {
  const target = content.redacts ?? redacts;
  return {
    type,
    sender,
    content,
    ...(stateKey !== undefined && { stateKey }),
    ...(type === 'm.room.redaction' && typeof target === 'string' && { redacts: target as EventId }),
  };
}

/**
 * Checks whether the state of a room allows an event.
 * @returns the reason why the event is not allowed; `undefined` if it is allowed
 */
export function refusalBy(state: RoomState['events'], checked: CheckedEvent, version: RoomVersion): string | undefined {
  const judged = judgedAs(checked, () => undefined);
  return authorise(judged, (type, stateKey) => state.get(stateName(type, stateKey))?.event, version);
}

/**
 * Writes an event of another server into a room. The caller has verified the signatures of the event. The event's auth events
 * and the room's current state must both allow the event. The homeserver must have the event's previous events in the room's
 * timeline, because this function fetches no missing events.
 *
 * Simplification: the room's current state counts as the state before the event. If two servers change the same state at the
 * same time, the event that arrives later wins if it is allowed. The room versions demand state resolution instead. Source:
 * Server-Server API, "Checks performed on receipt of a PDU", 4 to 6.
 *
 * @param settings `isTold` selects the servers for which the event is queued. If this homeserver accepts the join or leave of
 * another server's user, it must send the event to the other servers in the room. Other received events need not be sent.
 * @returns the servers for which the event was queued; `undefined` if the room already has the event
 * @throws MatrixError `M_FORBIDDEN` if the event is not allowed, `M_NOT_FOUND` if the room or a previous event is unknown,
 * `M_BAD_STATE` while the room is being purged
 */
export async function receiveEvent(
  transaction: Knex.Transaction,
  roomId: RoomId,
  checked: CheckedEvent,
  settings: ChainSettings,
): Promise<readonly ServerName[] | undefined> {
  const room = await requireRoom(transaction, roomId);
  const placed = await findPlacedEvents(transaction, room.roomNid, [checked.eventId, ...checked.prevEventIds]);
  if (placed.has(checked.eventId)) return undefined;
  const prevEvents = checked.prevEventIds.flatMap((id) => placed.get(id) ?? []);
  if (prevEvents.length === 0 || prevEvents.length < checked.prevEventIds.length) {
    throw new MatrixError('M_NOT_FOUND', 'the previous events are unknown');
  }
  const version = roomVersionOf(room.version);
  const draft = draftOf(checked);
  const state = await settings.states.load(transaction, room.stateSnapshotNid, neededState(draft, version));
  const reason =
    (await refusalByAuthEvents(transaction, room, state, checked)) ?? refusalBy(state.events, checked, version);
  if (reason !== undefined) throw new MatrixError('M_FORBIDDEN', reason);
  const link = await placeEvent(transaction, state, checked, prevEvents, version);
  return writeChain(transaction, room, state, [link], settings);
}

async function refusalByAuthEvents(
  transaction: Knex.Transaction,
  room: StoredRoom,
  { events }: RoomState,
  checked: CheckedEvent,
): Promise<string | undefined> {
  const { roomId, roomNid } = room;
  const version = roomVersionOf(room.version);
  const stored = await findEvents(transaction, roomNid, [...checked.authEventIds, ...checked.prevEventIds]);
  const known = stored.flatMap(({ event }) => checkEvent(event, roomId, version) ?? []);
  const create = events.get(stateName('m.room.create', ''));
  const createEvent = create && checkEvent(create.event, roomId, version);
  return authoriseByAuthEvents(checked, (id) => known.find(({ eventId }) => eventId === id), createEvent, version);
}

/**
 * Links a received event to its previous events and to the state before it, and allocates its ids. As auth events, the link has
 * those that the event itself lists.
 */
export async function placeEvent(
  transaction: Knex.Transaction,
  state: RoomState,
  checked: CheckedEvent,
  prevEvents: readonly StoredEvent[],
  version: RoomVersion,
): Promise<ChainLink> {
  const { eventId, event, depth } = checked;
  const known = await findEventNids(transaction, [eventId, ...checked.authEventIds]);
  const [ids] = await allocateIds(transaction, 1);
  if (ids === undefined) throw new Error('no ids have been allocated');
  const link = linkOf(
    state.events,
    { draft: draftOf(checked), stored: { eventNid: ids.eventNid, eventId, event, depth }, ids, prevEvents },
    version,
  );
  const own = checked.authEventIds.flatMap((id) => known.get(id) ?? []);
  return { ...link, authEventNids: own };
}
