import type { Knex } from 'knex';
import type { RoomId, UserId } from '../ids.ts';
import { roomVersionOf } from '../matrix/room-version.ts';
import { findProfiles } from '../storage/userapi/profiles.ts';
import { DEFAULT_POWER_LEVELS } from './default-power-levels.ts';
import { stateDraftsOf } from './event-chain.ts';
import { joinOf } from './join-draft.ts';
import type { Appended, RoomWriter } from './room-writer.ts';

/** Dendrite's default room version. */
const ROOM_VERSION = '10';
const CREATOR_LEVEL = 100;

/**
 * Power levels of a replacement room, to which users are moved when their room is deleted. Only the creator may write in the
 * replacement room. When Synapse shuts down a room, it gives the same levels to the room that it creates for the users.
 */
const POWER_LEVELS = { ...DEFAULT_POWER_LEVELS, invite: 50, users_default: -10 };

/** Creates the replacement room, with the given creator and name. Everybody may join the room. */
export async function createReplacementRoom(
  transaction: Knex.Transaction,
  roomWriter: RoomWriter,
  { creator, name }: { readonly creator: UserId; readonly name: string },
): Promise<Appended> {
  const profiles = await findProfiles(transaction, [creator]);
  const users = roomVersionOf(ROOM_VERSION).privilegedCreators ? {} : { [creator]: CREATOR_LEVEL };
  const state = stateDraftsOf(creator);
  return roomWriter.create(transaction, {
    version: ROOM_VERSION,
    creator,
    content: {},
    drafts: [
      joinOf(creator, profiles.get(creator)),
      state('m.room.power_levels', { ...POWER_LEVELS, users }),
      state('m.room.join_rules', { join_rule: 'public' }),
      state('m.room.history_visibility', { history_visibility: 'shared' }),
      state('m.room.name', { name }),
    ],
  });
}

/** Joins local users to the replacement room, one join event for each user. */
export async function joinReplacementRoom(
  transaction: Knex.Transaction,
  roomWriter: RoomWriter,
  roomId: RoomId,
  userIds: readonly UserId[],
): Promise<Appended> {
  const profiles = await findProfiles(transaction, userIds);
  return roomWriter.append(
    transaction,
    roomId,
    userIds.map((userId) => joinOf(userId, profiles.get(userId))),
  );
}
