import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { isRoomAlias, isRoomId, type RoomId } from '../../ids.ts';
import { findRoomOfAlias } from '../../storage/roomserver/room-aliases.ts';
import type { OperationServices } from '../define-operation.ts';

/** A room id of any room version, as an operation takes it. Callers may pass any string: the schema checks it. */
export const roomIdInput: z.ZodType<RoomId, string> = z.custom<RoomId>(
  (value) => typeof value === 'string' && isRoomId(value),
  'not a room id',
);

/**
 * A room id or a local alias of the room. The operation has `resolve: resolveRoomId`, so that nothing after the validation sees
 * the alias.
 */
export const roomIdOrAliasInput: z.ZodType<RoomId, string> = z.custom<RoomId>(
  (value) => typeof value === 'string' && (isRoomId(value) || isRoomAlias(value)),
  'neither a room id nor a room alias',
);

/** Replaces a room's alias in an input by the room's id. @throws MatrixError `M_NOT_FOUND` if no room has the alias */
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
