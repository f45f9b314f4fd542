import { isUserId, type RoomId } from '../../ids.ts';
import type { RoomEventDraft } from '../../rooms/event-chain.ts';
import type { WriteScope } from '../define-operation.ts';

/**
 * Adds events to a room. If the room refuses one of the events, throws an error, so that the transaction adds none of them.
 * After the commit, tells the host what has changed.
 * @throws MatrixError the error of the first event that was refused; errors of `roomWriter.append()`
 */
export async function appendAll(
  { transaction, afterCommit, announce, roomWriter }: WriteScope,
  roomId: RoomId,
  drafts: readonly RoomEventDraft[],
): Promise<void> {
  const { refused, destinations } = await roomWriter.append(transaction, roomId, drafts);
  if (refused[0] !== undefined) throw refused[0].error;
  const users = drafts.flatMap(({ type, stateKey = '' }) =>
    type === 'm.room.member' && isUserId(stateKey) ? [stateKey] : [],
  );
  afterCommit(() => announce({ rooms: [roomId], users: [...new Set(users)], destinations }));
}
