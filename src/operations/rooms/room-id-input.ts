import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isRoomAlias, isRoomId, type RoomId } from '../../ids.ts';
import { findRoomOfAlias } from '../../storage/roomserver/room-aliases.ts';
import type { OperationServices } from '../define-operation.ts';

/** Input field for a room id of any room version. Its input type is `string`, so that callers need no cast. */
export const roomIdInput: z.ZodType<RoomId, string> = z.custom<RoomId>(
  (value) => typeof value === 'string' && isRoomId(value),
  'not a room id',
);

/**
 * Input field for a room id or for a local alias of a room. The operation must have `resolve: resolveRoomId`, which replaces
 * the alias after the validation.
 */
export const roomIdOrAliasInput: z.ZodType<RoomId, string> = z.custom<RoomId>(
  (value) => typeof value === 'string' && (isRoomId(value) || isRoomAlias(value)),
  'neither a room id nor a room alias',
);

/** Replaces a room alias in `input.roomId` by the room's id. @throws MatrixError `M_NOT_FOUND` if no room has the alias */
export async function resolveRoomId<Input extends { readonly roomId: RoomId }>(
  { db }: Pick<OperationServices, 'db'>,
  input: Input,
): Promise<Input> {
  const given: string = input.roomId;
  if (!isRoomAlias(given)) return input;
  const roomId = await findRoomOfAlias(db, given);
  if (roomId === undefined) throw new MatrixError('M_NOT_FOUND', `Room alias ${given} not found`);
  return { ...input, roomId };
}
