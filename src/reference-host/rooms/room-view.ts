import type { Knex } from 'knex';
import { type IdentifiedEvent, listCurrentState, type PlacedEvent, readStateAt } from '../../homeserver/index.ts';
import { type EventId, MatrixError, type RoomId, type UserId } from '../../index.ts';
import { isRecord } from '../../matrix/index.ts';
import { readVisibilities } from '../storage/client-events.ts';
import { findMembership, listMembershipChanges, type MembershipChange } from '../storage/memberships.ts';

/** The facts about a user and a room that decide which of the room's events the user may see. */
export interface RoomView {
  readonly roomId: RoomId;
  /** All changes of the user's membership in the room, oldest first. */
  readonly changes: readonly MembershipChange[];
  /**
   * The member event with which the user has left the room or was banned. `undefined` if the user may see the current state.
   */
  readonly leftWith: EventId | undefined;
}

/** The numbers that Dendrite stores for these history visibilities. For `joined`, Dendrite stores 4. */
const VISIBILITY = { worldReadable: 1, shared: 2, invited: 3 };

const noMember = (): MatrixError => new MatrixError('M_FORBIDDEN', 'You are not in this room');

/**
 * Reads the facts that decide what a user may see of a room. The user must be in the room, or must have joined it once and then
 * have left it or been banned. Everybody may see a room whose history is readable by the world.
 * @throws MatrixError `M_FORBIDDEN` for other users
 */
export async function viewRoom(db: Knex, roomId: RoomId, userId: UserId): Promise<RoomView> {
  const changes = await listMembershipChanges(db, roomId, userId);
  const current = await findMembership(db, roomId, userId);
  if (current?.membership === 'join' || (await isWorldReadable(db, roomId))) {
    return { roomId, changes, leftWith: undefined };
  }
  const hasLeft = current?.membership === 'leave' || current?.membership === 'ban';
  if (!hasLeft || !changes.some(({ membership }) => membership === 'join')) throw noMember();
  return { roomId, changes, leftWith: current.eventId };
}

/** Checks that a user has joined a room. @throws MatrixError `M_FORBIDDEN` if the user has not joined */
export async function requireJoined(db: Knex, roomId: RoomId, userId: UserId): Promise<void> {
  if ((await findMembership(db, roomId, userId))?.membership !== 'join') throw noMember();
}

async function isWorldReadable(db: Knex, roomId: RoomId): Promise<boolean> {
  const [visibility] = await listCurrentState(db, roomId, { type: 'm.room.history_visibility' });
  const content = visibility?.event.content;
  return isRecord(content) && content.history_visibility === 'world_readable';
}

/**
 * Reads the state that the user may see: the current state of the room or, if the user has left, the state just after the
 * leave.
 * @param type the type of the state events to read @defaultValue all types
 */
export async function readVisibleState(
  db: Knex,
  { roomId, leftWith }: RoomView,
  type?: string,
): Promise<readonly IdentifiedEvent[]> {
  if (leftWith === undefined) return listCurrentState(db, roomId, { type });
  return readStateAt(db, leftWith, type === undefined ? {} : { types: [type] });
}

/**
 * Returns those of the given events that the user may see. If the history visibility at an event is unknown, it counts as
 * `shared`. Source: Client-Server API, "Room History Visibility".
 */
export async function keepVisible(
  db: Knex,
  { changes }: RoomView,
  events: readonly PlacedEvent[],
): Promise<PlacedEvent[]> {
  const visibilities = await readVisibilities(
    db,
    events.map(({ eventId }) => eventId),
  );
  return events.filter(({ eventId, streamPosition }) => {
    const visibility = visibilities.get(eventId) ?? VISIBILITY.shared;
    if (visibility === VISIBILITY.worldReadable) return true;
    // `before` is the user's membership before the event. `at` is the new membership if the event itself changes the user's
    // membership. The user may see such an event if the old or the new membership allows it.
    const before = changes.findLast(({ position }) => position < streamPosition)?.membership;
    const at = changes.find(({ position }) => position === streamPosition)?.membership;
    const has = (membership: string): boolean => before === membership || at === membership;
    if (has('join')) return true;
    if (visibility === VISIBILITY.invited) return has('invite');
    const joinsLater = changes.some(({ position, membership }) => position > streamPosition && membership === 'join');
    return visibility === VISIBILITY.shared && joinsLater;
  });
}
