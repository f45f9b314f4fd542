import { z } from 'zod';
import { isRoomId, type RoomId } from '../../ids.ts';

/** A room id of any room version, as an operation takes it. Callers may pass any string: the schema checks it. */
export const roomIdInput: z.ZodType<RoomId, string> = z.custom<RoomId>(
  (value) => typeof value === 'string' && isRoomId(value),
  'not a room id',
);
