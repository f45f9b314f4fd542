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

/** What a received event is to the room, as a draft would be. */
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

/** Judges an event by the state of a room. Returns why it is not allowed. */
export function refusalBy(state: RoomState['events'], checked: CheckedEvent, version: RoomVersion): string | undefined {
  const judged = judgedAs(checked, () => undefined);
  return authorise(judged, (type, stateKey) => state.get(stateName(type, stateKey))?.event, version);
}

/**
 * Writes an event of another server into a room, once its signatures have been verified. It must be allowed by its auth
 * events and by the room's current state, and follow events that the room has: none are fetched. The state before it is
 * taken to be the room's current one: where servers have changed the same state at once, what comes last stands, if the
 * other lets it, whereas the room versions would have the two resolved.
 * Server-Server API, "Checks performed on receipt of a PDU", 4 to 6.
 * @param settings `isTold`: a server that lets another's user in or out tells the others; else nobody needs to be told
 * @returns the servers that it was queued for; `undefined` when the room has it already
 * @throws MatrixError `M_FORBIDDEN`, `M_NOT_FOUND` for a room or for events before it that are not known, `M_BAD_STATE`
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
    throw new MatrixError('M_NOT_FOUND', 'the events before it are not known');
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

/** The event as part of the room, by the state before it. */
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
