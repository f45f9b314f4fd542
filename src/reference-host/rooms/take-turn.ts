import type { Knex } from 'knex';
import { lockRoom, type StoredRoom } from '../../homeserver/index.ts';
import { MatrixError, type RoomId, type RoomStates } from '../../index.ts';
import { membershipOf, type PowerState, stateName } from '../../matrix/index.ts';
import type { Device } from '../storage/devices.ts';

/** A locked room, and the state events that decide the power levels of its members. */
export interface RoomTurn {
  readonly room: StoredRoom;
  readonly power: PowerState;
}

/**
 * Locks a room until the end of the transaction, so that no other transaction writes events into the room. Checks that the user
 * is in the room.
 * @throws MatrixError `M_FORBIDDEN` if the user has not joined the room, or the room does not exist
 */
export async function takeTurn(
  states: RoomStates,
  transaction: Knex.Transaction,
  roomId: RoomId,
  { userId }: Device,
): Promise<RoomTurn> {
  const room = await lockRoom(transaction, roomId);
  const state =
    room &&
    (await states.load(transaction, room.stateSnapshotNid, [
      ['m.room.create', ''],
      ['m.room.power_levels', ''],
      ['m.room.member', userId],
    ]));
  const create = state?.events.get(stateName('m.room.create', ''))?.event;
  const member = state?.events.get(stateName('m.room.member', userId))?.event;
  if (room === undefined || create === undefined || membershipOf(member) !== 'join') {
    throw new MatrixError('M_FORBIDDEN', 'You are not in this room');
  }
  return { room, power: { create, powerLevels: state?.events.get(stateName('m.room.power_levels', ''))?.event } };
}
