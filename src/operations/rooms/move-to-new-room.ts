import type { Knex } from 'knex';
import { isUserId, type RoomId, type UserId } from '../../ids.ts';
import { createReplacementRoom, joinReplacementRoom } from '../../rooms/replacement-room.ts';
import type { Appended } from '../../rooms/room-writer.ts';
import { moveAliases } from '../../storage/roomserver/room-aliases.ts';
import type { AfterCommit } from '../../storage/transact.ts';
import type { JobScope } from '../define-operation.ts';
import type { DeletionProgress, TrackedDeletion } from './room-deletions.ts';

/** Maximum number of users who join the new room in one transaction. */
const BATCH = 1_000;
const ROOM_NAME = 'Content Violation Notification';
const MESSAGE = 'The room that you were in was closed by the administrators of this server.';

const announced = (work: JobScope<DeletionProgress>, { roomId, events, destinations }: Appended): void =>
  work.announce({ rooms: [roomId], users: events.map(({ draft }) => draft.sender), destinations });

/** Creates the new room, unless an earlier run of the job has created it. */
export async function makeNewRoom(
  work: JobScope<DeletionProgress>,
  tracked: TrackedDeletion,
  { roomName = ROOM_NAME }: { readonly roomName?: string | undefined },
  creator: UserId,
): Promise<void> {
  if (tracked.progress().newRoomId !== undefined) return;
  await tracked.step('new room', async (transaction, afterCommit) => {
    const made = await createReplacementRoom(transaction, work.roomWriter, { creator, name: roomName });
    afterCommit(() => announced(work, made));
    return [{ newRoomId: made.roomId, moved: 0 }, undefined];
  });
}

/** Makes users join the new room. Skips the creator of the new room, who is already in the room. */
export async function joinNewRoom(
  work: JobScope<DeletionProgress>,
  transaction: Knex.Transaction,
  afterCommit: AfterCommit,
  newRoomId: RoomId,
  users: readonly UserId[],
  creator: UserId | undefined,
): Promise<void> {
  const others = users.filter((userId) => userId !== creator);
  const joined = await joinReplacementRoom(transaction, work.roomWriter, newRoomId, others);
  afterCommit(() => announced(work, joined));
}

/**
 * Returns the user ids among the job's items, a list that the database stores for the job. These users have left the old room.
 */
export const userIdsOf = (items: readonly string[]): UserId[] => items.filter(isUserId);

/**
 * Makes the users who have left the old room join the new room. Then moves the old room's local aliases to the new room, and
 * sends the message there. Does nothing if there is no new room.
 */
export async function moveUsers(
  work: JobScope<DeletionProgress>,
  tracked: TrackedDeletion,
  { roomId, message = MESSAGE }: { readonly roomId: RoomId; readonly message?: string | undefined },
  creator: UserId,
): Promise<void> {
  const { newRoomId } = tracked.progress();
  if (newRoomId === undefined) return;
  for (;;) {
    const { moved = 0 } = tracked.progress();
    const users = userIdsOf(await work.items.listAdded(work.reader(), moved, BATCH));
    if (users.length === 0) break;
    await tracked.step('move', async (transaction, afterCommit) => {
      await joinNewRoom(work, transaction, afterCommit, newRoomId, users, creator);
      return [{ moved: moved + users.length }, undefined];
    });
  }
  if (tracked.progress().aliases !== undefined) return;
  await tracked.step('move', async (transaction, afterCommit) => {
    const aliases = await moveAliases(transaction, roomId, { to: newRoomId, creator });
    const content = { msgtype: 'm.text', body: message };
    const said = await work.roomWriter.append(transaction, newRoomId, [
      { type: 'm.room.message', sender: creator, content },
    ]);
    afterCommit(() => announced(work, said));
    return [{ aliases }, undefined];
  });
}
